package aql

import "strconv"

// String writes the query so that it parses to the same tree: keywords in upper
// case, one blank between words, comments and needless parentheses left out.
func (q *Query) String() string {
	b := []byte("SELECT ")
	if q.Distinct {
		b = append(b, "DISTINCT "...)
	}
	if q.Top != nil {
		b = append(b, "TOP "...)
		b = strconv.AppendInt(b, q.Top.Count, 10)
		switch {
		case q.Top.Backward:
			b = append(b, " BACKWARD"...)
		case q.Top.Written:
			b = append(b, " FORWARD"...)
		}
		b = append(b, ' ')
	}
	for i, c := range q.Select {
		b = comma(b, i)
		b = printExpr(b, c.Expr, 0)
		if c.Alias != "" {
			b = append(append(b, " AS "...), c.Alias...)
		}
	}
	b = append(b, " FROM "...)
	b = printContainment(b, q.From, false)
	if q.Where != nil {
		b = printExpr(append(b, " WHERE "...), q.Where, 0)
	}
	for i, k := range q.OrderBy {
		if i == 0 {
			b = append(b, " ORDER BY "...)
		}
		b = comma(b, i)
		b = printExpr(b, k.Expr, 0)
		if k.Descending {
			b = append(b, " DESC"...)
		}
		switch k.Nulls {
		case NullsFirst:
			b = append(b, " NULLS FIRST"...)
		case NullsLast:
			b = append(b, " NULLS LAST"...)
		}
	}
	if q.Limit != nil {
		b = strconv.AppendInt(append(b, " LIMIT "...), q.Limit.Count, 10)
		if q.Limit.HasOffset {
			b = strconv.AppendInt(append(b, " OFFSET "...), q.Limit.Offset, 10)
		}
	}
	return string(b)
}

// String writes the path with its variable.
func (p *PathExpr) String() string { return string(printExpr(nil, p, 0)) }

// String writes the path, segments joined by slashes, without a leading one.
func (p Path) String() string { return string(printPath(nil, p)) }

// Format writes any expression as Query.String does.
func Format(e Expr) string { return string(printExpr(nil, e, 0)) }

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
	return b
}

// printContainment writes a FROM node; group asks for parentheses around
// whatever is more than one class.
func printContainment(b []byte, n Containment, group bool) []byte {
	switch n := n.(type) {
	case *ContainmentSet:
		if group {
			b = append(b, '(')
		}
		for i, o := range n.Operands {
			if i > 0 {
				b = append(append(append(b, ' '), n.Op.String()...), ' ')
			}
			b = printContainment(b, o, true)
		}
		if group {
			b = append(b, ')')
		}
	case *Class:
		group = group && n.Contains != nil
		if group {
			b = append(b, '(')
		}
		b = printClass(b, n)
		if n.Contains != nil {
			if n.Not {
				b = append(b, " NOT"...)
			}
			b = append(b, " CONTAINS "...)
			_, set := n.Contains.(*ContainmentSet)
			b = printContainment(b, n.Contains, set)
		}
		if group {
			b = append(b, ')')
		}
	}
	return b
}

func printClass(b []byte, c *Class) []byte {
	b = append(b, c.Type...)
	if c.Variable != "" {
		b = append(append(b, ' '), c.Variable...)
	}
	switch {
	case c.Scope == LatestVersion:
		b = append(b, "[LATEST_VERSION]"...)
	case c.Scope == AllVersions:
		b = append(b, "[ALL_VERSIONS]"...)
	default:
		b = printPredicate(b, c.Predicate)
	}
	return b
}

func printPredicate(b []byte, e Expr) []byte {
	if e == nil {
		return b
	}
	return append(printExpr(append(b, '['), e, 0), ']')
}

func printPath(b []byte, p Path) []byte {
	for i, s := range p.Segments {
		if i > 0 {
			b = append(b, '/')
		}
		b = printPredicate(append(b, s.Name...), s.Predicate)
	}
	return b
}

