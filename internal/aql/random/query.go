package random

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
)

// Query is one random query.
type Query struct {
	// Text is the query; Whole is the same without LIMIT and TOP.
	Text, Whole string
	Params      map[string]any
	// Offset and Count are the window over the rows of Whole, Count -1 for all;
	// Backward takes them from the end.
	Offset, Count int64
	Backward      bool
	Constructs    []string
}

// Maker makes queries over the documents it was given. It is not safe for
// concurrent use.
type Maker struct {
	*rand.Rand
	trees []*rm.Tree
	ehrs  []string

	// Of the query under way.
	q      *Query
	vars   []*variable
	params int
	names  int
	all    bool // ranges over all versions
}

// New gives a maker for documents of some EHRs.
func New(r *rand.Rand, trees []*rm.Tree, ehrs []string) *Maker {
	return &Maker{Rand: r, trees: trees, ehrs: ehrs}
}

func (m *Maker) one(list ...string) string { return list[m.IntN(len(list))] }

// in says yes once in n times.
func (m *Maker) in(n int) bool { return m.IntN(n) == 0 }

func (m *Maker) use(name string) {
	if !slices.Contains(Constructs, name) {
		panic("random: unknown construct " + name)
	}
	if !slices.Contains(m.q.Constructs, name) {
		m.q.Constructs = append(m.q.Constructs, name)
	}
}

// param makes a parameter with a value.
func (m *Maker) param(value any) string {
	m.params++
	name := "p" + strconv.Itoa(m.params)
	m.q.Params[name] = value
	return "$" + name
}

// Make makes the next query.
func (m *Maker) Make() *Query {
	m.q = &Query{Params: map[string]any{}, Count: -1}
	m.vars, m.params, m.names, m.all = nil, 0, 0, false
	from := m.from()
	columns, grouped, distinct := m.columns()
	where := ""
	if m.IntN(3) > 0 {
		where = " WHERE " + m.condition(2)
	}
	order := m.order(columns, grouped || distinct)
	body := strings.Join(columnTexts(columns), ", ") + " FROM " + from + where + order
	head := "SELECT "
	if distinct {
		m.use("DISTINCT")
		head += "DISTINCT "
	}
	m.q.Whole = head + body
	m.q.Text = m.window(head, body)
	m.style()
	return m.q
}

// window adds LIMIT or TOP now and then.
func (m *Maker) window(head, body string) string {
	switch m.IntN(12) {
	case 0:
		m.q.Count = int64(1 + m.IntN(4))
		m.use("TOP")
		word := m.one("", " FORWARD")
		if strings.Contains(body, " ORDER BY ") && m.in(2) {
			m.q.Backward, word = true, " BACKWARD"
			m.use("TOP BACKWARD")
		}
		return head + "TOP " + strconv.FormatInt(m.q.Count, 10) + word + " " + body
	case 1, 2:
		m.q.Count = int64(1 + m.IntN(6))
		m.use("LIMIT")
		text := head + body + " LIMIT " + strconv.FormatInt(m.q.Count, 10)
		if m.in(2) {
			m.q.Offset = int64(m.IntN(4))
			m.use("OFFSET")
			text += " OFFSET " + strconv.FormatInt(m.q.Offset, 10)
		}
		return text
	}
	return head + body
}

// style writes the query in another way that means the same.
func (m *Maker) style() {
	if m.in(10) {
		m.use("comment")
		m.q.Text = strings.Replace(m.q.Text, " FROM ", " -- what's next\n FROM ", 1)
	}
	if m.in(10) {
		m.use("lower-case keywords")
		for _, word := range []string{"SELECT ", " FROM ", " CONTAINS ", " WHERE "} {
			m.q.Text = strings.Replace(m.q.Text, word, strings.ToLower(word), 1)
		}
	}
}

// column is a column of SELECT.
type column struct {
	text, alias string
	path        bool
}

func columnTexts(columns []column) []string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		if texts[i] = c.text; c.alias != "" {
			texts[i] += " AS " + c.alias
		}
	}
	return texts
}

// columns makes the columns of SELECT; no aggregate stands beside DISTINCT.
func (m *Maker) columns() (columns []column, grouped, distinct bool) {
	distinct = m.in(8)
	aggregate := !distinct && m.in(5)
	for i := range 1 + m.IntN(3) {
		var c column
		switch k := m.IntN(20); {
		case aggregate && m.IntN(3) > 0:
			c.text, grouped = m.aggregate(), true
		case k == 0:
			c.text = m.literal()
			m.use("SELECT literal")
		case k == 1:
			c.text = m.param(m.IntN(9))
			m.use("SELECT parameter")
		case k < 5:
			c.text = m.function(1)
			m.use("SELECT function")
		case k == 5:
			c.text = m.arithmetic()
			m.use("SELECT arithmetic")
		default:
			c.text, c.path = m.selected(), true
		}
		if m.in(6) {
			c.alias = "a" + strconv.Itoa(i)
			m.use("SELECT alias")
		}
		columns = append(columns, c)
	}
	if grouped && slices.ContainsFunc(columns, func(c column) bool { return c.path }) {
		m.use("aggregate beside plain columns")
	}
	return columns, grouped, distinct
}

func (m *Maker) aggregate() string {
	p := m.path().text
	kinds := []struct{ name, text string }{
		{"COUNT(*)", "COUNT(*)"}, {"COUNT(path)", "COUNT(" + p + ")"}, {"COUNT(DISTINCT path)", "COUNT(DISTINCT " + p + ")"},
		{"MIN", "MIN(" + p + ")"}, {"MAX", "MAX(" + p + ")"}, {"SUM", "SUM(" + p + ")"}, {"AVG", "AVG(" + p + ")"},
	}
	k := kinds[m.IntN(len(kinds))]
	m.use(k.name)
	if m.in(8) {
		m.use("expression over an aggregate")
		return m.one("ROUND("+k.text+", 1)", k.text+" * 2", "CONCAT("+k.text+", '!')", "ABS("+k.text+")")
	}
	return k.text
}

// order makes ORDER BY. Where rows are grouped or distinct, only columns are
// there to sort by.
func (m *Maker) order(columns []column, columnsOnly bool) string {
	if m.IntN(3) > 0 {
		return ""
	}
	var keys []string
	for range 1 + m.IntN(2) {
		key := ""
		c := columns[m.IntN(len(columns))]
		switch {
		case c.alias != "" && m.in(2):
			m.use("ORDER BY alias")
			key = c.alias
		case columnsOnly || m.in(2):
			if !c.path {
				continue
			}
			m.use("ORDER BY selected path")
			key = c.text
		case m.in(4):
			m.use("ORDER BY function")
			key = m.function(1)
		default:
			m.use("ORDER BY unselected path")
			key = m.path().text
		}
		if m.in(2) {
			key += m.one(" DESC", " DESCENDING")
			m.use("ORDER BY DESC")
		} else {
			key += m.one("", " ASC", " ASCENDING")
		}
		switch m.IntN(6) {
		case 0:
			key += " NULLS FIRST"
			m.use("NULLS FIRST")
		case 1:
			key += " NULLS LAST"
			m.use("NULLS LAST")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return ""
	}
	if len(keys) > 1 {
		m.use("ORDER BY several keys")
	}
	return " ORDER BY " + strings.Join(keys, ", ")
}
