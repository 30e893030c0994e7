package declare

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

// Type is what a value of a parameter must be.
type Type string

// The types. A date-time may be partial, and so be a date; Ordered is a number or
// a temporal value; Any is not known.
const (
	Any      Type = "any"
	Ordered  Type = "ordered"
	Text     Type = "text"
	Number   Type = "number"
	Integer  Type = "integer"
	Boolean  Type = "boolean"
	Date     Type = "date"
	Time     Type = "time"
	DateTime Type = "date_time"
	Duration Type = "duration"
)

// declarable are the types an author may write.
var declarable = []Type{Any, Text, Number, Integer, Boolean, Date, Time, DateTime, Duration}

// words name a type in an error.
var words = map[Type]string{
	Any: "a value", Ordered: "a number, date or time", Text: "a text", Number: "a number", Integer: "a whole number",
	Boolean: "true or false", Date: "a date, such as 2026-01-31", Time: "a time, such as 13:45:00",
	DateTime: "a date and time, such as 2026-01-31T13:45:00Z", Duration: "a duration, such as P1Y2M",
}

// Parameter describes one parameter of a query.
type Parameter struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	// List says that the parameter may have several values.
	List bool `json:"list"`
	// Required says that a query without a value is refused; else Default stands
	// for it, nil for NULL.
	Required    bool   `json:"required"`
	Default     any    `json:"default,omitempty"`
	Description string `json:"description,omitempty"`
	// Declared says that the author declared the type; else it follows from use.
	Declared bool `json:"declared"`
	// Paths are those of the query that the parameter is compared with.
	Paths []string `json:"paths,omitempty"`

	used Type
}

// Of describes the parameters of a query in the order of its text. A malformed
// declaration, or one of no parameter, is Invalid with its place.
func Of(q *aql.Query, text string) ([]Parameter, error) {
	parameters := used(q)
	declared, err := declarations(text)
	if err != nil {
		return nil, err
	}
	for _, d := range declared {
		i := slices.IndexFunc(parameters, func(p Parameter) bool { return p.Name == d.Name })
		switch {
		case i < 0:
			return nil, d.refused("$"+d.Name+" is declared and does not stand in the query", "a parameter of the query", "$"+d.Name)
		case parameters[i].Declared:
			return nil, d.refused("$"+d.Name+" is declared twice", "", "$"+d.Name)
		case d.List && !parameters[i].List:
			return nil, d.refused("$"+d.Name+" is declared a list and stands where one value must", "a list only in MATCHES {$"+d.Name+"}", "list of "+string(d.Type))
		}
		p := &parameters[i]
		p.Type, p.List, p.Required, p.Default, p.Description, p.Declared = d.Type, d.List, d.Required, d.Default, d.Description, true
	}
	return parameters, nil
}

// Doubts are the declarations that do not agree with the use of their parameter:
// no value of the declared type would match.
func Doubts(parameters []Parameter) (doubts []fault.Issue) {
	for _, p := range parameters {
		if p.Declared && !agree(p.Type, p.used) {
			doubts = append(doubts, fault.Issue{Path: "$" + p.Name, Rule: "query-parameter-use", Expected: string(p.used), Found: string(p.Type), Warning: true,
				Message: "$" + p.Name + " is declared " + string(p.Type) + " and compared with what is " + string(p.used)})
		}
	}
	return doubts
}

func agree(declared, use Type) bool {
	group := func(t Type) Type {
		switch t {
		case Integer:
			return Number
		case Date:
			return DateTime
		}
		return t
	}
	a, b := group(declared), group(use)
	return a == b || a == Any || b == Any || b == Ordered && a != Text && a != Boolean
}
