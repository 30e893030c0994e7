package plan

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Options are what a query is planned with besides its text.
type Options struct {
	Dictionary *Dictionary
	// Params are the values of the query's parameters, as JSON has them.
	Params map[string]any
	// EHR fixes the query to one record, whatever its text says.
	EHR string
	// Exact keeps archetype ids and at-codes from matching specialisations.
	Exact bool
	// Offset and Fetch narrow the rows of LIMIT; Fetch below 0 does not.
	Offset, Fetch int64
	// Now is the one instant of the query, Zone that of CURRENT_DATE and the
	// like and of texts without an offset (nil means UTC).
	Now  time.Time
	Zone *time.Location
}

// Build plans a query that Parse has accepted. Faults are of kind Invalid:
// "aql-unsupported" for what the language has and this engine does not,
// "aql-parameter" and "aql-class" for names nobody knows.
func Build(q *aql.Query, opts Options) (*Plan, error) {
	b := &builder{q: q, opts: opts, plan: &Plan{Epoch: opts.Dictionary.Epoch, Dictionary: opts.Dictionary, EHR: opts.EHR, Limit: -1, Zone: opts.Zone}, sources: map[*aql.Class]*Source{}, predicated: map[*Source]bool{}}
	if err := b.build(); err != nil {
		return nil, err
	}
	return b.plan, nil
}

type builder struct {
	q       *aql.Query
	opts    Options
	plan    *Plan
	sources map[*aql.Class]*Source
	steps   int
	// reached is how many segments of the last path to nothing lead somewhere.
	reached int
	// predicated are the sources whose operand has a predicate.
	predicated map[*Source]bool
	// pinned is the EHR operand whose predicate fixed the EHR.
	pinned *aql.Class
}

func (b *builder) build() error {
	if err := b.missingParams(); err != nil {
		return err
	}
	where := b.fixEHR()
	from, err := b.from(b.q.From, context{})
	if err != nil {
		return err
	}
	b.plan.From = from
	// Paths that iterate come first, so that EXISTS finds what they share.
	if err := b.share(where); err != nil {
		return err
	}
	if err := b.columns(); err != nil {
		return err
	}
	if where != nil {
		if b.plan.Where, err = b.condition(where, nil); err != nil {
			return err
		}
	}
	if err := b.order(); err != nil {
		return err
	}
	b.anchors()
	b.plan.Distinct = b.q.Distinct
	if err := b.limit(); err != nil {
		return err
	}
	b.plan.From = b.elide(b.plan.From)
	b.uncount()
	return nil
}

func (b *builder) missingParams() error {
	for _, name := range b.q.Params() {
		if _, ok := b.opts.Params[name]; !ok {
			return fault.New(fault.Invalid, "aql-parameter", "AQL: the parameter $%s has no value", name)
		}
	}
	return nil
}

// Window refuses offset and fetch of a request over a query with TOP, which has
// no window to lie in (ITS-REST 1.1, Query). However a query is evaluated, it is
// asked first.
func Window(q *aql.Query, opts Options) error {
	if q.Top == nil || opts.Offset <= 0 && opts.Fetch < 0 {
		return nil
	}
	return fault.New(fault.Invalid, "aql-top-window", "AQL: line %d, column %d: a query with TOP is not asked for with offset or fetch", q.Top.Position().Line, q.Top.Position().Column)
}

func (b *builder) limit() error {
	p := b.plan
	switch {
	case b.q.Limit != nil:
		p.Limit, p.Offset = b.q.Limit.Count, b.q.Limit.Offset
	case b.q.Top != nil:
		p.Limit, p.Backward = b.q.Top.Count, b.q.Top.Backward
		if err := Window(b.q, b.opts); err != nil {
			return err
		}
	}
	// The request's window lies inside the query's.
	p.Offset += b.opts.Offset
	if p.Limit >= 0 {
		p.Limit = max(0, p.Limit-b.opts.Offset)
	}
	if f := b.opts.Fetch; f >= 0 && (p.Limit < 0 || f < p.Limit) {
		p.Limit = f
	}
	return nil
}

