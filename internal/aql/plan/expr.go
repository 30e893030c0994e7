package plan

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// condition plans a condition of WHERE, or of a predicate when at is set.
func (b *builder) condition(e aql.Expr, at *anchor) (Expr, error) {
	switch e := e.(type) {
	case *aql.Logical:
		l := &Logic{Op: e.Op}
		for _, o := range e.Operands {
			c, err := b.condition(o, at)
			if err != nil {
				return nil, err
			}
			l.Operands = append(l.Operands, c)
		}
		return l, nil
	case *aql.Not:
		c, err := b.condition(e.Operand, at)
		return &Not{c}, err
	case *aql.Comparison:
		return b.comparison(e, at)
	case *aql.Exists:
		r, err := b.ref(e.Path, false)
		return &Exists{r}, err
	case *aql.Like:
		return b.like(e, at)
	case *aql.Matches:
		return b.matches(e, at)
	case *aql.Regex:
		pattern, err := databaseRegex(e.Pattern)
		if err != nil {
			return nil, aql.Unsupported(e, "this regular expression")
		}
		v, err := b.value(e.Path, at)
		return &Matches{v, e.Pattern, pattern}, err
	case *aql.NodeID:
		if at != nil {
			return b.nodeIDs(e, at)
		}
	case *aql.Call:
		v, err := b.value(e, at)
		return &Truth{v}, err
	}
	return nil, aql.Unsupported(e, "this condition")
}

func (b *builder) comparison(e *aql.Comparison, at *anchor) (Expr, error) {
	if id := b.longForm(e); id != nil && at != nil {
		return b.nodeIDs(id, at)
	}
	left, err := b.value(e.Left, at)
	if err != nil {
		return nil, err
	}
	right, err := b.value(e.Right, at)
	if err != nil {
		return nil, err
	}
	for _, side := range [][2]Value{{left, right}, {right, left}} {
		if l, ok := side[0].(Literal); ok && l.Kind == aql.Null {
			switch e.Op {
			case aql.Eq:
				return &Null{Operand: side[1]}, nil
			case aql.Ne:
				return &Null{Operand: side[1], Not: true}, nil
			}
			return &Compare{e.Op, side[1], Literal{Kind: aql.Null}}, nil
		}
	}
	return &Compare{e.Op, left, right}, nil
}

// specialisations are an archetype id or code and what specialises it.
func (b *builder) specialisations(id string) []string {
	if !isArchetypeID(id) {
		return b.opts.Dictionary.codes(id, b.opts.Exact)
	}
	all := []string{id}
	for known := range b.opts.Dictionary.Archetypes {
		if known != id && !b.opts.Exact && aql.Specialises(known, id) {
			all = append(all, known)
		}
	}
	slices.Sort(all[1:])
	return all
}

func (b *builder) like(e *aql.Like, at *anchor) (Expr, error) {
	left, err := b.value(e.Left, at)
	if err != nil {
		return nil, err
	}
	pattern, err := b.value(e.Pattern, at)
	if err != nil {
		return nil, err
	}
	if l, ok := pattern.(Literal); !ok || l.Kind != aql.String {
		return nil, aql.Unsupported(e.Pattern, "a LIKE pattern that is no text")
	}
	return &Like{left, pattern}, nil
}

func (b *builder) matches(e *aql.Matches, at *anchor) (Expr, error) {
	switch {
	case e.URI != "":
		return nil, aql.Unsupported(e, "MATCHES with a URI")
	case e.Terminology != nil:
		return nil, aql.Unsupported(e, "MATCHES with TERMINOLOGY")
	}
	left, err := b.value(e.Left, at)
	if err != nil {
		return nil, err
	}
	in := &In{Operand: left}
	for _, item := range e.Items {
		lits, err := b.literals(item)
		if err != nil {
			return nil, err
		}
		in.List = append(in.List, lits...)
	}
	return in, nil
}

