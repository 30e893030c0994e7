package hl7v2

import (
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"
)

// charset turns the bytes of a message into text (HL7 table 0211).
type charset uint8

const (
	ascii charset = iota
	latin1
	latin9
	utf8Set
)

// charsets are those this server reads; a code page guessed wrong would alter
// names without anybody seeing it, so others are refused.
var charsets = map[string]charset{
	"": ascii, "ASCII": ascii, "8859/1": latin1, "8859/15": latin9, "UNICODE UTF-8": utf8Set,
}

// KnownCharset says whether messages in a character set can be read.
func KnownCharset(name string) bool { _, ok := charsets[name]; return ok }

func charsetOf(header []byte, d Delimiters, unnamed string) (charset, error) {
	fields := strings.Split(string(header), string(d.Field))
	name := ""
	if len(fields) > 17 {
		name, _, _ = strings.Cut(fields[17], string(d.Repetition))
	}
	if name == "" {
		name = unnamed
	}
	set, ok := charsets[name]
	if !ok {
		return ascii, Refuse("MSH-18", CodeTable, "charset", "the character set is not one that is read here: ASCII, 8859/1, 8859/15, UNICODE UTF-8")
	}
	return set, nil
}

// The eight places where Latin-9 differs from Latin-1.
var latin9Runes = map[byte]rune{0xA4: '€', 0xA6: 'Š', 0xA8: 'š', 0xB4: 'Ž', 0xB8: 'ž', 0xBC: 'Œ', 0xBD: 'œ', 0xBE: 'Ÿ'}

func (c charset) text(raw []byte) (string, error) {
	switch c {
	case utf8Set:
		if !utf8.Valid(raw) {
			return "", errors.New("the text is not UTF-8, which MSH-18 says it is")
		}
		return string(raw), nil
	case ascii:
		for _, b := range raw {
			if b > 0x7F {
				return "", errors.New("the text holds characters beyond ASCII and MSH-18 names no character set")
			}
		}
		return string(raw), nil
	}
	var s strings.Builder
	for _, b := range raw {
		r := rune(b)
		if special, ok := latin9Runes[b]; ok && c == latin9 {
			r = special
		}
		s.WriteRune(r)
	}
	return s.String(), nil
}

// decode resolves escape sequences (HL7 2.5.1, 2.7). What no rule covers, such as
// a local \Z...\, is kept as it stands, so that nothing is lost.
func (c charset) decode(raw []byte, d Delimiters) (string, error) {
	var out []byte
	for i := 0; i < len(raw); i++ {
		if b := raw[i]; b != d.Escape {
			if b < ' ' && b != '\t' {
				return "", errors.New("the text holds a control character")
			}
			out = append(out, b)
			continue
		}
		end := -1
		for j := i + 1; j < len(raw) && j < i+200; j++ {
			if raw[j] == d.Escape {
				end = j
				break
			}
		}
		if end < 0 {
			out = append(out, raw[i])
			continue
		}
		sequence := string(raw[i+1 : end])
		value, ok := resolve(sequence, d)
		if !ok {
			for _, b := range raw[i:end] {
				if b < ' ' && b != '\t' {
					return "", errors.New("the text holds a control character")
				}
			}
			out = append(out, raw[i:end+1]...)
			i = end
			continue
		}
		if strings.ContainsRune(value, 0) {
			return "", errors.New("an escape sequence stands for the character NUL")
		}
		out = append(out, value...)
		i = end
	}
	return c.text(out)
}

// resolve gives the bytes an escape sequence stands for.
func resolve(sequence string, d Delimiters) (string, bool) {
	switch sequence {
	case "F":
		return string(d.Field), true
	case "S":
		return string(d.Component), true
	case "T":
		return string(d.Subcomponent), true
	case "R":
		return string(d.Repetition), true
	case "E":
		return string(d.Escape), true
	case ".br":
		return "\n", true
	case "H", "N":
		return "", true
	}
	if rest, ok := strings.CutPrefix(sequence, "X"); ok && len(rest) > 0 {
		if raw, err := hex.DecodeString(rest); err == nil {
			return string(raw), true
		}
	}
	return "", false
}

// Encode writes a message, in UTF-8 unless it is ASCII, and says so in MSH-18.
// Segments end with CR.
func (m *Message) Encode() []byte {
	var out []byte
	d := m.Delimiters
	plain := true
	for _, s := range m.Segments {
		for _, f := range s.Fields {
			for _, r := range f {
				for _, c := range r {
					for _, v := range c {
						plain = plain && isASCII(v)
					}
				}
			}
		}
	}
	for n, s := range m.Segments {
		if n == 0 && !plain && s.Name == "MSH" {
			s.Fields = append([]Field(nil), s.Fields...)
			s.Set(18, 1, 1, 1, "UNICODE UTF-8")
		}
		out = append(out, s.Name...)
		fields := s.Fields
		if s.Name == "MSH" {
			out = append(out, d.Field, d.Component, d.Repetition, d.Escape, d.Subcomponent)
			fields = fields[min(2, len(fields)):]
		}
		last := len(fields)
		for last > 0 && empty(fields[last-1]) {
			last--
		}
		for _, f := range fields[:last] {
			out = append(out, d.Field)
			out = d.field(out, f)
		}
		out = append(out, '\r')
	}
	return out
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] > 0x7F {
			return false
		}
	}
	return true
}

func empty(f Field) bool {
	for _, r := range f {
		for _, c := range r {
			for _, v := range c {
				if v != "" {
					return false
				}
			}
		}
	}
	return len(f) < 2
}

func (d Delimiters) field(out []byte, f Field) []byte {
	for i, r := range f {
		if i > 0 {
			out = append(out, d.Repetition)
		}
		lastComponent := 0
		for j, c := range r {
			for _, v := range c {
				if v != "" {
					lastComponent = j + 1
				}
			}
		}
		for j, c := range r[:lastComponent] {
			if j > 0 {
				out = append(out, d.Component)
			}
			last := len(c)
			for last > 0 && c[last-1] == "" {
				last--
			}
			for k, v := range c[:last] {
				if k > 0 {
					out = append(out, d.Subcomponent)
				}
				out = d.escape(out, v)
			}
		}
	}
	return out
}

func (d Delimiters) escape(out []byte, value string) []byte {
	sequence := func(s string) { out = append(append(append(out, d.Escape), s...), d.Escape) }
	for i := 0; i < len(value); i++ {
		switch b := value[i]; {
		case b == d.Field:
			sequence("F")
		case b == d.Component:
			sequence("S")
		case b == d.Subcomponent:
			sequence("T")
		case b == d.Repetition:
			sequence("R")
		case b == d.Escape:
			sequence("E")
		case b == '\n':
			sequence(".br")
		case b < ' ' && b != '\t' || b == 0x7F:
			sequence("X" + strings.ToUpper(hex.EncodeToString([]byte{b})))
		default:
			out = append(out, b)
		}
	}
	return out
}
