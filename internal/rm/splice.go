package rm

import (
	"fmt"
	"sort"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Edit is one change that Splice makes to a tree.
type Edit struct {
	// At is the node to replace or remove, or with Into the object to add to.
	At ID
	// Into adds New as the last child of At, held by Attr.
	Into bool
	Attr rminfo.Attr
	// New is the subtree that takes the place; nil removes At.
	New *Tree
}

// Splice makes a new tree with the edits done; the old one stays as it is.
// Edits must not overlap, except several additions into one object.
func (t *Tree) Splice(edits ...Edit) (*Tree, error) {
	order := append([]Edit(nil), edits...)
	sort.SliceStable(order, func(i, j int) bool { return order[i].At < order[j].At })
	replace := map[ID]Edit{}
	into := map[ID][]Edit{}
	for _, e := range order {
		if int(e.At) >= len(t.nodes) {
			return nil, fmt.Errorf("rm: edit of node %d of %d", e.At, len(t.nodes))
		}
		if e.Into {
			into[e.At] = append(into[e.At], e)
			continue
		}
		if _, twice := replace[e.At]; twice {
			return nil, fmt.Errorf("rm: two edits of node %d", e.At)
		}
		replace[e.At] = e
	}
	b := NewBuilder(Limits{Nodes: 1 << 31, Bytes: 1 << 31}, len(t.text)*2)
	t.splice(b, 0, replace, into)
	return b.Tree()
}

func (t *Tree) splice(b *Builder, id ID, replace map[ID]Edit, into map[ID][]Edit) {
	n := t.nodes[id]
	if e, ok := replace[id]; ok {
		if e.New != nil {
			b.Copy(n.attr, e.New, 0)
		}
		return
	}
	if n.kind != Object {
		b.Copy(n.attr, t, id)
		return
	}
	b.Open(n.attr, n.class)
	for c := range t.All(id) {
		t.splice(b, c, replace, into)
	}
	for _, e := range into[id] {
		b.Copy(e.Attr, e.New, 0)
	}
	b.Close()
}

// Sub is the subtree at id as a tree of its own.
func (t *Tree) Sub(id ID) *Tree {
	b := NewBuilder(Limits{Nodes: 1 << 31, Bytes: 1 << 31}, 0)
	b.Copy(0, t, id)
	sub, err := b.Tree()
	if err != nil {
		panic("rm: a subtree of a complete tree is complete: " + err.Error())
	}
	return sub
}
