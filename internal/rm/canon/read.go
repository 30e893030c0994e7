package canon

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// ReadOptions say how strict ReadJSON is.
type ReadOptions struct {
	// Mandatory reports absent mandatory attributes; without it that is left to
	// the validator. Lists count as present: an empty one may be left out.
	Mandatory bool
	// Lenient infers PARTY_SELF for an empty object in a slot for PARTY_PROXY.
	Lenient bool
	// IgnoreUnknown drops members that the class does not declare instead of
	// refusing them, with all they hold. EHRbase does so.
	IgnoreUnknown bool
	// Committal takes the versions themselves in the place of references to them
	// in a CONTRIBUTION, as they are sent to be committed and shown on demand.
	Committal bool
	// Limits bound the tree; zero members stand for the defaults of rm.Limits.
	Limits rm.Limits
}

// ReadJSON reads one object of class want, or of a class that inherits from it.
// The tree owns its bytes. All faults are collected, at most 1,000, in a
// *fault.Error of kind Invalid whose code is "json-" and the rule of the first;
// a text that is no JSON gives the code json-syntax with line and column.
func ReadJSON(data []byte, want rminfo.Class, opts ReadOptions) (*rm.Tree, error) {
	return read(data, want, opts, false)
}

// ReadStored reads a document that WriteJSON wrote at commit. The numbering of
// the nodes is that of the tree that was written. Since the text is our own, a
// fault in it is of kind Internal.
func ReadStored(doc []byte) (*rm.Tree, error) {
	t, err := read(doc, 0, ReadOptions{Lenient: true, Committal: true, Limits: rm.Limits{Depth: 1 << 10, Nodes: 1 << 31, Bytes: 1 << 31}}, true)
	if err != nil {
		return nil, fault.New(fault.Internal, "stored-document", "a stored document cannot be read").Because(err)
	}
	return t, nil
}

// mark is what the reader knows of a node besides what the tree keeps.
type mark uint8

const (
	inList mark = 1 << iota
	// later marks an item of a list that is not its first.
	later
	// refused marks a node whose class is wrong and was reported, so that
	// nothing below is judged by it.
	refused
)

// members is a set of attributes.
type members [4]uint64

func (m *members) add(a rminfo.Attr) (twice bool) {
	bit := uint64(1) << (a & 63)
	twice = m[a>>6]&bit != 0
	m[a>>6] |= bit
	return twice
}

type reader struct {
	dec     *jsontext.Decoder
	b       *rm.Builder
	marks   []mark
	scratch []byte
	// escaped says whether the text read last had escapes.
	escaped bool
	limits  rm.Limits
	found   findings
	// ignoreUnknown is ReadOptions.IgnoreUnknown; strange the nodes it drops that
	// only their holder's class told to be unknown.
	ignoreUnknown bool
	strange       []rm.ID
}

// errStop ends the reading when a limit of the builder was passed.
var errStop = errors.New("limit passed")

func read(data []byte, want rminfo.Class, opts ReadOptions, trusted bool) (*rm.Tree, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if opts.Limits.Depth == 0 {
		opts.Limits.Depth = maxDepth
	}
	r := &reader{
		// Duplicate names are found by attribute, which costs less and tells all.
		dec:    jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(trusted)),
		b:      rm.NewBuilder(opts.Limits, len(data)),
		marks:  make([]mark, 0, 16+len(data)/24),
		limits: opts.Limits,

		ignoreUnknown: opts.IgnoreUnknown,
	}
	switch err := r.document(); {
	case err == errStop:
		return nil, limitFault(r.b.Err(), r.limits)
	case err != nil:
		return nil, syntaxFault(data, err)
	}
	return r.finish(want, opts)
}

// finish judges what was read.
func (r *reader) finish(want rminfo.Class, opts ReadOptions) (*rm.Tree, error) {
	if err := r.found.fault(r.resolve(want, opts)); err != nil {
		return nil, err
	}
	t, err := r.b.Tree()
	if err != nil || len(r.strange) == 0 {
		return t, err
	}
	edits := make([]rm.Edit, 0, len(r.strange))
	end := rm.ID(0)
	for _, id := range r.strange {
		if id <= end {
			continue // it goes with the stranger around it
		}
		edits, end = append(edits, rm.Edit{At: id}), t.End(id)
	}
	return t.Splice(edits...)
}

// maxDepth bounds how deep objects nest.
const maxDepth = 200

func (r *reader) document() error {
	if r.dec.PeekKind() != '{' {
		// Reading tells a syntax error from a value of another kind.
		if err := r.dec.SkipValue(); err != nil {
			return err
		}
		return errNoObject
	}
	if err := r.object(0, 0); err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		if err == nil {
			return errTrailing
		}
		return err
	}
	return nil
}

