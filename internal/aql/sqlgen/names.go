package sqlgen

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
)

// names are the names that the nodes of a relation must bear for a row of the
// answer: by its predicate, or by a condition of WHERE on a relation that each row
// has. nil where any will do.
func (g *generator) names(s *plan.Source) []string {
	var conds []plan.Expr
	if s.Filter != nil {
		conds = []plan.Expr{s.Filter}
		if l, ok := s.Filter.(*plan.Logic); ok && l.Op == aql.And {
			conds = l.Operands
		}
	}
	if g.plan.Always(s) {
		conds = slices.Concat(conds, g.plan.Conjuncts())
	}
	for _, e := range conds {
		switch e := e.(type) {
		case *plan.Compare:
			if l, ok := e.Right.(plan.Literal); ok && e.Op == aql.Eq && l.Kind == aql.String && isName(e.Left, s) {
				return []string{l.Text}
			}
		case *plan.In:
			if texts := textsOf(e.List); texts != nil && isName(e.Operand, s) {
				return texts
			}
		}
	}
	return nil
}

func isName(v plan.Value, s *plan.Source) bool {
	r, ok := v.(*plan.Ref)
	return ok && r.Source == s && !r.Missing && r.Is("name", "value")
}

// textsOf are the texts of a list, nil where there are others or none.
func textsOf(list []plan.Literal) []string {
	var texts []string
	for _, l := range list {
		if l.Kind != aql.String {
			return nil
		}
		texts = append(texts, l.Text)
	}
	return texts
}

// named is the condition for the items of shapes whose nodes may bear one of the
// names. An item with a name has nodes of that name only; those of any name, or of
// several, have "*".
func named(names string) string {
	return "(i.name = '*' or i.name = any(" + names + "::text[]))"
}
