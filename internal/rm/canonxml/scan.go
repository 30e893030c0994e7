package canonxml

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxAttributes bounds the attributes of one element; canonical XML has three
// and some namespaces.
const maxAttributes = 64

// token is a piece of markup.
type token uint8

const (
	ended token = iota // the end of the document
	startTag
	endTag
	text
)

// attribute is one as it was written; its value is normalised (XML 1.0, 3.3.3).
type attribute struct{ name, value []byte }

// scanner splits XML 1.0 without document types into tags and text; comments,
// processing instructions and the marks of CDATA sections are passed over. It
// checks that the document is well-formed. Slices live as long as the document,
// that of a text with references until the next token.
type scanner struct {
	data  []byte
	at    int
	open  [][]byte
	began bool // the root element was met

	name  []byte // of a tag
	attrs []attribute
	text  []byte
	// passing says that the text lives only until the next token.
	passing bool
	// closes says that the start tag was an empty element: its end tag follows.
	closes  bool
	scratch []byte
}

// syntaxError is what makes a text no XML that is read here.
type syntaxError struct {
	at      int
	message string
}

func (e *syntaxError) Error() string { return e.message }

func (s *scanner) fail(at int, format string, args ...any) error {
	return &syntaxError{at, fmt.Sprintf(format, args...)}
}

// newScanner checks encoding and characters (XML 1.0, 2.2) once for all.
func newScanner(data []byte) (*scanner, error) {
	s := &scanner{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
	for i, c := range s.data {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return s, s.fail(i, "a control character")
		}
		if c == 0xEF && i+2 < len(s.data) && s.data[i+1] == 0xBF && s.data[i+2] >= 0xBE {
			return s, s.fail(i, "U+FFFE and U+FFFF are no characters")
		}
	}
	if !utf8.Valid(s.data) {
		return s, s.fail(invalidAt(s.data), "the text is not UTF-8")
	}
	return s, s.declaration()
}

