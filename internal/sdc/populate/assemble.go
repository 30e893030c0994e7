package populate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// Extensions of modular Questionnaires (SDC 4, Modular Forms).
const (
	extSub         = sdcBase + "subQuestionnaire"
	extExpectation = sdcBase + "assemble-expectation"
	extContext     = sdcBase + "assembleContext"
	extFrom        = sdcBase + "assembledFrom"
	// linkIDPrefix is the variable whose value goes before the linkIds of a part.
	linkIDPrefix = "linkIdPrefix"
)

// mostParts and deepestParts bound what one form may be put together from.
const (
	mostParts    = 200
	deepestParts = 10
)

// assembly is one form being put together.
type assembly struct {
	part  func(canonical string) ([]byte, error)
	notes []Note
	used  []string
	parts int
}

// object is a resource or element, its members as they were written.
type object = map[string]json.RawMessage

// Assemble puts a modular Questionnaire together: each item that stands for
// another Questionnaire gives way to the items of that, their linkIds behind the
// prefix that is asked for. part finds a Questionnaire by its canonical address.
// A form that is not modular comes back as it is.
func Assemble(questionnaire []byte, part func(canonical string) ([]byte, error)) ([]byte, []Note, error) {
	root, err := readQuestionnaire(questionnaire)
	if err != nil {
		return nil, nil, err
	}
	a := &assembly{part: part}
	if err := a.resource(root, nil); err != nil {
		return nil, nil, err
	}
	if len(a.used) == 0 {
		return questionnaire, a.notes, nil
	}
	if err := unique(root); err != nil {
		return nil, nil, err
	}
	drop(root, extExpectation)
	var list []json.RawMessage
	_ = json.Unmarshal(root["extension"], &list)
	for _, canonical := range a.used {
		list = append(list, written(map[string]string{"url": extFrom, "valueCanonical": canonical}))
	}
	root["extension"] = written(list)
	return written(root), a.notes, nil
}

// written is what this package makes, which can always be written.
func written(v any) json.RawMessage {
	text, _ := json.Marshal(v)
	return text
}

func readQuestionnaire(text []byte) (object, error) {
	var o object
	var kind string
	if err := json.Unmarshal(text, &o); err == nil {
		_ = json.Unmarshal(o["resourceType"], &kind)
	}
	if kind != "Questionnaire" {
		return nil, fault.New(fault.Invalid, "questionnaire", "this is no Questionnaire that can be read").With(fault.Issue{
			Path: "Questionnaire", Rule: "json", Expected: "Questionnaire", Found: kind, Message: "the resource cannot be read"})
	}
	return o, nil
}

// resource puts the items of one Questionnaire together; chain are the canonicals
// it was reached through.
func (a *assembly) resource(root object, chain []string) error {
	items, err := a.items(root, root, chain)
	if err == nil && items != nil {
		root["item"] = written(items)
	}
	return err
}

func list(o object, name string) ([]object, error) {
	if len(o[name]) == 0 {
		return nil, nil
	}
	var out []object
	if err := json.Unmarshal(o[name], &out); err != nil {
		return nil, fault.New(fault.Invalid, "questionnaire", "the member %s of the Questionnaire is no list of elements", name)
	}
	return out, nil
}

func textOf(o object, name string) string {
	var s string
	_ = json.Unmarshal(o[name], &s)
	return s
}

func (a *assembly) items(root, of object, chain []string) ([]object, error) {
	items, err := list(of, "item")
	if err != nil {
		return nil, err
	}
	var out []object
	for _, i := range items {
		canonical, prefix, err := modular(i)
		if err != nil {
			return nil, err
		}
		if canonical == "" {
			inner, err := a.items(root, i, chain)
			if err != nil {
				return nil, err
			}
			if inner != nil {
				i["item"] = written(inner)
			}
			out = append(out, i)
			continue
		}
		brought, err := a.bring(root, canonical, prefix, textOf(i, "linkId"), chain)
		if err != nil {
			return nil, err
		}
		out = append(out, brought...)
	}
	return out, nil
}

// modular says which Questionnaire an item stands for, "" where it is one of its
// own, and with what prefix.
func modular(i object) (canonical, prefix string, err error) {
	extensions, err := list(i, "extension")
	if err != nil {
		return "", "", err
	}
	for _, e := range extensions {
		switch textOf(e, "url") {
		case extSub:
			canonical = textOf(e, "valueCanonical")
		case extVariable:
			var v struct{ Name, Expression string }
			_ = json.Unmarshal(e["valueExpression"], &v)
			if v.Name == linkIDPrefix {
				prefix = strings.Trim(v.Expression, "'")
			}
		}
	}
	return canonical, prefix, nil
}

