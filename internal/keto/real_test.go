package keto

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit"
)

func realKeto(t *testing.T) (*Authorizer, string) {
	t.Helper()
	s := testkit.Keto(t)
	db := newDB()
	return authorizer(t, s.ReadURL, db, func(c *Config) { c.WriteURL, c.Sentinel = s.WriteURL, s.Sentinel }), s.Prefix
}

func TestWritesOnKeto(t *testing.T) {
	a, prefix := realKeto(t)
	tuple := Tuple{"Organisation", prefix + "north", "clinicians", "Role:" + prefix + "nurse"}
	for range 2 { // the second is not stored again
		if err := a.Grant(t.Context(), tuple); err != nil {
			t.Fatal(err)
		}
	}
	r, _ := tuple.relation()
	if there, err := a.stored(t.Context(), r); err != nil || len(there) != 1 {
		t.Fatalf("stored %d times, %v", len(there), err)
	}
	list, err := a.Tuples(t.Context(), "Organisation", prefix+"north")
	if diff := cmp.Diff([]Tuple{tuple}, list); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := a.Revoke(t.Context(), tuple); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(t.Context(), tuple); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoking twice: %v", err)
	}
	if err := a.Grant(t.Context(), Tuple{"Organisation", prefix + "north", "read_any", "user:local:x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a permit's name: %v", err)
	}
}

func TestApplyStandardPolicy(t *testing.T) {
	a, prefix := realKeto(t)
	// One Keto serves all tests: every name gets the test's prefix.
	own := func(p Policy) Policy {
		out := Policy{}
		for namespace, objects := range p {
			out[namespace] = map[string]map[string][]string{}
			for object, relations := range objects {
				named := map[string][]string{}
				for relation, subjects := range relations {
					for _, s := range subjects {
						if role, ok := cutRole(s); ok {
							s = "Role:" + prefix + role
						}
						named[relation] = append(named[relation], s)
					}
				}
				out[namespace][prefix+object] = named
			}
		}
		return out
	}
	user := func(name string) string { return "user:" + prefix + "local:" + name }
	members := map[string][]string{"clinician": {user("c")}, "analyst": {user("a")}, "admin": {user("b")}, "outsider": {user("o")}, "service": {"svc:" + prefix + "s"}}
	p := own(Standard([]string{"north", "south"}, "far", members))
	first, err := a.Apply(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Added) < 30 || len(first.Removed) != 0 {
		t.Errorf("added %d, removed %d", len(first.Added), len(first.Removed))
	}
	if again, err := a.Apply(t.Context(), p); err != nil || len(again.Added)+len(again.Removed) != 0 {
		t.Errorf("a second application changes %+v, %v", again, err)
	}
	both := []string{prefix + "north", prefix + "south"}
	checks := []struct {
		caller cdr.Caller
		holds  func(*access.Profile) bool
	}{
		{cdr.Caller{Subject: user("c"), Role: prefix + "clinician"}, func(p *access.Profile) bool {
			return slices.Equal(p.Readable, both) && slices.Equal(p.Writable, both) && slices.Equal(p.BreakGlassIn, both) && len(p.Queryable)+len(p.Areas)+len(p.PrivacyIn) == 0
		}},
		{cdr.Caller{Subject: user("a"), Role: prefix + "analyst"}, func(p *access.Profile) bool {
			return slices.Equal(p.Queryable, both) && len(p.Readable)+len(p.Writable)+len(p.CreateIn) == 0
		}},
		{cdr.Caller{Subject: user("b"), Role: prefix + "admin"}, func(p *access.Profile) bool {
			return len(p.Areas) == len(areas) && len(p.Readable) == 0 && slices.Equal(p.PrivacyIn, both)
		}},
		{cdr.Caller{Subject: user("o"), Role: prefix + "outsider"}, func(p *access.Profile) bool { return slices.Equal(p.Readable, []string{prefix + "far"}) }},
		{cdr.Caller{Subject: "svc:" + prefix + "s", Role: prefix + "service"}, func(p *access.Profile) bool { return p.Service && slices.Equal(p.Writable, both) }},
		{cdr.Caller{Subject: user("o"), Role: prefix + "clinician"}, func(p *access.Profile) bool { return len(p.Readable) == 0 }},
	}
	// Parties: read by clinicians, kept by admin and service, unknown to others.
	views, uses := []bool{true, false, true, false, true, false}, []bool{false, false, true, false, true, false}
	for i, c := range checks {
		p, err := a.Profile(t.Context(), c.caller)
		if err == nil && (slices.Contains(p.Views, prefix+"demographic") != views[i] || slices.Contains(p.Areas, prefix+"demographic") != uses[i]) {
			t.Errorf("%s: areas %v, views %v", c.caller.Role, p.Areas, p.Views)
		}
		if err != nil || !c.holds(p) {
			t.Errorf("%s as %s: %+v, %v", c.caller.Subject, c.caller.Role, p, err)
		}
	}
	// Declarative: what the policy no longer lists goes, and is felt at once.
	p["Role"][prefix+"clinician"]["members"] = nil
	change, err := a.Apply(t.Context(), p)
	if err != nil || len(change.Removed) != 1 {
		t.Fatalf("%+v, %v", change, err)
	}
	if p, err := a.Profile(t.Context(), checks[0].caller); err != nil || len(p.Readable) != 0 {
		t.Errorf("after removal: %+v, %v", p, err)
	}
}

