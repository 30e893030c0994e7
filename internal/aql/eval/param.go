package eval

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

// literal gives the value of a constant of the query.
func literal(l *aql.Literal) Value {
	switch l.Kind {
	case aql.Integer:
		return number(l.Text, true)
	case aql.Real:
		return number(l.Text, false)
	case aql.Boolean:
		return boolean(l.Text == "true")
	case aql.Null:
		return Value{}
	}
	return text(l.Text)
}

// bindParams reads the parameters: JSON scalars, or lists of them for MATCHES.
func (c *query) bindParams(params map[string]any) error {
	for name, v := range params {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		values := make([]Value, 0, len(list))
		for _, item := range list {
			value, err := scalar(item)
			if err != nil {
				return fault.New(fault.Invalid, "aql-parameter", "AQL: parameter %s %v", name, err)
			}
			values = append(values, value)
		}
		c.lists[name] = values
	}
	return nil
}

func scalar(v any) (Value, error) {
	switch v := v.(type) {
	case nil:
		return Value{}, nil
	case string:
		return text(v), nil
	case bool:
		return boolean(v), nil
	case int:
		return integer(int64(v)), nil
	case int64:
		return integer(v), nil
	case float64:
		return numeral(strconv.FormatFloat(v, 'f', -1, 64))
	case json.Number:
		return numeral(v.String())
	}
	return Value{}, fmt.Errorf("is neither a text, a number, a truth value, null nor a list of these")
}

// numeral reads a number; it is whole when it is written so.
func numeral(s string) (Value, error) {
	_, err := strconv.ParseInt(s, 10, 64)
	v := number(s, err == nil)
	if v.Kind == Null {
		return v, fmt.Errorf("is no number")
	}
	return v, nil
}

// param gives the one value of a parameter where a list makes no sense.
func (c *query) param(at aql.Node, name string) (Value, error) {
	values, ok := c.lists[name]
	switch {
	case !ok:
		return Value{}, missingParam(at, name)
	case len(values) != 1:
		pos := at.Position()
		return Value{}, fault.New(fault.Invalid, "aql-parameter", "AQL: line %d, column %d: parameter %s is a list", pos.Line, pos.Column, name)
	}
	return values[0], nil
}

func missingParam(at aql.Node, name string) error {
	pos := at.Position()
	return fault.New(fault.Invalid, "aql-parameter", "AQL: line %d, column %d: parameter %s has no value", pos.Line, pos.Column, name)
}

// PinnedEHR gives the id of the one EHR a query is fixed to: by the predicate
// [ehr_id/value = '...'] of its EHR, or by such a comparison that WHERE
// demands. Only a query that is not fixed leaves out EHRs whose is_queryable is
// false.
func PinnedEHR(q *aql.Query, params map[string]any) (string, bool) {
	for _, c := range demanded(q.From) {
		if c.RMType() != "EHR" {
			continue
		}
		if id, ok := pin(c.Predicate, params, func(left aql.Expr) bool {
			p, ok := left.(*aql.RelativePath)
			return ok && p.Path.String() == "ehr_id/value"
		}); ok {
			return id, true
		}
		return pin(q.Where, params, func(left aql.Expr) bool {
			p, ok := left.(*aql.PathExpr)
			return ok && p.Predicate == nil && q.Class(p.Variable) == c && p.Path.String() == "ehr_id/value"
		})
	}
	return "", false
}

// demanded gives the operands every binding has at the top of FROM.
func demanded(from aql.Containment) []*aql.Class {
	switch from := from.(type) {
	case *aql.Class:
		return []*aql.Class{from}
	case *aql.ContainmentSet:
		var all []*aql.Class
		for _, o := range from.Operands {
			if from.Op == aql.And {
				all = append(all, demanded(o)...)
			}
		}
		return all
	}
	return nil
}

func pin(e aql.Expr, params map[string]any, isID func(aql.Expr) bool) (string, bool) {
	switch e := e.(type) {
	case *aql.Logical:
		if e.Op != aql.And {
			return "", false
		}
		for _, o := range e.Operands {
			if id, ok := pin(o, params, isID); ok {
				return id, true
			}
		}
	case *aql.Comparison:
		if e.Op != aql.Eq || !isID(e.Left) {
			return "", false
		}
		switch r := e.Right.(type) {
		case *aql.Literal:
			return r.Text, r.Kind == aql.String
		case *aql.Param:
			id, ok := params[r.Name].(string)
			return id, ok
		}
	}
	return "", false
}
