package random

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// variable is an operand of FROM with an example of what it is bound to.
type variable struct {
	name string
	// tree and node are the example; tree is nil for EHR and VERSION.
	tree      *rm.Tree
	node      rm.ID
	isVersion bool
}

func (m *Maker) declare(v *variable) string {
	v.name = m.one("a", "b", "x", "obs_", "Vv") + strconv.Itoa(m.names)
	m.names++
	m.vars = append(m.vars, v)
	return v.name
}

func (m *Maker) tree() *rm.Tree { return m.trees[m.IntN(len(m.trees))] }

// operand says whether a node may be an operand of FROM.
func operand(t *rm.Tree, n rm.ID) bool {
	return t.Kind(n) == rm.Object && t.Class(n).IsA(rminfo.PATHABLE) && t.Class(n) != rminfo.ISM_TRANSITION && t.Class(n) != rminfo.INSTRUCTION_DETAILS
}

// dataValue says whether a node is a data value of an ELEMENT, which may be an
// operand too.
func dataValue(t *rm.Tree, n rm.ID) bool {
	return t.Kind(n) == rm.Object && t.Class(n).IsA(rminfo.DATA_VALUE) && t.Class(t.Parent(n)) == rminfo.ELEMENT && t.Attr(n) == rminfo.A_value
}

func nodesOf(t *rm.Tree, may func(*rm.Tree, rm.ID) bool) (nodes []rm.ID) {
	for id := rm.ID(0); int(id) < t.Len(); id++ {
		if may(t, id) {
			nodes = append(nodes, id)
		}
	}
	return nodes
}

// from makes the FROM clause.
func (m *Maker) from() string {
	t := m.tree()
	if m.in(25) {
		m.use("FROM EHR")
		return "EHR " + m.declare(&variable{}) + m.ehrPredicate()
	}
	nodes := nodesOf(t, operand)
	if values := nodesOf(t, dataValue); m.in(40) && len(values) > 0 {
		nodes = values
	}
	var chain []rm.ID
	for n := nodes[m.IntN(len(nodes))]; ; n = t.Parent(n) {
		if len(chain) == 0 || operand(t, n) && (n == 0 && m.in(2) || m.in(3)) {
			chain = append(chain, n)
		}
		if n == 0 {
			break
		}
	}
	slices.Reverse(chain)
	root := t.Class(0)
	if root != rminfo.COMPOSITION && chain[0] != 0 {
		chain = slices.Insert(chain, 0, 0)
	}
	switch root {
	case rminfo.EHR_STATUS:
		m.use("FROM EHR_STATUS")
	case rminfo.FOLDER:
		m.use("FROM FOLDER")
	}
	text := m.chain(t, chain)
	switch k := m.IntN(10); {
	case k < 3:
		m.use("FROM EHR")
		head := "EHR " + m.declare(&variable{}) + m.ehrPredicate()
		if m.in(3) && root == rminfo.COMPOSITION {
			m.use("CONTAINS AND")
			m.use("FROM EHR_STATUS")
			return head + " CONTAINS (" + closed(text) + " AND EHR_STATUS" + m.status() + ")"
		}
		if m.in(3) && chain[0] == 0 {
			text = m.version() + " CONTAINS " + text
		}
		text = head + " CONTAINS " + text
	case k == 3 && chain[0] == 0:
		text = m.version() + " CONTAINS " + text
	case k == 4 && root == rminfo.COMPOSITION && m.in(2):
		if f := m.treeOf(rminfo.FOLDER); f != nil {
			m.use("FROM FOLDER CONTAINS")
			m.use("FROM FOLDER")
			text = "FOLDER " + m.declare(&variable{tree: f}) + " CONTAINS " + text
		}
	}
	m.use("CONTAINS")
	if !strings.Contains(text, "CONTAINS") {
		m.q.Constructs = slices.DeleteFunc(m.q.Constructs, func(s string) bool { return s == "CONTAINS" })
	}
	return text
}

// treeOf finds a document of a class, nil where there is none.
func (m *Maker) treeOf(c rminfo.Class) *rm.Tree {
	for _, t := range m.trees {
		if t.Class(0) == c {
			return t
		}
	}
	return nil
}

func (m *Maker) status() string {
	if t := m.treeOf(rminfo.EHR_STATUS); t != nil {
		return " " + m.declare(&variable{tree: t})
	}
	return ""
}

func (m *Maker) ehrPredicate() string {
	if m.IntN(4) > 0 {
		return ""
	}
	m.use("EHR predicate")
	id := m.ehrs[m.IntN(len(m.ehrs))]
	switch m.IntN(3) {
	case 0:
		return "[ehr_id/value = " + m.param(id) + "]"
	case 1:
		return "[system_id/value = 'test.example']"
	}
	return "[ehr_id/value = '" + id + "']"
}

