package keto

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quire-cdr/quire/deploy"
	"github.com/quire-cdr/quire/internal/fault"
)

var (
	opl       = regexp.MustCompile(`(?m)//.*$`).ReplaceAllString(string(deploy.OPL), "")
	classes   = regexp.MustCompile(`(?s)class (\w+) implements Namespace \{\n(.*?)\n\}`)
	related   = regexp.MustCompile(`(?s)related: \{(.*?)\n  \}`)
	relations = regexp.MustCompile(`(\w+): (.*)\[\]`)
	sets      = regexp.MustCompile(`SubjectSet<(\w+), "(\w+)">`)
	permits   = regexp.MustCompile(`(?m)^    (\w+): \(ctx`)
)

// The table is the file, both ways.
func TestModelIsTheFile(t *testing.T) {
	found := map[string]map[string][]string{}
	for _, class := range classes.FindAllStringSubmatch(opl, -1) {
		body := related.FindStringSubmatch(class[2])
		if body == nil {
			continue
		}
		found[class[1]] = map[string][]string{}
		for _, r := range relations.FindAllStringSubmatch(body[1], -1) {
			types := strings.Split(strings.Trim(sets.ReplaceAllString(r[2], "$1#$2"), "()"), " | ")
			found[class[1]][r[1]] = types
		}
		for _, p := range permits.FindAllStringSubmatch(class[2], -1) {
			if _, clash := model[class[1]][p[1]]; clash {
				t.Errorf("%s: the permit %s is in the table of relations", class[1], p[1])
			}
			err := (Tuple{class[1], "x", p[1], "user:local:x"}).check()
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("a tuple on the permit %s.%s: %v", class[1], p[1], err)
			}
		}
	}
	sorted := func(m map[string]map[string][]string) map[string]map[string][]string {
		for _, relations := range m {
			for _, types := range relations {
				slices.Sort(types)
			}
		}
		return m
	}
	if diff := cmp.Diff(sorted(found), sorted(model)); diff != "" {
		t.Errorf("access model (-file +table):\n%s", diff)
	}
	if len(found) != 8 {
		t.Errorf("%d namespaces were read from the file", len(found))
	}
}

// A negation turns "the database failed" into "allowed".
func TestModelHasNoNegation(t *testing.T) {
	if strings.Contains(opl, "!") {
		t.Error("the access model negates")
	}
}

// Every relation a profile is gathered from leads somewhere.
func TestEveryRelationConfers(t *testing.T) {
	for namespace, names := range model {
		if elsewhere[namespace] != "" || namespace == "Role" || namespace == "Team" || namespace == "Sensitivity" {
			continue
		}
		for name := range names {
			if confers[namespace][name] == nil {
				t.Errorf("%s#%s confers nothing", namespace, name)
			}
		}
	}
}

func TestTupleCheck(t *testing.T) {
	cases := []struct {
		tuple Tuple
		code  string // "" is accepted
	}{
		{Tuple{"Role", "nurse", "members", "user:local:a"}, ""},
		{Tuple{"Role", "nurse", "members", "Role:carer"}, ""},
		{Tuple{"Organisation", "north", "clinicians", "Role:nurse"}, ""},
		{Tuple{"Sensitivity", "normal", "readers", "Team:night"}, ""},
		{Tuple{"Organisation", "north", "clinicians", "svc:engine"}, "access-subject"},
		{Tuple{"Organisation", "north", "clinicians", "Team:night"}, "access-subject"},
		{Tuple{"Organisation", "north", "read_any", "user:local:a"}, "access-relation"},
		{Tuple{"Organisation", "north", "", "user:local:a"}, "access-relation"},
		{Tuple{"Hospital", "north", "clinicians", "user:local:a"}, "access-namespace"},
		{Tuple{"Organisation", "", "clinicians", "user:local:a"}, "access-object"},
		{Tuple{"Organisation", "no rth", "clinicians", "user:local:a"}, "access-object"},
		{Tuple{"Organisation", "north#x", "clinicians", "user:local:a"}, "access-object"},
		{Tuple{"Role", "nurse", "members", ""}, "access-subject"},
		{Tuple{"Role", "nurse", "members", "*"}, "access-subject"},
		{Tuple{"Role", "nurse", "members", "local:a"}, "access-subject"},
		{Tuple{"Role", "nurse", "members", "Role:nurse"}, "access-subject"},
		{Tuple{"Ehr", "1", "readers", "user:local:a"}, "access-elsewhere"},
		{Tuple{"Template", "1", "sensitivity", "Sensitivity:normal"}, "access-elsewhere"},
	}
	for _, c := range cases {
		err := c.tuple.check()
		if got := ""; err != nil {
			got = fault.Of(err).Code
			if got != c.code {
				t.Errorf("%s: %v", c.tuple, err)
			}
		} else if c.code != "" {
			t.Errorf("%s was accepted", c.tuple)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"user:a:b", "svc:x", "Role:r", "Team:t#members", "", "user:", "Role:\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		who, ok := parseSubject(s)
		if ok && who.String() != s {
			t.Errorf("%q became %q", s, who)
		}
		if ok && who.kind() == "" {
			t.Errorf("%q has no type", s)
		}
	})
}
