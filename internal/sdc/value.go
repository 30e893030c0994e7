package sdc

import (
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// The forms of FHIR's own dates; openEHR allows more (hours without minutes).
var (
	fhirDate     = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2})?)?$`)
	fhirDateTime = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?)?)?$`)
	fhirTime     = regexp.MustCompile(`^\d{2}:\d{2}:\d{2}(\.\d+)?$`)
)

// answerOf writes a value as the answer of an item; nil where FHIR cannot say
// it: then the item has no answer, and the base keeps the node.
func (f *Form) answerOf(i *Item, t *rm.Tree, value rm.ID) *fhir.Answer {
	if i.Kind == Part && i.Attr != 0 {
		return scalarAnswer(i.Type, t, t.Child(value, i.Attr))
	}
	switch t.Class(value) {
	case rminfo.DV_TEXT:
		return &fhir.Answer{ValueString: t.TextAt(value, rminfo.A_value)}
	case rminfo.DV_CODED_TEXT:
		if i.Type == "string" {
			return &fhir.Answer{ValueString: t.TextAt(value, rminfo.A_value)}
		}
		return &fhir.Answer{ValueCoding: f.codingOf(i, t, value)}
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		return &fhir.Answer{ValueCoding: f.codingOf(i, t, t.Child(value, rminfo.A_symbol))}
	case rminfo.DV_QUANTITY:
		return quantityAnswer(t, value)
	case rminfo.DV_COUNT:
		n := fhir.Decimal(t.TextAt(value, rminfo.A_magnitude))
		return &fhir.Answer{ValueInteger: &n}
	case rminfo.DV_BOOLEAN:
		v := t.Bool(t.Child(value, rminfo.A_value))
		return &fhir.Answer{ValueBoolean: &v}
	case rminfo.DV_DATE:
		return textual(t, value, fhirDate, func(s string) *fhir.Answer { return &fhir.Answer{ValueDate: s} })
	case rminfo.DV_TIME:
		return textual(t, value, fhirTime, func(s string) *fhir.Answer { return &fhir.Answer{ValueTime: s} })
	case rminfo.DV_DATE_TIME:
		return textual(t, value, fhirDateTime, func(s string) *fhir.Answer { return &fhir.Answer{ValueDateTime: s} })
	case rminfo.DV_DURATION, rminfo.DV_URI, rminfo.DV_EHR_URI:
		return &fhir.Answer{ValueString: t.TextAt(value, rminfo.A_value)}
	}
	return &fhir.Answer{ValueString: string(canon.WriteJSON(nil, t, value))}
}

func textual(t *rm.Tree, value rm.ID, form *regexp.Regexp, answer func(string) *fhir.Answer) *fhir.Answer {
	if s := t.TextAt(value, rminfo.A_value); form.MatchString(s) {
		return answer(s)
	}
	return nil
}

func scalarAnswer(typ string, t *rm.Tree, id rm.ID) *fhir.Answer {
	if id == rm.None {
		return nil
	}
	text := t.Text(id)
	n := fhir.Decimal(text)
	switch typ {
	case "decimal":
		return &fhir.Answer{ValueDecimal: &n}
	case "integer":
		return &fhir.Answer{ValueInteger: &n}
	}
	return &fhir.Answer{ValueString: text}
}

func (f *Form) codingOf(i *Item, t *rm.Tree, coded rm.ID) *fhir.Coding {
	code := t.TextAt(coded, rminfo.A_defining_code, rminfo.A_code_string)
	terminology := t.TextAt(coded, rminfo.A_defining_code, rminfo.A_terminology_id, rminfo.A_value)
	display := t.TextAt(coded, rminfo.A_value)
	for _, o := range f.options(i, "") {
		if o.code == code && o.terminology == terminology {
			// A renderer drops an answer whose words are not the option's.
			display = o.display
		}
	}
	return &fhir.Coding{System: f.system(i, terminology), Code: code, Display: display}
}

// comparators are the magnitude statuses FHIR has; "~" and "=" it has not.
var comparators = map[string]bool{"<": true, "<=": true, ">": true, ">=": true}

func quantityAnswer(t *rm.Tree, value rm.ID) *fhir.Answer {
	status := t.TextAt(value, rminfo.A_magnitude_status)
	if status == "~" {
		return nil
	}
	n := fhir.Decimal(t.TextAt(value, rminfo.A_magnitude))
	unit := t.TextAt(value, rminfo.A_units)
	q := &fhir.Quantity{Value: &n, Unit: unit, System: ucumSystem, Code: unit}
	if comparators[status] {
		q.Comparator = status
	}
	return &fhir.Answer{ValueQuantity: q}
}

// sameAnswer says whether an answer came back as it was issued, but for what
// renderers are known to change: the offset of a time at the same instant,
// trailing zeros, the words beside a code.
func sameAnswer(issued, back *fhir.Answer) bool {
	switch {
	case issued == nil || back == nil:
		return issued == back
	case issued.ValueBoolean != nil && back.ValueBoolean != nil:
		return *issued.ValueBoolean == *back.ValueBoolean
	case issued.ValueDecimal != nil && back.ValueDecimal != nil:
		return sameNumber(*issued.ValueDecimal, *back.ValueDecimal)
	case issued.ValueInteger != nil && back.ValueInteger != nil:
		return sameNumber(*issued.ValueInteger, *back.ValueInteger)
	case issued.ValueCoding != nil && back.ValueCoding != nil:
		return issued.ValueCoding.Code == back.ValueCoding.Code && issued.ValueCoding.System == back.ValueCoding.System
	case issued.ValueQuantity != nil && back.ValueQuantity != nil:
		a, b := issued.ValueQuantity, back.ValueQuantity
		return a.Value != nil && b.Value != nil && sameNumber(*a.Value, *b.Value) && a.Comparator == b.Comparator && unitOf(a) == unitOf(b)
	case issued.ValueDateTime != "" && back.ValueDateTime != "":
		if issued.ValueDateTime == back.ValueDateTime {
			return true
		}
		a, errA := time.Parse(time.RFC3339Nano, issued.ValueDateTime)
		b, errB := time.Parse(time.RFC3339Nano, back.ValueDateTime)
		return errA == nil && errB == nil && a.Equal(b)
	}
	return textOf(issued) == textOf(back) && textOf(issued) != ""
}

func textOf(a *fhir.Answer) string {
	for _, s := range []string{a.ValueString, a.ValueDate, a.ValueTime, a.ValueDateTime, a.ValueURI} {
		if s != "" {
			return s
		}
	}
	return ""
}

func unitOf(q *fhir.Quantity) string {
	if q.Code != "" {
		return q.Code
	}
	return q.Unit
}

func sameNumber(a, b fhir.Decimal) bool {
	if a == b {
		return true
	}
	// A number with a huge exponent is compared by its text alone.
	if len(a) > 60 || len(b) > 60 || strings.ContainsAny(string(a)+string(b), "eE") {
		return false
	}
	x, okX := new(big.Rat).SetString(string(a))
	y, okY := new(big.Rat).SetString(string(b))
	return okX && okY && x.Cmp(y) == 0
}
