package canonxml

import (
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Write appends the node as a document of canonical XML in the namespace V1,
// without white space between elements. root names its element, RootName where
// it is "". xsi:type stands where the class is not the one that the element
// declares. Text that XML cannot hold (a control character) is a fault of kind
// NotAcceptable, since nothing is left out.
func Write(dst []byte, t *rm.Tree, id rm.ID, root string) ([]byte, error) {
	class := t.Class(id)
	if root == "" {
		root = RootName(class)
	}
	w := writer{t: t, unfit: rm.None, out: append(dst, declaration...)}
	w.out = append(append(append(w.out, '<'), root...), ` xmlns="`+V1+`" xmlns:xsi="`+schemaInstance+`"`...)
	declared, _ := rminfo.ClassByBytes(upper(root))
	w.object(id, class, declared, root)
	if w.unfit != rm.None {
		path := t.Path(w.unfit)
		return nil, fault.New(fault.NotAcceptable, "xml-character", "the text at %s holds a character that XML cannot hold; ask for JSON", path).
			With(fault.Issue{Path: path, AQLPath: t.AQLPath(w.unfit), Rule: "xml-character", Message: "the text holds a character that XML cannot hold"})
	}
	return w.out, nil
}

func upper(s string) []byte {
	out := []byte(s)
	for i, c := range out {
		if 'a' <= c && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
	}
	return out
}

type writer struct {
	t   *rm.Tree
	out []byte
	// unfit is a node whose text XML cannot hold, None where there is none.
	unfit rm.ID
}

// object writes what follows the name in the start tag, the elements and the end
// tag.
func (w *writer) object(id rm.ID, class, declared rminfo.Class, name string) {
	if class != declared {
		w.out = append(append(append(w.out, ` xsi:type="`...), class.Name()...), '"')
	}
	ranks := ranks[class]
	var present attrSet
	last, inOrder, empty := uint8(0), true, true
	for c := range w.t.All(id) {
		a := w.t.Attr(c)
		if a == rminfo.A_archetype_node_id {
			w.out = append(w.out, ` archetype_node_id="`...)
			w.escape(c, true)
			w.out = append(w.out, '"')
			continue
		}
		present.add(a)
		empty = false
		inOrder = inOrder && ranks[a] >= last
		last = ranks[a]
	}
	if empty {
		w.out = append(w.out, "/>"...)
		return
	}
	w.out = append(w.out, '>')
	if inOrder {
		w.run(id, class)
	} else {
		for _, a := range sequence[class] {
			if a.Attr == rminfo.A_archetype_node_id || !present.has(a.Attr) {
				continue
			}
			for c := range w.t.Children(id, a.Attr) {
				w.element(c, a)
			}
		}
	}
	w.out = append(append(append(w.out, "</"...), name...), '>')
}

// run writes all elements of an object in the order of the tree.
func (w *writer) run(id rm.ID, class rminfo.Class) {
	for c := range w.t.All(id) {
		if a := w.t.Attr(c); a != rminfo.A_archetype_node_id {
			declared, _ := class.Attribute(a)
			w.element(c, declared)
		}
	}
}

func (w *writer) element(id rm.ID, declared rminfo.Attribute) {
	name := declared.Attr.Name()
	if declared.Attr == rminfo.A_workflow_id {
		name = workFlowID
	}
	w.out = append(append(w.out, '<'), name...)
	if w.t.Kind(id) == rm.Object {
		w.object(id, w.t.Class(id), declared.Type, name)
		return
	}
	w.out = append(w.out, '>')
	w.escape(id, false)
	w.out = append(append(append(w.out, "</"...), name...), '>')
}

func (m *attrSet) has(a rminfo.Attr) bool { return m[a>>6]&(1<<(a&63)) != 0 }

// references are the bytes that do not stand for themselves in text; within an
// attribute also white space, which would become a blank.
var references = [256]string{
	'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#xD;", '"': "&quot;", '\t': "&#x9;", '\n': "&#xA;",
}

// escape writes the text of a node. Text that is not UTF-8, which no codec lets
// into a tree, gets the replacement character.
func (w *writer) escape(id rm.ID, inAttribute bool) {
	s := w.t.Text(id)
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				w.out = append(append(w.out, s[from:i]...), "\uFFFD"...)
				from = i + 1
			case !isChar(r):
				w.unfit = id
			}
			i += size
			continue
		}
		if c < ' ' && !isSpace(c) {
			w.unfit = id
		}
		if reference := references[c]; reference != "" && (inAttribute || c != '"' && c != '\t' && c != '\n') {
			w.out = append(append(w.out, s[from:i]...), reference...)
			from = i + 1
		}
		i++
	}
	w.out = append(w.out, s[from:]...)
}
