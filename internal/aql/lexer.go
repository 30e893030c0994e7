package aql

import (
	"strings"
	"unicode/utf8"
)

// lexer cuts the text into tokens, one at a time, on demand: what a word may be
// depends on where the parser stands. Inside a predicate a word may be a node
// code, an archetype id or a term code; after `matches {` a URI or a regular
// expression may follow.
type lexer struct {
	text      string
	off       int
	line      int
	lineStart int
	// wide counts the UTF-8 continuation bytes since lineStart, so that columns
	// count characters.
	wide int
	// predicate is above 0 inside brackets.
	predicate int
}

func (l *lexer) pos() Pos {
	return Pos{Offset: l.off, Line: l.line, Column: l.off - l.lineStart - l.wide + 1}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }

// at gives the byte n places ahead, 0 past the end.
func (l *lexer) at(n int) byte {
	if l.off+n < len(l.text) {
		return l.text[l.off+n]
	}
	return 0
}

// skipTo moves to off and keeps the count of wide characters. The skipped text
// holds no line break.
func (l *lexer) skipTo(off int) {
	for i := l.off; i < off; i++ {
		if !utf8.RuneStart(l.text[i]) {
			l.wide++
		}
	}
	l.off = off
}

// skipBlank moves over blanks and comments. A comment is `--` followed by a
// blank, a line end or the end of the text (QUERY 1.1.0, AQL 2.2).
func (l *lexer) skipBlank() {
	for l.off < len(l.text) {
		switch c := l.text[l.off]; {
		case c == '\n':
			l.off++
			l.line, l.lineStart, l.wide = l.line+1, l.off, 0
		case c == ' ' || c == '\t' || c == '\r' || c == '\f':
			l.off++
		case strings.HasPrefix(l.text[l.off:], "\u00a0") || strings.HasPrefix(l.text[l.off:], "\ufeff"):
			_, n := utf8.DecodeRuneInString(l.text[l.off:])
			l.skipTo(l.off + n)
		case c == '-' && l.at(1) == '-' && strings.IndexByte(" \t\r\n\x00", l.at(2)) >= 0:
			end := strings.IndexByte(l.text[l.off:], '\n')
			if end < 0 {
				end = len(l.text) - l.off
			}
			l.skipTo(l.off + end)
		default:
			return
		}
	}
}

var single = [128]kind{
	',': tComma, '/': tSlash, '*': tStar, '+': tPlus, '-': tMinus, '(': tLParen, ')': tRParen,
	'[': tLBracket, ']': tRBracket, '{': tLBrace, '}': tRBrace, '=': tEq, '<': tLt, '>': tGt,
}

// next gives the next token, or a syntax error.
func (l *lexer) next() (token, *Error) {
	l.skipBlank()
	if l.off >= len(l.text) {
		return token{kind: tEOF, pos: l.pos(), end: l.off}, nil
	}
	c := l.text[l.off]
	switch {
	case isLetter(c):
		return l.word()
	case isDigit(c) || c == '.' && isDigit(l.at(1)):
		return l.number()
	case c == '\'' || c == '"':
		return l.str()
	case c == '$':
		return l.param()
	case c == '!' && l.at(1) == '=':
		return l.operator(tNe, 2), nil
	case c == '<' && l.at(1) == '=':
		return l.operator(tLe, 2), nil
	case c == '>' && l.at(1) == '=':
		return l.operator(tGe, 2), nil
	case strings.HasPrefix(l.text[l.off:], "≠"):
		return l.operator(tNe, len("≠")), nil
	case c < 128 && single[c] != 0:
		return l.operator(single[c], 1), nil
	}
	r, _ := utf8.DecodeRuneInString(l.text[l.off:])
	return token{}, l.fail(l.pos(), "unexpected character", "", quoteRune(r))
}

// operator takes n bytes as a token.
func (l *lexer) operator(k kind, n int) token {
	t := token{kind: k, pos: l.pos(), src: l.text[l.off : l.off+n]}
	l.skipTo(l.off + n)
	t.end = l.off
	return t
}

// take makes a token of everything from start to end.
func (l *lexer) take(k kind, end int) token {
	t := token{kind: k, pos: l.pos(), end: end, src: l.text[l.off:end]}
	t.text = t.src
	l.skipTo(end)
	return t
}

func (l *lexer) word() (token, *Error) {
	end := l.off
	for end < len(l.text) && isWord(l.text[end]) {
		end++
	}
	if l.predicate > 0 {
		if t, ok := l.nodeWord(end); ok {
			return t, nil
		}
	}
	t := l.take(tIdent, end)
	t.word = keywordOf(t.text)
	return t, nil
}

