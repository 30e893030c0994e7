package sdc

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/terminology"
)

// answersOf are the answers of the parts of one occurrence.
func answersOf(o *occurrence, parts []*Item) map[*Item]*fhir.Answer {
	back := map[*Item]*fhir.Answer{}
	for _, p := range parts {
		if p.Kind == Part {
			if a := o.only(p); a != nil {
				back[p] = a
			}
		}
	}
	return back
}

// partsOf are the parts of an item that belong to a class.
func partsOf(item *Item, class rminfo.Class) []*Item {
	var out []*Item
	for _, p := range item.Children {
		if p.Kind == Part && (item.Kind == Record || p.Of == class) {
			out = append(out, p)
		}
	}
	return out
}

// differ says whether any answer differs from what the base has at its part.
func (c *composer) differ(node rm.ID, parts []*Item, depth int, back map[*Item]*fhir.Answer) bool {
	for _, p := range parts {
		if back[p] == nil {
			continue
		}
		at := rm.None
		if node != rm.None {
			at = c.base.Find(node, p.Route[depth:]...)
		}
		if at == rm.None || !sameAnswer(c.form.answerOf(p, c.base, at), back[p]) {
			return true
		}
	}
	return false
}

// object writes an object whose parts were answered, over a base node or without
// one: a part that came back as issued, or not at all, is the base's, and so is
// all that no part describes.
func (c *composer) object(attr rminfo.Attr, class rminfo.Class, node rm.ID, parts []*Item, depth int, back map[*Item]*fhir.Answer, at string) {
	c.b.Open(attr, class)
	done := map[rminfo.Attr]bool{}
	write := func(a rminfo.Attr, child rm.ID) {
		done[a] = true
		var below []*Item
		for _, p := range parts {
			if p.Route[depth] != a {
				continue
			}
			if len(p.Route) > depth+1 {
				below = append(below, p)
				continue
			}
			switch {
			case back[p] != nil && (child == rm.None || !sameAnswer(c.form.answerOf(p, c.base, child), back[p])):
				c.report(c.form.buildValue(c.b, a, p, back[p]), p, at)
			case child != rm.None:
				c.b.Copy(a, c.base, child)
			}
			return
		}
		switch {
		case c.differ(child, below, depth+1, back):
			nested := concrete(declared(class, a))
			if nested == rminfo.GENERIC_ID && !slices.ContainsFunc(below, func(p *Item) bool { return p.Route[depth+1] == rminfo.A_scheme && back[p] != nil }) {
				nested = rminfo.HIER_OBJECT_ID // the one that needs no scheme
			}
			if child != rm.None && c.base.Class(child) != rminfo.PARTY_SELF {
				nested = c.base.Class(child)
			}
			c.object(a, nested, child, below, depth+1, back, at)
		case child != rm.None:
			c.b.Copy(a, c.base, child)
		}
	}
	if node != rm.None {
		for child := range c.base.All(node) {
			a := c.base.Attr(child)
			switch {
			case class == rminfo.DV_INTERVAL && (a == rminfo.A_lower_unbounded || a == rminfo.A_upper_unbounded):
			case slices.ContainsFunc(parts, func(p *Item) bool { return p.Route[depth] == a }):
				write(a, child)
			default:
				c.b.Copy(a, c.base, child)
			}
		}
	}
	for _, p := range parts {
		if a := p.Route[depth]; !done[a] {
			write(a, rm.None)
		}
	}
	if class == rminfo.DV_INTERVAL {
		c.bounds(node, parts, back)
	}
	c.b.Close()
}

func declared(class rminfo.Class, a rminfo.Attr) rminfo.Class {
	d, _ := class.Attribute(a)
	return d.Type
}