func invalidAt(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// declaration reads <?xml version="1.0" encoding="UTF-8"?>.
func (s *scanner) declaration() error {
	const head = "<?xml"
	if !bytes.HasPrefix(s.data, []byte(head)) || len(s.data) == len(head) || !isSpace(s.data[len(head)]) {
		return nil
	}
	s.at = len(head)
	if err := s.attributes("?>"); err != nil {
		return err
	}
	s.at += len("?>")
	order := []string{"version", "encoding", "standalone"}
	for i, a := range s.attrs {
		for len(order) > 0 && order[0] != string(a.name) {
			order = order[1:]
		}
		switch {
		case len(order) == 0, i == 0 && order[0] != "version":
			return s.fail(0, "the XML declaration is not well-formed")
		case order[0] == "version" && string(a.value) != "1.0":
			return s.fail(0, "the XML version must be 1.0")
		case order[0] == "encoding" && !bytes.EqualFold(a.value, []byte("utf-8")) && !bytes.EqualFold(a.value, []byte("us-ascii")):
			return s.fail(0, "the encoding must be UTF-8")
		}
		order = order[1:]
	}
	if len(s.attrs) == 0 {
		return s.fail(0, "the XML declaration is not well-formed")
	}
	return nil
}

// next gives the next token.
func (s *scanner) next() (token, error) {
	if s.closes {
		s.closes = false
		s.pop()
		return endTag, nil
	}
	for s.at < len(s.data) {
		if s.data[s.at] != '<' {
			blank, err := s.characters()
			if err != nil {
				return ended, err
			}
			if len(s.open) > 0 {
				return text, nil
			}
			if !blank {
				return ended, s.fail(s.at, "text outside the root element")
			}
			continue
		}
		rest := s.data[s.at:]
		switch {
		case len(rest) < 2:
			return ended, s.fail(s.at, "the document ends within a tag")
		case rest[1] == '/':
			return endTag, s.end()
		case rest[1] == '?':
			if err := s.instruction(); err != nil {
				return ended, err
			}
		case bytes.HasPrefix(rest, []byte("<!--")):
			if err := s.comment(); err != nil {
				return ended, err
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(s.open) > 0:
			return text, s.section()
		case rest[1] == '!':
			return ended, s.fail(s.at, "a document type declaration is not allowed")
		default:
			return startTag, s.start()
		}
	}
	switch {
	case len(s.open) > 0:
		return ended, s.fail(s.at, "the document ends too early")
	case !s.began:
		return ended, s.fail(s.at, "there is no root element")
	}
	return ended, nil
}

// characters reads text up to the next tag; blank says that it is white space.
func (s *scanner) characters() (blank bool, err error) {
	from := s.at
	end := bytes.IndexByte(s.data[from:], '<')
	if end < 0 {
		end = len(s.data) - from
	}
	raw := s.data[from : from+end]
	if i := bytes.Index(raw, []byte("]]>")); i >= 0 {
		return false, s.fail(from+i, "]]> in text")
	}
	blank = isBlank(raw)
	s.text, s.passing = raw, false
	if bytes.IndexByte(raw, '&') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		if s.text, err = s.resolve(raw, from, false); err != nil {
			return false, err
		}
		s.passing = true
	}
	s.at = from + end
	return blank, nil
}

func (s *scanner) section() error {
	from := s.at + len("<![CDATA[")
	end := bytes.Index(s.data[from:], []byte("]]>"))
	if end < 0 {
		return s.fail(s.at, "the document ends within a CDATA section")
	}
	s.text, s.passing = s.data[from:from+end], false
	if bytes.IndexByte(s.text, '\r') >= 0 {
		s.scratch = lineEnds(s.scratch[:0], s.text)
		s.text, s.passing = s.scratch, true
	}
	s.at = from + end + len("]]>")
	return nil
}

func (s *scanner) comment() error {
	from := s.at + len("<!--")
	end := bytes.Index(s.data[from:], []byte("--"))
	if end < 0 || from+end+2 >= len(s.data) {
		return s.fail(s.at, "the document ends within a comment")
	}
	if s.data[from+end+2] != '>' {
		return s.fail(from+end, "-- within a comment")
	}
	s.at = from + end + len("-->")
	return nil
}

// instruction passes over a processing instruction; the declaration is none and
// stands at the beginning only.
func (s *scanner) instruction() error {
	at := s.at
	s.at += len("<?")
	target, err := s.readName()
	if err != nil {
		return err
	}
	if bytes.EqualFold(target, []byte("xml")) {
		return s.fail(at, "an XML declaration within the document")
	}
	end := bytes.Index(s.data[s.at:], []byte("?>"))
	switch {
	case end < 0:
		return s.fail(at, "the document ends within a processing instruction")
	case end > 0 && !isSpace(s.data[s.at]):
		return s.fail(s.at, "the name is not well-formed")
	}
	s.at += end + len("?>")
	return nil
}

func (s *scanner) start() error {
	at := s.at
	if s.began && len(s.open) == 0 {
		return s.fail(at, "a second root element")
	}
	s.began = true
	s.at++
	name, err := s.readName()
	if err != nil {
		return err
	}
	if err := s.attributes("/>"); err != nil {
		return err
	}
	s.name = name
	s.open = append(s.open, name)
	if s.data[s.at] == '/' {
		s.closes = true
		s.at++
	}
	s.at++
	return nil
}

func (s *scanner) end() error {
	at := s.at
	s.at += len("</")
	name, err := s.readName()
	if err != nil {
		return err
	}
	s.space()
	switch {
	case s.at == len(s.data):
		return s.fail(at, "the document ends within a tag")
	case s.data[s.at] != '>':
		return s.fail(s.at, "the end tag is not well-formed")
	case len(s.open) == 0 || !bytes.Equal(s.open[len(s.open)-1], name):
		return s.fail(at, "the end tag closes another element than the one that is open")
	}
	s.at++
	s.pop()
	return nil
}

func (s *scanner) pop() {
	s.name = s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
}

// attributes reads up to the end of the tag: to ?> of a declaration, else to > or
// />, which are left unread.
func (s *scanner) attributes(until string) error {
	s.attrs = s.attrs[:0]
	for {
		spaced := s.space()
		rest := s.data[s.at:]
		switch {
		case len(rest) == 0:
			return s.fail(s.at, "the document ends within a tag")
		case bytes.HasPrefix(rest, []byte(until)), until == "/>" && rest[0] == '>':
			return nil
		case !spaced:
			return s.fail(s.at, "the tag is not well-formed")
		}
		at := s.at
		name, err := s.readName()
		if err != nil {
			return err
		}
		s.space()
		if s.at == len(s.data) || s.data[s.at] != '=' {
			return s.fail(s.at, "an attribute has no value")
		}
		s.at++
		s.space()
		value, err := s.quoted()
		if err != nil {
			return err
		}
		for _, a := range s.attrs {
			if bytes.Equal(a.name, name) {
				return s.fail(at, "an attribute is given twice")
			}
		}
		if len(s.attrs) == maxAttributes {
			return s.fail(at, "an element has more than %d attributes", maxAttributes)
		}
		s.attrs = append(s.attrs, attribute{name, value})
	}
}

func (s *scanner) quoted() ([]byte, error) {
	if s.at == len(s.data) || s.data[s.at] != '"' && s.data[s.at] != '\'' {
		return nil, s.fail(s.at, "an attribute has no quoted value")
	}
	from := s.at + 1
	end := bytes.IndexByte(s.data[from:], s.data[s.at])
	if end < 0 {
		return nil, s.fail(s.at, "the document ends within an attribute")
	}
	raw := s.data[from : from+end]
	s.at = from + end + 1
	if i := bytes.IndexByte(raw, '<'); i >= 0 {
		return nil, s.fail(from+i, "< within an attribute")
	}
	if bytes.ContainsAny(raw, "&\t\n\r") {
		value, err := s.resolve(raw, from, true)
		return bytes.Clone(value), err
	}
	return raw, nil
}

// readName reads a name of ASCII letters, digits and ".-_" with one colon at
// most: all names that openEHR uses are such.
func (s *scanner) readName() ([]byte, error) {
	from, first, colon := s.at, s.at, false
	for ; s.at < len(s.data); s.at++ {
		switch kind := nameBytes[s.data[s.at]]; {
		case kind == nameStart, kind == namePart && s.at > first:
		case s.data[s.at] == ':' && s.at > first && !colon:
			colon, first = true, s.at+1
		case s.at == first, s.data[s.at] >= utf8.RuneSelf:
			return nil, s.fail(s.at, "the name is not well-formed")
		default:
			return s.data[from:s.at], nil
		}
	}
	return nil, s.fail(s.at, "the document ends within a tag")
}

const (
	nameStart = iota + 1
	namePart
)

// nameBytes says where in a name a byte may stand.
var nameBytes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
			t[c] = nameStart
		case '0' <= c && c <= '9', c == '-', c == '.':
			t[c] = namePart
		}
	}
	return t
}()