// fixEHR finds the one EHR a query is about: by its predicate on EHR or by a
// condition that must hold. What it has used is left out of the conditions.
func (b *builder) fixEHR() aql.Expr {
	var ehr *aql.Class
	for _, c := range b.q.Classes() {
		if c.RMType() == "EHR" {
			if ehr != nil {
				return b.q.Where
			}
			ehr = c
		}
	}
	if ehr == nil {
		return b.q.Where
	}
	if cmp, ok := ehr.Predicate.(*aql.Comparison); ok && cmp.Op == aql.Eq {
		if left, ok := cmp.Left.(*aql.RelativePath); ok && isEHRID(left.Path) && b.takeEHR(cmp.Right) {
			b.pinned = ehr
		}
	}
	isFixed := func(e aql.Expr) bool {
		cmp, ok := e.(*aql.Comparison)
		if !ok || cmp.Op != aql.Eq {
			return false
		}
		left, ok := cmp.Left.(*aql.PathExpr)
		return ok && left.Predicate == nil && isEHRID(left.Path) && b.q.Class(left.Variable) == ehr && b.takeEHR(cmp.Right)
	}
	if b.q.Where == nil || isFixed(b.q.Where) {
		return nil
	}
	all, ok := b.q.Where.(*aql.Logical)
	if !ok || all.Op != aql.And {
		return b.q.Where
	}
	rest := &aql.Logical{Pos: all.Pos, Op: aql.And}
	for _, o := range all.Operands {
		if !isFixed(o) {
			rest.Operands = append(rest.Operands, o)
		}
	}
	switch len(rest.Operands) {
	case 0:
		return nil
	case 1:
		return rest.Operands[0]
	}
	return rest
}

func isEHRID(p aql.Path) bool {
	s := p.Segments
	return len(s) == 2 && s[0].Name == "ehr_id" && s[1].Name == "value" && s[0].Predicate == nil && s[1].Predicate == nil
}

// takeEHR fixes the query to the EHR a literal names; another EHR than the one
// already fixed stays a condition, which no row meets.
func (b *builder) takeEHR(e aql.Expr) bool {
	lits, err := b.literals(e)
	if err != nil || len(lits) != 1 || lits[0].Kind != aql.String || !IsUUID(lits[0].Text) {
		return false
	}
	id := strings.ToLower(lits[0].Text)
	if b.plan.EHR == "" {
		b.plan.EHR = id
	}
	return strings.EqualFold(b.plan.EHR, id)
}

// IsUUID says whether a text has the form of a UUID.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// literals gives the constants an operand stands for: one, or those of a
// parameter that is a list.
func (b *builder) literals(e aql.Expr) ([]Literal, error) {
	switch e := e.(type) {
	case *aql.Literal:
		kind := e.Kind
		if kind == aql.Code {
			kind = aql.String
		}
		if kind == aql.TermCode {
			return nil, aql.Unsupported(e, "a term code here")
		}
		return []Literal{{kind, e.Text}}, nil
	case *aql.Param:
		return b.param(e, e.Name)
	}
	return nil, aql.Unsupported(e, "this operand")
}

