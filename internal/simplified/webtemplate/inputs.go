package webtemplate

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// inputs fills in what a form asks for at a node: by its class, one table.
func (b *builder) inputs(n *Node) {
	if make := inputsOf[n.Class]; make != nil {
		n.Inputs = make(b, n)
	}
}

var inputsOf map[rminfo.Class]func(*builder, *Node) []Input

func init() {
	text := func(b *builder, n *Node) []Input { return []Input{b.text(n, "", rminfo.A_value)} }
	inputsOf = map[rminfo.Class]func(*builder, *Node) []Input{
		rminfo.DV_TEXT: text, rminfo.DV_URI: text, rminfo.DV_EHR_URI: text, rminfo.DV_MULTIMEDIA: text, rminfo.String: text,
		rminfo.DV_CODED_TEXT: (*builder).coded, rminfo.DV_STATE: (*builder).coded,
		rminfo.DV_ORDINAL: (*builder).ordinal, rminfo.DV_SCALE: (*builder).ordinal,
		rminfo.DV_QUANTITY: (*builder).quantity, rminfo.DV_COUNT: (*builder).count,
		rminfo.DV_PROPORTION: (*builder).proportion, rminfo.DV_DURATION: (*builder).duration,
		rminfo.DV_BOOLEAN: (*builder).boolean,
		rminfo.DV_DATE:    moment("DATE"), rminfo.DV_TIME: moment("TIME"), rminfo.DV_DATE_TIME: moment("DATETIME"),
		rminfo.DV_IDENTIFIER: func(b *builder, n *Node) []Input {
			return []Input{b.text(n, "id", rminfo.A_id), b.text(n, "type", rminfo.A_type), b.text(n, "issuer", rminfo.A_issuer), b.text(n, "assigner", rminfo.A_assigner)}
		},
		rminfo.DV_PARSABLE: func(b *builder, n *Node) []Input {
			return []Input{b.text(n, "value", rminfo.A_value), b.text(n, "formalism", rminfo.A_formalism)}
		},
		rminfo.PARTY_PROXY: party, rminfo.PARTY_IDENTIFIED: party,
	}
}

func party(b *builder, n *Node) []Input {
	out := make([]Input, 0, 4)
	for _, suffix := range [...]string{"id", "id_scheme", "id_namespace", "name"} {
		out = append(out, Input{Suffix: suffix, Type: "TEXT"})
	}
	return out
}

// primitive is the constraint on an attribute of a data value.
func (b *builder) primitive(n *Node, attr rminfo.Attr) aom.Constraint {
	if n.Template == template.NoNode {
		return nil
	}
	for _, child := range b.t.Children(n.Template, attr) {
		if c := b.t.Node(child).Constraint; c != nil {
			return c
		}
	}
	return nil
}

// constraint is the domain constraint on the value itself.
func (b *builder) constraint(n *Node) aom.Constraint {
	if n.Template == template.NoNode {
		return nil
	}
	return b.t.Node(n.Template).Constraint
}

// preset is the template's default value of a class at a node or at the element
// above it, nil without one.
func (b *builder) preset(n *Node) *aom.Value {
	for id := n.Template; id != template.NoNode; id = b.t.Node(id).Parent {
		tn := b.t.Node(id)
		if v := tn.Default; v != nil && v.Type == n.Class.Name() {
			return v
		}
		if tn.Class == rminfo.ELEMENT {
			return nil
		}
	}
	return nil
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	out, _ := json.Marshal(text)
	return string(out)
}

func (b *builder) text(n *Node, suffix string, attr rminfo.Attr) Input {
	in := Input{Suffix: suffix, Type: "TEXT"}
	if s, ok := b.primitive(n, attr).(*aom.String); ok {
		if s.HasPattern {
			in.Validation = &Validation{Pattern: s.Pattern}
		}
		for _, v := range s.List {
			in.List = append(in.List, Option{Value: v, Label: v, HasLabel: true})
		}
		in.ListOpen, in.HasListOpen = s.ListOpen, true
	}
	if v := b.preset(n); v != nil {
		in.Default = quoted(v.TextAt(attr.Name()))
	}
	return in
}

