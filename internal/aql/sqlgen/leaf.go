package sqlgen

import (
	"fmt"
	"slices"
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
	if len(found) == 0 {
		return nil
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
	if !d.measured || g.page != nil || p.Limit < 0 || len(p.Order) == 0 || p.Order[0].Nulls != aql.NullsByOrder || g.outside() {
		return false
	}
	v := p.Order[0].Value
	if c := p.Order[0].Column; c > 0 {
		v = p.Columns[c-1].Value
	}
	r, ok := v.(*plan.Ref)
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
	// Times sort by their start; of values of several classes the class is first.
	return len(d.Value.Classes) == 1 && d.Value.Classes[0] != rminfo.DV_DURATION && slices.ContainsFunc(temporal, func(t struct {
		class rminfo.Class
		unit  string
	}) bool {
		return t.class == d.Value.Classes[0]
	})
}

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
		return "l.n " + operators[op] + " " + g.args.Add(lit.Text) + "::text::numeric", true
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
		from, to := "l.n >= "+g.args.Add(lo)+"::text::numeric"+less, "l.n <= "+g.args.Add(hi)+"::text::numeric"+more
		var cond string
		switch op {
		case aql.Eq:
			cond = from + " and " + to
		case aql.Ge:
			cond = from
		case aql.Gt:
			cond = "l.n >= " + g.args.Add(hi) + "::text::numeric" + less
		case aql.Le:
			cond = to
		case aql.Lt:
			cond = "l.n <= " + g.args.Add(lo) + "::text::numeric" + more
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
	return fmt.Sprintf("(select l.ehr_id, l.vo_id, l.ver, l.num, l.ord, l.n from %s where %s) k", g.scan(access.Leaf, "l"), all(append(conds, g.askable("l")...)))
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
