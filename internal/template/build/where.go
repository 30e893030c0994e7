package build

import (
	"sort"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// find leads to the place a source names: a path, a code or a term, from a node.
func (b *builder) find(from tree.Cursor, where string, at source.Place) tree.Cursor {
	switch {
	case where == "" || where == "." || where == "/":
		return from
	case strings.HasPrefix(where, "/"):
		return b.follow(from, where, at)
	}
	var found []tree.Cursor
	if tree.IsCode(where) || adlID(where) {
		found = b.search(from, func(c tree.Cursor) bool {
			return tree.Identity(c.Last().Object) == where || c.Last().Object.Base().NodeID == where && !isRoot(c)
		})
	} else {
		found = b.search(from, func(c tree.Cursor) bool { return b.label(c) == where })
	}
	switch len(found) {
	case 1:
		return found[0]
	case 0:
		labels := map[string]string{}
		b.search(from, func(c tree.Cursor) bool {
			labels[b.label(c)] = c.Path()
			labels[tree.Identity(c.Last().Object)] = c.Path()
			return false
		})
		names := make([]string, 0, len(labels))
		for name := range labels {
			names = append(names, name)
		}
		close := source.Nearest(where, names)
		b.Add(at, from.Path(), "source-path", close, where, "nothing below %s is called %q; the nearest is %q at %s", from.Path(), where, close, labels[close])
	default:
		var paths []string
		for _, c := range found {
			paths = append(paths, c.Path())
		}
		b.Add(at, from.Path(), "source-path", "one node", where, "%d nodes below %s are called %q; say which path: %s", len(found), from.Path(), where, strings.Join(paths, ", "))
	}
	return nil
}

func isRoot(c tree.Cursor) bool { _, ok := c.Last().Object.(*aom.ArchetypeRoot); return ok }

// label is what a node is called: its fixed name, else its term.
func (b *builder) label(c tree.Cursor) string {
	o := c.Last().Object
	if name := tree.FixedName(o); name != "" {
		return name
	}
	root := c.Archetype()
	if root == nil || o.Base().NodeID == "" {
		return ""
	}
	a := b.archetypes[root.ArchetypeID]
	for _, l := range []string{b.language, a.OriginalLanguage.Code} {
		if t, ok := a.Term(o.Base().NodeID, l); ok {
			return t.Text()
		}
	}
	return ""
}

// search visits what is below a place, not going into other archetypes, and
// gives what fits.
func (b *builder) search(from tree.Cursor, fits func(tree.Cursor) bool) []tree.Cursor {
	var out []tree.Cursor
	var walk func(c tree.Cursor)
	walk = func(c tree.Cursor) {
		inner := tree.Attributes(c.Last().Object)
		if inner == nil {
			return
		}
		for _, a := range *inner {
			if a.Name == "name" {
				continue
			}
			for _, child := range a.Children {
				next := c.To(a, child, c.Last().Object)
				if tree.Identity(child) != "" && fits(next) {
					out = append(out, next)
				}
				if !isRoot(next) {
					walk(next)
				}
			}
		}
	}
	if start := from.Last(); start.Object != nil {
		walk(from)
	} else {
		for _, child := range start.Attribute.Children {
			next := from[:len(from)-1].To(start.Attribute, child, start.Owner)
			if fits(next) {
				out = append(out, next)
			}
			walk(next)
		}
	}
	return out
}

type segment struct{ name, code, label string }

// segments cuts a path; brackets may hold quoted names with any character.
func segments(path string) ([]segment, bool) {
	var out []segment
	for path != "" {
		if path[0] != '/' || len(out) > 200 {
			return nil, false
		}
		path = path[1:]
		end := strings.IndexAny(path, "/[")
		if end < 0 {
			end = len(path)
		}
		s := segment{name: path[:end]}
		if path = path[end:]; strings.HasPrefix(path, "[") {
			close := closing(path)
			if close < 0 {
				return nil, false
			}
			s.code, s.label = split(path[1:close])
			path = path[close+1:]
		}
		if s.name == "" {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

func closing(path string) int {
	quote := byte(0)
	for i := 1; i < len(path); i++ {
		switch ch := path[i]; {
		case quote != 0 && ch == '\\':
			i++
		case quote != 0:
			if ch == quote && i+1 < len(path) && (path[i+1] == ']' || path[i+1] == ' ') {
				quote = 0
			}
		case ch == '\'' || ch == '"':
			quote = ch
		case ch == ']':
			return i
		}
	}
	return -1
}

// split cuts a predicate into code and name.
func split(inner string) (code, name string) {
	inner = strings.TrimSpace(inner)
	i := strings.IndexAny(inner, " ,")
	if i < 0 {
		return inner, ""
	}
	code, inner = inner[:i], inner[i:]
	first, last := strings.IndexAny(inner, `'"`), strings.LastIndexAny(inner, `'"`)
	if first < 0 || last <= first {
		return code, ""
	}
	return code, template.Unquote(inner[first+1 : last])
}

// follow walks a path. The last step may be an attribute that the archetype does
// not constrain but the reference model has; nothing is added until it is used.
func (b *builder) follow(from tree.Cursor, path string, at source.Place) tree.Cursor {
	list, ok := segments(path)
	if !ok {
		b.Add(at, from.Path(), "source-path", "such as /data[at0001]/items[at0002]", path, "%q is not a path", path)
		return nil
	}
	if from.Last().Object == nil {
		o := b.objectAt(from, at, "nested entries")
		if o == nil {
			return nil
		}
		from = from[:len(from)-1].To(from.Last().Attribute, o, from.Last().Owner)
	}
	if c := b.walk(from, list); c != nil {
		return c
	}
	near, way := b.nearestPath(from, path)
	b.Add(at, way, "source-path", near, path, "%s leads nowhere from %s; the nearest path is %s", path, from.Path(), near)
	return nil
}

func (b *builder) walk(c tree.Cursor, list []segment) tree.Cursor {
	if len(list) == 0 {
		return c
	}
	s, owner := list[0], c.Last().Object
	inner := tree.Attributes(owner)
	if inner == nil {
		return nil
	}
	a := tree.Attribute(*inner, s.name)
	if a == nil {
		known, ok := tree.Declared(tree.Class(owner), s.name)
		if !ok || s.code != "" {
			return nil
		}
		a = tree.OpenAttribute(known, s.name)
		if len(list) > 1 {
			return nil
		}
		return c.To(a, nil, owner)
	}
	if s.code == "" && len(list) == 1 {
		return c.To(a, nil, owner)
	}
	for _, exact := range []bool{true, false} {
		for _, child := range a.Children {
			if !s.fits(child, exact, b.label(c.To(a, child, owner))) {
				continue
			}
			if found := b.walk(c.To(a, child, owner), list[1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

// fits says whether a step names a child; not exact lets the code be one that
// the child's code specialises.
func (s segment) fits(child aom.Object, exact bool, label string) bool {
	if s.label != "" && s.label != label {
		return false
	}
	if s.code == "" || s.code == tree.Identity(child) {
		return true
	}
	return !exact && strings.HasPrefix(child.Base().NodeID, s.code+".")
}

// nearestPath gives the path of the tree most like the one sought, relative to
// the start, and the whole way to it.
func (b *builder) nearestPath(from tree.Cursor, path string) (near, way string) {
	skip := len(from.Path())
	if skip == 1 {
		skip = 0
	}
	var paths []string
	b.search(from, func(c tree.Cursor) bool {
		if len(paths) < 5_000 {
			paths = append(paths, c.Path()[skip:])
		}
		return false
	})
	sort.Strings(paths)
	near = source.Nearest(path, paths)
	return near, from.Path()
}
