package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/keto"
)

// The labels and templates of every world: a template is ordinary or sealed, and a
// composition may carry a label of its own besides.
const (
	ordinaryTemplate = "Vital signs observations.v1"
	sealedTemplate   = "Referral.v1"
	templateLabel    = "referrals"
	versionLabel     = "delicate"
	askedQuery       = "org.test::compositions"
)

var areasTried = []string{"templates", "queries", "users", "audit", "ehr-transfer", "system"}

// oracleWorld is records and rights made at random. What follows from it is judged
// here once more, in Go and one record after the other (DESIGN section 5): no code
// of the server takes part.
type oracleWorld struct {
	tuples       keto.Policy
	people       []person
	orgs         []string
	ehrs         []*oracleEHR
	relations    []oracleRight // who is the organisation
	grants       []oracleRight
	restrictions []oracleRight
	glasses      []oracleRight
}

// person is somebody who asks, in one of the roles of the world: held or not.
type person struct{ subject, role, org string }

type oracleEHR struct {
	id           string
	queryable    bool
	compositions []*oracleComposition
}

type oracleComposition struct {
	object, uid string
	template    string
	label       bool
	started     string
}

// oracleRight is one right on one record. Its period ends or begins hours from now,
// so that no answer depends on the moment.
type oracleRight struct {
	ehr   *oracleEHR
	who   []string
	write bool
	from  time.Time
	to    time.Time
}

func (r oracleRight) live(now time.Time) bool {
	return !now.Before(r.from) && (r.to.IsZero() || now.Before(r.to))
}

