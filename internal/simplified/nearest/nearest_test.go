package nearest_test

import (
	"slices"
	"testing"

	"github.com/quire-cdr/quire/internal/simplified/nearest"
)

func TestOf(t *testing.T) {
	keys := []string{"systolic", "diastolic", "mean_arterial_pressure", "pulse_pressure", "comment", "commend", "größe", "a"}
	for _, c := range []struct {
		name  string
		limit int
		want  []string
	}{
		{"systolic", 2, []string{"systolic"}},
		{"sytsolic", 2, []string{"systolic"}},
		{"systolc", 2, []string{"systolic"}},
		{"systollic", 2, []string{"systolic"}},
		{"xystolic", 2, []string{"systolic"}},
		{"diastolik", 4, []string{"diastolic", "systolic"}},
		{"comment", 2, []string{"comment", "commend"}},
		{"commenx", 1, []string{"commend", "comment"}},
		{"grösse", 2, []string{"größe"}},
		{"temperature", 3, nil},
		{"", 1, []string{"a"}},
	} {
		if got := nearest.Of(c.name, keys, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("%s within %d: %v, want %v", c.name, c.limit, got, c.want)
		}
	}
	if got := nearest.Of("abc", []string{"abd", "abe", "abf", "abg", "abd"}, 2); !slices.Equal(got, []string{"abd", "abe", "abf"}) {
		t.Errorf("three at most, each once: %v", got)
	}
}
