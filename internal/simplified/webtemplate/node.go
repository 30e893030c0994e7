package webtemplate

import (
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Version is the version of the web template format.
const Version = "2.3"

// Unbounded is the Max of a node that may repeat without end.
const Unbounded = -1

// WebTemplate is a template as form builders see it. It is immutable and safe
// for concurrent readers.
type WebTemplate struct {
	Template  *template.Compiled
	Languages []string
	Root      *Node

	// places are the nodes of the web template at each node of the template:
	// several where a node is split by its names.
	places map[template.NodeID][]*Node
	// names are the names of the template's nodes, where they have one, and codes
	// those of names that are fixed with their code.
	names, codes []string
}

// NameOf is the name a node bears unless a document gives another: the one the
// template fixes, else its term, both in the template's own language, which
// paths with names are written in. code is set where the name is one of several
// coded ones; then n chooses which.
func (w *WebTemplate) NameOf(id template.NodeID, n *Node) (text, code string) {
	codes := w.Template.Node(id).NameCodes
	if len(codes) == 0 {
		return w.names[id], w.codes[id]
	}
	code = codes[0].Code
	for _, allowed := range codes {
		if n != nil && n.NameCode == allowed.Code {
			code = n.NameCode
		}
	}
	term, _ := w.Template.Term(id, code, "")
	return term.Text(), code
}

// nameAll looks the names up once.
func (w *WebTemplate) nameAll() {
	w.names, w.codes = make([]string, w.Template.Len()), make([]string, w.Template.Len())
	for i := range w.names {
		n := w.Template.Node(template.NodeID(i))
		switch {
		case !n.Class.Locatable():
		case len(n.Names) > 0:
			w.names[i] = n.Names[0]
			w.codes[i] = w.codeOfName(template.NodeID(i))
		default:
			if w.names[i] = w.Template.Label(template.NodeID(i), ""); w.names[i] == "" {
				w.names[i] = n.Class.Name()
			}
		}
	}
}

// codeOfName is the code of a coded name that has one only.
func (w *WebTemplate) codeOfName(id template.NodeID) string {
	for _, name := range w.Template.Children(id, rminfo.A_name) {
		for _, phrase := range w.Template.Children(name, rminfo.A_defining_code) {
			if codes, ok := w.Template.Node(phrase).Constraint.(*aom.CodePhrase); ok && codes.Terminology == "local" && len(codes.Codes) == 1 {
				return codes.Codes[0]
			}
		}
	}
	return ""
}

// At lists the web template nodes that end at a template node: none where the
// level is collapsed, several where the node is split by its names.
func (w *WebTemplate) At(id template.NodeID) []*Node { return w.places[id] }

// Step is one level between a node and its parent: an attribute, and the
// template node in it.
type Step struct {
	Attr rminfo.Attr
	// Node is the template's constraint, NoNode where it says nothing.
	Node template.NodeID
	// Class is the class the template or the reference model demands there.
	Class rminfo.Class
}

// Node is one node of a web template.
type Node struct {
	// ID is the key segment, unique among its siblings; AltID is accepted for it:
	// value, value2 for the data types of a choice.
	ID, AltID     string
	Name          string
	LocalizedName string
	// RMType is Class with its parameter, or STRING.
	RMType string
	Class  rminfo.Class
	// NodeID is the at-code or archetype id; HasNodeID is false for attributes of
	// the reference model that the template does not mention.
	NodeID    string
	HasNodeID bool
	// Max is Unbounded when there is no upper limit.
	Min, Max              int
	LocalizedNames        []Localized
	LocalizedDescriptions []Localized
	Annotations           []Pair
	TermBindings          []Binding
	AQLPath               string
	InContext             bool
	DependsOn             []string
	Cardinalities         []Cardinality
	ProportionTypes       []string
	Inputs                []Input
	Children              []*Node
	Parent                *Node
	// Template is the template node it stands for, NoNode for an attribute of the
	// reference model.
	Template template.NodeID
	// NameCode is the code of the name where the node is split by its names.
	NameCode string
	// Chain leads from the parent's object to this one's: the collapsed levels and
	// the node itself.
	Chain []Step
	// Other says that a DV_TEXT may stand for the DV_CODED_TEXT, at |other.
	Other bool

	byID    map[string]*Node
	renamed map[rminfo.Attr]string
	// levels is the chain below the parent while the tree is being compacted.
	dependsOn string
}

// Child finds a child by its id or its alternative id.
func (n *Node) Child(id string) *Node { return n.byID[id] }

// Renamed is the key of an attribute of the reference model whose usual key
// another child has taken; "" where it has its own.
func (n *Node) Renamed(a rminfo.Attr) string { return n.renamed[a] }

// Repeats says whether the node may stand more than once.
func (n *Node) Repeats() bool { return n.Max == Unbounded || n.Max > 1 }

// Path is the key of the node without indices, such as vitals/pulse/rate.
func (n *Node) Path() string {
	if n.Parent == nil {
		return n.ID
	}
	return n.Parent.Path() + "/" + n.ID
}

// Localized is a text in one language.
type Localized struct{ Language, Text string }

// Pair is one annotation.
type Pair struct{ Key, Value string }

// Binding is a code of another terminology that means the same.
type Binding struct{ Terminology, Code, CodeTerminology string }

// Cardinality bounds how many of the children below one container may stand
// together.
type Cardinality struct {
	Min, Max int
	IDs      []string

	path string
}

// Input is one value a form asks for.
type Input struct {
	// Suffix is the key's suffix without the bar, empty for the default one.
	Suffix string
	Type   string
	List   []Option
	// ListOpen allows other values; HasListOpen says that the template decides it.
	ListOpen, HasListOpen bool
	Validation            *Validation
	// Default is JSON text.
	Default     string
	Terminology string
}

// Option is one value of a list.
type Option struct {
	Value string
	// Label is absent where the code has no term.
	Label                 string
	HasLabel              bool
	LocalizedLabels       []Localized
	LocalizedDescriptions []Localized
	TermBindings          []Binding
	Validation            *Validation
	// Ordinal and Scale are the number of an ordinal or scale value.
	Ordinal, Scale string
	CurrentStates  []string
}

// Validation limits an input.
type Validation struct {
	Pattern   string
	Range     *Range
	Precision *Range
}

// Range is an interval; numbers stand as JSON text, Quoted marks dates.
type Range struct {
	MinOp, Min, MaxOp, Max string
	Quoted                 bool
}
