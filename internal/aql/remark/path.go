package remark

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/declare"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// codeOf is the node id or archetype that a segment asks for, "" for any.
func codeOf(predicate aql.Expr) string {
	switch p := predicate.(type) {
	case *aql.NodeID:
		if p.Kind != aql.NodeParam {
			return p.ID
		}
	case *aql.Logical:
		if p.Op == aql.And {
			for _, o := range p.Operands {
				if code := codeOf(o); code != "" {
					return code
				}
			}
		}
	}
	return ""
}

// walk says how many segments a template leads along from a node. What it leaves
// open may be all that the reference model has there, but no node ids.
func (r root) walk(id template.NodeID, segments []aql.Segment) int {
	if len(segments) == 0 {
		return 0
	}
	s := segments[0]
	attr, ok := rminfo.AttrByName(s.Name)
	if !ok {
		return 0
	}
	code := codeOf(s.Predicate)
	children := r.in.Children(id, attr)
	if len(children) == 0 {
		return along(concrete(r.in.Node(id).Class), segments, false)
	}
	reached := 0
	for _, child := range children {
		n := r.in.Node(child)
		switch {
		case n.Slot != nil:
			if code == "" || template.IsArchetypeID(code) && r.in.SlotAdmits(child, code) {
				// What stands in a slot is not the template's to say.
				return len(segments)
			}
		case code == "", aql.Specialises(n.AtCode, code), aql.Specialises(n.NodeID, code):
			reached = max(reached, 1+r.walk(child, segments[1:]))
		}
	}
	return reached
}

// along says how many segments the reference model leads along; node ids end the
// way unless they may stand there.
func along(classes []rminfo.Class, segments []aql.Segment, ids bool) int {
	for i, s := range segments {
		classes = declare.Below(classes, s.Name)
		if len(classes) == 0 || !ids && codeOf(s.Predicate) != "" {
			return i
		}
	}
	return len(segments)
}

// plain is a path with node ids and without names.
func plain(segments []aql.Segment) string {
	var b strings.Builder
	for i, s := range segments {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(s.Name)
		if code := codeOf(s.Predicate); code != "" {
			b.WriteString("[" + code + "]")
		}
	}
	return b.String()
}

// candidates are the paths that lead somewhere below the places, in order, each
// once.
func candidates(roots []root) []string {
	found := map[string]bool{}
	for _, r := range roots {
		end := r.in.Node(r.id).End
		at := map[template.NodeID]string{r.id: ""}
		for id := r.id + 1; id < end; id++ {
			n := r.in.Node(id)
			above, ok := at[n.Parent]
			if !ok || n.Slot != nil {
				continue
			}
			path := n.Attr.Name()
			if above != "" {
				path = above + "/" + path
			}
			if n.AtCode != "" {
				path += "[" + n.AtCode + "]"
			}
			at[id], found[path] = path, true
			for _, rest := range inside(n.Class) {
				found[path+"/"+rest] = true
			}
		}
	}
	list := make([]string, 0, len(found))
	for path := range found {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

// inside are the paths that queries take into an object, as far as templates do
// not say.
func inside(class rminfo.Class) (paths []string) {
	switch {
	case class.Locatable():
		paths = append(paths, "name/value")
	case class.IsA(rminfo.DV_CODED_TEXT):
		paths = append(paths, "defining_code/code_string", "defining_code/terminology_id/value")
	}
	if class.IsA(rminfo.DATA_VALUE) || class == rminfo.CODE_PHRASE {
		for _, a := range class.Attributes() {
			if a.Type.Scalar() != rminfo.NotScalar {
				paths = append(paths, a.Attr.Name())
			}
		}
	}
	return paths
}
