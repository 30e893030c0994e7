package validate

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/temporal"
	"github.com/quire-cdr/quire/internal/template"
)

// field is one part of a date or time pattern, by its precision.
type field struct {
	name      string
	precision temporal.Precision
}

var (
	dateFields = []field{{"year", temporal.PrecisionYear}, {"month", temporal.PrecisionMonth}, {"day", temporal.PrecisionDay}}
	timeFields = []field{{"hour", temporal.PrecisionHour}, {"minute", temporal.PrecisionMinute}, {"second", temporal.PrecisionSecond}}
)

// Values that do not parse are reported once, as a lexical fault of their class.

func (c *checker) date(id rm.ID, n template.NodeID, k *aom.Date) {
	v, err := temporal.ParseDate(c.tree.Text(id))
	if err != nil {
		return
	}
	c.fields(id, n, k.Pattern, strings.Split(k.Pattern, "-"), dateFields, v.Precision())
	if k.Range != nil {
		lo, hi := v.Interval()
		ok := temporalWithin(k.Range, point(lo), point(hi), func(text string) (temporal.Instant, temporal.Instant, bool) {
			d, err := temporal.ParseDate(text)
			if err != nil {
				return temporal.Instant{}, temporal.Instant{}, false
			}
			lo, hi := d.Interval()
			return point(lo), point(hi), true
		})
		c.outside(id, n, k.Range, ok)
	}
}

func point(day int64) temporal.Instant { return temporal.Instant{Seconds: day} }

func (c *checker) time(id rm.ID, n template.NodeID, k *aom.Time) {
	v, err := temporal.ParseTime(c.tree.Text(id))
	if err != nil {
		return
	}
	c.fields(id, n, k.Pattern, strings.Split(strings.TrimPrefix(k.Pattern, "T"), ":"), timeFields, v.Precision())
	c.zone(id, n, k.Timezone, v.HasZone())
	if k.Range != nil {
		lo, hi := v.Interval()
		ok := temporalWithin(k.Range, lo, hi, func(text string) (temporal.Instant, temporal.Instant, bool) {
			t, err := temporal.ParseTime(text)
			if err != nil {
				return temporal.Instant{}, temporal.Instant{}, false
			}
			lo, hi := t.Interval()
			return lo, hi, true
		})
		c.outside(id, n, k.Range, ok)
	}
}

func (c *checker) dateTime(id rm.ID, n template.NodeID, k *aom.DateTime) {
	v, err := temporal.ParseDateTime(c.tree.Text(id))
	if err != nil {
		return
	}
	day, clock, _ := strings.Cut(k.Pattern, "T")
	parts := append(strings.Split(day, "-"), strings.Split(clock, ":")...)
	c.fields(id, n, k.Pattern, parts, append(dateFields[:3:3], timeFields...), v.Precision())
	c.zone(id, n, k.Timezone, v.HasZone())
	if k.Range != nil {
		lo, hi := v.Interval(nil)
		ok := temporalWithin(k.Range, lo, hi, func(text string) (temporal.Instant, temporal.Instant, bool) {
			d, err := temporal.ParseDateTime(text)
			if err != nil {
				return temporal.Instant{}, temporal.Instant{}, false
			}
			lo, hi := d.Interval(nil)
			return lo, hi, true
		})
		c.outside(id, n, k.Range, ok)
	}
}

// fields compares the parts of a pattern with what the value states: letters
// demand a part, ? leaves it open, X forbids it (AOM 1.4, C_DATE and kin).
func (c *checker) fields(id rm.ID, n template.NodeID, pattern string, parts []string, fields []field, has temporal.Precision) {
	if pattern == "" {
		return
	}
	for i, f := range fields {
		if i >= len(parts) || parts[i] == "" {
			continue
		}
		switch parts[i][0] {
		case '?':
		case 'X', 'x':
			if has >= f.precision {
				c.refuse(id, n, "fields", pattern, c.tree.Text(id), "The value must not state the %s (pattern %s)", f.name, pattern)
				return
			}
		default:
			if has < f.precision {
				c.refuse(id, n, "fields", pattern, c.tree.Text(id), "The value must state the %s (pattern %s)", f.name, pattern)
				return
			}
		}
	}
}

