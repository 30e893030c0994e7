package cdr

import (
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
)

func TestMixedUnitsInMeta(t *testing.T) {
	q, err := aql.Parse("SELECT a/value/magnitude AS weight, a/value, a/name/value FROM ELEMENT a")
	if err != nil {
		t.Fatal(err)
	}
	o := &resultWriter{set: &ResultSet{query: q}, units: map[int][]string{}}
	o.Units(1, []string{"kg"})
	o.Units(1, []string{"kg"})
	if o.warnings(); len(o.buf) != 0 {
		t.Errorf("one unit: %s", o.buf)
	}
	o.Units(0, []string{"kg", "[lb_av]"})
	o.Units(1, []string{"g"})
	o.warnings()
	if got, want := string(o.buf), `,"mixed_units":[{"column":"weight","units":["[lb_av]","kg"]},{"column":"#1","units":["g","kg"]}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
