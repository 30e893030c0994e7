package cdr

import (
	"reflect"
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/cdr/result"
)

func TestMixedUnitsInMeta(t *testing.T) {
	q, err := aql.Parse("SELECT a/value/magnitude AS weight, a/value, a/name/value FROM ELEMENT a")
	if err != nil {
		t.Fatal(err)
	}
	o := &resultWriter{set: &ResultSet{query: q}, units: map[int][]string{}}
	o.Units(1, []string{"kg"})
	o.Units(1, []string{"kg"})
	if got := o.mixed(); len(got) != 0 {
		t.Errorf("one unit: %v", got)
	}
	o.Units(0, []string{"kg", "[lb_av]"})
	o.Units(1, []string{"g"})
	want := []result.MixedUnits{{Column: "weight", Units: []string{"[lb_av]", "kg"}}, {Column: "#1", Units: []string{"g", "kg"}}}
	if got := o.mixed(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
