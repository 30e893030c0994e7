package sdc

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// buildValue writes the value an answer stands for into b, held by attr. The
// error says what kind of answer the question wants.
func (f *Form) buildValue(b *rm.Builder, attr rminfo.Attr, i *Item, a *fhir.Answer) error {
	class := i.Class
	text := func(s, kind string) error {
		if s == "" {
			return wrongAnswer(kind, a)
		}
		b.Open(attr, class)
		b.String(rminfo.A_value, rminfo.String, s)
		b.Close()
		return nil
	}
	switch class {
	case rminfo.DV_TEXT:
		if a.ValueCoding != nil {
			return f.buildCoded(b, attr, i, a)
		}
		return text(a.ValueString, "valueString")
	case rminfo.DV_CODED_TEXT:
		return f.buildCoded(b, attr, i, a)
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		return f.buildOrdinal(b, attr, i, a)
	case rminfo.DV_QUANTITY:
		return buildQuantity(b, attr, a)
	case rminfo.DV_COUNT:
		n := a.ValueInteger
		if n == nil {
			n = a.ValueDecimal
		}
		if n == nil {
			return wrongAnswer("valueInteger", a)
		}
		if err := storable(*n, true); err != nil {
			return err
		}
		b.Open(attr, class)
		b.Number(rminfo.A_magnitude, rminfo.Integer64, string(*n))
		b.Close()
	case rminfo.DV_BOOLEAN:
		if a.ValueBoolean == nil {
			return wrongAnswer("valueBoolean", a)
		}
		b.Open(attr, class)
		b.Bool(rminfo.A_value, *a.ValueBoolean)
		b.Close()
	case rminfo.DV_DATE:
		return text(a.ValueDate, "valueDate")
	case rminfo.DV_TIME:
		return text(a.ValueTime, "valueTime")
	case rminfo.DV_DATE_TIME:
		return text(a.ValueDateTime, "valueDateTime")
	case rminfo.DV_DURATION, rminfo.DV_URI, rminfo.DV_EHR_URI:
		if a.ValueURI != "" {
			return text(a.ValueURI, "valueString")
		}
		return text(a.ValueString, "valueString")
	default:
		carried, err := canon.ReadJSON([]byte(a.ValueString), rminfo.DATA_VALUE, canon.ReadOptions{})
		if err != nil {
			return fmt.Errorf("the value is carried as the canonical JSON of a %s: %w", class, err)
		}
		b.Copy(attr, carried, carried.Root())
	}
	return nil
}

func wrongAnswer(want string, a *fhir.Answer) error {
	return fmt.Errorf("the question wants %s and was answered by %s", want, kindOf(a))
}

func kindOf(a *fhir.Answer) string {
	switch {
	case a.ValueBoolean != nil:
		return "valueBoolean"
	case a.ValueDecimal != nil:
		return "valueDecimal"
	case a.ValueInteger != nil:
		return "valueInteger"
	case a.ValueDate != "":
		return "valueDate"
	case a.ValueDateTime != "":
		return "valueDateTime"
	case a.ValueTime != "":
		return "valueTime"
	case a.ValueString != "":
		return "valueString"
	case a.ValueURI != "":
		return "valueUri"
	case a.ValueCoding != nil:
		return "valueCoding"
	case a.ValueQuantity != nil:
		return "valueQuantity"
	}
	return "nothing"
}

func (f *Form) buildCoded(b *rm.Builder, attr rminfo.Attr, i *Item, a *fhir.Answer) error {
	if a.ValueCoding == nil {
		return wrongAnswer("valueCoding", a)
	}
	coding := *a.ValueCoding
	terminologyID := f.terminologyOf(i, coding)
	for _, o := range f.options(i, "") {
		if o.code == coding.Code && o.terminology == terminologyID {
			// The words of a code are the template's, whatever the renderer made of them.
			coding.Display = o.display
		}
	}
	if coding.Code == "" {
		return fmt.Errorf("the answer has no code")
	}
	if coding.Display == "" {
		coding.Display = coding.Code
	}
	b.Open(attr, rminfo.DV_CODED_TEXT)
	b.String(rminfo.A_value, rminfo.String, coding.Display)
	buildCode(b, terminologyID, coding.Code)
	b.Close()
	return nil
}

