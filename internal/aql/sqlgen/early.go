package sqlgen

import (
	"fmt"
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
)

// byCondition finds the relation that WHERE has conditions on which are about it
// alone. The rows that meet them are found first, and the other relations are
// looked up for those: the planner takes a walk through JSON for costly and many
// rows, does it last, and so would first open the rows of all others. nil for none.
// WHERE still asks each node.
func (g *generator) byCondition() (*plan.Source, []plan.Expr) {
	if g.ehr != "" || g.newest != nil || g.leaf != nil || len(g.plan.Sources) < 2 {
		return nil, nil
	}
	for _, s := range g.plan.Sources {
		if s.Kind != plan.Node || !s.Root || s.Inner || s.Filter != nil || s.Latest || s.Referred || !always(g.plan.From, s) {
			continue
		}
		var conds []plan.Expr
		for _, e := range g.plan.Conjuncts() {
			if only, ok := positive(e); ok && only == s {
				conds = append(conds, e)
			}
		}
		if conds != nil {
			return s, conds
		}
	}
	return nil, nil
}

// always says whether a relation stands in every row: under no OR and no NOT.
func always(j *plan.Join, s *plan.Source) bool {
	switch {
	case j == nil || j.Op == plan.Any:
		return false
	case j.Op == plan.One:
		return j.Source == s || !j.Not && always(j.Child, s)
	}
	return slices.ContainsFunc(j.Operands, func(o *plan.Join) bool { return always(o, s) })
}

// met writes the relation with what is asked of it. OFFSET keeps the planner from
// taking it apart.
func (g *generator) met() string {
	a := alias(g.first)
	rows := "(" + g.rows(g.first) + ") " + a
	conds := make([]string, len(g.asked))
	for i, e := range g.asked {
		conds[i] = g.condition(e)
	}
	return fmt.Sprintf("(select %[1]s.* from %[2]s where %[3]s offset 0) %[1]s", a, rows, all(conds))
}

// positive says whether a condition that holds of some nodes of a row holds of
// the row too, when it is asked with EXISTS, and which relation it is about.
func positive(e plan.Expr) (*plan.Source, bool) {
	switch e := e.(type) {
	case *plan.Logic:
		return alike(e.Operands, positive)
	case *plan.Compare:
		return about(e.Left, e.Right)
	case *plan.In:
		return about(e.Operand)
	case *plan.Like:
		return about(e.Operand)
	case *plan.Matches:
		return about(e.Operand)
	}
	return nil, false
}

// about is the one relation that values are read from, by paths that begin there.
func about(values ...plan.Value) (*plan.Source, bool) {
	return alike(values, func(v plan.Value) (*plan.Source, bool) {
		switch v := v.(type) {
		case *plan.Ref:
			return v.Source, v.Step != nil && !v.Missing && inRow(v.Step)
		case *plan.Call:
			return about(v.Args...)
		case *plan.Arithmetic:
			return about(v.Left, v.Right)
		case plan.Literal:
			return nil, v.Kind != aql.Null
		}
		return nil, false
	})
}

// inRow says that a path stays in the row it begins in.
func inRow(st *plan.Step) bool {
	for ; st != nil; st = st.Parent {
		if st.Rows {
			return false
		}
	}
	return true
}

// alike is the one relation of all items; those of none, as constants are, are of
// any.
func alike[T any](items []T, of func(T) (*plan.Source, bool)) (one *plan.Source, ok bool) {
	for _, item := range items {
		s, ok := of(item)
		if !ok || s != nil && one != nil && s != one {
			return nil, false
		}
		if s != nil {
			one = s
		}
	}
	return one, true
}