func cutRole(s string) (string, bool) {
	const set = "Role:"
	return s[min(len(set), len(s)):], len(s) > len(set) && s[:len(set)] == set
}

// For a person with one role, the profile says what Keto's own checks say.
func TestProfileAgreesWithKeto(t *testing.T) {
	a, prefix := realKeto(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	disagreements, decisions := 0, 0
	for round := range 15 {
		prefix := fmt.Sprintf("%sg%d-", prefix, round)
		name := func(kind string, n int) string { return fmt.Sprintf("%s%s%d", prefix, kind, rng.IntN(n)) }
		user := "user:" + prefix + "u"
		policy := Policy{}
		put := func(namespace, object, relation, subject string) {
			tuple := Tuple{namespace, object, relation, subject}
			if tuple.check() != nil {
				return
			}
			if policy[namespace] == nil {
				policy[namespace] = map[string]map[string][]string{}
			}
			if policy[namespace][object] == nil {
				policy[namespace][object] = map[string][]string{}
			}
			policy[namespace][object][relation] = append(policy[namespace][object][relation], subject)
		}
		mine := name("role", 5)
		put("Role", mine, "members", user)
		subjects := func() string {
			switch rng.IntN(4) {
			case 0:
				return user
			case 1:
				return "Team:" + name("team", 3)
			}
			return "Role:" + name("role", 5)
		}
		for range 6 {
			put("Role", name("role", 5), "members", "Role:"+name("role", 5))
		}
		for range 4 {
			if s := subjects(); s[:5] != "Team:" {
				put("Team", name("team", 3), "members", s)
			}
		}
		orgRelations := []string{"clinicians", "open_access", "writers", "admins", "breakglassers", "researchers", "privacy_officers"}
		for range 10 {
			put("Organisation", name("org", 3), orgRelations[rng.IntN(len(orgRelations))], subjects())
		}
		if _, err := a.Apply(t.Context(), policy); err != nil {
			t.Fatal(err)
		}
		p, err := a.Profile(t.Context(), cdr.Caller{Subject: user, Role: mine})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			org := fmt.Sprintf("%sorg%d", prefix, n)
			for permit, list := range map[string][]string{"read_any": p.Readable, "write_any": p.Writable, "create_ehr": p.CreateIn, "break_glass": p.BreakGlassIn, "query_population": p.Queryable, "grant": p.PrivacyIn} {
				want, err := a.client.allowed(t.Context(), "Organisation", org, permit, user)
				if err != nil {
					t.Fatal(err)
				}
				decisions++
				if got := slices.Contains(list, org); got != want {
					disagreements++
					t.Errorf("round %d, %s on org%d: profile says %v, keto %v", round, permit, n, got, want)
				}
			}
		}
	}
	t.Logf("%d decisions, %d disagreements", decisions, disagreements)
}

// Keto killed and started again: outages all the way, never a denial.
func TestRealKetoStops(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Keto of its own")
	}
	cluster := testkit.Own(t, true, false)
	db := newDB()
	a := authorizer(t, cluster.KetoRead(), db, func(c *Config) {
		c.WriteURL, c.Sentinel, c.Every = cluster.KetoWrite(), cluster.Sentinel(), 200*time.Millisecond
	})
	running(t, a)
	who := cdr.Caller{Subject: "user:local:a"}
	if err := a.Grant(t.Context(), Tuple{"Organisation", "north", "clinicians", who.Subject}); err != nil {
		t.Fatal(err)
	}
	if p, err := a.Profile(t.Context(), who); err != nil || len(p.Readable) != 1 {
		t.Fatal(p, err)
	}
	if err := cluster.StopKeto(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := a.Profile(t.Context(), cdr.Caller{Subject: "user:local:cold"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("cold: %v", err)
	}
	if took := time.Since(begun); took > 500*time.Millisecond {
		t.Errorf("a cold caller waited %v", took)
	}
	if p, err := a.Profile(t.Context(), who); err != nil || len(p.Readable) != 1 {
		t.Errorf("warm: %+v, %v", p, err)
	}
	if err := cluster.StartKeto(t.Context()); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := a.Profile(t.Context(), cdr.Caller{Subject: "user:local:cold"}); err == nil {
			break
		} else if !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		if time.Since(begun) > 2*time.Second {
			t.Fatal("no recovery within 2 s of Keto's return")
		}
	}
}

