package adl

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// operator is one row of the table of operators (ADL 1.4, Assertions; the
// numbers are OPERATOR_KIND of the archetype schema).
type operator struct {
	symbols []string
	number  int
	level   int
}

// operators, weakest first; longer symbols stand before their beginnings.
var operators = []operator{
	{[]string{"implies", "⇒"}, 2014, 1},
	{[]string{"xor"}, 2013, 2},
	{[]string{"or", "∨"}, 2012, 2},
	{[]string{"and", "∧"}, 2011, 3},
	{[]string{"matches", "is_in", "∈"}, aom.OperatorMatches, 4},
	{[]string{"!=", "≠", "<>"}, 2002, 4},
	{[]string{"<=", "≤"}, 2003, 4},
	{[]string{">=", "≥"}, 2005, 4},
	{[]string{"="}, 2001, 4},
	{[]string{"<"}, 2004, 4},
	{[]string{">"}, 2006, 4},
	{[]string{"+"}, 2020, 5},
	{[]string{"-"}, 2021, 5},
	{[]string{"*"}, 2022, 6},
	{[]string{"/"}, 2023, 6},
	{[]string{"^"}, 2024, 7},
}

const (
	operatorNot    = 2010
	operatorExists = 2016
	tightest       = 7
)

// assertion reads the variables defined before it (let $name = reference; ADL
// 1.4, Assertions 6.5), an optional tag and an expression; the text is kept too.
func (p *parser) assertion() aom.Assertion {
	var a aom.Assertion
	for p.keyword("let") {
		a.Variables = append(a.Variables, p.variable())
	}
	if w := p.seeWord(); w != "" {
		save := p.pos
		p.pos += len(w)
		p.skip()
		if p.ahead(0) == ':' && p.ahead(1) != ':' {
			p.pos++
			a.Tag = w
		} else {
			p.pos = save
		}
	}
	p.skip()
	start := p.pos
	a.Expression = p.expression(1)
	a.Text = strings.TrimSpace(p.text[start:p.pos])
	return a
}

// variable reads $name = expression, the expression as text.
func (p *parser) variable() aom.Variable {
	p.expect("$")
	name := p.take(func(c byte) bool { return letter(c) || digit(c) || c == '_' })
	if name == "" {
		p.fail("the name of a variable")
	}
	p.expect("=")
	p.skip()
	start := p.pos
	p.expression(1)
	return aom.Variable{Name: name, Definition: strings.TrimSpace(p.text[start:p.pos])}
}

func (p *parser) expression(level int) *aom.Expression {
	defer p.nest()()
	if level > tightest {
		return p.operand()
	}
	left := p.expression(level + 1)
	for {
		end := p.pos
		op, ok := p.operator(level)
		if !ok {
			p.pos = end
			return left
		}
		e := &aom.Expression{Kind: aom.Binary, Operator: op.number, Left: left, Type: "Boolean"}
		switch {
		case op.number == aom.OperatorMatches:
			e.Right = p.constraint()
		case level == 1:
			e.Right = p.expression(level)
		default:
			e.Right = p.expression(level + 1)
		}
		if op.number >= 2020 {
			e.Type = "Real"
		}
		left = e
	}
}

func (p *parser) operator(level int) (operator, bool) {
	for _, op := range operators {
		if op.level != level {
			continue
		}
		for _, symbol := range op.symbols {
			if letter(symbol[0]) && p.keyword(symbol) {
				return op, true
			}
			// A slash before a letter begins the path of the next assertion.
			if !letter(symbol[0]) && p.accept(symbol) && (symbol != "/" || !letter(p.ahead(0))) {
				return op, true
			}
		}
	}
	return operator{}, false
}

// constraint reads what stands after matches: a primitive in braces.
func (p *parser) constraint() *aom.Expression {
	p.expect("{")
	p.skip()
	at := p.pos
	o, ok := p.leaf("").(*aom.PrimitiveObject)
	if !ok {
		p.failAt(at, "a primitive constraint")
	}
	p.expect("}")
	return &aom.Expression{Type: "String", ReferenceType: "constraint", ItemType: primitiveClass(o.Item), Constraint: o.Item}
}

func primitiveClass(item aom.Primitive) string {
	switch item.(type) {
	case *aom.Integer:
		return "C_INTEGER"
	case *aom.Real:
		return "C_REAL"
	case *aom.Boolean:
		return "C_BOOLEAN"
	case *aom.Date:
		return "C_DATE"
	case *aom.Time:
		return "C_TIME"
	case *aom.DateTime:
		return "C_DATE_TIME"
	case *aom.Duration:
		return "C_DURATION"
	}
	return "C_STRING"
}

func (p *parser) operand() *aom.Expression {
	p.skip()
	c := p.peek()
	switch {
	case c == '(':
		p.pos++
		e := p.expression(1)
		p.expect(")")
		if e.Kind != aom.Leaf {
			e.PrecedenceOverridden = true
		}
		return e
	case c == '"':
		return constant("String", "string", p.quoted())
	case c == '/' || c == '$':
		start := p.pos
		if c == '$' {
			p.pos++
		}
		if p.path(); p.pos-start < 2 {
			p.failAt(start, "a path")
		}
		return reference(p.text[start:p.pos])
	case digit(c), (c == '-' || c == '+') && digit(p.ahead(1)):
		at := p.pos
		t := p.token("a number")
		switch scalarOf(t) {
		case noScalar:
			p.failAt(at, "a value")
		case integerScalar:
			return constant("Integer", "integer", t)
		case realScalar:
			return constant("Real", "decimal", t)
		}
		return constant("String", "string", t)
	case p.keyword("not"), p.accept("~"):
		return &aom.Expression{Kind: aom.Unary, Type: "Boolean", Operator: operatorNot, Left: p.expression(4)}
	case p.keyword("exists"):
		return &aom.Expression{Kind: aom.Unary, Type: "Boolean", Operator: operatorExists, Left: p.operand()}
	case p.keyword("true"):
		return constant("Boolean", "boolean", "true")
	case p.keyword("false"):
		return constant("Boolean", "boolean", "false")
	case letter(c):
		return reference(p.path())
	}
	p.fail("a path, a value or an operator")
	return nil
}

func constant(typeName, xml, text string) *aom.Expression {
	return &aom.Expression{Type: typeName, ReferenceType: "constant", ItemType: xml, Text: text}
}

func reference(path string) *aom.Expression {
	return &aom.Expression{Type: "String", ReferenceType: "attribute", ItemType: "string", Text: path}
}
