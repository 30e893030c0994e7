package compose_test

import (
	"slices"
	"testing"

	"github.com/quire-cdr/quire/internal/simplified/compose"
)

func TestNearest(t *testing.T) {
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
		if got := compose.Nearest(c.name, keys, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("%s within %d: %v, want %v", c.name, c.limit, got, c.want)
		}
	}
	if got := compose.Nearest("abc", []string{"abd", "abe", "abf", "abg", "abd"}, 2); !slices.Equal(got, []string{"abd", "abe", "abf"}) {
		t.Errorf("three at most, each once: %v", got)
	}
}

func TestEarlier(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2021-02-03T04:05:06Z", "2021-02-03T04:05:07Z", true},
		{"2021-02-03T04:05:06Z", "2021-02-03T04:05:06Z", false},
		{"2021-02-03T04:05:06+02:00", "2021-02-03T03:05:06Z", true},
		{"no time", "2021-02-03T03:05:06Z", false},
	} {
		if got := compose.Earlier(c.a, c.b); got != c.want {
			t.Errorf("%s before %s: %v", c.a, c.b, got)
		}
	}
}
