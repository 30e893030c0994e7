package adl

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// kind tells ODIN values apart.
type kind uint8

const (
	object kind = iota // members
	str
	number
	boolean
	code     // text is terminology::code
	interval // of numbers, dates or durations
	word     // anything else: dates, URIs, paths
	list     // items
)

// value is one ODIN value.
type value struct {
	kind kind
	// class is the declared type of an object.
	class    string
	text     string
	items    []*value
	members  []member
	interval *aom.Interval
	at       int
}

// member is an attribute, or a keyed item.
type member struct {
	name  string
	keyed bool
	value *value
	at    int
}

// odinMembers reads attributes up to what is none: the end of the object, or
// the next section.
func (s *source) odinMembers() []member {
	var out []member
	for {
		s.skip()
		m := member{at: s.pos}
		switch c := s.peek(); {
		case c == '[':
			s.pos++
			m.keyed = true
			if s.peek() == '"' {
				m.name = s.quoted()
			} else {
				m.name = strings.TrimSpace(s.until("]"))
			}
			s.expect("]")
		case letter(c):
			m.name = s.seeWord()
			s.pos += len(m.name)
			if s.peek() != '=' {
				s.pos = m.at
				return out
			}
		default:
			return out
		}
		s.expect("=")
		m.value = s.odinValue()
		s.accept(";")
		out = append(out, m)
	}
}

// odinValue reads an optional type and what stands between < and >.
func (s *source) odinValue() *value {
	defer s.nest()()
	class := ""
	if s.accept("(") {
		class = strings.TrimSpace(s.until(")"))
		s.expect(")")
	}
	s.skip()
	at := s.pos
	s.expect("<")
	v := s.odinContent()
	v.class, v.at = class, at
	s.expect(">")
	return v
}

func (s *source) odinContent() *value {
	c := s.peek()
	if c == '>' || c == '[' && s.keyAhead() {
		return &value{members: s.odinMembers()}
	}
	if letter(c) {
		if members := s.odinMembers(); members != nil {
			return &value{members: members}
		}
	}
	first := s.odinLeaf()
	if s.peek() != ',' {
		return first
	}
	l := &value{kind: list, items: []*value{first}}
	for s.accept(",") {
		if s.accept("...") {
			break
		}
		l.items = append(l.items, s.odinLeaf())
	}
	return l
}

// keyAhead tells a key, ["a"] or [1] =, from a code [terminology::code].
func (s *source) keyAhead() bool {
	rest := s.text[s.pos+1:]
	if strings.HasPrefix(strings.TrimLeft(rest, " \t"), `"`) {
		return true
	}
	_, after, _ := strings.Cut(rest, "]")
	return strings.HasPrefix(strings.TrimLeft(after, " \t\r\n"), "=")
}

func (s *source) odinLeaf() *value {
	s.skip()
	v := &value{at: s.pos}
	switch c := s.peek(); {
	case c == '"':
		v.kind, v.text = str, s.quoted()
	case c == '[':
		s.pos++
		v.kind, v.text = code, strings.TrimSpace(s.until("]"))
		s.expect("]")
	case c == '|':
		v.kind, v.interval = interval, s.interval()
	case c == '\'':
		s.pos++
		v.kind, v.text = word, s.until("'")
		s.pos++
	default:
		v.kind, v.text = word, strings.TrimSpace(s.until(">,"))
		switch {
		case v.text == "":
			s.fail("a value")
		case isNumber(v.text):
			v.kind = number
		case strings.EqualFold(v.text, "true"), strings.EqualFold(v.text, "false"):
			v.kind = boolean
		case strings.Contains(v.text, ":/") || strings.Contains(v.text, "terminology:"):
			// An address may hold commas.
			v.text += s.until(">")
			v.text = strings.TrimSpace(v.text)
		}
	}
	return v
}

// get gives the value of an attribute, nil when absent.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, m := range v.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// string gives a leaf's text, "" for none.
func (v *value) string() string {
	if v == nil {
		return ""
	}
	return v.text
}

// leaf says whether the value is one text, number or other plain value, or none
// at all.
func (v *value) leaf() bool {
	return v.kind != list && v.kind != interval && (v.kind != object || len(v.members) == 0)
}
