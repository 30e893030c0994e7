package sdc

import (
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// append writes what came back for the children of one attribute and has no base
// node: new repeats, new answers, structure that held nothing so far.
func (c *composer) append(owner template.NodeID, attr rminfo.Attr, group *occurrence, p *pairing, done map[template.NodeID]bool) {
	for _, child := range c.form.Template.Children(owner, attr) {
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
			if event || (p == nil || !p.structure[child]) && c.wanted(child, group) {
				c.create(attr, child, group)
			}
		case item.Kind == Question:
			for _, answer := range c.freshAnswers(item, group, p) {
				c.changed++
				c.newElement(attr, child, func() error { return c.form.buildValue(c.b, rminfo.A_value, item, &answer) }, item, c.at(group, item))
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
				answers := map[*Item]*fhir.Answer{}
				for _, part := range item.Children {
					answers[part] = answerOfPart(o, part)
				}
				c.newElement(attr, child, func() error { return c.compoundValue(item, o, answers) }, item, o.at)
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
	class := concrete(n.Class)
	c.b.Open(attr, class)
	if class.Locatable() {
		c.locatable(node)
	}
	c.mandatory(class, node)
	for _, item := range c.form.attributes[node] {
		c.newAttribute(item, group)
	}
	done := map[template.NodeID]bool{}
	for _, a := range t.Attributes(node) {
		switch a.Attr {
		case rminfo.A_name, rminfo.A_language, rminfo.A_encoding, rminfo.A_subject, rminfo.A_category, rminfo.A_territory, rminfo.A_composer:
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
	}
	return c
}

func (c *composer) locatable(node template.NodeID) {
	t := c.form.Template
	n := t.Node(node)
	name := t.Label(node, "")
	if len(n.Names) > 0 {
		name = n.Names[0]
	}
	if name == "" {
		name = n.Class.Name()
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

// mandatory writes the technical attributes an object cannot be without.
func (c *composer) mandatory(class rminfo.Class, node template.NodeID) {
	switch {
	case class == rminfo.COMPOSITION:
		c.code(rminfo.A_language, "ISO_639-1", c.form.Template.Language)
		c.code(rminfo.A_territory, "ISO_3166-1", c.facts.Territory)
		category := c.form.Category()
		rubric, _ := terminology.Rubric(terminology.CompositionCategory, category)
		c.coded(rminfo.A_category, rubric, "openehr", category)
		c.b.Open(rminfo.A_composer, rminfo.PARTY_IDENTIFIED)
		c.b.String(rminfo.A_name, rminfo.String, c.facts.Composer)
		c.b.Close()
		if category == "433" && len(c.form.Template.Children(node, rminfo.A_context)) == 0 {
			c.b.Open(rminfo.A_context, rminfo.EVENT_CONTEXT)
			c.context()
			c.b.Close()
		}
	case class.IsA(rminfo.ENTRY):
		c.code(rminfo.A_language, "ISO_639-1", c.form.Template.Language)
		c.code(rminfo.A_encoding, "IANA_character-sets", "UTF-8")
		c.b.Open(rminfo.A_subject, rminfo.PARTY_SELF)
		c.b.Close()
	case class == rminfo.HISTORY:
		c.value(rminfo.A_origin, rminfo.DV_DATE_TIME, c.facts.Authored)
	case class == rminfo.EVENT_CONTEXT:
		c.setting()
	}
}

func (c *composer) context() {
	c.value(rminfo.A_start_time, rminfo.DV_DATE_TIME, c.facts.Authored)
	c.setting()
}

func (c *composer) setting() {
	rubric, _ := terminology.Rubric(terminology.Setting, "238")
	c.coded(rminfo.A_setting, rubric, "openehr", "238")
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
	if group != nil && len(group.children[item]) > 0 && len(group.children[item][0].answers) > 0 {
		c.changed++
		c.report(c.form.buildValue(c.b, item.Attr, item, &group.children[item][0].answers[0]), item, c.at(group, item))
		return
	}
	declared, _ := c.form.Template.Node(item.Node).Class.Attribute(item.Attr)
	if c.base == nil || group != nil && group.key == 0 {
		if declared.Mandatory && item.Class == rminfo.DV_DATE_TIME {
			c.value(item.Attr, rminfo.DV_DATE_TIME, c.facts.Authored)
		}
	}
}

func (c *composer) newElement(attr rminfo.Attr, node template.NodeID, value func() error, item *Item, at string) {
	c.b.Open(attr, rminfo.ELEMENT)
	c.locatable(node)
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