// option is a code with its terms.
func (b *builder) option(id template.NodeID, terminologyID, code string) Option {
	o := Option{Value: code}
	if terminologyID == terminology.ID {
		o.Label, o.HasLabel = openEHRRubric(code)
		for _, lang := range b.web.Languages {
			rubric := ""
			if strings.HasPrefix(lang, "en") {
				rubric = o.Label
			}
			o.LocalizedLabels = append(o.LocalizedLabels, Localized{lang, rubric})
		}
		return o
	}
	key := code
	if terminologyID != "local" {
		key = terminologyID + "::" + code
	}
	if term, ok := b.t.Term(id, key, ""); ok {
		o.Label, o.HasLabel = term.Text(), true
	}
	for _, lang := range b.web.Languages {
		term, ok := b.t.TermExact(id, key, lang)
		if ok && hasItem(term, "description") {
			o.LocalizedDescriptions = append(o.LocalizedDescriptions, Localized{lang, term.Description()})
		}
		o.LocalizedLabels = append(o.LocalizedLabels, Localized{lang, term.Text()})
	}
	o.TermBindings = b.bindings(id, code)
	return o
}

// openEHRRubric finds a code in any group: web templates list codes whose group
// only the attribute tells.
func openEHRRubric(code string) (string, bool) {
	for _, g := range [...]terminology.Group{
		terminology.CompositionCategory, terminology.Setting, terminology.EventMathFunction, terminology.NullFlavours,
		terminology.InstructionStates, terminology.InstructionTransitions, terminology.ParticipationMode,
		terminology.ParticipationFunction, terminology.SubjectRelationship, terminology.TermMappingPurpose, terminology.Property,
	} {
		if rubric, ok := terminology.Rubric(g, code); ok {
			return rubric, true
		}
	}
	return "", false
}

func (b *builder) coded(n *Node) []Input {
	preset := b.preset(n)
	code, value := quoted(preset.TextAt("defining_code", "code_string")), quoted(preset.TextAt("value"))
	var phrase *aom.CodePhrase
	terminologyID := ""
	switch c := b.primitive(n, rminfo.A_defining_code).(type) {
	case *aom.CodePhrase:
		phrase, terminologyID = c, c.Terminology
	case *aom.CodeReference:
		terminologyID = strings.TrimPrefix(c.ReferenceSetURI, "terminology:")
		if terminologyID == "" {
			return nil
		}
		phrase = &c.CodePhrase
	}
	var out []Input
	if phrase != nil && len(phrase.Codes) > 0 {
		in := Input{Suffix: "code", Type: "CODED_TEXT", Default: code}
		if phrase.Assumed != nil && code == "" {
			in.Default = quoted(phrase.Assumed.Code)
		}
		at := b.t.Children(n.Template, rminfo.A_defining_code)[0]
		for _, c := range phrase.Codes {
			in.List = append(in.List, b.option(at, terminologyID, c))
		}
		if terminologyID != "local" {
			in.Terminology = terminologyID
		}
		out = []Input{in}
	} else if n.Chain[0].Attr == rminfo.A_math_function && n.Template == template.NoNode {
		in := Input{Suffix: "code", Type: "CODED_TEXT"}
		for _, c := range terminology.Concepts(terminology.EventMathFunction) {
			in.List = append(in.List, Option{Value: c.Code, Label: c.Rubric, HasLabel: true})
		}
		out = []Input{{Suffix: "code", Type: "TEXT"}, {Suffix: "value", Type: "TEXT"}}
	} else {
		if phrase != nil && phrase.Assumed != nil && code == "" {
			code = quoted(phrase.Assumed.Code)
		}
		out = []Input{{Suffix: "code", Type: "TEXT", Terminology: terminologyID, Default: code}, {Suffix: "value", Type: "TEXT", Terminology: terminologyID, Default: value}}
	}
	if s, ok := b.primitive(n, rminfo.A_value).(*aom.String); ok && s.ListOpen {
		for i := range out {
			out[i].ListOpen, out[i].HasListOpen = true, true
		}
	}
	return out
}

func (b *builder) ordinal(n *Node) []Input {
	in := Input{Type: "CODED_TEXT"}
	items, scale := ordinals(b.constraint(n))
	for _, item := range items {
		o := b.option(n.Template, item.Symbol.Terminology, item.Symbol.Code)
		o.TermBindings = nil
		if scale {
			o.Scale = item.Value
		} else {
			o.Ordinal = item.Value
		}
		in.List = append(in.List, o)
	}
	if n.Template != template.NoNode {
		in.Default = quoted(b.t.Node(n.Template).Assumed.TextAt("symbol", "defining_code", "code_string"))
	}
	if v := b.preset(n); v != nil {
		in.Default = quoted(v.TextAt("symbol", "defining_code", "code_string"))
	}
	return []Input{in}
}

