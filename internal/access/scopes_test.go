package access

import (
	"slices"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, id string
		want        bool
	}{
		{"*", "MyHospital::Vitals.v0", true},
		{"*", "", true},
		{"**", "", true},
		{"**", "a::b::c", true},
		{"Vitals.v0", "Vitals.v0", true},
		{"Vitals.v0", "Vitals.v01", false},
		{"MyHospital::*", "MyHospital::Vitals.v0", true},
		{"MyHospital::*", "MyHospital::Ward::Vitals.v0", false},
		{"MyHospital::**", "MyHospital::Ward::Vitals.v0", true},
		{"*::Vitals.v0", "MyHospital::Vitals.v0", true},
		{"*::Vitals.v0", "MyHospital::Ward::Vitals.v0", false},
		{"**::Vitals.v0", "MyHospital::Ward::Vitals.v0", true},
		{"Vital*.v0", "Vital signs.v0", true},
		{"Vital*.v0", "Vital signs.v1", false},
		{"V*s*.v0", "Vital signs.v0", true},
		{"Vital*", "Vital::signs", false},
	} {
		if got := matches(c.pattern, c.id); got != c.want {
			t.Errorf("%s of %s: %v", c.pattern, c.id, got)
		}
	}
}

func TestReadScopes(t *testing.T) {
	for _, c := range []struct {
		words            string
		narrowed, person bool
		noun             Noun
		id               string
		letters          string // those that are allowed for noun and id
	}{
		{"openid profile launch/patient", false, false, Compositions, "A", ""},
		{"patient/composition-*.rs", true, true, Compositions, "A", "r"},
		{"patient/composition-*.durc", true, true, Compositions, "A", "crud"},
		{"user/composition-A.r patient/composition-B.crud", true, false, Compositions, "B", "crud"},
		{"user/composition-Vital%20signs.r", true, false, Compositions, "Vital signs", "r"},
		{"patient/template-*.crud", true, true, Definitions, "A", ""}, // not in the patient compartment
		{"system/template-*.crud", true, false, Definitions, "A", "crud"},
		{"patient/aql-*.cruds", true, true, Queries, "", "rs"},
		{"user/aql-org::*.s", true, false, Queries, "org::q", "s"},
		{"user/aql-org::*.s", true, false, Queries, "", ""},
		// What cannot be read allows nothing, and is no reason to allow more.
		{"patient/*.rs", true, true, Compositions, "A", ""},
		{"user/composition-A.x", true, false, Compositions, "A", ""},
		{"user/composition-A", true, false, Compositions, "A", ""},
		{"user/composition-.r", true, false, Compositions, "", ""},
		{"user/Observation.rs", true, false, Compositions, "A", ""},
		{"user/QuestionnaireResponse.rs", true, false, Compositions, "A", "r"},
		{"user/QuestionnaireResponse.write", true, false, Compositions, "A", "cud"},
		{"user/Questionnaire.*", true, false, Definitions, "A", "crud"},
	} {
		s, narrowed := ReadScopes(strings.Fields(c.words))
		if narrowed != c.narrowed || s.Person != c.person {
			t.Errorf("%s: narrowed %v, of a person %v", c.words, narrowed, s.Person)
		}
		for _, letter := range []byte("cruds") {
			if got, want := s.Allow(c.noun, letter, c.id), strings.IndexByte(c.letters, letter) >= 0; got != want {
				t.Errorf("%s: %c of %s-%s is %v", c.words, letter, c.noun, c.id, got)
			}
		}
	}
}

// TestNarrow: a scope takes away and never gives.
func TestNarrow(t *testing.T) {
	p := &Profile{Principal: "user:x:y", Templates: []int32{1, 2}, WriteTemplates: []int32{2}, Areas: []string{"queries", "audit"},
		Views: []string{"templates"}, Queryable: []string{"A1"}, CreateIn: []string{"A1"}}
	ids := map[int32]string{1: "One", 2: "Two", 3: "Three"}
	s, _ := ReadScopes(strings.Fields("user/composition-*.cr user/template-One.r"))
	n := p.Narrow(s, ids)
	if !slices.Equal(n.Templates, []int32{1, 2}) || !slices.Equal(n.WriteTemplates, []int32{2}) {
		t.Errorf("families %v and %v", n.Templates, n.WriteTemplates)
	}
	if len(n.Changing("u").WriteTemplates) != 0 || len(n.Changing("c").WriteTemplates) != 1 || len(n.Changing("cu").WriteTemplates) != 0 {
		t.Error("a letter that is missing is missed")
	}
	if n.MayUse("queries") || !n.MayUse("audit") || !n.MayView("templates") {
		t.Errorf("areas %v, views %v", n.Areas, n.Views)
	}
	if !n.UsesTemplate(1) || n.UsesTemplate(2) || n.UsesTemplate(3) {
		t.Error("templates")
	}
	if n.Allows(Queries, 's', "") || !p.Allows(Queries, 's', "") {
		t.Error("queries")
	}
	s, _ = ReadScopes([]string{"patient/aql-*.s"})
	n = p.Narrow(s, ids)
	if len(n.Templates) != 0 || n.MayCreateEHR() || n.MayQueryPopulation() {
		t.Errorf("%+v", n)
	}
	if asking := n.Asking(); len(asking.Templates) != 2 || asking.MayQueryPopulation() || asking.MayUse("queries") != n.MayUse("queries") {
		t.Errorf("%+v", asking)
	}
	if len(p.Queryable) != 1 || len(p.Areas) != 2 {
		t.Error("the profile itself was changed")
	}
}
