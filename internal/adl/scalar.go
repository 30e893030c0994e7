package adl

import (
	"math/big"
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// The forms of plain values. Dates and times are the extended forms of ISO
// 8601, perhaps partial; patterns have a letter, ?? or XX for each field, or the
// field's digits.
var (
	integerForm  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	realForm     = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)
	dateForm     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$`)
	timeForm     = regexp.MustCompile(`^T?[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$`)
	dateTimeForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$`)
	durationForm = regexp.MustCompile(`^[+-]?P([0-9.]+[YyMmWwDd])*([Tt]([0-9.]+[HhMmSs])+)?$`)

	datePatternForm     = regexp.MustCompile(`^([yY]{4}|[0-9]{4})-([mM]{2}|\?\?|XX|[0-9]{2})-([dD]{2}|\?\?|XX|[0-9]{2})$`)
	timePatternForm     = regexp.MustCompile(`^T?([hH]{2}|[0-9]{2}):([mM]{2}|\?\?|XX|[0-9]{2}):([sS]{2}|\?\?|XX|[0-9]{2})$`)
	durationPatternForm = regexp.MustCompile(`^[+-]?P[Yy]?[Mm]?[Ww]?[Dd]?(T[Hh]?[Mm]?[Ss]?)?$`)
)

func isNumber(s string) bool { return realForm.MatchString(s) }

func isDuration(s string) bool {
	return durationForm.MatchString(s) && s[len(s)-1] != 'P'
}

func isDurationPattern(s string) bool { return len(s) > 1 && durationPatternForm.MatchString(s) }

func isDateTimePattern(s string) bool {
	date, clock, ok := strings.Cut(s, "T")
	return ok && datePatternForm.MatchString(date) && timePatternForm.MatchString(clock)
}

func isTemporalPattern(s string) bool {
	return datePatternForm.MatchString(s) || timePatternForm.MatchString(s) || isDateTimePattern(s)
}

// scalar tells the plain values apart.
type scalar uint8

const (
	noScalar scalar = iota
	integerScalar
	realScalar
	dateScalar
	timeScalar
	dateTimeScalar
	durationScalar
)

func scalarOf(s string) scalar {
	switch {
	case integerForm.MatchString(s):
		return integerScalar
	case realForm.MatchString(s):
		return realScalar
	case dateForm.MatchString(s):
		return dateScalar
	case timeForm.MatchString(s):
		return timeScalar
	case dateTimeForm.MatchString(s):
		return dateTimeScalar
	case isDuration(s):
		return durationScalar
	}
	return noScalar
}

// temporalToken is the length of the number, date, time, duration or pattern at
// the start of the text. Two dots, and a comment's two dashes, end it.
func temporalToken(text string) int {
	i := 0
	for i < len(text) {
		c := text[i]
		next := byte(0)
		if i+1 < len(text) {
			next = text[i+1]
		}
		switch {
		case letter(c), digit(c), c == ':' || c == '?':
		case c == '.' && digit(next):
		case c == ',' && digit(next) && i > 2 && text[i-3] == ':':
			// ISO 8601 prefers the comma before the decimals of a second.
		case (c == '+' || c == '-') && next != c && next != '/':
		default:
			return i
		}
		i++
	}
	return i
}

// token reads one plain value.
func (s *source) token(expected string) string {
	s.skip()
	n := temporalToken(s.text[s.pos:])
	if n == 0 {
		s.fail(expected)
	}
	s.pos += n
	return s.text[s.pos-n : s.pos]
}

// interval reads |a..b| in all its forms: |>=a|, |a..<b|, |a|, |a +/- b|.
func (s *source) interval() *aom.Interval {
	s.expect("|")
	i := &aom.Interval{LowerIncluded: true, UpperIncluded: true}
	at := s.pos
	switch {
	case s.accept(">="):
		i.Lower = s.bound()
		s.upper(i, true)
	case s.accept(">"):
		i.Lower, i.LowerIncluded = s.bound(), false
		s.upper(i, true)
	case s.accept("<="):
		i.Upper = s.bound()
		i.LowerUnbounded, i.LowerIncluded = true, false
	case s.accept("<"):
		i.Upper, i.UpperIncluded = s.bound(), false
		i.LowerUnbounded, i.LowerIncluded = true, false
	case s.accept("*"):
		i.LowerUnbounded, i.LowerIncluded = true, false
		s.upper(i, true)
	default:
		i.Lower = s.bound()
		if s.accept("+/-") {
			s.around(i, at)
		} else {
			s.upper(i, false)
		}
	}
	s.expect("|")
	return i
}

func (s *source) bound() string {
	at := s.pos
	t := s.token("a number, date, time or duration")
	if scalarOf(t) == noScalar {
		s.failAt(at, "a number, date, time or duration")
	}
	return t
}

// upper reads ..b; without it the interval is open above, or a point.
func (s *source) upper(i *aom.Interval, open bool) {
	if !s.accept("..") {
		if open {
			i.UpperUnbounded, i.UpperIncluded = true, false
		} else {
			i.Upper = i.Lower
		}
		return
	}
	if s.accept("*") {
		i.UpperUnbounded, i.UpperIncluded = true, false
		return
	}
	if s.accept("<=") {
		i.Upper = s.bound()
		return
	}
	i.UpperIncluded = !s.accept("<")
	i.Upper = s.bound()
}

// around turns a +/- b into bounds with as many decimals as were written.
func (s *source) around(i *aom.Interval, at int) {
	middle, spread := i.Lower, s.bound()
	m, ok := new(big.Rat).SetString(middle)
	d, ok2 := new(big.Rat).SetString(spread)
	if !ok || !ok2 || strings.ContainsAny(middle+spread, "eE") {
		s.failAt(at, "two plain numbers around +/-")
	}
	places := max(decimals(middle), decimals(spread))
	i.Lower = new(big.Rat).Sub(m, d).FloatString(places)
	i.Upper = new(big.Rat).Add(m, d).FloatString(places)
}

func decimals(s string) int {
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		return len(s) - dot - 1
	}
	return 0
}
