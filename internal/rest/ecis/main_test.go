package ecis_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/quire-cdr/quire/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}
