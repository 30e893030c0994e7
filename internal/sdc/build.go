package sdc

import (
	"encoding/base64"
	"errors"
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
	if a.ValueAttachment != nil && class != rminfo.DV_MULTIMEDIA {
		return fmt.Errorf("the question takes no file")
	}
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
	case rminfo.String:
		if a.ValueString == "" {
			return wrongAnswer("valueString", a)
		}
		b.String(attr, class, a.ValueString)
	case rminfo.Integer, rminfo.Real:
		return buildNumber(b, attr, class, a)
	case rminfo.Boolean:
		if a.ValueBoolean == nil {
			return wrongAnswer("valueBoolean", a)
		}
		b.Bool(attr, *a.ValueBoolean)
	case rminfo.CODE_PHRASE:
		if a.ValueString == "" {
			return wrongAnswer("valueString", a)
		}
		buildCodePhrase(b, attr, codeSets[attr], a.ValueString)
	case rminfo.DV_PROPORTION:
		return buildProportion(b, attr, i, a)
	case rminfo.DV_MULTIMEDIA:
		return buildAttachment(b, attr, a)
	case rminfo.DV_DURATION:
		if a.ValueQuantity != nil || i.Fixed != "" && a.ValueString == "" {
			iso, err := durationText(i, a.ValueQuantity)
			if err != nil {
				return err
			}
			return text(iso, "valueQuantity")
		}
		return text(a.ValueString, "valueString")
	case rminfo.DV_URI, rminfo.DV_EHR_URI:
		if a.ValueURI != "" {
			return text(a.ValueURI, "valueString")
		}
		return text(a.ValueString, "valueString")
	default:
		if !class.IsA(rminfo.DATA_VALUE) {
			return fmt.Errorf("the question is a group")
		}
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
	case a.ValueAttachment != nil:
		return "valueAttachment"
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
	buildCodePhrase(b, rminfo.A_defining_code, terminologyID, code)
}

// codeSets are the terminologies of attributes that hold a bare code.
var codeSets = map[rminfo.Attr]string{rminfo.A_language: "ISO_639-1", rminfo.A_territory: "ISO_3166-1", rminfo.A_media_type: "IANA_media-types"}

func buildCodePhrase(b *rm.Builder, attr rminfo.Attr, terminologyID, code string) {
	b.Open(attr, rminfo.CODE_PHRASE)
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
	if unitOf(a.ValueQuantity) == "" {
		return errors.New("the question wants a unit beside the number, and none was chosen")
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

func buildNumber(b *rm.Builder, attr rminfo.Attr, class rminfo.Class, a *fhir.Answer) error {
	n := a.ValueDecimal
	if n == nil {
		n = a.ValueInteger
	}
	if a.ValueCoding != nil { // the kind of a proportion is chosen by its name
		code := fhir.Decimal(a.ValueCoding.Code)
		n = &code
	}
	if n == nil {
		return wrongAnswer("a number", a)
	}
	if err := storable(*n, class == rminfo.Integer); err != nil {
		return err
	}
	b.Number(attr, class, string(*n))
	return nil
}

// buildProportion writes a proportion whose kind says the denominator.
func buildProportion(b *rm.Builder, attr rminfo.Attr, i *Item, a *fhir.Answer) error {
	n, denominator := a.ValueDecimal, "1"
	switch {
	case i.Fixed == percent:
		if denominator = "100"; a.ValueQuantity != nil {
			if n = a.ValueQuantity.Value; unitOf(a.ValueQuantity) != "%" && unitOf(a.ValueQuantity) != "" {
				return fmt.Errorf("the unit is %%")
			}
		}
	case n == nil:
		n = a.ValueInteger
	}
	if n == nil {
		return wrongAnswer("a number", a)
	}
	if err := storable(*n, false); err != nil {
		return err
	}
	b.Open(attr, rminfo.DV_PROPORTION)
	b.Number(rminfo.A_numerator, rminfo.Real, string(*n))
	b.Number(rminfo.A_denominator, rminfo.Real, denominator)
	b.Number(rminfo.A_type, rminfo.Integer, i.Fixed)
	b.Close()
	return nil
}

func buildAttachment(b *rm.Builder, attr rminfo.Attr, answer *fhir.Answer) error {
	a := answer.ValueAttachment
	if a == nil {
		return wrongAnswer("valueAttachment", answer)
	}
	data, err := base64.StdEncoding.DecodeString(a.Data)
	switch {
	case err != nil:
		return fmt.Errorf("the data of the attachment are not base64")
	case a.Data == "" && a.URL == "":
		return fmt.Errorf("the attachment has neither data nor an address")
	case a.ContentType == "":
		return fmt.Errorf("the attachment has no content type")
	}
	size := strconv.Itoa(len(data))
	if a.Size != nil && a.Data == "" {
		if err := storable(*a.Size, true); err != nil {
			return err
		}
		size = string(*a.Size)
	}
	b.Open(attr, rminfo.DV_MULTIMEDIA)
	if a.Language != "" {
		buildCodePhrase(b, rminfo.A_language, codeSets[rminfo.A_language], a.Language)
	}
	if a.Title != "" {
		b.String(rminfo.A_alternate_text, rminfo.String, a.Title)
	}
	if a.URL != "" {
		b.Open(rminfo.A_uri, rminfo.DV_URI)
		b.String(rminfo.A_value, rminfo.String, a.URL)
		b.Close()
	}
	if a.Data != "" {
		b.String(rminfo.A_data, rminfo.Byte, a.Data)
	}
	buildCodePhrase(b, rminfo.A_media_type, codeSets[rminfo.A_media_type], a.ContentType)
	b.Number(rminfo.A_size, rminfo.Integer, size)
	if a.Hash != "" {
		b.String(rminfo.A_integrity_check, rminfo.Byte, a.Hash)
		buildCodePhrase(b, rminfo.A_integrity_check_algorithm, "openehr_integrity_check_algorithms", "SHA-1")
	}
	b.Close()
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
