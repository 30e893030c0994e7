package aql

import (
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// Error is one fault of a query text, with its place. Expected and Found may be
// empty.
type Error struct {
	Line, Column             int
	Message, Expected, Found string
}

// Error writes line, column, message, what was expected and what was found.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d, column %d: %s", e.Line, e.Column, e.Message)
	if e.Expected != "" {
		b.WriteString(": expected " + e.Expected)
	}
	if e.Found != "" {
		if e.Expected != "" {
			b.WriteString(", found " + e.Found)
		} else {
			b.WriteString(": " + e.Found)
		}
	}
	return b.String()
}

// Errors is every fault of one text, in order; errors.As finds it behind the
// fault that Parse returns.
type Errors []*Error

// Error writes the first fault and how many follow.
func (e Errors) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", e[0], len(e)-1)
}

// Unwrap gives each fault, so that errors.As finds the first *Error.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i := range e {
		all[i] = e[i]
	}
	return all
}

// asFault wraps the errors as one fault of kind Invalid, an issue for each.
func (e Errors) asFault() error {
	issues := make([]fault.Issue, len(e))
	for i, err := range e {
		issues[i] = fault.Issue{
			Path: fmt.Sprintf("line %d, column %d", err.Line, err.Column), Rule: "aql-syntax",
			Expected: err.Expected, Found: err.Found, Message: err.Message,
		}
	}
	return fault.New(fault.Invalid, "aql-syntax", "AQL: %s", e.Error()).With(issues...).Because(e)
}

// Unsupported is the fault for a construct the language has and the caller does
// not run, named with its place.
func Unsupported(at Node, construct string) error {
	pos := at.Position()
	return fault.New(fault.Invalid, "aql-unsupported", "AQL: line %d, column %d: %s is not supported", pos.Line, pos.Column, construct)
}
