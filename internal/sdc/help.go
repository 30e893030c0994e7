package sdc

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/template"
)

// helpSuffix ends the linkId of the help of an item.
const helpSuffix = "/_help"

// help is the archetype's description of what is asked, as SDC shows it: a text
// that a renderer opens on demand. Nil where there is nothing beyond the label.
func (f *Form) help(i *Item, r Rendering) *fhir.Item {
	if i == f.Root || i.Hidden || i.Kind != Group && i.Kind != Question && i.Kind != Compound {
		return nil
	}
	text := f.described(i.Node, r.Language)
	if text == "" || strings.EqualFold(strings.TrimSuffix(text, "."), f.words(i, r.Language)) {
		return nil
	}
	return &fhir.Item{
		LinkID: i.LinkID + helpSuffix, Type: "display", Text: text, Extension: []fhir.Extension{control("help")},
		TextElement: f.translations(r.Language, text, func(lang string) string { return f.described(i.Node, lang) }),
	}
}

// described is the description of a node's own term, "" where it says nothing:
// tools write "*" for what nobody has translated.
func (f *Form) described(node template.NodeID, lang string) string {
	n := f.Template.Node(node)
	code := n.NodeID
	if code == "" || n.IsRoot {
		code = "at0000"
	}
	term, ok := f.Template.Term(node, code, lang)
	text := strings.TrimSpace(term.Description())
	if !ok || strings.HasPrefix(text, "*") || !strings.ContainsFunc(text, func(r rune) bool { return r > ' ' && r != '@' && r != '.' && r != '-' }) || text == "@ internal @" {
		return ""
	}
	return text
}

// referenceSet is the address of a value set that a terminology service keeps,
// and that no expansion stands for.
func (f *Form) referenceSet(i *Item) string {
	for _, node := range append([]template.NodeID{i.Value}, i.More...) {
		if node == template.NoNode {
			continue
		}
		for id := node; id < f.Template.Node(node).End; id++ {
			if c, ok := f.Template.Node(id).Constraint.(*aom.CodeReference); ok && c.ReferenceSetURI != "" {
				return c.ReferenceSetURI
			}
		}
	}
	return ""
}
