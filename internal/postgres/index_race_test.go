package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
)

// encounterStart is a path of our examples.
var encounterStart = promotion.Place{Archetype: "openEHR-EHR-COMPOSITION.encounter.v1", Path: "context/start_time"}

const startsQuery = "SELECT c/uid/value FROM COMPOSITION c[openEHR-EHR-COMPOSITION.encounter.v1] WHERE c/context/start_time >= '1900-01-01'"

// found is how many rows a query has in a process, and whether it starts from
// leaf rows.
func found(t testing.TB, db *DB) int {
	t.Helper()
	q, err := aql.Parse(startsQuery)
	if err != nil {
		t.Fatal(err)
	}
	rows := &testRows{}
	if err := db.Query(context.Background(), cdr.StoreQuery{Profile: access.System(), Query: q, Options: plan.Options{Fetch: -1, Now: time.Now()}}, rows); err != nil {
		t.Fatal(err)
	}
	return len(rows.rows)
}

func parsePlace(t testing.TB, at promotion.Place) promote.Path {
	t.Helper()
	p, err := promote.Parse(at.Archetype, at.Path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Two processes whose caches are stale write and read while a path is promoted,
// dropped and promoted again: no row is missing from an answer.
func TestPromotionWithStaleCaches(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	ehr := h.ehr(t).ID
	other := h.open(t)
	second := h.service(other, false)
	made := 0
	write := func(s *cdr.Service) {
		t.Helper()
		if _, err := s.CreateComposition(ctx, clinician, ehr, example(t, "vital_signs_minimal"), cdr.CommitInfo{}); err != nil {
			t.Fatal(err)
		}
		made++
	}
	check := func(step string) {
		t.Helper()
		for i, db := range []*DB{h.db, other} {
			if n := found(t, db); n != made {
				t.Errorf("%s: process %d finds %d of %d", step, i, n, made)
			}
		}
	}
	write(h.Service)
	write(second)
	check("before")
	path := parsePlace(t, encounterStart)
	for round := range 2 {
		if _, err := h.db.Promote(ctx, path, promotion.ByAdministrator, 0); err != nil {
			t.Fatal(err)
		}
		// The second process does not know of it.
		write(second)
		check("building")
		if err := h.db.BuildIndex(ctx, nil); err != nil {
			t.Fatal(err)
		}
		check("usable")
		if n := h.count(t, "select count(*) from leaf"); n != made {
			t.Errorf("round %d: %d leaf rows for %d compositions", round, n, made)
		}
		write(second)
		write(h.Service)
		check("written after")
		h.sound(t)
		if err := other.DropPath(ctx, path); err != nil {
			t.Fatal(err)
		}
		write(h.Service)
		check("dropping")
		if err := other.BuildIndex(ctx, nil); err != nil {
			t.Fatal(err)
		}
		write(second)
		check("gone")
		if n := h.count(t, "select count(*) from leaf"); n != 0 {
			t.Errorf("%d leaf rows of a dropped path", n)
		}
	}
}

// Writers create, replace, delete while a path is built, the builder is killed
// again and again, and goes on where it was: nothing is lost and nothing is left.
func TestBuildIsKilledWhileWritersWrite(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	ehrs := []string{h.ehr(t).ID, h.ehr(t).ID}
	for range 30 {
		for _, ehr := range ehrs {
			h.create(t, ehr, "vital_signs_minimal", cdr.CommitInfo{})
		}
	}
	if _, err := h.db.Promote(ctx, parsePlace(t, encounterStart), promotion.ByAdministrator, 0); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for i, ehr := range ehrs {
		db := h.open(t)
		s := h.service(db, false)
		writers.Go(func() {
			for n := range 25 {
				d, err := s.CreateComposition(ctx, clinician, ehr, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
				if err == nil && n%3 == 0 {
					d, err = s.UpdateComposition(ctx, clinician, ehr, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
				}
				if err == nil && n%5 == 0 {
					err = s.PurgeComposition(ctx, system, ehr, d.ObjectID, "test-only")
				}
				if err != nil {
					t.Error(i, err)
					return
				}
			}
		})
	}
	super, err := pgx.Connect(ctx, h.super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = super.Close(ctx) }()
	killed := 0
	for n := 0; ; n++ {
		builder := h.open(t)
		short, cancel := context.WithTimeout(ctx, time.Duration(20+10*n)*time.Millisecond)
		err := builder.BuildIndex(short, nil)
		cancel()
		if err == nil {
			break
		}
		killed++
		if _, err := super.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quire work' and datname = current_database()"); err != nil {
			t.Fatal(err)
		}
		builder.Close()
	}
	writers.Wait()
	if err := h.db.BuildIndex(ctx, nil); err != nil {
		t.Fatal(err)
	}
	list, err := h.db.Promoted(ctx)
	if err != nil || len(list) != 1 || list[0].State != "usable" {
		t.Fatalf("%+v, %v", list, err)
	}
	t.Logf("killed %d times", killed)
	compositions := h.count(t, "select count(*) from version where kind = 1 and is_effective")
	if n := found(t, h.db); n != compositions {
		t.Errorf("%d rows by the promoted path, %d compositions", n, compositions)
	}
	h.sound(t)
}