// bring gives the items of another Questionnaire, itself put together.
func (a *assembly) bring(root object, canonical, prefix, linkID string, chain []string) ([]object, error) {
	refuse := func(code, format string, args ...any) error {
		return fault.New(fault.Unprocessable, code, "the form cannot be put together").With(fault.Issue{
			Path: "Questionnaire.item.where(linkId='" + linkID + "')", FlatKey: linkID, Rule: code, Found: canonical, Message: fmt.Sprintf(format, args...)})
	}
	if a.parts++; a.parts > mostParts || len(chain) >= deepestParts {
		return nil, refuse("assemble-size", "a form is put together from at most %d parts, %d deep", mostParts, deepestParts)
	}
	if slices.Contains(chain, canonical) {
		return nil, refuse("assemble-circle", "the part holds itself")
	}
	text, err := a.part(canonical)
	if fault.Is(err, fault.NotFound) {
		return nil, refuse("assemble-part", "the part is not known here")
	}
	if err != nil {
		return nil, err
	}
	sub, err := readQuestionnaire(text)
	if err != nil {
		return nil, refuse("assemble-part", "the part is no Questionnaire")
	}
	extensions, err := list(sub, "extension")
	if err != nil {
		return nil, err
	}
	for _, e := range extensions {
		switch textOf(e, "url") {
		case extExpectation:
			if expected := textOf(e, "valueCode"); expected == "assemble-root" {
				return nil, refuse("assemble-expectation", "the part says that it is a root")
			}
		case extContext:
			if name := textOf(e, "valueString"); name == linkIDPrefix && prefix == "" {
				return nil, refuse("assemble-context", "the part asks for a %s, and the item gives none", linkIDPrefix)
			}
		}
	}
	if err := a.resource(sub, append(slices.Clone(chain), canonical)); err != nil {
		return nil, err
	}
	if err := merge(root, sub, refuse); err != nil {
		return nil, err
	}
	if !slices.Contains(a.used, canonical) {
		a.used = append(a.used, canonical)
	}
	items, err := list(sub, "item")
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		for _, i := range items {
			if err := prefixed(i, prefix); err != nil {
				return nil, err
			}
		}
	}
	return items, nil
}

// carriedOver are the extensions of a part that its items need at the root.
var carriedOver = []string{extLaunch, extVariable}

// merge brings the contained resources, variables and launch contexts of a part
// to the whole; two of one name that differ are refused.
func merge(root, sub object, refuse func(code, format string, args ...any) error) error {
	for _, name := range []string{"contained", "extension"} {
		have, err := list(root, name)
		if err != nil {
			return err
		}
		more, err := list(sub, name)
		if err != nil {
			return err
		}
		for _, one := range more {
			key := textOf(one, "id")
			if name == "extension" {
				if !slices.Contains(carriedOver, textOf(one, "url")) {
					continue
				}
				var v struct{ Name string }
				_ = json.Unmarshal(one["valueExpression"], &v)
				if key = v.Name; key == linkIDPrefix {
					continue
				}
			}
			same := false
			for _, other := range have {
				if string(written(other)) == string(written(one)) {
					same = true
				} else if name == "contained" && textOf(other, "id") == key {
					return refuse("assemble-contained", "two parts have different contained resources with the id %s", key)
				}
			}
			if !same {
				have = append(have, one)
			}
		}
		if len(have) > 0 {
			root[name] = written(have)
		}
	}
	return nil
}

// prefixed puts a prefix before the linkIds of an item and of what is below it,
// and before those its conditions name.
func prefixed(i object, prefix string) error {
	i["linkId"] = written(prefix + textOf(i, "linkId"))
	conditions, err := list(i, "enableWhen")
	if err != nil {
		return err
	}
	for _, c := range conditions {
		c["question"] = written(prefix + textOf(c, "question"))
	}
	if conditions != nil {
		i["enableWhen"] = written(conditions)
	}
	items, err := list(i, "item")
	if err != nil {
		return err
	}
	for _, c := range items {
		if err := prefixed(c, prefix); err != nil {
			return err
		}
	}
	if items != nil {
		i["item"] = written(items)
	}
	return nil
}

// unique refuses a form in which two items have one linkId.
func unique(root object) error {
	seen := map[string]bool{}
	var walk func(o object) error
	walk = func(o object) error {
		items, err := list(o, "item")
		if err != nil {
			return err
		}
		for _, i := range items {
			id := textOf(i, "linkId")
			if seen[id] {
				return fault.New(fault.Unprocessable, "assemble-linkid", "the form cannot be put together").With(fault.Issue{
					Path: "Questionnaire.item.where(linkId='" + id + "')", FlatKey: id, Rule: "assemble-linkid", Found: id,
					Message: "two items would have this linkId; give the part a linkIdPrefix"})
			}
			seen[id] = true
			if err := walk(i); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(root)
}

// drop takes the extensions of a url away.
func drop(o object, url string) {
	extensions, err := list(o, "extension")
	if err != nil {
		return
	}
	extensions = slices.DeleteFunc(extensions, func(e object) bool { return textOf(e, "url") == url })
	if o["extension"] = written(extensions); len(extensions) == 0 {
		delete(o, "extension")
	}
}
