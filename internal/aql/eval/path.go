package eval

import (
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm"
)

// rows calls yield for every row of a binding: every way to go along the runs
// of steps, a run that reaches nothing leaving its places empty.
func (r *run) rows(i int, yield func() bool) bool {
	if i == len(r.runs) {
		return yield()
	}
	found := false
	more := r.walk(r.runs[i], func() bool {
		found = true
		return r.rows(i+1, yield)
	})
	if found {
		return more
	}
	for _, s := range r.runs[i] {
		r.at[len(r.operands)+s] = node{}
	}
	return r.rows(i+1, yield)
}

// walk calls yield for every way along the steps that reaches the last.
func (r *run) walk(steps []int, yield func() bool) bool {
	if len(steps) == 0 {
		return yield()
	}
	s := &r.steps[steps[0]]
	return r.hits(r.at[s.from], s, func(n node) bool {
		r.at[len(r.operands)+steps[0]] = n
		return r.walk(steps[1:], yield)
	})
}

// hits calls yield for every node one step leads to.
func (r *run) hits(from node, s *step, yield func(node) bool) bool {
	if from.none() || s.nothing {
		return true
	}
	if s.attr == 0 {
		return r.predicate(s.predicate, from, rm.None) != yes || yield(from)
	}
	for id := range from.tree.Children(from.id, s.attr) {
		n := node{from.tree, id}
		if s.predicate != nil && r.predicate(s.predicate, n, rm.None) != yes {
			continue
		}
		if !yield(n) {
			return false
		}
	}
	return true
}

// search calls yield for every node at the end of segments.
func (r *run) search(from node, segments []aql.Segment, yield func(node) bool) bool {
	if len(segments) == 0 {
		return from.none() || yield(from)
	}
	s := step{attr: r.attrs[segments[0].Name], predicate: segments[0].Predicate}
	return r.hits(from, &s, func(n node) bool { return r.search(n, segments[1:], yield) })
}

// found answers EXISTS.
func (r *run) found(p *aql.PathExpr) bool {
	s := r.exists[p]
	return !r.search(r.at[s.from], s.rest, func(node) bool { return false })
}

// predicate answers a predicate on a node. boundary is the archetype root whose
// codes may be meant, or rm.None where the path itself says where they stand.
func (r *run) predicate(e aql.Expr, n node, boundary rm.ID) truth {
	switch e := e.(type) {
	case *aql.Logical:
		return r.logical(e, func(o aql.Expr) truth { return r.predicate(o, n, boundary) })
	case *aql.NodeID:
		return r.nodeID(e, n, boundary)
	case *aql.Comparison:
		if asked, ok := r.nodeIDCompared(e); ok {
			return r.hasNodeID(n, asked, boundary)
		}
		return r.someCompare(e, n)
	case *aql.Regex:
		all := no
		r.search(n, e.Path.Path.Segments, func(hit node) bool {
			if v := read(hit); v.Kind == String {
				all = all.or(of(r.regexes[e].MatchString(v.Str)))
			}
			return all != yes
		})
		return all
	}
	return unknown
}

// nodeIDCompared recognises the long form of a node id: archetype_node_id = '...'.
func (r *run) nodeIDCompared(e *aql.Comparison) (asked string, ok bool) {
	left := e.Left.(*aql.RelativePath).Path.Segments
	if e.Op != aql.Eq || len(left) != 1 || left[0].Name != "archetype_node_id" || !constant(e.Right) {
		return "", false
	}
	v := r.consts[e.Right]
	return v.Str, v.Kind == String
}

// hasNodeID says whether a node bears the id or code, or a specialisation of it,
// within the archetype that the boundary names.
func (r *run) hasNodeID(n node, asked string, boundary rm.ID) truth {
	if !n.class().Locatable() {
		return no
	}
	found := n.tree.ArchetypeNodeID(n.id)
	if found != asked && (r.opts.ExactArchetypes || !aql.Specialises(found, asked)) {
		return no
	}
	return of(boundary == rm.None || n.tree.IsRoot(n.id) || n.tree.ArchetypeRoot(n.id) == boundary)
}

// nodeID answers a node or archetype predicate with its name.
func (r *run) nodeID(e *aql.NodeID, n node, boundary rm.ID) truth {
	asked := e.ID
	if e.Kind == aql.NodeParam {
		asked = r.consts[e].Str
	}
	named := r.hasNodeID(n, asked, boundary)
	if e.Name == nil || named == no {
		return named
	}
	for _, c := range e.Expand().(*aql.Logical).Operands[1:] {
		c := c.(*aql.Comparison)
		want := r.nameValue(c.Right)
		same := no
		r.search(n, c.Left.(*aql.RelativePath).Path.Segments, func(hit node) bool {
			same = same.or(r.compare(aql.Eq, read(hit), want, false, true))
			return same != yes
		})
		named = named.and(same)
	}
	return named
}

// nameValue gives the value of a literal that Expand made, or of a parameter.
func (r *run) nameValue(e aql.Expr) Value {
	if l, ok := e.(*aql.Literal); ok {
		return literal(l)
	}
	return r.consts[e]
}

// someCompare is true when one of the values at the left path compares as asked
// with one at the right.
func (r *run) someCompare(e *aql.Comparison, n node) truth {
	var right []Value
	if p, ok := e.Right.(*aql.RelativePath); ok {
		right = r.valuesAt(n, p)
	} else {
		right = []Value{r.consts[e.Right]}
	}
	left := r.valuesAt(n, e.Left.(*aql.RelativePath))
	if len(left) == 0 {
		left = []Value{{}}
	}
	all := no
	for _, a := range left {
		if t, ok := r.absence(e, a); ok {
			all = all.or(t)
			continue
		}
		for _, b := range right {
			all = all.or(r.compare(e.Op, a, b, constant(e.Left), constant(e.Right)))
		}
	}
	return all
}

func (r *run) valuesAt(n node, p *aql.RelativePath) []Value {
	var all []Value
	r.search(n, p.Path.Segments, func(hit node) bool {
		all = append(all, read(hit))
		return true
	})
	return all
}
