package hl7v2

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Codes of HL7 table 0357, by which an acknowledgement says what is wrong.
const (
	CodeSequence    = "100" // segment sequence error
	CodeRequired    = "101" // required field missing
	CodeType        = "102" // data type error
	CodeTable       = "103" // table value not found
	CodeMessageType = "200" // unsupported message type
	CodeEvent       = "201" // unsupported event code
	CodeProcessing  = "202" // unsupported processing id
	CodeVersion     = "203" // unsupported version id
	CodeUnknownKey  = "204" // unknown key identifier
	CodeDuplicate   = "205" // duplicate key identifier
	CodeInternal    = "207" // application internal error
)

// Error is what is wrong with a message, and where. It never holds content.
type Error struct {
	Place Place
	// Code is of HL7 table 0357, Reason a word of ours, such as order-unknown.
	Code, Reason string
	Text         string
}

func (e *Error) Error() string {
	if e.Place.Segment == "" {
		return e.Text
	}
	return e.Place.String() + ": " + e.Text
}

// Refuse makes an Error of a place in writing.
func Refuse(place, code, reason, format string, args ...any) *Error {
	p, _ := ParsePlace(place)
	if !strings.ContainsRune(place, '(') {
		p.Repetition = 0
	}
	return &Error{Place: p, Code: code, Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// Limits bound a message; zero members take those of DefaultLimits.
type Limits struct {
	// Bytes of the whole, number of Segments, Fields in a segment, Repetitions in a
	// field, Parts (components and subcomponents) in a repetition.
	Bytes, Segments, Fields, Repetitions, Parts int
	// Charset reads messages without MSH-18: "" is ASCII.
	Charset string
}

// DefaultLimits hold a report with a file inside.
var DefaultLimits = Limits{Bytes: 20 << 20, Segments: 10_000, Fields: 200, Repetitions: 1000, Parts: 1000}

func (l Limits) filled() Limits {
	d := DefaultLimits
	for _, one := range []struct{ own, of *int }{{&l.Bytes, &d.Bytes}, {&l.Segments, &d.Segments}, {&l.Fields, &d.Fields}, {&l.Repetitions, &d.Repetitions}, {&l.Parts, &d.Parts}} {
		if *one.own == 0 {
			*one.own = *one.of
		}
	}
	return l
}

// Parse takes a message apart. Segments end with CR; LF and CRLF are taken too,
// since files of messages have them. The error is an *Error; where the header
// could be read the message is given with it, to be answered.
func Parse(data []byte, limits Limits) (*Message, error) {
	limits = limits.filled()
	if len(data) > limits.Bytes {
		return nil, Refuse("MSH", CodeInternal, "too-large", "the message is longer than %d bytes", limits.Bytes)
	}
	lines := bytes.FieldsFunc(data, func(r rune) bool { return r == '\r' || r == '\n' })
	if len(lines) == 0 || len(lines[0]) < 8 || string(lines[0][:3]) != "MSH" {
		return nil, Refuse("MSH", CodeSequence, "no-header", "the message does not begin with MSH, its field delimiter and its encoding characters")
	}
	d, err := delimiters(lines[0])
	if err != nil {
		return nil, err
	}
	m := &Message{Delimiters: d}
	p := parser{limits: limits, delimiters: d}
	// The header's own characters are ASCII up to MSH-18, which names the others'.
	if p.charset, err = charsetOf(lines[0], d, limits.Charset); err != nil {
		p.charset = latin1
		if header, bad := p.segment(lines[0], 1); bad == nil {
			m.Segments = append(m.Segments, header)
		}
		return m, err
	}
	if len(lines) > limits.Segments {
		if header, bad := p.segment(lines[0], 1); bad == nil {
			m.Segments = append(m.Segments, header)
		}
		return m, Refuse("MSH", CodeInternal, "too-large", "the message has more than %d segments", limits.Segments)
	}
	seen := map[string]int{}
	for _, line := range lines {
		name := string(line[:min(3, len(line))])
		if !segmentName(name) || len(line) > 3 && line[3] != d.Field {
			return m, Refuse("MSH", CodeSequence, "segment-malformed", "line %d is no segment: three letters or digits and the field delimiter", len(m.Segments)+1)
		}
		if name == "MSH" && len(m.Segments) > 0 {
			return m, Refuse("MSH[2]", CodeSequence, "second-header", "a second MSH: batches are not taken, one message is sent at a time")
		}
		seen[name]++
		s, err := p.segment(line, seen[name])
		if err != nil {
			return m, err
		}
		m.Segments = append(m.Segments, s)
	}
	return m, nil
}

// delimiters reads MSH-1 and MSH-2.
func delimiters(header []byte) (Delimiters, error) {
	d := Delimiters{Field: header[3]}
	chars, _, _ := bytes.Cut(header[4:], header[3:4])
	if len(chars) < 4 || len(chars) > 5 {
		return d, Refuse("MSH-2", CodeType, "delimiters", "MSH-2 holds four encoding characters, and from version 2.7 a fifth")
	}
	d.Component, d.Repetition, d.Escape, d.Subcomponent = chars[0], chars[1], chars[2], chars[3]
	seen := map[byte]bool{}
	for _, c := range append([]byte{d.Field}, chars...) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if c <= ' ' || c > '~' || letter || c == '"' || seen[c] {
			return d, Refuse("MSH-2", CodeType, "delimiters", "the delimiters are five different printable characters that are neither letters nor digits")
		}
		seen[c] = true
	}
	return d, nil
}

type parser struct {
	limits     Limits
	delimiters Delimiters
	charset    charset
}

func (p *parser) segment(line []byte, occurrence int) (Segment, error) {
	s := Segment{Name: string(line[:3])}
	place := Place{Segment: s.Name, Occurrence: occurrence}
	var fields [][]byte
	first := 1
	if s.Name == "MSH" {
		separator, rest, _ := bytes.Cut(line[4:], []byte{p.delimiters.Field})
		s.Fields = []Field{{{{string(p.delimiters.Field)}}}, {{{string(separator)}}}}
		first = 3
		if len(line) > 4+len(separator) {
			fields = bytes.Split(rest, []byte{p.delimiters.Field})
		}
	} else if len(line) > 4 {
		fields = bytes.Split(line[4:], []byte{p.delimiters.Field})
	}
	if len(fields) > p.limits.Fields {
		return s, &Error{Place: place, Code: CodeType, Reason: "too-large", Text: "the segment has more than " + strconv.Itoa(p.limits.Fields) + " fields"}
	}
	for n, text := range fields {
		place.Field = first + n
		f, err := p.field(text, place)
		if err != nil {
			return s, err
		}
		s.Fields = append(s.Fields, f)
	}
	return s, nil
}

func (p *parser) field(text []byte, place Place) (Field, error) {
	if len(text) == 0 {
		return nil, nil
	}
	repetitions := bytes.Split(text, []byte{p.delimiters.Repetition})
	if len(repetitions) > p.limits.Repetitions {
		return nil, &Error{Place: place, Code: CodeType, Reason: "too-large", Text: "the field repeats more than " + strconv.Itoa(p.limits.Repetitions) + " times"}
	}
	f := make(Field, len(repetitions))
	for n, r := range repetitions {
		place.Repetition = n + 1
		parts := bytes.Count(r, []byte{p.delimiters.Component}) + bytes.Count(r, []byte{p.delimiters.Subcomponent})
		if parts >= p.limits.Parts {
			return nil, &Error{Place: place, Code: CodeType, Reason: "too-large", Text: "the field has more than " + strconv.Itoa(p.limits.Parts) + " parts"}
		}
		if len(r) == 0 {
			continue
		}
		for i, c := range bytes.Split(r, []byte{p.delimiters.Component}) {
			var component Component
			for _, sub := range bytes.Split(c, []byte{p.delimiters.Subcomponent}) {
				value, err := p.charset.decode(sub, p.delimiters)
				if err != nil {
					place.Component = i + 1
					return nil, &Error{Place: place, Code: CodeType, Reason: "text", Text: err.Error()}
				}
				component = append(component, value)
			}
			f[n] = append(f[n], component)
		}
	}
	return f, nil
}
