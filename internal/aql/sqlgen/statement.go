package sqlgen

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Statement is a query for the database. Its columns are, in this order, the
// cells, then with Documents one document per entry, each a text or null, with
// Shown the EHR the row is about, and the units of the cells that Units names.
type Statement struct {
	SQL  string
	Args []any
	// Cells are the columns of the plan.
	Cells []Cell
	// Documents is the number of document columns after the cells.
	Documents int
	// Shown says that the last column is the row's ehr_id as text.
	Shown bool
	// Units are the cells that are numbers in a unit.
	Units []int
	// Distinct, Limit and Offset are left to the reader of the rows where cells
	// are cut from documents, since only the cut objects can be compared.
	Distinct      bool
	Limit, Offset int64
	// Keyed says that the last column is the row's key in the order of pages.
	Keyed bool
	// Ordered says that the statement reads in the order of an index and stops
	// early: sorting instead would read everything.
	Ordered bool
	// Whole says that nothing but what a relation is chooses rows: all of them are
	// read, and looking them up one by one costs more.
	Whole bool
	// Promoted is the promoted path the statement starts from, nil for none.
	Promoted *plan.Leaf
	// Otherwise is what to run where this gives fewer than Enough rows: this one
	// leaves out what has no value to sort by. nil where this gives all.
	Otherwise *Statement
	Enough    int64
}

// Cell says how a column becomes a cell.
type Cell struct {
	// Declared is the class an object without "_type" has.
	Declared rminfo.Class
	// Document is the index of the document an object with a number is cut
	// from, -1 where there is none.
	Document int
	// EHR marks a whole EHR: its status is Document, its directory Directory.
	EHR       bool
	Directory int
	// Sum marks a decimal to be rounded to 15 significant digits, Average a
	// list of sum and count to be divided so.
	Sum, Average bool
}

// GeneratePage writes the statement for a profile, of one page where one is asked
// for. The action is Read for a query about one EHR and Query for a population.
func GeneratePage(p *plan.Plan, profile *access.Profile, page *plan.Keyset) (s *Statement, err error) {
	defer func() {
		if r := recover(); r != nil {
			u, ok := r.(unsupported)
			if !ok {
				panic(r)
			}
			s, err = nil, u.err
		}
	}()
	g := newGenerator(p, profile, page)
	s = g.statement()
	if g.leaf != nil && g.leaf.first && s.Ordered {
		rest := newGenerator(p, profile, page)
		rest.whole = true
		s.Otherwise, s.Enough = rest.statement(), p.Limit
	}
	return s, nil
}

func newGenerator(p *plan.Plan, profile *access.Profile, page *plan.Keyset) *generator {
	g := &generator{plan: p, page: page, args: &access.Args{}, profile: profile, laterals: map[*plan.Step]string{}, keys: map[string]string{}}
	action := access.Query
	if p.EHR != "" {
		action = access.Read
		g.ehr = g.args.Add(p.EHR) + "::uuid"
	}
	g.scope = access.NewScope(profile, action, g.args, g.ehr)
	return g
}

// unsupported carries a fault out of the recursion.
type unsupported struct{ err error }

type generator struct {
	// page is nil for the whole.
	page    *plan.Keyset
	plan    *plan.Plan
	args    *access.Args
	scope   *access.Scope
	profile *access.Profile
	ehr     string
	// anchor is the ehr_id of the first relation, once it is written.
	anchor string
	// items are the lateral parts of FROM so far, laterals the alias of each step.
	items    []string
	laterals map[*plan.Step]string
	aliases  int
	// keys are the placeholders of texts already bound.
	keys map[string]string
	// documents are the versions whose documents cells are cut from.
	documents []identity
	// sorts are the columns that are there to sort by.
	beside []string
	// units is the table of units, once one is needed.
	units string
	// newest is the COMPOSITION whose rows are read in the order of their start.
	newest *plan.Source
	// leaf is the promoted path the query starts from.
	leaf *driver
	// first is the relation whose rows are found first, by what is asked of it alone.
	first *plan.Source
	asked []plan.Expr
	// whole says that the statement gives rows without a value to sort by too.
	whole bool
}

