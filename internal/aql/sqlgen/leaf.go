package sqlgen

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// driver is the promoted path a population query starts from: the leaf rows that
// a condition of WHERE can be true for, item k of FROM. The condition stays where
// it is, so that leaf rows only narrow. Each row of the answer has one value at
// the path, and that value one leaf row, by the number of what holds it: the join
// neither adds nor drops rows.
type driver struct {
	*plan.Leaf
	source *plan.Source
	// narrow are the conditions on leaf rows, alias l.
	narrow []string
	// rank is how much the best of them narrows.
	rank int
	// measured says that only values with a number are left, and that it is what
	// the path with this tail sorts by.
	measured bool
	tail     string
	// sorted says that the rows are read in the order of the first key, alone that
	// no other order is asked.
	sorted, alone bool
	// first says that no condition asks for a value: rows without one come after
	// all that the leaf rows give.
	first bool
}

// byLeaf finds the promoted path to start from, nil where there is none.
func (g *generator) byLeaf() *driver {
	p := g.plan
	if g.ehr != "" || p.Dictionary == nil || len(p.Dictionary.Promoted) == 0 {
		return nil
	}
	var found []*driver
	for _, e := range p.Conjuncts() {
		ref, narrow, rank, measured := g.narrows(e)
		if narrow == "" || !p.Always(ref.Source) {
			continue
		}
		l := p.Dictionary.Leaf(ref)
		i := slices.IndexFunc(found, func(d *driver) bool { return d.Value == l.Value })
		if i < 0 {
			i = len(found)
			found = append(found, &driver{Leaf: l, source: ref.Source})
		}
		d := found[i]
		d.narrow, d.rank = append(d.narrow, narrow), d.rank+rank
		if measured {
			d.measured, d.tail = true, strings.Join(l.Tail, "/")
		}
	}
	switch {
	case len(found) > 0:
	case g.aggregates():
		return g.byArgument()
	default:
		return g.byOrder()
	}
	for _, d := range found {
		if g.sorts(d) {
			d.sorted, d.alone = true, len(p.Order) == 1 && d.tail == "magnitude"
			return d
		}
	}
	return slices.MaxFunc(found, func(a, b *driver) int { return a.rank - b.rank })
}

// sorts says whether a query for the first rows is ordered by the path of a driver.
func (g *generator) sorts(d *driver) bool {
	p := g.plan
	if !d.measured || g.page != nil || p.Limit < 0 || len(p.Order) == 0 || g.outside() {
		return false
	}
	r, ok := g.firstKey().(*plan.Ref)
	if !ok || r.Source != d.source {
		return false
	}
	l := p.Dictionary.Leaf(r)
	if l == nil || l.Value != d.Value {
		return false
	}
	if tail := strings.Join(l.Tail, "/"); tail == "magnitude" || d.tail == "magnitude" {
		return tail == d.tail
	}
	return instants(d.Value.Classes)
}

// instants says whether values of the classes sort by their start: of values of
// several classes the class comes first.
func instants(classes []rminfo.Class) bool {
	return len(classes) == 1 && classes[0] != rminfo.DV_DURATION && slices.ContainsFunc(temporal, func(t struct {
		class rminfo.Class
		unit  string
	}) bool {
		return t.class == classes[0]
	})
}

// firstKey is what the rows are sorted by first.
func (g *generator) firstKey() plan.Value {
	k := g.plan.Order[0]
	if k.Column > 0 {
		return g.plan.Columns[k.Column-1].Value
	}
	return k.Value
}

// mostFirst is how many rows are held until it is known that there are enough.
const mostFirst = 1000

// byOrder finds the promoted path whose order is that of the first rows of a
// query without conditions. Rows without a value come last: where there are fewer
// rows with one than are asked for, another statement gives them all.
func (g *generator) byOrder() *driver {
	p := g.plan
	if g.whole || g.page != nil || p.Where != nil || p.Limit < 1 || p.Limit > mostFirst || p.Backward || p.Distinct || g.aggregates() || len(p.Order) == 0 || p.Order[0].Nulls.First(p.Order[0].Descending) {
		return nil
	}
	r, ok := g.firstKey().(*plan.Ref)
	if !ok || !p.Always(r.Source) {
		return nil
	}
	l := p.Dictionary.Leaf(r)
	if l == nil {
		return nil
	}
	d := &driver{Leaf: l, source: r.Source, measured: true, sorted: true, first: true, tail: strings.Join(l.Tail, "/")}
	switch {
	case d.tail == "magnitude":
		// Other classes have a number to sort by and no such attribute.
		d.narrow = []string{magnitudes}
		d.alone = len(p.Order) == 1
	case (d.tail == "" || d.tail == "value") && instants(l.Value.Classes) && !p.Order[0].Descending:
		// What is no time sorts as a text, behind the times.
	default:
		return nil
	}
	return d
}

