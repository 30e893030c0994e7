package aql

// The binding powers of the Pratt parser, weakest first.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindCompare
	bindSum
	bindProduct
)

var compareOps = map[kind]CompareOp{tEq: Eq, tNe: Ne, tLt: Lt, tLe: Le, tGt: Gt, tGe: Ge}

// condition reads what yields true, false or unknown.
func (p *parser) condition() Expr {
	start := p.tok.pos
	e := p.expr(0)
	if !isCondition(e) {
		p.expectOperator(start, e)
	}
	return e
}

// value reads what yields a value: a column, an argument, an operand.
func (p *parser) value(bind int) Expr {
	start := p.tok.pos
	e := p.expr(max(bind, bindCompare))
	if isCondition(e) {
		p.fail(start, "a condition stands where a value is expected", "a path, a literal or a function", "")
	}
	return e
}

// expectOperator reports a value that should have been a condition.
func (p *parser) expectOperator(start Pos, e Expr) {
	if _, ok := e.(*Literal); ok {
		p.fail(start, "a literal is no condition", "a comparison, EXISTS, LIKE or MATCHES", "")
	}
	p.unexpected("a comparison operator, LIKE or MATCHES")
}

func isCondition(e Expr) bool {
	switch e.(type) {
	case *Comparison, *Like, *Matches, *Exists, *Not, *Logical:
		return true
	}
	return false
}

// expr reads an expression whose operators bind more strongly than bind.
func (p *parser) expr(bind int) Expr {
	p.enter()
	defer p.leave()
	left := p.prefix()
	for {
		power := p.infixPower()
		if power <= bind {
			return left
		}
		left = p.infix(left, power)
	}
}

// infixPower is the binding power of the current token as an infix operator, 0
// when it is none.
func (p *parser) infixPower() int {
	switch p.tok.word {
	case kOr:
		return bindOr
	case kAnd:
		return bindAnd
	case kLike, kMatches:
		return bindCompare
	}
	switch p.tok.kind {
	case tEq, tNe, tLt, tLe, tGt, tGe:
		return bindCompare
	case tPlus, tMinus:
		return bindSum
	case tStar, tSlash:
		return bindProduct
	}
	return 0
}

func (p *parser) infix(left Expr, power int) Expr {
	op, pos := p.tok, left.Position()
	if power <= bindAnd {
		if !isCondition(left) {
			p.expectOperator(pos, left)
		}
		p.advance()
		start := p.tok.pos
		right := p.expr(power)
		if !isCondition(right) {
			p.expectOperator(start, right)
		}
		if power == bindOr {
			return foldLogical(pos, Or, left, right)
		}
		return foldLogical(pos, And, left, right)
	}
	if isCondition(left) {
		p.unexpected("AND, OR or the end of the condition")
	}
	if power == bindCompare {
		p.leftOperand(left, op)
	}
	p.advance()
	switch {
	case op.word == kLike:
		return p.like(pos, left)
	case op.word == kMatches:
		return p.matches(pos, left)
	case power == bindCompare:
		return &Comparison{Pos: pos, Op: compareOps[op.kind], Left: left, Right: p.value(bindCompare)}
	}
	return &Arithmetic{Pos: pos, Op: ArithmeticOp(op.src[0]), Left: left, Right: p.value(power)}
}

// leftOperand refuses what AQL does not allow on the left of an operator:
// literals and parameters, and for LIKE and MATCHES all but paths.
func (p *parser) leftOperand(left Expr, op token) {
	switch left.(type) {
	case *Literal, *Param:
		p.fail(left.Position(), "the left side of "+op.src+" is a literal or a parameter", "a path or a function on the left", "")
	case *PathExpr:
		return
	}
	if op.word != 0 {
		p.fail(left.Position(), "the left side of "+op.src+" is no path", "a path", "")
	}
}

// prefix reads an operand, or NOT, EXISTS and a parenthesis with theirs.
func (p *parser) prefix() Expr {
	t := p.tok
	switch t.kind {
	case tLParen:
		p.advance()
		e := p.expr(0)
		p.expect(tRParen)
		return e
	case tString, tInteger, tReal, tMinus:
		return p.literal()
	case tParam:
		p.advance()
		return &Param{Pos: t.pos, Name: t.text}
	case tIdent:
		switch t.word {
		case kNot:
			p.advance()
			start := p.tok.pos
			operand := p.expr(bindNot)
			if !isCondition(operand) {
				p.expectOperator(start, operand)
			}
			return &Not{Pos: t.pos, Operand: operand}
		case kExists:
			p.advance()
			if p.tok.kind != tIdent || p.tok.word != 0 {
				p.unexpected("a path after EXISTS")
			}
			return &Exists{Pos: t.pos, Path: p.pathExpr()}
		case kNull, kTrue, kFalse:
			return p.literal()
		case kContains, kTerminology, 0:
			if p.peekByte() == '(' {
				return p.call()
			}
			if t.word == 0 {
				return p.pathExpr()
			}
		}
	}
	p.unexpected("a path, a literal, a parameter or a function")
	return nil
}