func (s *scanner) space() bool {
	from := s.at
	for s.at < len(s.data) && isSpace(s.data[s.at]) {
		s.at++
	}
	return s.at > from
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isBlank(b []byte) bool {
	for _, c := range b {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

// lineEnds makes \n of \r\n and of \r (XML 1.0, 2.11).
func lineEnds(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\r' {
			if i+1 < len(raw) && raw[i+1] == '\n' {
				continue
			}
			c = '\n'
		}
		dst = append(dst, c)
	}
	return dst
}

// resolve writes raw with its references replaced, and its line ends, or the
// white space of an attribute, normalised. base is where raw stands.
func (s *scanner) resolve(raw []byte, base int, inAttribute bool) ([]byte, error) {
	out := s.scratch[:0]
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '&':
			end := bytes.IndexByte(raw[i:min(len(raw), i+12)], ';')
			if end < 0 {
				return nil, s.fail(base+i, "& that begins no reference")
			}
			r, ok := reference(raw[i+1 : i+end])
			if !ok {
				return nil, s.fail(base+i, "a reference to an entity or character that does not exist")
			}
			out = utf8.AppendRune(out, r)
			i += end
			continue
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n':
			continue
		case inAttribute && isSpace(c):
			c = ' '
		case c == '\r':
			c = '\n'
		}
		out = append(out, c)
	}
	s.scratch = out
	return out, nil
}

// entities are the five that XML has by itself.
var entities = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "apos": '\'', "quot": '"'}

func reference(name []byte) (rune, bool) {
	if len(name) == 0 || name[0] != '#' {
		r, ok := entities[string(name)]
		return r, ok
	}
	digits, base := string(name[1:]), 10
	if len(digits) > 0 && digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !isChar(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// isChar says whether XML 1.0 can hold the character (2.2, Char).
func isChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xD800 && r <= 0xDFFF, r == 0xFFFE, r == 0xFFFF:
		return false
	}
	return r <= utf8.MaxRune
}
