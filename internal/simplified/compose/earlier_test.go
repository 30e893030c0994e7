package compose_test

import (
	"testing"

	"github.com/quire-cdr/quire/internal/simplified/compose"
)

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
