package sdc

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// itemType is the FHIR type of the question for a class of value. What has no
// question of its own is carried as text: the canonical JSON of the value, which
// a renderer returns unchanged.
func itemType(c rminfo.Class) string {
	switch c {
	case rminfo.DV_TEXT, rminfo.DV_URI, rminfo.DV_EHR_URI, rminfo.DV_DURATION, rminfo.String, rminfo.CODE_PHRASE:
		return "string"
	case rminfo.DV_CODED_TEXT, rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		return "choice"
	case rminfo.DV_QUANTITY:
		return "quantity"
	case rminfo.DV_COUNT, rminfo.Integer:
		return "integer"
	case rminfo.Real:
		return "decimal"
	case rminfo.DV_BOOLEAN, rminfo.Boolean:
		return "boolean"
	case rminfo.DV_DATE:
		return "date"
	case rminfo.DV_TIME:
		return "time"
	case rminfo.DV_DATE_TIME:
		return "dateTime"
	case rminfo.DV_MULTIMEDIA:
		return "attachment"
	}
	return "text"
}

// shape gives a question the type its value has, and what the template fixes of it.
func (f *Form) shape(i *Item) {
	i.Type = itemType(i.Class)
	switch i.Class {
	case rminfo.DV_PROPORTION:
		if i.Fixed, i.Type = f.fixedKind(i.Value), "decimal"; i.Fixed == percent {
			i.Type = "quantity"
		}
	case rminfo.DV_DURATION:
		if i.Fixed = f.durationUnit(i.Value); i.Fixed != "" {
			i.Type = "quantity"
		}
	case rminfo.DV_COUNT:
		if f.largeCounts(i.Value) {
			i.Type = "decimal"
		}
	}
	f.openChoice(i)
}

func (f *Form) addElement(group *Item, element template.NodeID) {
	n := f.Template.Node(element)
	base := Item{Kind: Question, Node: element, LinkID: f.label(element), Required: n.Occurrences.Min > 0, Repeats: n.Occurrences.Many()}
	classes, nodes := f.valueClasses(element)
	if len(classes) == 1 && f.valueFields(classes[0], nodes[0]) == nil {
		item := base
		item.Class, item.Value = classes[0], nodes[0]
		f.shape(&item)
		f.byNode[element] = f.addQuestion(group, &item)
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
		f.byNode[element] = f.addQuestion(group, &item)
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
		f.addKey(placed, element)
	}
	if len(classes) > 1 {
		f.addAside(placed, placed, &Item{Type: "choice", LinkID: "_type", Text: "Kind of answer"})
	}
	for i, c := range classes {
		prefix := ""
		if len(classes) > 1 {
			prefix = c.Name()[3:] + "_"
		}
		if fields := f.valueFields(c, nodes[i]); fields != nil {
			f.addParts(placed, c, nodes[i], prefix, fields)
			continue
		}
		option := &Item{Kind: Part, Node: element, Value: nodes[i], Class: c, Of: c, Text: words(c), LinkID: prefix + "value"}
		f.shape(option)
		f.add(placed, option)
	}
	f.addNullAsides(placed, placed)
}

