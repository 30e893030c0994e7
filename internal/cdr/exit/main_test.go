package exit_test

import (
	"testing"

	"github.com/quire-cdr/quire/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
