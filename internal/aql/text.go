package aql

import (
	"strings"
	"unicode/utf8"
)

// simpleEscapes maps the letter of an escape to its character (QUERY 1.1.0, AQL 2.4).
var simpleEscapes = map[byte]byte{
	'\'': '\'', '"': '"', '?': '?', '\\': '\\',
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// str reads a quoted string. A line break inside is an error: without it one
// missing quote would swallow the rest of the query.
func (l *lexer) str() (token, *Error) {
	start, quoteChar := l.pos(), l.text[l.off]
	i := l.off + 1
	for i < len(l.text) && l.text[i] != quoteChar {
		if l.text[i] == '\n' || l.text[i] == '\r' {
			return token{}, l.fail(start, "string without end", "a closing quote on the same line", "line end")
		}
		if l.text[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(l.text) {
		return token{}, l.fail(start, "string without end", "a closing quote", "end of query")
	}
	t := l.take(tString, i+1)
	text, bad := decode(t.src[1:len(t.src)-1], false)
	if bad != "" {
		return token{}, l.fail(start, "unknown escape in string", `one of \' \" \? \\ \a \b \f \n \r \t \v \uXXXX or octal`, bad)
	}
	t.text = text
	return t, nil
}

// decode resolves the escapes of a string body. As the pattern of LIKE, `\?`
// and `\*` keep their backslash: there it is the pattern's own escape. bad names
// an escape that means nothing.
func decode(s string, pattern bool) (text, bad string) {
	if !utf8.ValidString(s) {
		return "", "bytes that are not UTF-8"
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", "U+0000"
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s, ""
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b = append(b, s[i])
			i++
			continue
		}
		// The string scanner guarantees a character after the backslash.
		c := s[i+1]
		switch {
		case c == '*' || pattern && c == '?':
			b = append(b, '\\', c)
			i += 2
		case c == 'u':
			r, n := unicodeEscape(s[i+2:])
			if n == 0 {
				return "", quote(s[i:min(len(s), i+6)])
			}
			b = utf8.AppendRune(b, r)
			i += 2 + n
		case '0' <= c && c <= '7':
			v, n := octalEscape(s[i+1:])
			if v == 0 {
				return "", quote(s[i : i+1+n])
			}
			b = utf8.AppendRune(b, v)
			i += 1 + n
		default:
			v, ok := simpleEscapes[c]
			if !ok {
				_, n := utf8.DecodeRuneInString(s[i+1:])
				return "", quote(s[i : i+1+n])
			}
			b = append(b, v)
			i += 2
		}
	}
	return string(b), ""
}

// unicodeEscape reads the four hex digits after \u, and a second \uXXXX when
// the first is a high surrogate. n is 0 when malformed, a lone surrogate or U+0000.
func unicodeEscape(s string) (r rune, n int) {
	r, ok := hex4(s)
	if !ok || r == 0 || 0xDC00 <= r && r <= 0xDFFF {
		return 0, 0
	}
	if r < 0xD800 || r > 0xDBFF {
		return r, 4
	}
	if len(s) < 10 || s[4:6] != `\u` {
		return 0, 0
	}
	low, ok := hex4(s[6:])
	if !ok || low < 0xDC00 || low > 0xDFFF {
		return 0, 0
	}
	return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), 10
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for i := range 4 {
		c := s[i]
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// octalEscape reads one to three octal digits up to \377.
func octalEscape(s string) (r rune, n int) {
	limit := 2
	if s[0] <= '3' {
		limit = 3
	}
	for n < limit && n < len(s) && '0' <= s[n] && s[n] <= '7' {
		r = r<<3 | rune(s[n]-'0')
		n++
	}
	return r, n
}

// quoteText writes a string literal.
func quoteText(b []byte, s string) []byte {
	b = append(b, '\'')
	for _, r := range s {
		switch r {
		case '\'', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '\'')
}

// quote shortens what was found for an error message.
func quote(s string) string {
	const longest = 40
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	return "'" + strings.ToValidUTF8(s, "�") + "'"
}

func quoteRune(r rune) string { return "'" + string(r) + "'" }