// begun is a right that begins now, and not in the past or later.
func (r oracleRight) begun(now time.Time) oracleRight {
	r.from = now
	if r.to.Before(now) {
		r.to = time.Time{}
	}
	return r
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func (w *oracleWorld) give(namespace, object, relation, subject string) {
	if w.tuples[namespace] == nil {
		w.tuples[namespace] = map[string]map[string][]string{}
	}
	if w.tuples[namespace][object] == nil {
		w.tuples[namespace][object] = map[string][]string{}
	}
	if list := w.tuples[namespace][object]; !slices.Contains(list[relation], subject) {
		list[relation] = append(list[relation], subject)
	}
}

// randomPolicy gives the world its people, roles, teams and organisations. Names
// begin with the world's, so that worlds do not meet.
func randomPolicy(rng *rand.Rand, name string) *oracleWorld {
	w := &oracleWorld{tuples: keto.Policy{}}
	var users, roles, teams []string
	for i := range 4 {
		w.orgs = append(w.orgs, fmt.Sprintf("%s-org%d", name, i))
		roles = append(roles, fmt.Sprintf("Role:%s-role%d", name, i))
	}
	for i := range 6 {
		users = append(users, fmt.Sprintf("user:local:%s-%d", name, i))
	}
	for i := range 2 {
		teams = append(teams, fmt.Sprintf("Team:%s-team%d", name, i))
	}
	bare := func(set string) string { _, name, _ := strings.Cut(set, ":"); return name }
	usersOrRoles := slices.Concat(users, roles)
	for _, r := range roles {
		for range 2 {
			w.give("Role", bare(r), "members", pick(rng, users))
		}
		if other := pick(rng, roles); rng.IntN(3) == 0 && other != r {
			w.give("Role", bare(r), "members", other)
		}
	}
	for _, team := range teams {
		w.give("Team", bare(team), "members", pick(rng, users))
		w.give("Team", bare(team), "members", pick(rng, usersOrRoles))
	}
	for _, org := range w.orgs {
		for _, relation := range []string{"clinicians", "clinicians", "open_access", "writers", "writers", "admins", "privacy_officers", "breakglassers", "researchers"} {
			if rng.IntN(4) > 0 {
				w.give("Organisation", org, relation, pick(rng, usersOrRoles))
			}
		}
	}
	everybody := slices.Concat(users, roles, teams)
	for _, label := range []string{"normal", "normal", "normal", templateLabel, templateLabel, versionLabel} {
		w.give("Sensitivity", label, "readers", pick(rng, everybody))
		w.give("Sensitivity", label, "writers", pick(rng, everybody))
	}
	for _, area := range areasTried {
		if rng.IntN(3) == 0 {
			w.give("AdminArea", area, pick(rng, []string{"admins", "viewers"}), pick(rng, usersOrRoles))
		}
	}
	if rng.IntN(2) == 0 {
		w.give("StoredQuery", askedQuery, pick(rng, []string{"executors", "owners"}), pick(rng, users))
	}
	for _, u := range users {
		w.people = append(w.people, person{u, bare(pick(rng, roles)), pick(rng, w.orgs)}, person{u, "", pick(rng, w.orgs)})
	}
	return w
}

// randomRights gives records to organisations, people, teams and roles, and takes
// them from others.
func (w *oracleWorld) randomRights(rng *rand.Rand, now time.Time) {
	hours := []time.Duration{-48 * time.Hour, -time.Hour, time.Hour, 48 * time.Hour}
	right := func(who ...string) oracleRight {
		r := oracleRight{ehr: pick(rng, w.ehrs), who: who, write: rng.IntN(2) == 0, from: now.Add(pick(rng, hours[:3]))}
		if rng.IntN(2) == 0 {
			r.to = now.Add(pick(rng, hours))
		}
		return r
	}
	var everybody []string
	for _, namespace := range []string{"Role", "Team"} {
		for _, name := range slices.Sorted(maps.Keys(w.tuples[namespace])) {
			everybody = append(everybody, namespace+":"+name)
		}
	}
	for _, p := range w.people {
		everybody = append(everybody, p.subject)
	}
	for i := range 3 * len(w.ehrs) / 2 {
		r := right(pick(rng, w.orgs))
		r.from = r.from.Add(-time.Duration(i) * time.Millisecond) // the key holds the moment
		if !r.to.IsZero() && !r.to.After(r.from) {
			r.to = time.Time{}
		}
		w.relations = append(w.relations, r)
	}
	seen := map[string]bool{}
	for range len(w.ehrs) / 2 {
		// A grant that is given again replaces the one before.
		if r := right(pick(rng, everybody)); !seen[r.ehr.id+r.who[0]] {
			seen[r.ehr.id+r.who[0]] = true
			w.grants = append(w.grants, r.begun(now))
		}
		g := right(pick(rng, w.people).subject)
		g.from, g.to = now, now.Add(time.Hour)
		if rng.IntN(2) == 0 {
			w.glasses = append(w.glasses, g)
		}
	}
	for range len(w.ehrs) / 4 {
		who := []string{pick(rng, everybody), pick(rng, everybody)}
		if rng.IntN(5) == 0 {
			who = []string{"*"}
		}
		w.restrictions = append(w.restrictions, right(who...).begun(now))
	}
}

// counted are the subjects whose rights a person has: itself, its teams, the
// selected role where it is held, and what those are members of.
func (w *oracleWorld) counted(p person) []string {
	held := map[string]bool{}
	above := func(list []string, namespace string) []string {
		for i := 0; i < len(list); i++ {
			for object, relations := range w.tuples[namespace] {
				set := namespace + ":" + object
				if slices.Contains(relations["members"], list[i]) && !slices.Contains(list, set) {
					list = append(list, set)
				}
			}
		}
		return list
	}
	for _, set := range above([]string{p.subject}, "Role") {
		held[set] = true
	}
	list := []string{p.subject}
	if p.role != "" && held["Role:"+p.role] {
		list = append(list, above([]string{"Role:" + p.role}, "Role")...)
	}
	return above(list, "Team")
}

// has says whether one of the subjects stands in one of the relations.
func (w *oracleWorld) has(counted []string, namespace, object string, relations ...string) bool {
	return slices.ContainsFunc(relations, func(relation string) bool {
		return slices.ContainsFunc(w.tuples[namespace][object][relation], func(s string) bool { return slices.Contains(counted, s) })
	})
}

// verb is what somebody wants of a record.
type verb int

const (
	reading verb = iota
	writing
	asking
)

var verbRelations = map[verb][]string{reading: {"clinicians", "open_access"}, writing: {"writers"}, asking: {"researchers"}}

// mayEHR judges one record. byQuery are those who were given the query itself: they
// ask of whom they may read.
func (w *oracleWorld) mayEHR(p person, v verb, e *oracleEHR, byQuery bool) bool {
	now, counted := time.Now(), w.counted(p)
	on := func(list []oracleRight, holds func(oracleRight) bool) bool {
		return slices.ContainsFunc(list, func(r oracleRight) bool { return r.ehr == e && r.live(now) && holds(r) })
	}
	names := func(r oracleRight) bool {
		return slices.ContainsFunc(r.who, func(s string) bool { return s == "*" || slices.Contains(counted, s) })
	}
	relations := verbRelations[v]
	if v == asking && byQuery {
		relations = append(slices.Clone(relations), verbRelations[reading]...)
	}
	if on(w.restrictions, names) {
		return false
	}
	if on(w.relations, func(r oracleRight) bool { return w.has(counted, "Organisation", r.who[0], relations...) }) {
		return v != asking || e.queryable
	}
	return v != asking && (on(w.grants, func(r oracleRight) bool { return names(r) && (v == reading || r.write) }) ||
		on(w.glasses, func(r oracleRight) bool { return r.who[0] == p.subject }))
}

// mayTemplate judges the labels of what is of a template, and of one label more.
func (w *oracleWorld) mayTemplate(p person, v verb, template string, label bool) bool {
	relations := []string{"readers", "writers"}
	if v == writing {
		relations = relations[1:]
	}
	counted := w.counted(p)
	of := "normal"
	if template == sealedTemplate {
		of = templateLabel
	}
	return w.has(counted, "Sensitivity", of, relations...) && (!label || w.has(counted, "Sensitivity", versionLabel, relations...))
}

func (w *oracleWorld) may(p person, v verb, e *oracleEHR, c *oracleComposition) bool {
	return w.mayEHR(p, v, e, false) && w.mayTemplate(p, v, c.template, c.label)
}

// mayAsk says whether a person may ask about a population: any query, or the one
// that was given to it.
func (w *oracleWorld) mayAsk(p person, stored bool) (may, byQuery bool) {
	counted := w.counted(p)
	if slices.ContainsFunc(w.orgs, func(org string) bool { return w.has(counted, "Organisation", org, "researchers") }) {
		return true, false
	}
	given := stored && w.has(counted, "StoredQuery", askedQuery, "executors", "owners")
	return given, given
}

// shown are the compositions a population query of the person finds.
func (w *oracleWorld) shown(p person, byQuery bool) (list []*oracleComposition) {
	for _, e := range w.ehrs {
		if w.mayEHR(p, asking, e, byQuery) {
			for _, c := range e.compositions {
				if w.mayTemplate(p, reading, c.template, c.label) {
					list = append(list, c)
				}
			}
		}
	}
	return list
}

// document is a composition that begins at a moment of its own, if it has a context.
func document(example []byte, started string) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(example, &doc); err != nil {
		return nil, err
	}
	if c, ok := doc["context"].(map[string]any); ok {
		c["start_time"] = map[string]any{"_type": "DV_DATE_TIME", "value": started}
	}
	return json.Marshal(doc)
}

