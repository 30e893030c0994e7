package sdc

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// append writes what came back for the children of one attribute and has no base
// node: new repeats, new answers, structure that held nothing so far.
func (c *composer) append(owner template.NodeID, attr rminfo.Attr, group *occurrence, p *pairing, done map[template.NodeID]bool) {
	for n, child := range c.form.Template.Children(owner, attr) {
		if done[child] {
			continue
		}
		done[child] = true
		item, known := c.form.byNode[child]
		switch {
		case !known:
		case item == nil:
			// An event happened at some time, whether or not the form asked.
			event := p == nil && c.form.Template.Node(child).Class == rminfo.EVENT_CONTEXT && c.form.Category() == "433"
			// Structure that the reference model demands is there, even with nothing in it.
			d, _ := c.form.Template.Node(owner).Class.Attribute(attr)
			demanded := p == nil && d.Mandatory && n == 0
			if event || demanded || (p == nil || !p.structure[child]) && c.wanted(child, group) {
				c.create(attr, child, group)
			}
		case item.Kind == Question:
			answers := c.freshAnswers(item, group, p)
			for _, answer := range answers {
				c.changed++
				c.newElement(attr, child, func() error { return c.form.buildValue(c.b, rminfo.A_value, item, &answer) }, item, c.answerAt(group, item, &answer))
			}
			if (p == nil || !p.there[item]) && group.only(c.form.aside(item, rminfo.A_null_flavour)) != nil {
				if len(answers) > 0 {
					c.report(errBoth, item, c.at(group, item))
					continue
				}
				c.changed++
				c.newElement(attr, child, func() error { return c.writeNull(item, group, rm.None) }, item, c.at(group, item))
			}
		default:
			for _, o := range c.freshOccurrences(item, group, p) {
				if !o.answered() {
					continue
				}
				c.changed++
				if item.Kind == Group {
					c.create(attr, child, o)
					continue
				}
				class, err := c.kind(item, o, rm.None)
				nulled := c.nulled(item, o, rm.None)
				switch {
				case err == nil && class != 0 && nulled:
					err = errBoth
				case err == nil && class == 0 && !nulled:
					continue // a kind was chosen and nothing said
				}
				c.newElement(attr, child, func() error {
					if err != nil || nulled {
						return errors.Join(err, c.writeNull(item, o, rm.None))
					}
					return c.writeValue(item, class, rm.None, answersOf(o, partsOf(item, class)), o.at)
				}, item, o.at)
			}
		}
	}
}

func (c *composer) freshAnswers(item *Item, group *occurrence, p *pairing) []fhir.Answer {
	if p != nil {
		return p.answers[item]
	}
	var out []fhir.Answer
	if group != nil {
		for _, o := range group.children[item] {
			out = append(out, o.answers...)
		}
	}
	return out
}

func (c *composer) freshOccurrences(item *Item, group *occurrence, p *pairing) []*occurrence {
	if p != nil {
		return p.fresh[item]
	}
	if group == nil {
		return nil
	}
	return group.children[item]
}

// wanted says whether any answer of the group lies below a structural node.
func (c *composer) wanted(node template.NodeID, group *occurrence) bool {
	if group == nil {
		return false
	}
	t := c.form.Template
	for id := node; id < t.Node(node).End; {
		item, known := c.form.byNode[id]
		for _, a := range c.form.attributes[id] {
			if c.form.parent[a] == group.item && len(group.children[a]) > 0 {
				return true
			}
		}
		if known && item != nil {
			for _, o := range group.children[item] {
				if o.answered() {
					return true
				}
			}
			id = t.Node(id).End
			continue
		}
		id++
	}
	return false
}

// create writes a new object with the reference model's mandatory attributes and
// whatever was answered below it.
func (c *composer) create(attr rminfo.Attr, node template.NodeID, group *occurrence) {
	t := c.form.Template
	n := t.Node(node)
	class := c.eventClass(node, group, concrete(n.Class))
	c.b.Open(attr, class)
	if class.Locatable() {
		name := ""
		if group != nil && group.item.Node == node {
			if given := group.only(c.form.aside(group.item, rminfo.A_name)); given != nil {
				name = given.ValueString
			}
		}
		c.locatable(node, name)
	}
	c.mandatory(class, node, group)
	for _, item := range c.form.attributes[node] {
		if _, has := class.Attribute(item.Attr); has {
			c.newAttribute(item, group)
		}
	}
	done := map[template.NodeID]bool{}
	for _, a := range t.Attributes(node) {
		switch a.Attr {
		case rminfo.A_name, rminfo.A_language, rminfo.A_encoding, rminfo.A_subject, rminfo.A_category, rminfo.A_territory, rminfo.A_composer, rminfo.A_ism_transition, rminfo.A_provider, rminfo.A_other_participations:
			continue
		}
		c.append(node, a.Attr, group, nil, done)
	}
	c.b.Close()
}

