package compose

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// finish fills in what the keys of an object leave to the template, to the
// terminology or to the format: labels of codes, the unit where there is one.
func (c *composer) finish(o *object, attr rminfo.Attr) {
	c.defaults(o, shape.Of(o.class).Fields)
	switch o.class {
	case rminfo.DV_CODED_TEXT:
		c.coded(o, attr)
	case rminfo.DV_STATE:
		if value := o.child(rminfo.A_value); value != nil {
			c.coded(value, attr)
		}
	case rminfo.CODE_PHRASE:
		c.phrase(o, attr)
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		c.ordinal(o)
	case rminfo.DV_QUANTITY:
		c.quantity(o)
	case rminfo.DV_PROPORTION:
		c.proportion(o)
	case rminfo.DV_INTERVAL:
		flags(o)
	case rminfo.REFERENCE_RANGE:
		if r := o.child(rminfo.A_range); r != nil {
			flags(r)
		}
	case rminfo.DV_PARSABLE:
		c.formalism(o, attr)
	case rminfo.DV_MULTIMEDIA:
		c.media(o)
	case rminfo.PARTICIPATION:
		if !o.has(rminfo.A_performer) {
			o.put(rminfo.A_performer, c.plain(rminfo.PARTY_SELF))
		}
	}
}

// defaults sets the constants of inlined objects that are there: the terminology
// of a status, the type of a reference.
func (c *composer) defaults(o *object, fields []shape.Field) {
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Inline != nil:
			child := o.child(f.Attr)
			if child == nil && f.Inline[0].Default != "" && len(o.kids) > 0 {
				child = o.one(f.Attr, f.Class)
			}
			if child != nil {
				c.defaults(child, f.Inline)
			}
		case f.Default != "" && !o.has(f.Attr):
			o.text(f.Attr, f.Default)
		}
	}
	c.references(o)
}

// references gives an external reference the namespace and scheme of the context.
func (c *composer) references(o *object) {
	if !o.class.IsA(rminfo.OBJECT_REF) {
		return
	}
	id := o.child(rminfo.A_id)
	if id == nil {
		return
	}
	if scheme := c.ctx.text("id_scheme"); scheme != "" && !id.has(rminfo.A_scheme) {
		id.text(rminfo.A_scheme, scheme)
	}
	if namespace := c.ctx.text("id_namespace"); namespace != "" && !o.has(rminfo.A_namespace) {
		o.text(rminfo.A_namespace, namespace)
	}
	id.class = shape.IDClass(id.scalar(rminfo.A_value), id.has(rminfo.A_scheme))
	if !o.has(rminfo.A_namespace) && o.class == rminfo.PARTY_REF {
		o.text(rminfo.A_namespace, "local")
	}
}

// groups are the openEHR terminology groups of coded attributes.
var groups = map[rminfo.Attr]terminology.Group{
	rminfo.A_category: terminology.CompositionCategory, rminfo.A_setting: terminology.Setting,
	rminfo.A_math_function: terminology.EventMathFunction, rminfo.A_null_flavour: terminology.NullFlavours,
	rminfo.A_current_state: terminology.InstructionStates, rminfo.A_transition: terminology.InstructionTransitions,
	rminfo.A_relationship: terminology.SubjectRelationship, rminfo.A_purpose: terminology.TermMappingPurpose,
	rminfo.A_mode: terminology.ParticipationMode,
}

// codeSets are the terminologies of attributes that hold a CODE_PHRASE.
var codeSets = map[rminfo.Attr]terminology.CodeSet{
	rminfo.A_language: terminology.Languages, rminfo.A_territory: terminology.Countries,
	rminfo.A_encoding: terminology.CharacterSets, rminfo.A_charset: terminology.CharacterSets,
}

func (c *composer) phrase(o *object, attr rminfo.Attr) {
	if id := o.one(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID); !id.has(rminfo.A_value) {
		if set, ok := codeSets[attr]; ok {
			id.text(rminfo.A_value, terminology.SetName(set))
			return
		}
		c.issue(o.web, o.item.KeyOf("terminology"), "missing", "|terminology", "none", "the terminology of the code is missing")
	}
}

