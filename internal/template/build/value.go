package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template/narrow"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// values gives the attribute whose children are the alternatives of a place's
// value: the value of an ELEMENT, the attribute a path ends in, or the one the
// place itself stands in. own is set when only that object is meant.
func (b *builder) values(at tree.Cursor) (a *aom.Attribute, own aom.Object) {
	last := at.Last()
	if last.Object == nil {
		if single := tree.Only(last.Attribute); single != nil && tree.Class(single) == rminfo.ELEMENT {
			return b.values(at[:len(at)-1].To(last.Attribute, single, last.Owner))
		}
		b.keep(at)
		return last.Attribute, nil
	}
	if tree.Class(last.Object) == rminfo.ELEMENT {
		inner := tree.Attributes(last.Object)
		if inner == nil {
			return nil, nil
		}
		value := tree.Attribute(*inner, "value")
		if value == nil {
			value = tree.Single("value")
			value.Existence.Min = 0
			*inner = append(*inner, value)
		}
		return value, nil
	}
	return last.Attribute, last.Object
}

// types narrows the classes that may stand at a place.
func (b *builder) types(at tree.Cursor, e *source.Entry) {
	where := e.At("types")
	if o := at.Last().Object; o != nil && tree.Class(o).Locatable() && tree.Class(o) != rminfo.ELEMENT {
		b.subtype(at, o, e)
		return
	}
	a, own := b.values(at)
	if a == nil || own != nil {
		b.Add(where, at.Path(), "source-types", "an ELEMENT or an attribute", at.Path(), "types belong to an ELEMENT or to a path that ends in an attribute")
		return
	}
	var kept []aom.Object
	for i := range e.Types {
		t := &e.Types[i]
		c := tree.ClassNamed(t.Class)
		if c == 0 {
			b.Add(t.Place, at.Path(), "VCORM", source.Nearest(t.Class, dataValues()), t.Class, "the reference model has no class %s; the nearest is %s", t.Class, source.Nearest(t.Class, dataValues()))
			continue
		}
		matched := slices.DeleteFunc(slices.Clone(a.Children), func(o aom.Object) bool { return !sameType(o, t.Class, c) })
		switch {
		case len(matched) > 0:
			kept = append(kept, matched...)
		case (!t.IfThere || len(a.Children) == 0) && b.fitsOpen(at, a, c):
			kept = append(kept, tree.Complex(t.Class))
		case t.IfThere:
		default:
			b.Add(t.Place, at.Path(), "source-types", tree.ShowTypes(a), t.Class, "%s may be %s, not %s", at.Path(), tree.ShowTypes(a), t.Class)
			kept = append(kept, a.Children...)
		}
	}
	if len(kept) == 0 {
		b.Add(where, at.Path(), "source-types", tree.ShowTypes(a), "none of them", "no class of %s is left of %s", at.Path(), tree.ShowTypes(a))
		return
	}
	a.Children = kept
	for i := range e.Types {
		t := &e.Types[i]
		c := tree.ClassNamed(t.Class)
		target := slices.IndexFunc(a.Children, func(o aom.Object) bool { return sameType(o, t.Class, c) })
		if target >= 0 {
			b.narrower(at, a, a.Children[target], &source.Entry{Place: t.Place, Lines: t.Lines}).To(&t.Value)
		}
	}
}

func sameType(o aom.Object, name string, c rminfo.Class) bool {
	if strings.Contains(name, "<") {
		return o.Base().TypeName == name
	}
	return tree.Class(o) == c
}

// fitsOpen says whether a class may stand where the archetype says no class, or
// only one above it.
func (b *builder) fitsOpen(at tree.Cursor, a *aom.Attribute, c rminfo.Class) bool {
	for _, child := range a.Children {
		if o, ok := child.(*aom.ComplexObject); ok && len(o.Attributes) == 0 && c.IsA(tree.Class(o)) {
			return true
		}
	}
	if len(a.Children) > 0 {
		return false
	}
	owner := at.Last().Object
	if owner == nil {
		owner = at.Last().Owner
	}
	known, ok := tree.Declared(tree.Class(owner), a.Name)
	return ok && c.IsA(known.Type)
}

// subtype fixes the kind of an EVENT, or of another abstract class.
func (b *builder) subtype(at tree.Cursor, o aom.Object, e *source.Entry) {
	t := e.Types[0]
	c := tree.ClassNamed(t.Class)
	if len(e.Types) != 1 || c == 0 || !c.IsA(tree.Class(o)) {
		b.Add(t.Place, at.Path(), "source-types", "one kind of "+o.Base().TypeName, t.Class, "%s is a %s and cannot be narrowed to %s", at.Path(), o.Base().TypeName, t.Class)
		return
	}
	o.Base().TypeName = t.Class
}

func dataValues() []string {
	var out []string
	for _, c := range rminfo.DATA_VALUE.Descendants() {
		out = append(out, c.Name())
	}
	return out
}

// value narrows the data value of a place: each key goes to the alternative it
// fits.
func (b *builder) value(at tree.Cursor, v *source.Value, e *source.Entry) {
	keys := narrow.Keys(v)
	if len(keys) == 0 && v.Default == nil {
		return
	}
	a, own := b.values(at)
	if a == nil {
		b.Add(e.Place, at.Path(), "source-value", "an ELEMENT or a value", at.Path(), "%s holds no value to narrow", at.Path())
		return
	}
	if len(keys) > 0 {
		if own == nil {
			if own = b.alternative(at, a, keys[0], e); own == nil {
				return
			}
		}
		b.narrower(at, a, own, e).To(v)
	}
	if v.Default != nil {
		b.setDefault(at, a, v.Default, e)
	}
}

// alternative finds the one child a key fits, or makes it where the archetype
// leaves the value open.
func (b *builder) alternative(at tree.Cursor, a *aom.Attribute, key string, e *source.Entry) aom.Object {
	var fits []aom.Object
	for _, name := range strings.Fields(narrow.Fitting[key]) {
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
	where := e.At(key)
	switch {
	case len(fits) == 1:
		return fits[0]
	case len(fits) > 1:
		b.Add(where, at.Path(), "source-value", "one alternative", tree.ShowTypes(a), "%s fits several alternatives of %s (%s); say types", key, at.Path(), tree.ShowTypes(a))
		return nil
	}
	first := strings.Fields(narrow.Fitting[key])[0]
	if key != "range" && key != "values" && key != "pattern" && b.fitsOpen(at, a, tree.ClassNamed(first)) {
		made := tree.Complex(first)
		a.Children = []aom.Object{made}
		return made
	}
	b.Add(where, at.Path(), "source-value", strings.ReplaceAll(narrow.Fitting[key], " ", ", "), tree.ShowTypes(a), "%s does not fit %s, which may be %s", key, at.Path(), tree.ShowTypes(a))
	return nil
}

// narrower is what narrows one alternative of a place.
func (b *builder) narrower(at tree.Cursor, a *aom.Attribute, o aom.Object, e *source.Entry) *narrow.Value {
	return &narrow.Value{Faults: &b.Faults, Archetypes: b.archetypes, Language: b.language, At: at, Attribute: a, Object: o, Entry: e}
}
