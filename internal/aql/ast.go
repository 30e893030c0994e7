package aql

import "strings"

// Pos is where a node begins in the query text. Line and Column count from 1,
// Column in characters; Offset counts bytes from 0.
type Pos struct {
	Offset, Line, Column int
}

// Position gives the position itself, so that every node that embeds Pos is a Node.
func (p Pos) Position() Pos { return p }

// Node is any part of the syntax tree.
type Node interface{ Position() Pos }

// Query is one SELECT query (QUERY 1.1.0, AQL 3.2).
type Query struct {
	Pos
	Distinct bool
	// Top is the deprecated TOP clause, nil when absent; never set together with Limit.
	Top     *Top
	Select  []*Column
	From    Containment
	Where   Expr // nil when absent
	OrderBy []*OrderKey
	Limit   *Limit // nil when absent
}

// Top is `TOP n [FORWARD | BACKWARD]`.
type Top struct {
	Pos
	Count    int64
	Backward bool
	// Written says whether a direction was written.
	Written bool
}

// Column is one select expression with its alias, empty when none was written.
type Column struct {
	Pos
	Expr  Expr
	Alias string
}

// OrderKey is one key of ORDER BY. Expr is mostly a PathExpr; a PathExpr with
// no path may name a column alias instead of a variable (Query.AliasOf).
type OrderKey struct {
	Pos
	Expr       Expr
	Descending bool
	Nulls      NullsPlace
}

// NullsPlace says where ORDER BY puts rows whose key is null; an extension of
// AQL 1.1, which says nothing of them.
type NullsPlace uint8

// The places. Without a word null is greater than every value: last ascending,
// first descending.
const (
	NullsByOrder NullsPlace = iota
	NullsFirst
	NullsLast
)

// First says whether null comes before every value.
func (k *OrderKey) First() bool { return k.Nulls.First(k.Descending) }

// First says whether null comes before every value in this order.
func (n NullsPlace) First(descending bool) bool {
	return n == NullsFirst || n == NullsByOrder && descending
}

// Limit is `LIMIT count [OFFSET offset]`, count at least 1.
type Limit struct {
	Pos
	Count, Offset int64
	// HasOffset says whether OFFSET was written.
	HasOffset bool
}

// Containment is a node of the FROM clause: *Class or *ContainmentSet.
type Containment interface {
	Node
	containment()
}

// Class is a class operand `TYPE [variable] [predicate]`, with what it contains.
// VERSION is a Class too: its Type is VERSION in any case, and Scope says which
// versions (QUERY 1.1.0, AQL 3.5).
type Class struct {
	Pos
	Type     string // as written; RMType gives the upper-case name
	Variable string // as written, empty when none
	// Predicate is nil or a predicate expression: *NodeID, *Comparison, *Regex
	// or *Logical of these. On VERSION it is a standard predicate.
	Predicate Expr
	Scope     VersionScope // VERSION only
	// Contains is nil or the right side of CONTAINS; Not marks NOT CONTAINS.
	Contains Containment
	Not      bool
}

// VersionScope says which versions a VERSION operand ranges over.
type VersionScope uint8

// The scopes. DefaultVersion is what stands when neither word was written.
const (
	DefaultVersion VersionScope = iota
	LatestVersion
	AllVersions
)

// RMType is the class name in the spelling of the reference model.
func (c *Class) RMType() string { return strings.ToUpper(c.Type) }

// IsVersion says whether the operand is VERSION.
func (c *Class) IsVersion() bool { return strings.EqualFold(c.Type, "VERSION") }

// EveryVersion says whether the operand is a VERSION that ranges over superseded
// versions too: one with ALL_VERSIONS, or with a standard predicate, which stands
// in the place of the scope and asks when and how a version was committed.
func (c *Class) EveryVersion() bool {
	return c.Scope == AllVersions || c.IsVersion() && c.Predicate != nil
}

// ContainmentSet joins two or more containments by AND or OR. Equal operators
// are flattened.
type ContainmentSet struct {
	Pos
	Op       LogicOp
	Operands []Containment
}

// Expr is an expression of SELECT, WHERE, ORDER BY, or of a predicate.
type Expr interface {
	Node
	expr()
}

// PathExpr is an identified path: variable, optional predicate on the root,
// optional path. With no path it stands for the whole object.
type PathExpr struct {
	Pos
	Variable  string
	Predicate Expr
	Path      Path
}

// RelativePath is a path inside a predicate, relative to the node the
// predicate stands on.
type RelativePath struct {
	Pos
	Path Path
}

