package opt

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/fault"
)

// emitter writes indented XML. The first error sticks; nothing is written
// after it. Elements that hold elements are indented, text stands untouched.
type emitter struct {
	out  *bufio.Writer
	path []string
	err  error
}

func newEmitter(w io.Writer) *emitter { return &emitter{out: bufio.NewWriterSize(w, 32<<10)} }

func (e *emitter) raw(parts ...string) {
	if e.err != nil {
		return
	}
	for _, p := range parts {
		if _, err := e.out.WriteString(p); err != nil {
			e.err = err
			return
		}
	}
}

func (e *emitter) indent() { e.raw("\n", strings.Repeat("  ", len(e.path))) }

// attr is one XML attribute; one without a value is left out.
type attr struct{ name, value string }

func class(name string) attr { return attr{"xsi:type", name} }

func (e *emitter) start(name string, attrs []attr) {
	e.raw("<", name)
	for _, a := range attrs {
		e.raw(" ", a.name, `="`)
		e.escape(a.value, true)
		e.raw(`"`)
	}
	e.raw(">")
}

// element writes an element that holds elements.
func (e *emitter) element(name string, content func(), attrs ...attr) {
	e.indent()
	e.start(name, attrs)
	e.path = append(e.path, name)
	content()
	e.path = e.path[:len(e.path)-1]
	e.indent()
	e.raw("</", name, ">")
}

// text writes an element that holds text.
func (e *emitter) text(name, text string, attrs ...attr) {
	e.indent()
	e.start(name, attrs)
	e.path = append(e.path, name)
	e.escape(text, false)
	e.path = e.path[:len(e.path)-1]
	e.raw("</", name, ">")
}

// optional leaves the element out when there is no text.
func (e *emitter) optional(name, text string) {
	if text != "" {
		e.text(name, text)
	}
}

func (e *emitter) boolean(name string, b bool) { e.text(name, strconv.FormatBool(b)) }

// identifier writes <name><value>text</value></name>.
func (e *emitter) identifier(name, text string) {
	e.element(name, func() { e.text("value", text) })
}

// escape writes text so that every XML reader gives it back: carriage returns
// always, other blanks within attributes, are written as references. A
// character that XML cannot carry at all is a fault.
func (e *emitter) escape(text string, attribute bool) {
	last := 0
	for i, c := range text {
		var ref string
		switch {
		case c == '&':
			ref = "&amp;"
		case c == '<':
			ref = "&lt;"
		case c == '>':
			ref = "&gt;"
		case c == '\r':
			ref = "&#xD;"
		case c == '"' && attribute:
			ref = "&quot;"
		case c == '\n' && attribute:
			ref = "&#xA;"
		case c == '\t' && attribute:
			ref = "&#x9;"
		case c < ' ' && c != '\n' && c != '\t', c == 0xFFFE, c == 0xFFFF, c == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			e.refuse("opt-character", "a character XML can carry", fmt.Sprintf("U+%04X", c))
			return
		default:
			continue
		}
		e.raw(text[last:i], ref)
		last = i + 1
	}
	e.raw(text[last:])
}

// refuse notes that the model cannot be written here.
func (e *emitter) refuse(rule, expected, found string) {
	if e.err != nil {
		return
	}
	e.err = fault.New(fault.Invalid, "template-invalid", "the operational template cannot be written").With(fault.Issue{
		Path: "/" + strings.Join(e.path, "/"), Rule: rule, Expected: expected, Found: found,
		Message: "expected " + expected + ", found " + found,
	})
}

func (e *emitter) close() error {
	if e.err != nil {
		return e.err
	}
	return e.out.Flush()
}
