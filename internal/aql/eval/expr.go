package eval

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/aql"
)

// value gives the value of an expression for the row that is bound.
func (r *run) value(e aql.Expr) Value {
	switch e := e.(type) {
	case *aql.PathExpr:
		return read(r.at[r.places[e]])
	case *aql.Arithmetic:
		return r.arithmetic(e)
	case *aql.Call:
		if v, ok := r.results[e]; ok {
			return v
		}
		args := make([]Value, len(e.Args))
		for i, a := range e.Args {
			args[i] = r.value(a)
		}
		return calls[strings.ToUpper(e.Name)](r, args)
	}
	return r.consts[e]
}

func (r *run) arithmetic(e *aql.Arithmetic) Value {
	a, okA := r.numeric(r.value(e.Left))
	b, okB := r.numeric(r.value(e.Right))
	if !okA || !okB {
		return Value{}
	}
	out := Value{Kind: Number, Num: new(apd.Decimal), Integer: a.Integer && b.Integer}
	var err error
	switch e.Op {
	case aql.Add:
		_, err = exact.Add(out.Num, a.Num, b.Num)
	case aql.Sub:
		_, err = exact.Sub(out.Num, a.Num, b.Num)
	case aql.Mul:
		_, err = exact.Mul(out.Num, a.Num, b.Num)
	case aql.Div:
		out.Integer = false
		if out.Num = divide(a.Num, b.Num); out.Num == nil {
			return Value{}
		}
	}
	if err != nil {
		return Value{}
	}
	return out
}

// numeric gives a number, or the number an ordered object is measured by.
func (r *run) numeric(v Value) (Value, bool) {
	m := r.measureOf(v)
	return Value{Kind: Number, Num: m.num, Integer: m.whole}, m.scale == numberScale
}