// bounds says of an interval which ends it has; an end is there when its value is.
func (c *composer) bounds(node rm.ID, parts []*Item, back map[*Item]*fhir.Answer) {
	for _, end := range []struct{ value, unbounded, included rminfo.Attr }{
		{rminfo.A_lower, rminfo.A_lower_unbounded, rminfo.A_lower_included}, {rminfo.A_upper, rminfo.A_upper_unbounded, rminfo.A_upper_included},
	} {
		there := node != rm.None && c.base.Child(node, end.value) != rm.None
		stated := node != rm.None && c.base.Child(node, end.included) != rm.None
		for _, p := range parts {
			there = there || p.Route[0] == end.value && back[p] != nil
			stated = stated || p.Route[0] == end.included && back[p] != nil
		}
		c.b.Bool(end.unbounded, !there)
		if !stated {
			c.b.Bool(end.included, there)
		}
	}
}

// complete adds what follows from the answers of a new or changed record.
func (c *composer) complete(item *Item, class rminfo.Class, node rm.ID, back map[*Item]*fhir.Answer) {
	part := func(attr rminfo.Attr) *Item {
		for _, p := range partsOf(item, class) {
			if len(p.Route) == 1 && p.Route[0] == attr {
				return p
			}
		}
		return nil
	}
	lacks := func(p *Item) bool {
		return p != nil && back[p] == nil && (node == rm.None || c.base.Child(node, p.Route[0]) == rm.None)
	}
	switch class {
	case rminfo.DV_PARSABLE:
		if p := part(rminfo.A_formalism); lacks(p) {
			back[p] = &fhir.Answer{ValueString: c.form.formalism(p.Value)}
		}
	case rminfo.DV_PROPORTION:
		if p := part(rminfo.A_type); lacks(p) {
			if kinds := c.form.proportionKinds(p.Value); len(kinds) == 1 {
				n := fhir.Decimal(kinds[0])
				back[p] = &fhir.Answer{ValueInteger: &n}
			}
		}
	case rminfo.ISM_TRANSITION:
		c.state(item, part(rminfo.A_careflow_step), part(rminfo.A_current_state), node, back)
	case rminfo.EVENT_CONTEXT:
		if p := part(rminfo.A_start_time); lacks(p) {
			back[p] = &fhir.Answer{ValueDateTime: c.facts.Authored}
		}
		if p := part(rminfo.A_setting); lacks(p) {
			back[p] = &fhir.Answer{ValueCoding: &fhir.Coding{System: codeSystem(terminology.ID, ""), Code: otherCare}}
		}
	}
}

// state derives the state that a careflow step ends in. A state that was
// answered beside it must be the same.
func (c *composer) state(item, step, state *Item, node rm.ID, back map[*Item]*fhir.Answer) {
	if step == nil || state == nil || back[step] == nil || back[step].ValueCoding == nil {
		return
	}
	ends := c.form.states[item][back[step].ValueCoding.Code]
	if ends == "" {
		return
	}
	given := back[state]
	if given != nil && node != rm.None {
		if at := c.base.Child(node, rminfo.A_current_state); at != rm.None && sameAnswer(c.form.answerOf(state, c.base, at), given) {
			given = nil // came back untouched; the step was changed
		}
	}
	if given != nil && given.ValueCoding != nil && given.ValueCoding.Code != ends {
		c.report(fmt.Errorf("the step ends in another state"), state, "QuestionnaireResponse")
		return
	}
	if before := rm.None; given == nil {
		if node != rm.None {
			before = c.base.Find(node, rminfo.A_current_state, rminfo.A_defining_code, rminfo.A_code_string)
		}
		if before == rm.None || c.base.Text(before) != ends {
			back[state] = &fhir.Answer{ValueCoding: &fhir.Coding{System: codeSystem(terminology.ID, ""), Code: ends}}
		}
	}
}

