package example

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// Options choose what is made.
type Options struct {
	// Pick gives a number from 0 to below n; nil always gives 0.
	Pick func(n int) int
	// Sparse makes a random document by Pick: optional nodes are left out, others
	// repeat, have no value but a reason, and bear all that a node may bear. Else
	// every node that the level shows is there once.
	Sparse bool
	Level  Level
}

// Document makes a document with its context under ctx.
func Document(w *webtemplate.WebTemplate, o Options) *syntax.Item {
	m := &maker{o: o, w: w}
	if m.o.Pick == nil {
		m.o.Pick = func(int) int { return 0 }
	}
	doc := &syntax.Item{}
	ctx := doc.Child("ctx", 0, false)
	for _, kv := range [...][2]string{
		{"language", m.language(w)}, {"territory", "GB"}, {"composer_name", "Max Mustermann"}, {"time", "2022-02-03T04:05:06Z"},
		{"id_namespace", "EXAMPLE"}, {"id_scheme", "example"},
	} {
		ctx.Child(kv[0], 0, false).Set("", syntax.String, kv[1])
	}
	body := doc.Child(w.Root.ID, 0, false)
	m.children(w.Root, body)
	m.root(w, body)
	return doc
}

type maker struct {
	o Options
	w *webtemplate.WebTemplate
}

func (m *maker) pick(n int) int {
	if n <= 1 {
		return 0
	}
	return m.o.Pick(n)
}

func (m *maker) children(n *webtemplate.Node, it *syntax.Item) {
	if n.Class == rminfo.ELEMENT && len(n.Children) > 1 {
		m.occurrences(n.Children[m.pick(len(n.Children))], it)
		return
	}
	if !m.o.Sparse {
		for _, c := range m.chosen(n) {
			m.occurrences(c, it)
		}
		return
	}
	for _, c := range n.Children {
		m.occurrences(c, it)
	}
	m.content(n, it)
}

// units are some of the properties of the openEHR terminology, for quantities
// whose template names no unit.
var units = map[string]string{"122": "m", "124": "kg", "125": "mm[Hg]", "127": "Cel", "128": "s", "129": "l"}

// given are in-context nodes that have no default.
func given(n *webtemplate.Node) bool {
	switch n.Chain[len(n.Chain)-1].Attr {
	case rminfo.A_ism_transition, rminfo.A_current_state, rminfo.A_width, rminfo.A_math_function, rminfo.A_value:
		return true
	}
	return false
}

func (m *maker) occurrences(n *webtemplate.Node, it *syntax.Item) {
	if n.InContext && !given(n) {
		if n.Class == rminfo.DV_DATE_TIME && n.Chain[len(n.Chain)-1].Attr != rminfo.A_expiry_time && m.one(6) {
			it.Child(n.ID, 0, false).Set("", syntax.String, m.any(dateTimes...))
		}
		return
	}
	count := max(n.Min, 1)
	if m.o.Sparse {
		if n.Min == 0 && m.pick(2) == 0 {
			return
		}
		if n.Repeats() {
			count = max(n.Min, 1) + m.pick(3)
			if n.Max != webtemplate.Unbounded {
				count = min(count, n.Max)
			}
		}
	}
	for i := range count {
		m.node(n, it.Child(n.ID, i, n.Repeats()))
	}
}

func (m *maker) node(n *webtemplate.Node, it *syntax.Item) {
	if m.nothing(n, it) {
		return
	}
	m.value(n, it)
	switch {
	case it.Empty() || !m.o.Sparse:
	case n.Class.IsA(rminfo.DATA_VALUE):
		m.extras(n, it)
		if last := len(n.Chain) - 1; last > 0 && n.Chain[last-1].Class == rminfo.ELEMENT {
			m.attributes(m.w, n, it)
		}
	case n.Class.Locatable():
		m.attributes(m.w, n, it)
		m.width(n, it)
		if n.Class.IsA(rminfo.ENTRY) {
			m.entry(n, it)
		}
	}
}

func (m *maker) value(n *webtemplate.Node, it *syntax.Item) {
	switch {
	case n.Class == rminfo.ISM_TRANSITION:
		m.transition(n, it)
	case n.Class == rminfo.DV_INTERVAL:
		m.interval(n, it)
	case values[n.Class] != nil:
		values[n.Class](m, n, it)
	default:
		m.children(n, it)
	}
}

