package plan

import (
	"slices"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// uncount drops a COMPOSITION that is only counted, and not as distinct ones: it
// is there once for each row, as what it contains is, which is counted instead.
// What may itself be a composition, such as a LOCATABLE, is not below one.
func (b *builder) uncount() {
	at := &b.plan.From
	if j := *at; j.Op == One && j.Source.Kind == EHR && !j.Not {
		at = &j.Child
	}
	j := *at
	if j == nil || j.Op != One || j.Not || j.Child == nil {
		return
	}
	s := j.Source
	if s.Kind != Node || s.Name != "COMPOSITION" || s.Filter != nil || s.Referred || s.Latest || len(s.Steps) > 0 || b.predicated[s] || b.references(s) {
		return
	}
	below := []*Join{j.Child}
	if j.Child.Op == All {
		below = j.Child.Operands
	}
	for _, o := range below {
		c := o.Source
		if o.Op != One || c.Kind != Node || slices.Contains(c.Classes, rminfo.COMPOSITION) || c.Local != nil || c.Referred || c.Latest || reads(c.Filter, s) || len(c.Objects) != 1 || c.Objects[0] != Composition {
			return
		}
	}
	for i := range b.plan.Columns {
		if a, ok := b.plan.Columns[i].Value.(*Aggregate); ok && whole(a.Arg, s) {
			counted := *a
			counted.Arg = &Ref{Source: below[0].Source}
			b.plan.Columns[i].Value = &counted
		}
	}
	b.drop(s)
	if *at = j.Child; j.Child.Op == All {
		j.Child.Same = true
	}
}

// whole says whether a value is the object of the source.
func whole(v Value, s *Source) bool {
	r, ok := v.(*Ref)
	return ok && r.Source == s && r.Step == nil && !r.Missing
}

// references says whether something reads the source but a COUNT of its objects.
func (b *builder) references(s *Source) bool {
	for _, c := range b.plan.Columns {
		if a, ok := c.Value.(*Aggregate); ok && a.Func == "COUNT" && !a.Distinct && !a.Star && whole(a.Arg, s) {
			continue
		}
		if read(c.Value, s) {
			return true
		}
	}
	for _, k := range b.plan.Order {
		if read(k.Value, s) {
			return true
		}
	}
	return reads(b.plan.Where, s)
}

// reads says whether a condition is on the source too.
func reads(e Expr, s *Source) bool {
	switch e := e.(type) {
	case nil:
		return false
	case *Logic:
		return slices.ContainsFunc(e.Operands, func(o Expr) bool { return reads(o, s) })
	case *Not:
		return reads(e.Operand, s)
	case *Compare:
		return read(e.Left, s) || read(e.Right, s)
	case *Null:
		return read(e.Operand, s)
	case *Exists:
		return e.Path.Source == s
	case *Like:
		return read(e.Operand, s)
	case *In:
		return read(e.Operand, s)
	case *Matches:
		return read(e.Operand, s)
	case *Truth:
		return read(e.Value, s)
	}
	return true
}

// read says whether a value is of the source.
func read(v Value, s *Source) bool {
	switch v := v.(type) {
	case *Ref:
		return v.Source == s
	case *Call:
		return slices.ContainsFunc(v.Args, func(a Value) bool { return read(a, s) })
	case *Arithmetic:
		return read(v.Left, s) || read(v.Right, s)
	case *Aggregate:
		return read(v.Arg, s)
	}
	return false
}
