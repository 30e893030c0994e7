package eval

import (
	"context"
	"slices"
	"strconv"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

// Column describes a column of a result. Path is empty for what is computed.
type Column struct {
	Name, Path string
}

// Result is the answer to a query.
type Result struct {
	Columns []Column
	Rows    [][]Value
	// Ranks number the rows so that those ORDER BY does not tell apart have the
	// same; nil without ORDER BY.
	Ranks []int
}

// Run evaluates a query over a source. Parameters are JSON scalars, or lists of
// them for MATCHES. What is not supported is a fault of kind Invalid and code
// aql-unsupported that names construct and position.
func Run(ctx context.Context, q *aql.Query, params map[string]any, src Source, opts Options) (*Result, error) {
	c, err := compile(q, params, opts)
	if err != nil {
		return nil, err
	}
	r := &run{
		ctx: ctx, query: c, bound: make([]instance, len(c.operands)), at: make([]node, len(c.operands)+len(c.steps)),
		groups: map[string]*group{},
	}
	need := Need{EHRID: c.pinned}
	for _, o := range c.operands {
		need.AllVersions = need.AllVersions || o.EveryVersion()
	}
	for ehr, err := range src.EHRs(ctx, need) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if err := r.ehr(ehr); err != nil {
			return nil, err
		}
		if r.enough() {
			break
		}
	}
	if r.opts.MaxRows > 0 && len(r.lines)+len(r.sorted) > r.opts.MaxRows {
		return nil, r.tooMany()
	}
	return r.result(), nil
}

// run is one evaluation. bound and at hold the row that is being made.
type run struct {
	*query
	ctx    context.Context
	ticks  int
	record *record
	bound  []instance
	at     []node
	lines  []line
	groups map[string]*group
	sorted []*group // the groups in the order they appeared
	// results holds the values of aggregate calls while a group is written.
	results map[*aql.Call]Value
	err     error
}

// line is a row with the keys it sorts by.
type line struct {
	cells []Value
	keys  []Value
}

// alive looks at the context now and then; false ends the evaluation.
func (r *run) alive() bool {
	const often = 1024
	if r.ticks++; r.ticks%often == 0 && r.err == nil {
		r.err = r.ctx.Err()
	}
	return r.err == nil
}

func (r *run) ehr(ehr *EHR) error {
	r.record = &record{EHR: ehr}
	if r.isPinned && ehr.ID != r.pinned || !r.isPinned && !r.record.queryable() {
		return nil
	}
	r.bind(r.From, instance{}, func() bool {
		for i := range r.bound {
			r.at[i] = r.bound[i].node
		}
		return r.rows(0, r.row)
	})
	return r.err
}

// enough says that no later row can be in the result.
func (r *run) enough() bool {
	return r.Limit != nil && !r.grouped && !r.Distinct && len(r.order) == 0 && int64(len(r.lines)) >= r.Limit.Count+r.Limit.Offset
}

// row takes the row that is bound, if WHERE holds.
func (r *run) row() bool {
	if !r.alive() {
		return false
	}
	if r.Where != nil && r.condition(r.Where) != yes {
		return true
	}
	if r.opts.MaxRows > 0 && len(r.lines)+len(r.sorted) > r.opts.MaxRows {
		r.err = r.tooMany()
		return false
	}
	if r.grouped {
		r.collect()
		return true
	}
	l := line{cells: make([]Value, len(r.Select))}
	for i, c := range r.Select {
		l.cells[i] = r.value(c.Expr)
	}
	r.addKeys(&l)
	r.lines = append(r.lines, l)
	return !r.enough()
}

func (r *run) tooMany() error {
	return fault.New(fault.Invalid, "aql-row-limit", "the query gives more than %d rows; narrow it to one EHR or add conditions", r.opts.MaxRows)
}

func (r *run) addKeys(l *line) {
	for _, k := range r.order {
		if k.column >= 0 {
			l.keys = append(l.keys, l.cells[k.column])
			continue
		}
		l.keys = append(l.keys, r.value(k.expr))
	}
}

// result orders and cuts the rows: DISTINCT before ORDER BY before LIMIT.
func (r *run) result() *Result {
	if r.grouped {
		r.writeGroups()
	}
	if r.Distinct {
		r.distinct()
	}
	if len(r.order) > 0 {
		slices.SortStableFunc(r.lines, r.compareLines)
	}
	lines := r.lines
	switch {
	case r.Limit != nil:
		lines = lines[min(r.Limit.Offset, int64(len(lines))):]
		lines = lines[:min(r.Limit.Count, int64(len(lines)))]
	case r.Top != nil && r.Top.Backward:
		lines = lines[int64(len(lines))-min(r.Top.Count, int64(len(lines))):]
	case r.Top != nil:
		lines = lines[:min(r.Top.Count, int64(len(lines)))]
	}
	out := &Result{Columns: Columns(r.Query), Rows: make([][]Value, len(lines))}
	for i := range lines {
		out.Rows[i] = lines[i].cells
		switch {
		case len(r.order) == 0:
		case i == 0:
			out.Ranks = append(out.Ranks, 0)
		case r.compareLines(lines[i-1], lines[i]) == 0:
			out.Ranks = append(out.Ranks, out.Ranks[i-1])
		default:
			out.Ranks = append(out.Ranks, out.Ranks[i-1]+1)
		}
	}
	return out
}

// Columns gives the columns of a query: the alias or #n as name, the path where
// a column is one (ITS-REST 1.1, RESULT_SET).
func Columns(q *aql.Query) []Column {
	all := make([]Column, len(q.Select))
	for i, c := range q.Select {
		all[i].Name = c.Alias
		if c.Alias == "" {
			all[i].Name = "#" + strconv.Itoa(i)
		}
		if p, ok := c.Expr.(*aql.PathExpr); ok {
			all[i].Path = p.String()
		}
	}
	return all
}

// compareLines orders by the keys.
func (r *run) compareLines(a, b line) int {
	for i, k := range r.order {
		ka, okA := r.sortKey(a.keys[i])
		kb, okB := r.sortKey(b.keys[i])
		c := 0
		switch {
		case okA && okB:
			if c = ka.order(kb); k.descending {
				c = -c
			}
		case okA == okB:
		case okA == k.nullsFirst:
			c = 1
		default:
			c = -1
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// distinct keeps one of lines that say the same. Behind equal cells there may be
// values of different types, a text and the date it looks like: each key is the
// one that sorts first.
func (r *run) distinct() {
	at := map[string]int{}
	kept := r.lines[:0]
	for _, l := range r.lines {
		key := rowKey(l.cells)
		i, double := at[key]
		if !double {
			at[key] = len(kept)
			kept = append(kept, l)
			continue
		}
		for n, k := range r.order {
			a, okA := r.sortKey(l.keys[n])
			b, okB := r.sortKey(kept[i].keys[n])
			if okA && (!okB || !k.descending && a.order(b) < 0 || k.descending && a.order(b) > 0) {
				kept[i].keys[n] = l.keys[n]
			}
		}
	}
	r.lines = kept
}

// rowKey joins the keys of cells; lengths keep neighbours apart.
func rowKey(cells []Value) string {
	var b []byte
	for _, c := range cells {
		k := c.key()
		b = append(strconv.AppendInt(b, int64(len(k)), 10), ':')
		b = append(b, k...)
	}
	return string(b)
}