func (f *Form) addQuestion(group, item *Item) *Item {
	placed := f.add(group, item)
	if !placed.Repeats {
		f.addNullAsides(group, placed)
	}
	return placed
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

// words names a class for a person who fills a form.
func words(c rminfo.Class) string {
	if w := classWords[c]; w != "" {
		return w
	}
	return c.Name()
}

var classWords = map[rminfo.Class]string{
	rminfo.DV_TEXT: "Text", rminfo.DV_CODED_TEXT: "Choice", rminfo.DV_QUANTITY: "Quantity", rminfo.DV_COUNT: "Count",
	rminfo.DV_ORDINAL: "Score", rminfo.DV_SCALE: "Score", rminfo.DV_BOOLEAN: "Yes or no", rminfo.DV_DATE: "Date", rminfo.DV_TIME: "Time",
	rminfo.DV_DATE_TIME: "Date and time", rminfo.DV_DURATION: "Duration", rminfo.DV_PROPORTION: "Proportion", rminfo.DV_INTERVAL: "Range",
	rminfo.DV_IDENTIFIER: "Identifier", rminfo.DV_MULTIMEDIA: "File", rminfo.DV_PARSABLE: "Formatted text", rminfo.DV_URI: "Address", rminfo.DV_EHR_URI: "Address in the record",
	rminfo.POINT_EVENT: "At one time", rminfo.INTERVAL_EVENT: "Over a span of time",
}

// option is one permitted answer of a coded question.
type option struct {
	terminology, code, display string
	// value is the number of an ordinal or a scale, "" for others.
	value string
}

// options lists what is permitted for a coded question, in the template's order.
func (f *Form) options(item *Item, lang string) []option {
	if item.Kind == Aside && item.Attr == 0 {
		return classOptions(f.classes(item))
	}
	if item.kindOfProportion() {
		return kindOptions(f.proportionKinds(item.Value))
	}
	if item.Value == template.NoNode && len(item.More) == 0 {
		return groupOptions(item.Terms)
	}
	var out []option
	seen := map[aom.Code]bool{}
	for _, node := range append([]template.NodeID{item.Value}, item.More...) {
		if node == template.NoNode {
			continue
		}
		for _, o := range f.optionsAt(item, node, lang) {
			if code := (aom.Code{Terminology: o.terminology, Code: o.code}); !seen[code] {
				seen[code] = true
				out = append(out, o)
			}
		}
	}
	if len(out) == 0 {
		return groupOptions(item.Terms)
	}
	return out
}

func groupOptions(g terminology.Group) []option {
	if g == "" {
		return nil
	}
	var out []option
	for _, c := range terminology.Concepts(g) {
		out = append(out, option{terminology.ID, c.Code, c.Rubric, ""})
	}
	return out
}

// rmSystem is the code system of the classes of the reference model.
const rmSystem = "http://openehr.org/rm"

func classOptions(classes []rminfo.Class) []option {
	var out []option
	for _, c := range classes {
		out = append(out, option{rmSystem, c.Name(), words(c), ""})
	}
	return out
}

// classes are what a selector chooses from: the kinds of an event, or those of
// the value of an ELEMENT.
func (f *Form) classes(selector *Item) []rminfo.Class {
	if selector.About.Kind == Group {
		return []rminfo.Class{rminfo.POINT_EVENT, rminfo.INTERVAL_EVENT}
	}
	var out []rminfo.Class
	for _, p := range selector.About.Children {
		if p.Kind == Part && !slices.Contains(out, p.Of) {
			out = append(out, p.Of)
		}
	}
	return out
}

func (f *Form) optionsAt(item *Item, node template.NodeID, lang string) []option {
	var out []option
	constraint := f.Template.Node(node).Constraint
	if constraint == nil {
		for _, attr := range []rminfo.Attr{rminfo.A_defining_code, rminfo.A_symbol} {
			for _, child := range f.Template.Children(node, attr) {
				if constraint == nil {
					constraint = f.Template.Node(child).Constraint
				}
			}
		}
	}
	add := func(code aom.Code, rubric string) {
		if rubric == "" {
			if term, ok := f.Template.Term(node, code.Code, lang); ok && code.Terminology == "local" {
				rubric = term.Text()
			} else if term, ok := f.Template.Term(node, code.Terminology+"::"+code.Code, lang); ok {
				rubric = term.Text() // of another terminology, as the designers of templates write it
			} else if own, ok := terminology.Rubric(item.Terms, code.Code); ok {
				rubric = own
			} else {
				rubric = openEHRRubric(code)
			}
		}
		out = append(out, option{code.Terminology, code.Code, rubric, ""})
	}
	switch c := constraint.(type) {
	case *aom.CodePhrase:
		for _, code := range c.Codes {
			add(aom.Code{Terminology: c.Terminology, Code: code}, "")
		}
	case *aom.CodeReference:
		for _, code := range c.Codes {
			add(aom.Code{Terminology: c.Terminology, Code: code}, "")
		}
	case *aom.Ordinal:
		for _, o := range c.Items {
			out = append(out, option{o.Symbol.Terminology, o.Symbol.Code, f.symbolText(node, o, lang), o.Value})
		}
	case *aom.Scale:
		for _, o := range c.Items {
			out = append(out, option{o.Symbol.Terminology, o.Symbol.Code, f.symbolText(node, o, lang), o.Value})
		}
	}
	return out
}

// symbolText prefers the term of the language to the tool's rubric.
func (f *Form) symbolText(node template.NodeID, o aom.OrdinalItem, lang string) string {
	if term, ok := f.Template.Term(node, o.Symbol.Code, lang); ok && o.Symbol.Terminology == "local" {
		return term.Text()
	}
	if o.Text == "" {
		return openEHRRubric(o.Symbol)
	}
	return o.Text
}
