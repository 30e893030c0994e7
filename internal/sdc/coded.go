package sdc

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Coded is a question that a term is bound to, with the entry it stands in.
type Coded struct {
	Item, Entry *Item
	// Path is that of the question within the entry.
	Path string
}

// Coded finds the questions that a code of a terminology is bound to; system is
// its FHIR name.
func (f *Form) Coded(system, code string) []Coded {
	var out []Coded
	var walk func(i, entry *Item)
	walk = func(i, entry *Item) {
		if i.Kind == Group && i.Class.IsA(rminfo.ENTRY) {
			entry = i
		}
		if n := f.Template.Node(i.Node); i.Kind == Question && entry != nil && n.NodeID != "" {
			for _, bound := range f.Template.Binding(i.Node, n.NodeID) {
				if bound.Code == code && codeSystem(bound.Terminology, "") == system {
					out = append(out, Coded{i, entry, strings.TrimPrefix(f.Path(i), f.Path(entry))})
				}
			}
		}
		for _, c := range i.Children {
			walk(c, entry)
		}
	}
	walk(f.Root, nil)
	return out
}