// terminologyOf is the openEHR terminology of a coding, as the option with its
// code writes it; a coding without a system means that option.
func (f *Form) terminologyOf(i *Item, c fhir.Coding) string {
	for _, o := range f.options(i, "") {
		if o.code == c.Code && (c.System == "" || c.System == f.system(i, o.terminology)) {
			return o.terminology
		}
	}
	return terminologyID(c.System, f.Template.Node(i.Node).Archetype)
}

func buildCode(b *rm.Builder, terminologyID, code string) {
	b.Open(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	b.Open(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID)
	b.String(rminfo.A_value, rminfo.String, terminologyID)
	b.Close()
	b.String(rminfo.A_code_string, rminfo.String, code)
	b.Close()
}

func (f *Form) buildOrdinal(b *rm.Builder, attr rminfo.Attr, i *Item, a *fhir.Answer) error {
	if a.ValueCoding == nil {
		return wrongAnswer("valueCoding", a)
	}
	terminologyID := f.terminologyOf(i, *a.ValueCoding)
	var known []string
	for _, o := range f.options(i, "") {
		if o.code != a.ValueCoding.Code || o.terminology != terminologyID {
			known = append(known, o.code)
			continue
		}
		number := rminfo.Integer
		if i.Class == rminfo.DV_SCALE {
			number = rminfo.Real
		}
		b.Open(attr, i.Class)
		b.Open(rminfo.A_symbol, rminfo.DV_CODED_TEXT)
		b.String(rminfo.A_value, rminfo.String, o.display)
		buildCode(b, terminologyID, o.code)
		b.Close()
		b.Number(rminfo.A_value, number, o.value)
		b.Close()
		return nil
	}
	return fmt.Errorf("%q is none of the codes %s", a.ValueCoding.Code, strings.Join(known, ", "))
}

func buildQuantity(b *rm.Builder, attr rminfo.Attr, a *fhir.Answer) error {
	if a.ValueQuantity == nil || a.ValueQuantity.Value == nil {
		return wrongAnswer("valueQuantity with a value", a)
	}
	if err := storable(*a.ValueQuantity.Value, false); err != nil {
		return err
	}
	b.Open(attr, rminfo.DV_QUANTITY)
	if a.ValueQuantity.Comparator != "" {
		b.String(rminfo.A_magnitude_status, rminfo.String, a.ValueQuantity.Comparator)
	}
	b.Number(rminfo.A_magnitude, rminfo.Real, string(*a.ValueQuantity.Value))
	b.String(rminfo.A_units, rminfo.String, unitOf(a.ValueQuantity))
	b.Close()
	return nil
}

// buildParts writes a value that several answers make together.
func (f *Form) buildParts(b *rm.Builder, attr rminfo.Attr, class rminfo.Class, parts []*Item, answers map[*Item]*fhir.Answer) error {
	b.Open(attr, class)
	defer b.Close()
	for _, i := range parts {
		a := answers[i]
		if a == nil {
			continue
		}
		declared, _ := class.Attribute(i.Attr)
		if i.Type == "string" {
			if a.ValueString == "" {
				return wrongAnswer("valueString", a)
			}
			b.String(i.Attr, declared.Type, a.ValueString)
			continue
		}
		n := a.ValueDecimal
		if n == nil {
			n = a.ValueInteger
		}
		if n == nil {
			return wrongAnswer("a number", a)
		}
		if err := storable(*n, i.Type == "integer"); err != nil {
			return err
		}
		b.Number(i.Attr, declared.Type, string(*n))
	}
	return nil
}

// The bounds of a number that can be stored (DESIGN 4.3).
const (
	maxDigits   = 40
	maxExponent = 308
)

// storable refuses a number no document may hold, and one that is not whole
// where a whole one is wanted.
func storable(n fhir.Decimal, whole bool) error {
	if whole {
		if _, err := strconv.ParseInt(string(n), 10, 64); err != nil {
			return fmt.Errorf("a whole number is wanted")
		}
		return nil
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	e, _ := strconv.Atoi(exponent)
	if f, err := strconv.ParseFloat(string(n), 64); err != nil || len(mantissa) > maxDigits+2 || e > maxExponent || e < -maxExponent || math.IsInf(f, 0) {
		return fmt.Errorf("the number is out of range: at most %d digits and 1e%d", maxDigits, maxExponent)
	}
	return nil
}
