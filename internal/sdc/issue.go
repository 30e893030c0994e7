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

// Issuance says how a composition is written as a response.
type Issuance struct {
	// Token is put into the hidden item the server reads back.
	Token string
	// Mode is that of the form; the answers of items it lacks stay with the base.
	Mode Mode
	// Carry adds what no item can say and no renderer returns, so that the
	// response comes to the same composition without the base.
	Carry bool
}

// Issue writes a composition as the answers of its form. What no item can say
// stays with the base. The caller adds id, questionnaire, status and times.
func (f *Form) Issue(t *rm.Tree, token string) *fhir.QuestionnaireResponse {
	return f.IssueAs(t, Issuance{Token: token})
}

// IssueAs is Issue in a mode.
func (f *Form) IssueAs(t *rm.Tree, as Issuance) *fhir.QuestionnaireResponse {
	root := fhir.ResponseItem{LinkID: f.Root.LinkID}
	carry := func(linkID, text string) {
		if text != "" {
			root.Item = append(root.Item, fhir.ResponseItem{LinkID: linkID, Answer: []fhir.Answer{{ValueString: text}}})
		}
	}
	w := &issuer{Form: f, tree: t, mode: as.Mode}
	items := w.group(f.Root, t.Root())
	carry(TokenLinkID, as.Token)
	if as.Carry {
		carry(ResidueLinkID, w.residue())
	}
	root.Item = append(root.Item, items...)
	return &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Item: []fhir.ResponseItem{root}}
}

type issuer struct {
	*Form
	tree *rm.Tree
	mode Mode
	// said are the values that answers say whole.
	said []rm.ID
}

func response(i *Item, a *fhir.Answer) fhir.ResponseItem {
	return fhir.ResponseItem{LinkID: i.LinkID, Answer: []fhir.Answer{*a}}
}

// group writes the children of a group in the order of the form, as the rules of
// QuestionnaireResponse ask.
func (w *issuer) group(group *Item, object rm.ID) []fhir.ResponseItem {
	t := w.tree
	instances := w.instances(group, t, object)
	for item, nodes := range instances {
		// Data may hold more than the form allows: the others stay with the base.
		if len(nodes) > 1 && !item.Repeats && item.Kind != Attribute && item.Kind != Record {
			instances[item] = nodes[:1]
		}
	}
	var out []fhir.ResponseItem
	for _, child := range group.Children {
		if !w.mode.has(child.Tier) {
			continue
		}
		switch child.Kind {
		case Attribute:
			for _, owner := range instances[child] {
				if value := t.Child(owner, child.Attr); value != rm.None {
					if a := w.answerOf(child, t, value); a != nil {
						out = append(out, response(child, a))
						w.say(child, value, a)
					}
				}
			}
		case Aside:
			if a := w.asideAnswer(child, group, object, instances); a != nil {
				out = append(out, response(child, a))
			}
		case Question:
			item := fhir.ResponseItem{LinkID: child.LinkID}
			for _, element := range instances[child] {
				if a := w.outward(child, w.elementAnswer(child, t, element)); a != nil {
					item.Answer = append(item.Answer, *a)
					if !child.Repeats {
						w.say(child, t.Child(element, rminfo.A_value), a)
					}
				}
			}
			if len(item.Answer) > 0 {
				out = append(out, item)
			}
		case Record:
			for _, owner := range instances[child] {
				n := 0
				for value := range t.Children(owner, child.Attr) {
					n++
					if parts := w.record(child, value); len(parts) > 0 {
						out = append(out, keyed(child, n, parts))
					}
				}
			}
		case Compound, Group:
			for n, instance := range instances[child] {
				var items []fhir.ResponseItem
				if child.Kind == Group {
					items = w.group(child, instance)
				} else {
					items = w.compound(child, instance)
				}
				out = append(out, keyed(child, n+1, items))
			}
		}
	}
	return out
}

// keyed is a group with the key of the repeat it shows.
func keyed(i *Item, key int, items []fhir.ResponseItem) fhir.ResponseItem {
	item := fhir.ResponseItem{LinkID: i.LinkID, Item: items}
	if i.Repeats {
		item.Item = append([]fhir.ResponseItem{{LinkID: i.LinkID + keySuffix, Answer: []fhir.Answer{{ValueString: strconv.Itoa(key)}}}}, items...)
	}
	return item
}

