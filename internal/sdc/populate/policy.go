package populate

import (
	"fmt"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// Rule says whether and how entries of an archetype, or of a class, may fill a
// form.
type Rule struct {
	// Of is an archetype id up to its version, such as
	// "openEHR-EHR-OBSERVATION.pulse", or the name of a class of entries.
	Of string
	// Window is how old an entry may be; 0 is never reused.
	Window time.Duration
	// All fills a group that repeats with every such entry of one composition
	// instead of one entry: the composition is the list.
	All bool
	// Lists are the archetypes of compositions that hold the agreed list. They go
	// before others, however much newer those are.
	Lists []string
	// Only takes entries from Lists alone.
	Only bool
	// Keep are the nodes that change what the rest of the entry means. Where the
	// form has no place for one that the entry holds, the entry is not reused.
	Keep []Mark
	// Why is said where the entries are never reused.
	Why string
}

// Mark is a node of an entry that changes what the rest of it means: resolved,
// refuted, stopped.
type Mark struct {
	// Of is the node id of an ELEMENT, or the archetype of a nested node up to its
	// version.
	Of string
	// In is the archetype of the node, "" for that of the entry itself.
	In string
	// Live are codes that change nothing: without them the entry means the same.
	Live []string
}

const (
	day = 24 * time.Hour
	// shortly is for what changes within hours.
	shortly = 12 * time.Hour
	// long is for what holds until somebody says otherwise.
	long = 10 * 365 * day
)

const (
	judgement = "a judgement is made anew each time"
	score     = "a score or calculated value is made anew each time"
	narrative = "a narrative belongs to the contact it was written in"
	absence   = "that something is absent is stated by a person each time"
	order     = "an order is made once"
	happened  = "an act is recorded once, where it was done"
)

// Policy is a list of rules; the one that names the archetype wins, then the one
// of the class. An entry no rule names is not reused.
type Policy []Rule

// Default is the policy of a server that was told no other. Observations are
// reused for hours, lists and facts about the person for years, judgements,
// scores, absences, narratives, orders and acts never.
var Default = Policy{
	{Of: "OBSERVATION", Window: shortly},
	{Of: "openEHR-EHR-OBSERVATION.body_weight", Window: 7 * day},
	{Of: "openEHR-EHR-OBSERVATION.height", Window: 90 * day},
	{Of: "openEHR-EHR-OBSERVATION.head_circumference", Window: 7 * day},
	{Of: "openEHR-EHR-OBSERVATION.pulse_oximetry", Window: shortly, Keep: []Mark{{Of: "openEHR-EHR-CLUSTER.inspired_oxygen"}}},
	{Of: "openEHR-EHR-OBSERVATION.medication_statement", Window: long, All: true, Only: true, Lists: []string{"openEHR-EHR-COMPOSITION.medication_list"}},
	{Of: "openEHR-EHR-OBSERVATION.story", Why: narrative},
	{Of: "openEHR-EHR-OBSERVATION.remote_monitoring_day", Why: narrative},
	{Of: "openEHR-EHR-OBSERVATION.laboratory_test_result", Why: "a result stands in its report, whole"},
	{Of: "openEHR-EHR-OBSERVATION.body_mass_index", Why: score},
	{Of: "openEHR-EHR-OBSERVATION.news2", Why: score},
	{Of: "openEHR-EHR-OBSERVATION.acvpu", Why: judgement},
	{Of: "openEHR-EHR-OBSERVATION.age_assertion", Why: score},
	{Of: "openEHR-EHR-OBSERVATION.child_growth_indicator", Why: score},
	{Of: "openEHR-EHR-OBSERVATION.outcome_score", Why: score},
	{Of: "openEHR-EHR-OBSERVATION.ons4_wellbeing", Why: score},

	{Of: "EVALUATION", Why: judgement},
	{Of: "openEHR-EHR-EVALUATION.problem_diagnosis", Window: long, All: true, Lists: []string{"openEHR-EHR-COMPOSITION.problem_list"},
		Keep: []Mark{{Of: "at0030"}, {Of: "at0073", Live: []string{"at0076"}}, {Of: "at0003", In: "openEHR-EHR-CLUSTER.problem_qualifier", Live: []string{"at0026"}}, {Of: "at0083", In: "openEHR-EHR-CLUSTER.problem_qualifier"}}},
	{Of: "openEHR-EHR-EVALUATION.adverse_reaction_risk", Window: long, All: true, Lists: []string{"openEHR-EHR-COMPOSITION.adverse_reaction_list"},
		Keep: []Mark{{Of: "at0063", Live: []string{"at0065"}}, {Of: "at0130", Live: []string{"at0131"}}}},
	{Of: "openEHR-EHR-EVALUATION.family_history", Window: long, All: true},
	{Of: "openEHR-EHR-EVALUATION.about_me", Window: 2 * 365 * day},
	{Of: "openEHR-EHR-EVALUATION.care_team", Window: 365 * day},
	{Of: "openEHR-EHR-EVALUATION.plan_contacts", Window: 2 * 365 * day},
	{Of: "openEHR-EHR-EVALUATION.goal", Window: 365 * day, All: true},
	{Of: "openEHR-EHR-EVALUATION.absence", Why: absence},
	{Of: "openEHR-EHR-EVALUATION.exclusion_global", Why: absence},

	{Of: "INSTRUCTION", Why: order},
	{Of: "openEHR-EHR-INSTRUCTION.medication_order", Window: 365 * day, All: true, Only: true, Lists: []string{"openEHR-EHR-COMPOSITION.medication_list"},
		Keep: []Mark{{Of: "at0013"}, {Of: "at0001", In: "openEHR-EHR-CLUSTER.medication_order_summary", Live: []string{"at0021"}}}},
	{Of: "ACTION", Why: happened},
	{Of: "ADMIN_ENTRY", Why: "an episode is recorded once"},
	{Of: "GENERIC_ENTRY", Why: "what the entry holds is not known"},
}

// For finds the rule of an archetype.
func (p Policy) For(archetype string, class rminfo.Class) Rule {
	of := Rule{Of: class.Name(), Why: judgement}
	for _, r := range p {
		if r.Of == class.Name() {
			of = r
		}
	}
	for _, r := range p {
		if under(archetype, r.Of) {
			return r
		}
	}
	return of
}

// under says whether an archetype id is of a family such as
// "openEHR-EHR-OBSERVATION.pulse", whatever its version or specialisation.
func under(id, family string) bool {
	rest, ok := strings.CutPrefix(id, family)
	return ok && strings.Contains(family, ".") && (rest == "" || rest[0] == '.' || rest[0] == '-')
}

// ParsePolicy changes windows of the default policy: each text is an archetype
// or class and an ISO 8601 duration or "never", such as
// "openEHR-EHR-OBSERVATION.body_weight=P30D" or "OBSERVATION=never". Only what
// the default policy reuses can be given a window: judgements stay judgements.
func ParsePolicy(changes []string) (Policy, error) {
	p := append(Policy(nil), Default...)
	for _, change := range changes {
		of, text, ok := strings.Cut(change, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not ARCHETYPE=DURATION", change)
		}
		var window time.Duration
		if text != "never" {
			d, err := temporal.ParseDuration(text)
			if err != nil {
				return nil, fmt.Errorf("%q: %q is no ISO 8601 duration, and not never", change, text)
			}
			if window = time.Duration(d.Magnitude().Seconds) * time.Second; window <= 0 || window > 120*365*day {
				return nil, fmt.Errorf("%q: a window is between a second and 120 years", change)
			}
		}
		class, _, _ := strings.Cut(strings.TrimPrefix(of, "openEHR-EHR-"), ".")
		entry, known := rminfo.ClassByName(class)
		if !known || !entry.IsA(rminfo.ENTRY) {
			return nil, fmt.Errorf("%q: %q is no archetype or class of entries", change, of)
		}
		was := p.For(of+".v1", entry)
		if window > 0 && was.Window == 0 {
			return nil, fmt.Errorf("%q: %s; no window can be given", change, was.Why)
		}
		was.Of, was.Window = of, window
		if window == 0 {
			was.Why = "the server is told never to"
		}
		p = append(Policy{was}, without(p, of)...)
	}
	return p, nil
}

func without(p Policy, of string) Policy {
	var out Policy
	for _, r := range p {
		if r.Of != of {
			out = append(out, r)
		}
	}
	return out
}
