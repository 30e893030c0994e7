package aql

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quire-cdr/quire/internal/fault"
)

// FuzzParse: no text panics, every error is a fault with a place inside the
// text, and what parses prints to the same tree.
func FuzzParse(f *testing.F) {
	for _, c := range legal {
		f.Add(c.text)
	}
	f.Add("SELECT c/ , FROM COMPOSITION\nWHERE c/x ==\nLIMIT 0")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) || len(fault.Of(err).Issues) == 0 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(q.String())
		if err != nil {
			t.Fatalf("%q prints %q: %v", text, q, err)
		}
		if diff := cmp.Diff(q, again, sameTree); diff != "" {
			t.Fatalf("%q prints %q:\n%s", text, q, diff)
		}
	})
}

// FuzzParsePath: the same for paths.
func FuzzParsePath(f *testing.F) {
	f.Add("/data[at0001]/events[at0002, 'any']/time")
	f.Add("items[openEHR-EHR-CLUSTER.x.v1 and name/value matches {/a.b/}]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			return
		}
		again, err := ParsePath(p.String())
		if err != nil {
			t.Fatalf("%q prints %q: %v", text, p, err)
		}
		if diff := cmp.Diff(p, again, sameTree); diff != "" {
			t.Fatalf("%q prints %q:\n%s", text, p, diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const typical = "SELECT e/ehr_id/value AS id, o/data[at0001]/events[at0006]/time/value AS time, " +
		"o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude AS systolic " +
		"FROM EHR e CONTAINS COMPOSITION c[openEHR-EHR-COMPOSITION.encounter.v1] " +
		"CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2] " +
		"WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude >= 140 " +
		"AND c/context/start_time/value > $since ORDER BY time DESC LIMIT 50"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(typical); err != nil {
			b.Fatal(err)
		}
	}
}
