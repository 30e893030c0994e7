package random

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// found is a path with an example of what it leads to.
type found struct {
	text  string
	value sample
}

var ehrPaths = []string{"/ehr_id/value", "/ehr_id", "/system_id/value", "/time_created/value", "/ehr_status/is_queryable", "/ehr_status/subject/external_ref/id/value",
	"/ehr_status/name/value", "/ehr_status/archetype_node_id", "/directory/name/value", "/directory/folders/name/value", "/directory/items/type", ""}

var versionPaths = []string{"/uid/value", "/commit_audit/change_type/value", "/commit_audit/time_committed/value", "/commit_audit/system_id",
	"/lifecycle_state/value", "/lifecycle_state/defining_code/code_string", "/preceding_version_uid/value", "/data/name/value", "/data/archetype_node_id", "/contribution/id/value", "/data", ""}

// selected is a path for SELECT, with what it shows of the language.
func (m *Maker) selected() string { return m.path().text }

// path makes an identified path.
func (m *Maker) path() found {
	v := m.vars[m.IntN(len(m.vars))]
	switch {
	case v.isVersion:
		m.use("SELECT VERSION attribute")
		return found{text: v.name + m.one(versionPaths...), value: sample{text: m.one("creation", "532", "complete", "2024-01-01T00:00:20.000Z", "test.example")}}
	case v.tree == nil:
		p := m.one(ehrPaths...)
		m.use("SELECT EHR attribute")
		if strings.HasPrefix(p, "/ehr_status") {
			m.use("EHR/ehr_status")
		}
		if strings.HasPrefix(p, "/directory") {
			m.use("EHR/directory")
		}
		return found{text: v.name + p, value: sample{text: m.one("test.example", m.ehrs[m.IntN(len(m.ehrs))], "EHR Status", "root")}}
	}
	if m.in(15) {
		m.use("SELECT whole object")
		return found{text: v.name, value: sampleAt(v.tree, v.node)}
	}
	t, n := v.tree, v.node
	if m.in(10) {
		// What stands elsewhere in a node of the class.
		if other := m.sameClass(t.Class(n)); other != nil {
			t, n = other.tree, other.node
		}
	}
	var b strings.Builder
	b.WriteString(v.name)
	if m.in(25) && t.Class(n).Locatable() {
		if p := m.predicate(t, n, false); p != "" {
			m.use("root predicate on a variable")
			b.WriteString(p)
		}
	}
	if m.in(30) {
		p := m.one("/feeder_audit/originating_system_audit/system_id", "/links/meaning/value", "/uid/value", "/feeder_audit", "/links", "/null_flavour", "/links/target/value")
		m.use("SELECT feeder_audit, links, uid")
		return found{text: b.String() + p, value: sample{text: m.one("feeder-a", "because", "ehr://x/y")}}
	}
	return m.walk(&b, t, n)
}

// walk goes down from a node, mostly to a leaf.
func (m *Maker) walk(b *strings.Builder, t *rm.Tree, n rm.ID) found {
	start := n
	for t.Kind(n) == rm.Object {
		var children []rm.ID
		for id := range t.All(n) {
			children = append(children, id)
		}
		if len(children) == 0 || n != start && m.in(9) {
			break
		}
		n = children[m.IntN(len(children))]
		attr := t.Attr(n)
		if attr == 0 {
			n = t.Parent(n)
			break
		}
		b.WriteString("/" + attr.Name())
		switch attr {
		case rminfo.A_feeder_audit, rminfo.A_links, rminfo.A_uid:
			m.use("SELECT feeder_audit, links, uid")
		case rminfo.A_context, rminfo.A_other_context:
			m.use("SELECT context")
		}
		if t.Class(n).Locatable() && t.Kind(n) == rm.Object {
			p := m.predicate(t, n, false)
			if p == "" {
				m.use("SELECT multi-valued path")
			}
			b.WriteString(p)
		}
	}
	if m.in(30) {
		b.WriteString("/" + m.one("magnitude", "units", "name", "items", "defining_code"))
		m.use("SELECT missing attribute")
		return found{text: b.String()}
	}
	m.use("SELECT path")
	return found{text: b.String(), value: sampleAt(t, n)}
}

// quantity is a path to a DV_QUANTITY as an object, "" where there is none: two
// of them compare by their units too.
func (m *Maker) quantity() string {
	v := m.vars[m.IntN(len(m.vars))]
	if v.tree == nil {
		return ""
	}
	t := v.tree
	var nodes []rm.ID
	for id := v.node; id <= t.End(v.node); id++ {
		if t.Class(id) == rminfo.DV_QUANTITY && t.Kind(id) == rm.Object {
			nodes = append(nodes, id)
		}
	}
	if len(nodes) == 0 {
		return ""
	}
	path := ""
	for n := nodes[m.IntN(len(nodes))]; n != v.node; n = t.Parent(n) {
		predicate := ""
		if t.Class(n).Locatable() {
			predicate = m.predicate(t, n, false)
		}
		path = "/" + t.Attr(n).Name() + predicate + path
	}
	return v.name + path
}