// coded completes code, terminology and label of each other.
func (c *composer) coded(o *object, attr rminfo.Attr) {
	phrase := o.one(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	phrase.one(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID)
	code, value := phrase.scalar(rminfo.A_code_string), o.scalar(rminfo.A_value)
	if code != "" && value != "" && phrase.at(rminfo.A_terminology_id).has(rminfo.A_value) {
		return // nothing to complete; whether it is allowed, the validator says
	}
	list, listed := c.codes(o.node, attr, o)
	if id := phrase.one(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID); !id.has(rminfo.A_value) {
		id.text(rminfo.A_value, list.terminology)
	}
	own := phrase.at(rminfo.A_terminology_id).scalar(rminfo.A_value) == list.terminology
	switch {
	case code == "" && value != "":
		code = list.code(value)
		if code == "" {
			c.issue(o.web, o.item.KeyOf("value"), "code", list.expected("|code, or a label of the template"), "another label", "no code has this label")
			return
		}
		phrase.text(rminfo.A_code_string, code)
	case code != "" && value == "" && own:
		if value = list.label(code); value == "" {
			// The label may have been given in the place of the code.
			if named := list.code(code); named != "" {
				phrase.set(rminfo.A_code_string, named)
				value = list.label(named)
			}
		}
	}
	if code == "" && value == "" {
		return
	}
	if value == "" {
		message := "the label of the code is not known"
		switch {
		case listed:
			message = "the code is not in the template's list"
		case len(list.options) > 0:
			message = "the code is none of those that may stand here"
		}
		c.issue(o.web, o.item.KeyOf("code"), "code", list.expected("|value beside the code"), "another code", message)
		return
	}
	o.set(rminfo.A_value, value)
}

// codeList is what may stand at a coded value.
type codeList struct {
	terminology string
	options     []terminology.Concept
}

func (l codeList) label(code string) string {
	for _, o := range l.options {
		if o.Code == code {
			return o.Rubric
		}
	}
	return ""
}

func (l codeList) code(label string) string {
	for _, o := range l.options {
		if strings.EqualFold(o.Rubric, label) {
			return o.Code
		}
	}
	return ""
}

// expected lists the codes, not too many.
func (l codeList) expected(otherwise string) string {
	if len(l.options) == 0 {
		return otherwise
	}
	var b strings.Builder
	for i, o := range l.options {
		if i == 20 {
			b.WriteString(", and " + strconv.Itoa(len(l.options)-i) + " more")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(o.Code + " (" + o.Rubric + ")")
	}
	return b.String()
}

// codes lists the codes of a coded value; listed says that the template names
// them one by one.
func (c *composer) codes(node template.NodeID, attr rminfo.Attr, o *object) (list codeList, listed bool) {
	list.terminology = "external"
	if node != template.NoNode {
		for _, child := range c.t.Children(node, rminfo.A_defining_code) {
			switch constraint := c.t.Node(child).Constraint.(type) {
			case *aom.CodePhrase:
				if constraint.Terminology != "" {
					list.terminology = constraint.Terminology
				}
				for _, code := range constraint.Codes {
					list.options = append(list.options, terminology.Concept{Code: code, Rubric: c.rubric(child, list.terminology, code, attr)})
				}
				return list, len(list.options) > 0
			case *aom.CodeReference:
				if name, ok := strings.CutPrefix(constraint.ReferenceSetURI, "terminology:"); ok {
					name, _, _ = strings.Cut(name, "?")
					if name, _, _ = strings.Cut(name, "/"); name != "" {
						list.terminology = name
					}
				}
				return list, false
			}
		}
	}
	if g, ok := groups[attr]; ok {
		return codeList{terminology.ID, terminology.Concepts(g)}, false
	}
	if attr == rminfo.A_careflow_step {
		return c.careflow(o), true
	}
	return list, false
}

// careflow lists the careflow steps of the ACTION around a transition.
func (c *composer) careflow(o *object) codeList {
	list := codeList{terminology: "local"}
	n := o.web
	for n != nil && n.Class != rminfo.ACTION {
		n = n.Parent
	}
	if n == nil || n.Template == template.NoNode {
		return list
	}
	for _, step := range c.t.Children(n.Template, rminfo.A_ism_transition) {
		if code := c.t.Node(step).NodeID; code != "" {
			list.options = append(list.options, terminology.Concept{Code: code, Rubric: c.rubric(step, "local", code, 0)})
		}
	}
	return list
}

// rubric is the label of a code in the language of the composition.
func (c *composer) rubric(id template.NodeID, terminologyID, code string, attr rminfo.Attr) string {
	switch terminologyID {
	case terminology.ID:
		if g, ok := groups[attr]; ok {
			text, _ := terminology.Rubric(g, code)
			return text
		}
		for _, g := range groups {
			if text, ok := terminology.Rubric(g, code); ok {
				return text
			}
		}
		return ""
	case "local":
		term, _ := c.t.Term(id, code, c.lang)
		return term.Text()
	}
	term, _ := c.t.Term(id, terminologyID+"::"+code, c.lang)
	return term.Text()
}

// ordinal completes an ordinal from the template's list by its code, its number
// or its label.
func (c *composer) ordinal(o *object) {
	symbol := o.one(rminfo.A_symbol, rminfo.DV_CODED_TEXT)
	phrase := symbol.one(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	code, label, number := phrase.scalar(rminfo.A_code_string), symbol.scalar(rminfo.A_value), o.scalar(rminfo.A_value)
	defer func() { c.defaults(o, shape.Of(o.class).Fields) }()
	if code != "" && label != "" && number != "" {
		return
	}
	items := c.ordinals(o.node)
	for _, item := range items {
		text := item.Text
		if text == "" {
			text = c.rubric(o.node, item.Symbol.Terminology, item.Symbol.Code, 0)
		}
		if code != "" && item.Symbol.Code != code || code == "" && number != "" && !sameNumber(item.Value, number) ||
			code == "" && number == "" && !strings.EqualFold(text, label) {
			continue
		}
		if code == "" {
			phrase.text(rminfo.A_code_string, item.Symbol.Code)
		}
		if label == "" {
			symbol.text(rminfo.A_value, text)
		}
		if number == "" {
			o.number(rminfo.A_value, item.Value)
		}
		return
	}
	var expected []string
	for _, item := range items {
		expected = append(expected, item.Symbol.Code+" ("+item.Value+")")
	}
	if len(expected) == 0 {
		expected = []string{"|code, |value and |ordinal"}
	}
	c.issue(o.web, o.item.Key(), "code", strings.Join(expected, ", "), "another ordinal", "the ordinal is not in the template's list")
}

func sameNumber(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}

func (c *composer) ordinals(node template.NodeID) []aom.OrdinalItem {
	if node == template.NoNode {
		return nil
	}
	switch constraint := c.t.Node(node).Constraint.(type) {
	case *aom.Ordinal:
		return constraint.Items
	case *aom.Scale:
		return constraint.Items
	}
	return nil
}

// quantity adds the unit where the template allows one only.
func (c *composer) quantity(o *object) {
	if o.has(rminfo.A_units) || len(o.kids) == 0 {
		return
	}
	var units []string
	if o.node != template.NoNode {
		if q, ok := c.t.Node(o.node).Constraint.(*aom.Quantity); ok {
			for _, item := range q.Items {
				if !slices.Contains(units, item.Units) {
					units = append(units, item.Units)
				}
			}
		}
	}
	if len(units) == 1 {
		o.text(rminfo.A_units, units[0])
		return
	}
	expected := "|unit"
	if len(units) > 0 {
		expected = "|unit, one of " + strings.Join(units, ", ")
	}
	c.issue(o.web, o.item.KeyOf("unit"), "missing", expected, "none", "the unit is missing")
}

// proportion adds type and denominator where template or kind leave one only.
func (c *composer) proportion(o *object) {
	if len(o.kids) == 0 {
		return
	}
	if !o.has(rminfo.A_type) {
		kind := "0"
		if o.node != template.NoNode {
			for _, child := range c.t.Children(o.node, rminfo.A_type) {
				if kinds, ok := c.t.Node(child).Constraint.(*aom.Integer); ok && len(kinds.List) > 0 {
					kind = kinds.List[0]
					if slices.Contains(kinds.List, "2") {
						kind = "2"
					}
				}
			}
		}
		o.number(rminfo.A_type, kind)
	}
	if o.has(rminfo.A_numerator) && !o.has(rminfo.A_denominator) {
		if fixed := map[string]string{"1": "1", "2": "100"}[o.scalar(rminfo.A_type)]; fixed != "" {
			o.number(rminfo.A_denominator, fixed)
		} else {
			c.issue(o.web, o.item.KeyOf("denominator"), "missing", "|denominator", "none", "the denominator is missing")
		}
	}
}

// flags adds the bounds' flags where none is given (RM 1.1.0, Data Types, DV_INTERVAL):
// included, and unbounded where a bound is missing.
func flags(o *object) {
	for _, a := range [...]rminfo.Attr{rminfo.A_lower_included, rminfo.A_upper_included, rminfo.A_lower_unbounded, rminfo.A_upper_unbounded} {
		if o.has(a) {
			openEnds(o)
			return
		}
	}
	lower, upper := o.has(rminfo.A_lower), o.has(rminfo.A_upper)
	o.boolean(rminfo.A_lower_unbounded, !lower).boolean(rminfo.A_upper_unbounded, !upper)
	o.boolean(rminfo.A_lower_included, lower).boolean(rminfo.A_upper_included, upper)
}

// openEnds marks a missing bound as unbounded where nothing is said of it.
func openEnds(o *object) {
	for _, end := range [...]struct{ bound, unbounded rminfo.Attr }{{rminfo.A_lower, rminfo.A_lower_unbounded}, {rminfo.A_upper, rminfo.A_upper_unbounded}} {
		if !o.has(end.bound) && !o.has(end.unbounded) {
			o.boolean(end.unbounded, true)
		}
	}
}

func (c *composer) formalism(o *object, attr rminfo.Attr) {
	if o.has(rminfo.A_formalism) || !o.has(rminfo.A_value) {
		return
	}
	if attr == rminfo.A_timing {
		o.text(rminfo.A_formalism, "timing")
		return
	}
	if o.node == template.NoNode {
		return
	}
	for _, child := range c.t.Children(o.node, rminfo.A_formalism) {
		if s, ok := c.t.Node(child).Constraint.(*aom.String); ok && len(s.List) == 1 {
			o.text(rminfo.A_formalism, s.List[0])
		}
	}
}

// media states the size of inline data; a reference without one has size 0.
func (c *composer) media(o *object) {
	data, err := base64.StdEncoding.DecodeString(o.scalar(rminfo.A_data))
	switch {
	case err != nil:
		c.issue(o.web, o.item.KeyOf("data"), "type", "base64 (RFC 4648)", "other text", "the data is not base64")
	case !o.has(rminfo.A_size) && len(o.kids) > 0:
		o.number(rminfo.A_size, strconv.Itoa(len(data)))
	}
}
