package compose

import (
	"sort"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// object is a reference model object in the making: its attributes come in the
// order of the document, and are written in that of the reference model.
type object struct {
	// class is 0 for identifiers until they are written: their form tells it.
	class rminfo.Class
	// bound is the class of the bounds of an interval, and of the reference ranges
	// of a value.
	bound rminfo.Class
	// node is the template's constraint on it, NoNode without one.
	node  template.NodeID
	web   *webtemplate.Node
	index int
	item  *syntax.Item
	kids  []kid
	// whole says that it came as canonical JSON: nothing is added.
	whole bool
}

// kid is one attribute value: an object, a scalar, or a tree read from JSON.
type kid struct {
	attr  rminfo.Attr
	index int
	obj   *object
	tree  *rm.Tree
	kind  rm.Kind
	text  string
}

func (o *object) add(k kid) { o.kids = append(o.kids, k) }

func (o *object) put(attr rminfo.Attr, child *object) *object {
	o.add(kid{attr: attr, index: child.index, obj: child})
	return child
}

// text adds a text attribute.
func (o *object) text(attr rminfo.Attr, text string) *object {
	o.add(kid{attr: attr, kind: rm.String, text: text})
	return o
}

func (o *object) number(attr rminfo.Attr, lexeme string) *object {
	o.add(kid{attr: attr, kind: rm.Number, text: lexeme})
	return o
}

func (o *object) boolean(attr rminfo.Attr, v bool) *object {
	text := "false"
	if v {
		text = "true"
	}
	o.add(kid{attr: attr, kind: rm.Boolean, text: text})
	return o
}

// has says whether an attribute is there.
func (o *object) has(attr rminfo.Attr) bool {
	for i := range o.kids {
		if o.kids[i].attr == attr {
			return true
		}
	}
	return false
}

// child is the object of an attribute, nil without one.
func (o *object) child(attr rminfo.Attr) *object {
	for i := range o.kids {
		if o.kids[i].attr == attr {
			return o.kids[i].obj
		}
	}
	return nil
}

// at follows attributes down, nil where one is missing.
func (o *object) at(attrs ...rminfo.Attr) *object {
	for _, a := range attrs {
		if o == nil {
			return nil
		}
		o = o.child(a)
	}
	return o
}

// scalar is the text of a scalar attribute, "" without one.
func (o *object) scalar(attr rminfo.Attr) string {
	if o == nil {
		return ""
	}
	for i := range o.kids {
		if o.kids[i].attr == attr && o.kids[i].obj == nil {
			return o.kids[i].text
		}
	}
	return ""
}

// set replaces or adds a text attribute.
func (o *object) set(attr rminfo.Attr, text string) {
	for i := range o.kids {
		if o.kids[i].attr == attr && o.kids[i].obj == nil {
			o.kids[i].text = text
			return
		}
	}
	o.text(attr, text)
}

// one gives the single object of an attribute, making it of a class.
func (o *object) one(attr rminfo.Attr, class rminfo.Class) *object {
	if child := o.child(attr); child != nil {
		return child
	}
	return o.put(attr, &object{class: class, node: template.NoNode, item: o.item, web: o.web, bound: o.bound})
}

// arrange puts the items of each node in the order of their indices, at the
// places where the document first mentions them: so different nodes of one list
// keep the order of the document.
func (o *object) arrange() {
	for i := range o.kids {
		k := &o.kids[i]
		if k.index == 0 {
			continue
		}
		var places []int
		for j := range o.kids {
			if other := &o.kids[j]; other.attr == k.attr && sameNode(k, other) {
				places = append(places, j)
			}
		}
		if sort.SliceIsSorted(places, func(a, b int) bool { return o.kids[places[a]].index < o.kids[places[b]].index }) {
			continue
		}
		items := make([]kid, len(places))
		for n, j := range places {
			items[n] = o.kids[j]
		}
		sort.SliceStable(items, func(a, b int) bool { return items[a].index < items[b].index })
		for n, j := range places {
			o.kids[j] = items[n]
		}
	}
}

func sameNode(a, b *kid) bool {
	if a.obj == nil || b.obj == nil {
		return a.obj == nil && b.obj == nil || a.attr == b.attr
	}
	return a.obj.node == b.obj.node && a.obj.web == b.obj.web
}

// write adds the object to a tree, attributes in the order of the class.
func (o *object) write(b *rm.Builder, attr rminfo.Attr) {
	if o.class == 0 {
		o.class = shape.IDClass(o.scalar(rminfo.A_value), o.has(rminfo.A_scheme))
	}
	b.Open(attr, o.class)
	o.arrange()
	order := o.class.Attributes()
	rank := func(a rminfo.Attr) int {
		for i := range order {
			if order[i].Attr == a {
				return i
			}
		}
		return len(order)
	}
	sort.SliceStable(o.kids, func(i, j int) bool {
		if o.kids[i].attr == o.kids[j].attr {
			return false
		}
		return rank(o.kids[i].attr) < rank(o.kids[j].attr)
	})
	for i := range o.kids {
		k := &o.kids[i]
		switch {
		case k.obj != nil:
			k.obj.write(b, k.attr)
		case k.tree != nil:
			b.Copy(k.attr, k.tree, k.tree.Root())
		default:
			class := rminfo.String
			if a, ok := o.class.Attribute(k.attr); ok {
				class = a.Type
			}
			switch k.kind {
			case rm.Number:
				b.Number(k.attr, class, k.text)
			case rm.Boolean:
				b.Bool(k.attr, k.text == "true")
			default:
				b.String(k.attr, class, k.text)
			}
		}
	}
	b.Close()
}
