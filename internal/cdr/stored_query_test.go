package cdr

import (
	"testing"

	"github.com/quire-cdr/quire/internal/access"
)

func TestQualifiedQueryName(t *testing.T) {
	for name, want := range map[string]string{
		"x": "misc::x", "org.example::x.y-z_1": "org.example::x.y-z_1", "aql": "", "AQL": "", "org::aql": "org::aql",
		"": "", "a::b::c": "", "a b": "", "::a": "", "a::": "", "a/b": "",
	} {
		if got := qualified(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Who may ask what of a population.
func TestAsks(t *testing.T) {
	given := &access.Profile{Principal: "svc:x", Readable: []string{"north"}, StoredQueries: []string{"org::list", "bare"}}
	population := &access.Profile{Principal: "svc:y", Queryable: []string{"north"}}
	for _, c := range []struct {
		name    string
		p       *access.Profile
		caller  Caller
		query   string
		allowed bool
	}{
		{"a person with the right, any text", population, Caller{}, "", true},
		{"a service with the right and no purpose", population, Caller{Service: true}, "", false},
		{"a service with the right and a purpose", population, Caller{Service: true, Purpose: "research"}, "", true},
		{"any text by who has but stored queries", given, Caller{Service: true}, "", false},
		{"a given query", given, Caller{Service: true}, "org::list/1.0.0", true},
		{"a given query in capitals", given, Caller{Service: true}, "ORG::List/1.0.0", true},
		{"a query given without its namespace", given, Caller{Service: true}, "misc::bare/2.0.0", true},
		{"another query", given, Caller{Service: true}, "org::other/1.0.0", false},
		{"nobody", &access.Profile{}, Caller{}, "org::list/1.0.0", false},
		{"everything is allowed", access.System(), Caller{}, "", true},
	} {
		p := asks(c.p, c.caller, c.query)
		if (p != nil) != c.allowed {
			t.Errorf("%s: allowed %t", c.name, p != nil)
		}
	}
	if p := asks(given, Caller{}, "org::list/1.0.0"); len(p.Queryable) != 1 || len(given.Queryable) != 0 {
		t.Error("a given query is asked of whom the principal may read, and nothing stays of it")
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range [][2]string{{"1.0.0", "1.0.1"}, {"1.2.0", "1.10.0"}, {"2.0.0", "10.0.0"}} {
		if compareVersions(c[0], c[1]) >= 0 || compareVersions(c[1], c[0]) <= 0 || compareVersions(c[0], c[0]) != 0 {
			t.Errorf("%v", c)
		}
	}
}
