package postgres

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

func accessOn(t testing.TB, app string) *Access {
	t.Helper()
	db, err := Open(t.Context(), Config{DSN: app, Record: 4, Query: 1, Work: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	a, err := NewAccess(t.Context(), db, app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

var changed = cdr.Event{Action: "C", Outcome: "success", Principal: "user:local:officer", Role: "admin", Basis: "test:test"}

func TestAPIKeys(t *testing.T) {
	app, _ := application(t)
	a := accessOn(t, app)
	key := cdr.APIKey{
		ID: "abc", Hash: []byte{1, 2, 3}, Subject: "svc:engine", Roles: []string{"service", "analyst"}, Organisation: "north", Service: true, Demo: true,
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, Expires: time.Now().Add(time.Hour).Truncate(time.Microsecond),
	}
	if err := a.PutKey(t.Context(), key, changed); err != nil {
		t.Fatal(err)
	}
	if err := a.PutKey(t.Context(), key, changed); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second key of the id: %v", err)
	}
	got, err := a.Key(t.Context(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(key, got, cmpopts.IgnoreFields(cdr.APIKey{}, "Created"), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	if _, err := a.Key(t.Context(), "abd"); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown key: %v", err)
	}
	if demo, err := a.HasDemoKeys(t.Context()); err != nil || !demo {
		t.Errorf("demo keys: %v, %v", demo, err)
	}
	before, err := a.Epoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.UsedKey(t.Context(), "abc"); err != nil {
		t.Fatal(err)
	}
	if epoch, err := a.Epoch(t.Context()); err != nil || epoch != before {
		t.Errorf("using a key moved the epoch from %d to %d, %v", before, epoch, err)
	}
	if err := a.RevokeKey(t.Context(), "abc", changed); err != nil {
		t.Fatal(err)
	}
	if err := a.RevokeKey(t.Context(), "abc", changed); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoking twice: %v", err)
	}
	if epoch, err := a.Epoch(t.Context()); err != nil || epoch <= before {
		t.Errorf("revoking a key left the epoch at %d, %v", epoch, err)
	}
	if got, err := a.Key(t.Context(), "abc"); err != nil || got.Revoked.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if err := a.DropDemoKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Key(t.Context(), "abc"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a dropped key: %v", err)
	}
}

func TestEpochIsHeard(t *testing.T) {
	app, super := application(t)
	a := accessOn(t, app)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan struct{}, 16)
	done := make(chan error, 1)
	go func() { done <- a.Listen(ctx, func() { heard <- struct{}{} }) }()
	defer func() { cancel(); <-done }()
	<-heard // it listens
	look := connected(t, super)
	acts := map[string]func() error{
		"raise":        func() error { return a.Raise(t.Context()) },
		"new template": exec(t, look, "insert into template_family (template_id, label) values ('new', 'normal')"),
		"label":        exec(t, look, "update template_family set label = 'restricted' where template_id = 't'"),
		"key by hand": func() error {
			if err := exec(t, look, "insert into api_key (id, hash, subject, roles, expires_at) values ('k', '', 'user:a:b', '{}', now())")(); err != nil {
				return err
			}
			return exec(t, look, "update api_key set revoked_at = now()")()
		},
	}
	for name, act := range acts {
		before, err := a.Epoch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if name == "label" {
			if err := exec(t, look, "insert into template_family (template_id, label) values ('t', 'normal') on conflict do nothing")(); err != nil {
				t.Fatal(err)
			}
		}
		for len(heard) > 0 {
			<-heard
		}
		if err := act(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		select {
		case <-heard:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: not heard", name)
		}
		if after, err := a.Epoch(t.Context()); err != nil || after <= before {
			t.Errorf("%s: epoch %d after %d, %v", name, after, before, err)
		}
	}
	byLabel, bits, err := a.Families(t.Context())
	if err != nil || len(byLabel["restricted"]) != 1 || len(byLabel["normal"]) != 1 || bits["restricted"] != 16 || bits["normal"] != 0 {
		t.Errorf("families %v, bits %v, %v", byLabel, bits, err)
	}
}

func exec(t *testing.T, conn *pgx.Conn, sql string) func() error {
	return func() error {
		_, err := conn.Exec(t.Context(), sql)
		return err
	}
}

// What is given is felt by the next statement, and ends when it ends.
func TestRightsOnOneRecord(t *testing.T) {
	app, super := application(t)
	a := accessOn(t, app)
	ehr := newID(t)
	look := connected(t, super)
	if err := exec(t, look, "insert into ehr values ('"+ehr+"', 1, now(), '"+ehr+"', null, true, true)")(); err != nil {
		t.Fatal(err)
	}
	nurse := &access.Profile{Principal: "user:local:nurse", Groups: []string{"Team:night", "user:local:nurse"}, Readable: []string{"north"}}
	gates := func() cdr.Gates {
		t.Helper()
		g, err := a.Gates(t.Context(), nurse, ehr)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	expect := func(what string, read, write bool) cdr.Gates {
		t.Helper()
		g := gates()
		if g.Read != read || g.Write != write {
			t.Errorf("%s: read %v, write %v", what, g.Read, g.Write)
		}
		return g
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expect("nothing given", false, false)
	relationship := cdr.Relationship{EHR: ehr, Organisation: "north", Kind: "referred"}
	must(a.Relate(t.Context(), relationship, changed))
	must(a.Relate(t.Context(), relationship, changed)) // lives already
	if g := expect("related", true, false); len(g.ReadThrough) != 1 {
		t.Errorf("through %v", g.ReadThrough)
	}
	if related, err := a.Related(t.Context(), ehr, []string{"south", "north"}); err != nil || !related {
		t.Error(related, err)
	}
	must(a.EndRelationship(t.Context(), relationship, changed))
	expect("relationship ended", false, false)
	if err := a.EndRelationship(t.Context(), relationship, changed); !fault.Is(err, fault.NotFound) {
		t.Errorf("ending twice: %v", err)
	}
	if related, err := a.Related(t.Context(), ehr, []string{"north"}); err != nil || related {
		t.Error(related, err)
	}
	must(a.Relate(t.Context(), cdr.Relationship{EHR: ehr, Organisation: "north", Kind: "referred", From: time.Now().Add(time.Hour)}, changed))
	expect("relationship to come", false, false)

	must(a.PutGrant(t.Context(), cdr.Grant{EHR: ehr, Grantee: "Team:night", Write: true}, changed))
	expect("granted to write", true, true)
	must(a.PutGrant(t.Context(), cdr.Grant{EHR: ehr, Grantee: "Team:night"}, changed))
	expect("granted to read instead", true, false)
	must(a.PutGrant(t.Context(), cdr.Grant{EHR: ehr, Grantee: "Team:night", To: time.Now().Add(-time.Second)}, changed))
	expect("grant over", false, false)
	must(a.PutGrant(t.Context(), cdr.Grant{EHR: ehr, Grantee: "user:local:nurse"}, changed))
	expect("granted in person", true, false)
	must(a.EndGrant(t.Context(), ehr, "user:local:nurse", changed))
	expect("grant ended", false, false)

	ends, err := a.OpenBreakGlass(t.Context(), cdr.BreakGlass{ID: newID(t), EHR: ehr, Organisation: "north", Principal: "user:local:nurse", ReasonCode: "emergency", Reason: "found collapsed", Minutes: 5}, changed)
	must(err)
	if left := time.Until(ends); left < 4*time.Minute || left > 6*time.Minute {
		t.Errorf("break-glass for %v", left)
	}
	if g := expect("glass broken", true, true); !g.BreakGlass.Equal(ends) {
		t.Errorf("open until %v, said %v", g.BreakGlass, ends)
	}
	restriction := cdr.Restriction{EHR: ehr, ID: newID(t), AppliesTo: []string{"Team:night"}, Reason: "own-record"}
	must(a.Restrict(t.Context(), restriction, changed))
	if g := expect("denial wins over broken glass", false, false); !g.Restricted {
		t.Error("not shown as restricted")
	}
	must(a.EndRestriction(t.Context(), ehr, restriction.ID, changed))
	expect("restriction lifted", true, true)
	if err := exec(t, look, "update break_glass set expires_at = clock_timestamp()")(); err != nil {
		t.Fatal(err)
	}
	expect("glass expired", false, false)

	pinned := *nurse
	pinned.EHR = newID(t)
	if g, err := a.Gates(t.Context(), &pinned, ehr); err != nil || !g.Pinned || g.Read {
		t.Errorf("a token for another record: %+v, %v", g, err)
	}
	for id, want := range map[string]bool{ehr: true, newID(t): false} {
		if there, err := a.EHRExists(t.Context(), id); err != nil || there != want {
			t.Errorf("exists %v, %v", there, err)
		}
	}
	var rows int
	if err := look.QueryRow(t.Context(), "select count(*) from audit_event").Scan(&rows); err != nil || rows != 12 {
		t.Errorf("%d audit rows for 12 changes, %v", rows, err)
	}
}