// byArgument finds the promoted path whose numbers a query without conditions
// aggregates: rows without a number say nothing to an aggregate. Only overLeaves
// can use it.
func (g *generator) byArgument() *driver {
	p := g.plan
	if p.Where != nil {
		return nil
	}
	for _, c := range p.Columns {
		a, ok := c.Value.(*plan.Aggregate)
		if !ok || a.Star {
			return nil
		}
		if r, ok := a.Arg.(*plan.Ref); ok {
			if l := p.Dictionary.Leaf(r); l != nil {
				return &driver{Leaf: l, source: r.Source, measured: true, first: true, tail: strings.Join(l.Tail, "/")}
			}
		}
	}
	return nil
}

// magnitudes are the leaf rows whose number is what the attribute magnitude has.
var magnitudes = fmt.Sprintf("l.class in (%d, %d)", rminfo.DV_QUANTITY, rminfo.DV_COUNT)

// narrows gives a condition that the leaf row of a value meets where a condition
// on its path is true: "" where the path is not promoted or nothing follows.
func (g *generator) narrows(e plan.Expr) (ref *plan.Ref, text string, rank int, measured bool) {
	switch e := e.(type) {
	case *plan.Compare:
		left, right, op := e.Left, e.Right, e.Op
		if _, ok := left.(plan.Literal); ok {
			left, right, op = right, left, mirrored[op]
		}
		ref, isRef := left.(*plan.Ref)
		lit, isLiteral := right.(plan.Literal)
		if !isRef || !isLiteral {
			return nil, "", 0, false
		}
		l := g.plan.Dictionary.Leaf(ref)
		if l == nil {
			return nil, "", 0, false
		}
		text, measured = g.narrow(l, op, lit)
		rank = 1
		if op == aql.Eq {
			rank = 10
		}
		return ref, text, rank, measured
	case *plan.In:
		ref, isRef := e.Operand.(*plan.Ref)
		if !isRef || len(e.List) == 0 {
			return nil, "", 0, false
		}
		l := g.plan.Dictionary.Leaf(ref)
		if l == nil {
			return nil, "", 0, false
		}
		if text := g.among(l, e.List); text != "" {
			return ref, text, 10, false
		}
		var any []string
		for _, lit := range e.List {
			text, _ := g.narrow(l, aql.Eq, lit)
			if text == "" {
				return nil, "", 0, false
			}
			any = append(any, text)
		}
		return ref, "(" + strings.Join(any, " or ") + ")", 10, false
	case *plan.Like:
		ref, isRef := e.Operand.(*plan.Ref)
		pattern, isLiteral := e.Pattern.(plan.Literal)
		if !isRef || !isLiteral {
			return nil, "", 0, false
		}
		prefix, _, _ := strings.Cut(strings.NewReplacer("?", "*", `\`, "*").Replace(pattern.Text), "*")
		l := g.plan.Dictionary.Leaf(ref)
		if l == nil || prefix == "" || strings.Join(l.Tail, "/") != "value" {
			return nil, "", 0, false
		}
		return ref, "l.s ^@ " + g.text(cut(prefix)), 10, false
	}
	return nil, "", 0, false
}

// narrow gives the condition for one comparison with a constant, and says whether
// only numbers meet it.
func (g *generator) narrow(l *plan.Leaf, op aql.CompareOp, lit plan.Literal) (text string, measured bool) {
	tail := strings.Join(l.Tail, "/")
	switch lit.Kind {
	case aql.Integer, aql.Real:
		if tail != "" && tail != "magnitude" && tail != "value" || op == aql.Ne {
			return "", false
		}
		return g.about(op, g.args.Add(double(lit.Text))+"::float8") + " and l.n " + operators[op] + " " + g.args.Add(lit.Text) + "::text::numeric", true
	case aql.String:
		switch {
		case op == aql.Ne:
			return "", false
		case tail == "defining_code/code_string":
			return "l.k " + operators[op] + " " + g.text(lit.Text), false
		case tail == "" || tail == "value":
			return g.narrowText(l, op, lit.Text)
		}
	}
	return "", false
}

// among is the condition for a list of codes, one that an index can be asked for;
// "" for all others.
func (g *generator) among(l *plan.Leaf, list []plan.Literal) string {
	if strings.Join(l.Tail, "/") != "defining_code/code_string" {
		return ""
	}
	codes := make([]string, len(list))
	for i, lit := range list {
		if lit.Kind != aql.String {
			return ""
		}
		codes[i] = lit.Text
	}
	return "l.k = any(" + g.args.Add(codes) + "::text[])"
}

// about compares leaf.f, the double that is nearest to leaf.n. Under row-level
// security an index is asked only by operators that cannot show values in errors,
// and of numbers those of doubles are. What is greater is nowhere nearest to less,
// so that no row is lost; rows that are equal only so are left to leaf.n.
func (g *generator) about(op aql.CompareOp, bound string) string {
	switch op {
	case aql.Gt, aql.Ge:
		return "l.f >= " + bound
	case aql.Lt, aql.Le:
		return "l.f <= " + bound
	}
	return "l.f = " + bound
}

// double is leaf.f of a number.
func double(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && n == 0, math.Abs(n) < 1e-300:
		return 0
	case n >= 1e300:
		return math.Inf(1)
	case n <= -1e300:
		return math.Inf(-1)
	}
	return n
}

// narrowText is for a text, which times are compared with as times where it is one.
func (g *generator) narrowText(l *plan.Leaf, op aql.CompareOp, text string) (string, bool) {
	var any []string
	texts := false
	for _, c := range l.Value.Classes {
		i := slices.IndexFunc(temporal, func(t struct {
			class rminfo.Class
			unit  string
		}) bool {
			return t.class == c
		})
		if i < 0 {
			texts = true
			continue
		}
		lo, hi, ok := row.Interval(c, text, g.plan.Zone)
		less, more := "", ""
		if !ok && c == rminfo.DV_DATE {
			if lo, hi, ok = row.Interval(rminfo.DV_DATE_TIME, text, g.plan.Zone); ok {
				less, more = " / 86400 - 1", " / 86400 + 1"
			}
		}
		if !ok {
			texts = true
			continue
		}
		bound := func(op aql.CompareOp, number, shift string) string {
			return g.about(op, "("+g.args.Add(number)+"::text::numeric"+shift+")::float8")
		}
		var cond string
		switch op {
		case aql.Eq:
			cond = bound(aql.Ge, lo, less) + " and " + bound(aql.Le, hi, more)
		case aql.Ge:
			cond = bound(aql.Ge, lo, less)
		case aql.Gt:
			cond = bound(aql.Ge, hi, less)
		case aql.Le:
			cond = bound(aql.Le, hi, more)
		case aql.Lt:
			cond = bound(aql.Le, lo, more)
		}
		if len(l.Value.Classes) == 1 {
			return cond, true
		}
		any = append(any, fmt.Sprintf("l.class = %d and l.n is not null and %s", c, cond))
	}
	if texts {
		word := operators[op]
		switch op {
		case aql.Lt:
			word = "<="
		case aql.Gt:
			word = ">="
		}
		any = append(any, "l.s "+word+" "+g.text(cut(text)))
	}
	return "(" + strings.Join(any, " or ") + ")", false
}

// cut is as much of a text as leaf rows have.
func cut(text string) string {
	if runes := []rune(text); len(runes) > promote.Prefix {
		return string(runes[:promote.Prefix])
	}
	return text
}

// leaves are the leaf rows to start from.
func (g *generator) leaves() string {
	conds := append([]string{fmt.Sprintf("l.path = %d", g.leaf.ID)}, g.leaf.narrow...)
	if g.leaf.measured {
		conds = append(conds, "l.n is not null")
	}
	return fmt.Sprintf("(select l.ehr_id, l.vo_id, l.ver, l.num, l.ord, l.n, l.f from %s where %s) k", g.scan(access.Leaf, "l"), all(append(conds, g.askable("l")...)))
}

// led ties a relation to the leaf rows its values are in.
func (g *generator) led(s *plan.Source) []string {
	if g.leaf == nil || s != g.leaf.source {
		return nil
	}
	a := alias(s)
	conds := []string{a + ".ehr_id = k.ehr_id", a + ".vo_id = k.vo_id", a + ".ver = k.ver"}
	if g.leaf.Own {
		conds = append(conds, a+".num = k.num")
	}
	return conds
}

// tied says that the value is that of the leaf row.
func (g *generator) tied() string {
	if g.leaf.Holder == nil {
		return alias(g.leaf.source) + ".num = k.ord"
	}
	return "(" + g.json(g.leaf.Holder) + " ->> '#')::int = k.ord"
}
