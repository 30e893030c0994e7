package fhirpath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with an expression, and where.
type Error struct {
	// Offset counts bytes from 0, Line and Column from 1.
	Offset, Line, Column int
	Message              string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

func at(text string, offset int, format string, args ...any) *Error {
	before := text[:min(offset, len(text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &Error{offset, line, column, fmt.Sprintf(format, args...)}
}

type tokenKind uint8

const (
	end tokenKind = iota
	word
	quotedWord
	text
	number
	moment
	symbol
	variable
)

type token struct {
	kind   tokenKind
	text   string
	offset int
}

// longest bounds an expression.
const longest = 64 << 10

func lex(s string) ([]token, error) {
	if len(s) > longest {
		return nil, at(s, 0, "the expression is longer than %d bytes", longest)
	}
	if !utf8.ValidString(s) {
		return nil, at(s, 0, "the expression is no UTF-8")
	}
	var out []token
	for n := 0; n < len(s); {
		start := n
		add := func(kind tokenKind, text string) { out = append(out, token{kind, text, start}) }
		c := s[n]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			n++
		case strings.HasPrefix(s[n:], "//"):
			for n < len(s) && s[n] != '\n' {
				n++
			}
		case strings.HasPrefix(s[n:], "/*"):
			close := strings.Index(s[n+2:], "*/")
			if close < 0 {
				return nil, at(s, start, "the comment has no end")
			}
			n += close + 4
		case letter(c):
			for n < len(s) && (letter(s[n]) || digit(s[n])) {
				n++
			}
			add(word, s[start:n])
		case c == '\'' || c == '`' || c == '"':
			value, next, err := unquote(s, n)
			if err != nil {
				return nil, err
			}
			n = next
			if c == '\'' {
				add(text, value)
			} else {
				add(quotedWord, value)
			}
		case digit(c):
			for n < len(s) && digit(s[n]) {
				n++
			}
			if n+1 < len(s) && s[n] == '.' && digit(s[n+1]) {
				for n++; n < len(s) && digit(s[n]); n++ {
				}
			}
			add(number, s[start:n])
		case c == '@':
			for n++; n < len(s) && (digit(s[n]) || strings.IndexByte("-T:Z", s[n]) >= 0 || s[n] == '+' && strings.Contains(s[start:n], "T") || s[n] == '.' && n+1 < len(s) && digit(s[n+1])); n++ {
			}
			add(moment, s[start+1:n])
		case c == '%':
			n++
			if n < len(s) && (s[n] == '`' || s[n] == '\'' || s[n] == '"') {
				value, next, err := unquote(s, n)
				if err != nil {
					return nil, err
				}
				n = next
				add(variable, value)
				break
			}
			for n < len(s) && (letter(s[n]) || digit(s[n]) || s[n] == '-' && n+1 < len(s) && letter(s[n+1])) {
				n++
			}
			if n == start+1 {
				return nil, at(s, start, "a name is wanted after %%")
			}
			add(variable, s[start+1:n])
		case c == '$':
			for n++; n < len(s) && letter(s[n]); n++ {
			}
			add(symbol, s[start:n])
		default:
			size := 1
			for _, two := range []string{"<=", ">=", "!=", "!~"} {
				if strings.HasPrefix(s[n:], two) {
					size = 2
				}
			}
			if size == 1 && strings.IndexByte(".,()[]{}+-*/&|=~<>", c) < 0 {
				r, _ := utf8.DecodeRuneInString(s[n:])
				return nil, at(s, start, "%q has no meaning here", r)
			}
			n += size
			add(symbol, s[start:n])
		}
	}
	return append(out, token{end, "", len(s)}), nil
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

var escapes = map[byte]string{'\'': "'", '"': `"`, '`': "`", 'r': "\r", 'n': "\n", 't': "\t", 'f': "\f", '\\': `\`, '/': "/"}

// unquote reads the quoted text that begins at n.
func unquote(s string, n int) (string, int, error) {
	start, quote := n, s[n]
	var b strings.Builder
	for n++; n < len(s); n++ {
		switch c := s[n]; {
		case c == quote:
			return b.String(), n + 1, nil
		case c != '\\':
			b.WriteByte(c)
		case n+1 < len(s) && s[n+1] == 'u':
			if n+6 > len(s) {
				return "", 0, at(s, n, "four hex digits are wanted after \\u")
			}
			code, err := strconv.ParseUint(s[n+2:n+6], 16, 32)
			if err != nil {
				return "", 0, at(s, n, "four hex digits are wanted after \\u")
			}
			b.WriteRune(rune(code))
			n += 5
		default:
			if n++; n < len(s) {
				plain, ok := escapes[s[n]]
				if !ok {
					return "", 0, at(s, n-1, "\\%c is no escape", s[n])
				}
				b.WriteString(plain)
			}
		}
	}
	return "", 0, at(s, start, "the text has no end")
}
