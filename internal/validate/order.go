package validate

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// relation is how two ordered values stand to each other.
type relation int8

const (
	before relation = iota - 1
	equal
	after
	// unknown: a part is missing or malformed, which is reported elsewhere, or
	// one of two partial values lies within the other.
	unknown
	// incomparable: other class, units, or kind of proportion (RM 1.1.0,
	// DV_ORDERED.is_strictly_comparable_to).
	incomparable
)

// compare orders two values of subclasses of DV_ORDERED.
func (c *checker) compare(a, b rm.ID) relation {
	class := c.tree.Class(a)
	if c.tree.Class(b) != class {
		return incomparable
	}
	switch class {
	case rminfo.DV_QUANTITY:
		if c.tree.TextAt(a, rminfo.A_units) != c.tree.TextAt(b, rminfo.A_units) {
			return incomparable
		}
		return c.numbers(a, b, rminfo.A_magnitude)
	case rminfo.DV_COUNT:
		return c.numbers(a, b, rminfo.A_magnitude)
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		return c.numbers(a, b, rminfo.A_value)
	case rminfo.DV_PROPORTION:
		if c.tree.TextAt(a, rminfo.A_type) != c.tree.TextAt(b, rminfo.A_type) {
			return incomparable
		}
		return c.proportions(a, b)
	case rminfo.DV_DATE:
		return partial(c, a, b, func(s string) (lo, hi temporal.Instant, err error) {
			d, err := temporal.ParseDate(s)
			from, to := d.Interval()
			return point(from), point(to), err
		})
	case rminfo.DV_TIME:
		return partial(c, a, b, func(s string) (lo, hi temporal.Instant, err error) {
			t, err := temporal.ParseTime(s)
			lo, hi = t.Interval()
			return lo, hi, err
		})
	case rminfo.DV_DATE_TIME:
		return partial(c, a, b, func(s string) (lo, hi temporal.Instant, err error) {
			d, err := temporal.ParseDateTime(s)
			if err != nil {
				return lo, hi, err
			}
			lo, hi = d.Interval(nil)
			return lo, hi, nil
		})
	case rminfo.DV_DURATION:
		x, err1 := temporal.ParseDuration(c.tree.TextAt(a, rminfo.A_value))
		y, err2 := temporal.ParseDuration(c.tree.TextAt(b, rminfo.A_value))
		if err1 != nil || err2 != nil {
			return unknown
		}
		return relation(x.Compare(y))
	}
	return unknown
}

func (c *checker) numbers(a, b rm.ID, attr rminfo.Attr) relation {
	x, y := c.tree.TextAt(a, attr), c.tree.TextAt(b, attr)
	if x == "" || y == "" {
		return unknown
	}
	return relation(compareDecimal(x, y))
}

// proportions compares quotients by multiplying crosswise; both denominators
// are taken as positive, which other invariants state.
func (c *checker) proportions(a, b rm.ID) relation {
	var parts [4]*apd.Decimal
	for i, text := range [...]string{
		c.tree.TextAt(a, rminfo.A_numerator), c.tree.TextAt(b, rminfo.A_denominator),
		c.tree.TextAt(b, rminfo.A_numerator), c.tree.TextAt(a, rminfo.A_denominator),
	} {
		d, _, err := apd.NewFromString(text)
		if err != nil {
			return unknown
		}
		parts[i] = d
	}
	exact := apd.BaseContext.WithPrecision(100)
	var left, right apd.Decimal
	if _, err := exact.Mul(&left, parts[0], parts[1]); err != nil {
		return unknown
	}
	if _, err := exact.Mul(&right, parts[2], parts[3]); err != nil {
		return unknown
	}
	return relation(left.Cmp(&right))
}

// partial compares values that may be intervals themselves: 2021 is before
// 2022, and neither before nor after 2021-05.
func partial(c *checker, a, b rm.ID, parse func(string) (lo, hi temporal.Instant, err error)) relation {
	alo, ahi, err1 := parse(c.tree.TextAt(a, rminfo.A_value))
	blo, bhi, err2 := parse(c.tree.TextAt(b, rminfo.A_value))
	switch {
	case err1 != nil || err2 != nil:
		return unknown
	case alo == blo && ahi == bhi:
		return equal
	case ahi.Compare(blo) <= 0:
		return before
	case alo.Compare(bhi) >= 0:
		return after
	}
	return unknown
}
