package eval

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/model"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// operand is a class of FROM, resolved.
type operand struct {
	*aql.Class
	class     rminfo.Class
	kind      DocumentKind // the documents a top-level search looks into
	isEHR     bool
	isVersion bool
	// object says that the EHR or VERSION is asked for its attributes.
	object bool
}

// step is one segment of a path of the query, shared by all paths that begin
// alike. from is the place it starts at; an attr of 0 tests the predicate on
// that place itself.
type step struct {
	from      int
	attr      rminfo.Attr
	predicate aql.Expr
	// many says that the attribute may hold a list.
	many bool
	// anchor says that the step is the end of a path or that paths part here.
	anchor bool
	below  int
	// nothing says that the reference model has nothing at the path.
	nothing bool
}

// query is a compiled query. Places number what a row binds: the operands of
// FROM first, the steps behind them.
type query struct {
	*aql.Query
	opts     Options
	operands []operand
	slots    map[*aql.Class]int
	steps    []step
	// runs are the steps that are gone together, from where paths part to the
	// last list before they part again: when no way through the lists reaches
	// anything, that is one null. A single attribute is a run of its own, so
	// that what lacks it keeps its row.
	runs    [][]int
	index   map[stepKey]int
	places  map[*aql.PathExpr]int
	exists  map[*aql.PathExpr]search
	consts  map[aql.Expr]Value
	lists   map[string][]Value
	regexes map[*aql.Regex]*regexp.Regexp
	attrs   map[string]rminfo.Attr
	// aggregates holds the aggregate calls of SELECT; grouped says that there are any.
	aggregates []*aql.Call
	plain      []bool // columns without aggregates
	grouped    bool
	order      []orderKey
	pinned     string
	isPinned   bool
}

// stepKey identifies a step: equal beginnings share it.
type stepKey struct {
	from int
	text string
}

// search is an EXISTS path: from a place on, the segments no other path iterates.
type search struct {
	from int
	rest []aql.Segment
}

// orderKey sorts by a column, or by an expression when column is -1.
type orderKey struct {
	column     int
	expr       aql.Expr
	descending bool
	nullsFirst bool
}

func compile(q *aql.Query, params map[string]any, opts Options) (*query, error) {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	c := &query{
		Query: q, opts: opts, slots: map[*aql.Class]int{}, index: map[stepKey]int{},
		places: map[*aql.PathExpr]int{}, exists: map[*aql.PathExpr]search{}, consts: map[aql.Expr]Value{},
		lists: map[string][]Value{}, regexes: map[*aql.Regex]*regexp.Regexp{}, attrs: map[string]rminfo.Attr{},
	}
	for _, stage := range []func() error{
		func() error { return c.bindParams(params) },
		c.bindOperands, c.bindConstants, c.bindPaths, c.bindColumns, c.bindOrder,
	} {
		if err := stage(); err != nil {
			return nil, err
		}
	}
	if c.pinned, c.isPinned = opts.EHR, opts.EHR != ""; !c.isPinned {
		c.pinned, c.isPinned = q.PinnedEHR(params)
	}
	return c, nil
}

func (c *query) bindOperands() error {
	ehrs := 0
	for _, class := range c.Classes() {
		o := operand{Class: class}
		id, ok := rminfo.ClassByName(class.RMType())
		switch {
		case class.IsVersion():
			o.isVersion = true
		case !ok:
			pos := class.Position()
			return fault.New(fault.Invalid, "aql-unknown-class", "AQL: line %d, column %d: %s is no class of the reference model", pos.Line, pos.Column, class.Type)
		case id == rminfo.EHR:
			if o.isEHR = true; ehrs > 0 {
				return aql.Unsupported(class, "a second EHR in FROM")
			}
			ehrs++
		case id.Scalar() != rminfo.NotScalar:
			return aql.Unsupported(class, class.Type+" in FROM")
		}
		o.class, o.kind = id, documentKind(id)
		o.object = class.Predicate != nil
		c.slots[class] = len(c.operands)
		c.operands = append(c.operands, o)
	}
	return nesting(c.From, nil)
}

