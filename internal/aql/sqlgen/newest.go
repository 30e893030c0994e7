package sqlgen

import (
	"fmt"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
)

// byStart finds the COMPOSITION of a query for the first rows of a population
// in the order of context/start_time, which an index of version has: the query
// then reads from there until it has enough. Only where nothing but the
// composition's class and archetype chooses rows, so that enough come soon; nil
// for all other queries.
func (g *generator) byStart() *plan.Source {
	p := g.plan
	if g.page != nil || g.ehr != "" || p.Limit < 0 || p.Distinct || p.Where != nil || g.aggregates() || len(p.Order) == 0 || p.Order[0].Nulls != aql.NullsByOrder {
		return nil
	}
	j := p.From
	if j.Op == plan.One && j.Source.Kind == plan.EHR && j.Source.Filter == nil && j.Child != nil && !j.Not {
		j = j.Child
	}
	if j.Op != plan.One || j.Child != nil {
		return nil
	}
	s := j.Source
	if s.Kind != plan.Node || s.Name != "COMPOSITION" || !s.Root || s.Inner || s.Filter != nil {
		return nil
	}
	v := p.Order[0].Value
	if c := p.Order[0].Column; c > 0 {
		v = p.Columns[c-1].Value
	}
	r, ok := v.(*plan.Ref)
	if !ok || r.Missing || r.Source != s || !r.Is("context", "start_time") && !r.Is("context", "start_time", "value") {
		return nil
	}
	for st := r.Step; st != nil; st = st.Parent {
		if g.needsLateral(st) {
			return nil
		}
	}
	return s
}

// starts are the effective compositions by their start. start_key is the
// magnitude of context/start_time, null where there is none or it is no time.
func (g *generator) starts() string {
	return fmt.Sprintf("(select t.ehr_id, t.vo_id, t.ver, t.start_key from %s where %s) k", g.scan(access.Version, "t"),
		all(append([]string{"t.is_effective", fmt.Sprintf("t.kind = %d", plan.Composition)}, g.askable("t")...)))
}

// startKey sorts as the first key of the query does, as far as it goes: before
// the other keys it changes nothing and lets the index be used.
func (g *generator) startKey() []string {
	keys := []string{"k.start_key"}
	switch {
	case g.leaf != nil && g.leaf.sorted:
		keys = []string{"k.f", "k.n"}
	case g.newest == nil:
		return nil
	}
	direction := " nulls last"
	if g.plan.Order[0].Descending != g.plan.Backward {
		direction = " desc nulls first"
	}
	for i := range keys {
		keys[i] += direction
	}
	return keys
}
