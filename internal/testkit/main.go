package testkit

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/quire-cdr/quire/internal/embedded"
)

// Main runs a package's tests, stops what they started, and then fails if a goroutine is left. goleak.VerifyTestMain would
// look before there is a chance to stop the children, whose starter is a goroutine.
func Main(m *testing.M, ignore ...goleak.Option) {
	if embedded.ChildMain(os.Args) {
		return
	}
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit: stopping the test servers:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(ignore...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
