package sdc

import (
	"regexp"
	"strings"

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
	if t.Kind(value) != rm.Object {
		return scalarAnswer(i.Type, t, value)
	}
	if i.Kind == Question || i.Kind == Part || i.Kind == Attribute {
		if empty(t, value) || !takes(i.Class, t.Class(value)) {
			return nil
		}
	}
	switch t.Class(value) {
	case rminfo.CODE_PHRASE:
		return &fhir.Answer{ValueString: t.TextAt(value, rminfo.A_code_string)}
	case rminfo.DV_PROPORTION:
		return proportionAnswer(i, t, value)
	case rminfo.DV_MULTIMEDIA:
		return attachmentAnswer(t, value)
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

// empty says whether a value is the place of one that an answer brings back
// (see residue).
func empty(t *rm.Tree, value rm.ID) bool {
	return t.Kind(value) == rm.Object && t.First(value) == rm.None && t.Class(value).IsA(rminfo.DATA_VALUE)
}

func proportionAnswer(i *Item, t *rm.Tree, value rm.ID) *fhir.Answer {
	if i.Fixed == "" {
		return &fhir.Answer{ValueString: string(canon.WriteJSON(nil, t, value))}
	}
	if t.TextAt(value, rminfo.A_type) != i.Fixed {
		return nil
	}
	n := fhir.Decimal(t.TextAt(value, rminfo.A_numerator))
	if i.Fixed == percent {
		return &fhir.Answer{ValueQuantity: &fhir.Quantity{Value: &n, Unit: "%", System: ucumSystem, Code: "%"}}
	}
	return &fhir.Answer{ValueDecimal: &n}
}

func attachmentAnswer(t *rm.Tree, value rm.ID) *fhir.Answer {
	a := &fhir.Attachment{
		ContentType: t.TextAt(value, rminfo.A_media_type, rminfo.A_code_string), Language: t.TextAt(value, rminfo.A_language, rminfo.A_code_string),
		Data: t.TextAt(value, rminfo.A_data), URL: t.TextAt(value, rminfo.A_uri, rminfo.A_value), Title: t.TextAt(value, rminfo.A_alternate_text),
	}
	if size := fhir.Decimal(t.TextAt(value, rminfo.A_size)); size != "" {
		a.Size = &size
	}
	if t.TextAt(value, rminfo.A_integrity_check_algorithm, rminfo.A_code_string) == "SHA-1" {
		a.Hash = t.TextAt(value, rminfo.A_integrity_check)
	}
	return &fhir.Answer{ValueAttachment: a}
}

func textual(t *rm.Tree, value rm.ID, form *regexp.Regexp, answer func(string) *fhir.Answer) *fhir.Answer {
	// ISO 8601 parts the fraction of a second by a comma too; FHIR does not.
	if s := strings.Replace(t.TextAt(value, rminfo.A_value), ",", ".", 1); form.MatchString(s) {
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
	case "boolean":
		yes := t.Bool(id)
		return &fhir.Answer{ValueBoolean: &yes}
	}
	if text == "" {
		return nil
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

// comparators are the magnitude statuses FHIR has. "~" and "=" it has not: they
// travel in an item beside the answer, and within this package as comparators.
var comparators = map[string]bool{"<": true, "<=": true, ">": true, ">=": true}

func quantityAnswer(t *rm.Tree, value rm.ID) *fhir.Answer {
	n := fhir.Decimal(t.TextAt(value, rminfo.A_magnitude))
	unit := t.TextAt(value, rminfo.A_units)
	q := &fhir.Quantity{Value: &n, Unit: unit, System: ucumSystem, Code: unit}
	q.Comparator = t.TextAt(value, rminfo.A_magnitude_status)
	return &fhir.Answer{ValueQuantity: q}
}
