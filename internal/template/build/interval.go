package build

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// parseInterval reads 0..20, 0..<20, >0..20, >=0, >0, <=5, <5 and 7.
func parseInterval(text string) (aom.Interval, bool) {
	text = strings.ReplaceAll(text, " ", "")
	i := aom.Interval{LowerIncluded: true, UpperIncluded: true}
	low, high, both := strings.Cut(text, "..")
	switch {
	case both:
		i.Lower, i.LowerIncluded = cutSign(low, ">")
		i.Upper, i.UpperIncluded = cutSign(high, "<")
	case strings.HasPrefix(text, ">"):
		i.Lower, i.LowerIncluded = cutSign(text, ">")
		i.UpperUnbounded, i.UpperIncluded = true, false
		return i, i.Lower != ""
	case strings.HasPrefix(text, "<"):
		i.Upper, i.UpperIncluded = cutSign(text, "<")
		i.LowerUnbounded, i.LowerIncluded = true, false
		return i, i.Upper != ""
	default:
		i.Lower, i.Upper = text, text
	}
	if i.Upper == "*" {
		i.Upper, i.UpperUnbounded, i.UpperIncluded = "", true, false
		return i, i.Lower != ""
	}
	return i, i.Lower != "" && i.Upper != ""
}

func cutSign(text, sign string) (bound string, included bool) {
	rest, signed := strings.CutPrefix(text, sign)
	if !signed {
		return text, true
	}
	rest, equal := strings.CutPrefix(rest, "=")
	return rest, equal
}

// showInterval writes an interval as a source does.
func showInterval(i *aom.Interval) string {
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

// order compares two bounds; false when a text is not of the kind.
type order func(a, b string) (int, bool)

// maxNumber bounds the text of a number: no unit needs more, and exponents
// cannot grow.
const maxNumber = 40

func byNumber(a, b string) (int, bool) {
	x, ok := number(a)
	y, ok2 := number(b)
	if !ok || !ok2 {
		return 0, false
	}
	return x.Cmp(y), true
}

func number(text string) (*apd.Decimal, bool) {
	if len(text) > maxNumber || strings.Trim(text, "+-.0123456789eE") != "" {
		return nil, false
	}
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite || d.Exponent > 400 || d.Exponent < -400 {
		return nil, false
	}
	return d, true
}

func byDuration(a, b string) (int, bool) {
	x, err := temporal.ParseDuration(a)
	y, err2 := temporal.ParseDuration(b)
	if err != nil || err2 != nil {
		return 0, false
	}
	return x.Magnitude().Compare(y.Magnitude()), true
}

func byDate(a, b string) (int, bool) {
	x, err := temporal.ParseDate(a)
	y, err2 := temporal.ParseDate(b)
	if err != nil || err2 != nil {
		return 0, false
	}
	return compare(x.Magnitude(), y.Magnitude()), true
}

// byText compares times and dates with times: bounds of one constraint are
// written with the same precision, and then text order is time order.
func byText(a, b string) (int, bool) { return strings.Compare(a, b), a != "" && b != "" }

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// sound says whether the bounds are of the kind and the right way round.
func (o order) sound(i *aom.Interval) bool {
	if i.LowerUnbounded || i.UpperUnbounded {
		bound := i.Lower + i.Upper
		_, ok := o(bound, bound)
		return ok
	}
	c, ok := o(i.Lower, i.Upper)
	return ok && c <= 0
}

// within says whether all of i is in outer.
func (o order) within(i, outer *aom.Interval) bool {
	if outer == nil {
		return true
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

// holds says whether a value is in the interval.
func (o order) holds(value string, i *aom.Interval) bool {
	return o.within(&aom.Interval{Lower: value, Upper: value, LowerIncluded: true, UpperIncluded: true}, i)
}
