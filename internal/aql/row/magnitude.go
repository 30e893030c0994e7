package row

import (
	"strconv"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// magnitude writes what a value is compared by, where that is not a member of
// it. A value that cannot be read has none and compares as null.
func (c *cutter) magnitude(id rm.ID, class rminfo.Class, start int) {
	var m, end string
	switch class {
	case rminfo.DV_DATE, rminfo.DV_TIME, rminfo.DV_DATE_TIME, rminfo.DV_DURATION:
		m, end = Bounds(class, c.tree.TextAt(id, rminfo.A_value), c.zone)
	case rminfo.DV_PROPORTION:
		m = Quotient(c.tree.TextAt(id, rminfo.A_numerator), c.tree.TextAt(id, rminfo.A_denominator))
	}
	if m != "" {
		c.member("_m", start)
		c.buf = append(c.buf, m...)
	}
	if end != "" {
		c.member("_x", start)
		c.buf = append(c.buf, end...)
	}
}

// Bounds gives the magnitude of a temporal text as the class reads it: days for
// DV_DATE, seconds for the others (RM 1.1.0, Data Types 7). end is the exclusive
// end of a partial value and "" for a complete one; both are "" for a text the
// class does not know. A date-time without an offset is read in zone, nil being
// UTC (DESIGN 5a rule 9).
func Bounds(class rminfo.Class, text string, zone *time.Location) (magnitude, end string) {
	lo, hi, partial, ok := interval(class, text, zone)
	switch {
	case !ok:
		return "", ""
	case !partial:
		return lo, ""
	}
	return lo, hi
}

// Interval gives the bounds [lo, hi) of a temporal text as the class reads it; a
// complete value lasts a day or a nanosecond, a duration has both bounds equal.
func Interval(class rminfo.Class, text string, zone *time.Location) (lo, hi string, ok bool) {
	lo, hi, _, ok = interval(class, text, zone)
	return lo, hi, ok
}

func interval(class rminfo.Class, text string, zone *time.Location) (lo, hi string, partial, ok bool) {
	switch class {
	case rminfo.DV_DATE:
		d, err := temporal.ParseDate(text)
		if err != nil {
			break
		}
		from, to := d.Interval()
		return strconv.FormatInt(from, 10), strconv.FormatInt(to, 10), d.IsPartial(), true
	case rminfo.DV_TIME:
		t, err := temporal.ParseTime(text)
		if err != nil {
			break
		}
		from, to := t.Interval()
		return from.String(), to.String(), t.IsPartial(), true
	case rminfo.DV_DATE_TIME:
		d, err := temporal.ParseDateTime(text)
		if err != nil {
			break
		}
		from, to := d.Interval(zone)
		return from.String(), to.String(), d.IsPartial(), true
	case rminfo.DV_DURATION:
		d, err := temporal.ParseDuration(text)
		if err != nil {
			break
		}
		m := d.MagnitudeText()
		return m, m, false, true
	}
	return "", "", false, false
}

// precision is that of every quotient in AQL: 15 significant digits, half even.
var precision = apd.Context{Precision: 15, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}

// Quotient divides two decimals as AQL does, "" where that has no value.
func Quotient(numerator, denominator string) string {
	n, _, err := apd.NewFromString(numerator)
	if err != nil {
		return ""
	}
	d, _, err := apd.NewFromString(denominator)
	if err != nil || d.IsZero() {
		return ""
	}
	q := new(apd.Decimal)
	if _, err := precision.Quo(q, n, d); err != nil || q.Form != apd.Finite {
		return ""
	}
	q.Reduce(q)
	return q.Text('f')
}
