package random

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// quote writes a string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + "'"
}

var someLiterals = []string{
	"120", "4.5", "-1", "100.0", "2", "0", "1.5e1", "'Visit'", "'2024-05'", "'2024'", "'2022-02-03T04'", "'2024-05-10'", "'2024-05-01T10:00:00Z'", "'08:30:00'",
	"'PT90M'", "'P1D'", "'at0004'", "'alpha'", "true", "false", "''", `'it\'s'`, `"double"`,
}

func (m *Maker) literal() string { return m.one(someLiterals...) }

// sample is a value of the data: its text and what it is.
type sample struct {
	text     string
	number   bool
	boolean  bool
	temporal bool
	object   bool
	uid      bool
}

var temporal = map[rminfo.Class]bool{rminfo.DV_DATE: true, rminfo.DV_TIME: true, rminfo.DV_DATE_TIME: true, rminfo.DV_DURATION: true}

// sampleAt reads the value at a node; of an object the member it is compared by.
func sampleAt(t *rm.Tree, n rm.ID) sample {
	if t == nil || n == rm.None {
		return sample{}
	}
	switch t.Kind(n) {
	case rm.Object:
		class := t.Class(n)
		if class == rminfo.DV_QUANTITY || class == rminfo.DV_COUNT {
			return sample{text: t.TextAt(n, rminfo.A_magnitude), number: true, object: true}
		}
		if class == rminfo.DV_PROPORTION {
			return sample{text: t.TextAt(n, rminfo.A_numerator), number: true, object: true}
		}
		if class == rminfo.DV_ORDINAL || class == rminfo.DV_SCALE {
			return sample{text: t.TextAt(n, rminfo.A_value), number: true, object: true}
		}
		return sample{text: t.TextAt(n, rminfo.A_value), object: true, temporal: temporal[class]}
	case rm.Number:
		return sample{text: t.Text(n), number: true}
	case rm.Boolean:
		return sample{text: t.Text(n), boolean: true}
	}
	p := t.Parent(n)
	s := sample{text: t.Text(n)}
	if p != rm.None && t.Attr(n) == rminfo.A_value {
		s.temporal, s.uid = temporal[t.Class(p)], t.Class(p) == rminfo.OBJECT_VERSION_ID
	}
	return s
}

// near gives a literal equal or close to a value.
func (m *Maker) near(s sample) string {
	switch {
	case s.text == "" || m.in(8):
		return m.literal()
	case s.boolean:
		m.use("WHERE boolean")
		return m.one("true", "false")
	case s.number:
		return m.one(s.text, s.text, s.text+"e0", strings.TrimSuffix(s.text, ".0"), "1", "5", "100")
	case s.temporal:
		return quote(m.nearTime(s.text))
	case s.uid:
		m.use("WHERE version uid")
		id, _, _ := strings.Cut(s.text, "::")
		return quote(m.one(s.text, id, id+"::::1", strings.ToUpper(id)))
	}
	return quote(m.one(s.text, s.text, s.text+" ", strings.ToLower(s.text)))
}

// nearTime cuts a time to what is partial, or says it in another zone.
func (m *Maker) nearTime(s string) string {
	switch m.IntN(4) {
	case 0:
		for _, n := range []int{4, 7, 10, 13, 16} {
			if len(s) > n && m.in(2) && s[0] != 'P' {
				m.use("WHERE partial date")
				return strings.TrimRight(s[:n], "T:-")
			}
		}
	case 1:
		if strings.Contains(s, "T") && s[0] != 'P' {
			m.use("WHERE time zone")
			base, _, _ := strings.Cut(strings.TrimSuffix(s, "Z"), "+")
			return base + m.one("Z", "+01:00", "-05:30", "")
		}
	}
	return s
}

// parameter is the same as a literal, as JSON has it.
func (m *Maker) parameter(s sample) any {
	switch {
	case s.text == "" || m.in(10):
		return []any{"Visit", json.Number("5"), true, "2024-05", json.Number("100.0")}[m.IntN(5)]
	case s.number:
		return json.Number(s.text)
	case s.boolean:
		return s.text == "true"
	case s.temporal:
		return m.nearTime(s.text)
	}
	return s.text
}

// pattern makes a LIKE pattern of a text, with its own wildcards escaped.
func (m *Maker) pattern(s string, escapes *bool) string {
	runes := []rune(s)
	if len(runes) > 40 {
		runes = runes[:40]
	}
	var b strings.Builder
	for _, r := range runes {
		switch {
		case m.in(8):
			b.WriteByte('?')
		case m.in(10):
			b.WriteByte('*')
		case slices.Contains([]rune{'*', '?', '\\'}, r):
			*escapes = true
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	if m.in(2) {
		b.WriteByte('*')
	}
	return b.String()
}