// outward is an answer as FHIR can say it: a magnitude status that is no
// comparator goes into the item beside it, and without one the answer stays
// away.
func (w *issuer) outward(i *Item, a *fhir.Answer) *fhir.Answer {
	if a == nil || a.ValueQuantity == nil || a.ValueQuantity.Comparator == "" || comparators[a.ValueQuantity.Comparator] {
		return a
	}
	if beside := w.aside(i, rminfo.A_magnitude_status); beside == nil || !w.mode.has(beside.Tier) {
		return nil
	}
	q := *a.ValueQuantity
	q.Comparator = ""
	return &fhir.Answer{ValueQuantity: &q}
}

// asideAnswer is what an item says of another.
func (w *issuer) asideAnswer(i, group *Item, object rm.ID, instances map[*Item][]rm.ID) *fhir.Answer {
	if i.About == group {
		return w.Form.asideOf(i, w.tree, object)
	}
	if elements := instances[i.About]; len(elements) == 1 {
		return w.Form.asideOf(i, w.tree, elements[0])
	}
	return nil
}

// asideOf is the answer of an aside about an object, nil where it says nothing.
func (f *Form) asideOf(i *Item, t *rm.Tree, object rm.ID) *fhir.Answer {
	switch i.Attr {
	case rminfo.A_name:
		if name := t.Name(object); name != "" && name != f.ownName(i.Node) {
			return &fhir.Answer{ValueString: name}
		}
	case rminfo.A_null_flavour:
		if flavour := t.Child(object, rminfo.A_null_flavour); flavour != rm.None {
			return &fhir.Answer{ValueCoding: f.codingOf(i, t, flavour)}
		}
	case rminfo.A_null_reason:
		if text := t.TextAt(object, rminfo.A_null_reason, rminfo.A_value); text != "" {
			return &fhir.Answer{ValueString: text}
		}
	case rminfo.A_magnitude_status:
		if status := t.TextAt(object, rminfo.A_value, rminfo.A_magnitude_status); status != "" && !comparators[status] {
			return &fhir.Answer{ValueString: status}
		}
	case 0:
		class := t.Class(object)
		if i.About.Kind == Compound {
			value := t.Child(object, rminfo.A_value)
			if value == rm.None {
				return nil
			}
			class = t.Class(value)
		}
		for _, c := range f.classes(i) {
			if c == class {
				return &fhir.Answer{ValueCoding: &fhir.Coding{System: rmSystem, Code: c.Name(), Display: words(c)}}
			}
		}
	}
	return nil
}

// elementAnswer is the answer an ELEMENT is issued as, nil where it has no value
// or one that the question cannot take.
func (f *Form) elementAnswer(i *Item, t *rm.Tree, element rm.ID) *fhir.Answer {
	value := t.Child(element, rminfo.A_value)
	if value == rm.None {
		return nil
	}
	return f.answerOf(i, t, value)
}

// takes says whether a question for a class can show a value; text takes a code.
func takes(question, value rminfo.Class) bool {
	return question == value || question == rminfo.DV_TEXT && value == rminfo.DV_CODED_TEXT
}

// record writes the parts of an attribute's object; one that is of another kind
// than they describe has none.
func (w *issuer) record(i *Item, object rm.ID) []fhir.ResponseItem {
	var out []fhir.ResponseItem
	for _, p := range i.Children {
		if p.Kind != Part || !w.mode.has(p.Tier) {
			continue
		}
		if at := w.tree.Find(object, p.Route...); at != rm.None {
			if a := w.answerOf(p, w.tree, at); a != nil {
				out = append(out, response(p, a))
			}
		}
	}
	return out
}

func (w *issuer) compound(i *Item, element rm.ID) []fhir.ResponseItem {
	var out []fhir.ResponseItem
	answers := w.partAnswers(i, w.tree, element)
	for n, p := range i.Children {
		switch {
		case !w.mode.has(p.Tier):
		case p.Kind == Aside:
			if a := w.asideOf(p, w.tree, element); a != nil {
				out = append(out, response(p, a))
			}
		default:
			if a := w.outward(p, answers[n]); a != nil {
				out = append(out, response(p, a))
			}
		}
	}
	return out
}

// partAnswers are the issued answers of a Compound, one for each of its children
// and nil where there is none.
func (f *Form) partAnswers(i *Item, t *rm.Tree, element rm.ID) []*fhir.Answer {
	out := make([]*fhir.Answer, len(i.Children))
	value := t.Child(element, rminfo.A_value)
	if value == rm.None || empty(t, value) {
		return out
	}
	for n, p := range i.Children {
		if p.Kind != Part || p.Of != t.Class(value) {
			continue
		}
		if at := t.Find(value, p.Route...); at != rm.None {
			out[n] = f.answerOf(p, t, at)
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
		walk(f.IssueAs(t, Issuance{Mode: Faithful}).Item)
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
