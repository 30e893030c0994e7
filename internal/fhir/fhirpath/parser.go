package fhirpath

import (
	"strings"
)

// Expr is a parsed expression. It is immutable and safe for concurrent use.
type Expr struct {
	source string
	root   *node
}

// String is the text the expression was parsed from.
func (e *Expr) String() string { return e.source }

// nodeKind says what a node of the syntax tree is.
type nodeKind uint8

const (
	literal  nodeKind = iota // value
	member                   // on.name
	call                     // on.name(args)
	external                 // %name
	special                  // $this, $index, $total
	index                    // on[args[0]]
	unary                    // name args[0]
	binary                   // args[0] name args[1]
	typed                    // on is/as name
)

type node struct {
	kind   nodeKind
	offset int
	name   string
	// on is what a member or call is of; nil is what the expression is about.
	on    *node
	args  []*node
	value Collection
}

// power of operators, from loose to tight (FHIRPath 2.0, 7.1).
var power = map[string]int{
	"implies": 1, "or": 2, "xor": 2, "and": 3, "in": 4, "contains": 4, "=": 5, "~": 5, "!=": 5, "!~": 5,
	"<": 6, ">": 6, "<=": 6, ">=": 6, "|": 7, "is": 8, "as": 8, "+": 9, "-": 9, "&": 9, "*": 10, "/": 10, "div": 10, "mod": 10,
}

// tightest is the power of a sign.
const tightest = 11

type parser struct {
	source string
	tokens []token
	n      int
	depth  int
}

// deepest bounds nested expressions.
const deepest = 200

// Parse reads an expression; errors are *Error.
func Parse(source string) (*Expr, error) {
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{source: source, tokens: tokens}
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.wrong(t, "an operator")
	}
	return &Expr{source, root}, nil
}

func (p *parser) peek() token { return p.tokens[p.n] }

func (p *parser) next() token {
	t := p.tokens[p.n]
	if t.kind != end {
		p.n++
	}
	return t
}

func (p *parser) wrong(t token, wanted string) error {
	if t.kind == end {
		return at(p.source, t.offset, "the expression ends where %s is wanted", wanted)
	}
	return at(p.source, t.offset, "%q stands where %s is wanted", t.text, wanted)
}

func (p *parser) see(text string) bool {
	t := p.peek()
	return (t.kind == symbol || t.kind == word) && t.text == text
}

func (p *parser) accept(text string) bool {
	if p.see(text) {
		p.n++
		return true
	}
	return false
}

func (p *parser) want(text string) error {
	if !p.accept(text) {
		return p.wrong(p.peek(), "\""+text+"\"")
	}
	return nil
}

func (p *parser) expression(least int) (*node, error) {
	if p.depth++; p.depth > deepest {
		return nil, at(p.source, p.peek().offset, "expressions are nested deeper than %d", deepest)
	}
	defer func() { p.depth-- }()
	left, err := p.operand()
	for err == nil {
		t := p.peek()
		strength, ok := power[t.text]
		if !ok || t.kind != symbol && t.kind != word || strength <= least {
			return left, nil
		}
		p.next()
		if t.text == "is" || t.text == "as" {
			var name string
			if name, err = p.typeName(); err == nil {
				left = &node{kind: typed, offset: t.offset, name: t.text + " " + name, on: left}
			}
			continue
		}
		var right *node
		if right, err = p.expression(strength); err == nil {
			left = &node{kind: binary, offset: t.offset, name: t.text, args: []*node{left, right}}
		}
	}
	return nil, err
}

func (p *parser) typeName() (string, error) {
	var parts []string
	for {
		t := p.next()
		if t.kind != word && t.kind != quotedWord {
			return "", p.wrong(t, "the name of a type")
		}
		if parts = append(parts, t.text); !p.accept(".") {
			return strings.Join(parts, "."), nil
		}
	}
}

func (p *parser) operand() (*node, error) {
	t := p.peek()
	if t.kind == symbol && (t.text == "+" || t.text == "-") {
		p.next()
		of, err := p.expression(tightest)
		if err != nil {
			return nil, err
		}
		return &node{kind: unary, offset: t.offset, name: t.text, args: []*node{of}}, nil
	}
	n, err := p.term()
	for err == nil {
		switch {
		case p.accept("."):
			n, err = p.invocation(n)
		case p.see("["):
			open := p.next()
			var i *node
			if i, err = p.expression(0); err == nil {
				err = p.want("]")
			}
			n = &node{kind: index, offset: open.offset, on: n, args: []*node{i}}
		default:
			return n, nil
		}
	}
	return nil, err
}

func (p *parser) term() (*node, error) {
	t := p.peek()
	switch t.kind {
	case text:
		p.next()
		return p.literal(t, stringValue(t.text)), nil
	case number:
		p.next()
		return p.number(t)
	case moment:
		p.next()
		v, ok := parseMoment(t.text)
		if !ok {
			return nil, at(p.source, t.offset, "@%s is no date or time", t.text)
		}
		return p.literal(t, v), nil
	case variable:
		p.next()
		return &node{kind: external, offset: t.offset, name: t.text}, nil
	case word, quotedWord:
		if t.kind == word && (t.text == "true" || t.text == "false") {
			p.next()
			return p.literal(t, boolValue(t.text == "true")), nil
		}
		return p.invocation(nil)
	case symbol:
		switch t.text {
		case "(":
			p.next()
			n, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			return n, p.want(")")
		case "{":
			p.next()
			return &node{kind: literal, offset: t.offset}, p.want("}")
		case "$this", "$index", "$total":
			p.next()
			return &node{kind: special, offset: t.offset, name: t.text}, nil
		}
	}
	return nil, p.wrong(t, "a value or a name")
}

func (p *parser) literal(t token, v Value) *node {
	return &node{kind: literal, offset: t.offset, value: Collection{v}}
}

// number is a number, or with a unit behind it a quantity.
func (p *parser) number(t token) (*node, error) {
	v, ok := parseNumber(t.text)
	if !ok {
		return nil, at(p.source, t.offset, "%s is no number", t.text)
	}
	unit := p.peek()
	switch {
	case unit.kind == text:
		p.next()
		return p.literal(t, quantityValue(v.number, unit.text)), nil
	case unit.kind == word && calendar[unit.text] != "":
		p.next()
		return p.literal(t, quantityValue(v.number, unit.text)), nil
	}
	return p.literal(t, v), nil
}

func (p *parser) invocation(on *node) (*node, error) {
	t := p.next()
	if t.kind != word && t.kind != quotedWord {
		return nil, p.wrong(t, "a name")
	}
	if !p.see("(") || t.kind == quotedWord {
		return &node{kind: member, offset: t.offset, name: t.text, on: on}, nil
	}
	p.next()
	n := &node{kind: call, offset: t.offset, name: t.text, on: on}
	f, known := functions[t.text]
	if !known {
		return nil, at(p.source, t.offset, "there is no function %s()", t.text)
	}
	for !p.see(")") {
		if len(n.args) > 0 {
			if err := p.want(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.argument(f)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
	}
	p.next()
	if len(n.args) < f.least || len(n.args) > f.most {
		return nil, at(p.source, t.offset, "%s() takes %s and has %d", t.text, f.arity(), len(n.args))
	}
	return n, nil
}

// argument is an expression, or for functions of types the name of one.
func (p *parser) argument(f function) (*node, error) {
	if !f.types {
		return p.expression(0)
	}
	t := p.peek()
	name, err := p.typeName()
	return &node{kind: literal, offset: t.offset, name: name}, err
}
