package sdc

import (
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// ItemAt finds the item of an AQL path, with or without the names in its
// predicates; nil where no item answers for it. A path of an ELEMENT leads to its
// question, one of an attribute within its value to that part.
func (f *Form) ItemAt(path string) *Item {
	if i := f.byPath[path]; i != nil {
		return i
	}
	for above := path; above != "" && above != "/"; above = parentPath(above) {
		node, ok := f.Template.Lookup(above)
		if !ok {
			continue
		}
		if i := f.byNode[node]; i != nil && above == path {
			return i
		}
		if i := f.byPath[f.Template.Node(node).AQLPath+path[len(above):]]; i != nil {
			return i
		}
	}
	return f.byPath[nameless(path)]
}

// Parent is the group around an item, nil of the root.
func (f *Form) Parent(i *Item) *Item { return f.parent[i] }

// Codings are the permitted answers of a coded question in the template's own
// language, none where any code may be given.
func (f *Form) Codings(i *Item) []fhir.Coding {
	var out []fhir.Coding
	for _, o := range f.options(i, "") {
		out = append(out, fhir.Coding{System: f.system(i, o.terminology), Code: o.code, Display: o.display})
	}
	return out
}

// Label is what an item is called in the template's own language.
func (f *Form) Label(i *Item) string { return f.words(i, "") }

// Bound are the codes of other terminologies that the template binds to what an
// item asks for.
func (f *Form) Bound(i *Item) []fhir.Coding {
	if i.Kind != Group && i.Kind != Question && i.Kind != Compound {
		return nil
	}
	var out []fhir.Coding
	for _, c := range f.Template.Binding(i.Node, f.Template.Node(i.Node).NodeID) {
		out = append(out, fhir.Coding{System: codeSystem(c.Terminology, ""), Code: c.Code})
	}
	return out
}

// PartOf finds the part of a compound or record by the attributes that lead to
// it, nil where it has none; of several kinds of value the first.
func (f *Form) PartOf(i *Item, route ...rminfo.Attr) *Item {
	for _, p := range i.Children {
		if p.Kind != Part || len(p.Route) != len(route) {
			continue
		}
		same := true
		for n := range route {
			same = same && p.Route[n] == route[n]
		}
		if same {
			return p
		}
	}
	return nil
}
