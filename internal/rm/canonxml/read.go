package canonxml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// maxBytes bounds a document.
const maxBytes = 64 << 20

// Read reads one object of class want, or of a class that inherits from it; with
// 0 the root element or its xsi:type names the class. The tree owns its bytes.
// All faults are collected, as canon.ReadJSON does, in a *fault.Error of kind
// Invalid whose code is "xml-" and the rule of the first; a text that is no XML
// gives the code xml-syntax with line and column.
func Read(data []byte, want rminfo.Class, opts canon.ReadOptions) (*rm.Tree, error) {
	if len(data) > maxBytes {
		return nil, fault.New(fault.Invalid, "xml-size", "the document is larger than %d bytes", maxBytes)
	}
	s, err := newScanner(data)
	r := &reader{s: s, a: canon.NewAssembly(opts, len(data)/2)}
	if err == nil {
		err = r.document(want)
	}
	if err != nil && !errors.Is(err, errPassed) {
		return nil, syntaxFault(s.data, err)
	}
	t, err := r.a.Tree(want, "xml", "xsi:type")
	if err != nil {
		return nil, err
	}
	return t.Grouped(), nil
}

type reader struct {
	s     *scanner
	a     *canon.Assembly
	bound []binding
	// joined holds text that comes in several pieces.
	joined []byte
}

// errPassed ends the reading when a limit was passed.
var errPassed = errors.New("limit passed")

// head is what the attributes of an element say.
type head struct {
	typed, nodeID []byte
	hasNodeID     bool
	null          bool
	strange       []byte // an attribute that no element has
}

// holder is the object whose elements are read. Its class is 0 where the tag
// does not tell it; declared is then what its place declares.
type holder struct {
	id              rm.ID
	class, declared rminfo.Class
	seen            attrSet
}

type attrSet [4]uint64

func (m *attrSet) add(a rminfo.Attr) (twice bool) {
	bit := uint64(1) << (a & 63)
	twice = m[a>>6]&bit != 0
	m[a>>6] |= bit
	return twice
}

func (r *reader) document(want rminfo.Class) error {
	if _, err := r.s.next(); err != nil {
		return err
	}
	where, local, h, err := r.head()
	if err != nil {
		return err
	}
	if where != openEHR || !mayBeRoot(local, want) {
		what := "openEHR object"
		if want != 0 {
			what = want.Name()
		}
		return r.s.fail(r.s.at, "the root element <%s> holds no %s", clip(r.s.name), what)
	}
	declared := want
	if want == 0 || want.Abstract() {
		declared, _ = rminfo.ClassByBytes(bytes.ToUpper(local))
		if declared.Abstract() {
			declared = want
		}
	}
	lead, tok, err := r.lead()
	if err != nil {
		return err
	}
	if !isBlank(lead) {
		return r.s.fail(r.s.at, "text in the place of elements")
	}
	if err := r.object(0, canon.Only, declared, h, tok); err != nil {
		return err
	}
	_, err = r.s.next()
	return err
}

// head reads the attributes of the start tag. What it gives lives as long as the
// document.
func (r *reader) head() (space, []byte, head, error) {
	var h head
	if err := r.bind(); err != nil {
		return 0, nil, h, err
	}
	where, local, err := r.expand(r.s.name, false)
	if err != nil {
		return where, local, h, err
	}
	for _, a := range r.s.attrs {
		in, name, err := r.expand(a.name, true)
		switch {
		case err != nil:
			return where, local, h, err
		case in == openEHR && string(name) == "archetype_node_id":
			h.nodeID, h.hasNodeID = a.value, true
		case in == instance && string(name) == "type":
			h.typed = bytes.TrimSpace(a.value)
			if at := bytes.IndexByte(h.typed, ':'); at >= 0 {
				h.typed = h.typed[at+1:]
			}
		case in == instance && string(name) == "nil":
			h.null = isTrue(a.value)
		case in == instance, in == builtIn:
		default:
			h.strange = a.name
		}
	}
	return where, local, h, nil
}

func isTrue(b []byte) bool { return string(b) == "true" || string(b) == "1" }

// object reads an object whose first token was taken: a start tag or its end.
func (r *reader) object(attr rminfo.Attr, item canon.Item, declared rminfo.Class, h head, tok token) error {
	id := r.a.Open(attr, item)
	x := holder{id: id, declared: declared}
	// What stands in an object of no known class, or in the place of a primitive,
	// is not looked at.
	judged := declared != 0 && declared.Scalar() == rminfo.NotScalar
	switch {
	case h.typed != nil:
		x.class = r.a.Class(id, view(h.typed))
		judged = x.class != 0
	case judged && !declared.Abstract():
		r.a.Declared(id, declared)
		x.class = declared
	}
	if h.strange != nil {
		r.a.Unknown(id, view(h.strange))
	}
	if h.hasNodeID {
		if _, ok := x.class.Attribute(rminfo.A_archetype_node_id); ok || x.class == 0 {
			x.seen.add(rminfo.A_archetype_node_id)
			r.a.Text(rminfo.A_archetype_node_id, canon.Only, view(h.nodeID))
		} else {
			r.a.Unknown(id, "archetype_node_id")
		}
	}
	for tok != endTag {
		var err error
		switch {
		case r.a.Passed():
			return errPassed
		case tok == text:
			if !isBlank(r.s.text) {
				return r.s.fail(r.s.at, "text between elements")
			}
		case !judged:
			err = r.skip()
		default:
			err = r.member(&x)
		}
		if err == nil {
			tok, err = r.s.next()
		}
		if err != nil {
			return err
		}
	}
	r.a.Close()
	return nil
}

