package sdc

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// The forms of FHIR's own dates and times. openEHR allows more: hours without
// minutes, date-times without an offset, times of day with one. What FHIR cannot
// say is shown as near as it can; unchanged, the node stays as it is.
var (
	fhirDate     = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2})?)?$`)
	fhirDateTime = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?)?)?$`)
	fhirTime     = regexp.MustCompile(`^\d{2}:\d{2}:\d{2}(\.\d+)?$`)
	timeOffset   = regexp.MustCompile(`(Z|[+-]\d{2}(:?\d{2})?)$`)
	basicDate    = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})?$`)
	basicTime    = regexp.MustCompile(`^(\d{2})(\d{2})(\d{2}([.]\d+)?)?$`)
)

// point parts the fraction of a second as FHIR does; ISO 8601 allows a comma too.
func point(text string) string { return strings.Replace(text, ",", ".", 1) }

// extended is a date in the extended form of ISO 8601.
func extended(date string) string {
	if m := basicDate.FindStringSubmatch(date); m != nil {
		if m[3] == "" {
			return m[1] + "-" + m[2]
		}
		return m[1] + "-" + m[2] + "-" + m[3]
	}
	return date
}

func dateAnswer(text string) *fhir.Answer {
	if text = extended(text); fhirDate.MatchString(text) {
		return &fhir.Answer{ValueDate: text}
	}
	return nil
}

// clock is a time of day to the second, without its offset; "" where it is none.
func clock(text string) string {
	text = timeOffset.ReplaceAllString(point(text), "")
	if m := basicTime.FindStringSubmatch(text); m != nil {
		text = m[1] + ":" + m[2]
		if m[3] != "" {
			text += ":" + m[3]
		}
	}
	for strings.Count(text, ":") < 2 && len(text) >= 2 && len(text) <= 5 {
		text += ":00"
	}
	if !fhirTime.MatchString(text) {
		return ""
	}
	return text
}

func timeAnswer(text string) *fhir.Answer {
	if text = clock(strings.TrimPrefix(text, "T")); text == "" {
		return nil
	}
	return &fhir.Answer{ValueTime: text}
}

// dateTimeAnswer shows a time without an offset as the instant it is in the zone
// of the form.
func (f *Form) dateTimeAnswer(text string) *fhir.Answer {
	text = point(text)
	date, of, timed := strings.Cut(text, "T")
	if date = extended(date); timed {
		text = date + "T" + of
	} else {
		text = date
	}
	if fhirDateTime.MatchString(text) {
		return &fhir.Answer{ValueDateTime: text}
	}
	day := clock(of)
	if !timed || day == "" {
		return nil
	}
	offset := timeOffset.FindString(of)
	if offset == "" {
		at, err := time.ParseInLocation("2006-01-02T15:04:05", date+"T"+day[:8], f.zone)
		if err != nil {
			return nil
		}
		offset = at.Format("Z07:00")
	}
	switch len(offset) {
	case 3:
		offset += ":00"
	case 5:
		offset = offset[:3] + ":" + offset[3:]
	}
	if text = date + "T" + day + offset; !fhirDateTime.MatchString(text) {
		return nil
	}
	return &fhir.Answer{ValueDateTime: text}
}

// sameOffset gives a time of day that was changed the offset its node had: FHIR
// has no place for it, and without one it would be read in another zone.
func (c *composer) sameOffset(item *Item, element rm.ID, a *fhir.Answer) *fhir.Answer {
	if item.Class != rminfo.DV_TIME || a.ValueTime == "" {
		return a
	}
	offset := timeOffset.FindString(c.base.TextAt(element, rminfo.A_value, rminfo.A_value))
	if offset == "" || timeOffset.MatchString(a.ValueTime) || !strings.ContainsAny(offset, "Z+-") {
		return a
	}
	return &fhir.Answer{ValueTime: a.ValueTime + offset}
}

// durationUnits are the UCUM units of the fields of an ISO 8601 duration, and
// the words a person knows them by.
var durationUnits = []struct{ field, ucum, words string }{
	{"Y", "a", "years"}, {"M", "mo", "months"}, {"W", "wk", "weeks"}, {"D", "d", "days"}, {"TH", "h", "hours"}, {"TM", "min", "minutes"}, {"TS", "s", "seconds"},
}

// durationUnit is the UCUM unit of a duration that the template gives in one
// unit, "" of others.
func (f *Form) durationUnit(node template.NodeID) string {
	c := f.durationOf(node)
	if c == nil {
		return ""
	}
	pattern := strings.ToUpper(c.Pattern)
	for _, u := range durationUnits {
		if pattern == "P"+u.field {
			return u.ucum
		}
	}
	return ""
}

func (f *Form) durationOf(node template.NodeID) *aom.Duration {
	if node == template.NoNode {
		return nil
	}
	for _, child := range f.Template.Children(node, rminfo.A_value) {
		if c, ok := f.Template.Node(child).Constraint.(*aom.Duration); ok {
			return c
		}
	}
	return nil
}

// durationFormat says how a duration of several units is written, and the pattern
// that checks it: with the fields that the template allows.
func (f *Form) durationFormat(node template.NodeID) (format, pattern string) {
	allowed := "YMWDTHMS"
	if c := f.durationOf(node); c != nil && strings.Trim(c.Pattern, "PpTt") != "" {
		allowed = strings.TrimPrefix(strings.ToUpper(c.Pattern), "P")
	}
	date, clock, _ := strings.Cut(allowed, "T")
	format, pattern = "P", `-?P(?=.)`
	var examples []string
	for _, letter := range "YMWD" {
		if strings.ContainsRune(date, letter) {
			format += "n" + string(letter)
			pattern += `(\d+` + string(letter) + `)?`
			examples = []string{"P3" + string(letter)}
		}
	}
	if clock != "" {
		format += "T"
		pattern += `(T(?=\d)`
		example := "PT"
		for n, letter := range "HMS" {
			if !strings.ContainsRune(clock, letter) {
				continue
			}
			format += "n" + string(letter)
			number := []string{`\d+`, `\d+`, `\d+([.,]\d+)?`}[n]
			pattern += `(` + number + string(letter) + `)?`
			if n < 2 || example == "PT" {
				example += []string{"1", "30", "15"}[n] + string(letter)
			}
		}
		pattern += `)?`
		examples = append(examples, example)
	}
	if c := f.durationOf(node); c != nil && c.Range != nil && c.Range.LowerIncluded && !c.Range.LowerUnbounded && c.Range.Lower != "" {
		examples = []string{c.Range.Lower}
	}
	return format + ", such as " + strings.Join(examples, " or "), pattern
}

var oneField = regexp.MustCompile(`^(-?)P(T?)(\d+(?:\.\d+)?)([YMWDHS])$`)

// inUnit is a duration as a number of one unit, "" where it is another.
func inUnit(iso, ucum string) fhir.Decimal {
	m := oneField.FindStringSubmatch(point(iso))
	if m == nil {
		return ""
	}
	for _, u := range durationUnits {
		if u.ucum == ucum && u.field == m[2]+m[4] {
			number := strings.TrimLeft(m[3], "0")
			if number == "" || number[0] == '.' {
				number = "0" + number
			}
			return fhir.Decimal(m[1] + number)
		}
	}
	return ""
}

func durationAnswer(i *Item, text string) *fhir.Answer {
	if i.Fixed == "" {
		return &fhir.Answer{ValueString: text}
	}
	n := inUnit(text, i.Fixed)
	if n == "" {
		return nil
	}
	return &fhir.Answer{ValueQuantity: &fhir.Quantity{Value: &n, Unit: i.Fixed, System: ucumSystem, Code: i.Fixed}}
}

// durationText is the way back: the number with the unit it was given in.
func durationText(i *Item, q *fhir.Quantity) (string, error) {
	if q == nil || q.Value == nil || q.Comparator != "" {
		return "", fmt.Errorf("the question wants valueQuantity with a value and without a comparator")
	}
	unit := unitOf(q)
	if unit == "" {
		unit = i.Fixed
	}
	if i.Fixed != "" && unit != i.Fixed {
		return "", fmt.Errorf("the unit is %s", i.Fixed)
	}
	if err := storable(*q.Value, unit != "s"); err != nil {
		return "", err
	}
	number, negative := strings.CutPrefix(string(*q.Value), "-")
	if strings.ContainsAny(number, "eE") {
		return "", fmt.Errorf("the number is written without an exponent")
	}
	sign := ""
	if negative {
		sign = "-"
	}
	for _, u := range durationUnits {
		if u.ucum == unit {
			field, letter := "", u.field
			if strings.HasPrefix(letter, "T") {
				field, letter = "T", letter[1:]
			}
			return sign + "P" + field + number + letter, nil
		}
	}
	return "", fmt.Errorf("%q is no unit of time that a duration is written in", unit)
}

// durations writes the unit and the range of a duration of one unit.
func (f *Form) durations(out *fhir.Item, i *Item) {
	words := i.Fixed
	for _, u := range durationUnits {
		if u.ucum == i.Fixed {
			words = u.words
		}
	}
	out.Extension = append(out.Extension, fhir.Extension{URL: extUnit, ValueCoding: &fhir.Coding{System: ucumSystem, Code: i.Fixed, Display: words}})
	if i.Fixed != "s" {
		out.Extension = append(out.Extension, integer(extDecimals, 0))
	}
	c := f.durationOf(i.Value)
	if c.Range == nil {
		return
	}
	add := func(url, iso string, included bool) {
		if n := inUnit(iso, i.Fixed); n != "" && included {
			out.Extension = append(out.Extension, fhir.Extension{URL: url, ValueQuantity: &fhir.Quantity{Value: &n, Unit: i.Fixed, System: ucumSystem, Code: i.Fixed}})
		}
	}
	add(extMinQuantity, c.Range.Lower, c.Range.LowerIncluded && !c.Range.LowerUnbounded)
	add(extMaxQuantity, c.Range.Upper, c.Range.UpperIncluded && !c.Range.UpperUnbounded)
}

// DurationIn is an ISO 8601 duration of one field as a number of a UCUM unit.
func DurationIn(iso, ucum string) (fhir.Decimal, bool) {
	n := inUnit(iso, ucum)
	return n, n != ""
}
