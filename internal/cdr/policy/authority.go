package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// The areas of administration that policies turn on.
const (
	areaUsers       = "users"
	areaSensitivity = "sensitivity"
	areaTemplates   = "templates"
	areaQueries     = "queries"
	// ordinary is the label that seals nothing: who reads it sees a record only by
	// the right of an organisation, a grant or broken glass.
	ordinary = "normal"
)

// authority says what a principal may change of a policy.
type authority struct {
	profile *access.Profile
	now     State
}

// judge refuses, as fault.Forbidden with an issue for each, what the principal
// may not change, and a policy that nobody could change again.
func (a authority) judge(c Change) error {
	// Who may change nothing does not learn what the policy says by trying.
	p := a.profile
	if !p.All && (p.EHR != "" || !slices.ContainsFunc([]string{areaUsers, areaSensitivity, areaTemplates, areaQueries}, p.MayUse) && len(p.PrivacyIn) == 0) {
		return fault.New(fault.Forbidden, "policy", "this identity does not administer access")
	}
	if c.Empty() {
		return nil
	}
	after := newGraph(c.on(a.now.Tuples))
	if !a.profile.All {
		if issues := a.lacking(c, after); len(issues) > 0 {
			return fault.New(fault.Forbidden, "policy-lacking", "%s", issues[0].Message).With(issues...)
		}
	}
	administered := Right{"AdminArea", areaUsers, "admins"}
	if len(newGraph(a.now.Tuples).holders(administered)) > 0 && len(after.holders(administered)) == 0 {
		return fault.New(fault.Unprocessable, "policy-locked", "nobody would administer users after this change; %s needs a person", administered)
	}
	return nil
}

// on is the policy after the change.
func (c Change) on(tuples []Tuple) []Tuple {
	gone := map[Tuple]bool{}
	for _, t := range c.Removed {
		gone[t] = true
	}
	return append(slices.DeleteFunc(slices.Clone(tuples), func(t Tuple) bool { return gone[t] }), c.Added...)
}

func (a authority) lacking(c Change, after *graph) (issues []fault.Issue) {
	lacks := func(path, expected, format string, args ...any) {
		issues = append(issues, fault.Issue{Path: path, Rule: "nobody-grants-what-they-lack", Expected: expected, Message: fmt.Sprintf(format, args...)})
	}
	p, before := a.profile, newGraph(a.now.Tuples)
	// Only what the selected role has counts as held.
	held := before.closure(append([]string{p.Principal}, p.Groups...)...)
	for _, t := range slices.Concat(c.Added, c.Removed) {
		if area := a.area(t); area != "" {
			lacks(t.String(), "the area "+area, "changing %s needs the area %s", t, area)
		}
	}
	for _, t := range c.Added {
		rights := []Right{t.right()}
		if t.right().members() {
			rights = rights[:0]
			for r := range after.closure(t.right().set()) {
				rights = append(rights, r)
			}
			slices.SortFunc(rights, func(x, y Right) int {
				return compareTuples(Tuple{x.Namespace, x.Object, x.Relation, ""}, Tuple{y.Namespace, y.Object, y.Relation, ""})
			})
		}
		for _, r := range rights {
			if !r.members() && !a.mayGive(r, held) {
				lacks(t.String(), r.String(), "%s would give %s, which this identity neither has nor may give", t, r)
			}
		}
	}
	if len(c.Labels) > 0 && !p.MayUse(areaUsers) && !p.MayUse(areaSensitivity) {
		lacks("sensitivity", "the area "+areaSensitivity, "a new label needs the area %s", areaSensitivity)
	}
	for _, template := range slices.Sorted(maps.Keys(c.Templates)) {
		path := "templates." + template
		if !p.MayUse(areaTemplates) && !p.MayUse(areaSensitivity) {
			lacks(path, "the area "+areaTemplates, "the label of a template needs the area %s or %s", areaTemplates, areaSensitivity)
		} else if !a.mayGive(Right{"Sensitivity", c.Was[template], "readers"}, held) {
			// To take a label off is to show what it seals to all who read the other.
			lacks(path, "Sensitivity:"+c.Was[template]+"#readers", "who takes the label %s off must be able to read it", c.Was[template])
		}
	}
	for _, r := range c.EndedRules {
		if !a.mayGive(Right{"Sensitivity", r.Label, "readers"}, held) {
			lacks("rules", "Sensitivity:"+r.Label+"#readers", "who ends a rule of the label %s must be able to read it", r.Label)
		}
	}
	if len(c.AddedRules) > 0 && !p.MayUse(areaUsers) && !p.MayUse(areaSensitivity) {
		lacks("rules", "the area "+areaSensitivity, "a new rule needs the area %s", areaSensitivity)
	}
	// Whatever role the principal selects next: nobody's rights grow by their own hand.
	had := before.closure(p.Principal)
	for _, r := range slices.SortedFunc(maps.Keys(after.closure(p.Principal)), func(x, y Right) int {
		return compareTuples(Tuple{x.Namespace, x.Object, x.Relation, ""}, Tuple{y.Namespace, y.Object, y.Relation, ""})
	}) {
		if _, had := had[r]; !had {
			lacks(r.String(), "somebody else to give it", "nobody gives themselves a right: %s", r)
		}
	}
	return issues
}

// area is the area that is missing to change a tuple at all, "" where none is.
func (a authority) area(t Tuple) string {
	p := a.profile
	switch {
	case p.MayUse(areaUsers),
		t.Namespace == "Organisation" && slices.Contains(p.PrivacyIn, t.Object),
		t.Namespace == "Sensitivity" && p.MayUse(areaSensitivity),
		t.Namespace == "StoredQuery" && p.MayUse(areaQueries):
		return ""
	}
	return areaUsers
}

// mayGive says whether a right is held, or is the principal's to give.
func (a authority) mayGive(r Right, held map[Right]Tuple) bool {
	has := func(relations ...string) bool {
		return slices.ContainsFunc(relations, func(relation string) bool {
			_, ok := held[Right{r.Namespace, r.Object, relation}]
			return ok
		})
	}
	switch r.Namespace {
	case "Organisation":
		return has(r.Relation) || slices.Contains(a.profile.PrivacyIn, r.Object)
	case "Sensitivity":
		return has(r.Relation, "writers") || a.profile.MayUse(areaSensitivity) || r.Object == ordinary
	case "StoredQuery":
		return has(r.Relation, "owners") || a.profile.MayUse(areaQueries)
	case "AdminArea":
		return has(r.Relation, "admins")
	}
	return false
}
