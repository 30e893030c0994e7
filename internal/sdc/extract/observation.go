package extract

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

const observationProfile = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation"

// observations makes Observations of what term bindings name. An archetype that
// is bound as a whole is one Observation with components (a blood pressure);
// otherwise each bound element is one.
func (w *walk) observations(entry rm.ID, m *Mapping) {
	any := false
	for history := range w.tree.Children(entry, rminfo.A_data) {
		for event := range w.tree.Children(history, rminfo.A_events) {
			any = w.event(entry, event, m) || any
		}
	}
	if !any {
		w.refuse(entry, "unmapped", "no element of the archetype is bound to a code of LOINC or SNOMED CT")
	}
}

// event says whether anything in it is bound, be it refused.
func (w *walk) event(entry, event rm.ID, m *Mapping) bool {
	bound := w.bound(entry, event)
	if len(bound) == 0 {
		return false
	}
	if w.tree.Class(event) == rminfo.INTERVAL_EVENT {
		w.refuse(event, "interval", "the values are of a span of time, such as a mean, and would read as measured at one moment")
		return true
	}
	effective := w.instant(w.tree.TextAt(event, rminfo.A_time, rminfo.A_value))
	head := func(at rm.ID) object {
		o := w.begin(at, &Mapping{Resource: "Observation", Profile: observationProfile})
		if m.Profile != "" {
			o["meta"] = object{"profile": []any{m.Profile}}
		}
		o["status"] = "final"
		if effective != "" {
			o["effectiveDateTime"] = effective
		}
		if w.facts.Response != "" {
			o["derivedFrom"] = []any{object{"reference": w.facts.Response}}
		}
		for key, value := range m.Fixed {
			o[key] = value
		}
		return o
	}
	fill := func(o object) bool {
		for n := range m.Fields {
			f := &m.Fields[n]
			v, refused := w.value(entry, event, f)
			if refused != nil {
				w.refuse(refused.at, refused.reason, "%s", refused.text)
				return false
			}
			if v != nil {
				o.put(f.To, v)
			} else if f.Default != "" {
				o.put(f.To, f.Default)
			}
		}
		return true
	}
	panel := w.codes(entry, "at0000")
	if len(panel) > 0 {
		o := head(event)
		o["code"] = object{"coding": panel, "text": w.tree.Name(entry)}
		var components []any
		for _, at := range bound {
			c := object{"code": object{"coding": w.codes(at, w.tree.ArchetypeNodeID(at)), "text": w.tree.Name(at)}}
			if w.quantity(at, c) {
				components = append(components, c)
			}
		}
		if len(components) > 0 && fill(o) {
			o["component"] = components
			w.made = append(w.made, statement{resource: "Observation", id: w.id(event), members: o})
		}
		return true
	}
	for _, at := range bound {
		o := head(at)
		o["code"] = object{"coding": w.codes(at, w.tree.ArchetypeNodeID(at)), "text": w.tree.Name(at)}
		if w.quantity(at, o) && fill(o) {
			w.made = append(w.made, statement{resource: "Observation", id: w.id(at), members: o})
		}
	}
	return true
}

// bound are the elements of an event's data that term bindings name. Elements of
// archetypes within say something about the finding, and are none of their own.
func (w *walk) bound(entry, event rm.ID) []rm.ID {
	var out []rm.ID
	var visit func(rm.ID)
	visit = func(id rm.ID) {
		for child := range w.tree.All(id) {
			switch {
			case w.tree.IsRoot(child):
			case w.tree.Class(child) == rminfo.ELEMENT:
				if len(w.codes(child, w.tree.ArchetypeNodeID(child))) > 0 {
					out = append(out, child)
				}
			case w.tree.Class(child) == rminfo.CLUSTER || w.tree.Class(child) == rminfo.ITEM_TREE || w.tree.Class(child) == rminfo.ITEM_LIST || w.tree.Class(child) == rminfo.ITEM_SINGLE:
				visit(child)
			}
		}
	}
	for child := range w.tree.Children(event, rminfo.A_data) {
		visit(child)
	}
	return out
}

