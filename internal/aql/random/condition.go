package random

import (
	"encoding/json"
	"strings"
)

// condition makes a condition; depth bounds the nesting.
func (m *Maker) condition(depth int) string {
	if depth > 0 && m.in(3) {
		words := []string{"AND", "OR"}
		word := words[m.IntN(2)]
		m.use(word)
		left, right := m.condition(depth-1), m.condition(depth-1)
		if strings.HasPrefix(right, "(") {
			m.use("nested AND and OR")
		}
		return "(" + left + " " + word + " " + right + ")"
	}
	p := m.path()
	switch m.IntN(17) {
	case 0:
		m.use("EXISTS")
		return "EXISTS " + p.text
	case 1:
		m.use("NOT EXISTS")
		return "NOT EXISTS " + p.text
	case 2:
		m.use("NOT")
		return "NOT " + m.condition(0)
	case 3, 4:
		return m.like(p)
	case 5, 6:
		return m.matches(p)
	case 7:
		m.use("WHERE path to path")
		return p.text + m.one(" = ", " < ", " >= ", " != ") + m.path().text
	case 8:
		if m.in(2) {
			m.use("WHERE = NULL")
			return p.text + " = NULL"
		}
		m.use("WHERE != NULL")
		return p.text + " != NULL"
	case 9:
		m.use("WHERE null parameter")
		return p.text + m.one(" = ", " != ") + m.param(nil)
	case 10:
		m.use("WHERE = $parameter")
		return p.text + m.one(" = ", " = ", " >= ", " != ") + m.param(m.parameter(p.value))
	case 11:
		m.use("WHERE function")
		return m.function(1) + m.one(" = ", " <= ", " != ", " > ") + m.one(m.literal(), m.near(p.value), p.text)
	case 12:
		m.use("WHERE arithmetic")
		return p.text + m.one(" < ", " >= ", " = ") + m.arithmetic()
	case 13:
		if left, right := m.quantity(), m.quantity(); left != "" && right != "" {
			m.use("WHERE units")
			return left + m.one(" = ", " < ", " >= ", " != ") + right
		}
	}
	if p.value.object {
		m.use("WHERE object")
	}
	op := m.one(" = ", " = ", " != ", " < ", " <= ", " > ", " >= ")
	switch op {
	case " = ":
		m.use("WHERE = literal")
	case " != ":
		m.use("WHERE != literal")
	default:
		m.use("WHERE ordered literal")
	}
	return p.text + op + m.near(p.value)
}

func (m *Maker) like(p found) string {
	not := ""
	if m.in(5) {
		m.use("NOT LIKE")
		not = "NOT "
	}
	escapes := false
	pattern := m.pattern(p.value.text, &escapes)
	if m.in(5) {
		pattern, escapes = m.one("*a*", "?i*", "*", "2024*", "at000?"), false
	}
	if m.in(6) {
		// Few texts have a wildcard of their own; NOT LIKE one finds the others.
		pattern, escapes = pattern+m.one(`\*`, `\?`), true
	}
	m.use("LIKE")
	if m.in(4) {
		m.use("LIKE $parameter")
		return not + p.text + " LIKE " + m.param(pattern)
	}
	if escapes {
		m.use("LIKE with escapes")
	}
	// The lexer keeps the backslash before wildcards and undoubles others.
	written := strings.NewReplacer(`\*`, `\*`, `\?`, `\?`, `\\`, `\\\\`, `\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(pattern)
	return not + p.text + " LIKE '" + written + "'"
}

func (m *Maker) matches(p found) string {
	switch m.IntN(6) {
	case 0:
		m.use("MATCHES $array")
		return p.text + " MATCHES {" + m.param([]any{m.parameter(p.value), "nowhere", json.Number("3")}) + "}"
	case 1:
		m.use("MATCHES TERMINOLOGY")
		return p.text + " MATCHES TERMINOLOGY('expand', 'x', '" + m.one("letters", "greek", "ranks", "words") + "')"
	case 2:
		m.use("MATCHES URI")
		return p.text + " MATCHES {terminology://x/words}"
	case 3:
		m.use("MATCHES TERMINOLOGY in a list")
		return p.text + " MATCHES {" + m.near(p.value) + ", TERMINOLOGY('expand', 'x', 'ranks')}"
	}
	m.use("MATCHES values")
	items := []string{m.near(p.value), m.literal()}
	if m.in(4) {
		items = append(items, m.param(m.parameter(p.value)))
	}
	return p.text + " MATCHES {" + strings.Join(items, ", ") + "}"
}

func (m *Maker) arithmetic() string {
	return m.path().text + m.one(" + 1", " - 0.5", " * 2", " / 3", " * -1", " / 0", " + 2 * 3")
}

// function makes a call; depth is how many calls may stand in one another.
func (m *Maker) function(depth int) string {
	text, number := m.path().text, m.path().text
	if depth > 0 && m.in(5) {
		m.use("nested functions")
		text, number = m.function(0), m.function(0)
	}
	calls := []struct{ name, text string }{
		{"LENGTH", "LENGTH(" + text + ")"}, {"CONTAINS()", "CONTAINS(" + text + ", '" + m.one("a", "T", "4", "") + "')"},
		{"POSITION", "POSITION('" + m.one("e", "0", "") + "', " + text + ")"}, {"SUBSTRING", "SUBSTRING(" + text + ", " + m.one("1", "2", "0", "9") + m.one("", ", 3", ", 0") + ")"},
		{"CONCAT", "CONCAT(" + text + ", '-', " + number + ")"}, {"CONCAT_WS", "CONCAT_WS('; ', " + text + ", " + number + ", 1.50)"},
		{"ABS", "ABS(" + number + ")"}, {"MOD", "MOD(" + number + ", " + m.one("3", "7", "0", "1.5") + ")"}, {"CEIL", "CEIL(" + number + ")"}, {"FLOOR", "FLOOR(" + number + ")"},
		{"ROUND", "ROUND(" + number + m.one("", ", 1", ", -1", ", 2") + ")"},
		{"CURRENT_DATE", "CURRENT_DATE()"}, {"CURRENT_TIME", "CURRENT_TIME()"}, {"CURRENT_DATE_TIME", "CURRENT_DATE_TIME()"}, {"NOW", "NOW()"}, {"CURRENT_TIMEZONE", "CURRENT_TIMEZONE()"},
	}
	k := m.IntN(len(calls))
	if k >= 11 && m.IntN(3) > 0 {
		k = m.IntN(11)
	}
	m.use(calls[k].name)
	return calls[k].text
}
