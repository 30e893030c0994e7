package aom

import "testing"

func TestMultiplicity(t *testing.T) {
	for _, tc := range []struct {
		m    Multiplicity
		n    int
		want bool
	}{
		{Multiplicity{0, 1}, 0, true}, {Multiplicity{0, 1}, 2, false}, {Multiplicity{1, Unbounded}, 0, false},
		{Multiplicity{1, Unbounded}, 900, true}, {Multiplicity{0, 0}, 1, false},
	} {
		if got := tc.m.Allows(tc.n); got != tc.want {
			t.Errorf("%v allows %d: %v", tc.m, tc.n, got)
		}
	}
	if (Multiplicity{0, 1}).Many() || !(Multiplicity{0, 2}).Many() || !(Multiplicity{0, Unbounded}).Many() {
		t.Error("Many")
	}
}

func TestArchetypeIDPattern(t *testing.T) {
	leaf := func(text string) *Expression { return &Expression{Text: text} }
	regex := &Expression{Constraint: &String{Pattern: `.*`, HasPattern: true}}
	for name, tc := range map[string]struct {
		e    *Expression
		want bool
	}{
		"usual":           {&Expression{Kind: Binary, Operator: OperatorMatches, Left: leaf("archetype_id/value"), Right: regex}, true},
		"other operator":  {&Expression{Kind: Binary, Operator: 2001, Left: leaf("archetype_id/value"), Right: regex}, false},
		"other attribute": {&Expression{Kind: Binary, Operator: OperatorMatches, Left: leaf("domain_concept"), Right: regex}, false},
		"no expression":   {&Expression{Kind: Binary, Operator: OperatorMatches, Left: leaf("archetype_id/value"), Right: leaf("x")}, false},
		"none":            {nil, false},
	} {
		if _, got := (Assertion{Expression: tc.e}).ArchetypeIDPattern(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestValuePaths(t *testing.T) {
	v := &Value{Type: "DV_CODED_TEXT", Members: []Member{{"defining_code", &Value{Members: []Member{{"code_string", &Value{Text: "at0001"}}}}}}}
	if got := v.TextAt("defining_code", "code_string"); got != "at0001" {
		t.Errorf("got %q", got)
	}
	if v.TextAt("value", "x") != "" || (*Value)(nil).Get("x") != nil {
		t.Error("an absent member has a value")
	}
}
