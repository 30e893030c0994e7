package binding

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
)

// memberFilled is a member of the rest of a response: when the form was filled
// for the first time, where that is not when it was filled last. What the answers
// leave open is of the first time.
const memberFilled = "filled"

// Trim takes out of a response what this server added to it when it was read: the
// id it has here, the parts of meta that are the server's, and the subject where
// the one before named none.
func (d *Draft) Trim(id string, before []byte) {
	if !gjson.GetBytes(before, "subject").Exists() {
		delete(d.rest, "subject")
	}
	if own, _ := d.rest["id"].(string); strings.EqualFold(own, id) {
		delete(d.rest, "id")
	}
	meta, ok := d.rest["meta"].(map[string]any)
	if !ok {
		return
	}
	delete(meta, "versionId")
	delete(meta, "lastUpdated")
	if len(meta) == 0 {
		delete(d.rest, "meta")
	}
}

// FilledFirst says when the form was filled for the first time.
func (d *Draft) FilledFirst(at string) { d.rest[memberFilled] = at }

// Before is the response that a composition was made of, as it was first filled.
type Before struct {
	// Text is the response with what was changed since.
	Text []byte
	// ID is the one it came with, Filled when it was first filled.
	ID, Filled string
	// Whole says that the composition holds nothing beside the response, so that
	// another response may take its place.
	Whole bool
}

// Before reads the composition that a response is to take the place of.
func (f *Form) Before(tree *rm.Tree) (Before, error) {
	var out Before
	fed := sdc.FeederOf(tree)
	var rest struct {
		ID     string `json:"id"`
		Filled string `json:"filled"`
	}
	var err error
	if out.Text, err = f.Respond(tree); err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(fed.Content), &rest); err != nil {
		return out, err
	}
	out.ID, out.Filled = rest.ID, rest.Filled
	if out.Filled == "" {
		out.Filled = fed.Time
	}
	d, err := f.Translate(out.Text, nil)
	if err != nil {
		return out, err
	}
	at := func(attrs ...rminfo.Attr) string { return tree.TextAt(tree.Root(), attrs...) }
	made, err := f.SDC.Compose(nil, d.Response, sdc.Facts{
		Composer: at(rminfo.A_composer, rminfo.A_name), Self: tree.Class(tree.Child(tree.Root(), rminfo.A_composer)) == rminfo.PARTY_SELF,
		Authored: out.Filled, Territory: at(rminfo.A_territory, rminfo.A_code_string),
	})
	if err != nil {
		return out, err
	}
	again, err := d.Seal(made.Tree, fed.Time)
	if err != nil {
		return out, err
	}
	same, err := f.alike(tree, again)
	out.Whole = same
	return out, err
}

// alike compares two compositions but for their uids and what they say of their
// form; of the generic archetype the answers count, not the words around them.
func (f *Form) alike(a, b *rm.Tree) (bool, error) {
	if f.room != nil {
		x, y := f.room.answers(a), f.room.answers(b)
		if len(x) != len(y) {
			return false, nil
		}
		for place := range x {
			if len(x[place]) != len(y[place]) {
				return false, nil
			}
		}
	}
	plain := func(t *rm.Tree) ([]byte, error) {
		var edits []rm.Edit
		for _, attr := range []rminfo.Attr{rminfo.A_uid, rminfo.A_feeder_audit} {
			if id := t.Child(t.Root(), attr); id != rm.None {
				edits = append(edits, rm.Edit{At: id})
			}
		}
		if f.room != nil {
			if at, missing := f.room.reach(t); len(missing) == 0 {
				for c := range t.Children(at, f.room.attr) {
					if t.ArchetypeNodeID(c) == Archetype {
						edits = append(edits, rm.Edit{At: c})
					}
				}
			}
		}
		t, err := t.Splice(edits...)
		if err != nil {
			return nil, err
		}
		return canon.WriteJSON(nil, t, t.Root()), nil
	}
	x, err := plain(a)
	if err != nil {
		return false, err
	}
	y, err := plain(b)
	return bytes.Equal(x, y), err
}

// Gone lists the questions that were answered before and are not any more.
func Gone(before, now []byte) []string {
	var out []string
	still := answered(now)
	for _, linkID := range answered(before) {
		if !slices.Contains(still, linkID) {
			out = append(out, linkID)
		}
	}
	return out
}

// answered lists the questions that a response answers, each once.
func answered(text []byte) (out []string) {
	value, err := decode(text)
	rest, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil
	}
	var walk func(list any)
	walk = func(list any) {
		for _, item := range objects(list) {
			linkID, _ := item["linkId"].(string)
			answers := objects(item["answer"])
			if len(answers) > 0 && !slices.Contains(out, linkID) {
				out = append(out, linkID)
			}
			for _, a := range answers {
				walk(a["item"])
			}
			walk(item["item"])
		}
	}
	walk(rest["item"])
	return out
}

// Shown writes members over those of a response, as a server adds them.
func Shown(response []byte, members map[string]any) ([]byte, error) {
	value, err := decode(response)
	rest, ok := value.(map[string]any)
	if err != nil || !ok {
		return response, err
	}
	for name, v := range members {
		own, isObject := rest[name].(map[string]any)
		added, both := v.(map[string]any)
		if !isObject || !both {
			rest[name] = v
			continue
		}
		for k, inner := range added {
			own[k] = inner
		}
	}
	return json.Marshal(rest)
}
