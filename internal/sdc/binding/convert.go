package binding

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
)

// inward is an answer of the foreign form as one of the template's, nil where
// the node cannot say it.
func (f *Form) inward(t target, answer map[string]any) *fhir.Answer {
	kind := kindOf(answer)
	if kind == "" {
		return nil
	}
	value := answer[kind]
	if mapped, ok := t.mapped(kind, value); ok {
		return f.said(t.to, mapped)
	}
	if len(t.Values) > 0 && (kind == "valueCoding" || kind == "valueBoolean") && (coded(t.to) || t.to.Type == "boolean") {
		return nil // the file lists what it knows, and this is none of it
	}
	text, _ := value.(string)
	switch kind {
	case "valueString":
		return f.said(t.to, text)
	case "valueBoolean":
		if yes, ok := value.(bool); ok && t.to.Type == "boolean" {
			return &fhir.Answer{ValueBoolean: &yes}
		}
	case "valueCoding":
		return f.coding(t.to, value)
	case "valueReference":
		reference, _ := value.(map[string]any)
		for _, member := range []string{"display", "reference"} {
			if said, _ := reference[member].(string); said != "" {
				return f.said(t.to, said)
			}
		}
	case "valueDate", "valueDateTime":
		return dated(t.to, text)
	case "valueTime":
		if t.to.Type == "time" {
			return &fhir.Answer{ValueTime: text}
		}
	case "valueUri", "valueUrl":
		return f.said(t.to, text)
	case "valueInteger", "valueDecimal":
		return f.counted(t, number(value))
	case "valueQuantity":
		return f.measured(t, value)
	case "valueAttachment":
		if t.to.Type == "attachment" {
			var a fhir.Attachment
			if again(value, &a) == nil {
				return &fhir.Answer{ValueAttachment: &a}
			}
		}
	}
	return nil
}

// mapped is what the file gives for an answer.
func (t target) mapped(kind string, value any) (string, bool) {
	var keys []string
	switch v := value.(type) {
	case string:
		keys = []string{v}
	case bool:
		keys = []string{fmt.Sprint(v)}
	case map[string]any:
		code, _ := v["code"].(string)
		system, _ := v["system"].(string)
		if kind == "valueCoding" && code != "" {
			keys = []string{system + "|" + code, code}
		}
	}
	for _, k := range keys {
		if to, ok := t.Values[k]; ok {
			return to, true
		}
	}
	return "", false
}

// said is words, or a code by itself, as an answer to an item.
func (f *Form) said(to *sdc.Item, text string) *fhir.Answer {
	if text == "" {
		return nil
	}
	switch to.Type {
	case "string", "text":
		return &fhir.Answer{ValueString: text}
	case "boolean":
		if text == "true" || text == "false" {
			yes := text == "true"
			return &fhir.Answer{ValueBoolean: &yes}
		}
	case "choice", "open-choice":
		for _, c := range f.SDC.Codings(to) {
			if c.Code == text || strings.EqualFold(c.Display, text) {
				return &fhir.Answer{ValueCoding: &c}
			}
		}
		if to.Type == "open-choice" && to.Class == rminfo.DV_TEXT {
			return &fhir.Answer{ValueString: text}
		}
	case "date", "dateTime":
		return dated(to, text)
	}
	return nil
}

func (f *Form) coding(to *sdc.Item, value any) *fhir.Answer {
	var c fhir.Coding
	if again(value, &c) != nil || c.Code == "" && c.Display == "" {
		return nil
	}
	switch {
	case coded(to) && len(f.SDC.Codings(to)) > 0:
		for _, own := range f.SDC.Codings(to) {
			if own.Code == c.Code && own.System == c.System {
				if c.Display != "" && (own.Display == "" || own.Display == own.Code) {
					own.Display = c.Display // the template lists the code without words
				}
				return &fhir.Answer{ValueCoding: &own}
			}
		}
		return f.said(to, c.Display)
	case coded(to) && c.Code != "" && c.System != "", to.Class == rminfo.DV_TEXT && c.Code != "" && c.System != "":
		return &fhir.Answer{ValueCoding: &fhir.Coding{System: c.System, Code: c.Code, Display: c.Display}}
	case c.Display != "":
		return f.said(to, c.Display)
	}
	return f.said(to, c.Code)
}

func dated(to *sdc.Item, text string) *fhir.Answer {
	date, _, timed := strings.Cut(text, "T")
	switch {
	case to.Type == "dateTime":
		return &fhir.Answer{ValueDateTime: text}
	case to.Type == "date" && !timed:
		return &fhir.Answer{ValueDate: date}
	case to.Type == "string":
		return &fhir.Answer{ValueString: text}
	}
	return nil
}