// transition takes a step and a state that belong together.
func (m *maker) transition(n *webtemplate.Node, it *syntax.Item) {
	state := n.Child("current_state").Inputs[0].List
	code := state[m.pick(len(state))].Value
	if step := n.Child("careflow_step"); len(step.Inputs) > 0 && len(step.Inputs[0].List) > 0 {
		option := step.Inputs[0].List[m.pick(len(step.Inputs[0].List))]
		if len(option.CurrentStates) > 0 {
			code = option.CurrentStates[m.pick(len(option.CurrentStates))]
			it.Child("careflow_step", 0, false).Set("code", syntax.String, option.Value)
		}
	} else if alternatives := m.alternatives(n); len(alternatives) > 0 && !m.o.Sparse {
		// Of a step without a term the web template has no list.
		if first := m.constant(alternatives[0], rminfo.A_careflow_step); first != "" {
			step := it.Child("careflow_step", 0, false)
			step.Set("code", syntax.String, first)
			step.Set("value", syntax.String, "Example")
			step.Set("terminology", syntax.String, "local")
		}
		if first := m.constant(alternatives[0], rminfo.A_current_state); first != "" {
			code = first
		}
	}
	it.Child("current_state", 0, false).Set("code", syntax.String, code)
}

// alternatives are the template nodes for the transition of an action.
func (m *maker) alternatives(n *webtemplate.Node) []template.NodeID {
	if n.Parent == nil || n.Parent.Template == template.NoNode {
		return nil
	}
	return m.w.Template.Children(n.Parent.Template, rminfo.A_ism_transition)
}

// constant is the first code that a template node allows for a coded attribute,
// "" without any.
func (m *maker) constant(id template.NodeID, attr rminfo.Attr) string {
	for _, text := range m.w.Template.Children(id, attr) {
		for _, phrase := range m.w.Template.Children(text, rminfo.A_defining_code) {
			if codes, ok := m.w.Template.Node(phrase).Constraint.(*aom.CodePhrase); ok && len(codes.Codes) > 0 {
				return codes.Codes[0]
			}
		}
	}
	return ""
}

func (m *maker) interval(n *webtemplate.Node, it *syntax.Item) {
	class := rminfo.DV_QUANTITY
	if _, inner, ok := strings.Cut(strings.TrimSuffix(n.RMType, ">"), "<"); ok {
		if c, known := rminfo.ClassByName(inner); known && !c.Abstract() {
			class = c
		}
	}
	open := ""
	if m.one(4) {
		open = m.any("lower", "upper")
	}
	for _, end := range [...]string{"lower", "upper"} {
		bound := n.Child(end)
		if end == open && (bound == nil || bound.Min == 0) {
			continue
		}
		if bound == nil {
			bound = &webtemplate.Node{ID: end, Class: class, RMType: class.Name(), Template: template.NoNode}
		}
		if make := values[bound.Class]; make != nil {
			(&maker{}).with(make, bound, it.Child(end, 0, false))
		}
	}
}

// with makes both bounds alike, so that they are in order.
func (m *maker) with(make func(*maker, *webtemplate.Node, *syntax.Item), n *webtemplate.Node, it *syntax.Item) {
	m.o.Pick = func(int) int { return 0 }
	make(m, n, it)
}

var values map[rminfo.Class]func(*maker, *webtemplate.Node, *syntax.Item)