// value plans an operand.
func (b *builder) value(e aql.Expr, at *anchor) (Value, error) {
	switch e := e.(type) {
	case *aql.PathExpr:
		return b.refValue(e)
	case *aql.RelativePath:
		if at == nil {
			return nil, aql.Unsupported(e, "a path without variable")
		}
		return b.walk(at, e.Path, false)
	case *aql.Literal, *aql.Param:
		lits, err := b.literals(e)
		if err != nil {
			return nil, err
		}
		if len(lits) != 1 {
			pos := e.Position()
			return nil, fault.New(fault.Invalid, "aql-parameter", "AQL: line %d, column %d: a list stands where one value must", pos.Line, pos.Column)
		}
		return lits[0], nil
	case *aql.Call:
		return b.call(e, at)
	case *aql.Arithmetic:
		left, err := b.value(e.Left, at)
		if err != nil {
			return nil, err
		}
		right, err := b.value(e.Right, at)
		return &Arithmetic{e.Op, left, right}, err
	}
	return nil, aql.Unsupported(e, "this operand")
}

func (b *builder) refValue(e *aql.PathExpr) (Value, error) {
	r, err := b.ref(e, true)
	if err != nil {
		return nil, err
	}
	if r.Step == nil && r.Source.Kind == Version {
		return nil, aql.Unsupported(e, "a whole VERSION")
	}
	return r, nil
}

func (b *builder) call(e *aql.Call, at *anchor) (Value, error) {
	f := e.Function()
	switch {
	case f == nil:
		return nil, e.Unknown()
	case f.Kind == aql.AggregateFunction:
		return b.aggregate(e, f)
	case f.Kind == aql.TerminologyFunction:
		return nil, aql.Unsupported(e, "TERMINOLOGY")
	case f.Kind == aql.TimeFunction:
		return b.clock(f.Name), nil
	}
	c := &Call{Func: f.Name}
	for _, a := range e.Args {
		v, err := b.value(a, at)
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, v)
	}
	return c, nil
}

// aggregate plans an aggregate, alone in its column or inside an expression.
func (b *builder) aggregate(e *aql.Call, f *aql.Function) (Value, error) {
	a := &Aggregate{Pos: e.Position(), Func: f.Name, Star: e.Star, Distinct: e.Distinct}
	if e.Star {
		return a, nil
	}
	v, err := b.value(e.Args[0], nil)
	a.Arg = v
	return a, err
}

// clock gives the query's one instant (DESIGN 4.6).
func (b *builder) clock(name string) Literal {
	now := b.opts.Now.UTC()
	if b.opts.Zone != nil {
		now = b.opts.Now.In(b.opts.Zone)
	}
	layout := "2006-01-02T15:04:05.000-07:00"
	switch name {
	case "CURRENT_DATE":
		layout = "2006-01-02"
	case "CURRENT_TIME":
		layout = "15:04:05"
	case "CURRENT_TIMEZONE":
		layout = "-07:00"
	}
	return Literal{aql.String, now.Format(layout)}
}

// EndsIn says whether the path ends in these attributes without predicates.
func (r *Ref) EndsIn(names ...string) bool {
	s := r.Step
	for i := len(names) - 1; i >= 0; i-- {
		if s == nil || s.Attr != names[i] {
			return false
		}
		s = s.Parent
	}
	return true
}

// Is says whether the path is exactly these attributes below the source.
func (r *Ref) Is(names ...string) bool {
	n := 0
	for s := r.Step; s != nil; s = s.Parent {
		n++
	}
	return n == len(names) && r.EndsIn(names...)
}

// Scalar is how the value is written when it can only be a primitive of one
// kind; NotScalar where it may be an object or of several kinds.
func (r *Ref) Scalar() rminfo.Scalar {
	if r.Missing || r.Step == nil {
		return rminfo.NotScalar
	}
	kind := rminfo.NotScalar
	for i, c := range r.Step.Classes {
		switch k := c.Scalar(); {
		case k == rminfo.NotScalar, i > 0 && k != kind:
			return rminfo.NotScalar
		default:
			kind = k
		}
	}
	return kind
}

// Holders are the classes the value may be read from.
func (r *Ref) Holders() []rminfo.Class {
	if r.Step == nil || r.Step.Parent == nil {
		return r.Source.Classes
	}
	return r.Step.Parent.Classes
}
