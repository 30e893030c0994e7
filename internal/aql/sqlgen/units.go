package sqlgen

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/ucum"
)

// unitsOf is the unit a column's number is in, "" where no quantity is behind it:
// a magnitude alone says nothing of it, and an aggregate takes all units as one.
// It is null for what is in no unit.
func (g *generator) unitsOf(v plan.Value) string {
	if a, ok := v.(*plan.Aggregate); ok && a.Func != "COUNT" {
		v = a.Arg
	}
	ref, ok := v.(*plan.Ref)
	if !ok || ref.Missing || ref.Step == nil {
		return ""
	}
	if units := g.operand(ref).units(); !isNull(units) {
		return units
	}
	if ref.Step.Attr != "magnitude" || !slices.Contains(g.holderClasses(ref.Step), rminfo.DV_QUANTITY) {
		return ""
	}
	holder := g.holder(ref.Step)
	return "(case when " + className(holder, &plan.Ref{Source: ref.Source, Step: ref.Step.Parent}) + " = 'DV_QUANTITY' then " + holder + " ->> 'units' end)"
}

// unitColumns are the columns of units, each a list as JSON, and of which cells
// they are. DISTINCT has none: they would make rows distinct.
func (g *generator) unitColumns(aggregates bool) (columns []string, cells []int) {
	if g.plan.Distinct {
		return nil, nil
	}
	for i := range g.plan.Columns {
		units := g.unitsOf(g.plan.Columns[i].Value)
		if units == "" {
			continue
		}
		list := "case when " + units + " is not null then jsonb_build_array(" + units + ") end"
		if aggregates {
			list = "jsonb_agg(distinct " + units + ") filter (where " + units + " is not null)"
		}
		columns = append(columns, fmt.Sprintf("%s as u%d", list, i))
		cells = append(cells, i)
	}
	return columns, cells
}

// Units calls each with the units of the cells of a database row.
func (r *Reader) Units(columns [][]byte, each func(cell int, units []string)) {
	s := r.statement
	first := len(s.Cells) + s.Documents
	if s.Shown {
		first++
	}
	for i, cell := range s.Units {
		var units []string
		if raw := columns[first+i]; raw != nil && json.Unmarshal(raw, &units) == nil {
			each(cell, units)
		}
	}
}

// compareUnits compares two quantities of different units as ucum.Compare does,
// null where they do not measure the same (DESIGN 5a rules 8 and 16). Whole
// numbers keep it exact.
func (g *generator) compareUnits(op, a, unitA, b, unitB string) string {
	return fmt.Sprintf("(select (%[2]s * x.times + x.plus) * y.by %[1]s (%[3]s * y.times + y.plus) * x.by from %[6]s x(unit, dimension, times, plus, by) join %[6]s y(unit, dimension, times, plus, by) on y.dimension = x.dimension where x.unit = %[4]s and y.unit = %[5]s)",
		op, a, b, unitA, unitB, g.unitTable())
}

func (g *generator) unitTable() string {
	if g.units != "" {
		return g.units
	}
	names := ucum.ListedNames()
	columns := make([][]string, 4)
	for _, name := range names {
		l := ucum.Listed()[name]
		for i, text := range []string{l.Dimension, l.Times.String(), l.Plus.String(), l.By.String()} {
			columns[i] = append(columns[i], text)
		}
	}
	g.units = "unnest(" + g.args.Add(names) + "::text[], " + g.args.Add(columns[0]) + "::text[]"
	for _, whole := range columns[1:] {
		g.units += ", " + g.args.Add(whole) + "::text[]::numeric[]"
	}
	g.units += ")"
	return g.units
}
