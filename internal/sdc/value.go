package sdc

import (
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// answerOf writes a value as the answer of an item; nil where FHIR cannot say
// it: then the item has no answer, and the base keeps the node.
func (f *Form) answerOf(i *Item, t *rm.Tree, value rm.ID) *fhir.Answer {
	if t.Kind(value) != rm.Object {
		return scalarAnswer(i, t, value)
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
		return countAnswer(i, fhir.Decimal(t.TextAt(value, rminfo.A_magnitude)))
	case rminfo.DV_BOOLEAN:
		v := t.Bool(t.Child(value, rminfo.A_value))
		return &fhir.Answer{ValueBoolean: &v}
	case rminfo.DV_DATE:
		return dateAnswer(t.TextAt(value, rminfo.A_value))
	case rminfo.DV_TIME:
		return timeAnswer(t.TextAt(value, rminfo.A_value))
	case rminfo.DV_DATE_TIME:
		return f.dateTimeAnswer(t.TextAt(value, rminfo.A_value))
	case rminfo.DV_DURATION:
		return durationAnswer(i, t.TextAt(value, rminfo.A_value))
	case rminfo.DV_URI, rminfo.DV_EHR_URI:
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

func scalarAnswer(i *Item, t *rm.Tree, id rm.ID) *fhir.Answer {
	if id == rm.None {
		return nil
	}
	text := t.Text(id)
	n := fhir.Decimal(text)
	if i.kindOfProportion() {
		return &fhir.Answer{ValueCoding: &fhir.Coding{System: rmSystem, Code: text, Display: kindWords[text]}}
	}
	switch i.Type {
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
