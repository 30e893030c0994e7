package fhirpath

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// instant is a date, a date and time, or a time of day, known to some precision.
type instant struct {
	text string
	// parts are year, month, day, hour, minute, second; nanos beside them.
	parts [6]int
	nanos int
	// from and to bound the parts that are known: 0 to 3 for a date, 3 to 6 for a
	// time of day.
	from, to int
	zoned    bool
	offset   int // minutes
}

func (i instant) String() string { return i.text }

var momentForm = regexp.MustCompile(`^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:(T)(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9})\d*)?)?)?(Z|[+-]\d{2}:\d{2})?)?)?$`)
var timeForm = regexp.MustCompile(`^T?(\d{2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9})\d*)?)?)?$`)

func parseMoment(s string) (Value, bool) {
	if m := momentForm.FindStringSubmatch(s); m != nil {
		i := instant{text: s, parts: [6]int{0, 1, 1}}
		for n, text := range []string{m[1], m[2], m[3], m[5], m[6], m[7]} {
			if text == "" {
				break
			}
			i.parts[n], _ = strconv.Atoi(text)
			i.to = n + 1
		}
		i.nanos = fraction(m[8])
		if z := m[9]; z != "" {
			i.zoned = true
			if z != "Z" {
				h, _ := strconv.Atoi(z[1:3])
				min, _ := strconv.Atoi(z[4:])
				if i.offset = h*60 + min; z[0] == '-' {
					i.offset = -i.offset
				}
			}
		}
		d := time.Date(i.parts[0], time.Month(i.parts[1]), i.parts[2], i.parts[3], i.parts[4], i.parts[5], 0, time.UTC)
		if d.Year() != i.parts[0] || int(d.Month()) != i.parts[1] || d.Day() != i.parts[2] || d.Hour() != i.parts[3] || d.Minute() != i.parts[4] || i.parts[5] > 59 {
			return Value{}, false
		}
		if m[4] == "T" {
			if i.to < 4 {
				i.text = strings.TrimSuffix(s, "T")
			}
			return Value{Kind: DateTime, when: i}, true
		}
		return Value{Kind: Date, when: i}, true
	}
	if m := timeForm.FindStringSubmatch(s); m != nil {
		i := instant{text: strings.TrimPrefix(s, "T"), from: 3}
		for n, text := range m[1:4] {
			if text == "" {
				break
			}
			i.parts[3+n], _ = strconv.Atoi(text)
			i.to = 4 + n
		}
		i.nanos = fraction(m[4])
		if i.parts[3] > 23 || i.parts[4] > 59 || i.parts[5] > 59 {
			return Value{}, false
		}
		return Value{Kind: Time, when: i}, true
	}
	return Value{}, false
}

func fraction(digits string) int {
	n, _ := strconv.Atoi((digits + "000000000")[:9])
	return n
}

// compare orders two moments; known is false where their precision leaves it
// open, or one says its zone and the other does not.
func (i instant) compare(j instant) (order int, known bool) {
	if i.from != j.from {
		return 0, false
	}
	a, b := i, j
	if a.zoned && b.zoned && a.to > 3 && b.to > 3 {
		a, b = a.utc(), b.utc()
	} else if a.zoned != b.zoned && a.to > 3 && b.to > 3 {
		return 0, false
	}
	for n := i.from; n < max(i.to, j.to); n++ {
		if n >= a.to || n >= b.to {
			return 0, false
		}
		if a.parts[n] != b.parts[n] {
			if a.parts[n] < b.parts[n] {
				return -1, true
			}
			return 1, true
		}
	}
	switch {
	case a.nanos < b.nanos:
		return -1, true
	case a.nanos > b.nanos:
		return 1, true
	}
	return 0, true
}

func (i instant) utc() instant {
	t := time.Date(i.parts[0], time.Month(i.parts[1]), i.parts[2], i.parts[3], i.parts[4], i.parts[5], i.nanos, time.UTC).Add(-time.Duration(i.offset) * time.Minute)
	i.parts = [6]int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()}
	i.offset = 0
	return i
}