// sameClass finds a node of the class in another document.
func (m *Maker) sameClass(c rminfo.Class) *variable {
	for range 10 {
		t := m.tree()
		for id := rm.ID(0); int(id) < t.Len(); id++ {
			if t.Class(id) == c && t.Kind(id) == rm.Object && m.in(3) {
				return &variable{tree: t, node: id}
			}
		}
	}
	return nil
}

// parentArchetype is the id a specialised archetype specialises, "" for others.
func parentArchetype(id string) string {
	parts := strings.Split(id, ".")
	if len(parts) < 3 {
		return ""
	}
	i := strings.LastIndex(parts[1], "-")
	if i < 0 {
		return ""
	}
	parts[1] = parts[1][:i]
	parent := strings.Join(parts, ".")
	if !aql.Specialises(id, parent) {
		return ""
	}
	return parent
}

// nodeID is what finds a node: its id, or that of what it specialises.
func (m *Maker) nodeID(t *rm.Tree, n rm.ID) string {
	id := t.ArchetypeNodeID(n)
	if t.IsRoot(n) {
		if parent := parentArchetype(id); parent != "" && m.in(2) {
			m.use("[specialised archetype]")
			return parent
		}
		m.use("[archetype id]")
		return id
	}
	if i := strings.LastIndexByte(id, '.'); i > 0 && strings.HasPrefix(id, "at") && m.in(2) {
		m.use("[specialised at-code]")
		return id[:i]
	}
	m.use("[at-code]")
	return id
}

// predicate makes a predicate that a node satisfies, or nearly; "" for none.
func (m *Maker) predicate(t *rm.Tree, n rm.ID, from bool) string {
	if m.in(3) {
		return ""
	}
	id, name := t.ArchetypeNodeID(n), t.Name(n)
	if p, err := aql.ParsePath("x[" + id + "]"); id == "" || err != nil || len(p.Segments) != 1 {
		return ""
	}
	if m.in(2) {
		return "[" + m.nodeID(t, n) + "]"
	}
	if m.in(15) {
		name = "Renamed"
	}
	code := t.TextAt(t.Find(n, rminfo.A_name), rminfo.A_defining_code, rminfo.A_code_string)
	switch m.IntN(13) {
	case 0, 1:
		m.use("[id, 'name']")
		return "[" + m.nodeID(t, n) + ", " + quote(name) + "]"
	case 2:
		m.use("[id, $name]")
		return "[" + m.nodeID(t, n) + ", " + m.param(name) + "]"
	case 3:
		if strings.HasPrefix(code, "at") {
			m.use("[id, at-code]")
			return "[" + m.nodeID(t, n) + ", " + code + "]"
		}
	case 4:
		terminology := t.TextAt(t.Find(n, rminfo.A_name), rminfo.A_defining_code, rminfo.A_terminology_id, rminfo.A_value)
		if code != "" && terminology != "" && !strings.ContainsAny(code+terminology, " |[]()") {
			m.use("[id, term code]")
			return "[" + m.nodeID(t, n) + ", " + terminology + "::" + code + "|x|]"
		}
	case 5:
		m.use("[$parameter]")
		return "[" + m.param(m.nodeID(t, n)) + "]"
	case 6:
		m.use("[archetype_node_id = id]")
		return "[archetype_node_id = " + quote(m.nodeID(t, n)) + "]"
	case 7:
		m.use("[standard predicate]")
		return "[name/value " + m.one("=", "=", "!=", ">=", "<") + " " + quote(name) + "]"
	case 8:
		m.use("[AND]")
		return "[" + m.nodeID(t, n) + m.one(" AND ", " and ") + m.within(t, n) + "]"
	case 9:
		m.use("[OR]")
		return "[" + m.one(m.nodeID(t, n)+" OR ", "") + "name/value = 'nowhere' OR " + m.within(t, n) + "]"
	case 10:
		m.use("[parentheses]")
		return "[" + m.nodeID(t, n) + " AND (name/value = 'nowhere' OR " + m.within(t, n) + ")]"
	case 11:
		if name != "" && !strings.ContainsAny(name, "/{}[]()\\*+?.^$|\"'") && isASCII(name) {
			m.use("[regular expression]")
			return "[name/value matches {/" + name[:1] + ".*/}]"
		}
	case 12:
		m.use("[path = $parameter]")
		return "[name/value = " + m.param(name) + "]"
	}
	return ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// within is a comparison of a predicate with something below a node.
func (m *Maker) within(t *rm.Tree, n rm.ID) string {
	if m.in(2) {
		return "name/value = " + quote(t.Name(n))
	}
	var b strings.Builder
	at := n
	for t.Kind(at) == rm.Object {
		var children []rm.ID
		for id := range t.All(at) {
			children = append(children, id)
		}
		if len(children) == 0 {
			break
		}
		at = children[m.IntN(len(children))]
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString(t.Attr(at).Name())
	}
	if b.Len() == 0 {
		return "name/value != 'nowhere'"
	}
	return b.String() + m.one(" = ", " != ", " <= ", " > ") + m.near(sampleAt(t, at))
}