func (g *generator) statement() *Statement {
	p := g.plan
	out := &Statement{Limit: -1}
	g.newest = g.byStart()
	with := ""
	if g.newest == nil {
		g.leaf = g.byLeaf()
	}
	if g.leaf != nil {
		if s := g.overLeaves(); s != nil {
			return s
		}
		if p.Limit < 0 && g.leaf.rank < 10 || g.aggregates() && g.leaf.first {
			// A range without a limit may hold most rows: reading them in the order of
			// the nodes is cheaper than by each leaf row.
			g.leaf = nil
		}
	}
	if g.newest == nil && g.leaf == nil && (p.Limit < 0 || len(p.Order) > 0 || p.Distinct || g.aggregates()) {
		out.Whole = p.EHR == "" && p.Where == nil && !slices.ContainsFunc(p.Sources, func(s *plan.Source) bool { return s.Filter != nil })
		with = g.scope.Once("open", out.Whole)
		g.first, g.asked = g.byCondition()
	}
	out.Ordered = g.newest != nil || g.leaf != nil && g.page == nil && p.Limit >= 0 && (g.leaf.sorted || len(p.Order) == 0 && !p.Distinct && !g.aggregates())
	if g.leaf != nil {
		out.Promoted = g.leaf.Leaf
	}
	from, where := g.from()
	for _, s := range p.Sources {
		g.shared(s)
	}
	var columns, group []string
	for i := range p.Columns {
		text, cell := g.column(&p.Columns[i])
		columns = append(columns, fmt.Sprintf("%s as c%d", text, i))
		if p.Group && p.Columns[i].Plain {
			group = append(group, strconv.Itoa(i+1))
		}
		out.Cells = append(out.Cells, cell)
	}
	if p.Where != nil {
		where = append(where, g.condition(p.Where))
	}
	if g.leaf != nil {
		where = append(where, g.tied())
	}
	order := g.startKey()
	if g.leaf == nil || !g.leaf.alone {
		for _, k := range p.Order {
			order = append(order, g.key(k)...)
		}
	}
	aggregates := g.aggregates()
	if out.Documents = len(g.documents); p.Group && out.Documents > 0 {
		// Groups are equal objects, and only the database's rows can be grouped.
		for i, c := range out.Cells {
			if c.Document >= 0 {
				refuse(p.Columns[i].Pos, "an aggregate beside a whole object")
			}
		}
	}
	out.Distinct = p.Distinct && out.Documents > 0
	if out.Distinct && p.Backward {
		// The reader of the rows, who alone can tell objects apart, meets the last ones last.
		refuse(p.Columns[0].Pos, "TOP BACKWARD of distinct whole objects")
	}

	// An aggregate is about no one EHR.
	out.Shown = !aggregates && !p.Distinct
	for i, d := range g.documents {
		columns = append(columns, fmt.Sprintf("%s as e%d, %s as v%d, %s as r%d", d.ehr, i, d.object, i, d.version, i))
	}
	if out.Shown {
		columns = append(columns, g.anyEHR()+"::text as shown")
	}
	units, of := g.unitColumns(aggregates)
	columns, out.Units = append(append(columns, units...), g.beside...), of
	keys := g.pageKeys(out, order)
	if !g.outside() {
		columns = append(columns, keys.columns()...)
	}

	var b strings.Builder
	b.WriteString("select ")
	switch {
	case !p.Distinct || out.Distinct:
	case len(g.beside) > 0:
		// Grouped, so that there may be keys beside what is distinct.
		for i := range p.Columns {
			group = append(group, strconv.Itoa(i+1))
		}
	default:
		b.WriteString("distinct ")
	}
	b.WriteString(strings.Join(columns, ",\n       "))
	b.WriteString("\nfrom " + from)
	for _, item := range g.items {
		b.WriteString("\n" + item)
	}
	if len(where) > 0 {
		b.WriteString("\nwhere " + strings.Join(where, "\n  and "))
	}
	if len(group) > 0 {
		b.WriteString("\ngroup by " + strings.Join(group, ", "))
	}
	switch {
	case keys != nil:
		inner := b.String()
		b.Reset()
		b.WriteString(keys.statement(inner))
	case len(order) > 0:
		if g.outside() {
			// What is grouped or distinct can be sorted only by what is selected.
			inner := b.String()
			b.Reset()
			b.WriteString("select * from (" + inner + ") q")
		}
		b.WriteString("\norder by " + strings.Join(order, ", "))
	}
	if out.Distinct {
		out.Limit, out.Offset = p.Limit, p.Offset
	} else {
		if p.Limit >= 0 {
			b.WriteString("\nlimit " + g.args.Add(p.Limit) + "::bigint")
		}
		if offset := p.Offset + keys.skip(); offset > 0 {
			b.WriteString("\noffset " + g.args.Add(offset) + "::bigint")
		}
	}
	out.SQL = b.String()
	if out.Documents > 0 || p.Backward || keys != nil {
		out.SQL = g.outer(out)
	}
	if with != "" {
		out.SQL = "with " + with + "\n" + out.SQL
	}
	out.SQL, out.Args = renumber(out.SQL, g.args.Values)
	return out
}

