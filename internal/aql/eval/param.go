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
