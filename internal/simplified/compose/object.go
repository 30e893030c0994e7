package compose

import (
	"slices"

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
	// room is where the kids of this object and those below it are laid out.
	room *room
	// places finds an object among the kids once they are many.
	places map[place]*object
	// whole says that it came as canonical JSON: nothing is added.
	whole bool
}

// kid is one attribute value: an object, a scalar, or a tree read from JSON.
type kid struct {
	text  string
	obj   *object
	tree  *rm.Tree
	index int32
	attr  rminfo.Attr
	// rank is the attribute's place in its class, for writing.
	rank uint8
	kind rm.Kind
}

// room hands out the places of kids: a document has thousands of them.
type room struct {
	free    []kid
	objects []object
}

// object makes one that stands in this room.
func (r *room) object() *object {
	if r == nil {
		return &object{}
	}
	if len(r.objects) == 0 {
		r.objects = make([]object, 32)
	}
	o := &r.objects[0]
	r.objects = r.objects[1:]
	o.room = r
	return o
}

func (r *room) kids(n int) []kid {
	if r == nil {
		return make([]kid, 0, n)
	}
	if len(r.free) < n {
		r.free = make([]kid, 128)
	}
	out := r.free[:0:n]
	r.free = r.free[n:]
	return out
}

// place is what tells the objects of one owner apart.
type place struct {
	attr  rminfo.Attr
	index int32
	node  template.NodeID
	web   *webtemplate.Node
}

// manyKids is where looking through a list becomes slower than a map.
const manyKids = 24

// find gives the object of a place, nil where there is none yet.
func (o *object) find(p place) *object {
	if len(o.kids) <= manyKids {
		for i := range o.kids {
			k := &o.kids[i]
			if k.obj != nil && k.attr == p.attr && k.index == p.index && k.obj.node == p.node && k.obj.web == p.web {
				return k.obj
			}
		}
		return nil
	}
	if o.places == nil {
		o.places = make(map[place]*object, 4*manyKids)
		for i := range o.kids {
			o.note(&o.kids[i])
		}
	}
	return o.places[p]
}

// note remembers the first object of a place.
func (o *object) note(k *kid) {
	if k.obj == nil {
		return
	}
	p := place{k.attr, k.index, k.obj.node, k.obj.web}
	if o.places[p] == nil {
		o.places[p] = k.obj
	}
}

func (o *object) add(k kid) {
	if o.places != nil {
		o.note(&k)
	}
	if o.kids == nil {
		n := 2
		if o.class.Locatable() {
			n = 4
		}
		o.kids = o.room.kids(n)
	}
	o.kids = append(o.kids, k)
}

func (o *object) put(attr rminfo.Attr, child *object) *object {
	if child.room == nil {
		child.room = o.room
	}
	o.add(kid{attr: attr, index: int32(child.index), obj: child})
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
	child := o.room.object()
	child.class, child.node, child.item, child.web, child.bound = class, template.NoNode, o.item, o.web, o.bound
	return o.put(attr, child)
}

// arrange puts the items of each node in the order of their indices, at the
// places where the document first mentions them: so different nodes of one list
// keep the order of the document.
func (o *object) arrange() {
	for i := range o.kids {
		if o.kids[i].index != 0 || i > 0 && o.kids[i-1].index != 0 {
			if o.outOfOrder(i) {
				o.reorder(i)
			}
		}
	}
}

// outOfOrder says whether the last kid of the same node has a higher index.
func (o *object) outOfOrder(i int) bool {
	for j := i - 1; j >= 0; j-- {
		if k := &o.kids[j]; k.attr == o.kids[i].attr && sameNode(k, &o.kids[i]) {
			return k.index > o.kids[i].index
		}
	}
	return false
}

func (o *object) reorder(i int) {
	var places []int
	var items []kid
	for j := range o.kids {
		if k := &o.kids[j]; k.attr == o.kids[i].attr && sameNode(k, &o.kids[i]) {
			places, items = append(places, j), append(items, *k)
		}
	}
	slices.SortStableFunc(items, func(a, b kid) int { return int(a.index) - int(b.index) })
	for n, j := range places {
		o.kids[j] = items[n]
	}
}

func sameNode(a, b *kid) bool {
	if a.obj == nil || b.obj == nil {
		return a.obj == nil && b.obj == nil || a.attr == b.attr
	}
	return a.obj.node == b.obj.node && a.obj.web == b.obj.web
}

// write adds the object to a tree, attributes in the order of the class.
func (o *object) write(c *composer, b *rm.Builder, attr rminfo.Attr) {
	if o.class == 0 {
		o.class = shape.IDClass(o.scalar(rminfo.A_value), o.has(rminfo.A_scheme))
	}
	b.Open(attr, o.class)
	o.arrange()
	var places [16]int32
	var before *kid
	for _, i := range o.sorted(places[:0]) {
		k := &o.kids[i]
		if before != nil && before.attr == k.attr {
			if a, ok := o.class.Attribute(k.attr); ok && !a.Container {
				c.both(o, before, k)
			}
		}
		before = k
		switch {
		case k.obj != nil:
			k.obj.write(c, b, k.attr)
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

// both refuses two values of what holds one, such as two data types of a choice.
func (c *composer) both(o *object, first, second *kid) {
	c.invalid = true
	key := func(k *kid) string {
		if k.obj != nil && k.obj.item != nil {
			return firstKey(k.obj.item)
		}
		return firstKey(o.item)
	}
	web := o.web
	if second.obj != nil {
		web = second.obj.web
	}
	c.issue(web, key(second), "key-duplicate", "one of "+key(first)+" and "+key(second), "both", "the node holds one value")
}

// sorted lists the kids by the order of the class's attributes; what one
// attribute holds keeps its order.
func (o *object) sorted(places []int32) []int32 {
	order := o.class.Attributes()
	for i := range o.kids {
		k := &o.kids[i]
		k.rank = uint8(len(order))
		for at := range order {
			if order[at].Attr == k.attr {
				k.rank = uint8(at)
				break
			}
		}
		places = append(places, int32(i))
	}
	slices.SortStableFunc(places, func(a, b int32) int { return int(o.kids[a].rank) - int(o.kids[b].rank) })
	return places
}
