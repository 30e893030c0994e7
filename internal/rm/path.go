package rm

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Path names the node from the root in the words of the data: attributes, the
// archetype_node_id of each LOCATABLE, and the occurrence (from 1) where several
// siblings share both, such as "/content[openEHR-EHR-OBSERVATION.pulse.v2]/data[at0002]/events[at0003, 2]/time".
func (t *Tree) Path(id ID) string { return t.path(id, true) }

// AQLPath is Path without occurrences: the path as AQL and templates write it.
func (t *Tree) AQLPath(id ID) string { return t.path(id, false) }

func (t *Tree) path(id ID, occurrence bool) string {
	if id == None || id == 0 {
		return "/"
	}
	var up []ID
	for ; id != 0; id = t.nodes[id].parent {
		up = append(up, id)
	}
	var b strings.Builder
	for i := len(up) - 1; i >= 0; i-- {
		n := up[i]
		b.WriteByte('/')
		b.WriteString(t.nodes[n].attr.Name())
		code := ""
		if t.nodes[n].class.Locatable() {
			code = t.ArchetypeNodeID(n)
		}
		nth := 0
		if occurrence {
			nth = t.occurrence(n, code)
		}
		switch {
		case code != "" && nth > 0:
			b.WriteString("[" + code + ", " + strconv.Itoa(nth) + "]")
		case code != "":
			b.WriteString("[" + code + "]")
		case nth > 0:
			b.WriteString("[" + strconv.Itoa(nth) + "]")
		}
	}
	return b.String()
}

// occurrence counts n among its siblings of the same attribute and code, from
// 1; 0 where it is the only one.
func (t *Tree) occurrence(n ID, code string) int {
	nth, total := 0, 0
	for s := range t.Children(t.nodes[n].parent, t.nodes[n].attr) {
		if code != "" && t.ArchetypeNodeID(s) != code {
			continue
		}
		total++
		if s <= n {
			nth++
		}
	}
	if total < 2 {
		return 0
	}
	return nth
}

// Resolve finds the nodes at a simple path below id: attributes with an optional
// code in brackets, as Path and AQLPath print them (an occurrence picks one).
func (t *Tree) Resolve(id ID, path string) []ID {
	at := []ID{id}
	for _, seg := range strings.Split(strings.Trim(path, "/"), "/") {
		if seg == "" {
			continue
		}
		name, pred, _ := strings.Cut(seg, "[")
		code, nthText, hasNth := strings.Cut(strings.TrimSuffix(pred, "]"), ", ")
		nth, _ := strconv.Atoi(nthText)
		if n, err := strconv.Atoi(code); err == nil {
			code, nth, hasNth = "", n, true
		}
		attr, ok := rminfo.AttrByName(name)
		if !ok {
			return nil
		}
		var next []ID
		for _, p := range at {
			count := 0
			for c := range t.Children(p, attr) {
				if code != "" && t.ArchetypeNodeID(c) != code {
					continue
				}
				if count++; !hasNth || count == nth {
					next = append(next, c)
				}
			}
		}
		at = next
	}
	return at
}