// mergeCompound writes a base ELEMENT whose value is a group of parts.
func (c *composer) mergeCompound(attr rminfo.Attr, item *Item, element rm.ID, o *occurrence) {
	value := c.base.Child(element, rminfo.A_value)
	class, err := c.kind(item, o, element)
	if err != nil {
		c.report(err, item, o.at)
		c.b.Copy(attr, c.base, element)
		return
	}
	nulled := c.nulled(item, o, element)
	if class == 0 {
		if nulled {
			c.mergeElement(attr, element, func() error { return c.writeNull(item, o, element) }, item, o.at)
			return
		}
		c.b.Copy(attr, c.base, element)
		return
	}
	if value != rm.None && c.base.Class(value) != class {
		value = rm.None
	}
	back := answersOf(o, partsOf(item, class))
	if nulled {
		c.report(errBoth, item, o.at)
	}
	if !c.differ(value, partsOf(item, class), 0, back) {
		for part, a := range back {
			c.note(part, c.form.answerOf(part, c.base, c.base.Find(value, part.Route...)), a)
		}
		c.b.Copy(attr, c.base, element)
		return
	}
	c.mergeElement(attr, element, func() error { return c.writeValue(item, class, value, back, o.at) }, item, o.at)
}

// kind is the class of the value that the parts of an ELEMENT were answered for,
// 0 where none was. Answers of several classes are a contradiction, unless the
// selector was changed to one of them: nothing is picked in silence.
func (c *composer) kind(item *Item, o *occurrence, element rm.ID) (rminfo.Class, error) {
	var present []rminfo.Class
	for _, p := range item.Children {
		if p.Kind == Part && o.only(p) != nil && !slices.Contains(present, p.Of) {
			present = append(present, p.Of)
		}
	}
	var chosen rminfo.Class
	if selector := c.form.aside(item, 0); selector != nil {
		back := o.only(selector)
		issued := (*fhir.Answer)(nil)
		if element != rm.None {
			issued = c.form.asideOf(selector, c.base, element)
		}
		if back != nil && back.ValueCoding != nil && !sameAnswer(issued, back) {
			chosen, _ = rminfo.ClassByName(back.ValueCoding.Code)
		}
	}
	switch {
	case len(present) == 0:
		return 0, nil
	case chosen != 0 && slices.Contains(present, chosen):
		return chosen, nil
	case chosen != 0 || len(present) > 1:
		return 0, errors.New("answered as several kinds of value; give one")
	}
	return present[0], nil
}

func (c *composer) writeValue(item *Item, class rminfo.Class, value rm.ID, back map[*Item]*fhir.Answer, at string) error {
	parts := partsOf(item, class)
	if len(parts) == 1 && len(parts[0].Route) == 0 {
		return c.form.buildValue(c.b, rminfo.A_value, parts[0], back[parts[0]])
	}
	c.complete(item, class, value, back)
	c.object(rminfo.A_value, class, value, parts, 0, back, at)
	return nil
}

var errBoth = errors.New("answered with a value and with a reason for none")

// nulled says whether a reason for no value came back that was not issued.
func (c *composer) nulled(item *Item, group *occurrence, element rm.ID) bool {
	for _, attr := range []rminfo.Attr{rminfo.A_null_flavour, rminfo.A_null_reason} {
		aside := c.form.aside(item, attr)
		back := group.only(aside)
		if back == nil {
			continue
		}
		var issued *fhir.Answer
		if element != rm.None {
			issued = c.form.asideOf(aside, c.base, element)
		}
		if !sameAnswer(issued, back) {
			return true
		}
	}
	return false
}

// pairNull decides whether a question came back with a reason for no value.
func (c *composer) pairNull(p *pairing, item *Item, nodes []rm.ID, group *occurrence) {
	if item.Repeats || len(nodes) != 1 || !c.nulled(item, group, nodes[0]) {
		return
	}
	if p.kept[nodes[0]] || p.changed[nodes[0]] != nil {
		c.report(errBoth, item, c.at(group, item))
		return
	}
	p.nulls[nodes[0]] = true
}

