package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// overLeaves answers aggregates of the numbers at a promoted path from leaf rows
// alone: where all conditions compare these numbers with constants and nothing
// else makes or drops rows, each row of the query is one leaf row, and leaf.n is
// exact. nil for all other queries.
func (g *generator) overLeaves() *Statement {
	p, d := g.plan, g.leaf
	if !d.Own || !d.Whole || d.tail != "magnitude" || len(p.Sources) != 1 || p.Group || p.Distinct || len(p.Order) > 0 || p.Offset > 0 || g.page != nil || p.Backward {
		return nil
	}
	if j := p.From; j.Op != plan.One || j.Child != nil {
		return nil
	}
	number := func(v plan.Value) bool {
		r, ok := v.(*plan.Ref)
		return ok && !r.Missing && r.Step != nil && r.Step.Parent == d.Value && r.Step.Attr == "magnitude" && r.Step.Filter == nil
	}
	for _, e := range p.Conjuncts() {
		c, ok := e.(*plan.Compare)
		if !ok || !number(c.Left) && !number(c.Right) {
			return nil
		}
		if _, _, _, exact := g.narrows(e); !exact {
			return nil
		}
	}
	out := &Statement{Limit: -1, Promoted: d.Leaf}
	var columns, units []string
	for i, c := range p.Columns {
		a, ok := c.Value.(*plan.Aggregate)
		if !ok || a.Distinct {
			return nil
		}
		// Each row has its object, which is counted as the row is.
		object, isRef := a.Arg.(*plan.Ref)
		rows := a.Star || a.Func == "COUNT" && isRef && object.Source == d.source && object.Step == nil && !object.Missing
		if !rows && !number(a.Arg) {
			return nil
		}
		cell := Cell{Document: -1}
		text := "to_jsonb(count(*)::numeric)"
		switch {
		case rows && d.first:
			return nil
		case a.Func == "COUNT":
		case a.Func == "SUM":
			cell.Sum, text = true, "to_jsonb(sum(l.n))"
		case a.Func == "AVG":
			cell.Average, text = true, "case when count(l.n) > 0 then jsonb_build_array(sum(l.n), count(l.n)) end"
		default:
			cell.Declared = declared(a.Arg.(*plan.Ref))
			text = extremeNumber(a.Func == "MIN")
		}
		if a.Func != "COUNT" {
			units, out.Units = append(units, fmt.Sprintf("jsonb_agg(distinct l.u collate \"C\") filter (where l.u is not null) as u%d", i)), append(out.Units, i)
		}
		columns, out.Cells = append(columns, fmt.Sprintf("%s as c%d", text, i)), append(out.Cells, cell)
	}
	// Nothing else keeps rows that the path has more of.
	if !chain(p.Sources[0].Steps, d.Value) {
		return nil
	}
	with := g.scope.Once("open", false)
	conds := append([]string{fmt.Sprintf("l.path = %d", d.ID), "l.n is not null", magnitudes}, d.narrow...)
	from := g.scan(access.Leaf, "l")
	sql := "select " + strings.Join(slices.Concat(columns, units), ",\n       ") + "\nfrom " + from + "\nwhere " + all(append(conds, g.askable("l")...))
	if p.Limit >= 0 {
		sql += "\nlimit " + g.args.Add(p.Limit) + "::bigint"
	}
	if with != "" {
		sql = "with " + with + "\n" + sql
	}
	out.SQL, out.Args = renumber(sql, g.args.Values)
	return out
}

// extremeNumber is what extreme gives for the numbers of leaf rows. Of equal ones
// that with more decimals is the last in the order of JSON.
func extremeNumber(least bool) string {
	number := fmt.Sprintf("case when l.class = %d then l.n + 0.0 else l.n end", rminfo.DV_QUANTITY)
	word := "max"
	if least {
		word = "min"
	}
	return fmt.Sprintf("to_jsonb((%s(array[%[2]s, scale(%[2]s)]))[1])", word, number)
}

// chain says whether steps are one path to the value and to attributes of it.
func chain(steps []*plan.Step, value *plan.Step) bool {
	for len(steps) == 1 {
		if steps[0] == value {
			return !slices.ContainsFunc(value.Below, func(st *plan.Step) bool { return st.Many })
		}
		steps = steps[0].Below
	}
	return false
}