// counted is a bare number: of a count, of a unit the file names, or words.
func (f *Form) counted(t target, n *fhir.Decimal) *fhir.Answer {
	switch {
	case lasts(t.to) && t.Unit != "":
		return &fhir.Answer{ValueQuantity: &fhir.Quantity{Value: n, Unit: t.Unit, Code: t.Unit}}
	case t.to.Type == "integer":
		return &fhir.Answer{ValueInteger: n}
	case t.to.Type == "decimal":
		return &fhir.Answer{ValueDecimal: n}
	case t.to.Type == "quantity" && t.Unit != "":
		return &fhir.Answer{ValueQuantity: &fhir.Quantity{Value: n, Unit: t.Unit, Code: t.Unit}}
	case t.to.Type == "string":
		words := string(*n)
		if t.Unit != "" {
			words += " " + t.Unit
		}
		return &fhir.Answer{ValueString: words}
	}
	return nil
}

func (f *Form) measured(t target, value any) *fhir.Answer {
	var q fhir.Quantity
	if again(value, &q) != nil || q.Value == nil {
		return nil
	}
	unit := q.Code
	if unit == "" {
		unit = q.Unit
	}
	if to, ok := t.Units[unit]; ok {
		unit = to
	}
	switch {
	case lasts(t.to), t.to.Type == "quantity":
		return &fhir.Answer{ValueQuantity: &fhir.Quantity{Value: q.Value, Comparator: q.Comparator, Unit: unit, System: "http://unitsofmeasure.org", Code: unit}}
	case t.to.Type == "string" && q.Comparator == "":
		return &fhir.Answer{ValueString: strings.TrimSpace(string(*q.Value) + " " + unit)}
	}
	return nil
}

// outward is the value of a foreign answer of a kind for one of the template's,
// nil where it cannot be said in that kind.
func (f *Form) outward(t target, kind string, a fhir.Answer) any {
	own := ""
	switch {
	case a.ValueCoding != nil:
		own = a.ValueCoding.Code
	case a.ValueBoolean != nil:
		own = fmt.Sprint(*a.ValueBoolean)
	default:
		own = a.ValueString
	}
	for _, from := range sorted(t.Values) {
		if t.Values[from] != own || own == "" {
			continue
		}
		switch kind {
		case "valueCoding":
			system, code, ok := strings.Cut(from, "|")
			if !ok {
				system, code = "", from
			}
			coding := map[string]any{"code": code}
			if system != "" {
				coding["system"] = system
			}
			return coding
		case "valueBoolean":
			return from == "true"
		case "valueString":
			return from
		}
	}
	switch kind {
	case "valueString", "valueUri", "valueUrl":
		if a.ValueCoding != nil {
			return a.ValueCoding.Display
		}
		if a.ValueString != "" {
			return a.ValueString
		}
		return firstOf(a.ValueDateTime, a.ValueDate, a.ValueURI)
	case "valueCoding":
		if a.ValueCoding != nil {
			return generic(a.ValueCoding)
		}
		if a.ValueString != "" {
			return map[string]any{"display": a.ValueString}
		}
	case "valueBoolean":
		if a.ValueBoolean != nil {
			return *a.ValueBoolean
		}
	case "valueReference":
		if a.ValueString != "" {
			return map[string]any{"display": a.ValueString}
		}
	case "valueDate", "valueDateTime":
		return firstOf(a.ValueDateTime, a.ValueDate, a.ValueString)
	case "valueTime":
		return firstOf(a.ValueTime)
	case "valueInteger", "valueDecimal":
		return plain(t, a)
	case "valueQuantity":
		if a.ValueQuantity == nil {
			return nil
		}
		q := *a.ValueQuantity
		for _, from := range sorted(t.Units) {
			if t.Units[from] == q.Code {
				q.Unit, q.Code = from, from
			}
		}
		return generic(q)
	case "valueAttachment":
		if a.ValueAttachment != nil {
			return generic(a.ValueAttachment)
		}
	}
	return nil
}

// plain is a number without its unit.
func plain(t target, a fhir.Answer) any {
	switch {
	case a.ValueInteger != nil:
		return json.Number(*a.ValueInteger)
	case a.ValueDecimal != nil:
		return json.Number(*a.ValueDecimal)
	case a.ValueQuantity != nil && a.ValueQuantity.Value != nil:
		return json.Number(*a.ValueQuantity.Value)
	case lasts(t.to):
		if n, ok := sdc.DurationIn(a.ValueString, t.Unit); ok {
			return json.Number(n)
		}
	}
	n := strings.TrimSuffix(a.ValueString, " "+t.Unit)
	if d := fhir.Decimal(n); n != "" {
		if text, err := d.MarshalJSON(); err == nil {
			return json.Number(text)
		}
	}
	return nil
}

func firstOf(texts ...string) any {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return nil
}

// again reads a generic value as what it is.
func again(value, into any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// generic is a value as JSON has it.
func generic(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	out, err := decode(text)
	if err != nil {
		return nil
	}
	return out
}