// writeNull writes the reason for no value; what did not come back is the base's.
func (c *composer) writeNull(item *Item, group *occurrence, element rm.ID) error {
	for _, attr := range []rminfo.Attr{rminfo.A_null_flavour, rminfo.A_null_reason} {
		aside := c.form.aside(item, attr)
		if back := group.only(aside); back != nil {
			if err := c.form.buildValue(c.b, attr, aside, back); err != nil {
				return err
			}
		} else if element != rm.None {
			if there := c.base.Child(element, attr); there != rm.None {
				c.b.Copy(attr, c.base, there)
			}
		}
	}
	return nil
}

// mergeRecord writes an attribute's object anew where an answer changed.
func (c *composer) mergeRecord(item *Item, node rm.ID, group *occurrence) bool {
	o := c.recordOf(item, node, group)
	if o == nil {
		return false
	}
	back := answersOf(o, item.Children)
	c.complete(item, item.Class, node, back)
	parts := partsOf(item, item.Class)
	if !c.differ(node, parts, 0, back) {
		return false
	}
	class := c.base.Class(node)
	if class == rminfo.PARTY_SELF || class == rminfo.PARTY_IDENTIFIED {
		class = partyClass(item, back)
	}
	c.changed++
	c.object(item.Attr, class, node, parts, 0, back, o.at)
	return true
}

// partyClass is the class of a party that is answered for: one with a
// relationship is related.
func partyClass(item *Item, back map[*Item]*fhir.Answer) rminfo.Class {
	for p := range back {
		if p.Route[0] == rminfo.A_relationship {
			return rminfo.PARTY_RELATED
		}
	}
	return item.Class
}

// recordOf finds the occurrence that a base object was issued as.
func (c *composer) recordOf(item *Item, node rm.ID, group *occurrence) *occurrence {
	if group == nil {
		return nil
	}
	list := group.children[item]
	if !item.Repeats {
		if len(list) == 0 {
			return nil
		}
		return list[0]
	}
	key := 0
	for n := range c.base.Children(c.base.Parent(node), item.Attr) {
		if key++; n == node {
			break
		}
	}
	for _, o := range list {
		if o.key == key {
			return o
		}
	}
	return nil
}

// freshRecords are the repeats that were not issued.
func (c *composer) freshRecords(item *Item, owner rm.ID, group *occurrence) []*occurrence {
	if group == nil {
		return nil
	}
	count := 0
	for range c.base.Children(owner, item.Attr) {
		count++
	}
	var out []*occurrence
	for _, o := range group.children[item] {
		switch {
		case o.key == 0:
			out = append(out, o)
		case o.key > count:
			c.issues = append(c.issues, fault.Issue{Path: o.at, FlatKey: item.LinkID, Rule: "key-unknown", Found: fmt.Sprint(o.key), Message: "the repeat was not issued"})
		}
	}
	return out
}

func (c *composer) newRecords(item *Item, list []*occurrence) {
	for _, o := range list {
		back := answersOf(o, item.Children)
		if len(back) == 0 {
			continue
		}
		c.changed++
		c.complete(item, item.Class, rm.None, back)
		class := item.Class
		if class == rminfo.PARTY_IDENTIFIED {
			class = partyClass(item, back)
		}
		c.object(item.Attr, class, rm.None, partsOf(item, item.Class), 0, back, o.at)
	}
}

// lost names the answers that a response without its base neither brought back
// nor deleted.
func (f *Form) lost(t *rm.Tree) []fault.Issue {
	var issues []fault.Issue
	for id := t.Root(); id < t.End(t.Root()); id++ {
		if empty(t, id) {
			item := f.At(t.AQLPath(id))
			issues = append(issues, fault.Issue{Path: f.Expression(item), FlatKey: item.LinkID, AQLPath: f.Path(item), Rule: "answer-missing",
				Message: "the answer did not come back, and the response does not say that it is deleted"})
		}
	}
	return issues
}
