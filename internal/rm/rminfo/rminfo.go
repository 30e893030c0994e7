package rminfo

// Class is an interned reference model class; 0 is no class.
type Class uint16

// Attr is an interned attribute name, shared by all classes that use it; 0 is
// no attribute.
type Attr uint16

// Attribute is what one class says of one of its attributes, inherited ones
// included.
type Attribute struct {
	Attr Attr
	// Type is the declared class; generic parameters stand at their bound.
	Type Class
	// Container says that the attribute holds a list.
	Container bool
	// Mandatory says that the specification's multiplicity has a lower bound of 1.
	Mandatory bool
}

// Scalar is how a primitive class is written in JSON.
type Scalar uint8

// The scalars; NotScalar marks a class that is written as an object.
const (
	NotScalar Scalar = iota
	Text
	Number
	Bool
)

type classInfo struct {
	name       string
	parent     Class
	abstract   bool
	scalar     Scalar
	attributes []Attribute
}

var (
	classByName map[string]Class
	attrByName  map[string]Attr
	// attrIndex is [class][attr] -> 1 + position in the class's attributes.
	attrIndex [][]uint8
	// ancestry is a bit set of the ancestors of each class, itself included.
	ancestry    [][4]uint64
	descendants [][]Class
)

func init() {
	classByName = make(map[string]Class, len(classes))
	attrByName = make(map[string]Attr, len(attrNames))
	attrIndex = make([][]uint8, len(classes))
	ancestry = make([][4]uint64, len(classes))
	descendants = make([][]Class, len(classes))
	for a := 1; a < len(attrNames); a++ {
		attrByName[attrNames[a]] = Attr(a)
	}
	for c := 1; c < len(classes); c++ {
		classByName[classes[c].name] = Class(c)
		attrIndex[c] = make([]uint8, len(attrNames))
		for i, a := range classes[c].attributes {
			attrIndex[c][a.Attr] = uint8(i + 1)
		}
		for p := Class(c); p != 0; p = classes[p].parent {
			ancestry[c][p/64] |= 1 << (p % 64)
			descendants[p] = append(descendants[p], Class(c))
		}
	}
}

// ClassByName finds a class by its specification name; exact spelling.
func ClassByName(name string) (Class, bool) {
	c, ok := classByName[name]
	return c, ok
}

// ClassByBytes is ClassByName without an allocation for the key.
func ClassByBytes(name []byte) (Class, bool) {
	c, ok := classByName[string(name)]
	return c, ok
}

// AttrByName finds an attribute name that any class uses.
func AttrByName(name string) (Attr, bool) {
	a, ok := attrByName[name]
	return a, ok
}

// AttrByBytes is AttrByName without an allocation for the key.
func AttrByBytes(name []byte) (Attr, bool) {
	a, ok := attrByName[string(name)]
	return a, ok
}

// Name is the specification's name, such as "DV_QUANTITY"; "" for no class.
func (c Class) Name() string { return classes[c].name }

// String is Name.
func (c Class) String() string { return classes[c].name }

// Parent is the class c inherits from, 0 at the top.
func (c Class) Parent() Class { return classes[c].parent }

// Abstract says that no object may be of exactly this class.
func (c Class) Abstract() bool { return classes[c].abstract }

// Scalar says how a primitive class is written; NotScalar for all others.
func (c Class) Scalar() Scalar { return classes[c].scalar }

// IsA says whether c is ancestor or inherits from it.
func (c Class) IsA(ancestor Class) bool {
	return ancestry[c][ancestor/64]&(1<<(ancestor%64)) != 0
}

// Locatable says whether objects of the class carry name and archetype_node_id.
func (c Class) Locatable() bool { return c.IsA(LOCATABLE) }

// Attributes lists all attributes, the inherited ones first, in the order of
// the specification. The caller must not change the slice.
func (c Class) Attributes() []Attribute { return classes[c].attributes }

// Attribute finds one attribute of the class.
func (c Class) Attribute(a Attr) (Attribute, bool) {
	if c == 0 || attrIndex[c][a] == 0 {
		return Attribute{}, false
	}
	return classes[c].attributes[attrIndex[c][a]-1], true
}

// Descendants lists c and every class that inherits from it. The caller must
// not change the slice.
func (c Class) Descendants() []Class { return descendants[c] }

// Classes is the number of classes plus one: valid ids are 1 to Classes()-1.
func Classes() int { return len(classes) }

// Name is the attribute's name, such as "magnitude".
func (a Attr) Name() string { return attrNames[a] }

// String is Name.
func (a Attr) String() string { return attrNames[a] }
