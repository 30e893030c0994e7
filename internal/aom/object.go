package aom

// Object is one C_OBJECT: a node of the constraint tree. The implementations
// are the pointers to ComplexObject, ArchetypeRoot, Slot, InternalRef,
// ConstraintRef, PrimitiveObject, CodePhrase, CodeReference, Quantity, Ordinal,
// Scale and State.
type Object interface {
	// Base gives the fields every C_OBJECT has.
	Base() *ObjectBase
}

// ObjectBase is what all C_OBJECTs share (AOM 1.4, C_OBJECT).
type ObjectBase struct {
	// TypeName is the reference model class, as written (DV_INTERVAL<DV_COUNT>
	// keeps its parameter).
	TypeName    string
	Occurrences Multiplicity
	// NodeID is the at-code, empty where the node needs none.
	NodeID string
	// Line is where the node stands in its source, 0 when unknown.
	Line int
}

// Base implements Object.
func (o *ObjectBase) Base() *ObjectBase { return o }

// ComplexObject is C_COMPLEX_OBJECT: a class with constrained attributes. No
// attributes means anything of the class.
type ComplexObject struct {
	ObjectBase
	Attributes []*Attribute
}

// ArchetypeRoot is C_ARCHETYPE_ROOT: where another archetype begins, and with
// it another scope of at-codes.
type ArchetypeRoot struct {
	ComplexObject
	ArchetypeID string
	TemplateID  string
	// Terms are the terms in the template's own language.
	Terms    []Term
	Bindings []TermBindings
}

// Slot is ARCHETYPE_SLOT: a place that archetypes may fill.
type Slot struct {
	ObjectBase
	Includes []Assertion
	Excludes []Assertion
}

// InternalRef is ARCHETYPE_INTERNAL_REF (use_node): the constraints stand at
// TargetPath of the same archetype.
type InternalRef struct {
	ObjectBase
	TargetPath string
}

// ConstraintRef is CONSTRAINT_REF: a value set outside the archetype, named by
// an ac-code.
type ConstraintRef struct {
	ObjectBase
	Reference string
}

// PrimitiveObject is C_PRIMITIVE_OBJECT: a constraint on a String, Integer and
// the like. A nil Item allows any value.
type PrimitiveObject struct {
	ObjectBase
	Item Primitive
}

// Attribute is C_ATTRIBUTE. Single attributes (C_SINGLE_ATTRIBUTE) hold
// alternatives, multiple ones (C_MULTIPLE_ATTRIBUTE) hold members that coexist.
type Attribute struct {
	Name      string
	Existence Multiplicity
	// Multiple tells C_MULTIPLE_ATTRIBUTE; Cardinality is set only then.
	Multiple    bool
	Cardinality Cardinality
	Children    []Object
	// MatchNegated is written by some tools and has no meaning in AOM 1.4; it is
	// kept for the writer.
	MatchNegated bool
}

// Multiplicity counts instances: occurrences, existence, cardinality.
type Multiplicity struct {
	Min int
	// Max is Unbounded when there is no upper limit.
	Max int
}

// Unbounded is the Max of a multiplicity without upper limit.
const Unbounded = -1

// Allows says whether n instances are within the bounds.
func (m Multiplicity) Allows(n int) bool {
	return n >= m.Min && (m.Max == Unbounded || n <= m.Max)
}

// Many says whether more than one instance is possible.
func (m Multiplicity) Many() bool { return m.Max == Unbounded || m.Max > 1 }

// Cardinality is CARDINALITY: how the members of a container count together.
type Cardinality struct {
	Interval Multiplicity
	Ordered  bool
	Unique   bool
}
