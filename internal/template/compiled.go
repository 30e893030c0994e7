package template

import (
	"regexp"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// NodeID is the position of a node in the template's pre-order; the root is 0.
type NodeID int32

// NoNode is the id of no node: the root's parent, a path that leads nowhere.
const NoNode NodeID = -1

// Node is one object of the compiled template. Nodes are shared by all
// readers: nobody changes them after Compile.
type Node struct {
	Parent NodeID
	// End is the first id after the node's subtree.
	End NodeID
	// Attr is the parent's attribute that holds the node, 0 for the root.
	Attr rminfo.Attr
	// Class is the class the template demands; data may be of a subclass.
	Class rminfo.Class
	// Param is the class within the brackets of a generic class, such as
	// DV_QUANTITY in DV_INTERVAL<DV_QUANTITY>; 0 when there is none.
	Param rminfo.Class
	// AtCode is the archetype_node_id of data here: an at-code, or the archetype
	// id where an archetype begins. Empty for classes that carry none, and for
	// slots.
	AtCode string
	// NodeID is the at-code of the archetype, at0000 where an archetype begins;
	// empty where the archetype gives none.
	NodeID string
	// Archetype is the id of the archetype the node belongs to.
	Archetype string
	// Scope is the node where that archetype begins; terms are looked up there.
	Scope NodeID
	// IsRoot tells where an archetype begins.
	IsRoot bool
	// NameFixed is the only name the template allows, empty when it leaves the
	// name open or gives a choice.
	NameFixed string
	// Names are the names the template allows, in its own language; empty when
	// any name will do.
	Names []string
	// NameCodes are the codes a coded name is limited to.
	NameCodes   []aom.Code
	Occurrences aom.Multiplicity
	// Constraint limits the value itself; nil when the class is all there is to say.
	Constraint aom.Constraint
	// Slot is set where archetypes of the user's choice may stand.
	Slot *aom.Slot
	// Default is the template's default value, Assumed the archetype's assumed
	// one: the first may go into new data, the second never does.
	Default *aom.Value
	Assumed *aom.Value
	// DefaultAttr says which attribute Default belongs to when the template
	// constrains no object there; 0 when Default is of the node itself.
	DefaultAttr rminfo.Attr
	// Derived are constraints on functions of the reference model, such as
	// is_integral, which stand in no document.
	Derived []*aom.Attribute
	// Annotations and View are the template's remarks on this node, such as
	// comment, or pass_through.
	Annotations []aom.KeyValue
	View        []aom.KeyValue
	// AQLPath is the path from the root, with the name where the template fixes it.
	AQLPath string

	firstAttr, attrs int32
}

// Attribute is one constrained attribute of a node.
type Attribute struct {
	Attr      rminfo.Attr
	Existence aom.Multiplicity
	// Cardinality is nil for attributes that hold one object.
	Cardinality *aom.Cardinality
	// Multiple says that Children coexist; else they are alternatives.
	Multiple bool
	Children []NodeID
}

// Compiled is an operational template made ready to be asked. It is immutable
// and safe for concurrent readers.
type Compiled struct {
	TemplateID string
	Concept    string
	UID        string
	// Language is the template's own language, Languages all that have terms,
	// the own one first.
	Language  string
	Languages []string
	// RootArchetype is the archetype id of the root.
	RootArchetype string
	// Source is the template it was compiled from, for writers and for what is
	// asked rarely (description, ontologies).
	Source *aom.OperationalTemplate

	nodes  []Node
	attrs  []Attribute
	scopes map[NodeID]*scope
	slots  map[NodeID]slotRule
	// patterns holds the expressions of C_STRING, nil where Go's engine cannot
	// read one.
	patterns map[NodeID]*regexp.Regexp
	// byArchetype finds any scope of an archetype.
	byArchetype map[string]*scope
}

// Len is the number of nodes: valid ids are 0 to Len()-1.
func (c *Compiled) Len() int { return len(c.nodes) }

// Root is the id of the root node.
func (c *Compiled) Root() NodeID { return 0 }

// Node gives a node; the caller must not change it.
func (c *Compiled) Node(id NodeID) *Node { return &c.nodes[id] }

// Attributes lists the constrained attributes of a node in the template's
// order. The caller must not change the slice.
func (c *Compiled) Attributes(id NodeID) []Attribute {
	n := &c.nodes[id]
	return c.attrs[n.firstAttr : n.firstAttr+n.attrs]
}

// Attribute finds one constrained attribute of a node, nil when the template
// says nothing of it.
func (c *Compiled) Attribute(id NodeID, attr rminfo.Attr) *Attribute {
	attrs := c.Attributes(id)
	for i := range attrs {
		if attrs[i].Attr == attr {
			return &attrs[i]
		}
	}
	return nil
}

// Children lists the nodes of one attribute, none when it is not constrained.
func (c *Compiled) Children(id NodeID, attr rminfo.Attr) []NodeID {
	if a := c.Attribute(id, attr); a != nil {
		return a.Children
	}
	return nil
}

// Walk visits the nodes below and including from in pre-order; visit returns
// false to leave out what is below a node.
func (c *Compiled) Walk(from NodeID, visit func(NodeID, *Node) bool) {
	for id := from; id < c.nodes[from].End; {
		if visit(id, &c.nodes[id]) {
			id++
		} else {
			id = c.nodes[id].End
		}
	}
}

// MatchesPattern compares a text with the pattern a node's C_STRING states, from
// end to end. An expression that cannot be read (look around) refuses nothing.
func (c *Compiled) MatchesPattern(id NodeID, text string) bool {
	re := c.patterns[id]
	return re == nil || re.MatchString(text)
}
