package aql

import (
	"fmt"
	"strconv"
)

// check finds what the grammar lets pass and the text of AQL 1.1.0 forbids:
// unknown and doubled variables, variables of a negated branch, misplaced
// aggregates, wrong arity, TOP beside LIMIT.
func check(q *Query) Errors {
	c := &checker{q: q, negated: map[*Class]bool{}}
	c.from(q.From, false)
	if q.Top != nil && q.Limit != nil {
		c.add(q.Limit, "LIMIT stands beside TOP", "one of the two", "")
	}
	for _, col := range q.Select {
		c.value(col.Expr, true)
	}
	if q.Where != nil {
		c.value(q.Where, false)
	}
	for _, k := range q.OrderBy {
		if q.AliasOf(k.Expr) == nil {
			c.value(k.Expr, false)
		}
	}
	return c.errs
}

type checker struct {
	q       *Query
	errs    Errors
	negated map[*Class]bool
	names   []*Class
}

func (c *checker) add(at Node, message, expected, found string) {
	pos := at.Position()
	c.errs = append(c.errs, &Error{Line: pos.Line, Column: pos.Column, Message: message, Expected: expected, Found: found})
}

func (c *checker) from(n Containment, negated bool) {
	switch n := n.(type) {
	case *ContainmentSet:
		for _, o := range n.Operands {
			c.from(o, negated)
		}
	case *Class:
		if n.Variable != "" {
			for _, other := range c.names {
				if other.Variable == n.Variable {
					c.add(n, "variable is declared twice", "", quote(n.Variable))
				}
			}
			c.names = append(c.names, n)
			c.negated[n] = negated
		}
		if n.Contains != nil {
			c.from(n.Contains, negated || n.Not)
		}
	}
}

// value checks an expression; aggregates says whether one may stand here.
func (c *checker) value(e Expr, aggregates bool) {
	Inspect(e, func(n Node) bool {
		switch n := n.(type) {
		case *PathExpr:
			c.variable(n)
		case *Call:
			return c.call(n, aggregates)
		}
		return true
	})
}

func (c *checker) variable(p *PathExpr) {
	class := named(c.names, p.Variable)
	switch {
	case class == nil:
		c.add(p, "unknown variable", "a variable declared in FROM", quote(p.Variable))
	case c.negated[class]:
		c.add(p, "variable stands under NOT CONTAINS and has no value", "a variable outside NOT CONTAINS", quote(p.Variable))
	}
}

// call checks one call; it says whether to look at the arguments the usual way.
func (c *checker) call(n *Call, aggregates bool) bool {
	f := n.Function()
	switch {
	case f != nil && f.Kind == AggregateFunction:
		return c.aggregate(n, f, aggregates)
	case n.Star || n.Distinct:
		c.add(n, "only COUNT takes * or DISTINCT", "", quote(n.Name))
	case f != nil:
		c.arity(n, f)
	}
	for _, a := range n.Args {
		c.value(a, aggregates)
	}
	return false
}

func (c *checker) aggregate(n *Call, f *Function, allowed bool) bool {
	switch {
	case !allowed:
		c.add(n, "an aggregate stands outside SELECT", "", quote(n.Name))
	case (n.Star || n.Distinct) && f.Name != "COUNT":
		c.add(n, "only COUNT takes * or DISTINCT", "", quote(n.Name))
	case n.Star:
		return false
	case len(n.Args) != 1:
		c.arity(n, f)
	default:
		if _, ok := n.Args[0].(*PathExpr); !ok {
			c.add(n.Args[0], "the argument of "+f.Name+" is no path", "a path", "")
			return false
		}
	}
	return true
}

func (c *checker) arity(n *Call, f *Function) {
	if len(n.Args) >= f.MinArgs && (f.MaxArgs < 0 || len(n.Args) <= f.MaxArgs) {
		return
	}
	want := strconv.Itoa(f.MinArgs)
	switch {
	case f.MaxArgs < 0:
		want = "at least " + want
	case f.MaxArgs > f.MinArgs:
		want = fmt.Sprintf("%d to %d", f.MinArgs, f.MaxArgs)
	}
	c.add(n, f.Name+" has the wrong number of arguments", want, strconv.Itoa(len(n.Args)))
}
