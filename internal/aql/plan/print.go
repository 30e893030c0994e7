package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// String prints the plan for people and goldens: one relation, step, column or
// key a line, indented by what it belongs to.
func (p *Plan) String() string {
	var b []byte
	if p.EHR != "" {
		b = append(b, "ehr "+p.EHR+"\n"...)
	}
	b = printJoin(b, p.From, 0)
	for _, c := range p.Columns {
		b = append(b, "column "+c.Name+" = "...)
		b = append(printValue(b, c.Value), '\n')
	}
	if p.Where != nil {
		b = append(b, "where "...)
		b = append(printExpr(b, p.Where), '\n')
	}
	for _, k := range p.Order {
		b = append(b, "order "...)
		if k.Column > 0 {
			b = append(b, "column "+strconv.Itoa(k.Column)...)
		} else {
			b = printValue(b, k.Value)
		}
		if k.Descending {
			b = append(b, " descending"...)
		}
		switch k.Nulls {
		case aql.NullsFirst:
			b = append(b, " nulls first"...)
		case aql.NullsLast:
			b = append(b, " nulls last"...)
		}
		b = append(b, '\n')
	}
	if p.Group {
		b = append(b, "group\n"...)
	}
	if p.Distinct {
		b = append(b, "distinct\n"...)
	}
	if p.Limit >= 0 {
		b = append(b, "limit "+strconv.FormatInt(p.Limit, 10)+"\n"...)
	}
	if p.Backward {
		b = append(b, "backward\n"...)
	}
	if p.Offset > 0 {
		b = append(b, "offset "+strconv.FormatInt(p.Offset, 10)+"\n"...)
	}
	return string(b)
}

func indent(b []byte, depth int) []byte {
	return append(b, strings.Repeat("  ", depth)...)
}

func printJoin(b []byte, j *Join, depth int) []byte {
	switch j.Op {
	case One:
		b = printSource(b, j.Source, depth)
		if j.Child == nil {
			return b
		}
		word := "contains\n"
		if j.Not {
			word = "contains not\n"
		}
		b = append(indent(b, depth), word...)
		return printJoin(b, j.Child, depth+1)
	case All:
		word := "all of\n"
		if j.Same {
			word = "all in one composition\n"
		}
		b = append(indent(b, depth), word...)
	default:
		b = append(indent(b, depth), "any of\n"...)
	}
	for _, o := range j.Operands {
		b = printJoin(b, o, depth+1)
	}
	return b
}

func printSource(b []byte, s *Source, depth int) []byte {
	b = append(indent(b, depth), s.alias()...)
	b = append(b, ' ')
	b = append(b, s.Name...)
	if s.Latest {
		b = append(b, " latest"...)
	}
	if s.Kind == Node {
		b = append(b, fmt.Sprintf(" in %v", s.Objects)...)
		if s.Root {
			b = append(b, fmt.Sprintf(" rows %v", s.Archetypes)...)
		}
		if s.Inner {
			b = append(b, fmt.Sprintf(" inside %v", s.Codes)...)
		}
		if !s.Root && !s.Inner {
			b = append(b, " nowhere"...)
		}
		if s.Local != nil {
			b = append(b, " of "+s.Local.alias()...)
		}
	}
	if s.Filter != nil {
		b = append(b, " where "...)
		b = printExpr(b, s.Filter)
	}
	b = append(b, '\n')
	for _, st := range s.Steps {
		b = printStep(b, st, depth+2)
	}
	return b
}

func (s *Source) alias() string { return "s" + strconv.Itoa(s.ID) }

func printStep(b []byte, s *Step, depth int) []byte {
	b = append(indent(b, depth), '/')
	b = append(appendStep(b, s), '\n')
	for _, c := range s.Below {
		b = printStep(b, c, depth+1)
	}
	return b
}

// appendStep writes what makes a step the same as another below one parent.
func appendStep(b []byte, s *Step) []byte {
	b = append(b, s.Attr...)
	if s.Archetypes != nil {
		b = append(b, fmt.Sprintf(" rows %v", s.Archetypes)...)
	} else if s.Codes != nil {
		b = append(b, fmt.Sprintf(" %v", s.Codes)...)
	} else {
		if s.Rows {
			b = append(b, " rows"...)
		}
		if s.Inside {
			b = append(b, " inside"...)
		}
	}
	if s.Many {
		b = append(b, " many"...)
	}
	if s.Filter != nil {
		b = append(b, " where "...)
		b = printExpr(b, s.Filter)
	}
	return b
}

func printExpr(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case *Logic:
		b = append(b, '(')
		for i, o := range e.Operands {
			if i > 0 {
				b = append(b, " "+e.Op.String()+" "...)
			}
			b = printExpr(b, o)
		}
		return append(b, ')')
	case *Not:
		return printExpr(append(b, "not "...), e.Operand)
	case *Compare:
		b = printValue(b, e.Left)
		b = append(b, " "+e.Op.String()+" "...)
		return printValue(b, e.Right)
	case *Null:
		b = printValue(b, e.Operand)
		if e.Not {
			return append(b, " is not null"...)
		}
		return append(b, " is null"...)
	case *Exists:
		return printValue(append(b, "exists "...), e.Path)
	case *Like:
		b = printValue(b, e.Operand)
		return printValue(append(b, " like "...), e.Pattern)
	case *In:
		b = append(printValue(b, e.Operand), " in {"...)
		for i, l := range e.List {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = printValue(b, l)
		}
		return append(b, '}')
	case *Matches:
		return append(printValue(b, e.Operand), " matches /"+e.Pattern+"/"...)
	case *Local:
		return append(b, e.Source.alias()+" of "+e.Above.alias()...)
	case *Truth:
		return printValue(b, e.Value)
	}
	return append(b, '?')
}

func printValue(b []byte, v Value) []byte {
	switch v := v.(type) {
	case *Ref:
		return printRef(b, v)
	case Literal:
		switch v.Kind {
		case aql.String:
			return strconv.AppendQuote(b, v.Text)
		case aql.Null:
			return append(b, "null"...)
		}
		return append(b, v.Text...)
	case *Call:
		b = append(b, v.Func+"("...)
		for i, a := range v.Args {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = printValue(b, a)
		}
		return append(b, ')')
	case *Aggregate:
		b = append(b, v.Func+"("...)
		switch {
		case v.Star:
			return append(b, "*)"...)
		case v.Distinct:
			b = append(b, "distinct "...)
		}
		return append(printValue(b, v.Arg), ')')
	case *Arithmetic:
		b = printValue(append(b, '('), v.Left)
		b = append(b, ' ', byte(v.Op), ' ')
		return append(printValue(b, v.Right), ')')
	}
	return append(b, '?')
}

func printRef(b []byte, r *Ref) []byte {
	if r.Missing {
		return append(b, "missing"...)
	}
	var names []string
	for s := r.Step; s != nil; s = s.Parent {
		name := s.Attr
		if len(s.Codes) > 0 {
			name += "[" + s.Codes[0] + "]"
		} else if s.Archetypes != nil {
			name += fmt.Sprint(s.Archetypes)
		}
		names = append([]string{name}, names...)
	}
	b = append(b, r.Source.alias()...)
	for _, n := range names {
		b = append(b, "/"+n...)
	}
	if k := r.Scalar(); k != rminfo.NotScalar {
		b = append(b, [...]string{"", ":text", ":number", ":boolean"}[k]...)
	}
	return b
}
