package sdc

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// constrain writes what the template says of the answer.
func (f *Form) constrain(out *fhir.Item, i *Item, r Rendering) {
	switch out.Type {
	case "choice", "open-choice":
		f.choices(out, i, r)
		return
	case "string":
		if texts := f.texts(i); i.Class == rminfo.DV_TEXT && len(texts) > 0 {
			out.Type = "open-choice"
			for _, text := range texts {
				out.AnswerOption = append(out.AnswerOption, fhir.AnswerOption{ValueString: text})
			}
		}
	}
	switch i.Class {
	case rminfo.DV_DURATION:
		if i.Fixed != "" {
			f.durations(out, i)
			return
		}
		format, pattern := f.durationFormat(i.Value)
		out.Extension = append(out.Extension, fhir.Extension{URL: extEntryFormat, ValueString: format}, fhir.Extension{URL: extRegex, ValueString: pattern})
	case rminfo.DV_URI, rminfo.DV_EHR_URI:
		out.Extension = append(out.Extension, target("uri", `answer.value.all($this.matches('^[A-Za-z][A-Za-z0-9+.-]*:[^ ]*$'))`, "An address with its scheme, such as https://example.org/"))
	case rminfo.DV_PROPORTION:
		if i.Fixed == percent {
			out.Extension = append(out.Extension, fhir.Extension{URL: extUnit, ValueCoding: unitCoding("%")})
		}
		f.within(out, i, rminfo.A_numerator)
	case rminfo.DV_COUNT:
		if out.Type == "decimal" {
			out.Extension = append(out.Extension, integer(extDecimals, 0))
		}
		f.within(out, i, rminfo.A_magnitude)
	case rminfo.DV_DATE:
		f.entryFormat(out, i)
	case rminfo.DV_MULTIMEDIA:
		f.mediaTypes(out, i)
	case rminfo.DV_QUANTITY:
		f.units(out, i)
	}
}

// choices writes the permitted codes: those of the template as options, the
// groups of the openEHR terminology by the contained value set.
func (f *Form) choices(out *fhir.Item, i *Item, r Rendering) {
	if uri := f.referenceSet(i); uri != "" {
		out.Extension = append(out.Extension, fhir.Extension{URL: extValueSet, ValueString: uri})
	}
	if i.Terms != "" && i.Value == template.NoNode && len(i.More) == 0 {
		out.AnswerValueSet = "#" + valueSetID(i.Terms)
		return
	}
	for _, o := range f.options(i, r.Language) {
		answer := fhir.AnswerOption{ValueCoding: &fhir.Coding{System: f.system(i, o.terminology), Code: o.code, Display: o.display}}
		if o.value != "" {
			weight := fhir.Decimal(o.value)
			answer.Extension = []fhir.Extension{{URL: extWeight, ValueDecimal: &weight}, {URL: extOrdinal, ValueDecimal: &weight}}
		}
		if o.terminology == "local" {
			for _, bound := range f.Template.Binding(i.Node, o.code) {
				answer.ValueCoding.Extension = append(answer.ValueCoding.Extension, fhir.Extension{URL: extBinding,
					ValueCoding: &fhir.Coding{System: codeSystem(bound.Terminology, ""), Code: bound.Code}})
			}
		}
		answer.ValueCoding.DisplayElement = f.translations(r.Language, o.display, func(lang string) string { return f.display(i, o, lang) })
		out.AnswerOption = append(out.AnswerOption, answer)
	}
	if i.Class == rminfo.DV_TEXT {
		for _, text := range f.texts(i) {
			out.AnswerOption = append(out.AnswerOption, fhir.AnswerOption{ValueString: text})
		}
	}
	if i.Class == rminfo.DV_ORDINAL || i.Class == rminfo.DV_SCALE {
		out.Extension = append(out.Extension, control("radio-button"))
	}
}

func (f *Form) display(i *Item, of option, lang string) string {
	for _, o := range f.options(i, lang) {
		if o.code == of.code && o.terminology == of.terminology {
			return o.display
		}
	}
	return ""
}

// units writes the units of a quantity. A range that holds in one unit alone
// cannot be said by the limits of the item, so several are a constraint.
func (f *Form) units(out *fhir.Item, i *Item) {
	var q *aom.Quantity
	if i.Value != template.NoNode {
		q, _ = f.Template.Node(i.Value).Constraint.(*aom.Quantity)
	}
	if q == nil || len(q.Items) == 0 {
		// The template leaves the unit to who answers.
		out.Extension = append(out.Extension, fhir.Extension{URL: extUnitOpen, ValueCode: "optionsOrString"})
		return
	}
	decimals := -1
	var rules []string
	for _, unit := range q.Items {
		out.Extension = append(out.Extension, fhir.Extension{URL: extUnit, ValueCoding: unitCoding(unit.Units)})
		if unit.Precision != nil {
			if n, err := strconv.Atoi(unit.Precision.Upper); err == nil && n >= 0 {
				decimals = max(decimals, n)
			}
		}
		if rule := bounds("value", unit.Magnitude); rule != "" {
			rules = append(rules, "(unit = "+quoted(unit.Units)+" implies ("+rule+"))")
		}
	}
	if decimals >= 0 {
		out.Extension = append(out.Extension, integer(extDecimals, decimals))
	}
	switch {
	case len(q.Items) == 1:
		unit := q.Items[0]
		for _, limit := range limits(unit.Magnitude, false) {
			limit.ValueQuantity = &fhir.Quantity{Value: limit.ValueDecimal, Unit: unit.Units, System: ucumSystem, Code: unit.Units}
			limit.URL, limit.ValueDecimal = quantityLimits[limit.URL], nil
			out.Extension = append(out.Extension, limit)
		}
	case len(rules) > 0:
		out.Extension = append(out.Extension, target("range", "answer.value.all("+strings.Join(rules, " and ")+")", "The value is out of the range of its unit"))
	}
}

