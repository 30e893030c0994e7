package canon

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// WriteJSON appends the node as compact canonical JSON. An object begins with its
// class, unless the class was left out where the object came from and its place
// implies it; the outermost always does. Members stand in the order of the tree,
// and what the class declares as a list is one even with a single item; items
// that do not stand together are brought together at the first.
func WriteJSON(dst []byte, t *rm.Tree, id rm.ID) []byte {
	if t.Kind(id) != rm.Object {
		return write(dst, t, id, rminfo.Attribute{})
	}
	return writeMembers(append(dst, classHead[t.Class(id)]...), t, id)
}

// write appends a node that its holder declares so.
func write(dst []byte, t *rm.Tree, id rm.ID, declared rminfo.Attribute) []byte {
	switch t.Kind(id) {
	case rm.String:
		return quote(dst, t.Text(id))
	case rm.Number, rm.Boolean:
		return append(dst, t.Text(id)...)
	}
	if !t.Implied(id) || declared.Type != t.Class(id) {
		return writeMembers(append(dst, classHead[t.Class(id)]...), t, id)
	}
	at := len(dst)
	dst = writeMembers(append(dst, '{'), t, id)
	if dst[at+1] == ',' {
		dst = append(dst[:at+1], dst[at+2:]...)
	}
	return dst
}

// writeMembers appends what follows the class of an object.
func writeMembers(dst []byte, t *rm.Tree, id rm.ID) []byte {
	class := t.Class(id)
	if scattered(t, id) {
		return writeScattered(dst, t, id)
	}
	for c := t.First(id); c != rm.None; {
		a := t.Attr(c)
		dst = append(dst, attrHead[a]...)
		next := t.Next(c)
		declared, _ := class.Attribute(a)
		if !declared.Container && (next == rm.None || t.Attr(next) != a) {
			dst = write(dst, t, c, declared)
			c = next
			continue
		}
		dst = append(dst, '[')
		for {
			dst = write(dst, t, c, declared)
			c = next
			if c == rm.None || t.Attr(c) != a {
				break
			}
			dst = append(dst, ',')
			next = t.Next(c)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// scattered says whether an attribute of the object returns after another.
func scattered(t *rm.Tree, id rm.ID) bool {
	var seen members
	last := rminfo.Attr(0)
	for c := t.First(id); c != rm.None; c = t.Next(c) {
		if a := t.Attr(c); a != last {
			if seen.add(a) {
				return true
			}
			last = a
		}
	}
	return false
}

// writeScattered writes the members of an object whose items are not together.
func writeScattered(dst []byte, t *rm.Tree, id rm.ID) []byte {
	var seen members
	for c := range t.All(id) {
		a := t.Attr(c)
		if seen.add(a) {
			continue
		}
		dst = append(append(dst, attrHead[a]...), '[')
		n := len(dst)
		count := 0
		declared, _ := t.Class(id).Attribute(a)
		for item := range t.Children(id, a) {
			if count++; count > 1 {
				dst = append(dst, ',')
			}
			dst = write(dst, t, item, declared)
		}
		if count == 1 && !declared.Container {
			dst = append(dst[:n-1], dst[n:]...)
			continue
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// classHead is how an object of each class begins, attrHead how each member
// does, with the comma after the class.
var classHead, attrHead = heads()

func heads() (class, attr [][]byte) {
	class = make([][]byte, rminfo.Classes())
	for c := range class {
		class[c] = []byte(`{"_type":"` + rminfo.Class(c).Name() + `"`)
		for _, a := range rminfo.Class(c).Attributes() {
			for len(attr) <= int(a.Attr) {
				attr = append(attr, nil)
			}
			attr[a.Attr] = []byte(`,"` + a.Attr.Name() + `":`)
		}
	}
	return class, attr
}

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

func quote(dst []byte, s string) []byte {
	high := byte(0)
	for i := range len(s) {
		if !plain[s[i]] {
			return escape(dst, s)
		}
		high |= s[i]
	}
	if high >= utf8.RuneSelf && !utf8.ValidString(s) {
		return escape(dst, s)
	}
	dst = append(append(dst, '"'), s...)
	return append(dst, '"')
}

// escape writes a string that needs escapes. Text that is not UTF-8, which no
// codec lets into a tree, gets the replacement character: the result is JSON.
func escape(dst []byte, s string) []byte {
	// The error reports only that something was replaced.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
