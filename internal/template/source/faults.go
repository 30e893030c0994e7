package source

import (
	"fmt"

	"github.com/quire-cdr/quire/internal/fault"
)

// Faults collects what is wrong with a source.
type Faults struct{ list []fault.Issue }

// Add notes a fault of the source at a place, which begins the message; path is
// that in the template, expected what the archetype says and found what the
// source wants.
func (f *Faults) Add(at Place, path, rule, expected, found, format string, args ...any) {
	if len(f.list) >= maxFaults {
		return
	}
	where := ""
	switch {
	case at.Line > 0 && at.Col > 0:
		where = fmt.Sprintf("%s:%d:%d: ", at.File, at.Line, at.Col)
	case at.Line > 0:
		where = fmt.Sprintf("%s:%d: ", at.File, at.Line)
	case at.File != "":
		where = at.File + ": "
	}
	f.list = append(f.list, fault.Issue{Path: path, Rule: rule, Expected: expected, Found: found, Message: where + fmt.Sprintf(format, args...)})
}

// Err gives all faults as one *fault.Error of kind Invalid, nil when there are none.
func (f *Faults) Err(message string) error {
	if len(f.list) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "template-source", "%s", message).With(f.list...)
}