func init() {
	values = map[rminfo.Class]func(*maker, *webtemplate.Node, *syntax.Item){
		rminfo.DV_TEXT: (*maker).text, rminfo.DV_CODED_TEXT: (*maker).coded, rminfo.DV_STATE: (*maker).coded,
		rminfo.DV_ORDINAL: (*maker).ordinal, rminfo.DV_SCALE: (*maker).ordinal,
		rminfo.DV_QUANTITY: (*maker).quantity, rminfo.DV_COUNT: (*maker).count, rminfo.DV_PROPORTION: (*maker).proportion,
		rminfo.DV_BOOLEAN: (*maker).boolean, rminfo.DV_DURATION: (*maker).duration,
		rminfo.DV_DATE: temporal(dates), rminfo.DV_DATE_TIME: temporal(dateTimes), rminfo.DV_TIME: temporal(times),
		rminfo.DV_URI: fixed("https://example.org/1"), rminfo.DV_EHR_URI: fixed("ehr://example.org/1"),
		rminfo.DV_IDENTIFIER: func(m *maker, n *webtemplate.Node, it *syntax.Item) {
			it.Set("", syntax.String, "42"+strconv.Itoa(m.pick(9)))
			it.Set("issuer", syntax.String, "Issuer")
			it.Set("assigner", syntax.String, "Assigner")
			it.Set("type", syntax.String, "EXAMPLE")
		},
		rminfo.DV_PARSABLE: func(m *maker, n *webtemplate.Node, it *syntax.Item) {
			it.Set("", syntax.String, "Lorem ipsum")
			formalism := "text/plain"
			if in := input(n, "formalism"); in != nil && len(in.List) > 0 {
				formalism = in.List[m.pick(len(in.List))].Value
			}
			it.Set("formalism", syntax.String, formalism)
		},
		rminfo.DV_MULTIMEDIA: func(m *maker, n *webtemplate.Node, it *syntax.Item) {
			it.Set("", syntax.String, "https://example.org/image.png")
			it.Set("mediatype", syntax.String, "image/png")
		},
	}
}

func fixed(text string) func(*maker, *webtemplate.Node, *syntax.Item) {
	return func(_ *maker, _ *webtemplate.Node, it *syntax.Item) { it.Set("", syntax.String, text) }
}

// temporal cuts off what the template's pattern disallows.
func temporal(values []string) func(*maker, *webtemplate.Node, *syntax.Item) {
	return func(m *maker, n *webtemplate.Node, it *syntax.Item) {
		value := values[0]
		if in := input(n, ""); in != nil && in.Validation != nil {
			if at := strings.Index(in.Validation.Pattern, "XX"); at > 0 {
				value = value[:min(at-1, len(value))]
			}
		} else if m.o.Sparse {
			value = m.any(values...)
		}
		it.Set("", syntax.String, value)
	}
}

func input(n *webtemplate.Node, suffix string) *webtemplate.Input {
	for i := range n.Inputs {
		if n.Inputs[i].Suffix == suffix {
			return &n.Inputs[i]
		}
	}
	return nil
}

func (m *maker) text(n *webtemplate.Node, it *syntax.Item) {
	text := m.any(texts...)
	if !m.o.Sparse {
		text = texts[0]
	}
	if in := input(n, ""); in != nil && len(in.List) > 0 {
		text = in.List[m.pick(len(in.List))].Value
	}
	if n.Inputs != nil && n.Inputs[0].List == nil && !n.InContext && m.one(8) {
		it.Set("code", syntax.String, "42")
		it.Set("value", syntax.String, text)
		it.Set("terminology", syntax.String, "SNOMED-CT")
		return
	}
	it.Set("", syntax.String, text)
}

func (m *maker) coded(n *webtemplate.Node, it *syntax.Item) {
	if n.Other && m.pick(5) == 4 {
		it.Set("other", syntax.String, "Lorem ipsum")
		return
	}
	in := input(n, "code")
	if in != nil && len(in.List) > 0 {
		option := in.List[m.pick(len(in.List))]
		it.Set("code", syntax.String, option.Value)
		if option.Label == "" {
			it.Set("value", syntax.String, "Example")
		}
		return
	}
	if n.Chain != nil && n.Chain[len(n.Chain)-1].Attr == rminfo.A_math_function {
		it.Set("code", syntax.String, "146")
		return
	}
	terminology := "SNOMED-CT"
	if in != nil && in.Terminology != "" && !strings.ContainsAny(in.Terminology, "/?") {
		terminology = in.Terminology
	}
	it.Set("code", syntax.String, "42")
	it.Set("value", syntax.String, "Example")
	it.Set("terminology", syntax.String, terminology)
	if n.Class == rminfo.DV_STATE {
		it.Set("is_terminal", syntax.Boolean, "false")
	}
}

func (m *maker) ordinal(n *webtemplate.Node, it *syntax.Item) {
	if in := input(n, ""); in != nil && len(in.List) > 0 {
		it.Set("code", syntax.String, in.List[m.pick(len(in.List))].Value)
		return
	}
	it.Set("code", syntax.String, "at0001")
	it.Set("value", syntax.String, "Example")
	it.Set("ordinal", syntax.Number, "1")
}

