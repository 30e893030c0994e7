package cdr_test

import (
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
)

func TestNewerTemplate(t *testing.T) {
	order := []string{"", "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"}
	for i, a := range order {
		for j, b := range order {
			if got := cdr.NewerTemplate(b, a); got != (j > i) {
				t.Errorf("%q after %q: %v", b, a, got)
			}
		}
	}
}
