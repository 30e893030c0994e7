package source

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
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

func parseMultiplicity(text string) (aom.Multiplicity, bool) {
	low, high, both := strings.Cut(strings.TrimSpace(text), "..")
	if !both {
		if high = low; low == "*" {
			low = "0"
		}
	}
	m := aom.Multiplicity{Max: aom.Unbounded}
	var err error
	if m.Min, err = strconv.Atoi(low); err != nil || m.Min < 0 || m.Min > 1<<20 {
		return m, false
	}
	if high != "*" {
		if m.Max, err = strconv.Atoi(high); err != nil || m.Max < m.Min || m.Max > 1<<20 {
			return m, false
		}
	}
	return m, true
}
