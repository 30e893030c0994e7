package row

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Format is raised with every change of what Cut writes; rows and shapes of
// another format must be rebuilt.
const Format = 1

// Row is one archetype-rooted node of a document.
type Row struct {
	// Num, Cap and Parent are numbers of the tree: the node, its last
	// descendant, and the object that holds it (-1 for the root of the tree).
	Num, Cap, Parent int32
	Class            rminfo.Class
	// Archetype is the archetype id the node is the root of.
	Archetype string
	Shape     Shape
	// Data is the JSON of the subtree without nested archetype roots.
	Data []byte
}

// NameSource gives a template's own terms for a code of an archetype, in all
// its languages; "at0000" is the root itself.
type NameSource func(rootArchetype, code string) []string

// Cut gives the rows of a tree in document order. Only a name that names knows
// enters a shape; with nil every name is "*".
func Cut(t *rm.Tree, names NameSource) []Row { return CutIn(nil, t, names) }

// CutIn is Cut where date-times without an offset are read in a zone. The rows of
// one store are all cut in the same.
func CutIn(zone *time.Location, t *rm.Tree, names NameSource) []Row {
	c := cutter{tree: t, names: names, zone: zone}
	c.pending = append(c.pending, t.Root())
	for i := 0; i < len(c.pending); i++ {
		c.row(c.pending[i])
	}
	slices.SortFunc(c.rows, func(a, b Row) int { return int(a.Num) - int(b.Num) })
	return c.rows
}

type cutter struct {
	tree    *rm.Tree
	names   NameSource
	zone    *time.Location
	pending []rm.ID
	rows    []Row

	// The row at work.
	archetype string
	buf       []byte
	items     []Item
	seen      map[string]int
}

func (c *cutter) row(id rm.ID) {
	t := c.tree
	c.archetype = t.ArchetypeNodeID(id)
	if !t.IsRoot(id) {
		if named := t.TextAt(id, rminfo.A_archetype_details, rminfo.A_archetype_id, rminfo.A_value); named != "" {
			c.archetype = named
		}
	}
	c.items, c.seen = nil, make(map[string]int)
	root := place{jpath: "$"}
	c.buf = make([]byte, 0, 48*int(t.End(id)-id+1))
	c.object(id, root, 0)
	r := Row{Num: int32(id), Cap: int32(t.End(id)), Parent: -1, Class: t.Class(id), Archetype: c.archetype, Data: c.buf}
	if p := t.Parent(id); p != rm.None {
		r.Parent = int32(p)
	}
	r.Shape = newShape(c.archetype, c.items)
	c.rows = append(c.rows, r)
}

// place is where an object stands in its row.
type place struct {
	path, jpath string
	repeats     bool
}

// object writes one object. declared is the class the holder declares, 0 for
// the root of a row.
func (c *cutter) object(id rm.ID, at place, declared rminfo.Class) {
	t := c.tree
	class := t.Class(id)
	start := len(c.buf)
	c.buf = append(c.buf, '{')
	if declared.Abstract() || declared != class {
		c.member("_type", start)
		c.buf = append(append(append(c.buf, '"'), class.Name()...), '"')
	}
	if declared == 0 && id != t.Root() {
		c.member("@", start)
		c.buf = append(append(append(c.buf, '"'), t.Attr(id).Name()...), '"')
	}
	if Numbered(class) {
		c.member("#", start)
		c.buf = strconv.AppendInt(c.buf, int64(id), 10)
		c.member("$", start)
		c.buf = strconv.AppendInt(c.buf, int64(t.End(id)), 10)
		c.item(id, class, at, declared)
	}
	c.members(id, class, at, start)
	if class.IsA(rminfo.DATA_VALUE) {
		c.magnitude(id, class, start)
	}
	c.buf = append(c.buf, '}')
}

// Numbered says whether objects of the class carry their number: those that
// CONTAINS can name or that can hold a LOCATABLE.
func Numbered(class rminfo.Class) bool {
	return class.IsA(rminfo.PATHABLE) || class == rminfo.FEEDER_AUDIT || class == rminfo.FEEDER_AUDIT_DETAILS
}

// held is a child with the key it stands under.
type held struct {
	id   rm.ID
	attr rminfo.Attr
	code string
	// coded says that the key has brackets.
	coded bool
}

func (c *cutter) members(id rm.ID, class rminfo.Class, at place, start int) {
	t := c.tree
	var few [16]held
	children := few[:0]
	sorted := true
	for child := range t.All(id) {
		if t.IsRoot(child) {
			c.pending = append(c.pending, child)
			continue
		}
		h := held{id: child, attr: t.Attr(child)}
		if t.Kind(child) == rm.Object && t.Class(child).Locatable() {
			h.coded, h.code = true, t.ArchetypeNodeID(child)
		}
		if n := len(children); n > 0 && compareHeld(children[n-1], h) > 0 {
			sorted = false
		}
		children = append(children, h)
	}
	if !sorted {
		// One key once: items of a list need not stand together.
		slices.SortStableFunc(children, compareHeld)
	}
	for i := 0; i < len(children); {
		n := i + 1
		for n < len(children) && compareHeld(children[i], children[n]) == 0 {
			n++
		}
		c.group(class, at, children[i:n], start)
		i = n
	}
}

func compareHeld(a, b held) int {
	if a.attr != b.attr {
		return int(a.attr) - int(b.attr)
	}
	return strings.Compare(a.code, b.code)
}

// group writes the children that share one key.
func (c *cutter) group(class rminfo.Class, at place, children []held, start int) {
	t := c.tree
	first := children[0]
	declared, _ := class.Attribute(first.attr)
	list := declared.Container || len(children) > 1
	key := first.attr.Name()
	if first.coded {
		key += "[" + first.code + "]"
	}
	c.member(key, start)
	below := place{repeats: at.repeats || declared.Container}
	if Numbered(class) && (first.coded || Numbered(t.Class(first.id))) {
		below.path = key
		if at.path != "" {
			below.path = at.path + "/" + key
		}
		below.jpath = at.jpath + "." + quoted(key)
		if list {
			below.jpath += "[*]"
		}
	}
	if list {
		c.buf = append(c.buf, '[')
	}
	for i, h := range children {
		if i > 0 {
			c.buf = append(c.buf, ',')
		}
		c.value(h.id, below, declared.Type)
	}
	if list {
		c.buf = append(c.buf, ']')
	}
}

func (c *cutter) value(id rm.ID, at place, declared rminfo.Class) {
	switch c.tree.Kind(id) {
	case rm.Object:
		c.object(id, at, declared)
	case rm.String:
		c.buf = appendString(c.buf, c.tree.Text(id))
	default:
		c.buf = append(c.buf, c.tree.Text(id)...)
	}
}

// member begins a member of the object whose brace stands at start.
func (c *cutter) member(name string, start int) {
	if len(c.buf) > start+1 {
		c.buf = append(c.buf, ',')
	}
	c.buf = append(appendString(c.buf, name), ':')
}

func quoted(s string) string { return string(appendString(nil, s)) }

// appendString writes a JSON string. Text that is not UTF-8, which no codec
// lets into a tree, gets the replacement character.
func appendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			dst, _ = jsontext.AppendQuote(dst, s)
			return dst
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