var placeholder = regexp.MustCompile(`\$[0-9]+`)

// renumber leaves out the arguments no placeholder names: what was bound for an
// expression that turned out to have no value. PostgreSQL wants all to be used.
func renumber(sql string, args []any) (string, []any) {
	places := map[string]string{}
	var used []any
	sql = placeholder.ReplaceAllStringFunc(sql, func(p string) string {
		if places[p] == "" {
			n, err := strconv.Atoi(p[1:])
			if err != nil || n > len(args) {
				return p
			}
			used = append(used, args[n-1])
			places[p] = "$" + strconv.Itoa(len(used))
		}
		return places[p]
	})
	return sql, used
}

// outer joins the documents after sorting and cutting off, and turns the rows of
// TOP BACKWARD round again.
func (g *generator) outer(s *Statement) string {
	var columns []string
	for i := range s.Cells {
		columns = append(columns, fmt.Sprintf("q.c%d", i))
	}
	joins := ""
	for i := range g.documents {
		d := fmt.Sprintf("d%d", i)
		columns = append(columns, d+".doc")
		joins += fmt.Sprintf("\nleft join lateral %s on %s.vo_id = q.v%d and %s.ver = q.r%d",
			g.scope.ScanOf(access.Version, d, fmt.Sprintf("q.e%d", i)), d, i, d, i)
	}
	if s.Shown {
		columns = append(columns, "q.shown")
	}
	for _, cell := range s.Units {
		columns = append(columns, fmt.Sprintf("q.u%d", cell))
	}
	if s.Keyed {
		columns = append(columns, "q.page_key")
	}
	direction := ""
	if g.plan.Backward {
		direction = " desc"
	}
	return "select " + strings.Join(columns, ", ") + "\nfrom (select m.*, row_number() over () as rn from (" + s.SQL + ") m) q" +
		joins + "\norder by q.rn" + direction
}

func (g *generator) aggregates() bool {
	for _, c := range g.plan.Columns {
		if c.Aggregate {
			return true
		}
	}
	return false
}

