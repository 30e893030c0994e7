package ucum

import (
	"testing"

	"github.com/cockroachdb/apd/v3"
)

// TestCompare: what is compared is what is converted, and nothing more.
func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		a, unitA, b, unitB string
		want               int
		ok                 bool
	}{
		{"37", "Cel", "98.6", "[degF]", 0, true},
		{"37.0", "°C", "310.15", "K", 0, true},
		{"1000", "mg", "1", "g", 0, true},
		{"1000", "µg", "0.9999999999999999999", "mg", 1, true},
		{"-1", "Cel", "0", "[degF]", 1, true},
		{"120", "mmHg", "120", "mm[Hg]", 0, true},
		{"1", "mmol/l", "18", "mg/dl", 0, false},
		{"1", "[iU]", "1", "g", 0, false},
		{"1", "dB", "1", "%", 0, false},
		{"1", "widgets", "1", "g", 0, false},
		{"1e500", "g", "1", "mg", 0, false},
	} {
		got, ok := Compare(number(t, tt.a), tt.unitA, number(t, tt.b), tt.unitB)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s %s and %s %s: %d %v, want %d %v", tt.a, tt.unitA, tt.b, tt.unitB, got, ok, tt.want, tt.ok)
		}
	}
	ten := apd.New(10, 0)
	for _, from := range ListedNames() {
		for _, to := range ListedNames() {
			converted, can := Convert(ten, from, to)
			_, compares := Compare(ten, from, ten, to)
			// Units of unlike powers of pi convert by rounding and do not compare.
			if u, v, _ := both(from, to); compares && !can || can && !compares && u.pi == v.pi {
				t.Errorf("%s and %s: converts %v, compares %v", from, to, can, compares)
			}
			if c, _ := Compare(ten, from, converted, to); compares && c != 0 && converted.NumDigits() < digits/2 {
				t.Errorf("10 %s are %s %s and compare as %d", from, converted, to, c)
			}
		}
	}
}
