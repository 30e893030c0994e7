package opt

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// Limits of a template. The largest published one is 2 MB and 60 levels deep.
const (
	maxBytes  = 32 << 20
	maxDepth  = 256
	maxFaults = 200
)

// element is a start tag whose content waits to be read.
type element struct {
	name string
	// class is the xsi:type without its prefix.
	class string
	attrs []xml.Attr
	line  int
	col   int
}

func (e element) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

type step struct {
	name string
	n    int
}

// reader pulls tokens. A fault of content is collected and reading goes on; a
// fault of form (not well-formed, too deep, too large) stops it: stopped is set.
type reader struct {
	scan    *scanner
	path    []step
	faults  []fault.Issue
	stopped bool
	line    int
	col     int
}

func newReader(in io.Reader) *reader {
	scan, err := newScanner(in)
	r := &reader{scan: scan, line: 1, col: 1}
	if err != nil {
		r.stop("opt-xml", err.Error())
	}
	return r
}

var errTooLarge = errors.New("the template is larger than 32 MB")

// token gives the next token, nothing when reading has stopped. Comments and
// processing instructions are passed over; a document type is refused, because
// entities come with it.
func (r *reader) token() token {
	for !r.stopped {
		r.line, r.col = r.scan.position()
		t, err := r.scan.next()
		if err != nil {
			r.line, r.col = r.scan.position()
			if err == io.EOF {
				err = errors.New("the document ends too early")
			}
			r.stop("opt-xml", err.Error())
			return token{}
		}
		switch t.kind {
		case aside:
			continue
		case directive:
			r.stop("opt-xml", "a document type declaration is not allowed")
			return token{}
		}
		return t
	}
	return token{}
}

func (r *reader) stop(rule, message string) {
	r.fault(rule, "", "", "%s", message)
	r.stopped = true
}

func (r *reader) fault(rule, expected, found, format string, args ...any) {
	if len(r.faults) >= maxFaults {
		r.stopped = true
		return
	}
	r.faults = append(r.faults, fault.Issue{
		Path: r.where(), Rule: rule, Expected: expected, Found: found,
		Message: fmt.Sprintf("line %d:%d: ", r.line, r.col) + fmt.Sprintf(format, args...),
	})
}

func (r *reader) at(e element) { r.line, r.col = e.line, e.col }

// where writes the element path, counting only where a list has several.
func (r *reader) where() string {
	var b strings.Builder
	for _, s := range r.path {
		b.WriteString("/" + s.name)
		if s.n > 0 {
			b.WriteString("[" + strconv.Itoa(s.n) + "]")
		}
	}
	return b.String()
}

func (r *reader) enter(t token, n int) element {
	e := element{name: t.name.Local, attrs: t.attrs, line: r.line, col: r.col}
	for _, a := range t.attrs {
		if a.Name.Local == "type" && a.Name.Space != "" && a.Name.Space != "xmlns" {
			e.class = a.Value[strings.IndexByte(a.Value, ':')+1:]
		}
	}
	r.path = append(r.path, step{t.name.Local, n})
	if len(r.path) > maxDepth {
		r.stop("opt-xml", "the document is nested too deeply")
	}
	return e
}

// leave checks the end tag; RawToken does not.
func (r *reader) leave(end token) {
	if open := r.path[len(r.path)-1].name; end.name.Local != open {
		r.stop("opt-xml", fmt.Sprintf("<%s> is closed by </%s>", open, end.name.Local))
		return
	}
	r.path = r.path[:len(r.path)-1]
}

// each reads the content of an element by its schema and hands every known
// child to visit, which must read the child's content.
func (r *reader) each(parent element, s *schema, visit func(child element)) {
	var counts [24]int
	for {
		switch t := r.token(); t.kind {
		case nothing:
			return
		case charData:
			if strings.TrimSpace(t.text) != "" {
				r.fault("opt-text", "elements only", "", "text within %s, which holds elements only", s.class)
			}
		case endTag:
			r.missing(parent, s, &counts)
			r.leave(t)
			return
		case startTag:
			i, known := s.index[t.name.Local]
			if !known {
				e := r.enter(t, 0)
				if !s.open {
					r.fault("opt-unknown-element", "", e.name, "%s has no element %s", s.class, e.name)
				}
				r.skip()
				continue
			}
			counts[i]++
			n := counts[i]
			if !s.rules[i].many {
				n = 0
			}
			e := r.enter(t, n)
			if counts[i] > 1 && !s.rules[i].many {
				r.fault("opt-repeated-element", "one "+e.name, "several", "%s has more than one %s", s.class, e.name)
			}
			if s.rules[i].skip {
				r.skip()
				continue
			}
			visit(e)
		}
	}
}

func (r *reader) missing(parent element, s *schema, counts *[24]int) {
	for i, rule := range s.rules {
		if rule.required && counts[i] == 0 {
			r.at(parent)
			r.fault("opt-missing-element", rule.name, "", "%s lacks its element %s", s.class, rule.name)
		}
	}
}

// skip reads over the content of the element just entered.
func (r *reader) skip() {
	base := len(r.path)
	for {
		switch t := r.token(); t.kind {
		case nothing:
			return
		case startTag:
			r.enter(t, 0)
		case endTag:
			r.leave(t)
			if r.stopped || len(r.path) < base {
				return
			}
		}
	}
}

// text reads the content of a simple element, blanks kept.
func (r *reader) text() string {
	var first string
	var more []byte
	for {
		switch t := r.token(); t.kind {
		case nothing:
			return first
		case charData:
			if first == "" {
				first = t.text
			} else {
				more = append(more, t.text...)
			}
		case startTag:
			e := r.enter(t, 0)
			r.fault("opt-text", "text only", e.name, "element %s where only text may stand", e.name)
			r.skip()
		case endTag:
			r.leave(t)
			return first + string(more)
		}
	}
}

// word is text without the blanks around it.
func (r *reader) word() string { return strings.TrimSpace(r.text()) }

func (r *reader) boolean(e element) bool {
	switch w := r.word(); w {
	case "true", "1":
		return true
	case "false", "0":
		return false
	default:
		r.at(e)
		r.fault("opt-value", "true or false", w, "%s is not a boolean", e.name)
		return false
	}
}

func (r *reader) integer(e element) int {
	w := r.word()
	n, err := strconv.Atoi(w)
	if err != nil {
		r.at(e)
		r.fault("opt-value", "an integer", w, "%s is not an integer", e.name)
	}
	return n
}

// valueOf reads <x><value>text</value></x>, the form of identifiers.
func (r *reader) valueOf(e element) string {
	var out string
	r.each(e, valueSchema, func(element) { out = r.word() })
	return out
}
