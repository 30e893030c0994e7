package rm

import (
	"errors"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Limits bound what a Builder accepts; a zero member stands for its default.
type Limits struct {
	Depth int // nested objects; default 200
	Nodes int // default 4,000,000
	Bytes int // text; default 64 MiB
}

// Filled are the limits with the defaults in the place of zeros.
func (l Limits) Filled() Limits {
	if l.Depth == 0 {
		l.Depth = 200
	}
	if l.Nodes == 0 {
		l.Nodes = 4_000_000
	}
	if l.Bytes == 0 {
		l.Bytes = 64 << 20
	}
	return l
}

// Errors of a Builder that ran into its limits.
var (
	ErrTooDeep = errors.New("nested deeper than the limit")
	ErrTooMany = errors.New("more nodes than the limit")
	ErrTooLong = errors.New("more text than the limit")
)

// Builder makes a tree front to back. Every codec and form uses it. The class
// of an object may stay 0 until SetClass or Resolve names it.
type Builder struct {
	limits Limits
	nodes  []node
	text   []byte
	open   []ID
	err    error
}

// NewBuilder makes a builder; hint is the expected size of the text in bytes.
func NewBuilder(limits Limits, hint int) *Builder {
	return &Builder{limits: limits.Filled(), nodes: make([]node, 0, 16+hint/24), text: make([]byte, 0, hint/2)}
}

// Open begins an object held by attr in the object that is open.
func (b *Builder) Open(attr rminfo.Attr, class rminfo.Class) ID {
	if len(b.open) >= b.limits.Depth {
		b.fail(ErrTooDeep)
	}
	id := b.add(node{class: class, attr: attr, kind: Object})
	b.open = append(b.open, id)
	return id
}

// Close ends the object that is open.
func (b *Builder) Close() {
	id := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	b.nodes[id].end = ID(len(b.nodes) - 1)
}

// Depth is the number of objects that are open.
func (b *Builder) Depth() int { return len(b.open) }

// Err is the first limit that was passed, nil if none was. After it the builder
// keeps no more, so that a codec may ask now and then.
func (b *Builder) Err() error { return b.err }

// String adds a text of class (String, Character or Byte).
func (b *Builder) String(attr rminfo.Attr, class rminfo.Class, s string) ID {
	off := b.put(len(s))
	b.text = append(b.text, s...)
	return b.add(node{class: class, attr: attr, kind: String, off: off, length: uint32(len(s))})
}

// Number adds a number by its written form; the caller has checked the form.
func (b *Builder) Number(attr rminfo.Attr, class rminfo.Class, lexeme string) ID {
	off := b.put(len(lexeme))
	b.text = append(b.text, lexeme...)
	return b.add(node{class: class, attr: attr, kind: Number, off: off, length: uint32(len(lexeme))})
}

// Bool adds a truth value.
func (b *Builder) Bool(attr rminfo.Attr, v bool) ID {
	s := "false"
	if v {
		s = "true"
	}
	off := b.put(len(s))
	b.text = append(b.text, s...)
	return b.add(node{class: rminfo.Boolean, attr: attr, kind: Boolean, off: off, length: uint32(len(s))})
}

// Copy adds the subtree of src at id, held by attr.
func (b *Builder) Copy(attr rminfo.Attr, src *Tree, id ID) ID {
	n := src.nodes[id]
	var at ID
	switch n.kind {
	case Object:
		at = b.Open(attr, n.class)
		b.nodes[at].flags = n.flags & flagImplied
		for c := range src.All(id) {
			b.Copy(src.nodes[c].attr, src, c)
		}
		b.Close()
	case String:
		at = b.String(attr, n.class, src.Text(id))
	case Number:
		at = b.Number(attr, n.class, src.Text(id))
	case Boolean:
		at = b.Bool(attr, src.Bool(id))
	}
	return at
}

// Class is the class of a node made so far; 0 where none was named yet.
func (b *Builder) Class(id ID) rminfo.Class { return b.nodes[id].class }

// SetClass names the class of a node made so far: a serialisation may give the
// type after the members, or not at all where the context implies it.
func (b *Builder) SetClass(id ID, class rminfo.Class) { b.nodes[id].class = class }

// Imply notes that the class of an object made so far was not written.
func (b *Builder) Imply(id ID) { b.nodes[id].flags |= flagImplied }

// SetScalar changes how a primitive made so far is written, keeping its text:
// a number that was sent as a JSON string.
func (b *Builder) SetScalar(id ID, kind Kind, class rminfo.Class) {
	b.nodes[id].kind, b.nodes[id].class = kind, class
}

// Draft shows the nodes made so far as a tree, to ask for attributes, parents
// and texts while classes are being resolved. All objects must be closed; the
// builder must not be used to add nodes afterwards.
func (b *Builder) Draft() *Tree { return &Tree{nodes: b.nodes, text: b.text} }

// Tree ends the building: every object must be closed.
func (b *Builder) Tree() (*Tree, error) {
	if b.err != nil {
		return nil, b.err
	}
	if len(b.open) != 0 || len(b.nodes) == 0 {
		return nil, errors.New("rm: the tree is not complete")
	}
	t := &Tree{nodes: b.nodes, text: b.text}
	t.markRoots()
	return t, nil
}

func (b *Builder) put(size int) uint32 {
	if len(b.text)+size > b.limits.Bytes {
		b.fail(ErrTooLong)
	}
	return uint32(len(b.text))
}

func (b *Builder) add(n node) ID {
	if len(b.nodes) >= b.limits.Nodes {
		b.fail(ErrTooMany)
	}
	id := ID(len(b.nodes))
	n.parent, n.end = None, id
	if len(b.open) > 0 {
		n.parent = b.open[len(b.open)-1]
	}
	b.nodes = append(b.nodes, n)
	return id
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}
