package aom

import "strings"

// Assertion is ASSERTION, as slots and invariants use it.
type Assertion struct {
	Tag string
	// Text is the expression as source text, where the tool wrote it.
	Text       string
	Expression *Expression
	Variables  []Variable
}

// Variable is ASSERTION_VARIABLE.
type Variable struct{ Name, Definition string }

// ExpressionKind tells the classes of EXPR_ITEM apart.
type ExpressionKind uint8

// The kinds of EXPR_ITEM.
const (
	Leaf ExpressionKind = iota
	Unary
	Binary
)

// Expression is EXPR_ITEM.
type Expression struct {
	Kind ExpressionKind
	// Type is the type of the item as written.
	Type string

	// Operator is the OPERATOR_KIND number, such as 2007 for matches.
	Operator             int
	PrecedenceOverridden bool
	// Left is the operand of a Unary too.
	Left, Right *Expression

	// ReferenceType is set on a Leaf: constant, attribute, constraint.
	ReferenceType string
	// Text is a Leaf's plain item; ItemType its declared XML type.
	Text     string
	ItemType string
	// Constraint is a Leaf's item when it is a C_PRIMITIVE.
	Constraint Primitive
}

// OperatorMatches is the number of the matches operator.
const OperatorMatches = 2007

// ArchetypeIDPattern gives the regular expression of an assertion of the form
// archetype_id/value matches {/regex/}, and false for any other form.
func (a Assertion) ArchetypeIDPattern() (string, bool) {
	e := a.Expression
	if e == nil || e.Kind != Binary || e.Operator != OperatorMatches || e.Left == nil || e.Right == nil {
		return "", false
	}
	if !strings.HasPrefix(strings.TrimSpace(e.Left.Text), "archetype_id") {
		return "", false
	}
	s, ok := e.Right.Constraint.(*String)
	if !ok || !s.HasPattern {
		return "", false
	}
	return s.Pattern, true
}
