package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
)

// world is random records with random rights; the oracle judges it in Go, the
// statement in SQL.
type world struct {
	ehrs         []worldEHR
	orgs         []worldPeriod // name is the organisation
	grants       []worldPeriod // name is the grantee
	restrictions []worldPeriod // names
	glasses      []worldPeriod // name is the principal
	versions     []worldVersion
}

type worldEHR struct {
	id        string
	queryable bool
}

type worldPeriod struct {
	ehr      int
	names    []string
	spares   []string // of a restriction
	write    bool
	revoked  bool
	from, to time.Duration // from now; to 0 is open-ended
}

// live never asks of moments near now: from and to are hours away.
func (p worldPeriod) live() bool { return p.from <= 0 && (p.to == 0 || p.to > 0) && !p.revoked }

type worldVersion struct {
	ehr  int
	id   string
	tmpl int32
	sens uint64
}

var (
	worldOrgs   = []string{"north", "south", "west"}
	worldUsers  = []string{"user:a", "user:b", "user:c"}
	worldGroups = []string{"Team:x", "Team:y", "Role:r"}
	worldHours  = []time.Duration{-48 * time.Hour, -time.Hour, time.Hour, 48 * time.Hour}
)

func some[T any](rng *rand.Rand, from []T) []T {
	var out []T
	for _, v := range from {
		if rng.IntN(2) == 0 {
			out = append(out, v)
		}
	}
	return out
}