func ordinals(c aom.Constraint) (items []aom.OrdinalItem, scale bool) {
	switch c := c.(type) {
	case *aom.Ordinal:
		return c.Items, false
	case *aom.Scale:
		return c.Items, true
	}
	return nil, false
}

func (b *builder) quantity(n *Node) []Input {
	magnitude, unit := Input{Suffix: "magnitude", Type: "DECIMAL"}, Input{Suffix: "unit", Type: "TEXT"}
	q, ok := b.constraint(n).(*aom.Quantity)
	if !ok {
		return []Input{magnitude, unit}
	}
	unit.Type = "CODED_TEXT"
	for _, item := range q.Items {
		o := Option{Value: item.Units, Label: item.Units, HasLabel: true}
		v := Validation{Range: interval(item.Magnitude, decimal), Precision: integers(item.Precision)}
		if v.Range != nil || v.Precision != nil {
			o.Validation = &v
		}
		for _, lang := range b.web.Languages {
			if term, ok := b.t.TermExact(n.Template, item.Units, lang); ok {
				o.LocalizedLabels = append(o.LocalizedLabels, Localized{lang, term.Text()})
			}
		}
		unit.List = append(unit.List, o)
	}
	if len(unit.List) == 1 {
		magnitude.Validation = unit.List[0].Validation
	}
	if a := b.t.Node(n.Template).Assumed; a != nil {
		magnitude.Default, unit.Default = a.TextAt("magnitude"), quoted(a.TextAt("units"))
	}
	if v := b.preset(n); v != nil {
		magnitude.Default, unit.Default = v.TextAt("magnitude"), quoted(v.TextAt("units"))
	}
	return []Input{magnitude, unit}
}

func (b *builder) count(n *Node) []Input {
	in := Input{Type: "INTEGER"}
	if c, ok := b.primitive(n, rminfo.A_magnitude).(*aom.Integer); ok {
		if r := integers(c.Range); r != nil {
			in.Validation = &Validation{Range: r}
		}
		for _, v := range c.List {
			in.List = append(in.List, Option{Value: v, Label: v, HasLabel: true})
		}
		if c.Assumed != nil {
			in.Default = *c.Assumed
		}
	}
	if v := b.preset(n); v != nil {
		in.Default = v.TextAt("magnitude")
	}
	return []Input{in}
}

func (b *builder) boolean(n *Node) []Input {
	in := Input{Type: "BOOLEAN"}
	if c, ok := b.primitive(n, rminfo.A_value).(*aom.Boolean); ok {
		if c.TrueValid != c.FalseValid {
			word := strconv.FormatBool(c.TrueValid)
			in.List = []Option{{Value: word, Label: word, HasLabel: true}}
		}
		if c.Assumed != nil {
			in.Default = strconv.FormatBool(*c.Assumed)
		}
	}
	if v := b.preset(n); v != nil {
		in.Default = v.TextAt("value")
	}
	return []Input{in}
}

func moment(kind string) func(*builder, *Node) []Input {
	return func(b *builder, n *Node) []Input {
		in := Input{Type: kind}
		var v Validation
		var assumed *string
		switch c := b.primitive(n, rminfo.A_value).(type) {
		case *aom.Date:
			v.Range, v.Pattern, assumed = interval(c.Range, plain), c.Pattern, c.Assumed
		case *aom.Time:
			v.Range, v.Pattern, assumed = interval(c.Range, plain), c.Pattern, c.Assumed
		case *aom.DateTime:
			v.Range, v.Pattern, assumed = interval(c.Range, plain), c.Pattern, c.Assumed
		}
		if v.Range != nil {
			v.Range.Quoted = true
		}
		if v.Range != nil || v.Pattern != "" {
			in.Validation = &v
		}
		if assumed != nil {
			in.Default = quoted(*assumed)
		}
		if p := b.preset(n); p != nil {
			in.Default = quoted(p.TextAt("value"))
		}
		return []Input{in}
	}
}
