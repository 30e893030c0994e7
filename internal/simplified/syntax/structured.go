package syntax

import (
	"strconv"
	"strings"
)

// ReadStructured reads a STRUCTURED document into the same items as ReadFlat.
// Children are arrays; an array of one may be left out, and a name may carry its
// index (name:0) instead. A leaf is a bare value, or an object whose suffixes
// begin with a bar and whose default value has an empty name.
func ReadStructured(data []byte) (*Item, error) {
	r := newReader(data)
	root := NewDocument()
	if err := r.object(nil, func(name string) error { return r.member(root, name, 0) }); err != nil {
		return nil, r.syntax(err)
	}
	return root, r.end()
}

// maxDepth bounds nesting; a template is never so deep.
const maxDepth = 200

// member reads one member of an object: a suffix, the default value, or the
// occurrences of a child.
func (r *reader) member(it *Item, name string, depth int) error {
	if depth > maxDepth {
		r.issue(it.Key(), "key-depth", "at most 200 levels", "more", "nested too deeply")
		return r.dec.SkipValue()
	}
	if suffix, ok := strings.CutPrefix(name, "|"); ok {
		if strings.HasPrefix(suffix, "identifiers_") && r.dec.PeekKind() == '[' {
			return r.list(it, suffix)
		}
		return r.value(it, suffix)
	}
	if name == "" {
		return r.value(it, "")
	}
	// Members may be written as one key: health_care_facility|name, ctx/time.
	if strings.Contains(name, "|") || it.Parent == nil && strings.Contains(name, "/") {
		child, suffix, ok := r.locate(it, name)
		if !ok {
			return r.dec.SkipValue()
		}
		return r.value(child, suffix)
	}
	id, index, indexed, message := splitSegment(name)
	if message != "" {
		r.issue(name, "key-syntax", "a name such as name or name:0", name, message)
		return r.dec.SkipValue()
	}
	if r.dec.PeekKind() != '[' {
		return r.occurrence(it.Child(id, index, indexed), depth)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for i := index; r.dec.PeekKind() != ']'; i++ {
		if i > MaxIndex {
			r.issue(it.Key(), "key-syntax", "at most 65,536 items", "more", "the list is too long")
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if r.dec.PeekKind() == 0 {
			break
		}
		if err := r.occurrence(it.Child(id, i, indexed || i > index), depth); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// list reads the old spelling of a participation's identifiers, the only suffix
// that holds a list: |identifiers_id: [..] stands for |identifiers_id:0 and on.
func (r *reader) list(it *Item, suffix string) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; r.dec.PeekKind() != ']'; i++ {
		at := suffix + ":" + strconv.Itoa(i)
		if err := r.value(it, at); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *reader) occurrence(it *Item, depth int) error {
	if r.dec.PeekKind() == '{' && !generic(it) {
		return r.object(it, func(name string) error { return r.member(it, name, depth+1) })
	}
	return r.value(it, "")
}

// WriteStructured writes an item tree as a STRUCTURED document: the root is an
// object, everything below it stands in arrays.
func WriteStructured(root *Item) []byte {
	out := append(make([]byte, 0, 4096), '{')
	for i, c := range root.Children {
		if firstOf(root.Children[:i], c.Segment) {
			return appendObject(out[:0], root) // two roots of one name need an array
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, c.Segment), ':')
		out = appendObject(out, c)
	}
	return append(out, '}')
}

func appendObject(out []byte, it *Item) []byte {
	out = append(out, '{')
	some := false
	member := func(name string) {
		if some {
			out = append(out, ',')
		}
		some = true
		out = append(appendString(out, name), ':')
	}
	for _, v := range it.Values {
		name := ""
		if v.Suffix != "" {
			name = "|" + v.Suffix
		}
		member(name)
		out = appendValue(out, v, true)
	}
	for i, c := range it.Children {
		if firstOf(it.Children[:i], c.Segment) {
			continue
		}
		member(c.Segment)
		out = append(out, '[')
		sep := false
		for _, o := range it.Children[i:] {
			if o.Segment != c.Segment {
				continue
			}
			if sep {
				out = append(out, ',')
			}
			sep = true
			if len(o.Children) == 0 && len(o.Values) == 1 && o.Values[0].Suffix == "" {
				out = appendValue(out, o.Values[0], true)
			} else {
				out = appendObject(out, o)
			}
		}
		out = append(out, ']')
	}
	return append(out, '}')
}

// firstOf says whether a segment was there before.
func firstOf(before []*Item, segment string) bool {
	for _, c := range before {
		if c.Segment == segment {
			return true
		}
	}
	return false
}
