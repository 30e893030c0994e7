package keto

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

var nurse = cdr.Caller{Subject: "user:local:nurse", Role: "nurse"}

// ward is a small hospital: nurses are clinicians through the role carer, which
// contains them; the ring ward-a/ward-b must not hang anything.
var ward = []Tuple{
	{"Role", "nurse", "members", "user:local:nurse"},
	{"Role", "manager", "members", "user:local:nurse"},
	{"Role", "carer", "members", "Role:nurse"},
	{"Role", "ring", "members", "Role:carer"},
	{"Role", "carer", "members", "Role:ring"},
	{"Team", "night", "members", "Role:carer"},
	{"Team", "choir", "members", "user:local:nurse"},
	{"Organisation", "north", "clinicians", "Role:carer"},
	{"Organisation", "north", "clinicians", "Role:carer"}, // Keto stores duplicates
	{"Organisation", "north", "writers", "Role:nurse"},
	{"Organisation", "south", "open_access", "user:local:nurse"},
	{"Organisation", "south", "admins", "Role:manager"},
	{"Organisation", "west", "breakglassers", "Role:nurse"},
	{"Organisation", "west", "privacy_officers", "Role:manager"},
	{"Organisation", "east", "researchers", "Role:manager"},
	{"Organisation", "east", "read_any", "user:local:nurse"},   // a permit's name: strict mode ignores it
	{"Organisation", "east", "undeclared", "user:local:nurse"}, // Keto accepts it
	{"Organisation", "east", "clinicians", "Team:night"},       // a type the model refuses
	{"Sensitivity", "normal", "writers", "Role:carer"},
	{"Sensitivity", "sexual-health", "readers", "Team:night"},
	{"Sensitivity", "safeguarding", "readers", "Role:manager"},
	{"StoredQuery", "demo", "executors", "Role:nurse"},
	{"AdminArea", "audit", "viewers", "Role:nurse"},
	{"AdminArea", "users", "admins", "Role:manager"},
}

var comparing = cmp.Options{cmpopts.IgnoreFields(access.Profile{}, "ValidUntil"), cmpopts.IgnoreUnexported(access.Profile{}), cmpopts.EquateEmpty()}

func TestProfile(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, nil)
	groups := []string{"Role:carer", "Role:nurse", "Role:ring", "Team:choir", "Team:night", "user:local:nurse"}
	cases := map[string]struct {
		caller cdr.Caller
		want   access.Profile
	}{
		"selected role and what contains it": {nurse, access.Profile{
			Groups: groups, Readable: []string{"north", "south"}, Writable: []string{"north"}, CreateIn: []string{"north"},
			BreakGlassIn: []string{"west"}, StoredQueries: []string{"demo"}, Views: []string{"audit"},
			Templates: []int32{1, 2, 7}, WriteTemplates: []int32{1, 2}, Labels: 2,
		}},
		"another role has other rights": {cdr.Caller{Subject: nurse.Subject, Role: "manager"}, access.Profile{
			Groups: []string{"Role:manager", "Team:choir", "user:local:nurse"}, Readable: []string{"south"}, Queryable: []string{"east"},
			CreateIn: []string{"south"}, PrivacyIn: []string{"west"}, Areas: []string{"users"}, Views: []string{"users"}, Labels: 4,
		}},
		"no role: only what is the person's own": {cdr.Caller{Subject: nurse.Subject}, access.Profile{
			Groups: []string{"Team:choir", "user:local:nurse"}, Readable: []string{"south"},
		}},
		"a role that is held through another": {cdr.Caller{Subject: nurse.Subject, Role: "ring"}, access.Profile{
			Groups:   []string{"Role:carer", "Role:ring", "Team:choir", "Team:night", "user:local:nurse"},
			Readable: []string{"north", "south"}, Templates: []int32{1, 2, 7}, WriteTemplates: []int32{1, 2}, Labels: 2,
		}},
		"a role that is not held": {cdr.Caller{Subject: nurse.Subject, Role: "surgeon"}, access.Profile{
			Groups: []string{"Team:choir", "user:local:nurse"}, Readable: []string{"south"},
		}},
		"nobody known": {cdr.Caller{Subject: "user:local:stranger", Role: "nurse", EHR: "e", Purpose: "TREAT"}, access.Profile{
			Groups: []string{"user:local:stranger"}, EHR: "e", Purpose: "TREAT",
		}},
		"a service": {cdr.Caller{Subject: "svc:engine"}, access.Profile{Groups: []string{"svc:engine"}, Service: true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.want.Principal, c.want.Role, c.want.Epoch = c.caller.Subject, c.caller.Role, 1
			got, err := a.Profile(t.Context(), c.caller)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got, comparing); diff != "" {
				t.Errorf("profile (-want +got):\n%s", diff)
			}
			if left := time.Until(got.ValidUntil); left <= 0 || left > 10*time.Second {
				t.Errorf("valid for %v", left)
			}
		})
	}
}