func (c *checker) zone(id rm.ID, n template.NodeID, v aom.Validity, has bool) {
	switch {
	case v == aom.ValidityMandatory && !has:
		c.refuse(id, n, "timezone", "a time zone", c.tree.Text(id), "The value must state its time zone")
	case v == aom.ValidityDisallowed && has:
		c.refuse(id, n, "timezone", "no time zone", c.tree.Text(id), "The value must not state a time zone")
	}
}

func (c *checker) outside(id rm.ID, n template.NodeID, limits *aom.Interval, ok bool) {
	if !ok {
		value := c.tree.Text(id)
		c.refuse(id, n, "range", rangeText(limits), value, "The value %s must be %s", value, rangeWords(limits))
	}
}

// temporalWithin asks whether all of [lo, hi) lies between the bounds, each of
// which may be partial too: 2021 lies within 2020-07..2022-03.
func temporalWithin(limits *aom.Interval, lo, hi temporal.Instant, parse func(string) (temporal.Instant, temporal.Instant, bool)) bool {
	if !limits.LowerUnbounded {
		from, to, ok := parse(limits.Lower)
		if !limits.LowerIncluded {
			from = to
		}
		if ok && lo.Compare(from) < 0 {
			return false
		}
	}
	if !limits.UpperUnbounded {
		from, to, ok := parse(limits.Upper)
		if !limits.UpperIncluded {
			to = from
		}
		if ok && hi.Compare(to) > 0 {
			return false
		}
	}
	return true
}

// durationUnits are the letters of a pattern in their order, T between days and
// hours.
var durationUnits = []struct {
	unit   temporal.Unit
	letter byte
	name   string
	clock  bool
}{
	{temporal.Years, 'Y', "years", false}, {temporal.Months, 'M', "months", false}, {temporal.Weeks, 'W', "weeks", false},
	{temporal.Days, 'D', "days", false}, {temporal.Hours, 'H', "hours", true}, {temporal.Minutes, 'M', "minutes", true},
	{temporal.Seconds, 'S', "seconds", true},
}

func (c *checker) duration(id rm.ID, n template.NodeID, k *aom.Duration) {
	v, err := temporal.ParseDuration(c.tree.Text(id))
	if err != nil {
		return
	}
	day, clock, _ := strings.Cut(strings.ToUpper(strings.TrimPrefix(k.Pattern, "P")), "T")
	if day != "" || clock != "" {
		for _, u := range durationUnits {
			letters := day
			if u.clock {
				letters = clock
			}
			if states(v, u.unit) && strings.IndexByte(letters, u.letter) < 0 {
				c.refuse(id, n, "fields", k.Pattern, c.tree.Text(id), "The duration must not state %s (pattern %s)", u.name, k.Pattern)
			}
		}
	}
	if k.Range == nil {
		return
	}
	within := func(text string, free, included bool, sign int) bool {
		limit, err := temporal.ParseDuration(text)
		if free || err != nil {
			return true
		}
		d := v.Compare(limit) * sign
		return d > 0 || d == 0 && included
	}
	c.outside(id, n, k.Range,
		within(k.Range.Lower, k.Range.LowerUnbounded, k.Range.LowerIncluded, 1) &&
			within(k.Range.Upper, k.Range.UpperUnbounded, k.Range.UpperIncluded, -1))
}

// states says whether a duration has any of a unit: zero of it, as in PT0S or
// P1Y0M, is nothing a pattern could forbid.
func states(v temporal.Duration, u temporal.Unit) bool {
	return v.Amount(u) != 0 || u == temporal.Seconds && v.Nanosecond() != 0
}
