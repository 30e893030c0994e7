package opt

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

// The tokens of a document. A comment or processing instruction is an aside.
const (
	nothing kind = iota
	startTag
	endTag
	charData
	aside
	directive
)

type token struct {
	kind  kind
	name  xml.Name // prefix and local name, as they stand
	attrs []xml.Attr
	text  string
}

// scanner splits a document into tokens, as encoding/xml does in its strict form
// without namespaces; a test holds the two side by side. It is the larger part of
// what a template costs, so it works on the text at rest, and what is handed out
// twice is one string.
type scanner struct {
	text string
	at   int
	// close is the name of an element that was opened and closed by one tag.
	close   xml.Name
	closing bool
	// counted is how far lines are counted, line the number of the last one and
	// begin where it begins.
	counted, line, begin int
	known                map[string]string
	// slab is where attributes are kept, those of many elements in one piece.
	slab []xml.Attr
}

func newScanner(in io.Reader) (*scanner, error) {
	var all strings.Builder
	if sized, ok := in.(interface{ Len() int }); ok {
		all.Grow(min(sized.Len(), maxBytes+1))
	}
	_, err := io.Copy(&all, io.LimitReader(in, maxBytes+1))
	if err == nil && all.Len() > maxBytes {
		err = errTooLarge
	}
	return &scanner{text: strings.TrimPrefix(all.String(), "\ufeff"), line: 1, known: map[string]string{}}, err
}

// position is the line of the next token and its place in the line, from 1.
func (s *scanner) position() (line, col int) {
	passed := s.text[s.counted:s.at]
	if n := strings.Count(passed, "\n"); n > 0 {
		s.line += n
		s.begin = s.counted + strings.LastIndexByte(passed, '\n') + 1
	}
	s.counted = s.at
	return s.line, s.at - s.begin + 1
}

func (s *scanner) wrong(format string, args ...any) error {
	line, _ := s.position()
	return fmt.Errorf("syntax error on line %d: %s", line, fmt.Sprintf(format, args...))
}

func (s *scanner) unexpectedEnd() error {
	s.at = len(s.text)
	return s.wrong("unexpected EOF")
}

// keep gives a string that does not hold on to the document.
func (s *scanner) keep(text string) string {
	const long = 64
	if len(text) > long {
		return strings.Clone(text)
	}
	if one, ok := s.known[text]; ok {
		return one
	}
	one := strings.Clone(text)
	s.known[one] = one
	return one
}

// next gives the next token, io.EOF after the last.
func (s *scanner) next() (token, error) {
	if s.closing {
		s.closing = false
		return token{kind: endTag, name: s.close}, nil
	}
	if s.at >= len(s.text) {
		return token{}, io.EOF
	}
	if s.text[s.at] != '<' {
		return s.words()
	}
	switch rest := s.text[s.at+1:]; {
	case rest == "":
		return token{}, s.unexpectedEnd()
	case rest[0] == '/':
		return s.endOf()
	case rest[0] == '?':
		return s.instruction()
	case strings.HasPrefix(rest, "!--"):
		return s.comment()
	case strings.HasPrefix(rest, "![CDATA["):
		return s.cdata()
	case strings.HasPrefix(rest, "!["):
		return token{}, s.wrong("invalid <![ sequence")
	case rest[0] == '!':
		return token{kind: directive}, nil
	}
	return s.startOf()
}

func (s *scanner) startOf() (token, error) {
	s.at++
	name, ok := s.name()
	if !ok {
		return token{}, s.wrong("expected element name after <")
	}
	t := token{kind: startTag, name: name}
	if cap(s.slab)-len(s.slab) < 8 {
		s.slab = make([]xml.Attr, 0, 512)
	}
	first := len(s.slab)
	for {
		s.space()
		if s.at >= len(s.text) {
			return token{}, s.unexpectedEnd()
		}
		switch s.text[s.at] {
		case '>':
			s.at++
		case '/':
			if !strings.HasPrefix(s.text[s.at:], "/>") {
				return token{}, s.wrong("expected /> in element")
			}
			s.at += 2
			s.close, s.closing = name, true
		default:
			if err := s.attribute(); err != nil {
				return token{}, err
			}
			continue
		}
		if len(s.slab) > first {
			t.attrs = s.slab[first:len(s.slab):len(s.slab)]
		}
		return t, nil
	}
}

func (s *scanner) attribute() error {
	name, ok := s.name()
	if !ok {
		return s.wrong("expected attribute name in element")
	}
	s.space()
	if s.at >= len(s.text) {
		return s.unexpectedEnd()
	}
	if s.text[s.at] != '=' {
		return s.wrong("attribute name without = in element")
	}
	s.at++
	s.space()
	if s.at >= len(s.text) {
		return s.unexpectedEnd()
	}
	quote := s.text[s.at]
	if quote != '"' && quote != '\'' {
		return s.wrong("unquoted or missing attribute value in element")
	}
	s.at++
	length := strings.IndexByte(s.text[s.at:], quote)
	if length < 0 {
		return s.unexpectedEnd()
	}
	value := s.text[s.at : s.at+length]
	if n := strings.IndexByte(value, '<'); n >= 0 {
		s.at += n
		return s.wrong("unescaped < inside quoted string")
	}
	plain, err := s.plain(value, true)
	if err != nil {
		return err
	}
	s.at += length + 1
	s.slab = append(s.slab, xml.Attr{Name: name, Value: s.keep(plain)})
	return nil
}