func TestNoIdentity(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(Tuple{"Organisation", "north", "clinicians", "quire-sentinel"}, Tuple{"Organisation", "north", "clinicians", ""})
	a := authorizer(t, f.URL, db, nil)
	for _, who := range []string{"", "quire-sentinel", "Role:nurse", "user:", "user:a b", "system:quire"} {
		if _, err := a.Profile(t.Context(), cdr.Caller{Subject: who}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("subject %q: %v", who, err)
		}
	}
	p, err := a.Profile(t.Context(), cdr.Caller{All: true, EHR: "one"})
	if err != nil || p.All {
		t.Errorf("a pinned caller must not have everything: %+v %v", p, err)
	}
}

// Every way Keto can fail is an outage for a cold caller, and never a profile.
func TestFaultsAreOutages(t *testing.T) {
	for _, mode := range []string{"hang", "500", "cut", "half", "empty", "other", "html", "redirect", "no", "yes", "cutlist", "foreign"} {
		t.Run(mode, func(t *testing.T) {
			f, db := newFake(t), newDB()
			f.add(ward...)
			a := authorizer(t, f.URL, db, func(c *Config) { c.Cold = 300 * time.Millisecond })
			f.set(mode)
			for range 2 { // an error is not kept either
				p, err := a.Profile(t.Context(), nurse)
				if !fault.Is(err, fault.Unavailable) || p != nil {
					t.Fatalf("got %+v, %v", p, err)
				}
				if fault.Of(err).RetryAfter <= 0 {
					t.Error("no Retry-After")
				}
			}
			f.set("")
			a.config.Cold = 5 * time.Second
			if p, err := a.Profile(t.Context(), nurse); err != nil || len(p.Readable) != 2 {
				t.Errorf("after recovery: %+v, %v", p, err)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		f, db := newFake(t), newDB()
		f.Server.Close()
		if _, err := authorizer(t, f.URL, db, nil).Profile(t.Context(), nurse); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("database", func(t *testing.T) {
		f, db := newFake(t), newDB()
		db.down(true)
		if _, err := authorizer(t, f.URL, db, nil).Profile(t.Context(), nurse); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
	})
}

// Each request breaks in its own way or not at all: what comes out is the right
// profile or an outage, never less, never more, never a denial.
func TestRandomFaults(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, nil)
	want, err := a.Profile(t.Context(), nurse)
	if err != nil {
		t.Fatal(err)
	}
	f.rng = rand.New(rand.NewPCG(seed, 3))
	right, outages := 0, 0
	f.set("mix")
	for i := range 600 {
		f.mu.Lock()
		f.rarely = []int{3, 30, 200}[i%3]
		f.mu.Unlock()
		a.mu.Lock()
		clear(a.cache)
		a.mu.Unlock()
		p, err := a.Profile(t.Context(), nurse)
		switch {
		case err == nil:
			right++
			if diff := cmp.Diff(want, p, comparing); diff != "" {
				t.Fatalf("a wrong profile was believed (-want +got):\n%s", diff)
			}
		case fault.Is(err, fault.Unavailable):
			outages++
		default:
			t.Fatalf("an outage was reported as %v", err)
		}
	}
	t.Logf("%d right, %d outages", right, outages)
	if right == 0 || outages == 0 {
		t.Error("one of the two never happened")
	}
}

// Writes hold to the same rule: a Keto that cannot be believed is not written to.
func TestWritesDuringOutage(t *testing.T) {
	f, db := newFake(t), newDB()
	a := authorizer(t, f.URL, db, nil)
	f.set("no")
	tuple := Tuple{"Role", "nurse", "members", "user:local:nurse"}
	if err := a.Grant(t.Context(), tuple); !fault.Is(err, fault.Unavailable) {
		t.Errorf("grant: %v", err)
	}
	if err := a.Revoke(t.Context(), tuple); !fault.Is(err, fault.Unavailable) {
		t.Errorf("revoke of what may be there: %v", err)
	}
	if _, err := a.Apply(t.Context(), Policy{"Role": {"nurse": {"members": {"user:local:nurse"}}}}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("apply: %v", err)
	}
}

// A warm caller lives on for the profile's life and no longer; a cold one is told at once.
func TestKetoStops(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, func(c *Config) {
		c.Life, c.Every, c.Timeout = 2*time.Second, 100*time.Millisecond, 200*time.Millisecond
	})
	running(t, a)
	if _, err := a.Profile(t.Context(), nurse); err != nil {
		t.Fatal(err)
	}
	f.set("hang")
	stopped := time.Now()
	for a.health.down() == nil {
		time.Sleep(10 * time.Millisecond)
		if time.Since(stopped) > 5*time.Second {
			t.Fatal("the sentinel does not notice")
		}
	}
	begun := time.Now()
	if _, err := a.Profile(t.Context(), cdr.Caller{Subject: "user:local:cold"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("cold caller: %v", err)
	} else if took := time.Since(begun); took > 100*time.Millisecond {
		t.Errorf("a cold caller waited %v", took)
	}
	var last time.Time
	for time.Since(stopped) < 3*time.Second {
		if _, err := a.Profile(t.Context(), nurse); err == nil {
			last = time.Now()
		} else if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("an outage was reported as %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if last.IsZero() || last.Sub(stopped) > 2*time.Second+50*time.Millisecond {
		t.Errorf("a warm caller was served until %v after the stop, life is 2s", last.Sub(stopped))
	}
	if a.Ready(t.Context()) == nil {
		t.Error("ready while Keto hangs")
	}
	f.set("")
	back := time.Now()
	for {
		if _, err := a.Profile(t.Context(), nurse); err == nil {
			break
		}
		if time.Since(back) > 2*time.Second {
			t.Fatal("no recovery within 2 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDatabaseStops(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, func(c *Config) { c.Every = 50 * time.Millisecond })
	running(t, a)
	if _, err := a.Profile(t.Context(), nurse); err != nil {
		t.Fatal(err)
	}
	db.down(true)
	time.Sleep(300 * time.Millisecond)
	if _, err := a.Profile(t.Context(), nurse); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a profile was valid without a database: %v", err)
	}
	db.down(false)
	if _, err := a.Profile(t.Context(), nurse); err != nil {
		t.Errorf("after recovery: %v", err)
	}
}

func TestEpochDropsProfiles(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, nil)
	running(t, a)
	if p, err := a.Profile(t.Context(), nurse); err != nil || len(p.Readable) != 2 {
		t.Fatal(p, err)
	}
	f.mu.Lock()
	f.tuples = f.tuples[:1] // all rights gone, all but the sentinel
	f.mu.Unlock()
	begun := time.Now()
	if err := db.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		p, err := a.Profile(t.Context(), nurse)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Readable) == 0 {
			break
		}
		if time.Since(begun) > time.Second {
			t.Fatal("a revocation was not felt within a second")
		}
		time.Sleep(time.Millisecond)
	}
	if p, _ := a.Profile(t.Context(), nurse); p.Epoch != 2 {
		t.Errorf("epoch %d", p.Epoch)
	}
}

func TestGatheredOnce(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, nil)
	if _, err := a.Profile(t.Context(), nurse); err != nil {
		t.Fatal(err)
	}
	alone := f.count()
	if err := db.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			// A caller that leaves does not take the others' profile with it.
			ctx, cancel := context.WithCancel(t.Context())
			if i%5 == 0 {
				cancel()
			}
			defer cancel()
			p, err := a.Profile(ctx, nurse)
			if i%5 != 0 && (err != nil || len(p.Readable) != 2) {
				t.Error(p, err)
			}
		})
	}
	all.Wait()
	if got := f.count(); got != 2*alone {
		t.Errorf("%d look-ups for 50 callers, %d for one", got-alone, alone)
	}
}

