package eval

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/aql"
)

// group is the rows that agree in the plain columns.
type group struct {
	cells []Value // of the plain columns; the others are null
	sums  []tally // one for each aggregate call
}

// tally is an aggregate under way.
type tally struct {
	count    int64
	seen     map[string]bool // COUNT(DISTINCT ...)
	sum      apd.Decimal
	numbers  int64
	best     Value
	bestKey  sorted
	hasValue bool
}

// collect adds the row that is bound to its group.
func (r *run) collect() {
	cells := make([]Value, len(r.Select))
	for i, c := range r.Select {
		if r.plain[i] {
			cells[i] = r.value(c.Expr)
		}
	}
	key := rowKey(cells)
	g := r.groups[key]
	if g == nil {
		g = r.newGroup(key, cells)
	}
	for i, call := range r.aggregates {
		r.add(&g.sums[i], call)
	}
}

func (r *run) newGroup(key string, cells []Value) *group {
	g := &group{cells: cells, sums: make([]tally, len(r.aggregates))}
	r.groups[key] = g
	r.sorted = append(r.sorted, g)
	return g
}

func (r *run) add(t *tally, call *aql.Call) {
	if call.Star {
		t.count++
		return
	}
	v := r.value(call.Args[0])
	if v.Kind == Null {
		return
	}
	switch name := strings.ToUpper(call.Name); name {
	case "COUNT":
		if call.Distinct {
			if t.seen == nil {
				t.seen = map[string]bool{}
			}
			if key := v.key(); t.seen[key] {
				return
			} else {
				t.seen[key] = true
			}
		}
		t.count++
	case "SUM", "AVG":
		if m := r.measureOf(v); m.scale == numberScale {
			exact.Add(&t.sum, &t.sum, m.num)
			t.numbers++
		}
	default:
		r.addBest(t, v, name == "MIN")
	}
}

// addBest keeps the least or greatest value that sorts. Of values that sort
// alike the first text in code point order counts for MIN, the last for MAX.
func (r *run) addBest(t *tally, v Value, least bool) {
	k, ok := r.sortKey(v)
	if !ok {
		return
	}
	c := 0
	if t.hasValue {
		if c = k.order(t.bestKey); c == 0 {
			c = strings.Compare(string(v.AppendJSON(nil)), string(t.best.AppendJSON(nil)))
		}
	}
	if !t.hasValue || least && c < 0 || !least && c > 0 {
		t.best, t.bestKey, t.hasValue = v, k, true
	}
}

// value is what the aggregate comes to; null where there was nothing to take.
func (t *tally) value(call *aql.Call) Value {
	switch strings.ToUpper(call.Name) {
	case "COUNT":
		return integer(t.count)
	case "SUM":
		if t.numbers == 0 {
			return Value{}
		}
		sum := new(apd.Decimal)
		halfEven15.Round(sum, &t.sum)
		return real(sum)
	case "AVG":
		if t.numbers == 0 {
			return Value{}
		}
		return real(divide(&t.sum, apd.New(t.numbers, 0)))
	}
	return t.best
}

// writeGroups turns the groups into rows. Without a plain column there is one
// group, even over no rows at all.
func (r *run) writeGroups() {
	if len(r.sorted) == 0 {
		for _, plain := range r.plain {
			if plain {
				return
			}
		}
		r.newGroup("", make([]Value, len(r.Select)))
	}
	for _, g := range r.sorted {
		r.results = map[*aql.Call]Value{}
		for i, call := range r.aggregates {
			r.results[call] = g.sums[i].value(call)
		}
		l := line{cells: g.cells}
		for i, c := range r.Select {
			if !r.plain[i] {
				l.cells[i] = r.value(c.Expr)
			}
		}
		r.addKeys(&l)
		r.lines = append(r.lines, l)
	}
}
