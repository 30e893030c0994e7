package sdc

import (
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// part is one part of a value that takes several answers.
type part struct {
	attr rminfo.Attr
	text string
	// typ is the FHIR item type.
	typ string
}

// compounds are the classes whose value is a group of parts.
var compounds = map[rminfo.Class][]part{
	rminfo.DV_IDENTIFIER: {{rminfo.A_id, "Identifier", "string"}, {rminfo.A_type, "Type", "string"},
		{rminfo.A_issuer, "Issuer", "string"}, {rminfo.A_assigner, "Assigner", "string"}},
	rminfo.DV_PROPORTION: {{rminfo.A_numerator, "Numerator", "decimal"}, {rminfo.A_denominator, "Denominator", "decimal"},
		{rminfo.A_type, "Kind", "integer"}},
}

// itemType is the FHIR type of the question for a class of value. What has no
// question of its own is carried as text: the canonical JSON of the value, which
// a renderer returns unchanged.
func itemType(c rminfo.Class) string {
	switch c {
	case rminfo.DV_TEXT, rminfo.DV_URI, rminfo.DV_EHR_URI, rminfo.DV_DURATION:
		return "string"
	case rminfo.DV_CODED_TEXT, rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		return "choice"
	case rminfo.DV_QUANTITY:
		return "quantity"
	case rminfo.DV_COUNT:
		return "integer"
	case rminfo.DV_BOOLEAN:
		return "boolean"
	case rminfo.DV_DATE:
		return "date"
	case rminfo.DV_TIME:
		return "time"
	case rminfo.DV_DATE_TIME:
		return "dateTime"
	}
	return "text"
}

func (f *Form) addElement(group *Item, element template.NodeID) {
	n := f.Template.Node(element)
	base := Item{Kind: Question, Node: element, LinkID: f.label(element), Required: n.Occurrences.Min > 0, Repeats: n.Occurrences.Many()}
	classes, nodes := f.valueClasses(element)
	if len(classes) == 1 && compounds[classes[0]] == nil {
		item := base
		item.Class, item.Value, item.Type = classes[0], nodes[0], itemType(classes[0])
		if item.Type == "choice" && f.open(&item) {
			item.Type = "open-choice"
		}
		f.byNode[element] = f.add(group, &item)
		return
	}
	if len(classes) == 2 && classes[0].IsA(rminfo.DV_TEXT) && classes[1].IsA(rminfo.DV_TEXT) {
		// Words or a code: one question that takes both.
		item := base
		item.Class, item.Type = rminfo.DV_TEXT, "open-choice"
		for i, c := range classes {
			if c == rminfo.DV_CODED_TEXT {
				item.Value = nodes[i]
			}
		}
		f.byNode[element] = f.add(group, &item)
		return
	}
	item := base
	item.Kind, item.Type, item.Class, item.Value = Compound, "group", 0, template.NoNode
	if len(classes) == 1 {
		item.Class, item.Value = classes[0], nodes[0]
	}
	placed := f.add(group, &item)
	f.byNode[element] = placed
	if placed.Repeats {
		f.add(placed, &Item{Kind: Carrier, Node: element, Type: "string", LinkID: "_key", Text: "Key of the repeat", Hidden: true})
	}
	for i, c := range classes {
		prefix := ""
		if len(classes) > 1 {
			prefix = c.Name()[3:] + "_"
		}
		if parts := compounds[c]; parts != nil {
			for _, p := range parts {
				f.add(placed, &Item{Kind: Part, Node: element, Value: nodes[i], Class: c, Attr: p.attr, Type: p.typ, Text: p.text, LinkID: prefix + p.attr.Name()})
			}
			continue
		}
		option := &Item{Kind: Part, Node: element, Value: nodes[i], Class: c, Type: itemType(c), Text: words(c), LinkID: prefix + "value"}
		if option.Type == "choice" && f.open(option) {
			option.Type = "open-choice"
		}
		f.add(placed, option)
	}
}

// valueClasses lists the classes the template allows as the value of an ELEMENT,
// with the node of each. An open value allows text.
func (f *Form) valueClasses(element template.NodeID) ([]rminfo.Class, []template.NodeID) {
	var classes []rminfo.Class
	var nodes []template.NodeID
	for _, child := range f.Template.Children(element, rminfo.A_value) {
		c := f.Template.Node(child).Class
		if c.Abstract() || c == 0 {
			continue
		}
		classes, nodes = append(classes, c), append(nodes, child)
	}
	if len(classes) == 0 {
		return []rminfo.Class{rminfo.DV_TEXT}, []template.NodeID{template.NoNode}
	}
	return classes, nodes
}

// open says whether a coded value may take codes the form does not list.
func (f *Form) open(item *Item) bool {
	return item.Class == rminfo.DV_CODED_TEXT && len(f.options(item, "")) == 0
}

// words names a class for a person who fills a form.
func words(c rminfo.Class) string {
	switch c {
	case rminfo.DV_TEXT:
		return "Text"
	case rminfo.DV_CODED_TEXT:
		return "Choice"
	case rminfo.DV_QUANTITY:
		return "Quantity"
	case rminfo.DV_COUNT:
		return "Count"
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		return "Score"
	case rminfo.DV_BOOLEAN:
		return "Yes or no"
	case rminfo.DV_DATE:
		return "Date"
	case rminfo.DV_TIME:
		return "Time"
	case rminfo.DV_DATE_TIME:
		return "Date and time"
	case rminfo.DV_DURATION:
		return "Duration"
	}
	return c.Name()
}

// option is one permitted answer of a coded question.
type option struct {
	terminology, code, display string
	// value is the number of an ordinal or a scale, "" for others.
	value string
}

// options lists what the template permits for a coded question, in its order.
func (f *Form) options(item *Item, lang string) []option {
	if item.Value == template.NoNode {
		return nil
	}
	var out []option
	constraint := f.Template.Node(item.Value).Constraint
	if constraint == nil {
		for _, attr := range []rminfo.Attr{rminfo.A_defining_code, rminfo.A_symbol} {
			for _, child := range f.Template.Children(item.Value, attr) {
				if constraint == nil {
					constraint = f.Template.Node(child).Constraint
				}
			}
		}
	}
	add := func(code aom.Code, rubric, value string) {
		if rubric == "" {
			if term, ok := f.Template.Term(item.Value, code.Code, lang); ok && code.Terminology == "local" {
				rubric = term.Text()
			} else {
				rubric = openEHRRubric(code)
			}
		}
		out = append(out, option{code.Terminology, code.Code, rubric, value})
	}
	switch c := constraint.(type) {
	case *aom.CodePhrase:
		for _, code := range c.Codes {
			add(aom.Code{Terminology: c.Terminology, Code: code}, "", "")
		}
	case *aom.Ordinal:
		for _, o := range c.Items {
			add(o.Symbol, f.symbolText(item, o, lang), o.Value)
		}
	case *aom.Scale:
		for _, o := range c.Items {
			add(o.Symbol, f.symbolText(item, o, lang), o.Value)
		}
	}
	return out
}

// symbolText prefers the term of the language to the tool's rubric.
func (f *Form) symbolText(item *Item, o aom.OrdinalItem, lang string) string {
	if term, ok := f.Template.Term(item.Value, o.Symbol.Code, lang); ok && o.Symbol.Terminology == "local" {
		return term.Text()
	}
	return o.Text
}