func (b *builder) param(at aql.Node, name string) ([]Literal, error) {
	v, ok := b.opts.Params[name]
	if !ok {
		return nil, fault.New(fault.Invalid, "aql-parameter", "AQL: the parameter $%s has no value", name)
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	out := make([]Literal, 0, len(list))
	for _, v := range list {
		l, ok := literalOf(v)
		if !ok {
			pos := at.Position()
			return nil, fault.New(fault.Invalid, "aql-parameter", "AQL: line %d, column %d: the parameter $%s is neither text, number, boolean nor a list of these", pos.Line, pos.Column, name)
		}
		out = append(out, l)
	}
	return out, nil
}

func literalOf(v any) (Literal, bool) {
	switch v := v.(type) {
	case nil:
		return Literal{Kind: aql.Null}, true
	case string:
		return Literal{aql.String, v}, true
	case bool:
		return Literal{aql.Boolean, strconv.FormatBool(v)}, true
	case json.Number:
		return Literal{aql.Real, v.String()}, true
	case float64:
		return Literal{aql.Real, strconv.FormatFloat(v, 'f', -1, 64)}, true
	case int, int32, int64:
		return Literal{aql.Integer, fmt.Sprint(v)}, true
	}
	return Literal{}, false
}

// share makes the steps that iterate, in the order SELECT, WHERE, ORDER BY.
func (b *builder) share(where aql.Expr) error {
	var err error
	visit := func(n aql.Node) bool {
		if err != nil {
			return false
		}
		switch n := n.(type) {
		case *aql.Exists:
			return false
		case *aql.PathExpr:
			_, err = b.ref(n, true)
			return false
		}
		return true
	}
	for _, c := range b.q.Select {
		aql.Inspect(c, visit)
	}
	if where != nil {
		aql.Inspect(where, visit)
	}
	for _, k := range b.q.OrderBy {
		if b.q.AliasOf(k.Expr) == nil {
			aql.Inspect(k, visit)
		}
	}
	return err
}

func (b *builder) columns() error {
	plain := false
	for i, c := range b.q.Select {
		col := Column{Pos: c.Position(), Name: c.Alias}
		if col.Name == "" {
			col.Name = "#" + strconv.Itoa(i)
		}
		var paths []aql.Node
		aql.Inspect(c.Expr, func(n aql.Node) bool {
			switch n := n.(type) {
			case *aql.Call:
				if n.Aggregate() {
					col.Aggregate = true
					return false
				}
			case *aql.PathExpr:
				paths = append(paths, n)
			}
			return true
		})
		if col.Plain = len(paths) > 0; col.Plain && col.Aggregate {
			return aql.Unsupported(paths[0], "a path beside an aggregate in one column")
		}
		v, err := b.value(c.Expr, nil)
		if err != nil {
			return err
		}
		col.Value = v
		if p, ok := c.Expr.(*aql.PathExpr); ok {
			col.Path = p.String()
		}
		plain = plain || col.Plain
		b.plan.Columns = append(b.plan.Columns, col)
	}
	b.plan.Group = plain && b.aggregates()
	return nil
}

func (b *builder) order() error {
	for _, k := range b.q.OrderBy {
		key := Key{Descending: k.Descending, Nulls: k.Nulls}
		if col := b.q.AliasOf(k.Expr); col != nil {
			for i, c := range b.q.Select {
				if c == col {
					key.Column = i + 1
				}
			}
		} else {
			v, err := b.value(k.Expr, nil)
			if err != nil {
				return err
			}
			key.Value = v
			for i, c := range b.q.Select {
				if aql.Format(c.Expr) == aql.Format(k.Expr) {
					key.Column = i + 1
				}
			}
		}
		if key.Column == 0 && (b.q.Distinct || b.aggregates()) {
			return aql.Unsupported(k, "ORDER BY a path that is not selected, with DISTINCT or aggregates,")
		}
		b.plan.Order = append(b.plan.Order, key)
	}
	return nil
}

// anchors marks the steps at which paths part.
func (b *builder) anchors() {
	var walk func(steps []*Step)
	walk = func(steps []*Step) {
		for _, st := range steps {
			st.Anchor = st.Anchor || len(st.Below) != 1
			walk(st.Below)
		}
	}
	for _, s := range b.plan.Sources {
		walk(s.Steps)
	}
}

func (b *builder) aggregates() bool {
	for _, c := range b.plan.Columns {
		if c.Aggregate {
			return true
		}
	}
	return false
}

// elide drops relations that hold by themselves: every composition has an EHR,
// and every node in a composition a COMPOSITION.
func (b *builder) elide(j *Join) *Join {
	for j.Op == One && j.Child != nil && j.Child.Op == One && !j.Not && !j.Source.Used && b.implied(j.Source, j.Child.Source) {
		b.drop(j.Source)
		j = j.Child
	}
	if j.Child != nil && !j.Not {
		j.Child = b.elide(j.Child)
	}
	for i, o := range j.Operands {
		if o.Op == One && o.Source.Kind == Node {
			j.Operands[i] = b.elide(o)
		}
	}
	return j
}

func (b *builder) implied(s, child *Source) bool {
	if s.Filter != nil {
		return false
	}
	if s.Kind == EHR {
		return true
	}
	return s.Kind == Node && s.Name == "COMPOSITION" && !s.Used && !s.Referred &&
		child.Kind == Node && child.Name != "COMPOSITION" && child.Local == nil
}

func (b *builder) drop(s *Source) {
	kept := b.plan.Sources[:0]
	for _, o := range b.plan.Sources {
		if o != s {
			kept = append(kept, o)
		}
	}
	b.plan.Sources = kept
}

// concrete lists the classes an object declared as c may have.
func concrete(c rminfo.Class) []rminfo.Class {
	var out []rminfo.Class
	for _, d := range c.Descendants() {
		if !d.Abstract() {
			out = append(out, d)
		}
	}
	return out
}

// FixedEHR says which one EHR a query is about, "" for a population: the one
// the request names, or the one its text does.
func FixedEHR(q *aql.Query, params map[string]any, ehr string) string {
	b := &builder{q: q, opts: Options{Params: params}, plan: &Plan{EHR: ehr}}
	b.fixEHR()
	return b.plan.EHR
}