// anyEHR is the ehr_id of the first relation that has one in this row.
func (g *generator) anyEHR() string {
	var all []string
	for _, s := range g.plan.Sources {
		if !g.negated(g.plan.From, s, false) {
			all = append(all, alias(s)+".ehr_id")
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return "coalesce(" + strings.Join(all, ", ") + ")"
}

// negated says whether a relation stands under NOT CONTAINS.
func (g *generator) negated(j *plan.Join, s *plan.Source, not bool) bool {
	if j == nil {
		return false
	}
	if j.Op == plan.One {
		return j.Source == s && not || g.negated(j.Child, s, not || j.Not)
	}
	for _, o := range j.Operands {
		if g.negated(o, s, not) {
			return true
		}
	}
	return false
}

// column writes one column as jsonb.
func (g *generator) column(c *plan.Column) (string, Cell) {
	cell := Cell{Document: -1}
	switch v := c.Value.(type) {
	case *plan.Ref:
		cell.Declared = declared(v)
		return g.cell(v, &cell), cell
	case *plan.Aggregate:
		switch v.Func {
		case "SUM":
			cell.Sum = true
			return "to_jsonb(sum(" + g.operand(v.Arg).measured() + "))", cell
		case "AVG":
			// Divided by the reader of the row, with the decimals of the evaluator.
			cell.Average = true
			n := g.operand(v.Arg).measured()
			return "case when count(" + n + ") > 0 then jsonb_build_array(sum(" + n + "), count(" + n + ")) end", cell
		case "MIN", "MAX":
			if ref, ok := v.Arg.(*plan.Ref); ok {
				cell.Declared = declared(ref)
			}
			return g.extreme(g.operand(v.Arg), v.Func == "MIN"), cell
		}
	}
	return g.operand(c.Value).json(), cell
}

// extreme is the least or greatest value that sorts; of those that sort alike
// the first or last in the order of their JSON.
func (g *generator) extreme(o operand, least bool) string {
	direction := " desc"
	if least {
		direction = ""
	}
	keys := o.sortKeys()
	present := make([]string, len(keys))
	for i, k := range keys {
		present[i] = k + " is not null"
		keys[i] = k + direction
		if !least {
			keys[i] += " nulls last"
		}
	}
	return fmt.Sprintf("(array_agg(%s order by %s, (%s)::text collate \"C\"%s) filter (where %s))[1]",
		o.json(), strings.Join(keys, ", "), o.json(), direction, strings.Join(present, " or "))
}

// cell writes a column whose value is a path. What is cut from a document is
// given by its number alone where nothing else can stand there.
func (g *generator) cell(r *plan.Ref, cell *Cell) string {
	if r.Missing {
		return "null::jsonb"
	}
	if r.Source.Kind == plan.EHR && r.Step == nil {
		cell.EHR = true
		cell.Document = g.referred(r.Source, "ehr_status")
		cell.Directory = g.referred(r.Source, "directory")
		return g.wholeEHR(r.Source)
	}
	can := false
	for _, c := range r.Classes() {
		can = can || numbered(c)
	}
	if !can {
		return g.operand(r).json()
	}
	cell.Document = g.document(g.identity(r.Source, r.Step))
	if r.Step == nil {
		return "case when " + alias(r.Source) + ".num is not null then jsonb_build_object('#', " + alias(r.Source) + ".num) end"
	}
	j := g.operand(r).json()
	for _, c := range r.Classes() {
		if !numbered(c) {
			return j
		}
	}
	return "case when " + j + " is not null then jsonb_build_object('#', " + j + " -> '#') end"
}

// referred gives the document an EHR refers to.
func (g *generator) referred(s *plan.Source, attr string) int {
	st := &plan.Step{Source: s, Attr: attr}
	g.items = append(g.items, "left join lateral ("+g.lateral(st)+") "+g.bind(st)+" on true")
	return g.document(g.identity(s, st))
}

func (g *generator) document(d identity) int {
	for i, known := range g.documents {
		if known == d {
			return i
		}
	}
	g.documents = append(g.documents, d)
	return len(g.documents) - 1
}

// key writes one key of ORDER BY. TOP BACKWARD reads the order from its end.
func (g *generator) key(k plan.Key) []string {
	var keys []string
	switch {
	case g.outside():
		keys = g.outsideKeys(k)
	case k.Column > 0:
		keys = g.operand(g.plan.Columns[k.Column-1].Value).sortKeys()
	default:
		keys = g.operand(k.Value).sortKeys()
	}
	for i := range keys {
		if k.Descending != g.plan.Backward {
			keys[i] += " desc"
		}
		if k.Nulls.First(k.Descending) != g.plan.Backward {
			keys[i] += " nulls first"
		} else {
			keys[i] += " nulls last"
		}
	}
	return keys
}

// text binds a text and gives its placeholder; equal texts share one.
func (g *generator) text(s string) string {
	p, ok := g.keys[s]
	if !ok {
		p = g.args.Add(s) + "::text"
		g.keys[s] = p
	}
	return p
}

func (g *generator) next(prefix string) string {
	g.aliases++
	return prefix + strconv.Itoa(g.aliases)
}

func alias(s *plan.Source) string { return "s" + strconv.Itoa(s.ID) }

// refuse ends the generation with a fault of what this engine cannot do.
func refuse(at aql.Pos, construct string) {
	panic(unsupported{aql.Unsupported(at, construct)})
}

// declared is the class an object at the path has when its JSON names none.
func declared(r *plan.Ref) rminfo.Class {
	if r.Step != nil {
		return r.Step.Declared
	}
	return 0
}