// labelled is a commit with a label of its own, or without.
func labelled(label bool) cdr.CommitInfo {
	if label {
		return cdr.CommitInfo{Labels: []string{versionLabel}}
	}
	return cdr.CommitInfo{}
}

// administered is something that is looked at by right of an area or an office.
type administered struct {
	path string
	may  bool
}

// administration are such things, and whether the person may look at them.
func (w *oracleWorld) administration(p person, e *oracleEHR) []administered {
	counted := w.counted(p)
	area := func(name string, relations ...string) bool { return w.has(counted, "AdminArea", name, relations...) }
	officer := slices.ContainsFunc(w.orgs, func(org string) bool { return w.has(counted, "Organisation", org, "privacy_officers") })
	return []administered{
		{"/audit/v1/events?limit=1", area("audit", "admins", "viewers") || officer},
		{"/audit/v1/ehr/" + e.id + "/accesses", area("audit", "admins") || w.officerOf(counted, e) || area("audit", "viewers") && w.related(p.org, e)},
		{"/access/v1/keys", area("users", "admins", "viewers")},
		{"/access/v1/policy", area("users", "admins", "viewers") || officer},
		{"/access/v1/ehr/" + e.id, w.managesAccess(p, e)},
		{"/rest/admin/ehr", area("ehr-transfer", "admins")},
		{"/rest/admin/ehr/" + e.id + "/export", area("ehr-transfer", "admins")},
	}
}

// officerOf says whether one counts as privacy officer of an organisation that looks
// after the person now.
func (w *oracleWorld) officerOf(counted []string, e *oracleEHR) bool {
	return slices.ContainsFunc(w.orgs, func(org string) bool {
		return w.has(counted, "Organisation", org, "privacy_officers") && w.related(org, e)
	})
}

// related says whether an organisation looks after the person now.
func (w *oracleWorld) related(org string, e *oracleEHR) bool {
	now := time.Now()
	return slices.ContainsFunc(w.relations, func(r oracleRight) bool { return r.ehr == e && r.live(now) && r.who[0] == org })
}

func (w *oracleWorld) managesAccess(p person, e *oracleEHR) bool {
	counted := w.counted(p)
	return w.has(counted, "AdminArea", "users", "admins") || w.officerOf(counted, e)
}