// printExpr writes an expression that stands under an operator of binding power
// bind, with parentheses where its own operator binds less.
func printExpr(b []byte, e Expr, bind int) []byte {
	switch e := e.(type) {
	case *PathExpr:
		b = printPredicate(append(b, e.Variable...), e.Predicate)
		if len(e.Path.Segments) > 0 {
			b = printPath(append(b, '/'), e.Path)
		}
	case *RelativePath:
		b = printPath(b, e.Path)
	case *Literal:
		b = printLiteral(b, e)
	case *Param:
		b = append(append(b, '$'), e.Name...)
	case *Call:
		b = printCall(b, e)
	case *Comparison:
		b = printBinary(b, e.Left, e.Op.String(), e.Right)
	case *Like:
		b = printBinary(b, e.Left, "LIKE", e.Pattern)
	case *Matches:
		b = printMatches(b, e)
	case *Exists:
		b = printExpr(append(b, "EXISTS "...), e.Path, 0)
	case *Not:
		b = printExpr(append(b, "NOT "...), e.Operand, bindNot)
	case *Logical:
		b = printLogical(b, e, bind)
	case *Arithmetic:
		b = printArithmetic(b, e, bind)
	case *NodeID:
		b = printNodeID(b, e)
	case *Regex:
		b = printPath(b, e.Path.Path)
		b = append(append(append(b, " MATCHES {/"...), e.Pattern...), "/}"...)
	}
	return b
}

func printBinary(b []byte, left Expr, op string, right Expr) []byte {
	b = printExpr(b, left, bindCompare)
	b = append(append(append(b, ' '), op...), ' ')
	return printExpr(b, right, bindCompare)
}

func printLiteral(b []byte, l *Literal) []byte {
	switch l.Kind {
	case String:
		return quoteText(b, l.Text)
	case Null:
		return append(b, "NULL"...)
	}
	return append(b, l.Text...)
}

func printCall(b []byte, c *Call) []byte {
	b = append(append(b, c.Name...), '(')
	if c.Star {
		b = append(b, '*')
	}
	if c.Distinct {
		b = append(b, "DISTINCT "...)
	}
	for i, a := range c.Args {
		b = printExpr(comma(b, i), a, 0)
	}
	return append(b, ')')
}

func printMatches(b []byte, m *Matches) []byte {
	b = printExpr(b, m.Left, bindCompare)
	b = append(b, " MATCHES "...)
	if m.Terminology != nil {
		return printCall(b, m.Terminology)
	}
	b = append(append(b, '{'), m.URI...)
	for i, item := range m.Items {
		b = printExpr(comma(b, i), item, 0)
	}
	return append(b, '}')
}

func printLogical(b []byte, l *Logical, bind int) []byte {
	power := bindAnd
	if l.Op == Or {
		power = bindOr
	}
	if power < bind {
		b = append(b, '(')
	}
	for i, o := range l.Operands {
		if i > 0 {
			b = append(append(append(b, ' '), l.Op.String()...), ' ')
		}
		b = printExpr(b, o, power+1)
	}
	if power < bind {
		b = append(b, ')')
	}
	return b
}

func printArithmetic(b []byte, a *Arithmetic, bind int) []byte {
	power := bindSum
	if a.Op == Mul || a.Op == Div {
		power = bindProduct
	}
	if power < bind {
		b = append(b, '(')
	}
	b = printExpr(b, a.Left, power)
	b = append(b, ' ', byte(a.Op), ' ')
	if a.Op == Div && !canFollowSlash(a.Right) {
		// A word after a slash would go on with the path before it.
		b = append(printExpr(append(b, '('), a.Right, 0), ')')
	} else {
		b = printExpr(b, a.Right, power+1)
	}
	if power < bind {
		b = append(b, ')')
	}
	return b
}

// canFollowSlash says whether the written operand begins with no letter.
func canFollowSlash(e Expr) bool {
	switch e := e.(type) {
	case *Param, *Arithmetic:
		return true
	case *Literal:
		return e.Kind == Integer || e.Kind == Real
	}
	return false
}

func printNodeID(b []byte, n *NodeID) []byte {
	if n.Kind == NodeParam {
		b = append(b, '$')
	}
	b = append(b, n.ID...)
	if n.Name != nil {
		b = printExpr(append(b, ", "...), n.Name, 0)
	}
	return b
}

// String writes AND or OR.
func (o LogicOp) String() string {
	if o == Or {
		return "OR"
	}
	return "AND"
}

var compareNames = [...]string{Eq: "=", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}

// String writes the operator.
func (o CompareOp) String() string { return compareNames[o] }
