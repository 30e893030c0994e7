package rm

import (
	"iter"
	"unsafe"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// ID numbers a node within its tree, in pre-order; the root is 0.
type ID uint32

// None is no node.
const None = ^ID(0)

// Kind says how a node is written.
type Kind uint8

// The kinds of node. A list has no node of its own: its items are children that
// share one attribute.
const (
	Object Kind = iota
	String
	Number
	Boolean
)

// flagRoot marks the root node of an archetype, flagImplied an object whose
// class was not written but follows from its place.
const (
	flagRoot = 1 << iota
	flagImplied
)

type node struct {
	parent, end ID
	off, length uint32
	class       rminfo.Class
	attr        rminfo.Attr
	kind        Kind
	flags       uint8
}

// Tree is one reference model object. It is immutable, owns its bytes and is
// safe for concurrent readers. Numbers keep the text they were written with.
type Tree struct {
	nodes []node
	text  []byte
}

// Len is the number of nodes.
func (t *Tree) Len() int { return len(t.nodes) }

// Bytes estimates the memory the tree holds, for admission budgets.
func (t *Tree) Bytes() int { return len(t.nodes)*int(unsafe.Sizeof(node{})) + len(t.text) }

// Root is the id of the outermost object.
func (t *Tree) Root() ID { return 0 }

// Class is the class of the node; primitives have classes too.
func (t *Tree) Class(id ID) rminfo.Class { return t.nodes[id].class }

// Attr is the attribute by which the parent holds the node; 0 for the root.
func (t *Tree) Attr(id ID) rminfo.Attr { return t.nodes[id].attr }

// Kind says how the node is written.
func (t *Tree) Kind(id ID) Kind { return t.nodes[id].kind }

// Parent is the holding node, None for the root.
func (t *Tree) Parent(id ID) ID { return t.nodes[id].parent }

// End is the last descendant of the node, or the node itself: a node d lies
// within a if a <= d <= End(a). The database calls it num_cap.
func (t *Tree) End(id ID) ID { return t.nodes[id].end }

// First is the first child, None for a leaf.
func (t *Tree) First(id ID) ID {
	if t.nodes[id].end == id {
		return None
	}
	return id + 1
}

// Next is the next sibling, None after the last.
func (t *Tree) Next(id ID) ID {
	n := t.nodes[id]
	if n.parent == None || n.end == t.nodes[n.parent].end {
		return None
	}
	return n.end + 1
}

// All yields the children in document order.
func (t *Tree) All(id ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for c := t.First(id); c != None; c = t.Next(c) {
			if !yield(c) {
				return
			}
		}
	}
}

// Children yields the children that the node holds by attr, in document order.
func (t *Tree) Children(id ID, attr rminfo.Attr) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for c := t.First(id); c != None; c = t.Next(c) {
			if t.nodes[c].attr == attr && !yield(c) {
				return
			}
		}
	}
}

// Child is the first child held by attr, None where there is none.
func (t *Tree) Child(id ID, attr rminfo.Attr) ID {
	for c := t.First(id); c != None; c = t.Next(c) {
		if t.nodes[c].attr == attr {
			return c
		}
	}
	return None
}

// Find follows single attributes down from id, None where one is missing.
func (t *Tree) Find(id ID, attrs ...rminfo.Attr) ID {
	for _, a := range attrs {
		if id == None {
			return None
		}
		id = t.Child(id, a)
	}
	return id
}

// Text is the text of a String, the written form of a Number, "true" or "false"
// for a Boolean, and "" for an object or None.
func (t *Tree) Text(id ID) string {
	if id == None {
		return ""
	}
	n := t.nodes[id]
	if n.kind == Object || n.length == 0 {
		return ""
	}
	return unsafe.String(&t.text[n.off], n.length)
}

// TextAt is Text(Find(id, attrs...)).
func (t *Tree) TextAt(id ID, attrs ...rminfo.Attr) string { return t.Text(t.Find(id, attrs...)) }

// Bool is the value of a Boolean node.
func (t *Tree) Bool(id ID) bool { return t.Text(id) == "true" }

// ArchetypeNodeID is the at-code or archetype id of a LOCATABLE, "" for others.
func (t *Tree) ArchetypeNodeID(id ID) string {
	return t.Text(t.Child(id, rminfo.A_archetype_node_id))
}

// Name is the name/value of a LOCATABLE, "" for others.
func (t *Tree) Name(id ID) string {
	if !t.nodes[id].class.Locatable() {
		return ""
	}
	return t.TextAt(id, rminfo.A_name, rminfo.A_value)
}

// IsRoot says whether the node is the root of an archetype: a LOCATABLE whose
// archetype_node_id is an archetype id and no at-code.
func (t *Tree) IsRoot(id ID) bool { return t.nodes[id].flags&flagRoot != 0 }

// Implied says whether the class of the object was left out where it came from,
// because its place implies it. A codec may leave it out again, so that what was
// sent comes back as it was.
func (t *Tree) Implied(id ID) bool { return t.nodes[id].flags&flagImplied != 0 }

// markRoots sets and clears the flag that IsRoot asks.
func (t *Tree) markRoots() {
	for id := range t.nodes {
		n := &t.nodes[id]
		n.flags &^= flagRoot
		if n.attr != rminfo.A_archetype_node_id || n.parent == None {
			continue
		}
		if p := &t.nodes[n.parent]; p.class.Locatable() && n.length > 0 && !isCode(t.Text(ID(id))) {
			p.flags |= flagRoot
		}
	}
}

// ArchetypeRoot is the nearest archetype root at or above the node; the tree's
// root where no node is one.
func (t *Tree) ArchetypeRoot(id ID) ID {
	for id != 0 && !t.IsRoot(id) {
		id = t.nodes[id].parent
	}
	return id
}

// isCode says whether an archetype_node_id is an at-code or id-code.
func isCode(s string) bool {
	return len(s) > 2 && (s[:2] == "at" || s[:2] == "id") && s[2] >= '0' && s[2] <= '9'
}