// nesting refuses an EHR inside anything and a VERSION inside anything but an
// EHR: nothing holds them.
func nesting(c aql.Containment, holder *aql.Class) error {
	switch c := c.(type) {
	case *aql.ContainmentSet:
		for _, o := range c.Operands {
			if err := nesting(o, holder); err != nil {
				return err
			}
		}
	case *aql.Class:
		switch {
		case holder != nil && c.RMType() == "EHR":
			return aql.Unsupported(c, "EHR inside another class")
		case holder != nil && c.IsVersion() && holder.RMType() != "EHR":
			return aql.Unsupported(c, "VERSION inside another class than EHR")
		case c.Contains != nil:
			return nesting(c.Contains, c)
		}
	}
	return nil
}

// documentKind says which documents hold objects of a class, where the query
// does not name what holds them: EHR_STATUS and FOLDER must be named.
func documentKind(c rminfo.Class) DocumentKind {
	switch model.Root(c) {
	case rminfo.EHR_STATUS:
		return EHRStatus
	case rminfo.FOLDER:
		return Folder
	case rminfo.PARTY:
		return Party
	}
	return Composition
}

// manyIn says whether one of the attributes may be a list.
func (c *query) manyIn(segments []aql.Segment) bool {
	return slices.ContainsFunc(segments, func(s aql.Segment) bool { return row.Many(c.attrs[s.Name]) })
}

// bindConstants evaluates literals and parameters once, compiles patterns and
// looks up attributes, so that running cannot fail on the text of the query.
func (c *query) bindConstants() error {
	var fail error
	aql.Inspect(c.Query, func(n aql.Node) bool {
		if fail == nil {
			fail = c.bindNode(n)
		}
		return fail == nil
	})
	return fail
}

func (c *query) bindNode(n aql.Node) error {
	switch n := n.(type) {
	case *aql.Literal:
		c.consts[n] = literal(n)
	case *aql.Param:
		if _, listed := c.consts[n]; listed {
			return nil
		}
		v, err := c.param(n, n.Name)
		if err != nil {
			return err
		}
		c.consts[n] = v
	case *aql.NodeID:
		if n.Name != nil {
			if err := c.bindName(n); err != nil {
				return err
			}
		}
		if n.Kind != aql.NodeParam {
			return nil
		}
		v, err := c.param(n, n.ID)
		if err != nil {
			return err
		}
		c.consts[n] = v
	case *aql.PathExpr:
		return c.bindAttrs(n.Path)
	case *aql.RelativePath:
		return c.bindAttrs(n.Path)
	case *aql.Comparison:
		if l, ok := n.Right.(*aql.Literal); ok && l.Kind == aql.TermCode {
			return aql.Unsupported(l, "a term code as operand")
		}
	case *aql.Matches:
		return c.bindMatches(n)
	case *aql.Regex:
		re, err := regexp.Compile("(?s)^(?:" + n.Pattern + ")$")
		if err != nil {
			return aql.Unsupported(n, "this regular expression")
		}
		c.regexes[n] = re
	case *aql.Call:
		return bindCall(n)
	}
	return nil
}

// bindName looks up the attributes that the name of a node id stands for.
func (c *query) bindName(n *aql.NodeID) error {
	var fail error
	aql.Inspect(n.Expand(), func(e aql.Node) bool {
		if p, ok := e.(*aql.RelativePath); ok && fail == nil {
			fail = c.bindAttrs(p.Path)
		}
		return true
	})
	return fail
}