func TestTooWide(t *testing.T) {
	f, db := newFake(t), newDB()
	for i := range 100 {
		f.add(Tuple{"Role", fmt.Sprintf("r%d", i+1), "members", fmt.Sprintf("Role:r%d", i)})
	}
	f.add(Tuple{"Role", "r0", "members", "user:local:deep"}, Tuple{"Organisation", "north", "clinicians", "Role:r0"})
	a := authorizer(t, f.URL, db, nil)
	if p, err := a.Profile(t.Context(), cdr.Caller{Subject: "user:local:deep", Role: "r0"}); !fault.Is(err, fault.Forbidden) || p != nil {
		t.Errorf("got %+v, %v", p, err)
	}
	if got := f.count(); got > maxLookups {
		t.Errorf("%d look-ups", got)
	}
}

func TestRenewedBeforeItEnds(t *testing.T) {
	f, db := newFake(t), newDB()
	f.add(ward...)
	a := authorizer(t, f.URL, db, func(c *Config) { c.Life = time.Second })
	running(t, a)
	first, err := a.Profile(t.Context(), nurse)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(600 * time.Millisecond)
	if _, err := a.Profile(t.Context(), nurse); err != nil { // asks for renewal
		t.Fatal(err)
	}
	for begun := time.Now(); ; {
		a.mu.Lock()
		from := a.cache[key{nurse.Subject, nurse.Role}].from
		a.mu.Unlock()
		if from.Add(a.config.Life).After(first.ValidUntil) {
			return
		}
		if time.Since(begun) > 300*time.Millisecond {
			t.Fatal("not renewed while it was valid")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func BenchmarkProfileWarm(b *testing.B) {
	f := &fakeKeto{tuples: append([]Tuple{{"AdminArea", "sentinel", "viewers", "quire-sentinel"}}, ward...)}
	srv := newServer(f)
	defer srv.Close()
	db := newDB()
	a := New(Config{ReadURL: srv.URL, WriteURL: srv.URL, Sentinel: "sentinel", Epochs: db, Families: db})
	defer a.Close()
	for b.Loop() {
		if _, err := a.Profile(b.Context(), nurse); err != nil {
			b.Fatal(err)
		}
	}
}