func (m *Maker) version() string {
	m.use("FROM VERSION")
	v := "VERSION " + m.declare(&variable{isVersion: true})
	switch m.IntN(5) {
	case 0:
		m.use("LATEST_VERSION")
		return v + "[LATEST_VERSION]"
	case 1:
		m.use("ALL_VERSIONS")
		m.all = true
		return v + "[ALL_VERSIONS]"
	case 2, 3:
		m.use("VERSION standard predicate")
		return v + m.one("[commit_audit/change_type/value = 'creation']", "[lifecycle_state/defining_code/code_string = '532']",
			"[commit_audit/time_committed/value > '2024-01-01T00:00:20Z']", "[commit_audit/time_committed/value <= '2024-01-01']",
			"[commit_audit/change_type/defining_code/code_string != '249']", "[commit_audit/system_id = 'test.example' AND lifecycle_state/value = 'complete']")
	}
	return v
}

// chain makes the operands of a chain of nodes, with branches now and then.
func (m *Maker) chain(t *rm.Tree, chain []rm.ID) string {
	text := m.operand(t, chain[0], false)
	if len(chain) == 1 {
		if m.in(6) {
			m.use("NOT CONTAINS")
			text += " NOT CONTAINS " + m.stranger(t, chain[0])
		}
		return text
	}
	rest := m.chain(t, chain[1:])
	branch := closed(rest)
	other := func() string { return m.operand(t, m.below(t, chain[0]), false) }
	switch m.IntN(10) {
	case 0:
		m.use("CONTAINS AND")
		return text + " CONTAINS (" + branch + " AND " + other() + ")"
	case 1:
		m.use("CONTAINS OR")
		if m.in(2) {
			return text + " CONTAINS (" + branch + " OR " + m.strangerOf(m.tree()) + ")"
		}
		return text + " CONTAINS (" + other() + " OR " + branch + ")"
	case 2:
		if !m.in(2) {
			break
		}
		m.use("CONTAINS nested AND and OR")
		return text + " CONTAINS (" + branch + " AND (" + other() + " OR " + m.strangerOf(m.tree()) + "))"
	}
	return text + " CONTAINS " + rest
}

// closed puts parentheses around what takes an AND or OR to its right.
func closed(text string) string {
	if strings.Contains(text, " CONTAINS ") {
		return "(" + text + ")"
	}
	return text
}

// below is a node that may stand in FROM below another, or the node itself.
func (m *Maker) below(t *rm.Tree, n rm.ID) rm.ID {
	for range 20 {
		if id := n + 1 + rm.ID(m.IntN(int(t.End(n)-n)+1)); id <= t.End(n) && operand(t, id) {
			return id
		}
	}
	return n
}

// stranger is an operand that may or may not be found below a node; it binds
// nothing that a path may begin at.
func (m *Maker) stranger(t *rm.Tree, n rm.ID) string {
	known := len(m.vars)
	text := ""
	if m.in(2) {
		text = m.operand(t, m.below(t, n), false)
	} else {
		text = m.strangerOf(m.tree())
	}
	m.vars = m.vars[:known]
	return text
}

// strangerOf is an operand of another document.
func (m *Maker) strangerOf(t *rm.Tree) string {
	n := m.below(t, 0)
	if t.Class(0) != rminfo.COMPOSITION {
		n = 0
	}
	return m.operand(t, n, true)
}

// wide are abstract classes that an operand without predicate may have.
var wide = []rminfo.Class{rminfo.CONTENT_ITEM, rminfo.ENTRY, rminfo.CARE_ENTRY, rminfo.EVENT, rminfo.ITEM, rminfo.ITEM_STRUCTURE, rminfo.DATA_STRUCTURE}

// operand makes a class operand that finds a node. An optional one may have a
// predicate that finds nothing.
func (m *Maker) operand(t *rm.Tree, n rm.ID, optional bool) string {
	class := t.Class(n)
	if class.IsA(rminfo.DATA_VALUE) {
		m.use("FROM data value")
	}
	predicate := ""
	if class.Locatable() {
		predicate = m.predicate(t, n, true)
	}
	m.use("FROM class")
	name := class.Name()
	if m.in(4) {
		for c := class.Parent(); c != 0; c = c.Parent() {
			if c.Abstract() && (slices.Contains(wide, c) || predicate != "" && c == rminfo.LOCATABLE) && m.in(2) {
				name = c.Name()
				m.use("FROM abstract class")
				break
			}
		}
	}
	if m.in(20) {
		name = strings.ToLower(name)
	}
	if m.in(12) && !optional && len(m.vars) > 0 {
		m.use("FROM without variable")
		return name + predicate
	}
	return name + " " + m.declare(&variable{tree: t, node: n}) + predicate
}
