package fhirpath_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
)

func about(t testing.TB) (fhirpath.Collection, *fhirpath.Context) {
	t.Helper()
	text, err := os.ReadFile("testdata/resource.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := fhirpath.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	twelve, err := fhirpath.Read([]byte("12"))
	if err != nil {
		t.Fatal(err)
	}
	one := fhirpath.Collection{v}
	return one, &fhirpath.Context{Now: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), Variables: map[string]fhirpath.Collection{
		"resource": one, "context": one, "rootResource": one, "twelve": {twelve}}}
}

// evaluate is what an expression gives, written as the table of cases does.
func evaluate(text string, on fhirpath.Collection, c *fhirpath.Context) string {
	e, err := fhirpath.Parse(text)
	if err != nil {
		return "error"
	}
	got, err := e.Eval(on, c)
	if err != nil {
		return "error"
	}
	parts := []string{}
	for _, v := range got {
		if v.Kind == fhirpath.Quantity {
			quoted, _ := json.Marshal(v.String())
			parts = append(parts, string(quoted))
			continue
		}
		parts = append(parts, string(v.JSON()))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// sameJSON compares numbers by value.
func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

// TestCases compares with the answers of another implementation.
func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	on, c := about(t)
	n := 0
	for _, line := range strings.Split(string(text), "\n") {
		expression, want, ok := strings.Cut(line, " ==> ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		want, _, _ = strings.Cut(want, "  # ")
		n++
		if got := evaluate(expression, on, c); !sameJSON(got, want) {
			t.Errorf("%s\n gives %s\n want  %s", expression, got, want)
		}
	}
	if n < 200 {
		t.Errorf("%d cases were read", n)
	}
}

func TestErrorsHavePositions(t *testing.T) {
	on, c := about(t)
	for _, tc := range []struct {
		text, want string
	}{
		{"1 +", "line 1, column 4: the expression ends where a value or a name is wanted"},
		{"item.\n  where(", "line 2, column 9: the expression ends"},
		{"item.nope()", `line 1, column 6: there is no function nope()`},
		{"item.where()", "line 1, column 6: where() takes 1 arguments and has 0"},
		{"'abc", "line 1, column 1: the text has no end"},
		{"1 § 2", `line 1, column 3: '§' has no meaning here`},
		{"1 + 'a'", "line 1, column 3: a Integer + a String cannot be calculated"},
		{"%unheard", "line 1, column 1: there is no variable %unheard"},
		{strings.Repeat("(", 300), "nested deeper"},
	} {
		e, err := fhirpath.Parse(tc.text)
		if err == nil {
			_, err = e.Eval(on, c)
		}
		var place *fhirpath.Error
		if err == nil || !strings.Contains(err.Error(), tc.want) || !errors.As(err, &place) {
			t.Errorf("%s: %v, want %s", tc.text, err, tc.want)
		}
	}
}

// TestWorkIsBounded: an expression that would never end does.
func TestWorkIsBounded(t *testing.T) {
	on, c := about(t)
	for _, text := range []string{
		"(1|2|3).repeat($this + 1)",
		strings.Repeat("descendants().", 12) + "count()",
		"'a'" + strings.Repeat(".replace('', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')", 9),
		"2" + strings.Repeat(".select($this * $this)", 40),
	} {
		begun := time.Now()
		if got := evaluate(text, on, c); got != "error" && len(got) > 1<<20 {
			t.Errorf("%.40s gives %d bytes", text, len(got))
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%.40s takes %s", text, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		expression, _, _ := strings.Cut(line, " ==> ")
		f.Add(expression)
	}
	on, c := about(f)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := fhirpath.Parse(text)
		if err != nil {
			var place *fhirpath.Error
			if !errors.As(err, &place) || place.Offset > len(text) || place.Line < 1 {
				t.Fatalf("%v", err)
			}
			return
		}
		if got, err := e.Eval(on, c); err == nil {
			for _, v := range got {
				if !json.Valid(v.JSON()) {
					t.Fatalf("%s gives %s", text, v.JSON())
				}
			}
		}
	})
}
