package aql

import "strings"

// FunctionKind groups the functions (QUERY 1.1.0, AQL 3.6).
type FunctionKind uint8

// The groups.
const (
	AggregateFunction FunctionKind = iota + 1
	StringFunction
	NumericFunction
	TimeFunction
	TerminologyFunction
)

// Function is a row of the function table.
type Function struct {
	Name string
	Kind FunctionKind
	// MinArgs and MaxArgs bound the arguments; MaxArgs -1 means any number.
	MinArgs, MaxArgs int
}

var functions = byName(
	Function{"COUNT", AggregateFunction, 1, 1},
	Function{"MIN", AggregateFunction, 1, 1},
	Function{"MAX", AggregateFunction, 1, 1},
	Function{"SUM", AggregateFunction, 1, 1},
	Function{"AVG", AggregateFunction, 1, 1},
	Function{"LENGTH", StringFunction, 1, 1},
	Function{"CONTAINS", StringFunction, 2, 2},
	Function{"POSITION", StringFunction, 2, 2},
	Function{"SUBSTRING", StringFunction, 2, 3},
	Function{"CONCAT", StringFunction, 1, -1},
	Function{"CONCAT_WS", StringFunction, 2, -1},
	Function{"ABS", NumericFunction, 1, 1},
	Function{"MOD", NumericFunction, 2, 2},
	Function{"CEIL", NumericFunction, 1, 1},
	Function{"FLOOR", NumericFunction, 1, 1},
	Function{"ROUND", NumericFunction, 1, 2},
	Function{"CURRENT_DATE", TimeFunction, 0, 0},
	Function{"CURRENT_TIME", TimeFunction, 0, 0},
	Function{"CURRENT_DATE_TIME", TimeFunction, 0, 0},
	Function{"NOW", TimeFunction, 0, 0},
	Function{"CURRENT_TIMEZONE", TimeFunction, 0, 0},
	Function{"TERMINOLOGY", TerminologyFunction, 3, 3},
)

func byName(table ...Function) map[string]*Function {
	m := make(map[string]*Function, len(table))
	for i := range table {
		m[table[i].Name] = &table[i]
	}
	return m
}

// FunctionNamed finds a function in any case; nil for a name AQL does not
// define, which is legal syntax for a vendor's own.
func FunctionNamed(name string) *Function {
	return functions[strings.ToUpper(name)]
}

// Function gives the table entry of the call, nil when AQL does not define it.
func (c *Call) Function() *Function { return FunctionNamed(c.Name) }

// Aggregate says whether the call is COUNT, MIN, MAX, SUM or AVG.
func (c *Call) Aggregate() bool {
	f := c.Function()
	return f != nil && f.Kind == AggregateFunction
}

// Unknown is the fault for a function AQL does not define and nobody else does.
func (c *Call) Unknown() error {
	what := "the function " + c.Name
	if near := NearestFunction(c.Name); near != "" {
		what += " (did you mean " + near + "?)"
	}
	return Unsupported(c, what)
}
