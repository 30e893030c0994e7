package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind classes an error by what the caller can do about it.
type Kind uint8

// The kinds. Internal is the zero value on purpose: an error nobody classified
// must never look like the caller's fault.
const (
	Internal         Kind = iota
	Invalid               // not parseable, or not constructible as the declared class
	Unprocessable         // constructible, but breaks an invariant, the template or the terminology
	Unauthenticated       // no identity, or one that cannot be verified
	Forbidden             // known to exist, and not allowed
	NotFound              // unknown, or invisible to the caller: the two look the same
	MethodNotAllowed      // the resource has no such method
	NotAcceptable         // no representation the caller accepts
	Conflict              // clashes with what is stored
	Precondition          // If-Match does not name the latest version
	TooLarge              // over a limit; the message says which
	UnsupportedMedia      // a content type nobody reads here
	Timeout               // the work took longer than its deadline
	NotImplemented        // the specification knows it, this server does not
	Unavailable           // a part the server needs does not answer; try again
	TooMany               // more requests than the caller may make; wait and try again
)

// Issue is one fault of an input, precise enough to act on. Paths are written
// as the caller wrote the input: Path is the RM path within the document,
// AQLPath the archetype path, FlatKey the FLAT key or linkId where there is one.
type Issue struct {
	Path      string `json:"path"`
	AQLPath   string `json:"aqlPath"`
	FlatKey   string `json:"flatKey"`
	Archetype string `json:"archetype"`
	Rule      string `json:"rule"`
	Expected  string `json:"expected"`
	Found     string `json:"found"`
	Message   string `json:"message"`
	// Warning marks what is reported but refuses nothing.
	Warning bool `json:"-"`
}

// Error is the one error type that crosses package borders.
type Error struct {
	Kind Kind
	// Code is a stable machine word, such as "version-not-latest".
	Code    string
	Message string
	Issues  []Issue
	// Current is the version uid a Precondition or Conflict wants the caller to know.
	Current string
	// RetryAfter is how long to wait, for Unavailable and TooMany.
	RetryAfter time.Duration
	// Allow lists the methods a MethodNotAllowed may use instead.
	Allow []string

	cause error
}

// New makes an error of a kind. The message is for the caller: no clinical
// content, no identifiers of persons.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// With adds issues and returns the error.
func (e *Error) With(issues ...Issue) *Error {
	e.Issues = append(e.Issues, issues...)
	return e
}

// Because keeps the cause for the log and for errors.Is; it is never shown.
func (e *Error) Because(err error) *Error {
	e.cause = err
	return e
}

// Latest notes the version uid the caller should have named.
func (e *Error) Latest(versionUID string) *Error {
	e.Current = versionUID
	return e
}

// Error writes code, message and the first issues.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Code != "" {
		b.WriteString(e.Code + ": ")
	}
	b.WriteString(e.Message)
	for i, issue := range e.Issues {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Issues)-i)
			break
		}
		fmt.Fprintf(&b, "; %s: %s", issue.Path, issue.Message)
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Of gives the *Error within err, or one of kind Internal that hides err's text.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Message: "the server failed; the fault is logged", cause: err}
}

// Is says whether err is a fault of the kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
