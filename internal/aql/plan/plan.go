package plan

import (
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Plan is a query ready to be turned into SQL.
type Plan struct {
	// Epoch is the dictionary's epoch the plan was made with.
	Epoch int64
	// Dictionary is what the plan was made with.
	Dictionary *Dictionary
	// EHR fixes the query to one record, "" ranges over a population.
	EHR string
	// Sources are the relations in the order of FROM; From says how they join.
	Sources []*Source
	From    *Join
	Columns []Column
	// Where is nil where there is no condition.
	Where Expr
	Order []Key
	// Group says that aggregates stand beside plain columns.
	Group    bool
	Distinct bool
	// Limit is the number of rows, -1 for all.
	Limit, Offset int64
	// Zone reads texts without an offset, nil being UTC.
	Zone *time.Location
	// Backward takes the last rows of the order instead of the first.
	Backward bool
}

// SourceKind says what a relation ranges over.
type SourceKind uint8

// The kinds of relation.
const (
	Node SourceKind = iota
	EHR
	Version
)

// Kinds of versioned object, as the record tables number them.
const (
	Composition int16 = 1
	EHRStatus   int16 = 2
	Folder      int16 = 3
	Party       int16 = 4
)

// Source is one class operand of FROM.
type Source struct {
	ID       int
	Variable string
	Kind     SourceKind
	// Classes are the concrete classes the nodes may have; Name is the class as
	// the query has it.
	Classes []rminfo.Class
	Name    string
	// Objects are the kinds of versioned object to look in.
	Objects []int16
	// Root and Inner say where nodes may be found: as rows, inside rows.
	Root, Inner bool
	// Archetypes narrows rows; nil does not, empty finds nothing. Mixed says that
	// among their roots are some of other classes.
	Archetypes []int32
	Mixed      bool
	// Codes narrows inner nodes; nil does not.
	Codes []string
	// Latest takes the heads of the trunk, drafts and deletions too, instead of
	// what is effective: a VERSION, and what stands below it.
	Latest bool
	// Referred says that the source above is a FOLDER whose items refer to the
	// compositions the nodes are in.
	Referred bool
	// Local is the source whose row an at-coded node must stand in, or nil:
	// codes mean something only inside their archetype.
	Local *Source
	// Filter is the rest of the predicate, its paths relative to the source.
	Filter Expr
	// Steps are the shared steps of paths that begin here.
	Steps []*Step
	// Used says that the relation itself is needed: it is selected, has a
	// predicate, or a path begins at it.
	Used bool
}

// JoinOp says how the operands of a join are taken together.
type JoinOp uint8

// The operators of joins.
const (
	One JoinOp = iota
	All
	Any
)

// Join is the tree of FROM.
type Join struct {
	// Pos is the place in the query's text.
	Pos aql.Pos
	Op  JoinOp
	// Source is set where Op is One; Child is what it contains, or nil, and Not
	// that it must not.
	Source *Source
	Child  *Join
	Not    bool
	// Operands are those of All and Any. Same says that those of All are in one
	// composition, which is no relation of its own.
	Operands []*Join
	Same     bool
}

// Step is one segment of a path. Steps of equal text below the same parent are
// one step for the whole query, so that all paths through it see the same node.
type Step struct {
	ID     int
	Source *Source
	// Parent is nil for the first step.
	Parent *Step
	// Attr is "" for a predicate on the variable itself.
	Attr string
	// Classes are what the step may end at; Declared is the concrete class the
	// reference model declares, 0 where data name theirs.
	Classes  []rminfo.Class
	Declared rminfo.Class
	// Located says that LOCATABLE nodes stand here, under "attr[code]" or as
	// rows; Plain that others do, under "attr".
	Located, Plain bool
	// Rows says that nodes of this step may be rows of their own, Inside that
	// they may stand in the holder's row.
	Rows, Inside bool
	Archetypes   []int32
	Codes        []string
	Filter       Expr
	// Many says that there may be more than one node.
	Many bool
	// Shared says that the step belongs to the whole query; others belong to
	// one EXISTS or one predicate.
	Shared bool
	// Anchor says that a path ends here or paths part here: what lies between two
	// anchors is one iteration.
	Anchor bool
	Below  []*Step
}

// Column is one column of the result.
type Column struct {
	// Pos is the place in the query's text.
	Pos aql.Pos
	// Name is the alias or "#n". Path is the path as written, "" for what is
	// computed.
	Name, Path string
	Value      Value
	// Plain says that the column reads paths and is no aggregate, Aggregate that
	// there is one in it.
	Plain, Aggregate bool
}

// Key is one key of ORDER BY.
type Key struct {
	Value      Value
	Column     int // 1 + index of the column it names, 0 for none
	Descending bool
	Nulls      aql.NullsPlace
}

// Expr is a condition.
type Expr interface{ condition() }

// Value is an operand.
type Value interface{ value() }

// Logic joins conditions by AND or OR.
type Logic struct {
	Op       aql.LogicOp
	Operands []Expr
}

// Not negates a condition.
type Not struct{ Operand Expr }

// Compare compares two operands.
type Compare struct {
	Op          aql.CompareOp
	Left, Right Value
}

// Null tests for absence (`path = NULL`), with Not for presence.
type Null struct {
	Operand Value
	Not     bool
}

// Exists tests that a path leads to something.
type Exists struct{ Path *Ref }

// Like matches a text with AQL's wildcards ? and *.
type Like struct {
	Operand Value
	Pattern Value
}

// In tests membership in a list of literals.
type In struct {
	Operand Value
	List    []Literal
}

// Matches tests a text against a regular expression.
type Matches struct {
	Operand Value
	Pattern string
	// Database is the pattern in the dialect of the database.
	Database string
}

// Local tests that a node stands in the archetype that the node above it is of:
// what codes under OR mean only there.
type Local struct{ Source, Above *Source }

// Truth is a function call that is a condition by itself.
type Truth struct{ Value Value }

// Ref is the end of a path: a step, or the source itself.
type Ref struct {
	Source *Source
	Step   *Step
	// Missing says that the reference model has nothing at the path.
	Missing bool
}

// Literal is a constant with its type.
type Literal struct {
	Kind aql.LiteralKind // String, Integer, Real, Boolean, Null
	Text string
}

// Call is a single-row function.
type Call struct {
	Func string
	Args []Value
}

// Aggregate is COUNT, MIN, MAX, SUM or AVG over the rows of a group.
type Aggregate struct {
	// Pos is the place in the query's text.
	Pos            aql.Pos
	Func           string
	Arg            Value // nil with Star
	Star, Distinct bool
}

// Arithmetic is a calculation with numbers.
type Arithmetic struct {
	Op          aql.ArithmeticOp
	Left, Right Value
}

func (*Logic) condition()   {}
func (*Not) condition()     {}
func (*Compare) condition() {}
func (*Null) condition()    {}
func (*Exists) condition()  {}
func (*Like) condition()    {}
func (*In) condition()      {}
func (*Matches) condition() {}
func (*Local) condition()   {}
func (*Truth) condition()   {}

func (*Ref) value()        {}
func (Literal) value()     {}
func (*Call) value()       {}
func (*Aggregate) value()  {}
func (*Arithmetic) value() {}

// Classes are the concrete classes the value may have, nil for a primitive of
// no class known.
func (r *Ref) Classes() []rminfo.Class {
	if r.Step != nil {
		return r.Step.Classes
	}
	return r.Source.Classes
}