// nodeWord reads what only a predicate may hold: a node code, an archetype id
// or a term code. end is the end of the plain word at the current place.
func (l *lexer) nodeWord(end int) (token, bool) {
	run := end
	for run < len(l.text) && (isWord(l.text[run]) || l.text[run] == '-' || l.text[run] == '.') {
		run++
	}
	prefix := run // past an optional (version)
	if run < len(l.text) && l.text[run] == '(' {
		if n := strings.IndexAny(l.text[run:], ")]'\"\n"); n > 0 && l.text[run+n] == ')' {
			prefix = run + n + 1
		}
	}
	if strings.HasPrefix(l.text[prefix:], "::") {
		code := prefix + 2
		for code < len(l.text) && strings.IndexByte(" \t\r\n,]|'\"[{}()=<>!", l.text[code]) < 0 {
			code++
		}
		if isArchetypeID(l.text[prefix+2 : code]) {
			return l.take(tArchetype, code), true
		}
		if code < len(l.text) && l.text[code] == '|' {
			if n := strings.IndexAny(l.text[code+1:], "|\n"); n >= 0 && l.text[code+1+n] == '|' {
				code += n + 2
			}
		}
		if code > prefix+2 {
			return l.take(tTermCode, code), true
		}
		return token{}, false
	}
	word := l.text[l.off:run]
	switch {
	case isCode(word):
		return l.take(tCode, run), true
	case isArchetypeID(word):
		return l.take(tArchetype, run), true
	}
	return token{}, false
}

// isCode says whether s is at or id followed by digit groups with dots.
func isCode(s string) bool {
	if len(s) < 3 || s[:2] != "at" && s[:2] != "id" {
		return false
	}
	for i := 2; i < len(s); i++ {
		if !isDigit(s[i]) && (s[i] != '.' || i == 2 || s[i-1] == '.') {
			return false
		}
	}
	return s[len(s)-1] != '.'
}

// isArchetypeID says whether s has the form originator-model-CLASS.concept.vN
// (BASE 1.2.0, Identification 4). The namespace stands before it.
func isArchetypeID(s string) bool {
	class, rest, ok := strings.Cut(s, ".")
	if !ok || strings.Count(class, "-") < 2 || strings.HasSuffix(class, "-") {
		return false
	}
	i := strings.LastIndex(rest, ".v")
	return i > 0 && i+2 < len(rest) && isDigit(rest[i+2])
}

// number reads digits, an optional fraction and an optional exponent.
func (l *lexer) number() (token, *Error) {
	end, k := l.off, tInteger
	digits := func() bool {
		start := end
		for end < len(l.text) && isDigit(l.text[end]) {
			end++
		}
		return end > start
	}
	digits()
	if end < len(l.text) && l.text[end] == '.' {
		end++
		k = tReal
		if !digits() {
			return token{}, l.fail(l.pos(), "malformed number", "digits after the decimal point", quote(l.text[l.off:end]))
		}
	}
	if end < len(l.text) && (l.text[end] == 'e' || l.text[end] == 'E') {
		end++
		k = tReal
		if end < len(l.text) && (l.text[end] == '+' || l.text[end] == '-') {
			end++
		}
		if !digits() {
			return token{}, l.fail(l.pos(), "malformed number", "digits of an exponent", quote(l.text[l.off:end]))
		}
	}
	if end < len(l.text) && isWord(l.text[end]) {
		return token{}, l.fail(l.pos(), "malformed number", "a blank or an operator after the number", quote(l.text[l.off:end+1]))
	}
	return l.take(k, end), nil
}

func (l *lexer) param() (token, *Error) {
	end := l.off + 1
	for end < len(l.text) && isWord(l.text[end]) {
		end++
	}
	if end == l.off+1 || !isLetter(l.text[l.off+1]) && l.text[l.off+1] != '_' {
		return token{}, l.fail(l.pos(), "malformed parameter", "a name after $", quote(l.text[l.off:end]))
	}
	t := l.take(tParam, end)
	t.text = t.src[1:]
	return t, nil
}

// uri reads a URI if one begins here, for use right after `matches {`.
func (l *lexer) uri() (token, bool) {
	l.skipBlank()
	i := l.off
	for i < len(l.text) && (isWord(l.text[i]) || strings.IndexByte("+-.", l.text[i]) >= 0) {
		i++
	}
	if i == l.off || !isLetter(l.text[l.off]) || i+1 >= len(l.text) || l.text[i] != ':' {
		return token{}, false
	}
	for i < len(l.text) && strings.IndexByte(" \t\r\n}\"", l.text[i]) < 0 {
		i++
	}
	return l.take(tURI, i), true
}

// regex reads /pattern/ in a predicate, right after `matches {`. A slash within
// is written \/.
func (l *lexer) regex() (token, *Error) {
	l.skipBlank()
	start := l.pos()
	if l.at(0) != '/' {
		return token{}, l.fail(start, "malformed predicate", "a regular expression between slashes", "")
	}
	for i := l.off + 1; i < len(l.text) && l.text[i] != '\n'; i++ {
		switch l.text[i] {
		case '\\':
			i++
		case '/':
			t := l.take(tRegex, i+1)
			t.text = t.src[1 : len(t.src)-1]
			return t, nil
		}
	}
	return token{}, l.fail(start, "regular expression without end", "'/'", "")
}

func (l *lexer) fail(pos Pos, message, expected, found string) *Error {
	return &Error{Line: pos.Line, Column: pos.Column, Message: message, Expected: expected, Found: found}
}
