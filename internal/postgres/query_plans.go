package postgres

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/sqlgen"
	"github.com/quire-cdr/quire/internal/cdr"
)

// plans keeps the statements of queries about one EHR for the next one that is the
// same but for its EHR, which is bound: by text, parameters, window and what the
// caller may see. Those of a population take so long that planning them is nothing.
type plans struct {
	mu   sync.Mutex
	dict *plan.Dictionary
	kept map[string]keptPlan
}

type keptPlan struct {
	plan      *plan.Plan
	statement *sqlgen.Statement
	// at is the place of the EHR among the arguments.
	at int
}

// mostPlans are kept; then it begins anew.
const mostPlans = 1000

// planned is what planned gives, kept or made.
func (c *plans) planned(q cdr.StoreQuery, dict *plan.Dictionary) (*plan.Plan, *sqlgen.Statement, error) {
	ehr := plan.FixedEHR(q.Query, q.Options.Params, q.Options.EHR)
	key, ok := planKey(q, ehr)
	if !ok {
		return planned(q, dict)
	}
	c.mu.Lock()
	if c.dict != dict {
		c.dict, c.kept = dict, map[string]keptPlan{}
	}
	found, ok := c.kept[key]
	c.mu.Unlock()
	if ok {
		p, s := *found.plan, *found.statement
		p.EHR = ehr
		s.Args = slices.Clone(s.Args)
		s.Args[found.at] = ehr
		return &p, &s, nil
	}
	p, s, err := planned(q, dict)
	if err != nil || p.EHR != ehr || s.Otherwise != nil {
		return p, s, err
	}
	at, times := 0, 0
	for i, arg := range s.Args {
		if n := strings.Count(strings.ToLower(fmt.Sprint(arg)), ehr); n > 0 {
			at, times = i, times+n
		}
	}
	if times == 1 && s.Args[at] == any(ehr) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.kept) >= mostPlans {
			clear(c.kept)
		}
		if c.dict == dict {
			c.kept[key] = keptPlan{p, s, at}
		}
	}
	return p, s, err
}

// planKey is equal for queries whose statements differ by the EHR alone. There is
// none where the EHR is named otherwise than by the request or a parameter, and
// where the statement holds the time.
func planKey(q cdr.StoreQuery, ehr string) (string, bool) {
	if ehr == "" || q.Page != nil {
		return "", false
	}
	text := q.Query.String()
	if upper := strings.ToUpper(text); strings.Contains(upper, strings.ToUpper(ehr)) || strings.Contains(upper, "CURRENT_") || strings.Contains(upper, "NOW") {
		return "", false
	}
	o, p := q.Options, q.Profile
	key := fmt.Appendf(nil, "%q %v %v %d %d %t|", text, o.EHR == ehr, o.Exact, o.Offset, o.Fetch, o.EHR == "")
	for _, name := range slices.Sorted(maps.Keys(o.Params)) {
		value := o.Params[name]
		if value == any(ehr) {
			key = fmt.Appendf(key, "%q the EHR|", name)
			continue
		}
		packed, err := json.Marshal(value)
		if err != nil {
			return "", false
		}
		key = fmt.Appendf(key, "%q %T %s|", name, value, packed)
	}
	return string(fmt.Appendf(key, "%q %q %q %q %q %v %d %q %t %t %v", p.Principal, p.Role, p.Readable, p.Queryable, p.Groups, p.Templates, p.Labels, p.EHR, p.All, p.MayReadParties(), o.Zone)), true
}
