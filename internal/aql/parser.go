package aql

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a query, so that hostile text cannot exhaust
// the stack.
const maxDepth = 200

// Parse reads one query. The error is a fault of kind Invalid and code
// "aql-syntax" with an issue for each fault found; errors.As finds the *Error.
func Parse(text string) (*Query, error) {
	p := newParser(text)
	if len(p.errs) > 0 {
		return nil, p.errs.asFault()
	}
	q := &Query{}
	p.clause(func() { p.selectClause(q) })
	p.clause(func() { p.fromClause(q) })
	p.clause(func() { p.whereClause(q) })
	p.clause(func() { p.orderClause(q) })
	p.clause(func() { p.limitClause(q) })
	p.clause(func() {
		if len(p.errs) == 0 && p.tok.kind != tEOF {
			p.unexpected(p.trailing(q))
		}
	})
	if len(p.errs) == 0 {
		p.errs = check(q)
	}
	if len(p.errs) > 0 {
		return nil, p.errs.asFault()
	}
	return q, nil
}

// ParsePath reads a path without a variable, such as
// /data[at0001]/events[at0002, 'any']/time; the first slash is optional.
func ParsePath(text string) (Path, error) {
	p := newParser(text)
	var path Path
	p.clause(func() {
		if p.tok.kind == tSlash {
			p.advance()
		}
		path = p.path()
		if p.tok.kind != tEOF {
			p.unexpected("'/', '[' or the end of the path")
		}
	})
	if len(p.errs) > 0 {
		return Path{}, p.errs.asFault()
	}
	return path, nil
}

type parser struct {
	lex   lexer
	tok   token
	errs  Errors
	depth int
}

// bailout ends a clause at its first syntax error; clause recovers it.
type bailout struct{}

func newParser(text string) *parser {
	p := &parser{lex: lexer{text: text, line: 1}}
	if !utf8.ValidString(text) {
		p.lex.text = ""
		p.errs = Errors{p.lex.fail(p.lex.pos(), "the query is not UTF-8 text", "", "")}
	}
	p.clause(p.advance)
	return p
}

// clause runs one part of the grammar. After a syntax error it moves to the
// next clause, so that one fault does not hide those of later clauses.
func (p *parser) clause(parse func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(bailout); !ok {
				panic(r)
			}
			p.resync()
		}
	}()
	parse()
}

func (p *parser) resync() {
	p.lex.predicate, p.depth = 0, 0
	for {
		if p.tok.kind == tEOF {
			return
		}
		switch p.tok.word {
		case kFrom, kWhere, kOrder, kLimit:
			return
		}
		t, err := p.lex.next()
		if err != nil {
			t = token{kind: tEOF, pos: p.lex.pos()}
		}
		p.tok = t
	}
}

func (p *parser) fail(pos Pos, message, expected, found string) {
	p.failWith(p.lex.fail(pos, message, expected, found))
}

func (p *parser) failWith(err *Error) {
	p.errs = append(p.errs, err)
	// Where the lexer stopped it would stop again: resync must move on.
	p.tok = token{kind: tEOF, pos: p.tok.pos}
	if p.lex.off < len(p.lex.text) {
		p.tok.kind = tComma
	}
	panic(bailout{})
}

// unexpected reports the current token. The token stays, since a clause keyword
// in the wrong place is where parsing goes on.
func (p *parser) unexpected(expected string) {
	found := quote(p.tok.src)
	switch {
	case p.tok.kind == tEOF:
		found = kindNames[tEOF]
	case p.tok.kind == tIdent && p.tok.word == 0:
		if meant := nearestKeyword(p.tok.src); meant != "" {
			found += " (did you mean " + meant + "?)"
		}
	}
	p.errs = append(p.errs, p.lex.fail(p.tok.pos, "syntax error", expected, found))
	panic(bailout{})
}

func (p *parser) advance() {
	t, err := p.lex.next()
	if err != nil {
		p.failWith(err)
	}
	p.tok = t
}