// object reads an object whose opening brace comes next.
func (r *reader) object(attr rminfo.Attr, m mark) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	id := r.b.Open(attr, 0)
	r.marks = append(r.marks, m)
	if r.b.Err() != nil {
		return errStop
	}
	var seen members
	typed := false
	for {
		if r.dec.PeekKind() == '}' {
			_, err := r.dec.ReadToken()
			r.b.Close()
			if !typed {
				r.b.Imply(id)
			}
			return err
		}
		name, known, err := r.name()
		if err != nil {
			return err
		}
		if name == "_type" {
			if typed {
				r.found.add(id, duplicateMember, name)
			}
			typed = true
			if err := r.class(id); err != nil {
				return err
			}
			continue
		}
		if known == 0 {
			if !r.ignoreUnknown {
				r.found.add(id, unknownMember, strings.Clone(clip(name)))
			}
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		a := rminfo.Attr(known)
		if seen.add(a) {
			r.found.add(id, duplicateMember, a.Name())
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if err := r.member(id, a); err != nil {
			return err
		}
	}
}

func (r *reader) member(id rm.ID, a rminfo.Attr) error {
	if r.dec.PeekKind() != '[' {
		return r.value(id, a, 0)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	m := inList
	for {
		switch r.dec.PeekKind() {
		case ']':
			_, err := r.dec.ReadToken()
			return err
		case '[', 'n':
			r.found.add(id, badItem, a.Name())
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
		default:
			if err := r.value(id, a, m); err != nil {
				return err
			}
			m |= later
		}
	}
}

// value reads one value that is no list into the object holder.
func (r *reader) value(holder rm.ID, a rminfo.Attr, m mark) error {
	switch r.dec.PeekKind() {
	case '{':
		if r.b.Depth() >= r.limits.Depth {
			r.found.deep(holder, a.Name(), r.limits.Depth)
			return r.dec.SkipValue()
		}
		return r.object(a, m)
	case 'n':
		return r.dec.SkipValue()
	case '"':
		s, err := r.text()
		if err != nil {
			return err
		}
		id := r.b.String(a, 0, s)
		// Only an escape can bring it: as a byte it is no JSON.
		if r.escaped && strings.IndexByte(s, 0) >= 0 {
			r.found.add(id, nulText, a.Name())
		}
	case '0':
		v, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		id := r.b.Number(a, 0, view(v))
		if why := badNumber(view(v)); why != "" {
			r.found.add(id, numberRange, why)
		}
	case 't', 'f':
		v, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		r.b.Bool(a, v[0] == 't')
	default:
		return r.dec.SkipValue() // reports the syntax error
	}
	r.marks = append(r.marks, m)
	if r.b.Err() != nil {
		return errStop
	}
	return nil
}

// name reads the name of a member, and finds the attribute it may be. A name
// that is found as it stands has no escapes, so that few need a second look.
func (r *reader) name() (string, uint16, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", 0, err
	}
	name := view(v[1 : len(v)-1])
	known, ok := attrs.get(name)
	if ok || name == "_type" || strings.IndexByte(name, '\\') < 0 {
		return name, known, nil
	}
	r.scratch, err = jsontext.AppendUnquote(r.scratch[:0], v)
	name = view(r.scratch)
	known, _ = attrs.get(name)
	return name, known, err
}

// text reads a string; the result is valid until the next read.
func (r *reader) text() (string, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", err
	}
	if r.escaped = bytes.IndexByte(v, '\\') >= 0; !r.escaped {
		return view(v[1 : len(v)-1]), nil
	}
	r.scratch, err = jsontext.AppendUnquote(r.scratch[:0], v)
	return view(r.scratch), err
}

// class reads the value of `_type`.
func (r *reader) class(id rm.ID) error {
	if r.dec.PeekKind() != '"' {
		r.found.add(id, scalarKind, "_type")
		r.marks[id] |= refused
		return r.dec.SkipValue()
	}
	name, err := r.text()
	if err != nil {
		return err
	}
	r.classNamed(id, name)
	return nil
}

// classNamed gives the object the class that was written, without its generic
// parameters.
func (r *reader) classNamed(id rm.ID, name string) {
	if at := strings.IndexByte(name, '<'); at > 0 && name[len(name)-1] == '>' {
		name = name[:at]
	}
	known, ok := classes.get(name)
	c := rminfo.Class(known)
	switch {
	case !ok || c.Scalar() != rminfo.NotScalar:
		r.found.add(id, unknownClass, strings.Clone(clip(name)))
		r.marks[id] |= refused
	case c.Abstract():
		r.found.add(id, abstractClass, c.Name())
		r.marks[id] |= refused
	default:
		r.b.SetClass(id, c)
	}
}

// view reads bytes as a string without a copy; both live until the next read.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