// concrete is the class a new object gets where the template leaves it abstract.
func concrete(c rminfo.Class) rminfo.Class {
	switch c {
	case rminfo.EVENT:
		return rminfo.POINT_EVENT
	case rminfo.ITEM_STRUCTURE:
		return rminfo.ITEM_TREE
	case rminfo.PARTY_PROXY:
		return rminfo.PARTY_IDENTIFIED
	case rminfo.OBJECT_ID:
		return rminfo.GENERIC_ID
	}
	return c
}

// eventClass is the class of an event whose template leaves it open: what the
// selector says, else an interval where its width was answered.
func (c *composer) eventClass(node template.NodeID, group *occurrence, class rminfo.Class) rminfo.Class {
	if group == nil || group.item.Node != node || c.form.Template.Node(node).Class != rminfo.EVENT {
		return class
	}
	if given := group.only(c.form.aside(group.item, 0)); given != nil && given.ValueCoding != nil {
		if chosen, ok := rminfo.ClassByName(given.ValueCoding.Code); ok && chosen.IsA(rminfo.EVENT) && !chosen.Abstract() {
			return chosen
		}
		c.report(fmt.Errorf("an event is of a time or of a span"), group.item, group.at)
		return class
	}
	for _, item := range c.form.attributes[node] {
		if item.Attr == rminfo.A_width && group.only(item) != nil {
			return rminfo.INTERVAL_EVENT
		}
	}
	return class
}

// rename writes the own name of a base object where it came back changed.
func (c *composer) rename(node, child rm.ID, group *occurrence) bool {
	if c.base.Attr(child) != rminfo.A_name || group == nil || group.item.Node == template.NoNode {
		return false
	}
	if matched := c.form.byNode[group.item.Node]; matched != group.item || c.base.ArchetypeNodeID(node) != c.form.Template.Node(group.item.Node).AtCode {
		return false
	}
	given := group.only(c.form.aside(group.item, rminfo.A_name))
	if given == nil || given.ValueString == "" || given.ValueString == c.base.Name(node) {
		return false
	}
	c.changed++
	c.text(rminfo.A_name, given.ValueString)
	return true
}

// ownName is the name an object gets where nobody gives it one.
func (f *Form) ownName(node template.NodeID) string {
	n := f.Template.Node(node)
	name := f.Template.Label(node, "")
	if len(n.Names) > 0 {
		name = n.Names[0]
	}
	if name == "" {
		name = n.Class.Name()
	}
	return name
}

func (c *composer) locatable(node template.NodeID, name string) {
	t := c.form.Template
	n := t.Node(node)
	if name == "" {
		name = c.form.ownName(node)
	}
	c.b.String(rminfo.A_archetype_node_id, rminfo.String, n.AtCode)
	c.text(rminfo.A_name, name)
	if !n.IsRoot {
		return
	}
	c.b.Open(rminfo.A_archetype_details, rminfo.ARCHETYPED)
	c.value(rminfo.A_archetype_id, rminfo.ARCHETYPE_ID, n.AtCode)
	if node == t.Root() {
		c.value(rminfo.A_template_id, rminfo.TEMPLATE_ID, t.TemplateID)
	}
	c.b.String(rminfo.A_rm_version, rminfo.String, "1.1.0")
	c.b.Close()
}

// given says whether an attribute was answered.
func (c *composer) given(node template.NodeID, attr rminfo.Attr, group *occurrence) bool {
	if group == nil {
		return false
	}
	for _, item := range c.form.attributes[node] {
		if item.Attr == attr {
			return slices.ContainsFunc(group.children[item], (*occurrence).answered)
		}
	}
	return false
}

// otherCare is the setting of a context that nobody stated.
const otherCare = "238"

// mandatory writes the technical attributes an object cannot be without and
// nobody answered.
func (c *composer) mandatory(class rminfo.Class, node template.NodeID, group *occurrence) {
	lacks := func(a rminfo.Attr) bool { return !c.given(node, a, group) }
	switch {
	case class == rminfo.COMPOSITION:
		if lacks(rminfo.A_language) {
			c.code(rminfo.A_language, "ISO_639-1", c.form.Template.Language)
		}
		if lacks(rminfo.A_territory) {
			c.code(rminfo.A_territory, "ISO_3166-1", c.facts.Territory)
		}
		category := c.form.Category()
		rubric, _ := terminology.Rubric(terminology.CompositionCategory, category)
		c.coded(rminfo.A_category, rubric, "openehr", category)
		if lacks(rminfo.A_composer) {
			if c.facts.Self {
				c.b.Open(rminfo.A_composer, rminfo.PARTY_SELF)
			} else {
				c.b.Open(rminfo.A_composer, rminfo.PARTY_IDENTIFIED)
				c.b.String(rminfo.A_name, rminfo.String, c.facts.Composer)
			}
			c.b.Close()
		}
		if c.form.ownContext(node) && lacks(rminfo.A_context) {
			c.b.Open(rminfo.A_context, rminfo.EVENT_CONTEXT)
			c.value(rminfo.A_start_time, rminfo.DV_DATE_TIME, c.facts.Authored)
			c.setting()
			c.b.Close()
		}
	case class.IsA(rminfo.ENTRY):
		c.code(rminfo.A_language, "ISO_639-1", c.language)
		c.code(rminfo.A_encoding, "IANA_character-sets", "UTF-8")
		if lacks(rminfo.A_subject) {
			c.b.Open(rminfo.A_subject, rminfo.PARTY_SELF)
			c.b.Close()
		}
	case class == rminfo.EVENT_CONTEXT:
		if lacks(rminfo.A_setting) {
			c.setting()
		}
	}
}