// accept moves over the keyword if it stands here.
func (p *parser) accept(word keyword) bool {
	if p.tok.word != word {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(k kind) token {
	if p.tok.kind != k {
		p.unexpected(kindNames[k])
	}
	t := p.tok
	p.advance()
	return t
}

// name reads a variable or an alias: a word that is not reserved.
func (p *parser) name(what string) token {
	if p.tok.kind != tIdent {
		p.unexpected(what)
	}
	if p.tok.word != 0 {
		p.unexpected(what + " that is not a reserved word")
	}
	t := p.tok
	p.advance()
	return t
}

// enter counts nesting; the caller calls the result when it leaves.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.tok.pos, "query is nested too deeply", "at most "+strconv.Itoa(maxDepth)+" levels", "")
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) selectClause(q *Query) {
	q.Pos = p.tok.pos
	if !p.accept(kSelect) {
		p.unexpected("SELECT")
	}
	q.Distinct = p.accept(kDistinct)
	if p.tok.word == kTop {
		q.Top = p.top()
	}
	for {
		c := &Column{Pos: p.tok.pos}
		c.Expr = p.value(0)
		if p.accept(kAs) {
			c.Alias = p.name("an alias").text
		}
		q.Select = append(q.Select, c)
		if p.tok.kind != tComma {
			return
		}
		p.advance()
	}
}

func (p *parser) top() *Top {
	t := &Top{Pos: p.tok.pos}
	p.advance()
	t.Count = p.count("TOP", 1)
	if p.tok.word == kForward || p.tok.word == kBackward {
		t.Written, t.Backward = true, p.tok.word == kBackward
		p.advance()
	}
	return t
}

// count reads the whole number of TOP, LIMIT or OFFSET.
func (p *parser) count(clause string, least int64) int64 {
	t := p.expect(tInteger)
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil || n < least || n == math.MaxInt64 {
		p.fail(t.pos, clause+" out of range", "a whole number from "+strconv.FormatInt(least, 10), quote(t.text))
	}
	return n
}

func (p *parser) fromClause(q *Query) {
	if !p.accept(kFrom) {
		if len(p.errs) > 0 {
			return
		}
		p.unexpected("',', AS or FROM")
	}
	q.From = p.containment()
}

func (p *parser) whereClause(q *Query) {
	if p.accept(kWhere) {
		q.Where = p.condition()
	}
}

func (p *parser) orderClause(q *Query) {
	if !p.accept(kOrder) {
		return
	}
	if !p.accept(kBy) {
		p.unexpected("BY")
	}
	for {
		k := &OrderKey{Pos: p.tok.pos}
		k.Expr = p.value(0)
		if p.tok.word == kAsc || p.tok.word == kDesc {
			k.Descending = p.tok.word == kDesc
			p.advance()
		}
		k.Nulls = p.nulls()
		q.OrderBy = append(q.OrderBy, k)
		if p.tok.kind != tComma {
			return
		}
		p.advance()
	}
}

// nulls reads NULLS FIRST or NULLS LAST, words that are reserved nowhere else.
func (p *parser) nulls() NullsPlace {
	if p.tok.kind != tIdent || !strings.EqualFold(p.tok.text, "NULLS") {
		return NullsByOrder
	}
	p.advance()
	place := NullsFirst
	switch {
	case p.tok.kind == tIdent && strings.EqualFold(p.tok.text, "LAST"):
		place = NullsLast
	case p.tok.kind != tIdent || !strings.EqualFold(p.tok.text, "FIRST"):
		p.unexpected("FIRST or LAST after NULLS")
	}
	p.advance()
	return place
}

func (p *parser) limitClause(q *Query) {
	if p.tok.word != kLimit {
		return
	}
	l := &Limit{Pos: p.tok.pos}
	p.advance()
	l.Count = p.count("LIMIT", 1)
	if p.accept(kOffset) {
		l.HasOffset = true
		l.Offset = p.count("OFFSET", 0)
	}
	q.Limit = l
}

// trailing names what could have followed, for the error after a whole query.
func (p *parser) trailing(q *Query) string {
	switch {
	case q.Limit != nil && q.Limit.HasOffset:
		return "the end of the query"
	case q.Limit != nil:
		return "OFFSET or the end of the query"
	case q.OrderBy != nil:
		return "',', ASC, DESC, LIMIT or the end of the query"
	case q.Where != nil:
		return "AND, OR, ORDER BY, LIMIT or the end of the query"
	}
	return "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query"
}

// containment reads a containment expression: OR of AND of class operands. What
// follows CONTAINS is a whole containment expression, so that it takes an AND or
// OR to its right; parentheses end it.
func (p *parser) containment() Containment {
	return p.containmentSet(Or, kOr, func() Containment {
		return p.containmentSet(And, kAnd, p.containmentOperand)
	})
}

func (p *parser) containmentSet(op LogicOp, word keyword, operand func() Containment) Containment {
	pos := p.tok.pos
	first := operand()
	if p.tok.word != word {
		return first
	}
	set := &ContainmentSet{Pos: pos, Op: op}
	add := func(c Containment) {
		if same, ok := c.(*ContainmentSet); ok && same.Op == op {
			set.Operands = append(set.Operands, same.Operands...)
			return
		}
		set.Operands = append(set.Operands, c)
	}
	add(first)
	for p.accept(word) {
		add(operand())
	}
	return set
}

func (p *parser) containmentOperand() Containment {
	p.enter()
	defer p.leave()
	if p.tok.kind == tLParen {
		p.advance()
		c := p.containment()
		p.expect(tRParen)
		return c
	}
	c := p.class()
	if p.tok.word == kNot {
		p.advance()
		if p.tok.word != kContains {
			p.unexpected("CONTAINS after NOT")
		}
		c.Not = true
	}
	if p.accept(kContains) {
		c.Contains = p.containment()
	}
	return c
}

func (p *parser) class() *Class {
	if p.tok.kind != tIdent || p.tok.word != 0 && p.tok.word != kVersion {
		p.unexpected("a class name, VERSION or '('")
	}
	c := &Class{Pos: p.tok.pos, Type: p.tok.text}
	p.advance()
	if p.tok.kind == tIdent && p.tok.word == 0 {
		c.Variable = p.tok.text
		p.advance()
	}
	if p.tok.kind != tLBracket {
		return c
	}
	if !c.IsVersion() {
		c.Predicate = p.predicate()
		return c
	}
	p.openBracket()
	switch p.tok.word {
	case kLatestVersion:
		c.Scope = LatestVersion
		p.advance()
	case kAllVersions:
		c.Scope = AllVersions
		p.advance()
	default:
		c.Predicate = p.predicateOr()
	}
	p.closeBracket()
	return c
}

// foldLogical joins operands by op and flattens equal operators.
func foldLogical(pos Pos, op LogicOp, left, right Expr) *Logical {
	l := &Logical{Pos: pos, Op: op}
	for _, e := range [2]Expr{left, right} {
		if same, ok := e.(*Logical); ok && same.Op == op {
			l.Operands = append(l.Operands, same.Operands...)
			continue
		}
		l.Operands = append(l.Operands, e)
	}
	return l
}

// variableEqual compares names without case, as AQL names variables.
func variableEqual(a, b string) bool { return strings.EqualFold(a, b) }
