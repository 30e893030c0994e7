package eval

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The tables of Kleene.
func TestTruth(t *testing.T) {
	for _, c := range []struct{ a, b, and, or truth }{
		{yes, yes, yes, yes}, {yes, no, no, yes}, {yes, unknown, unknown, yes},
		{no, no, no, no}, {no, unknown, no, unknown}, {unknown, unknown, unknown, unknown},
	} {
		if c.a.and(c.b) != c.and || c.b.and(c.a) != c.and || c.a.or(c.b) != c.or || c.b.or(c.a) != c.or {
			t.Errorf("%v and/or %v: %v %v", c.a, c.b, c.a.and(c.b), c.a.or(c.b))
		}
	}
	if unknown.not() != unknown || yes.not() != no || no.not() != yes {
		t.Error("not")
	}
}

// glob agrees with a regular expression made of the pattern.
func TestGlobAgreesWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[ab?*\\]{0,8}`).Draw(t, "text")
		p := rapid.StringMatching(`([ab?*]|\\[ab?*\\]){0,8}`).Draw(t, "pattern")
		var b strings.Builder
		for i := 0; i < len(p); i++ {
			switch p[i] {
			case '*':
				b.WriteString("(?s:.*)")
			case '?':
				b.WriteString("(?s:.)")
			case '\\':
				i++
				b.WriteString(regexp.QuoteMeta(p[i : i+1]))
			default:
				b.WriteString(regexp.QuoteMeta(p[i : i+1]))
			}
		}
		want := regexp.MustCompile("^" + b.String() + "$").MatchString(s)
		if got := glob([]rune(s), []rune(p)); got != want {
			t.Fatalf("%q LIKE %q: %v", s, p, got)
		}
	})
}