func (s *scanner) endOf() (token, error) {
	s.at += 2
	name, ok := s.name()
	if !ok {
		return token{}, s.wrong("expected element name after </")
	}
	s.space()
	if s.at >= len(s.text) {
		return token{}, s.unexpectedEnd()
	}
	if s.text[s.at] != '>' {
		return token{}, s.wrong("invalid characters between </%s and >", name.Local)
	}
	s.at++
	return token{kind: endTag, name: name}, nil
}

// declared are version and encoding of an XML declaration.
var declared = regexp.MustCompile(`(version|encoding)=(?:"([^"]+)"|'([^']+)')`)

func (s *scanner) instruction() (token, error) {
	s.at += 2
	name, ok := s.name()
	if !ok {
		return token{}, s.wrong("expected target name after <?")
	}
	content, _, ended := strings.Cut(s.text[s.at:], "?>")
	if !ended {
		return token{}, s.unexpectedEnd()
	}
	if name.Space == "" && name.Local == "xml" {
		for _, found := range declared.FindAllStringSubmatch(content, -1) {
			value := found[2] + found[3]
			if found[1] == "version" && value != "1.0" {
				return token{}, fmt.Errorf("unsupported version %q; only version 1.0 is supported", value)
			}
			if found[1] == "encoding" && !strings.EqualFold(value, "utf-8") {
				return token{}, fmt.Errorf("unsupported encoding %q; only UTF-8 is supported", value)
			}
		}
	}
	s.at += len(content) + len("?>")
	return token{kind: aside}, nil
}

func (s *scanner) comment() (token, error) {
	s.at += len("<!--")
	content, _, ended := strings.Cut(s.text[s.at:], "--")
	if !ended || s.at+len(content)+2 >= len(s.text) {
		return token{}, s.unexpectedEnd()
	}
	s.at += len(content) + len("--")
	if s.text[s.at] != '>' {
		return token{}, s.wrong(`invalid sequence "--" not allowed in comments`)
	}
	s.at++
	return token{kind: aside}, nil
}

func (s *scanner) cdata() (token, error) {
	s.at += len("<![CDATA[")
	content, _, ended := strings.Cut(s.text[s.at:], "]]>")
	if !ended {
		return token{}, s.unexpectedEnd()
	}
	plain, err := s.plain(content, false)
	if err != nil {
		return token{}, err
	}
	s.at += len(content) + len("]]>")
	return token{kind: charData, text: s.keep(plain)}, nil
}

func (s *scanner) words() (token, error) {
	length := strings.IndexByte(s.text[s.at:], '<')
	if length < 0 {
		length = len(s.text) - s.at
	}
	text := s.text[s.at : s.at+length]
	if n := strings.Index(text, "]]>"); n >= 0 {
		s.at += n
		return token{}, s.wrong("unescaped ]]> not in CDATA section")
	}
	plain, err := s.plain(text, true)
	if err != nil {
		return token{}, err
	}
	s.at += length
	return token{kind: charData, text: s.keep(plain)}, nil
}

func (s *scanner) space() {
	for s.at < len(s.text) && isBlank(s.text[s.at]) {
		s.at++
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == ':' || '0' <= c && c <= '9' || c == '-' || c == '.' || c >= utf8.RuneSelf
}

// name reads a name. What openEHR calls things is ASCII, so that of a letter
// beyond it nothing more is asked than that it is one character.
func (s *scanner) name() (xml.Name, bool) {
	from := s.at
	for s.at < len(s.text) && isNameByte(s.text[s.at]) {
		s.at++
	}
	text := s.text[from:s.at]
	if text == "" || strings.IndexByte("-.0123456789", text[0]) >= 0 || !utf8.ValidString(text) {
		return xml.Name{}, false
	}
	prefix, local, ok := strings.Cut(text, ":")
	if strings.Contains(local, ":") {
		return xml.Name{}, false
	}
	if !ok || prefix == "" || local == "" {
		return xml.Name{Local: s.keep(text)}, true
	}
	return xml.Name{Space: s.keep(prefix), Local: s.keep(local)}, true
}

// plain reads text: ends of lines are \n, and where entities stand they are what
// they mean. Characters that XML does not have are faults.
func (s *scanner) plain(text string, entities bool) (string, error) {
	usual, simple := true, true
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= utf8.RuneSelf || c < ' ' && !isBlank(c):
			usual = false
		case c == '\r' || c == '&' && entities:
			simple = false
		}
	}
	if usual && simple {
		return text, nil
	}
	if !simple {
		var err error
		if text, err = s.resolved(text, entities); err != nil {
			return "", err
		}
	}
	for i, c := range text {
		if c == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return "", s.wrong("invalid UTF-8")
		}
		if c < ' ' && !isBlank(byte(c)) || c == 0xFFFE || c == 0xFFFF {
			return "", s.wrong("illegal character code %U", c)
		}
	}
	return text, nil
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": `"`}

func (s *scanner) resolved(text string, resolve bool) (string, error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\r':
			out.WriteByte('\n')
			if strings.HasPrefix(text[i+1:], "\n") {
				i++
			}
		case c == '&' && resolve:
			name, _, ended := strings.Cut(text[i+1:], ";")
			if !ended {
				return "", s.wrong("invalid character entity & (no semicolon)")
			}
			means, ok := entities[name]
			if digits, numbered := strings.CutPrefix(name, "#"); numbered {
				means, ok = character(digits)
			}
			if !ok {
				return "", s.wrong("invalid character entity &%.20s;", name)
			}
			out.WriteString(means)
			i += len(name) + 1
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// character is what &#...; means.
func character(digits string) (string, bool) {
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || n > utf8.MaxRune {
		return "", false
	}
	return string(rune(n)), true
}