func (m *maker) quantity(n *webtemplate.Node, it *syntax.Item) {
	unit, limits := "1", (*webtemplate.Validation)(nil)
	if in := input(n, "unit"); in != nil && len(in.List) > 0 {
		option := in.List[m.pick(len(in.List))]
		unit, limits = option.Value, option.Validation
	} else if n.Template != template.NoNode && m.w != nil {
		if q, ok := m.w.Template.Node(n.Template).Constraint.(*aom.Quantity); ok && q.Property != nil && units[q.Property.Code] != "" {
			unit = units[q.Property.Code]
		}
	}
	it.Set("magnitude", syntax.Number, m.number(limits, false))
	it.Set("unit", syntax.String, unit)
}

// number picks one within the limits.
func (m *maker) number(v *webtemplate.Validation, whole bool) string {
	low, high := 1.0, 0.0
	if v != nil && v.Range != nil {
		if f, err := strconv.ParseFloat(v.Range.Min, 64); err == nil {
			low = f
			if v.Range.MinOp == ">" {
				low++
			}
		}
		if f, err := strconv.ParseFloat(v.Range.Max, 64); err == nil {
			high = f
			if v.Range.Min == "" || low > high {
				low = high - 1
			}
		}
	}
	if step := float64(m.pick(5)); high == 0 || low+step < high {
		low += step
	}
	if !whole && v == nil && m.pick(2) == 1 {
		low += 0.5
	}
	return strconv.FormatFloat(low, 'f', -1, 64)
}

func (m *maker) count(n *webtemplate.Node, it *syntax.Item) {
	in := input(n, "")
	switch {
	case in == nil:
		it.Set("", syntax.Number, m.number(nil, true))
	case len(in.List) > 0:
		it.Set("", syntax.Number, in.List[m.pick(len(in.List))].Value)
	default:
		it.Set("", syntax.Number, m.number(in.Validation, true))
	}
}

// kinds are the numbers of the proportion kinds.
var kinds = map[string]string{"ratio": "0", "unitary": "1", "percent": "2", "fraction": "3", "integer_fraction": "4"}

func (m *maker) proportion(n *webtemplate.Node, it *syntax.Item) {
	kind, limits := "ratio", (*webtemplate.Validation)(nil)
	if len(n.ProportionTypes) > 0 {
		kind = n.ProportionTypes[m.pick(len(n.ProportionTypes))]
	}
	if in := input(n, "numerator"); in != nil {
		limits = in.Validation
	}
	denominator := map[string]string{"unitary": "1", "percent": "100"}[kind]
	if denominator == "" {
		denominator = "2"
	}
	numerator := m.number(limits, true)
	if m.w != nil && !m.o.Sparse && !strings.HasSuffix(kind, "fraction") && slices.Contains(m.w.Integral(n), false) && !strings.Contains(numerator, ".") {
		numerator += ".5"
	}
	it.Set("numerator", syntax.Number, numerator)
	it.Set("denominator", syntax.Number, denominator)
	it.Set("type", syntax.Number, kinds[kind])
}

func (m *maker) boolean(n *webtemplate.Node, it *syntax.Item) {
	value := [...]string{"true", "false"}[m.pick(2)]
	if in := input(n, ""); in != nil && len(in.List) > 0 {
		value = in.List[0].Value
	}
	it.Set("", syntax.Boolean, value)
}

// durationFields is how many fields a duration without a pattern has.
var durationFields = [...]string{"year", "month", "day", "week", "hour", "minute", "second"}

func (m *maker) duration(n *webtemplate.Node, it *syntax.Item) {
	limited := slices.ContainsFunc(n.Inputs, func(in webtemplate.Input) bool {
		return in.Validation != nil && in.Validation.Range != nil && in.Validation.Range.Max != ""
	})
	if len(n.Inputs) == 0 || !limited && len(n.Inputs) == len(durationFields) && m.one(2) {
		it.Set("", syntax.String, m.any(durations...))
		return
	}
	in := n.Inputs[m.pick(len(n.Inputs))]
	if m.o.Sparse {
		it.Set(in.Suffix, syntax.Number, m.number(in.Validation, true))
		return
	}
	// The field that the limits are about; without limits one of the first.
	value := "1"
	for _, field := range n.Inputs {
		if v := field.Validation; v != nil && v.Range != nil && (v.Range.Max != "" || v.Range.Min != "" && v.Range.Min != "0") {
			in, value = field, m.number(v, true)
		}
	}
	it.Set(in.Suffix, syntax.Number, value)
}