// member reads an element within an object, whose start tag was taken.
func (r *reader) member(x *holder) error {
	where, local, h, err := r.head()
	if err != nil {
		return err
	}
	attr, known := attrByName(local)
	declared, ok := x.declares(attr)
	if where != openEHR || !known || !ok {
		if known && where == openEHR {
			if x.seen.add(attr) {
				return r.skip()
			}
			local = []byte(attr.Name())
		} else if where == foreign {
			local = r.s.name
		}
		r.a.Unknown(x.id, view(local))
		return r.skip()
	}
	item := canon.Only
	twice := x.seen.add(attr)
	switch {
	case declared.Container && twice:
		item = canon.Later
	case declared.Container:
		item = canon.First
	case twice:
		r.a.Twice(x.id, attr)
		return r.skip()
	}
	lead, tok, err := r.lead()
	switch {
	case err != nil:
		return err
	case h.null && tok == endTag && isBlank(lead):
		return nil
	}
	scalar := declared.Type.Scalar()
	switch {
	case tok == startTag && isBlank(lead), scalar == rminfo.NotScalar && isBlank(lead):
		if r.a.TooDeep(x.id, attr) {
			return r.rest(tok)
		}
		return r.object(attr, item, declared.Type, h, tok)
	case scalar == rminfo.NotScalar:
		r.a.Text(attr, item, view(lead)) // a fault, as a string in JSON is
		return r.rest(tok)
	case tok == startTag:
		return r.s.fail(r.s.at, "an element within text")
	}
	r.scalar(attr, item, scalar, lead)
	if h.hasNodeID {
		h.strange = []byte("archetype_node_id")
	}
	if h.strange != nil {
		r.a.Unknown(x.id, attr.Name()+"/@"+view(h.strange))
	}
	return nil
}

// declares finds what the object's class says of an attribute. While the class
// is to be inferred, any class it may become counts.
func (x *holder) declares(attr rminfo.Attr) (rminfo.Attribute, bool) {
	if x.class != 0 || x.declared == 0 {
		return x.class.Attribute(attr)
	}
	for _, c := range x.declared.Descendants() {
		if a, ok := c.Attribute(attr); ok {
			return a, true
		}
	}
	return rminfo.Attribute{}, false
}

// lead reads the text before the first tag within an element, and that tag. The
// text lives until the next call.
func (r *reader) lead() ([]byte, token, error) {
	var lead []byte
	joined := false
	for first := true; ; first = false {
		tok, err := r.s.next()
		switch {
		case err != nil || tok != text:
			return lead, tok, err
		case first && !r.s.passing:
			lead = r.s.text
			continue
		case !joined:
			r.joined, joined = append(r.joined[:0], lead...), true
		}
		r.joined = append(r.joined, r.s.text...)
		lead = r.joined
	}
}

// scalar adds a primitive. What it is to be is judged later, except where XML has
// forms that JSON has not.
func (r *reader) scalar(attr rminfo.Attr, item canon.Item, as rminfo.Scalar, lead []byte) {
	switch word := view(bytes.TrimSpace(lead)); as {
	case rminfo.Bool:
		if word == "true" || word == "false" || word == "1" || word == "0" {
			r.a.Bool(attr, item, word == "true" || word == "1")
			return
		}
	case rminfo.Number:
		r.a.Text(attr, item, plainNumber(word))
		return
	}
	r.a.Text(attr, item, view(lead))
}

// plainNumber makes JSON's form of a decimal of XML Schema, which may have a plus
// sign, leading zeros, and no digit on one side of the point. The digits stay.
func plainNumber(s string) string {
	sign, digits := "", strings.TrimPrefix(s, "+")
	if len(digits) == len(s) && strings.HasPrefix(s, "-") {
		sign, digits = "-", s[1:]
	}
	end := strings.IndexAny(digits, "eE")
	if end < 0 {
		end = len(digits)
	}
	whole, fraction, _ := strings.Cut(digits[:end], ".")
	if whole == "" && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return s
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction + digits[end:]
}

// rest passes over what is left of an element of which tok was taken.
func (r *reader) rest(tok token) error {
	for tok != endTag {
		var err error
		if tok == startTag {
			err = r.skip()
		}
		if err == nil {
			tok, err = r.s.next()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skip passes over an element whose start tag was taken, with all it holds.
func (r *reader) skip() error {
	for depth := len(r.s.open); len(r.s.open) >= depth; {
		if _, err := r.s.next(); err != nil {
			return err
		}
	}
	return nil
}

// syntaxFault is the error of a text that is not read as XML.
func syntaxFault(data []byte, err error) error {
	message := err.Error()
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		before := data[:min(syntax.at, len(data))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
		message = fmt.Sprintf("line %d, column %d: %s", line, column, message)
	}
	return fault.New(fault.Invalid, "xml-syntax", "the text is no XML that is read here: %s", message).
		With(fault.Issue{Path: "/", Rule: "syntax", Message: message})
}

// clip shortens a name of the caller to what a message bears.
func clip(name []byte) []byte { return name[:min(len(name), 100)] }

// view reads bytes as a string without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