func TestProbe(t *testing.T) {
	s := testkit.Keto(t)
	sentinel := s.Prefix + "sentinel"
	for range 2 {
		if err := Probe(t.Context(), s.ReadURL, s.WriteURL, sentinel); err != nil {
			t.Fatal(err)
		}
	}
	a := authorizer(t, s.ReadURL, newDB(), nil)
	if found, err := a.client.all(t.Context(), query{namespace: "AdminArea", object: sentinel}); err != nil || len(found) != 1 {
		t.Errorf("%d sentinels, %v", len(found), err)
	}
	f := newFake(t)
	for _, mode := range []string{"no", "yes", "500", "hang", "other"} {
		f.set(mode)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := Probe(ctx, f.URL, f.URL, "sentinel"); err == nil {
			t.Errorf("a Keto in mode %q is ready", mode)
		}
		cancel()
	}
}

// What profiles rest on: a check says "no" when Keto's database is gone, and a
// look-up does not say "nothing".
func TestLookupsFailWithTheirDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Keto of its own")
	}
	cluster := testkit.Own(t, true, false)
	a := authorizer(t, cluster.KetoRead(), newDB(), func(c *Config) { c.WriteURL, c.Sentinel = cluster.KetoWrite(), cluster.Sentinel() })
	who := subject{id: "user:local:a"}
	if err := a.Grant(t.Context(), Tuple{"Organisation", "north", "clinicians", who.id}); err != nil {
		t.Fatal(err)
	}
	if err := cluster.StopPostgres(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		found, _, err := a.client.page(ctx, query{namespace: "Organisation", who: &who}, "")
		cancel()
		if err == nil {
			t.Fatalf("a look-up without a database found %d tuples", len(found))
		}
	}
	if p, err := a.Profile(t.Context(), cdr.Caller{Subject: who.id}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%+v, %v", p, err)
	}
}

// Keto's own database connections are killed in the middle of look-ups and
// checks: the right profile or an outage.
func TestKetoLosesItsConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Keto of its own")
	}
	cluster := testkit.Own(t, true, false)
	a := authorizer(t, cluster.KetoRead(), newDB(), func(c *Config) { c.WriteURL, c.Sentinel = cluster.KetoWrite(), cluster.Sentinel() })
	policy := Policy{}
	for _, tuple := range ward {
		if tuple.check() != nil || tuple.Namespace == "Organisation" && tuple.Object == "east" && tuple.Relation != "researchers" {
			continue
		}
		if policy[tuple.Namespace] == nil {
			policy[tuple.Namespace] = map[string]map[string][]string{}
		}
		if policy[tuple.Namespace][tuple.Object] == nil {
			policy[tuple.Namespace][tuple.Object] = map[string][]string{}
		}
		policy[tuple.Namespace][tuple.Object][tuple.Relation] = append(policy[tuple.Namespace][tuple.Object][tuple.Relation], tuple.Subject)
	}
	if _, err := a.Apply(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	want, err := a.Profile(t.Context(), nurse)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), cluster.SuperuserDSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	stop, killed := make(chan struct{}), 0
	var killer sync.WaitGroup
	killer.Go(func() {
		defer conn.Close(context.Background())
		for {
			select {
			case <-stop:
				return
			case <-time.After(70 * time.Millisecond):
			}
			var n int
			if err := conn.QueryRow(context.Background(), "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = 'keto' and random() < 0.15").Scan(&n); err == nil {
				killed += n
			}
		}
	})
	right, outages := 0, 0
	for range 150 {
		a.mu.Lock()
		clear(a.cache)
		a.mu.Unlock()
		p, err := a.Profile(t.Context(), nurse)
		switch {
		case err == nil:
			right++
			if diff := cmp.Diff(want, p, comparing); diff != "" {
				t.Errorf("a wrong profile was believed (-want +got):\n%s", diff)
			}
		case fault.Is(err, fault.Unavailable):
			outages++
		default:
			t.Errorf("an outage was reported as %v", err)
		}
	}
	close(stop)
	killer.Wait()
	t.Logf("%d right, %d outages, %d connections killed", right, outages, killed)
	if killed == 0 {
		t.Error("nothing was killed")
	}
}