// peekByte is the first byte of the next token, 0 at the end.
func (p *parser) peekByte() byte {
	p.lex.skipBlank()
	return p.lex.at(0)
}

// literal reads a string, a number with an optional minus, true, false or NULL.
func (p *parser) literal() *Literal {
	t := p.tok
	l := &Literal{Pos: t.pos, Text: t.text}
	switch {
	case t.kind == tMinus:
		p.advance()
		if p.tok.kind != tInteger && p.tok.kind != tReal {
			p.unexpected("a number after '-'")
		}
		l = p.literal()
		l.Pos, l.Text = t.pos, "-"+l.Text
		return l
	case t.kind == tString:
		l.Kind = String
	case t.kind == tInteger:
		l.Kind = Integer
	case t.kind == tReal:
		l.Kind = Real
	case t.word == kTrue:
		l.Kind, l.Text = Boolean, "true"
	case t.word == kFalse:
		l.Kind, l.Text = Boolean, "false"
	case t.word == kNull:
		l.Kind, l.Text = Null, ""
	default:
		p.unexpected("a literal")
	}
	p.advance()
	return l
}

func (p *parser) call() *Call {
	c := &Call{Pos: p.tok.pos, Name: p.tok.text}
	p.advance()
	p.expect(tLParen)
	switch {
	case p.tok.kind == tRParen:
		p.advance()
		return c
	case p.tok.kind == tStar:
		c.Star = true
		p.advance()
		p.expect(tRParen)
		return c
	}
	c.Distinct = p.accept(kDistinct)
	for {
		c.Args = append(c.Args, p.value(0))
		if p.tok.kind != tComma {
			break
		}
		p.advance()
	}
	if p.tok.kind != tRParen {
		p.unexpected("',' or ')'")
	}
	p.advance()
	return c
}

func (p *parser) like(pos Pos, left Expr) Expr {
	l := &Like{Pos: pos, Left: left}
	switch t := p.tok; {
	case t.kind == tString:
		// The token was decoded once without fault; as a pattern it keeps more backslashes.
		text, _ := decode(t.src[1:len(t.src)-1], true)
		l.Pattern = &Literal{Pos: t.pos, Kind: String, Text: text}
		p.advance()
	case t.kind == tParam:
		l.Pattern = p.prefix()
	case t.kind == tIdent && t.word == 0 && p.peekByte() == '(':
		l.Pattern = p.call()
	default:
		p.unexpected("a string or a parameter after LIKE")
	}
	return l
}

func (p *parser) matches(pos Pos, left Expr) Expr {
	m := &Matches{Pos: pos, Left: left}
	if p.tok.word == kTerminology {
		m.Terminology = p.call()
		return m
	}
	if p.tok.kind != tLBrace {
		p.unexpected("'{' or TERMINOLOGY after MATCHES")
	}
	if t, ok := p.lex.uri(); ok {
		m.URI = t.text
		p.advance()
		p.expect(tRBrace)
		return m
	}
	if p.peekByte() == '|' {
		p.cadl(p.tok.pos)
	}
	p.advance()
	if p.tok.kind == tIdent && p.tok.word == 0 && p.peekByte() == '<' {
		p.cadl(p.tok.pos)
	}
	for {
		switch {
		case p.tok.kind == tParam:
			m.Items = append(m.Items, &Param{Pos: p.tok.pos, Name: p.tok.text})
			p.advance()
		case p.tok.word == kTerminology:
			m.Items = append(m.Items, p.call())
		case p.tok.kind == tString || p.tok.kind == tInteger || p.tok.kind == tReal || p.tok.kind == tMinus ||
			p.tok.word == kTrue || p.tok.word == kFalse || p.tok.word == kNull:
			m.Items = append(m.Items, p.literal())
		default:
			p.unexpected("a literal, a parameter, TERMINOLOGY or a URI")
		}
		if p.tok.kind != tComma {
			break
		}
		p.advance()
	}
	if p.tok.kind != tRBrace {
		p.unexpected("',' or '}'")
	}
	p.advance()
	return m
}

// cadl refuses a block of cADL, which examples of the specification show and its
// grammar does not have.
func (p *parser) cadl(at Pos) {
	p.fail(at, "a block of cADL is no part of AQL 1.1", "a list of values; write an interval as path >= 5 AND path <= 6, units as path/units = 'mm'", "")
}
