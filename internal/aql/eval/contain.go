package eval

import (
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// instance is what an operand of FROM is bound to. The zero instance is none.
type instance struct {
	node node
	// doc is the version the node lies in, or the version itself.
	doc *Document
	// whole marks an EHR (doc nil) or a VERSION: they hold documents, not nodes.
	whole bool
}

// bind calls yield for every binding of a containment within a holder, leaving
// it in r.bound. It ends early when yield says false, and says so itself.
func (r *run) bind(c aql.Containment, in instance, yield func() bool) bool {
	switch c := c.(type) {
	case *aql.Class:
		slot := r.slots[c]
		more := r.candidates(&r.operands[slot], in, func(found instance) bool {
			r.bound[slot] = found
			return r.bindContent(c, found, yield)
		})
		r.bound[slot] = instance{}
		return more
	case *aql.ContainmentSet:
		return r.bindSet(c, 0, false, in, yield)
	}
	return true
}

// bindContent goes on with what a class must or must not contain.
func (r *run) bindContent(c *aql.Class, in instance, yield func() bool) bool {
	switch {
	case c.Contains == nil:
		return yield()
	case !c.Not:
		return r.bind(c.Contains, in, yield)
	}
	found := !r.bind(c.Contains, in, func() bool { return false })
	return found || yield()
}

// bindSet binds the operands from the i-th on. For OR an operand without a
// match leaves its variables empty, and one operand must match.
func (r *run) bindSet(set *aql.ContainmentSet, i int, any bool, in instance, yield func() bool) bool {
	if i == len(set.Operands) {
		return set.Op == aql.Or && !any || yield()
	}
	matched := false
	more := r.bind(set.Operands[i], in, func() bool {
		matched = true
		return r.bindSet(set, i+1, true, in, yield)
	})
	if matched || set.Op == aql.And || r.err != nil {
		return more
	}
	return r.bindSet(set, i+1, any, in, yield)
}

// candidates yields the instances of an operand within a holder.
func (r *run) candidates(o *operand, in instance, yield func(instance) bool) bool {
	switch {
	case o.isEHR:
		if in.whole || !in.node.none() || r.record.ID == "" {
			return true
		}
		return r.offer(o, in, instance{whole: true}, yield)
	case in.doc != nil && in.whole:
		if o.isVersion || in.doc.Tree == nil || in.doc.Kind != o.kind {
			return true
		}
		return r.descendants(o, in, in.doc, 0, in.doc.Tree.Root(), yield)
	case !in.whole && !in.node.none():
		if in.node.class() == rminfo.FOLDER && o.kind != Folder && !o.isVersion {
			return r.inFolder(o, in, yield)
		}
		return o.isVersion || r.descendants(o, in, in.doc, in.node.id+1, in.node.id, yield)
	}
	for i := range r.record.Documents {
		d := &r.record.Documents[i]
		more := true
		switch {
		case o.isVersion:
			if inScope(o, d) {
				more = r.offer(o, in, instance{doc: d, whole: true}, yield)
			}
		case d.Effective && d.Tree != nil && d.Kind == o.kind:
			more = r.descendants(o, in, d, 0, d.Tree.Root(), yield)
		}
		if !more {
			return false
		}
	}
	return true
}

// inScope says whether a version is among those VERSION names.
func inScope(o *operand, d *Document) bool {
	switch {
	case o.EveryVersion():
		return true
	case o.Scope == aql.LatestVersion:
		return d.Latest
	}
	return d.Effective
}

// descendants offers the nodes from first to the last descendant of top.
func (r *run) descendants(o *operand, in instance, d *Document, first, top rm.ID, yield func(instance) bool) bool {
	for id := first; id <= d.Tree.End(top); id++ {
		if d.Tree.Class(id).IsA(o.class) && !r.offer(o, in, instance{node: node{d.Tree, id}, doc: d}, yield) {
			return false
		}
	}
	return true
}

// inFolder offers what the compositions hold that a folder, or one below it,
// refers to.
func (r *run) inFolder(o *operand, in instance, yield func(instance) bool) bool {
	t := in.node.tree
	listed := map[string]bool{}
	for id := in.node.id; id <= t.End(in.node.id); id++ {
		if t.Class(id) != rminfo.FOLDER {
			continue
		}
		for item := range t.Children(id, rminfo.A_items) {
			listed[objectID(t.TextAt(item, rminfo.A_id, rminfo.A_value))] = true
		}
	}
	for i := range r.record.Documents {
		d := &r.record.Documents[i]
		if d.Effective && d.Tree != nil && d.Kind == o.kind && listed[objectID(d.VersionUID)] &&
			!r.descendants(o, instance{}, d, 0, d.Tree.Root(), yield) {
			return false
		}
	}
	return true
}

// offer yields a candidate that satisfies the predicate of its operand.
func (r *run) offer(o *operand, in, found instance, yield func(instance) bool) bool {
	if !r.alive() {
		return false
	}
	if found.whole && o.object {
		tree, err := r.wholeTree(found)
		if err != nil {
			r.err = err
			return false
		}
		found.node = node{tree: tree}
	}
	if o.Predicate != nil {
		boundary := rm.None
		if !in.node.none() && !in.whole && in.node.tree == found.node.tree {
			boundary = in.node.tree.ArchetypeRoot(in.node.id)
		}
		if r.predicate(o.Predicate, found.node, boundary) != yes {
			return true
		}
	}
	return yield(found)
}

func (r *run) wholeTree(i instance) (*rm.Tree, error) {
	if i.doc == nil {
		return r.record.object()
	}
	return r.record.version(i.doc)
}
