package sdc

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Issue writes a composition as the answers of its form. token is put into the
// hidden item the server reads back; what no item can say stays with the base.
// The caller adds id, questionnaire, status and times.
func (f *Form) Issue(t *rm.Tree, token string) *fhir.QuestionnaireResponse {
	root := fhir.ResponseItem{LinkID: f.Root.LinkID}
	if token != "" {
		root.Item = append(root.Item, fhir.ResponseItem{LinkID: TokenLinkID, Answer: []fhir.Answer{{ValueString: token}}})
	}
	root.Item = append(root.Item, f.issueGroup(f.Root, t, t.Root())...)
	return &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Item: []fhir.ResponseItem{root}}
}

// issueGroup writes the children of a group in the order of the form, as the
// rules of QuestionnaireResponse ask.
func (f *Form) issueGroup(group *Item, t *rm.Tree, object rm.ID) []fhir.ResponseItem {
	instances := f.instances(group, t, object)
	var out []fhir.ResponseItem
	for _, child := range group.Children {
		switch child.Kind {
		case Attribute:
			for _, owner := range instances[child] {
				if value := t.Child(owner, child.Attr); value != rm.None {
					if a := f.answerOf(child, t, value); a != nil {
						out = append(out, fhir.ResponseItem{LinkID: child.LinkID, Answer: []fhir.Answer{*a}})
					}
				}
			}
		case Question:
			item := fhir.ResponseItem{LinkID: child.LinkID}
			for _, element := range instances[child] {
				if a := f.elementAnswer(child, t, element); a != nil {
					item.Answer = append(item.Answer, *a)
				}
			}
			if len(item.Answer) > 0 {
				out = append(out, item)
			}
		case Compound, Group:
			for n, instance := range instances[child] {
				item := fhir.ResponseItem{LinkID: child.LinkID}
				if child.Repeats {
					item.Item = append(item.Item, fhir.ResponseItem{LinkID: child.LinkID + keySuffix, Answer: []fhir.Answer{{ValueString: strconv.Itoa(n + 1)}}})
				}
				if child.Kind == Group {
					item.Item = append(item.Item, f.issueGroup(child, t, instance)...)
				} else {
					item.Item = append(item.Item, f.issueParts(child, t, instance)...)
				}
				out = append(out, item)
			}
		}
	}
	return out
}

// elementAnswer is the answer an ELEMENT is issued as, nil where it has no value
// or one that the question cannot take.
func (f *Form) elementAnswer(i *Item, t *rm.Tree, element rm.ID) *fhir.Answer {
	value := t.Child(element, rminfo.A_value)
	if value == rm.None || !takes(i.Class, t.Class(value)) {
		return nil
	}
	return f.answerOf(i, t, value)
}

// takes says whether a question for a class can show a value; text takes a code.
func takes(question, value rminfo.Class) bool {
	return question == value || question == rminfo.DV_TEXT && value == rminfo.DV_CODED_TEXT
}

func (f *Form) issueParts(i *Item, t *rm.Tree, element rm.ID) []fhir.ResponseItem {
	var out []fhir.ResponseItem
	for p, a := range f.partAnswers(i, t, element) {
		if a != nil {
			out = append(out, fhir.ResponseItem{LinkID: i.Children[p].LinkID, Answer: []fhir.Answer{*a}})
		}
	}
	return out
}

// partAnswers are the issued answers of a Compound, one for each of its children
// and nil where there is none.
func (f *Form) partAnswers(i *Item, t *rm.Tree, element rm.ID) []*fhir.Answer {
	out := make([]*fhir.Answer, len(i.Children))
	value := t.Child(element, rminfo.A_value)
	if value == rm.None {
		return out
	}
	for n, p := range i.Children {
		if p.Kind == Part && p.Class == t.Class(value) {
			out[n] = f.answerOf(p, t, value)
		}
	}
	return out
}

// instances finds, for each child item of a group, the nodes of the object that
// it stands for, walking through structure that has no group of its own.
func (f *Form) instances(group *Item, t *rm.Tree, object rm.ID) map[*Item][]rm.ID {
	out := map[*Item][]rm.ID{}
	var walk func(owner template.NodeID, node rm.ID)
	walk = func(owner template.NodeID, node rm.ID) {
		for _, a := range f.attributes[owner] {
			out[a] = append(out[a], node)
		}
		for c := range t.All(node) {
			if t.Kind(c) != rm.Object {
				continue
			}
			child, ok := f.match(owner, t, c)
			if !ok {
				continue
			}
			item, known := f.byNode[child]
			switch {
			case !known:
			case item == nil:
				walk(child, c)
			case f.parent[item] == group:
				out[item] = append(out[item], c)
			}
		}
	}
	walk(group.Node, object)
	return out
}

// match finds the template node of a data node below owner.
func (f *Form) match(owner template.NodeID, t *rm.Tree, node rm.ID) (template.NodeID, bool) {
	if t.Class(node).Locatable() {
		return f.Template.Match(owner, t.Attr(node), t.ArchetypeNodeID(node), t.Name(node))
	}
	children := f.Template.Children(owner, t.Attr(node))
	if len(children) == 0 {
		return template.NoNode, false
	}
	return children[0], true
}

// Blank is a response nobody has answered yet, with the server's token.
func (f *Form) Blank(token string) *fhir.QuestionnaireResponse {
	root := fhir.ResponseItem{LinkID: f.Root.LinkID}
	if token != "" {
		root.Item = []fhir.ResponseItem{{LinkID: TokenLinkID, Answer: []fhir.Answer{{ValueString: token}}}}
	}
	return &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Item: []fhir.ResponseItem{root}}
}

// Differing lists the items whose answers two compositions of the template do
// not share, in the order of the form.
func (f *Form) Differing(a, b *rm.Tree) []*Item {
	answers := func(t *rm.Tree) map[string][]byte {
		out := map[string][]byte{}
		var walk func(items []fhir.ResponseItem)
		walk = func(items []fhir.ResponseItem) {
			for _, i := range items {
				for _, answer := range i.Answer {
					// What this package makes can be written.
					text, _ := json.Marshal(answer)
					out[i.LinkID] = append(append(out[i.LinkID], text...), '\n')
				}
				walk(i.Item)
			}
		}
		walk(f.Issue(t, "").Item)
		return out
	}
	before, after := answers(a), answers(b)
	var out []*Item
	var walk func(i *Item)
	walk = func(i *Item) {
		if i.Kind != Carrier && !bytes.Equal(before[i.LinkID], after[i.LinkID]) {
			out = append(out, i)
		}
		for _, c := range i.Children {
			walk(c)
		}
	}
	walk(f.Root)
	return out
}
