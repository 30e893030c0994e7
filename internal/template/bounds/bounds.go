package bounds

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// Order compares two bounds; false when a text is not of the kind.
type Order func(a, b string) (int, bool)

// maxNumber bounds the text of a number: no unit needs more, and exponents
// cannot grow.
const maxNumber = 40

// Number compares decimal texts.
func Number(a, b string) (int, bool) {
	x, ok := Decimal(a)
	y, ok2 := Decimal(b)
	if !ok || !ok2 {
		return 0, false
	}
	return x.Cmp(y), true
}

// Decimal reads a number of a constraint.
func Decimal(text string) (*apd.Decimal, bool) {
	if len(text) > maxNumber || strings.Trim(text, "+-.0123456789eE") != "" {
		return nil, false
	}
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite || d.Exponent > 400 || d.Exponent < -400 {
		return nil, false
	}
	return d, true
}

// Duration compares ISO 8601 durations by length.
func Duration(a, b string) (int, bool) {
	x, err := temporal.ParseDuration(a)
	y, err2 := temporal.ParseDuration(b)
	if err != nil || err2 != nil {
		return 0, false
	}
	return x.Magnitude().Compare(y.Magnitude()), true
}

// Date compares dates, partial ones by their first day.
func Date(a, b string) (int, bool) {
	x, err := temporal.ParseDate(a)
	y, err2 := temporal.ParseDate(b)
	if err != nil || err2 != nil {
		return 0, false
	}
	switch m, n := x.Magnitude(), y.Magnitude(); {
	case m < n:
		return -1, true
	case m > n:
		return 1, true
	}
	return 0, true
}

// Text compares times and dates with times: bounds of one constraint are
// written with the same precision, and then text order is time order.
func Text(a, b string) (int, bool) { return strings.Compare(a, b), a != "" && b != "" }

// Sound says whether the bounds are of the kind and the right way round.
func (o Order) Sound(i *aom.Interval) bool {
	if i.LowerUnbounded || i.UpperUnbounded {
		bound := i.Lower + i.Upper
		_, ok := o(bound, bound)
		return ok
	}
	c, ok := o(i.Lower, i.Upper)
	return ok && c <= 0
}

// Within says whether all of i is in outer; nil is everything.
func (o Order) Within(i, outer *aom.Interval) bool {
	if outer == nil {
		return true
	}
	if i == nil {
		return outer.LowerUnbounded && outer.UpperUnbounded
	}
	if !outer.LowerUnbounded {
		if i.LowerUnbounded {
			return false
		}
		if c, ok := o(i.Lower, outer.Lower); !ok || c < 0 || c == 0 && i.LowerIncluded && !outer.LowerIncluded {
			return false
		}
	}
	if !outer.UpperUnbounded {
		if i.UpperUnbounded {
			return false
		}
		if c, ok := o(i.Upper, outer.Upper); !ok || c > 0 || c == 0 && i.UpperIncluded && !outer.UpperIncluded {
			return false
		}
	}
	return true
}

// Holds says whether a value is in the interval.
func (o Order) Holds(value string, i *aom.Interval) bool {
	return o.Within(&aom.Interval{Lower: value, Upper: value, LowerIncluded: true, UpperIncluded: true}, i)
}

// Counts says whether every number of instances that inner allows is allowed by
// outer.
func Counts(inner, outer aom.Multiplicity) bool {
	return inner.Min >= outer.Min && (outer.Max == aom.Unbounded || inner.Max != aom.Unbounded && inner.Max <= outer.Max)
}

// Show writes an interval as people do.
func Show(i *aom.Interval) string {
	switch {
	case i == nil || i.LowerUnbounded && i.UpperUnbounded:
		return "anything"
	case i.UpperUnbounded:
		return map[bool]string{true: ">=", false: ">"}[i.LowerIncluded] + i.Lower
	case i.LowerUnbounded:
		return map[bool]string{true: "<=", false: "<"}[i.UpperIncluded] + i.Upper
	case i.Lower == i.Upper && i.LowerIncluded && i.UpperIncluded:
		return i.Lower
	}
	return map[bool]string{true: "", false: ">"}[i.LowerIncluded] + i.Lower + ".." + map[bool]string{true: "", false: "<"}[i.UpperIncluded] + i.Upper
}
