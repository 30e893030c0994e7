package rm

import (
	"fmt"
	"sort"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Edit is one change that Splice makes to a tree.
type Edit struct {
	// At is the node to replace or remove; with Into the object to add to, with
	// After the sibling to stand behind.
	At ID
	// Into adds New to the object At, held by Attr: after the last child that
	// Attr holds already, else as the last child.
	Into bool
	// After adds New behind the node At, in the same object, held by Attr.
	After bool
	Attr  rminfo.Attr
	// New is the subtree that takes the place; nil removes At.
	New *Tree
}

// cut is an Edit as what it does to the row of nodes: those from at to below end
// go, and those of the new tree come, held by attr in parent.
type cut struct {
	at, end ID
	parent  ID
	attr    rminfo.Attr
	new     *Tree
}

func (c cut) adds() bool { return c.at == c.end }

func (c cut) covers(id ID) bool { return c.at <= id && id < c.end }

// Splice makes a new tree with the edits done; the old one stays as it is.
// Several additions at one place keep their order. Edits must not overlap: what
// is added or changed within a subtree that another edit replaces is an error.
//
// The nodes are copied in runs, and so is the text, in which the text of removed
// nodes stays behind; Sub makes a tree without it.
func (t *Tree) Splice(edits ...Edit) (*Tree, error) {
	cuts := make([]cut, 0, len(edits))
	grow, text := 0, 0
	for _, e := range edits {
		c, err := t.cut(e)
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, c)
		if c.new != nil {
			grow, text = grow+len(c.new.nodes), text+len(c.new.text)
		}
	}
	// At one place additions come before what is replaced, since they belong
	// behind the sibling before it, and those to inner objects before those to
	// outer ones.
	sort.SliceStable(cuts, func(i, j int) bool {
		a, b := cuts[i], cuts[j]
		if a.at != b.at {
			return a.at < b.at
		}
		if a.adds() != b.adds() {
			return a.adds()
		}
		return a.adds() && a.parent > b.parent
	})
	s := splicer{
		old:   t,
		nodes: make([]node, 0, len(t.nodes)+grow),
		text:  append(make([]byte, 0, len(t.text)+text), t.text...),
		moved: make([]ID, len(t.nodes)),
	}
	from := ID(0)
	for i, c := range cuts {
		if c.at < from || i > 0 && c.parent != None && cuts[i-1].covers(c.parent) {
			return nil, fmt.Errorf("rm: edits overlap at node %d", c.at)
		}
		s.keep(from, c.at)
		s.bring(c)
		from = c.end
	}
	s.keep(from, ID(len(t.nodes)))
	return finish(s.nodes, s.text), nil
}

// cut turns an edit into the place where it acts.
func (t *Tree) cut(e Edit) (cut, error) {
	if int64(e.At) >= int64(len(t.nodes)) {
		return cut{}, fmt.Errorf("rm: edit of node %d of %d", e.At, len(t.nodes))
	}
	n := t.nodes[e.At]
	switch {
	case e.Into && e.After, (e.Into || e.After) && e.New == nil:
		return cut{}, fmt.Errorf("rm: the edit of node %d says not what to do", e.At)
	case e.Into && n.kind != Object:
		return cut{}, fmt.Errorf("rm: node %d holds nothing", e.At)
	case e.Into:
		at := n.end + 1
		for c := range t.Children(e.At, e.Attr) {
			at = t.nodes[c].end + 1
		}
		return cut{at: at, end: at, parent: e.At, attr: e.Attr, new: e.New}, nil
	case e.At == 0 && (e.After || e.New == nil):
		return cut{}, fmt.Errorf("rm: the root has no sibling and cannot be removed")
	case e.After:
		return cut{at: n.end + 1, end: n.end + 1, parent: n.parent, attr: e.Attr, new: e.New}, nil
	}
	return cut{at: e.At, end: n.end + 1, parent: n.parent, attr: n.attr, new: e.New}, nil
}

type splicer struct {
	old   *Tree
	nodes []node
	text  []byte
	// moved is the new id of each old node that was kept.
	moved []ID
}

// keep copies the old nodes from start to below end.
func (s *splicer) keep(start, end ID) {
	for id := start; id < end; id++ {
		n := s.old.nodes[id]
		s.moved[id] = ID(len(s.nodes))
		if n.parent != None {
			n.parent = s.moved[n.parent]
		}
		s.nodes = append(s.nodes, n)
	}
}

// bring copies the new tree of a cut.
func (s *splicer) bring(c cut) {
	if c.new == nil {
		return
	}
	base, off := ID(len(s.nodes)), uint32(len(s.text))
	for i, n := range c.new.nodes {
		n.off += off
		switch {
		case i > 0:
			n.parent += base
		case c.parent == None:
			n.parent, n.attr = None, 0
		default:
			n.parent, n.attr = s.moved[c.parent], c.attr
		}
		s.nodes = append(s.nodes, n)
	}
	s.text = append(s.text, c.new.text...)
}

// finish makes a tree of nodes whose parents are right: extents and archetype
// roots follow from them.
func finish(nodes []node, text []byte) *Tree {
	for id := range nodes {
		nodes[id].end = ID(id)
	}
	for id := len(nodes) - 1; id > 0; id-- {
		p := &nodes[nodes[id].parent]
		p.end = max(p.end, nodes[id].end)
	}
	t := &Tree{nodes: nodes, text: text}
	t.markRoots()
	return t
}

// Sub is the subtree at id as a tree of its own.
func (t *Tree) Sub(id ID) *Tree {
	b := NewBuilder(Limits{Depth: 1 << 30, Nodes: 1 << 31, Bytes: 1 << 31}, 0)
	b.Copy(0, t, id)
	sub, err := b.Tree()
	if err != nil {
		panic("rm: a subtree of a complete tree is complete: " + err.Error())
	}
	return sub
}

// Grouped is the tree with the items of every list next to each other, at the
// place of the first; the tree itself where they are so already. A document that
// is written from the result reads back with the same node ids.
func (t *Tree) Grouped() *Tree {
	if !t.scattered() {
		return t
	}
	g := grouper{splicer{old: t, nodes: make([]node, 0, len(t.nodes)), text: t.text, moved: make([]ID, len(t.nodes))}}
	g.copy(0)
	return finish(g.nodes, t.text)
}

type grouper struct{ splicer }

func (g *grouper) copy(id ID) {
	g.keep(id, id+1)
	seen := map[rminfo.Attr]bool{}
	for c := range g.old.All(id) {
		a := g.old.nodes[c].attr
		if seen[a] {
			continue
		}
		seen[a] = true
		for item := range g.old.Children(id, a) {
			g.copy(item)
		}
	}
}

// scattered says whether in some object an attribute returns after another.
func (t *Tree) scattered() bool {
	for id := range t.nodes {
		if t.nodes[id].kind != Object {
			continue
		}
		var seen [4]uint64
		last := rminfo.Attr(0)
		for c := t.First(ID(id)); c != None; c = t.Next(c) {
			a := t.nodes[c].attr
			if a == last {
				continue
			}
			last = a
			if seen[a>>6]&(1<<(a&63)) != 0 {
				return true
			}
			seen[a>>6] |= 1 << (a & 63)
		}
	}
	return false
}
