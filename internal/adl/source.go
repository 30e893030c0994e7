package adl

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/fault"
)

// Limits of an archetype. The largest published one is 1 MB.
const (
	maxBytes  = 16 << 20
	maxDepth  = 200
	maxFaults = 200
)

// source is the text with a cursor. A fault of syntax leaves the section by a
// panic of type bailout, which section catches; all others are collected.
type source struct {
	text   string
	pos    int
	depth  int
	lines  []int // offset of each line's start
	faults []fault.Issue
	// section and rule are what a fault of syntax is reported as.
	section, rule string
}

type bailout struct{}

func newSource(text string) *source {
	s := &source{text: text, lines: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// place gives line and column of an offset, both from 1; the column counts
// characters.
func (s *source) place(offset int) (line, column int) {
	line = sort.SearchInts(s.lines, offset+1)
	start := s.lines[line-1]
	return line, utf8.RuneCountInString(s.text[start:min(offset, len(s.text))]) + 1
}

func (s *source) fault(offset int, rule, path, expected, found, format string, args ...any) {
	if len(s.faults) >= maxFaults {
		return
	}
	line, column := s.place(offset)
	s.faults = append(s.faults, fault.Issue{Path: path, Rule: rule, Expected: expected, Found: found,
		Message: fmt.Sprintf("line %d:%d: ", line, column) + fmt.Sprintf(format, args...)})
}

// fail reports a fault of syntax at the cursor and leaves the section.
func (s *source) fail(expected string) {
	s.failAt(s.pos, expected)
}

func (s *source) failAt(offset int, expected string) {
	found := s.glimpse(offset)
	s.fault(offset, s.rule, "/"+s.section, expected, found, "expected %s, found %s", expected, found)
	panic(bailout{})
}

// glimpse shows what stands at an offset, a few characters of it.
func (s *source) glimpse(offset int) string {
	rest := s.text[min(offset, len(s.text)):]
	if strings.TrimSpace(rest) == "" {
		return "the end"
	}
	rest, _, _ = strings.Cut(rest, "\n")
	n := 0
	for i := range rest {
		if n == 20 {
			rest = rest[:i]
			break
		}
		n++
	}
	return fmt.Sprintf("%q", strings.TrimSpace(rest))
}

// skip passes over blanks and comments.
func (s *source) skip() {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			s.pos++
		case c == '-' && strings.HasPrefix(s.text[s.pos:], "--"):
			end := strings.IndexByte(s.text[s.pos:], '\n')
			if end < 0 {
				s.pos = len(s.text)
				return
			}
			s.pos += end
		case c == 0xC2 && strings.HasPrefix(s.text[s.pos:], "\u00a0"): // pasted from web pages
			s.pos += 2
		default:
			return
		}
	}
}

func (s *source) end() bool {
	s.skip()
	return s.pos >= len(s.text)
}

// peek gives the next byte after blanks, 0 at the end.
func (s *source) peek() byte {
	if s.end() {
		return 0
	}
	return s.text[s.pos]
}

// ahead gives the byte n after the cursor, 0 beyond the end.
func (s *source) ahead(n int) byte {
	if s.pos+n >= len(s.text) {
		return 0
	}
	return s.text[s.pos+n]
}

func (s *source) accept(symbol string) bool {
	s.skip()
	if !strings.HasPrefix(s.text[s.pos:], symbol) {
		return false
	}
	s.pos += len(symbol)
	return true
}

func (s *source) expect(symbol string) {
	if !s.accept(symbol) {
		s.fail("'" + symbol + "'")
	}
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// seeWord gives the identifier at the cursor, "" when there is none.
func (s *source) seeWord() string {
	s.skip()
	i := s.pos
	for i < len(s.text) && (letter(s.text[i]) || i > s.pos && (digit(s.text[i]) || s.text[i] == '_')) {
		i++
	}
	return s.text[s.pos:i]
}

func (s *source) word(expected string) string {
	w := s.seeWord()
	if w == "" {
		s.fail(expected)
	}
	s.pos += len(w)
	return w
}

// keyword accepts one of the words, in any case.
func (s *source) keyword(words ...string) bool {
	w := s.seeWord()
	for _, k := range words {
		if strings.EqualFold(w, k) {
			s.pos += len(w)
			return true
		}
	}
	return false
}

// until gives the text up to one of the stops, which stays.
func (s *source) until(stops string) string {
	end := strings.IndexAny(s.text[s.pos:], stops)
	if end < 0 {
		s.pos = len(s.text)
		s.fail("one of " + stops)
	}
	start := s.pos
	s.pos += end
	return s.text[start:s.pos]
}

// take gives the longest text of characters that belong.
func (s *source) take(belongs func(byte) bool) string {
	start := s.pos
	for s.pos < len(s.text) && belongs(s.text[s.pos]) {
		s.pos++
	}
	return s.text[start:s.pos]
}

// quoted reads a string in double quotes; it may run over lines. ADL 1.4 knows
// \" \\ \n \r \t and \'; any other backslash stands for itself.
func (s *source) quoted() string {
	start := s.pos
	s.expect(`"`)
	var b strings.Builder
	for {
		i := strings.IndexAny(s.text[s.pos:], `"\`)
		if i < 0 {
			s.failAt(start, "a closing quote")
		}
		b.WriteString(s.text[s.pos : s.pos+i])
		s.pos += i + 1
		if s.text[s.pos-1] == '"' {
			return b.String()
		}
		switch c := s.ahead(0); c {
		case '"', '\\', '\'':
			b.WriteByte(c)
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		default:
			b.WriteByte('\\')
			continue
		}
		s.pos++
	}
}

// nest guards against texts that nest without end; call the result to leave.
func (s *source) nest() func() {
	s.depth++
	if s.depth > maxDepth {
		s.fail("less nesting")
	}
	return func() { s.depth-- }
}
