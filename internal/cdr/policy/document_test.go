package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quire-cdr/quire/internal/fault"
)

const example = `version: 1
roles:
  clinician: [user:trust:dr-a, "Role:consultant"]
  consultant:
teams:
  night: [Role:clinician]
organisations:
  RXX:
    clinicians: [Role:clinician]
    writers: [Role:clinician, svc:engine]
sensitivity:
  normal: {readers: [Role:clinician]}
  sexual-health: {}
templates:
  Vital signs observations.v1: normal
rules:
  - label: sexual-health
    terminology: SNOMED-CT
    codes: ["0086406008", "1"]
`

func TestParse(t *testing.T) {
	doc, err := Parse([]byte(example), model{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Document{
		Sections: map[string]bool{"Role": true, "Team": true, "Organisation": true, "Sensitivity": true},
		Tuples: tidy(tuples("Role:clinician#members@user:trust:dr-a", "Role:clinician#members@Role:consultant", "Team:night#members@Role:clinician",
			"Organisation:RXX#clinicians@Role:clinician", "Organisation:RXX#writers@Role:clinician", "Organisation:RXX#writers@svc:engine",
			"Sensitivity:normal#readers@Role:clinician")),
		Labels: []string{"normal", "sexual-health"}, Templates: map[string]string{"Vital signs observations.v1": "normal"},
		HasRules: true, Rules: []Rule{{"sexual-health", "SNOMED-CT", "0086406008"}, {"sexual-health", "SNOMED-CT", "1"}},
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
	if asJSON, err := Parse([]byte(`{"version": 1, "roles": {"clinician": ["user:a:b"]}}`), model{}); err != nil || len(asJSON.Tuples) != 1 {
		t.Errorf("%+v, %v", asJSON, err)
	}
}

// Each fault names its line and path; all of a file come at once.
func TestParseFaults(t *testing.T) {
	for _, c := range []struct{ name, file, path, message string }{
		{"no YAML", "version: 1\nroles: [", "", "line 2"},
		{"empty", "", "", "the file is empty"},
		{"a list", "- a", "", "line 1, column 1: the file must be a mapping"},
		{"no version", "roles: {}", "version", "the file begins with version: 1"},
		{"another version", "version: 2", "version", "line 1, column 10: this reads version 1"},
		{"an unknown section", "version: 1\nrole: {}", "role", `line 2, column 1: there is no section "role"`},
		{"an unknown relation", "version: 1\norganisations:\n  RXX:\n    doctors: [Role:a]", "organisations.RXX.doctors", `line 4, column 5: there is no relation "doctors" here; those of organisations are admins, `},
		{"a permit", "version: 1\norganisations:\n  RXX: {read_any: [user:a:b]}", "organisations.RXX.read_any", "there is no relation"},
		{"no list", "version: 1\nroles:\n  a: user:x:y", "roles.a", "line 3, column 6: roles.a must be a list"},
		{"no subject", "version: 1\nroles:\n  a:\n    - user:x:y\n    - nobody", "roles.a[1]", "line 5, column 7: a subject is written"},
		{"a subject that does not fit", "version: 1\norganisations:\n  RXX: {writers: [Team:x]}", "organisations.RXX.writers[0]", "does not accept a Team"},
		{"twice in a list", "version: 1\nroles:\n  a: [user:x:y, user:x:y]", "roles.a[1]", "listed twice"},
		{"twice in a mapping", "version: 1\nroles:\n  a: []\n  a: []", "roles.a", "line 4, column 3: \"a\" stands here a second time, after line 3"},
		{"an alias", "version: 1\nroles:\n  a: &x [user:x:y]\n  b: *x", "roles.b", "line 4"},
		{"two documents", "version: 1\n---\nversion: 1", "", "more than one document"},
		{"a label's name", "version: 1\nsensitivity: {Normal: {}}", "sensitivity.Normal", "a label is"},
		{"a template's label", "version: 1\ntemplates: {t: [normal]}", "templates.t", "a template has one label"},
		{"a rule without codes", "version: 1\nrules:\n  - label: x1\n    terminology: S", "rules[0]", "line 3, column 5: a rule needs"},
		{"a rule of something", "version: 1\nrules: [{label: x1, terminology: S, codes: ['1'], why: y}]", "rules[0].why", "not \"why\""},
		{"a code twice", "version: 1\nrules: [{label: x1, terminology: S, codes: ['1', '1']}]", "rules[0].codes[1]", "listed twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.file), model{})
			f := fault.Of(err)
			if f.Kind != fault.Invalid || !slices.ContainsFunc(f.Issues, func(i fault.Issue) bool { return i.Path == c.path && strings.Contains(i.Message, c.message) }) {
				t.Errorf("%v: %+v", err, f.Issues)
			}
		})
	}
	_, err := Parse([]byte("version: 1\nroles: {a: [x], b: [y]}\nother: 1"), model{})
	if n := len(fault.Of(err).Issues); n != 3 {
		t.Errorf("%d of 3 faults: %v", n, err)
	}
}

// random makes a state whose names try the quoting of YAML.
func random(rng *rand.Rand) State {
	names := []string{"a", "null", "1", "0x1F", "true", "~", "a:b", "-x", "it's", `"q"`, "[l]", "{m}", "&a", "*b", "!t", "%p", "café", "y", "1e3", "<<", "="}
	name := func() string { return names[rng.IntN(len(names))] }
	s := State{Labels: []string{"normal", "sealed", "y1"}, Templates: map[string]string{}}
	kinds := []string{"user:", "svc:", "Role:", "Team:"}
	for range rng.IntN(30) {
		noun := Nouns[rng.IntN(len(Nouns))]
		all := relations[noun.Namespace]
		t := Tuple{noun.Namespace, name(), all[rng.IntN(len(all))], kinds[rng.IntN(4)] + name()}
		if noun.Namespace == "Sensitivity" {
			t.Object = s.Labels[rng.IntN(3)]
		}
		if (model{}).Fits(t) == nil {
			s.Tuples = append(s.Tuples, t)
		}
	}
	s.Tuples = tidy(s.Tuples)
	for range rng.IntN(4) {
		s.Templates[name()+" of v1"] = "sealed"
		s.Rules = append(s.Rules, Rule{"sealed", name(), name()})
	}
	slices.SortFunc(s.Rules, compareRules)
	s.Rules = slices.Compact(s.Rules)
	return s
}

// What was exported applies without a change, and reads as it was written.
func TestApplyOfExportChangesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 500 {
		s := random(rng)
		text, err := s.document().Print()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := Parse(text, model{})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(s.document(), doc, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
		c, err := doc.against(s)
		if err != nil || !c.Empty() {
			t.Fatalf("%+v, %v\n%s", c, err, text)
		}
		// Against any other policy it makes this one.
		other := random(rng)
		other.Templates = map[string]string{}
		for template := range s.Templates {
			other.Templates[template] = "normal"
		}
		c, err = doc.against(other)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.Tuples, tidy(c.on(other.Tuples)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestDiff(t *testing.T) {
	now := State{Tuples: tuples("Role:a#members@user:x:1", "Role:b#members@user:x:2", "Team:t#members@user:x:1"), Labels: []string{"normal"},
		Templates: map[string]string{"t": "normal"}, Rules: []Rule{{"normal", "S", "1"}}}
	for _, c := range []struct{ file, want string }{
		{"version: 1", ""},
		{"version: 1\nroles: {a: [user:x:1, user:x:3]}", "+ Role:a#members@user:x:3\n- Role:b#members@user:x:2"},
		{"version: 1\nteams:", "- Team:t#members@user:x:1"},
		{"version: 1\nsensitivity: {normal: {}, hiv: {readers: [Role:a]}}\ntemplates: {t: hiv}", "+ label hiv\n+ Sensitivity:hiv#readers@Role:a\n~ template t: hiv, was normal"},
		{"version: 1\nrules: []", "- rule normal S::1"},
		{"version: 1\nrules: [{label: normal, terminology: S, codes: ['1', '2']}]", "+ rule normal S::2"},
	} {
		doc, err := Parse([]byte(c.file), model{})
		if err != nil {
			t.Fatal(err)
		}
		change, err := doc.against(now)
		change.Added, change.Removed = tidy(change.Added), tidy(change.Removed)
		if got := strings.Join(change.Lines(), "\n"); err != nil || got != c.want {
			t.Errorf("%s\n%v\n%s", c.file, err, got)
		}
	}
	for file, path := range map[string]string{
		"version: 1\ntemplates: {x: normal}": "templates.x", "version: 1\ntemplates: {t: hiv}": "templates.t",
		"version: 1\nrules: [{label: hiv, terminology: S, codes: [x]}]": "rules",
	} {
		doc, err := Parse([]byte(file), model{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = doc.against(now); !fault.Is(err, fault.Unprocessable) || fault.Of(err).Issues[0].Path != path {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	for _, s := range []string{"", "version: 1", "a: &a [*a]", "? [x]\n: y", "version: 1\nroles: {a: !!binary aGk=}", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := Parse([]byte(s), model{})
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		text, err := doc.Print()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text, model{})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if fmt.Sprint(again.Tuples, again.Rules, again.Templates, again.Labels) != fmt.Sprint(doc.Tuples, doc.Rules, doc.Templates, doc.Labels) {
			t.Errorf("%q became\n%s", s, text)
		}
	})
}