// bindMatches lets array parameters stand in the list and nowhere else.
func (c *query) bindMatches(m *aql.Matches) error {
	switch {
	case m.URI != "":
		return aql.Unsupported(m, "MATCHES with a URI")
	case m.Terminology != nil:
		return aql.Unsupported(m.Terminology, "TERMINOLOGY")
	}
	for _, item := range m.Items {
		if p, ok := item.(*aql.Param); ok {
			if _, ok := c.lists[p.Name]; !ok {
				return missingParam(p, p.Name)
			}
			c.consts[p] = Value{} // truth reads the whole list
		}
	}
	return nil
}

func bindCall(n *aql.Call) error {
	f := n.Function()
	switch {
	case f == nil:
		return n.Unknown()
	case f.Kind == aql.TerminologyFunction:
		return aql.Unsupported(n, "TERMINOLOGY")
	}
	return nil
}

func (c *query) bindAttrs(p aql.Path) error {
	for _, s := range p.Segments {
		attr, ok := rminfo.AttrByName(s.Name)
		if !ok {
			pos := s.Position()
			return fault.New(fault.Invalid, "aql-unknown-attribute", "AQL: line %d, column %d: no class of the reference model has an attribute %s", pos.Line, pos.Column, s.Name)
		}
		c.attrs[s.Name] = attr
	}
	return nil
}

// bindPaths lays out the places. The paths of EXISTS come last: they join the
// iterations of others and add none.
func (c *query) bindPaths() error {
	var tests []*aql.PathExpr
	visit := func(n aql.Node) bool {
		switch n := n.(type) {
		case *aql.Exists:
			tests = append(tests, n.Path)
			return false
		case *aql.PathExpr:
			c.places[n] = c.place(n, true).from
		}
		return true
	}
	for _, col := range c.Select {
		aql.Inspect(col.Expr, visit)
	}
	if c.Where != nil {
		aql.Inspect(c.Where, visit)
	}
	for _, k := range c.OrderBy {
		if c.AliasOf(k.Expr) == nil {
			aql.Inspect(k.Expr, visit)
		}
	}
	for _, p := range tests {
		s := c.place(p, false)
		c.exists[p] = s
		c.anchor(s.from)
	}
	c.layOut()
	return nil
}

func (c *query) anchor(place int) {
	if i := place - len(c.operands); i >= 0 {
		c.steps[i].anchor = true
	}
}

// layOut cuts the steps into runs. A run comes after the one it begins at, since
// a step is made after the one before it.
func (c *query) layOut() {
	for _, at := range c.places {
		c.anchor(at)
	}
	for _, s := range c.steps {
		if i := s.from - len(c.operands); i >= 0 {
			c.steps[i].below++
		}
	}
	for i := range c.steps {
		c.steps[i].anchor = c.steps[i].anchor || c.steps[i].below != 1
	}
	for i, s := range c.steps {
		if !s.anchor {
			continue
		}
		run := []int{i}
		for at := s.from - len(c.operands); at >= 0 && !c.steps[at].anchor; at = c.steps[at].from - len(c.operands) {
			run = append(run, at)
		}
		slices.Reverse(run)
		last := len(run)
		for last > 0 && !c.steps[run[last-1]].many {
			last--
		}
		if last > 0 {
			c.runs = append(c.runs, run[:last])
		}
		for _, single := range run[last:] {
			c.runs = append(c.runs, []int{single})
		}
	}
}