// calendar are the words for units of time, with the position of each in parts.
var calendar = map[string]string{
	"year": "year", "years": "year", "month": "month", "months": "month", "week": "week", "weeks": "week", "day": "day", "days": "day",
	"hour": "hour", "hours": "hour", "minute": "minute", "minutes": "minute", "second": "second", "seconds": "second", "millisecond": "millisecond", "milliseconds": "millisecond",
}

// definite are the UCUM units of a definite duration; a and mo are none and
// cannot be added to a date.
var definite = map[string]string{"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}

var level = map[string]int{"year": 0, "month": 1, "week": 2, "day": 2, "hour": 3, "minute": 4, "second": 5, "millisecond": 6}

// add moves a moment by a quantity of time, to its own precision (FHIRPath 2.0,
// 6.8.1).
func (v Value) add(q Value, sign int) (Value, error) {
	unit := calendar[q.unit]
	if unit == "" {
		unit = definite[q.unit]
	}
	if unit == "" {
		return Value{}, fmt.Errorf("%s cannot be added to a date", q)
	}
	i := v.when
	// Fractions are cut off, but those of seconds.
	cut := apd.BaseContext.WithPrecision(maxDigits)
	cut.Rounding = apd.RoundDown
	amount := *q.number
	if unit == "second" {
		if _, err := cut.Mul(&amount, q.number, apd.New(1000, 0)); err != nil {
			return Value{}, err
		}
	}
	var whole apd.Decimal
	if _, err := cut.RoundToIntegralValue(&whole, &amount); err != nil {
		return Value{}, err
	}
	n, err := whole.Int64()
	if err != nil || n > 1<<40 || n < -1<<40 {
		return Value{}, fmt.Errorf("%s is out of range", q)
	}
	count := int(n) * sign
	step := unit
	if unit == "second" {
		step = "millisecond"
	}
	// What is finer than the moment is counted in its own precision.
	if i.from == 0 {
		switch {
		case i.to == 1 && step == "month":
			count, step = count/12, "year"
		case i.to <= 2 && level[step] >= 2:
			days := map[string]int{"week": 7, "day": 1}[step] * count
			if level[step] > 2 {
				days = 0
			}
			if i.to == 1 {
				count, step = days/365, "year"
			} else {
				count, step = days/30, "month"
			}
		case i.to == 3 && level[step] > 2:
			unit := map[string]int{"hour": 24, "minute": 24 * 60, "millisecond": 24 * 3600 * 1000}[step]
			count, step = count/unit, "day"
		case step == "week":
			count, step = count*7, "day"
		}
	}
	t := time.Date(i.parts[0], time.Month(i.parts[1]), max(i.parts[2], 1), i.parts[3], i.parts[4], i.parts[5], i.nanos, time.UTC)
	switch step {
	case "year":
		t = addMonths(t, count*12)
	case "month":
		t = addMonths(t, count)
	case "day":
		t = t.AddDate(0, 0, count)
	case "hour":
		t = t.Add(time.Duration(count) * time.Hour)
	case "minute":
		t = t.Add(time.Duration(count) * time.Minute)
	case "millisecond":
		t = t.Add(time.Duration(count) * time.Millisecond)
	}
	if i.from == 0 && (t.Year() < 1 || t.Year() > 9999) {
		return Value{}, fmt.Errorf("the year %d is out of range", t.Year())
	}
	return written(v.Kind, i, t), nil
}

// addMonths keeps the day, or takes the last of a shorter month.
func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// written gives a time the precision and zone of another moment.
func written(kind Kind, like instant, t time.Time) Value {
	text := ""
	layouts := []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15", "2006-01-02T15:04", "2006-01-02T15:04:05"}
	if like.from == 3 {
		layouts = []string{"", "", "", "15", "15:04", "15:04:05"}
	}
	layout := layouts[max(like.to-1, 0)]
	if like.to == 6 && (strings.Contains(like.text, ".") || t.Nanosecond() != 0) {
		layout += ".000"
	}
	text = t.Format(layout)
	if like.zoned {
		text += zone(like.offset)
	}
	if v, ok := parseMoment(text); ok {
		v.Kind = kind
		return v
	}
	return Value{Kind: kind, when: instant{text: text}}
}

func zone(offset int) string {
	if offset == 0 {
		return "Z"
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%c%02d:%02d", sign, offset/60, offset%60)
}
