package syntax

import (
	"strconv"
	"strings"
)

// MaxIndex bounds the index of a segment (ITS-REST says nothing; a bound keeps a
// typing error from becoming a list of millions).
const MaxIndex = 65_535

// Kind says how a value was written.
type Kind uint8

// The kinds of value. Raw is canonical JSON at the suffix raw.
const (
	String Kind = iota
	Number
	Boolean
	Raw
)

// Value is one value of an item. Suffix has no bar and is empty for the default
// value; Text is the number as it was written, or the text.
type Value struct {
	Suffix string
	Kind   Kind
	Text   string
}

// Item is one occurrence of a segment.
type Item struct {
	Segment  string
	Index    int
	Indexed  bool
	Values   []Value
	Children []*Item
	Parent   *Item
	// byKey finds a child once there are many.
	byKey map[childKey]*Item
	// room is where the items of the document are laid out, nil for one alone.
	room *room
}

// room hands out items and the places of values: a document has thousands.
type room struct {
	items  []Item
	values []Value
}

func (r *room) item() *Item {
	if len(r.items) == 0 {
		r.items = make([]Item, 64)
	}
	it := &r.items[0]
	r.items = r.items[1:]
	it.room = r
	return it
}

func (r *room) places(n int) []Value {
	if len(r.values) < n {
		r.values = make([]Value, 128)
	}
	out := r.values[:0:n]
	r.values = r.values[n:]
	return out
}

// NewDocument makes the item above the roots of the keys.
func NewDocument() *Item { return new(room).item() }

// New makes an item that belongs below this one and is not yet added.
func (it *Item) New(segment string, index int, indexed bool) *Item {
	var c *Item
	if it.room != nil {
		c = it.room.item()
	} else {
		c = &Item{}
	}
	c.Segment, c.Index, c.Indexed, c.Parent = segment, index, indexed, it
	return c
}

type childKey struct {
	segment string
	index   int
}

// manyChildren is where looking through a list becomes slower than a map.
const manyChildren = 12

// Child gives the child of a segment and index, making it where there is none.
func (it *Item) Child(segment string, index int, indexed bool) *Item {
	if n := len(it.Children); n > 0 {
		// Keys of one object mostly stand together.
		if last := it.Children[n-1]; last.Index == index && last.Segment == segment {
			last.Indexed = last.Indexed || indexed
			return last
		}
	}
	if it.byKey == nil {
		for _, c := range it.Children {
			if c.Index == index && c.Segment == segment {
				c.Indexed = c.Indexed || indexed
				return c
			}
		}
	} else if c := it.byKey[childKey{segment, index}]; c != nil {
		c.Indexed = c.Indexed || indexed
		return c
	}
	c := it.New(segment, index, indexed)
	it.Add(c)
	return c
}

// Twin makes an empty item of the same key, which is not added.
func (it *Item) Twin() *Item {
	twin := it.New(it.Segment, it.Index, it.Indexed)
	twin.Parent = it.Parent
	return twin
}

// Add appends a child.
func (it *Item) Add(c *Item) {
	c.Parent = it
	if it.Children == nil {
		it.Children = make([]*Item, 0, 2)
	}
	it.Children = append(it.Children, c)
	switch {
	case it.byKey != nil:
		it.byKey[childKey{c.Segment, c.Index}] = c
	case len(it.Children) > manyChildren:
		it.byKey = make(map[childKey]*Item, 4*manyChildren)
		for _, c := range it.Children {
			it.byKey[childKey{c.Segment, c.Index}] = c
		}
	}
}

// Set adds a value.
func (it *Item) Set(suffix string, kind Kind, text string) {
	if it.Values == nil {
		if it.room != nil {
			it.Values = it.room.places(2)
		} else {
			it.Values = make([]Value, 0, 2)
		}
	}
	it.Values = append(it.Values, Value{suffix, kind, text})
}

// Value finds a value by its suffix.
func (it *Item) Value(suffix string) (Value, bool) {
	for _, v := range it.Values {
		if v.Suffix == suffix {
			return v, true
		}
	}
	return Value{}, false
}

// Find gives the first child of a segment, nil without one.
func (it *Item) Find(segment string) *Item {
	for _, c := range it.Children {
		if c.Segment == segment {
			return c
		}
	}
	return nil
}

// Empty says whether the item holds nothing at all.
func (it *Item) Empty() bool {
	if len(it.Values) > 0 {
		return false
	}
	for _, c := range it.Children {
		if !c.Empty() {
			return false
		}
	}
	return true
}

// Size is the number of values below the item.
func (it *Item) Size() int {
	n := len(it.Values)
	for _, c := range it.Children {
		n += c.Size()
	}
	return n
}

// Key is the FLAT key of the item, with the indices that were written.
func (it *Item) Key() string {
	var b strings.Builder
	it.key(&b)
	return b.String()
}

func (it *Item) key(b *strings.Builder) {
	if it.Parent == nil {
		return
	}
	if it.Parent.Parent != nil {
		it.Parent.key(b)
		b.WriteByte('/')
	}
	b.WriteString(it.Segment)
	if it.Indexed {
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(it.Index))
	}
}

// KeyOf is the FLAT key of one value.
func (it *Item) KeyOf(suffix string) string {
	if suffix == "" {
		return it.Key()
	}
	return it.Key() + "|" + suffix
}