// place finds the place of a path. With add it makes the steps that are
// missing; without, it stops at the first and leaves the rest. Lists that lead to
// nothing are one row: what the reference model does not have iterates nothing
// up to its last list.
func (c *query) place(p *aql.PathExpr, add bool) search {
	at := c.slots[c.Class(p.Variable)]
	c.operands[at].object = true
	segments := p.Path.Segments
	if p.Predicate != nil {
		segments = append([]aql.Segment{{Pos: p.Pos, Predicate: p.Predicate}}, segments...)
	}
	known := len(segments) - len(p.Path.Segments) + model.Reach(c.Class(p.Variable), p.Path.Segments)
	if missing := segments[known:]; len(missing) > 0 && (!add || c.manyIn(missing)) {
		return search{from: c.nowhere()}
	}
	for i, s := range segments[:known] {
		key := stepKey{from: at, text: s.Name}
		if s.Predicate != nil {
			key.text += "[" + strings.Trim(c.meaning(s.Predicate), "()")
		}
		next, ok := c.index[key]
		if !ok {
			if !add {
				return search{from: at, rest: segments[i:]}
			}
			next = len(c.operands) + len(c.steps)
			attr := c.attrs[s.Name]
			c.steps = append(c.steps, step{from: at, attr: attr, predicate: s.Predicate, many: row.Many(attr)})
			c.index[key] = next
		}
		at = next
	}
	if known < len(segments) {
		return search{from: c.nowhere()}
	}
	return search{from: at}
}

// nowhere is the place of paths that the reference model does not have.
func (c *query) nowhere() int {
	key := stepKey{from: -1}
	at, ok := c.index[key]
	if !ok {
		at = len(c.operands) + len(c.steps)
		c.steps = append(c.steps, step{nothing: true})
		c.index[key] = at
	}
	return at
}

// meaning writes a predicate in its long form and with the values of parameters:
// predicates that say the same are one step.
func (c *query) meaning(e aql.Expr) string {
	switch e := e.(type) {
	case *aql.Logical:
		parts := make([]string, len(e.Operands))
		for i, o := range e.Operands {
			parts[i] = c.meaning(o)
		}
		return "(" + strings.Join(parts, " "+e.Op.String()+" ") + ")"
	case *aql.NodeID:
		if e.Name == nil {
			return c.meaning(e.Expand())
		}
		return strings.Trim(c.meaning(e.Expand()), "()")
	case *aql.Comparison:
		return aql.Format(e.Left) + " " + e.Op.String() + " " + c.operandMeaning(e.Right)
	}
	return aql.Format(e)
}

func (c *query) operandMeaning(e aql.Expr) string {
	switch e := e.(type) {
	case *aql.Literal:
		v := literal(e)
		return string(v.AppendJSON(nil))
	case *aql.Param:
		if v, err := c.param(e, e.Name); err == nil {
			return string(v.AppendJSON(nil))
		}
	}
	return aql.Format(e)
}

// bindColumns sorts the columns into plain and aggregate ones. A column is
// grouped by when it reads a path (AQL has no GROUP BY: the plain columns are it).
func (c *query) bindColumns() error {
	for _, col := range c.Select {
		var paths []aql.Node
		aggregates := len(c.aggregates)
		aql.Inspect(col.Expr, func(n aql.Node) bool {
			switch n := n.(type) {
			case *aql.Call:
				if n.Aggregate() {
					c.aggregates = append(c.aggregates, n)
					return false
				}
			case *aql.PathExpr:
				paths = append(paths, n)
			}
			return true
		})
		plain := len(c.aggregates) == aggregates
		if !plain && len(paths) > 0 {
			return aql.Unsupported(paths[0], "a path beside an aggregate in one column")
		}
		c.plain = append(c.plain, plain && len(paths) > 0)
	}
	c.grouped = len(c.aggregates) > 0
	return nil
}

// bindOrder finds the column each key names. With DISTINCT or aggregates there
// is no other row to sort by than the one that is shown.
func (c *query) bindOrder() error {
	for _, k := range c.OrderBy {
		key := orderKey{column: -1, expr: k.Expr, descending: k.Descending, nullsFirst: k.First()}
		alias, written := c.AliasOf(k.Expr), aql.Format(k.Expr)
		for i, col := range c.Select {
			if col == alias || alias == nil && aql.Format(col.Expr) == written {
				key.column = i
				break
			}
		}
		if key.column < 0 && (c.grouped || c.Distinct) {
			return aql.Unsupported(k, "ORDER BY an expression that is not selected, with DISTINCT or an aggregate")
		}
		c.order = append(c.order, key)
	}
	return nil
}
