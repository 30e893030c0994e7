package hl7v2

import (
	"strconv"
	"strings"
)

// Message is a message taken apart. The first segment is MSH.
type Message struct {
	Delimiters Delimiters
	Segments   []Segment
}

// Delimiters are the characters a message is taken apart by (HL7 2.5.1, 2.5.4).
type Delimiters struct{ Field, Component, Repetition, Escape, Subcomponent byte }

// Standard are the delimiters the standard recommends, and those we write.
var Standard = Delimiters{'|', '^', '~', '\\', '&'}

// Segment is one line of a message: Fields[0] is field 1. In MSH field 1 is the
// field delimiter and field 2 the others, both as they are written.
type Segment struct {
	Name   string
	Fields []Field
}

// Field holds the repetitions of a field; an empty one has none.
type Field []Repetition

// Repetition holds components, each of subcomponents, their escapes resolved.
type Repetition []Component

// Component holds subcomponents.
type Component []string

// Null is the value that says: take away what you hold (HL7 2.5.1, 2.5.3).
const Null = `""`

// Place is where in a message something stands.
type Place struct {
	Segment string
	// Occurrence counts segments of the name, Field fields, Repetition repetitions
	// and Component components, all from 1; 0 is the whole.
	Occurrence, Field, Repetition, Component, Subcomponent int
}

// String writes a place as people do: PID-3.1, OBX[2]-5.
func (p Place) String() string {
	s := p.Segment
	if p.Occurrence > 1 {
		s += "[" + strconv.Itoa(p.Occurrence) + "]"
	}
	if p.Field > 0 {
		s += "-" + strconv.Itoa(p.Field)
	}
	if p.Repetition > 1 {
		s += "(" + strconv.Itoa(p.Repetition) + ")"
	}
	if p.Component > 0 {
		s += "." + strconv.Itoa(p.Component)
	}
	if p.Subcomponent > 0 {
		s += "." + strconv.Itoa(p.Subcomponent)
	}
	return s
}

// ParsePlace reads SEG, SEG-n, SEG-n.c or SEG-n.c.s, each with [occurrence] and
// (repetition) where wanted.
func ParsePlace(text string) (Place, bool) {
	name, rest, field := strings.Cut(text, "-")
	p := Place{Occurrence: 1}
	ok := true
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 999 {
			ok = false
		}
		return n
	}
	if before, in, has := strings.Cut(name, "["); has {
		if !strings.HasSuffix(in, "]") {
			return p, false
		}
		name, p.Occurrence = before, number(strings.TrimSuffix(in, "]"))
	}
	if p.Segment = name; !segmentName(name) {
		return p, false
	}
	if !field {
		return p, ok
	}
	parts := strings.Split(rest, ".")
	if len(parts) > 3 {
		return p, false
	}
	p.Repetition = 1
	if before, in, has := strings.Cut(parts[0], "("); has {
		if !strings.HasSuffix(in, ")") {
			return p, false
		}
		parts[0], p.Repetition = before, number(strings.TrimSuffix(in, ")"))
	}
	p.Field = number(parts[0])
	if len(parts) > 1 {
		p.Component = number(parts[1])
	}
	if len(parts) > 2 {
		p.Subcomponent = number(parts[2])
	}
	return p, ok
}

func segmentName(s string) bool {
	if len(s) != 3 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < 3; i++ {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// Segment is the n-th segment of a name, from 1; nil where there is none.
func (m *Message) Segment(name string, n int) *Segment {
	for i := range m.Segments {
		if m.Segments[i].Name == name {
			if n--; n == 0 {
				return &m.Segments[i]
			}
		}
	}
	return nil
}

// Get is the value at a place: the first component of the first repetition where
// it names none. "" is what is not there.
func (m *Message) Get(p Place) string {
	s := m.Segment(p.Segment, max(p.Occurrence, 1))
	if s == nil {
		return ""
	}
	return s.Value(p.Field, p.Repetition, p.Component, p.Subcomponent)
}

// At is Get for a place in writing; one that is none is "".
func (m *Message) At(place string) string {
	p, ok := ParsePlace(place)
	if !ok {
		return ""
	}
	return m.Get(p)
}

// Field is a field by its number, nil where it is not there.
func (s *Segment) Field(n int) Field {
	if s == nil || n < 1 || n > len(s.Fields) {
		return nil
	}
	return s.Fields[n-1]
}

// Value is a value by numbers from 1; 0 counts as 1.
func (s *Segment) Value(field, repetition, component, subcomponent int) string {
	f := s.Field(field)
	repetition, component, subcomponent = max(repetition, 1), max(component, 1), max(subcomponent, 1)
	if repetition > len(f) || component > len(f[repetition-1]) || subcomponent > len(f[repetition-1][component-1]) {
		return ""
	}
	return f[repetition-1][component-1][subcomponent-1]
}

// Set puts a value in its place and makes what stands before it.
func (s *Segment) Set(field, repetition, component, subcomponent int, value string) {
	field, repetition, component, subcomponent = max(field, 1), max(repetition, 1), max(component, 1), max(subcomponent, 1)
	for len(s.Fields) < field {
		s.Fields = append(s.Fields, nil)
	}
	f := &s.Fields[field-1]
	for len(*f) < repetition {
		*f = append(*f, nil)
	}
	r := &(*f)[repetition-1]
	for len(*r) < component {
		*r = append(*r, nil)
	}
	c := &(*r)[component-1]
	for len(*c) < subcomponent {
		*c = append(*c, "")
	}
	(*c)[subcomponent-1] = value
}

// Type is the message type and trigger event, such as ORU^R01.
func (m *Message) Type() string {
	return strings.TrimSuffix(m.At("MSH-9.1")+"^"+m.At("MSH-9.2"), "^")
}

// ControlID is MSH-10.
func (m *Message) ControlID() string { return m.At("MSH-10") }

// Sender is who sent it, as application and facility (MSH-3, MSH-4): with the
// control id it is what a repeated message is known by.
func (m *Message) Sender() string { return m.At("MSH-3") + "|" + m.At("MSH-4") }
