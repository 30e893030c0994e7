package fhir_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/quire-cdr/quire/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}
