package tree

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Attributes gives the attributes of an object that can have any.
func Attributes(o aom.Object) *[]*aom.Attribute {
	switch o := o.(type) {
	case *aom.ComplexObject:
		return &o.Attributes
	case *aom.ArchetypeRoot:
		return &o.Attributes
	}
	return nil
}

// Attribute is the attribute of a name, nil when the list has none.
func Attribute(list []*aom.Attribute, name string) *aom.Attribute {
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// CopyAttribute copies an attribute with all below it.
func CopyAttribute(a *aom.Attribute) *aom.Attribute {
	c := *a
	c.Children = make([]aom.Object, len(a.Children))
	for i, child := range a.Children {
		c.Children[i] = CopyObject(child)
	}
	return &c
}

// CopyAttributes copies a list of attributes with all below them.
func CopyAttributes(list []*aom.Attribute) []*aom.Attribute {
	out := make([]*aom.Attribute, len(list))
	for i, a := range list {
		out[i] = CopyAttribute(a)
	}
	return out
}

// CopyObject copies the structure; lists of values within leaves are shared and
// replaced, never changed in place.
func CopyObject(o aom.Object) aom.Object {
	switch o := o.(type) {
	case *aom.ComplexObject:
		return &aom.ComplexObject{ObjectBase: o.ObjectBase, Attributes: CopyAttributes(o.Attributes)}
	case *aom.ArchetypeRoot:
		c := *o
		c.Attributes = CopyAttributes(o.Attributes)
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

// Size counts the objects of a tree.
func Size(o aom.Object) int {
	n := 1
	if list := Attributes(o); list != nil {
		for _, a := range *list {
			for _, child := range a.Children {
				n += Size(child)
			}
		}
	}
	return n
}

// Class finds the reference model class of an object, without parameters.
func Class(o aom.Object) rminfo.Class { return ClassNamed(o.Base().TypeName) }

// ClassNamed finds a reference model class by a name that may have parameters; 0
// when there is none.
func ClassNamed(name string) rminfo.Class {
	name, _, _ = strings.Cut(name, "<")
	c, _ := rminfo.ClassByName(name)
	return c
}

// Declared finds an attribute of a class or, for abstract ones such as EVENT, of
// a class below it.
func Declared(c rminfo.Class, name string) (rminfo.Attribute, bool) {
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

// OpenAttribute makes the attribute as the reference model has it, nothing
// constrained.
func OpenAttribute(a rminfo.Attribute, name string) *aom.Attribute {
	out := &aom.Attribute{Name: name, Existence: aom.Multiplicity{Max: 1}, Multiple: a.Container}
	if a.Mandatory {
		out.Existence.Min = 1
	}
	if a.Container {
		out.Cardinality = aom.Cardinality{Interval: aom.Multiplicity{Max: aom.Unbounded}, Ordered: true}
	}
	return out
}

// Once is exactly one.
var Once = aom.Multiplicity{Min: 1, Max: 1}

// Single makes an attribute that holds one object.
func Single(name string, children ...aom.Object) *aom.Attribute {
	return &aom.Attribute{Name: name, Existence: Once, Children: children}
}

// Complex makes an object of a class, occurring once.
func Complex(class string, attributes ...*aom.Attribute) *aom.ComplexObject {
	return &aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: class, Occurrences: Once}, Attributes: attributes}
}

// Primitive makes a primitive object, occurring once.
func Primitive(class string, item aom.Primitive) *aom.PrimitiveObject {
	return &aom.PrimitiveObject{ObjectBase: aom.ObjectBase{TypeName: class, Occurrences: Once}, Item: item}
}

// FixedName gives the one name a node may have, "" when it is open.
func FixedName(o aom.Object) string {
	list := Attributes(o)
	if list == nil {
		return ""
	}
	name := Attribute(*list, "name")
	if name == nil || len(name.Children) != 1 {
		return ""
	}
	inner := Attributes(name.Children[0])
	if inner == nil {
		return ""
	}
	if value := Attribute(*inner, "value"); value != nil && len(value.Children) == 1 {
		if p, ok := value.Children[0].(*aom.PrimitiveObject); ok {
			if s, ok := p.Item.(*aom.String); ok && len(s.List) == 1 && !s.ListOpen {
				return s.List[0]
			}
		}
	}
	return ""
}

// ShowMultiplicity writes a multiplicity as a source does.
func ShowMultiplicity(m aom.Multiplicity) string {
	if m.Max == aom.Unbounded {
		return strconv.Itoa(m.Min) + "..*"
	}
	if m.Min == m.Max {
		return strconv.Itoa(m.Min)
	}
	return strconv.Itoa(m.Min) + ".." + strconv.Itoa(m.Max)
}

// Only is the one child of an attribute, nil when there is none or several.
func Only(a *aom.Attribute) aom.Object {
	if a != nil && len(a.Children) == 1 {
		return a.Children[0]
	}
	return nil
}

// ShowTypes lists the classes an attribute may hold.
func ShowTypes(a *aom.Attribute) string {
	var out []string
	for _, child := range a.Children {
		out = append(out, child.Base().TypeName)
	}
	if out == nil {
		return "nothing that the archetype says"
	}
	return strings.Join(out, ", ")
}
