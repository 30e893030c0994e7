package adl

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// Node finds the object at an archetype path such as
// /data[at0001]/events[at0006], following internal references; nil when there is
// none. Predicates hold a node id or an archetype id; what follows "and" or a
// comma in them is not looked at.
func (a *Archetype) Node(path string) aom.Object {
	if a.Definition == nil || !strings.HasPrefix(path, "/") {
		return nil
	}
	return a.node(a.Definition, path[1:], 0)
}

func (a *Archetype) node(from aom.Object, path string, followed int) aom.Object {
	if path == "" {
		return from
	}
	if ref, ok := from.(*aom.InternalRef); ok {
		// References in a circle end here.
		if followed > 20 || !strings.HasPrefix(ref.TargetPath, "/") {
			return nil
		}
		target := a.node(a.Definition, ref.TargetPath[1:], followed+1)
		if target == nil {
			return nil
		}
		return a.node(target, path, followed+1)
	}
	name, id, rest, ok := step(path)
	if !ok {
		return nil
	}
	for _, attribute := range attributes(from) {
		if attribute.Name != name {
			continue
		}
		for _, child := range attribute.Children {
			if id != "" && nodeID(child) != id {
				continue
			}
			if found := a.node(child, rest, followed); found != nil {
				return found
			}
		}
	}
	return nil
}

// step cuts name[predicate]/ from a path.
func step(path string) (name, id, rest string, ok bool) {
	i := strings.IndexAny(path, "[/")
	if i < 0 {
		return path, "", "", true
	}
	name, rest = path[:i], path[i:]
	if rest[0] == '[' {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return "", "", "", false
		}
		id, rest = rest[1:end], rest[end+1:]
		id, _, _ = strings.Cut(id, ",")
		id, _, _ = strings.Cut(id, " and ")
		id = strings.TrimSpace(id)
	}
	if rest == "" {
		return name, id, "", name != ""
	}
	return name, id, rest[1:], name != "" && rest[0] == '/' && len(rest) > 1
}

func attributes(o aom.Object) []*aom.Attribute {
	switch o := o.(type) {
	case *aom.ComplexObject:
		return o.Attributes
	case *aom.ArchetypeRoot:
		return o.Attributes
	}
	return nil
}

// nodeID is what a predicate names: the code, or the archetype id where another
// archetype begins.
func nodeID(o aom.Object) string {
	if root, ok := o.(*aom.ArchetypeRoot); ok && root.NodeID == "" {
		return root.ArchetypeID
	}
	return o.Base().NodeID
}

// segment writes the step from an attribute to a child.
func segment(path string, attribute *aom.Attribute, child aom.Object) string {
	path += "/" + attribute.Name
	if child != nil {
		if id := nodeID(child); id != "" {
			path += "[" + id + "]"
		}
	}
	return path
}