// quantityLimits are the limits of quantities for those of numbers.
var quantityLimits = map[string]string{extMin: extMinQuantity, extMax: extMaxQuantity}

// limits are the inclusive bounds of a range, as FHIR can say them.
func limits(of *aom.Interval, whole bool) []fhir.Extension {
	if of == nil {
		return nil
	}
	var out []fhir.Extension
	add := func(url, text string, included bool) {
		n, err := strconv.Atoi(text)
		switch {
		case text == "" || !included:
		case whole && err == nil:
			out = append(out, integer(url, n))
		case !whole && storable(fhir.Decimal(text), false) == nil:
			d := fhir.Decimal(text)
			out = append(out, fhir.Extension{URL: url, ValueDecimal: &d})
		}
	}
	add(extMin, of.Lower, of.LowerIncluded && !of.LowerUnbounded)
	add(extMax, of.Upper, of.UpperIncluded && !of.UpperUnbounded)
	return out
}

// bounds is a range as FHIRPath, "" where it has none.
func bounds(of string, i *aom.Interval) string {
	if i == nil {
		return ""
	}
	var rules []string
	if i.Lower != "" && !i.LowerUnbounded {
		rules = append(rules, of+map[bool]string{true: " >= ", false: " > "}[i.LowerIncluded]+i.Lower)
	}
	if i.Upper != "" && !i.UpperUnbounded {
		rules = append(rules, of+map[bool]string{true: " <= ", false: " < "}[i.UpperIncluded]+i.Upper)
	}
	return strings.Join(rules, " and ")
}

// quoted is a text as a literal of FHIRPath.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// target is a constraint of SDC on the answers of an item.
func target(key, rule, human string) fhir.Extension {
	return fhir.Extension{URL: extTarget, Extension: []fhir.Extension{
		{URL: "key", ValueID: key}, {URL: "severity", ValueCode: "error"},
		{URL: "expression", ValueExpression: &fhir.Expression{Language: "text/fhirpath", Expression: rule}}, {URL: "human", ValueString: human},
	}}
}

func control(code string) fhir.Extension {
	return fhir.Extension{URL: extControl, ValueCodeable: &fhir.CodeableConcept{Coding: []fhir.Coding{{System: controlSystem, Code: code}}}}
}

// within writes the range of a number that stands on an attribute of the value.
func (f *Form) within(out *fhir.Item, i *Item, attr rminfo.Attr) {
	if i.Value == template.NoNode {
		return
	}
	for _, child := range f.Template.Children(i.Value, attr) {
		switch c := f.Template.Node(child).Constraint.(type) {
		case *aom.Integer:
			out.Extension = append(out.Extension, limits(c.Range, out.Type == "integer")...)
		case *aom.Real:
			if out.Type == "decimal" {
				out.Extension = append(out.Extension, limits(c.Range, false)...)
			} else if rule := bounds("value", c.Range); rule != "" {
				out.Extension = append(out.Extension, target("range", "answer.value.all("+rule+")", "The value is out of range"))
			}
		}
	}
}

// entryFormat tells a renderer how much of a date is wanted.
func (f *Form) entryFormat(out *fhir.Item, i *Item) {
	if i.Value == template.NoNode {
		return
	}
	for _, child := range f.Template.Children(i.Value, rminfo.A_value) {
		c, ok := f.Template.Node(child).Constraint.(*aom.Date)
		if !ok {
			continue
		}
		switch pattern := strings.ToLower(c.Pattern); {
		case strings.HasSuffix(pattern, "-xx-xx"):
			out.Extension = append(out.Extension, fhir.Extension{URL: extEntryFormat, ValueString: "YYYY"})
		case strings.HasSuffix(pattern, "-xx"):
			out.Extension = append(out.Extension, fhir.Extension{URL: extEntryFormat, ValueString: "YYYY-MM"})
		case strings.Contains(pattern, "??"):
			out.Extension = append(out.Extension, fhir.Extension{URL: extEntryFormat, ValueString: "YYYY, YYYY-MM or YYYY-MM-DD"})
		}
	}
}

func (f *Form) mediaTypes(out *fhir.Item, i *Item) {
	if i.Value == template.NoNode {
		return
	}
	for _, child := range f.Template.Children(i.Value, rminfo.A_media_type) {
		if c, ok := f.Template.Node(child).Constraint.(*aom.CodePhrase); ok {
			for _, code := range c.Codes {
				if code == "" {
					continue // any type, as some tools write it
				}
				out.Extension = append(out.Extension, fhir.Extension{URL: extMimeType, ValueCode: code})
			}
		}
	}
}

// texts lists the words a DV_TEXT is limited to.
func (f *Form) texts(i *Item) []string {
	if i.Value == template.NoNode {
		return nil
	}
	for _, child := range f.Template.Children(i.Value, rminfo.A_value) {
		if s, ok := f.Template.Node(child).Constraint.(*aom.String); ok {
			return s.List
		}
	}
	return nil
}

func integer(url string, n int) fhir.Extension { return fhir.Extension{URL: url, ValueInteger: &n} }

func unitCoding(unit string) *fhir.Coding {
	return &fhir.Coding{System: ucumSystem, Code: unit, Display: unit}
}