func one[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func makeWorld(t testing.TB, rng *rand.Rand) world {
	var w world
	period := func(names ...string) worldPeriod {
		p := worldPeriod{ehr: rng.IntN(12), names: names, write: rng.IntN(2) == 0, from: one(rng, worldHours[:3])}
		if rng.IntN(2) == 0 {
			p.to = one(rng, worldHours)
		}
		return p
	}
	for range 12 {
		w.ehrs = append(w.ehrs, worldEHR{newID(t), rng.IntN(4) > 0})
	}
	for range 20 {
		w.orgs = append(w.orgs, period(one(rng, worldOrgs)))
	}
	for range 8 {
		w.grants = append(w.grants, period(one(rng, append(worldUsers, worldGroups...))))
	}
	for range 4 {
		r := period(some(rng, append(worldUsers, worldGroups...))...)
		if rng.IntN(2) == 0 {
			r.spares = some(rng, append(worldUsers, worldGroups...))
		}
		w.restrictions = append(w.restrictions, r)
	}
	if rng.IntN(2) == 0 {
		r := period("*")
		r.spares = some(rng, worldGroups)
		w.restrictions = append(w.restrictions, r)
	}
	for range 5 {
		g := period(one(rng, worldUsers))
		g.from, g.to, g.revoked = -time.Minute, one(rng, worldHours), rng.IntN(3) == 0
		w.glasses = append(w.glasses, g)
	}
	for range 40 {
		v := worldVersion{ehr: rng.IntN(12), id: newID(t), tmpl: int32(rng.IntN(4))}
		if rng.IntN(2) == 0 {
			v.sens = uint64(rng.IntN(8)) << 1
		}
		if rng.IntN(10) == 0 {
			v.sens |= 1 << 62
		}
		w.versions = append(w.versions, v)
	}
	return w
}

func (w world) profile(rng *rand.Rand) *access.Profile {
	p := &access.Profile{
		Principal: one(rng, worldUsers), Readable: some(rng, worldOrgs), Writable: some(rng, worldOrgs), Queryable: some(rng, worldOrgs),
		Groups: some(rng, worldGroups), Templates: some(rng, []int32{1, 2, 3}), WriteTemplates: some(rng, []int32{1, 2, 3}),
		Labels: uint64(rng.IntN(8)) << 1, WriteLabels: uint64(rng.IntN(8)) << 1,
	}
	if rng.IntN(5) == 0 {
		p.Labels = ^uint64(0)
	}
	if rng.IntN(5) == 0 {
		p.EHR = one(rng, w.ehrs).id
	}
	return p
}

// mayEHR is DESIGN section 5 said once more, in Go and row by row.
func (w world) mayEHR(p *access.Profile, action access.Action, ehr int) bool {
	mine := append([]string{p.Principal}, p.Groups...)
	orgs := map[access.Action][]string{access.Read: p.Readable, access.Write: p.Writable, access.Query: p.Queryable}[action]
	if p.EHR != "" && p.EHR != w.ehrs[ehr].id {
		return false
	}
	for _, r := range w.restrictions {
		if slices.ContainsFunc(r.spares, func(n string) bool { return slices.Contains(mine, n) }) {
			continue
		}
		if r.ehr == ehr && r.live() && slices.ContainsFunc(r.names, func(n string) bool { return n == "*" || slices.Contains(mine, n) }) {
			return false
		}
	}
	related := slices.ContainsFunc(w.orgs, func(o worldPeriod) bool { return o.ehr == ehr && o.live() && slices.Contains(orgs, o.names[0]) })
	if action == access.Query {
		return related && w.ehrs[ehr].queryable
	}
	return related ||
		slices.ContainsFunc(w.grants, func(g worldPeriod) bool {
			return g.ehr == ehr && g.live() && slices.Contains(mine, g.names[0]) && (action == access.Read || g.write)
		}) ||
		slices.ContainsFunc(w.glasses, func(g worldPeriod) bool { return g.ehr == ehr && g.live() && g.names[0] == p.Principal })
}

func (w world) mayVersion(p *access.Profile, action access.Action, v worldVersion) bool {
	families, labels := p.Templates, p.Labels
	if action == access.Write {
		families, labels = p.WriteTemplates, p.WriteLabels
	}
	return w.mayEHR(p, action, v.ehr) && (v.tmpl == 0 || slices.Contains(families, v.tmpl)) && v.sens&^labels == 0
}

func (w world) store(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	var b pgx.Batch
	now := time.Now()
	at := func(d time.Duration) *time.Time {
		if d == 0 {
			return nil
		}
		moment := now.Add(d)
		return &moment
	}
	b.Queue("truncate ehr, ehr_organisation, ehr_grant, ehr_restriction, break_glass, version, contribution")
	for _, e := range w.ehrs {
		b.Queue("insert into ehr values ($1, 1, now(), $1, null, $2, true)", e.id, e.queryable)
		b.Queue("insert into contribution values ($1, $1, 1, now(), 249, '{}')", e.id)
	}
	for i, o := range w.orgs {
		// The key holds the moment: rows alike differ by microseconds.
		b.Queue("insert into ehr_organisation values ($1, $2, 'registered', $3, $4)", w.ehrs[o.ehr].id, o.names[0], at(o.from-time.Duration(i)*time.Microsecond), at(o.to))
	}
	for i, g := range w.grants {
		b.Queue("insert into ehr_grant values ($1, $2, $3, $4, $5)", w.ehrs[g.ehr].id, g.names[0], g.write, at(g.from-time.Duration(i)*time.Microsecond), at(g.to))
	}
	for _, r := range w.restrictions {
		if r.names == nil {
			r.names = []string{}
		}
		b.Queue("insert into ehr_restriction values ($1, $2, $3, 'r', $4, $5, $6)", w.ehrs[r.ehr].id, newID(t), r.names, at(r.from), at(r.to), append([]string{}, r.spares...))
	}
	for _, g := range w.glasses {
		var revoked *time.Time
		if g.revoked {
			revoked = &now
		}
		b.Queue("insert into break_glass (ehr_id, id, principal, org, reason_code, reason, expires_at, revoked_at) values ($1, $2, $3, 'o', 'c', 'r', $4, $5)",
			w.ehrs[g.ehr].id, newID(t), g.names[0], at(g.to), revoked)
	}
	for _, v := range w.versions {
		b.Queue(`insert into version (ehr_id, vo_id, ver, kind, system, is_latest, is_effective, lifecycle, change_type, contribution_id, committed, template, tmpl, sens, arch, audit)
			values ($1, $2, 1, 1, 1, true, true, 532, 249, $2, now(), 1, $3, $4, 1, '{}')`, w.ehrs[v.ehr].id, v.id, v.tmpl, int64(v.sens))
	}
	if err := conn.SendBatch(t.Context(), &b).Close(); err != nil {
		t.Fatal(err)
	}
}

// ids runs a scan and returns the texts of its first column.
func ids(t testing.TB, conn *pgx.Conn, p *access.Profile, action access.Action, sql string, args *access.Args) []string {
	t.Helper()
	var found []string
	err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), access.SettingsSQL, p.Settings(action)...); err != nil {
			return err
		}
		rows, err := tx.Query(t.Context(), sql, args.Values...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// Random policies, random rows: the statement and the oracle agree on each, as
// the application's role (both barriers) and as the superuser (the predicate alone).
func TestDecisionsAgreeWithOracle(t *testing.T) {
	app, super := application(t)
	owner := connected(t, super)
	conns := map[string]*pgx.Conn{"predicate and row security": connected(t, app), "predicate alone": owner}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	decisions, leaks, wrong := 0, 0, 0
	judge := func(what string, found []string, all map[string]bool) {
		for id, want := range all {
			decisions++
			_, got := slices.BinarySearch(found, id)
			switch {
			case got && !want:
				leaks++
				t.Errorf("%s: leaked", what)
			case !got && want:
				wrong++
				t.Errorf("%s: denied wrongly", what)
			}
		}
	}
	for round := range 12 {
		w := makeWorld(t, rng)
		w.store(t, owner)
		for range 3 {
			p := w.profile(rng)
			for _, action := range []access.Action{access.Read, access.Write, access.Query} {
				versions, ehrs := map[string]bool{}, map[string]bool{}
				for _, v := range w.versions {
					versions[v.id] = w.mayVersion(p, action, v)
				}
				for i, e := range w.ehrs {
					ehrs[e.id] = w.mayEHR(p, action, i)
				}
				for barrier, conn := range conns {
					what := fmt.Sprintf("round %d, action %d, %s, profile %+v", round, action, barrier, *p)
					args := &access.Args{}
					judge("versions, "+what, ids(t, conn, p, action, "select v.vo_id::text from "+access.NewScope(p, action, args, "").Scan(access.Version, "v"), args), versions)
					args = &access.Args{}
					judge("ehrs, "+what, ids(t, conn, p, action, "select e.ehr_id::text from "+access.NewScope(p, action, args, "").Scan(access.EHR, "e"), args), ehrs)
				}
				if action == access.Query {
					continue
				}
				// The same asked of one EHR, and as the verdict a commit asks for.
				n := rng.IntN(len(w.ehrs))
				inOne := map[string]bool{}
				for _, v := range w.versions {
					inOne[v.id] = v.ehr == n && versions[v.id]
				}
				args := &access.Args{}
				ehr := args.Add(w.ehrs[n].id) + "::uuid"
				scope := access.NewScope(p, action, args, ehr)
				sql := "select v.vo_id::text from " + scope.Scan(access.Version, "v") + " where exists (select 1 from " + scope.Scan(access.Contribution, "c") + ")"
				judge("one ehr", ids(t, conns["predicate and row security"], p, action, sql, args), inOne)
				args = &access.Args{}
				ehr = args.Add(w.ehrs[n].id) + "::uuid"
				verdict := ids(t, owner, p, action, "select coalesce("+access.NewScope(p, action, args, ehr).Allows(ehr)+", false)::text", args)
				judge("verdict", verdict, map[string]bool{"true": w.mayEHR(p, action, n)})
			}
		}
	}
	t.Logf("%d decisions, %d leaks, %d wrong denials", decisions, leaks, wrong)
	if decisions < 2000 {
		t.Errorf("only %d decisions", decisions)
	}
}

// A profile that says nothing sees nothing, whatever rows say: not even rows
// whose names are empty.
func TestZeroProfileSeesNothing(t *testing.T) {
	app, super := application(t)
	owner := connected(t, super)
	conn := connected(t, app)
	rng := rand.New(rand.NewPCG(1, 1))
	w := makeWorld(t, rng)
	for i := range w.ehrs {
		w.orgs = append(w.orgs, worldPeriod{ehr: i, names: []string{""}, from: -time.Hour})
		w.grants = append(w.grants, worldPeriod{ehr: i, names: []string{""}, write: true, from: -time.Hour})
		w.glasses = append(w.glasses, worldPeriod{ehr: i, names: []string{""}, to: time.Hour})
	}
	w.restrictions = nil
	for i := range w.versions {
		w.versions[i].tmpl, w.versions[i].sens = 0, 0
	}
	w.store(t, owner)
	for _, p := range []*access.Profile{{}, {Groups: []string{}, Templates: []int32{}}, {Labels: ^uint64(0), Templates: []int32{0, 1, 2, 3}}} {
		for _, action := range []access.Action{access.Read, access.Write, access.Query} {
			for _, table := range []access.Table{access.EHR, access.Version, access.Contribution} {
				args := &access.Args{}
				if found := ids(t, conn, p, action, "select x.ehr_id::text from "+access.NewScope(p, action, args, "").Scan(table, "x"), args); len(found) > 0 {
					t.Errorf("%s, action %d: %d rows", table, action, len(found))
				}
			}
		}
	}
}

// Without the settings row security refuses the statement; it does not pass it.
func TestRowSecurityIsClosedWithoutSettings(t *testing.T) {
	app, super := application(t)
	w := makeWorld(t, rand.New(rand.NewPCG(2, 2)))
	w.store(t, connected(t, super))
	conn := connected(t, app)
	for _, table := range []string{"version", "ehr", "contribution"} {
		if rows, err := conn.Query(t.Context(), "select ehr_id from "+table); err == nil {
			if _, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
				t.Errorf("%s was read without settings", table)
			}
		}
	}
}