func (c *composer) setting() {
	rubric, _ := terminology.Rubric(terminology.Setting, otherCare)
	c.coded(rminfo.A_setting, rubric, "openehr", otherCare)
}

// Category is the code of the composition category: the only one the template
// allows, else event.
func (f *Form) Category() string {
	t := f.Template
	for _, category := range t.Children(t.Root(), rminfo.A_category) {
		if codes, ok := t.Node(category).Constraint.(*aom.CodePhrase); ok && len(codes.Codes) > 0 {
			return codes.Codes[0]
		}
		for _, code := range t.Children(category, rminfo.A_defining_code) {
			if codes, ok := t.Node(code).Constraint.(*aom.CodePhrase); ok && len(codes.Codes) > 0 {
				return codes.Codes[0]
			}
		}
	}
	return "433"
}

// newAttribute writes an attribute that was answered; a time the reference model
// demands and nobody gave is that of the form.
func (c *composer) newAttribute(item *Item, group *occurrence) {
	if item.Kind == Record {
		if group != nil {
			c.newRecords(item, group.children[item])
		}
		return
	}
	if back := group.only(item); back != nil {
		c.changed++
		c.report(c.form.buildValue(c.b, item.Attr, item, back), item, c.answerAt(group, item, back))
		return
	}
	if c.base != nil && (group == nil || group.key != 0) {
		return
	}
	d, _ := c.form.Template.Node(item.Node).Class.Attribute(item.Attr)
	switch {
	case !d.Mandatory:
	case item.Attr == rminfo.A_origin:
		c.value(item.Attr, rminfo.DV_DATE_TIME, c.earliest(group))
	case item.Class == rminfo.DV_DATE_TIME:
		c.value(item.Attr, rminfo.DV_DATE_TIME, c.facts.Authored)
	case item.Attr == rminfo.A_action_archetype_id:
		c.b.String(item.Attr, rminfo.String, c.form.actionArchetype(item.Node))
	}
}

// earliest is the time of the first event that was answered, that of the form
// where none says its time.
func (c *composer) earliest(group *occurrence) string {
	first, at := c.facts.Authored, time.Time{}
	if group == nil {
		return first
	}
	for item, list := range group.children {
		if !item.Class.IsA(rminfo.EVENT) || item.Kind != Group {
			continue
		}
		for _, o := range list {
			for _, a := range c.form.attributes[item.Node] {
				if back := o.only(a); a.Attr == rminfo.A_time && back != nil {
					if t, err := time.Parse(time.RFC3339Nano, back.ValueDateTime); err == nil && (at.IsZero() || t.Before(at)) {
						first, at = back.ValueDateTime, t
					}
				}
			}
		}
	}
	return first
}

func (c *composer) newElement(attr rminfo.Attr, node template.NodeID, value func() error, item *Item, at string) {
	c.b.Open(attr, rminfo.ELEMENT)
	c.locatable(node, "")
	c.report(value(), item, at)
	c.b.Close()
}

func (c *composer) value(attr rminfo.Attr, class rminfo.Class, text string) {
	c.b.Open(attr, class)
	c.b.String(rminfo.A_value, rminfo.String, text)
	c.b.Close()
}

func (c *composer) text(attr rminfo.Attr, text string) { c.value(attr, rminfo.DV_TEXT, text) }

func (c *composer) code(attr rminfo.Attr, terminologyID, code string) {
	c.b.Open(attr, rminfo.CODE_PHRASE)
	c.value(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID, terminologyID)
	c.b.String(rminfo.A_code_string, rminfo.String, code)
	c.b.Close()
}

func (c *composer) coded(attr rminfo.Attr, rubric, terminologyID, code string) {
	c.b.Open(attr, rminfo.DV_CODED_TEXT)
	c.b.String(rminfo.A_value, rminfo.String, rubric)
	buildCode(c.b, terminologyID, code)
	c.b.Close()
}
