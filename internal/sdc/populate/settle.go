package populate

import (
	"bytes"
	"slices"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/template"
)

// Settled is a response whose copies have been told from what is new.
type Settled struct {
	Response *fhir.QuestionnaireResponse
	// links are the copies that came back unchanged: by template node and the
	// repeat of the entry in the composition to be.
	links map[template.NodeID]map[int]Copy
	// Kept and Edited count the copies that came back as they were, and others.
	Kept, Edited int
}

// Settle compares a response with what it was filled with. A group that came
// back unchanged is put back as it was issued, to the last digit and with its
// own time; one that was edited is a new observation and loses the time of the
// old (DESIGN 5a rule 6), unless a person gave it another.
func Settle(f *sdc.Form, r *fhir.QuestionnaireResponse, copies []Copy) *Settled {
	out := &Settled{links: map[template.NodeID]map[int]Copy{}}
	settled := *r
	out.Response = &settled
	answered := map[template.NodeID]int{}
	repeats := map[string]int{}
	used := map[int]bool{}
	var walk func(items []fhir.ResponseItem) []fhir.ResponseItem
	walk = func(items []fhir.ResponseItem) []fhir.ResponseItem {
		list := slices.Clone(items)
		for n := range list {
			i := &list[n]
			item := f.Item(i.LinkID)
			if item == nil || item.Kind != sdc.Group {
				continue
			}
			if !item.Class.IsA(rminfo.ENTRY) {
				i.Item = walk(i.Item)
				continue
			}
			repeats[i.LinkID]++
			if !says(f, *i) {
				continue
			}
			place := answered[item.Node]
			answered[item.Node]++
			of := match(f, copies, used, i, repeats[i.LinkID])
			if of < 0 {
				continue
			}
			used[of] = true
			if same(f, copies[of].Group, i) {
				*i = *copies[of].Group
				if out.links[item.Node] == nil {
					out.links[item.Node] = map[int]Copy{}
				}
				out.links[item.Node][place] = copies[of]
				out.Kept++
				continue
			}
			i.Item = anew(f, copies[of].Group, i.Item)
			out.Edited++
		}
		return list
	}
	settled.Item = walk(r.Item)
	return out
}

// match finds the copy a group came from: by its key, or by its answers where a
// renderer lost the keys; -1 for a group that is new.
func match(f *sdc.Form, copies []Copy, used map[int]bool, group *fhir.ResponseItem, repeat int) int {
	key := keyOf(f, group)
	near := -1
	for n, c := range copies {
		if used[n] || c.Item.LinkID != group.LinkID {
			continue
		}
		switch {
		case key != "" && key == keyOf(f, c.Group), same(f, c.Group, group):
			return n
		case key == "" && (!c.Item.Repeats || c.Repeat == repeat):
			near = n
		}
	}
	return near
}

func keyOf(f *sdc.Form, group *fhir.ResponseItem) string {
	for _, i := range group.Item {
		if item := f.Item(i.LinkID); item != nil && item.Kind == sdc.Carrier && len(i.Answer) == 1 {
			return i.Answer[0].ValueString
		}
	}
	return ""
}

// says whether a group has any answer but its key.
func says(f *sdc.Form, i fhir.ResponseItem) bool {
	if item := f.Item(i.LinkID); item == nil || item.Kind == sdc.Carrier {
		return false
	}
	for _, a := range i.Answer {
		if !sdc.SameAnswer(&a, &fhir.Answer{}) {
			return true
		}
	}
	return slices.ContainsFunc(i.Item, func(c fhir.ResponseItem) bool { return says(f, c) })
}

// spoken are the items of a group that say something, but for keys.
func spoken(f *sdc.Form, items []fhir.ResponseItem) []fhir.ResponseItem {
	return slices.DeleteFunc(slices.Clone(items), func(i fhir.ResponseItem) bool { return !says(f, i) })
}

// same says whether a group came back with the answers it was issued with, but
// for what renderers are known to change.
func same(f *sdc.Form, issued, back *fhir.ResponseItem) bool {
	if issued.LinkID != back.LinkID || len(issued.Answer) != len(back.Answer) {
		return false
	}
	for n := range issued.Answer {
		if !sdc.SameAnswer(&issued.Answer[n], &back.Answer[n]) {
			return false
		}
	}
	a, b := spoken(f, issued.Item), spoken(f, back.Item)
	if len(a) != len(b) {
		return false
	}
	for n := range a {
		if !same(f, &a[n], &b[n]) {
			return false
		}
	}
	return true
}

// anew takes the times out of an edited group that are still those of the copy.
func anew(f *sdc.Form, issued *fhir.ResponseItem, items []fhir.ResponseItem) []fhir.ResponseItem {
	times := map[string][]fhir.Answer{}
	var collect func(i fhir.ResponseItem)
	collect = func(i fhir.ResponseItem) {
		if timing(f, i.LinkID) {
			times[i.LinkID] = append(times[i.LinkID], i.Answer...)
		}
		for _, c := range i.Item {
			collect(c)
		}
	}
	collect(*issued)
	var strip func(items []fhir.ResponseItem) []fhir.ResponseItem
	strip = func(items []fhir.ResponseItem) []fhir.ResponseItem {
		var out []fhir.ResponseItem
		for _, i := range items {
			if list := times[i.LinkID]; len(i.Answer) == 1 && slices.ContainsFunc(list, func(a fhir.Answer) bool { return sdc.SameAnswer(&a, &i.Answer[0]) }) {
				continue
			}
			i.Item = strip(i.Item)
			out = append(out, i)
		}
		return out
	}
	return strip(items)
}

