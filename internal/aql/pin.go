package aql

// PinnedEHR gives the id of the one EHR the query is fixed to: by the predicate
// [ehr_id/value = '...'] of its EHR, or by such a comparison that WHERE
// demands. Only a query that is not fixed leaves out EHRs whose is_queryable is
// false.
func (q *Query) PinnedEHR(params map[string]any) (string, bool) {
	for _, c := range demanded(q.From) {
		if c.RMType() != "EHR" {
			continue
		}
		if id, ok := pin(c.Predicate, params, func(left Expr) bool {
			p, ok := left.(*RelativePath)
			return ok && p.Path.String() == "ehr_id/value"
		}); ok {
			return id, true
		}
		return pin(q.Where, params, func(left Expr) bool {
			p, ok := left.(*PathExpr)
			return ok && p.Predicate == nil && q.Class(p.Variable) == c && p.Path.String() == "ehr_id/value"
		})
	}
	return "", false
}

// demanded gives the operands every binding has at the top of FROM.
func demanded(from Containment) []*Class {
	switch from := from.(type) {
	case *Class:
		return []*Class{from}
	case *ContainmentSet:
		var all []*Class
		for _, o := range from.Operands {
			if from.Op == And {
				all = append(all, demanded(o)...)
			}
		}
		return all
	}
	return nil
}

func pin(e Expr, params map[string]any, isID func(Expr) bool) (string, bool) {
	switch e := e.(type) {
	case *Logical:
		if e.Op != And {
			return "", false
		}
		for _, o := range e.Operands {
			if id, ok := pin(o, params, isID); ok {
				return id, true
			}
		}
	case *Comparison:
		if e.Op != Eq || !isID(e.Left) {
			return "", false
		}
		switch r := e.Right.(type) {
		case *Literal:
			return r.Text, r.Kind == String
		case *Param:
			id, ok := params[r.Name].(string)
			return id, ok
		}
	}
	return "", false
}
