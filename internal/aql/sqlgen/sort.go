package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aql/plan"
)

// outside says whether ORDER BY works on the columns of the select below it:
// what is grouped or distinct is no row of the relations any more. Whole objects
// are made distinct by the reader and are sorted as any.
func (g *generator) outside() bool {
	return g.aggregates() || g.plan.Distinct && len(g.documents) == 0
}

// outsideKeys are the keys of a column for ORDER BY outside. What the cell alone
// does not tell, such as the instant a text means, is a column beside it.
func (g *generator) outsideKeys(k plan.Key) []string {
	made := g.below(k)
	if made == nil {
		return operand{g: g, sql: fmt.Sprintf("q.c%d", k.Column-1), kind: anyKind}.sortKeys()
	}
	keys := make([]string, len(made))
	for i, text := range made {
		name := fmt.Sprintf("k%d", len(g.beside))
		g.beside = append(g.beside, text+" as "+name)
		keys[i] = "q." + name
	}
	return keys
}

// below are the keys of a column as they are below, each one for its group; nil
// where the cell tells all.
func (g *generator) below(k plan.Key) []string {
	switch v := g.plan.Columns[k.Column-1].Value.(type) {
	case *plan.Ref:
		if v.Missing || g.plan.Distinct && g.aggregates() {
			return nil
		}
		return firsts(g.operand(v).sortKeys(), k.Descending, "")
	case *plan.Aggregate:
		switch v.Func {
		case "MIN", "MAX":
			if ref, ok := v.Arg.(*plan.Ref); ok && ref.Missing {
				return nil
			}
			keys := g.operand(v.Arg).sortKeys()
			present := make([]string, len(keys))
			for i, key := range keys {
				present[i] = key + " is not null"
			}
			return firsts(keys, v.Func == "MAX", " filter (where "+strings.Join(present, " or ")+")")
		case "SUM", "AVG":
			return []string{g.operand(v).number()}
		}
	}
	return nil
}

// firsts are the parts of the first of all composite keys of a group.
func firsts(keys []string, descending bool, filter string) []string {
	direction := " nulls last"
	if descending {
		direction = " desc nulls last"
	}
	order := slices.Clone(keys)
	for i := range order {
		order[i] += direction
	}
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = "(array_agg(" + key + " order by " + strings.Join(order, ", ") + ")" + filter + ")[1]"
	}
	return out
}
