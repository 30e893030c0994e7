package aql

// pathExpr reads an identified path: variable, root predicate, path.
func (p *parser) pathExpr() *PathExpr {
	t := p.name("a variable")
	e := &PathExpr{Pos: t.pos, Variable: t.text}
	if p.tok.kind == tLBracket {
		e.Predicate = p.predicate()
	}
	if p.tok.kind == tSlash && !p.division() {
		p.advance()
		e.Path = p.path()
	}
	return e
}

// division says whether the slash here divides: what follows cannot begin an
// attribute name. A path as divisor needs parentheses.
func (p *parser) division() bool {
	switch c := p.peekByte(); {
	case isDigit(c), c == '(', c == '$', c == '.', c == '-':
		return p.lex.predicate == 0
	}
	return false
}

// path reads segments joined by slashes. Any word is an attribute name here.
func (p *parser) path() Path {
	// Most paths are of a few segments.
	const usual = 4
	path := Path{Segments: make([]Segment, 0, usual)}
	for {
		if p.tok.kind != tIdent {
			p.unexpected("an attribute name")
		}
		s := Segment{Pos: p.tok.pos, Name: p.tok.text}
		p.advance()
		if p.tok.kind == tLBracket {
			s.Predicate = p.predicate()
		}
		path.Segments = append(path.Segments, s)
		if p.tok.kind != tSlash || p.division() {
			return path
		}
		p.advance()
	}
}

// openBracket and closeBracket switch the lexer: it must know before the next
// token is cut.
func (p *parser) openBracket() {
	p.enter()
	p.lex.predicate++
	p.expect(tLBracket)
}

func (p *parser) closeBracket() {
	if p.tok.kind != tRBracket {
		p.unexpected("AND, OR or ']'")
	}
	p.lex.predicate--
	p.advance()
	p.leave()
}

// predicate reads the brackets and what is in them.
func (p *parser) predicate() Expr {
	p.openBracket()
	e := p.predicateOr()
	p.closeBracket()
	return e
}

func (p *parser) predicateOr() Expr {
	left := p.predicateAnd()
	for p.tok.word == kOr {
		p.advance()
		left = foldLogical(left.Position(), Or, left, p.predicateAnd())
	}
	return left
}

func (p *parser) predicateAnd() Expr {
	left := p.predicatePrimary()
	for p.tok.word == kAnd {
		p.advance()
		left = foldLogical(left.Position(), And, left, p.predicatePrimary())
	}
	return left
}

func (p *parser) predicatePrimary() Expr {
	t := p.tok
	switch t.kind {
	case tLParen:
		p.enter()
		p.advance()
		e := p.predicateOr()
		p.expect(tRParen)
		p.leave()
		return e
	case tCode:
		return p.nodeID(NodeCode)
	case tArchetype:
		return p.nodeID(Archetype)
	case tParam:
		return p.nodeID(NodeParam)
	case tIdent:
		if t.word != kAnd && t.word != kOr && t.word != kNot {
			return p.predicateComparison()
		}
	}
	p.unexpected("a node code, an archetype id, a parameter or a path")
	return nil
}

func (p *parser) nodeID(k NodeIDKind) *NodeID {
	n := &NodeID{Pos: p.tok.pos, Kind: k, ID: p.tok.text}
	p.advance()
	if p.tok.kind != tComma {
		return n
	}
	p.advance()
	switch t := p.tok; t.kind {
	case tString, tCode, tTermCode:
		n.Name = p.predicateOperand()
	case tParam:
		n.Name = &Param{Pos: t.pos, Name: t.text}
		p.advance()
	default:
		p.unexpected("a name: a string, a parameter, a term code or a node code")
	}
	return n
}

func (p *parser) predicateComparison() Expr {
	left := &RelativePath{Pos: p.tok.pos}
	left.Path = p.path()
	if p.tok.word == kMatches {
		p.advance()
		if p.tok.kind != tLBrace {
			p.unexpected("'{'")
		}
		t, err := p.lex.regex()
		if err != nil {
			p.failWith(err)
		}
		p.advance()
		p.expect(tRBrace)
		return &Regex{Pos: left.Pos, Path: left, Pattern: t.text}
	}
	op, ok := compareOps[p.tok.kind]
	if !ok {
		p.unexpected("a comparison operator or MATCHES")
	}
	p.advance()
	return &Comparison{Pos: left.Pos, Op: op, Left: left, Right: p.predicateOperand()}
}

// predicateOperand reads the right side of a comparison in a predicate.
func (p *parser) predicateOperand() Expr {
	t := p.tok
	switch t.kind {
	case tParam:
		p.advance()
		return &Param{Pos: t.pos, Name: t.text}
	case tCode:
		p.advance()
		return &Literal{Pos: t.pos, Kind: Code, Text: t.text}
	case tTermCode:
		p.advance()
		return &Literal{Pos: t.pos, Kind: TermCode, Text: t.text}
	case tIdent:
		if t.word == 0 {
			return &RelativePath{Pos: t.pos, Path: p.path()}
		}
	case tArchetype, tRBracket, tEOF:
		p.unexpected("a literal, a parameter, a path or a node code")
	}
	return p.literal()
}
