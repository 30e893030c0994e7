package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// values gives the attribute whose children are the alternatives of a place's
// value: the value of an ELEMENT, the attribute a path ends in, or the one the
// place itself stands in. own is set when only that object is meant.
func (b *builder) values(at cursor) (a *aom.Attribute, own aom.Object) {
	last := at.last()
	if last.object == nil {
		if single := only(last.attribute); single != nil && class(single) == rminfo.ELEMENT {
			return b.values(at[:len(at)-1].to(stop{last.attribute, single, last.owner}))
		}
		b.keep(at)
		return last.attribute, nil
	}
	if class(last.object) == rminfo.ELEMENT {
		inner := attributesOf(last.object)
		if inner == nil {
			return nil, nil
		}
		value := attributeNamed(*inner, "value")
		if value == nil {
			value = single("value")
			value.Existence.Min = 0
			*inner = append(*inner, value)
		}
		return value, nil
	}
	return last.attribute, last.object
}

func only(a *aom.Attribute) aom.Object {
	if a != nil && len(a.Children) == 1 {
		return a.Children[0]
	}
	return nil
}

// types narrows the classes that may stand at a place.
func (b *builder) types(at cursor, e *Entry) {
	where := e.at("types")
	if o := at.last().object; o != nil && class(o).Locatable() && class(o) != rminfo.ELEMENT {
		b.subtype(at, o, e)
		return
	}
	a, own := b.values(at)
	if a == nil || own != nil {
		b.add(where, at.path(), "source-types", "an ELEMENT or an attribute", at.path(), "types belong to an ELEMENT or to a path that ends in an attribute")
		return
	}
	var kept []aom.Object
	for i := range e.Types {
		t := &e.Types[i]
		c := classNamed(t.Class)
		if c == 0 {
			b.add(t.place, at.path(), "VCORM", nearest(t.Class, dataValues()), t.Class, "the reference model has no class %s; the nearest is %s", t.Class, nearest(t.Class, dataValues()))
			continue
		}
		matched := slices.DeleteFunc(slices.Clone(a.Children), func(o aom.Object) bool { return !sameType(o, t.Class, c) })
		switch {
		case len(matched) > 0:
			kept = append(kept, matched...)
		case (!t.IfThere || len(a.Children) == 0) && b.fitsOpen(at, a, c):
			kept = append(kept, complexOf(t.Class))
		case t.IfThere:
		default:
			b.add(t.place, at.path(), "source-types", showTypes(a), t.Class, "%s may be %s, not %s", at.path(), showTypes(a), t.Class)
			kept = append(kept, a.Children...)
		}
	}
	if len(kept) == 0 {
		b.add(where, at.path(), "source-types", showTypes(a), "none of them", "no class of %s is left of %s", at.path(), showTypes(a))
		return
	}
	a.Children = kept
	for i := range e.Types {
		t := &e.Types[i]
		c := classNamed(t.Class)
		target := slices.IndexFunc(a.Children, func(o aom.Object) bool { return sameType(o, t.Class, c) })
		if target >= 0 {
			b.narrow(at, a, a.Children[target], &t.Value, &Entry{place: t.place, lines: t.lines})
		}
	}
}

func sameType(o aom.Object, name string, c rminfo.Class) bool {
	if strings.Contains(name, "<") {
		return o.Base().TypeName == name
	}
	return class(o) == c
}

// fitsOpen says whether a class may stand where the archetype says no class, or
// only one above it.
func (b *builder) fitsOpen(at cursor, a *aom.Attribute, c rminfo.Class) bool {
	for _, child := range a.Children {
		if o, ok := child.(*aom.ComplexObject); ok && len(o.Attributes) == 0 && c.IsA(class(o)) {
			return true
		}
	}
	if len(a.Children) > 0 {
		return false
	}
	owner := at.last().object
	if owner == nil {
		owner = at.last().owner
	}
	known, ok := declared(class(owner), a.Name)
	return ok && c.IsA(known.Type)
}

// subtype fixes the kind of an EVENT, or of another abstract class.
func (b *builder) subtype(at cursor, o aom.Object, e *Entry) {
	t := e.Types[0]
	c := classNamed(t.Class)
	if len(e.Types) != 1 || c == 0 || !c.IsA(class(o)) {
		b.add(t.place, at.path(), "source-types", "one kind of "+o.Base().TypeName, t.Class, "%s is a %s and cannot be narrowed to %s", at.path(), o.Base().TypeName, t.Class)
		return
	}
	o.Base().TypeName = t.Class
}

func showTypes(a *aom.Attribute) string {
	var out []string
	for _, child := range a.Children {
		out = append(out, child.Base().TypeName)
	}
	if out == nil {
		return "nothing that the archetype says"
	}
	return strings.Join(out, ", ")
}

func dataValues() []string {
	var out []string
	for _, c := range rminfo.DATA_VALUE.Descendants() {
		out = append(out, c.Name())
	}
	return out
}

// fitting are the classes each key of a value belongs to; the first is what an
// open value becomes.
var fitting = map[string]string{
	"units": "DV_QUANTITY", "range": "DV_COUNT DV_PROPORTION DV_DURATION DV_DATE DV_TIME DV_DATE_TIME",
	"values": "DV_COUNT DV_BOOLEAN", "pattern": "DV_DATE_TIME DV_DATE DV_TIME DV_DURATION DV_TEXT",
	"codes": "DV_CODED_TEXT DV_TEXT", "valueset": "DV_CODED_TEXT DV_TEXT", "texts": "DV_TEXT", "ordinals": "DV_ORDINAL DV_SCALE",
	"choice": "DV_CODED_TEXT DV_TEXT",
}