// Path is a chain of attribute names, each with an optional predicate.
type Path struct {
	Segments []Segment
}

// Segment is one step of a path.
type Segment struct {
	Pos
	Name      string
	Predicate Expr // nil when none; the kinds of Class.Predicate
}

// LiteralKind is the kind of a literal as written. Dates and times are strings:
// their type comes from what they are compared with.
type LiteralKind uint8

// The literal kinds. Code and TermCode stand only in predicates.
const (
	String LiteralKind = iota + 1
	Integer
	Real
	Boolean
	Null
	Code     // at0002, id3.1
	TermCode // terminology(version)::code|text|
)

// Literal is a constant. Text is the decoded string, the number as written,
// "true" or "false", empty for NULL, or the code. The pattern of LIKE keeps its
// own backslashes.
type Literal struct {
	Pos
	Kind LiteralKind
	Text string
}

// Param is `$name`; Name is without the dollar sign.
type Param struct {
	Pos
	Name string
}

// Call is a function or aggregate call. Name is as written; Function gives the
// table entry.
type Call struct {
	Pos
	Name     string
	Args     []Expr
	Distinct bool // COUNT(DISTINCT path)
	Star     bool // COUNT(*)
}

// CompareOp is a comparison operator.
type CompareOp uint8

// The comparison operators.
const (
	Eq CompareOp = iota + 1
	Ne
	Lt
	Le
	Gt
	Ge
)

// Comparison is `left op right`. In a predicate Left is a *RelativePath and
// Right a *Literal, *Param or *RelativePath.
type Comparison struct {
	Pos
	Op          CompareOp
	Left, Right Expr
}

// Like is `left LIKE pattern`; Pattern is a *Literal of kind String, a *Param
// or a *Call.
type Like struct {
	Pos
	Left    Expr
	Pattern Expr
}

// Matches is `left MATCHES {...}`. Exactly one of Items, URI and Terminology is
// set. Items hold *Literal, *Param and *Call (TERMINOLOGY).
type Matches struct {
	Pos
	Left        Expr
	Items       []Expr
	URI         string
	Terminology *Call
}

// Exists is `EXISTS path`.
type Exists struct {
	Pos
	Path *PathExpr
}

// Not is `NOT operand`.
type Not struct {
	Pos
	Operand Expr
}

// LogicOp is AND or OR.
type LogicOp uint8

// The logical operators.
const (
	And LogicOp = iota + 1
	Or
)

// Logical joins two or more conditions by AND or OR. Equal operators are
// flattened.
type Logical struct {
	Pos
	Op       LogicOp
	Operands []Expr
}

// ArithmeticOp is one of + - * /.
type ArithmeticOp byte

// The arithmetic operators, an extension of AQL 1.1.
const (
	Add ArithmeticOp = '+'
	Sub ArithmeticOp = '-'
	Mul ArithmeticOp = '*'
	Div ArithmeticOp = '/'
)

// Arithmetic is `left op right` over numbers, an extension of AQL 1.1.
type Arithmetic struct {
	Pos
	Op          ArithmeticOp
	Left, Right Expr
}

// NodeIDKind says what stands first in a node or archetype predicate.
type NodeIDKind uint8

// The kinds of node id.
const (
	NodeCode  NodeIDKind = iota + 1 // at0002, id2
	Archetype                       // openEHR-EHR-OBSERVATION.pulse.v1
	NodeParam                       // $name
)

// NodeID is the shortcut `[at0002]`, `[openEHR-...v1, 'name']`, `[$param]` of a
// predicate. ID is the code, the archetype id or the parameter name. Name is
// nil, or a *Literal (String, Code, TermCode) or a *Param. Expand gives what it
// stands for.
type NodeID struct {
	Pos
	Kind NodeIDKind
	ID   string
	Name Expr
}

// Regex is `path matches {/regex/}` in a predicate; Pattern is without the slashes.
type Regex struct {
	Pos
	Path    *RelativePath
	Pattern string
}

func (*Class) containment()          {}
func (*ContainmentSet) containment() {}

func (*PathExpr) expr()     {}
func (*RelativePath) expr() {}
func (*Literal) expr()      {}
func (*Param) expr()        {}
func (*Call) expr()         {}
func (*Comparison) expr()   {}
func (*Like) expr()         {}
func (*Matches) expr()      {}
func (*Exists) expr()       {}
func (*Not) expr()          {}
func (*Logical) expr()      {}
func (*Arithmetic) expr()   {}
func (*NodeID) expr()       {}
func (*Regex) expr()        {}