// codes are what the template binds a code of a node's archetype to, LOINC first.
func (w *walk) codes(at rm.ID, code string) []any {
	if w.compiled == nil {
		return nil
	}
	node, ok := w.compiled.Lookup(w.tree.AQLPath(at))
	if !ok {
		return nil
	}
	var loinc, other []any
	for _, c := range w.compiled.Binding(node, code) {
		switch system := System(c.Terminology, ""); system {
		case "http://loinc.org":
			loinc = append(loinc, coding(system, c.Code, ""))
		case "http://snomed.info/sct":
			other = append(other, coding(system, c.Code, ""))
		}
	}
	return append(loinc, other...)
}

// absent are the data-absent-reasons of null flavours (openEHR group null flavours).
var absent = map[string]string{"271": "unknown", "253": "unknown", "272": "masked", "273": "not-applicable"}

// Comparators of DV_QUANTIFIED.magnitude_status.
var comparators = map[string]string{"": "", "=": "", "<": "<", ">": ">", "<=": "<=", ">=": ">="}

// quantity puts the value of an element into an Observation or a component of
// one. false is a value that was refused.
func (w *walk) quantity(element rm.ID, o object) bool {
	value := w.tree.Child(element, rminfo.A_value)
	if value == rm.None {
		reason := absent[w.tree.TextAt(element, rminfo.A_null_flavour, rminfo.A_defining_code, rminfo.A_code_string)]
		if reason == "" {
			reason = "unknown"
		}
		o["dataAbsentReason"] = concept(coding("http://terminology.hl7.org/CodeSystem/data-absent-reason", reason, ""))
		return true
	}
	comparator, exact := comparators[w.tree.TextAt(value, rminfo.A_magnitude_status)]
	if !exact {
		w.refuse(element, "approximate", "the value is approximate, which a resource cannot say")
		return false
	}
	number := func(text, unit, code string) {
		q := object{"value": decimal(text)}
		if comparator != "" {
			q["comparator"] = comparator
		}
		if unit != "" {
			q["unit"] = unit
		}
		if code != "" {
			q["system"], q["code"] = "http://unitsofmeasure.org", code
		}
		o["valueQuantity"] = q
	}
	switch class := w.tree.Class(value); class {
	case rminfo.DV_QUANTITY:
		unit := w.tree.TextAt(value, rminfo.A_units)
		number(w.tree.TextAt(value, rminfo.A_magnitude), unit, ucum(unit))
	case rminfo.DV_COUNT:
		number(w.tree.TextAt(value, rminfo.A_magnitude), "", "1")
	case rminfo.DV_PROPORTION:
		// Type 2 is percent (RM 1.1.0, Data Types 6.2.10).
		if w.tree.TextAt(value, rminfo.A_type) == "2" {
			number(w.tree.TextAt(value, rminfo.A_numerator), "%", "%")
			break
		}
		o["valueRatio"] = object{"numerator": object{"value": decimal(w.tree.TextAt(value, rminfo.A_numerator))}, "denominator": object{"value": decimal(w.tree.TextAt(value, rminfo.A_denominator))}}
	case rminfo.DV_CODED_TEXT:
		o["valueCodeableConcept"] = w.concept(value)
	case rminfo.DV_TEXT:
		o["valueString"] = w.tree.TextAt(value, rminfo.A_value)
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		symbol, _ := w.concept(w.tree.Child(value, rminfo.A_symbol)).(object)
		if codings, ok := symbol["coding"].([]any); ok && len(codings) > 0 {
			codings[0].(object)["extension"] = []any{object{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": decimal(w.tree.TextAt(value, rminfo.A_value))}}
		}
		o["valueCodeableConcept"] = symbol
	case rminfo.DV_BOOLEAN:
		o["valueBoolean"] = w.tree.Bool(w.tree.Child(value, rminfo.A_value))
	case rminfo.DV_DATE_TIME, rminfo.DV_DATE:
		o["valueDateTime"] = w.instant(w.tree.TextAt(value, rminfo.A_value))
	default:
		w.refuse(element, "type", "a value of the type %s has no place in an Observation", class)
		return false
	}
	return true
}

// ucum is the code of a unit where it has one: what is no UCUM keeps its text
// alone (notes on units: a small reviewed list).
func ucum(unit string) string {
	if alias, ok := map[string]string{"°C": "Cel", "mmHg": "mm[Hg]", "bpm": "/min"}[unit]; ok {
		return alias
	}
	if strings.ContainsAny(unit, " °") {
		return ""
	}
	return unit
}