// keysOf lists what a value says, in the order of the documentation.
func keysOf(v *Value) []string {
	var out []string
	for _, k := range []struct {
		key  string
		said bool
	}{
		{"units", v.Units != nil || v.UnitsWithout != nil}, {"range", v.Range != nil}, {"values", v.Values != nil}, {"pattern", v.Pattern != ""},
		{"choice", v.Choice != ""}, {"codes", v.Codes != nil}, {"valueset", v.ValueSet != nil}, {"texts", v.Texts != nil},
		{"ordinals", v.Ordinals != nil || v.OrdinalsOut != nil},
	} {
		if k.said {
			out = append(out, k.key)
		}
	}
	return out
}

// value narrows the data value of a place: each key goes to the alternative it
// fits.
func (b *builder) value(at cursor, v *Value, e *Entry) {
	keys := keysOf(v)
	if len(keys) == 0 && v.Default == nil {
		return
	}
	a, own := b.values(at)
	if a == nil {
		b.add(e.place, at.path(), "source-value", "an ELEMENT or a value", at.path(), "%s holds no value to narrow", at.path())
		return
	}
	if len(keys) > 0 {
		if own == nil {
			if own = b.alternative(at, a, keys[0], e); own == nil {
				return
			}
		}
		b.narrow(at, a, own, v, e)
	}
	if v.Default != nil {
		b.setDefault(at, a, v.Default, e)
	}
}

// alternative finds the one child a key fits, or makes it where the archetype
// leaves the value open.
func (b *builder) alternative(at cursor, a *aom.Attribute, key string, e *Entry) aom.Object {
	var fits []aom.Object
	for _, name := range strings.Fields(fitting[key]) {
		for _, child := range a.Children {
			if _, primitive := child.(*aom.PrimitiveObject); primitive || child.Base().TypeName == name {
				fits = append(fits, child)
			}
		}
		// A coded text before a text, and so on: the first class that is there wins
		// where one includes the other.
		if len(fits) > 0 && (key == "codes" || key == "valueset" || key == "choice") {
			break
		}
	}
	where := e.at(key)
	switch {
	case len(fits) == 1:
		return fits[0]
	case len(fits) > 1:
		b.add(where, at.path(), "source-value", "one alternative", showTypes(a), "%s fits several alternatives of %s (%s); say types", key, at.path(), showTypes(a))
		return nil
	}
	first := strings.Fields(fitting[key])[0]
	if key != "range" && key != "values" && key != "pattern" && b.fitsOpen(at, a, classNamed(first)) {
		made := complexOf(first)
		a.Children = []aom.Object{made}
		return made
	}
	b.add(where, at.path(), "source-value", strings.ReplaceAll(fitting[key], " ", ", "), showTypes(a), "%s does not fit %s, which may be %s", key, at.path(), showTypes(a))
	return nil
}

// narrow applies the keys of a value to one alternative.
func (b *builder) narrow(at cursor, a *aom.Attribute, o aom.Object, v *Value, e *Entry) {
	n := &narrower{builder: b, at: at, attribute: a, object: o, value: v, entry: e}
	for _, key := range keysOf(v) {
		n.key, n.where = key, e.at(key)
		switch key {
		case "units":
			n.units()
		case "range", "values":
			n.numbers()
		case "pattern":
			n.pattern()
		case "choice":
			n.choice()
		case "codes", "valueset":
			n.codes()
		case "texts":
			n.texts()
		case "ordinals":
			n.ordinals()
		}
	}
}

// narrower is one value being narrowed.
type narrower struct {
	*builder
	at        cursor
	attribute *aom.Attribute
	object    aom.Object
	value     *Value
	entry     *Entry
	key       string
	where     place
}

// wider reports what is no narrowing, with both constraints.
func (n *narrower) wider(rule, archetype, source string) {
	n.add(n.where, n.at.path(), rule, archetype, source, "%s %s of %s is not within %s", n.key, source, n.at.path(), archetype)
}

func (n *narrower) misfit() {
	n.add(n.where, n.at.path(), "source-value", strings.ReplaceAll(fitting[n.key], " ", ", "), n.object.Base().TypeName,
		"%s does not fit %s, which is a %s", n.key, n.at.path(), n.object.Base().TypeName)
}

// replace puts another object in the place of the one being narrowed.
func (n *narrower) replace(with ...aom.Object) {
	i := slices.Index(n.attribute.Children, n.object)
	if i < 0 {
		return
	}
	n.attribute.Children = slices.Replace(n.attribute.Children, i, i+1, with...)
	n.object = with[0]
}

// inner finds or makes the object in an attribute of a complex object.
func (n *narrower) inner(name string, otherwise aom.Object) (a *aom.Attribute, o aom.Object) {
	list := attributesOf(n.object)
	if list == nil {
		return nil, nil
	}
	if a = attributeNamed(*list, name); a == nil {
		a = single(name)
		*list = append(*list, a)
	}
	if len(a.Children) == 0 {
		a.Children = append(a.Children, otherwise)
	}
	return a, a.Children[0]
}
