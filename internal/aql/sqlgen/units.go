package sqlgen

import (
	"fmt"

	"github.com/quire-cdr/quire/internal/ucum"
)

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
