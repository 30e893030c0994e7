package build

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// attributesOf gives the attributes of an object that can have any.
func attributesOf(o aom.Object) *[]*aom.Attribute {
	switch o := o.(type) {
	case *aom.ComplexObject:
		return &o.Attributes
	case *aom.ArchetypeRoot:
		return &o.Attributes
	}
	return nil
}

func attributeNamed(list []*aom.Attribute, name string) *aom.Attribute {
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	return nil
}

func copyAttribute(a *aom.Attribute) *aom.Attribute {
	c := *a
	c.Children = make([]aom.Object, len(a.Children))
	for i, child := range a.Children {
		c.Children[i] = copyObject(child)
	}
	return &c
}

func copyAttributes(list []*aom.Attribute) []*aom.Attribute {
	out := make([]*aom.Attribute, len(list))
	for i, a := range list {
		out[i] = copyAttribute(a)
	}
	return out
}

// copyObject copies the structure; lists of values within leaves are shared and
// replaced, never changed in place.
func copyObject(o aom.Object) aom.Object {
	switch o := o.(type) {
	case *aom.ComplexObject:
		return &aom.ComplexObject{ObjectBase: o.ObjectBase, Attributes: copyAttributes(o.Attributes)}
	case *aom.ArchetypeRoot:
		c := *o
		c.Attributes = copyAttributes(o.Attributes)
		return &c
	case *aom.Slot:
		c := *o
		return &c
	case *aom.InternalRef:
		c := *o
		return &c
	case *aom.ConstraintRef:
		c := *o
		return &c
	case *aom.PrimitiveObject:
		c := *o
		return &c
	case *aom.CodePhrase:
		c := *o
		return &c
	case *aom.CodeReference:
		c := *o
		return &c
	case *aom.Quantity:
		c := *o
		return &c
	case *aom.Ordinal:
		c := *o
		return &c
	case *aom.Scale:
		c := *o
		return &c
	case *aom.State:
		c := *o
		return &c
	}
	return nil
}

// size counts the objects of a tree.
func size(o aom.Object) int {
	n := 1
	if list := attributesOf(o); list != nil {
		for _, a := range *list {
			for _, child := range a.Children {
				n += size(child)
			}
		}
	}
	return n
}

// class finds the reference model class of an object, without parameters.
func class(o aom.Object) rminfo.Class { return classNamed(o.Base().TypeName) }

func classNamed(name string) rminfo.Class {
	name, _, _ = strings.Cut(name, "<")
	c, _ := rminfo.ClassByName(name)
	return c
}

// declared finds an attribute of a class or, for abstract ones such as EVENT, of
// a class below it.
func declared(c rminfo.Class, name string) (rminfo.Attribute, bool) {
	attr, ok := rminfo.AttrByName(name)
	if c == 0 || !ok {
		return rminfo.Attribute{}, false
	}
	if a, ok := c.Attribute(attr); ok {
		return a, true
	}
	for _, sub := range c.Descendants() {
		if a, ok := sub.Attribute(attr); ok {
			return a, true
		}
	}
	return rminfo.Attribute{}, false
}

// openAttribute makes the attribute as the reference model has it, nothing
// constrained.
func openAttribute(a rminfo.Attribute, name string) *aom.Attribute {
	out := &aom.Attribute{Name: name, Existence: aom.Multiplicity{Max: 1}, Multiple: a.Container}
	if a.Mandatory {
		out.Existence.Min = 1
	}
	if a.Container {
		out.Cardinality = aom.Cardinality{Interval: aom.Multiplicity{Max: aom.Unbounded}, Ordered: true}
	}
	return out
}

var once = aom.Multiplicity{Min: 1, Max: 1}

// single makes an attribute that holds one object.
func single(name string, children ...aom.Object) *aom.Attribute {
	return &aom.Attribute{Name: name, Existence: once, Children: children}
}

func complexOf(class string, attributes ...*aom.Attribute) *aom.ComplexObject {
	return &aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: class, Occurrences: once}, Attributes: attributes}
}

func primitiveOf(class string, item aom.Primitive) *aom.PrimitiveObject {
	return &aom.PrimitiveObject{ObjectBase: aom.ObjectBase{TypeName: class, Occurrences: once}, Item: item}
}

// fixedName gives the one name a node may have, "" when it is open.
func fixedName(o aom.Object) string {
	list := attributesOf(o)
	if list == nil {
		return ""
	}
	name := attributeNamed(*list, "name")
	if name == nil || len(name.Children) != 1 {
		return ""
	}
	inner := attributesOf(name.Children[0])
	if inner == nil {
		return ""
	}
	if value := attributeNamed(*inner, "value"); value != nil && len(value.Children) == 1 {
		if p, ok := value.Children[0].(*aom.PrimitiveObject); ok {
			if s, ok := p.Item.(*aom.String); ok && len(s.List) == 1 && !s.ListOpen {
				return s.List[0]
			}
		}
	}
	return ""
}

// showMultiplicity writes a multiplicity as a source does.
func showMultiplicity(m aom.Multiplicity) string {
	if m.Max == aom.Unbounded {
		return strconv.Itoa(m.Min) + "..*"
	}
	if m.Min == m.Max {
		return strconv.Itoa(m.Min)
	}
	return strconv.Itoa(m.Min) + ".." + strconv.Itoa(m.Max)
}
