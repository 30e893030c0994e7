package build

import (
	"regexp"
	"sort"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template"
)

// stop is one step of a way through the tree: an attribute and the object in it.
// The root has no attribute; the end of a path to an attribute has no object.
type stop struct {
	attribute *aom.Attribute
	object    aom.Object
	// owner is the object the attribute belongs to.
	owner aom.Object
}

// cursor is a way from the root to a place.
type cursor []stop

func (c cursor) last() stop { return c[len(c)-1] }

func (c cursor) to(s stop) cursor { return append(c[:len(c):len(c)], s) }

// archetype is the archetype root the place belongs to.
func (c cursor) archetype() *aom.ArchetypeRoot {
	for i := len(c) - 1; i >= 0; i-- {
		if root, ok := c[i].object.(*aom.ArchetypeRoot); ok {
			return root
		}
	}
	return nil
}

// path writes the way, names included where they are fixed.
func (c cursor) path() string {
	var b strings.Builder
	for _, s := range c[1:] {
		b.WriteString("/" + s.attribute.Name + predicate(s.object))
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func predicate(o aom.Object) string {
	if o == nil {
		return ""
	}
	code := identity(o)
	if code == "" {
		return ""
	}
	if name := fixedName(o); name != "" {
		return "[" + code + " and name/value=" + template.Quote(name) + "]"
	}
	return "[" + code + "]"
}

// identity is what a predicate names: the archetype id where one begins, else
// the code.
func identity(o aom.Object) string {
	if root, ok := o.(*aom.ArchetypeRoot); ok {
		return root.ArchetypeID
	}
	return o.Base().NodeID
}

var atCode = regexp.MustCompile(`^at[0-9]+(\.[0-9]+)*$`)

// find leads to the place a source names: a path, a code or a term, from a node.
func (b *builder) find(from cursor, where string, at place) cursor {
	switch {
	case where == "" || where == "." || where == "/":
		return from
	case strings.HasPrefix(where, "/"):
		return b.follow(from, where, at)
	}
	var found []cursor
	if atCode.MatchString(where) || adlID(where) {
		found = b.search(from, func(c cursor) bool {
			return identity(c.last().object) == where || c.last().object.Base().NodeID == where && !isRoot(c)
		})
	} else {
		found = b.search(from, func(c cursor) bool { return b.label(c) == where })
	}
	switch len(found) {
	case 1:
		return found[0]
	case 0:
		labels := map[string]string{}
		b.search(from, func(c cursor) bool {
			labels[b.label(c)] = c.path()
			labels[identity(c.last().object)] = c.path()
			return false
		})
		names := make([]string, 0, len(labels))
		for name := range labels {
			names = append(names, name)
		}
		close := nearest(where, names)
		b.add(at, from.path(), "source-path", close, where, "nothing below %s is called %q; the nearest is %q at %s", from.path(), where, close, labels[close])
	default:
		var paths []string
		for _, c := range found {
			paths = append(paths, c.path())
		}
		b.add(at, from.path(), "source-path", "one node", where, "%d nodes below %s are called %q; say which path: %s", len(found), from.path(), where, strings.Join(paths, ", "))
	}
	return nil
}

func isRoot(c cursor) bool { _, ok := c.last().object.(*aom.ArchetypeRoot); return ok }

// label is what a node is called: its fixed name, else its term.
func (b *builder) label(c cursor) string {
	o := c.last().object
	if name := fixedName(o); name != "" {
		return name
	}
	root := c.archetype()
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
func (b *builder) search(from cursor, fits func(cursor) bool) []cursor {
	var out []cursor
	var walk func(c cursor)
	walk = func(c cursor) {
		inner := attributesOf(c.last().object)
		if inner == nil {
			return
		}
		for _, a := range *inner {
			if a.Name == "name" {
				continue
			}
			for _, child := range a.Children {
				next := c.to(stop{a, child, c.last().object})
				if identity(child) != "" && fits(next) {
					out = append(out, next)
				}
				if !isRoot(next) {
					walk(next)
				}
			}
		}
	}
	if start := from.last(); start.object != nil {
		walk(from)
	} else {
		for _, child := range start.attribute.Children {
			next := from[:len(from)-1].to(stop{start.attribute, child, start.owner})
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
func (b *builder) follow(from cursor, path string, at place) cursor {
	list, ok := segments(path)
	if !ok {
		b.add(at, from.path(), "source-path", "such as /data[at0001]/items[at0002]", path, "%q is not a path", path)
		return nil
	}
	if from.last().object == nil {
		o := b.objectAt(from, at, "nested entries")
		if o == nil {
			return nil
		}
		from = from[:len(from)-1].to(stop{from.last().attribute, o, from.last().owner})
	}
	if c := b.walk(from, list); c != nil {
		return c
	}
	near, way := b.nearestPath(from, path)
	b.add(at, way, "source-path", near, path, "%s leads nowhere from %s; the nearest path is %s", path, from.path(), near)
	return nil
}

func (b *builder) walk(c cursor, list []segment) cursor {
	if len(list) == 0 {
		return c
	}
	s, owner := list[0], c.last().object
	inner := attributesOf(owner)
	if inner == nil {
		return nil
	}
	a := attributeNamed(*inner, s.name)
	if a == nil {
		known, ok := declared(class(owner), s.name)
		if !ok || s.code != "" {
			return nil
		}
		a = openAttribute(known, s.name)
		if len(list) > 1 {
			return nil
		}
		return c.to(stop{a, nil, owner})
	}
	if s.code == "" && len(list) == 1 {
		return c.to(stop{a, nil, owner})
	}
	for _, exact := range []bool{true, false} {
		for _, child := range a.Children {
			if !s.fits(child, exact, b.label(c.to(stop{a, child, owner}))) {
				continue
			}
			if found := b.walk(c.to(stop{a, child, owner}), list[1:]); found != nil {
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
	if s.code == "" || s.code == identity(child) {
		return true
	}
	return !exact && strings.HasPrefix(child.Base().NodeID, s.code+".")
}

// nearestPath gives the path of the tree most like the one sought, relative to
// the start, and the whole way to it.
func (b *builder) nearestPath(from cursor, path string) (near, way string) {
	skip := len(from.path())
	if skip == 1 {
		skip = 0
	}
	var paths []string
	b.search(from, func(c cursor) bool {
		if len(paths) < 5_000 {
			paths = append(paths, c.path()[skip:])
		}
		return false
	})
	sort.Strings(paths)
	near = nearest(path, paths)
	return near, from.path()
}

// nearest gives the candidate most like a text, by edit distance.
func nearest(text string, candidates []string) string {
	best, least := "", 1<<30
	for _, c := range candidates {
		if c == "" {
			continue
		}
		if d := distance(text, c); d < least || d == least && c < best {
			best, least = c, d
		}
	}
	return best
}

// distance is Levenshtein's, by bytes, of texts cut at 300.
func distance(a, b string) int {
	a, b = strings.ToLower(a[:min(len(a), 300)]), strings.ToLower(b[:min(len(b), 300)])
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