// timing says whether an item is the time of an event or act.
func timing(f *sdc.Form, linkID string) bool {
	item := f.Item(linkID)
	return item != nil && item.Kind == sdc.Attribute && (item.Attr == rminfo.A_time || item.Attr == rminfo.A_origin)
}

// LinkType is the type of the LINK from a copy to where it was copied from.
const LinkType = "prefilled"

// Link adds to each unchanged copy the LINK to its source (RM 1.1.0, Common 3.3).
// ehr is the id of the record.
func (s *Settled) Link(f *sdc.Form, tree *rm.Tree, ehr string) (*rm.Tree, error) {
	var edits []rm.Edit
	for node, ids := range entries(f.Template, tree) {
		for n, id := range ids {
			c, ok := s.links[node][n]
			if !ok {
				continue
			}
			link, err := linkTo("ehr:/" + ehr + "/" + c.Source.Version + c.Path())
			if err != nil {
				return nil, err
			}
			edits = append(edits, rm.Edit{At: id, Into: true, Attr: rminfo.A_links, New: link})
		}
	}
	if edits == nil {
		return tree, nil
	}
	return tree.Splice(edits...)
}

func linkTo(target string) (*rm.Tree, error) {
	b := rm.NewBuilder(rm.Limits{}, 64)
	text := func(a rminfo.Attr, class rminfo.Class, s string) {
		b.Open(a, class)
		b.String(rminfo.A_value, rminfo.String, s)
		b.Close()
	}
	b.Open(0, rminfo.LINK)
	text(rminfo.A_meaning, rminfo.DV_TEXT, "copied unchanged from")
	text(rminfo.A_type, rminfo.DV_TEXT, LinkType)
	text(rminfo.A_target, rminfo.DV_EHR_URI, target)
	b.Close()
	return b.Tree()
}

// Revise looks after the copies in a composition that is edited: a copy that is
// no longer what was copied is a new observation, loses its link, and gets the
// time of the edit where its own time was not edited too.
func Revise(base, tree *rm.Tree, authored string) (*rm.Tree, error) {
	was := map[string][]rm.ID{}
	for id := rm.ID(0); int(id) < base.Len(); id++ {
		if target, _ := copiedFrom(base, id); target != "" {
			was[target] = append(was[target], id)
		}
	}
	if len(was) == 0 {
		return tree, nil
	}
	var edits []rm.Edit
	for id := rm.ID(0); int(id) < tree.Len(); id++ {
		target, link := copiedFrom(tree, id)
		if target == "" || slices.ContainsFunc(was[target], func(old rm.ID) bool {
			return bytes.Equal(canon.WriteJSON(nil, base, old), canon.WriteJSON(nil, tree, id))
		}) {
			continue
		}
		edits = append(edits, rm.Edit{At: link})
		for _, old := range was[target] {
			edits = append(edits, retimed(base, old, tree, id, authored)...)
			break
		}
	}
	if edits == nil {
		return tree, nil
	}
	return tree.Splice(edits...)
}

// copiedFrom is the target of the link of a copy, "" for anything else.
func copiedFrom(t *rm.Tree, id rm.ID) (target string, link rm.ID) {
	if t.Kind(id) != rm.Object || !t.Class(id).IsA(rminfo.ENTRY) {
		return "", rm.None
	}
	for link := range t.Children(id, rminfo.A_links) {
		if t.TextAt(link, rminfo.A_type, rminfo.A_value) == LinkType {
			return t.TextAt(link, rminfo.A_target, rminfo.A_value), link
		}
	}
	return "", rm.None
}

// retimed gives the times of an edited entry that are still those of the copy the
// time of the edit.
func retimed(base *rm.Tree, old rm.ID, tree *rm.Tree, id rm.ID, authored string) []rm.Edit {
	times := map[string]bool{}
	each := func(t *rm.Tree, entry rm.ID, visit func(value rm.ID)) {
		for n := entry + 1; n <= t.End(entry); n++ {
			owner := t.Class(t.Parent(n))
			if a := t.Attr(n); a == rminfo.A_origin && owner == rminfo.HISTORY || a == rminfo.A_time && (owner.IsA(rminfo.EVENT) || owner == rminfo.ACTION) {
				visit(n)
			}
		}
	}
	each(base, old, func(n rm.ID) { times[base.TextAt(n, rminfo.A_value)] = true })
	var edits []rm.Edit
	each(tree, id, func(n rm.ID) {
		if !times[tree.TextAt(n, rminfo.A_value)] {
			return
		}
		b := rm.NewBuilder(rm.Limits{}, 32)
		b.Open(0, rminfo.DV_DATE_TIME)
		b.String(rminfo.A_value, rminfo.String, authored)
		b.Close()
		if now, err := b.Tree(); err == nil {
			edits = append(edits, rm.Edit{At: n, New: now})
		}
	})
	return edits
}
