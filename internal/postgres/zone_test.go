package postgres

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// TestClinicalZone: times without an offset are read in the zone of the store, in
// rows, in the order of compositions and in what queries say, for the database
// and the evaluator alike; the text stays.
func TestClinicalZone(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(ctx, Config{DSN: h.app, Zone: london})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := h.service(db, false)
	e := h.ehr(t)
	began := func(at string) cdr.Content {
		return example(t, "vital_signs_minimal", func(doc map[string]any) {
			doc["context"].(map[string]any)["start_time"].(map[string]any)["value"] = at
		})
	}
	made := map[string]string{}
	for _, at := range []string{"2026-07-01T12:00:00", "2026-07-01T11:30:00Z", "2026-01-01T12:00:00", "2026-01-01T12:00:00+01:00"} {
		d, err := s.CreateComposition(ctx, clinician, e.ID, began(at), cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		made[at] = d.VersionUID
		if got, err := s.Composition(ctx, reader, e.ID, cdr.VersionRef{VersionUID: d.VersionUID}); err != nil || string(got.JSON) != string(d.JSON) {
			t.Errorf("%s was rewritten: %v", at, err)
		}
	}
	profile := &access.Profile{All: true}
	for _, c := range []struct {
		where string
		want  []string
	}{
		{"c/context/start_time/value > '2026-07-01T11:15:00Z'", []string{"2026-07-01T11:30:00Z"}},
		{"c/context/start_time/value < '2026-07-01T11:15:00Z' AND c/context/start_time/value > '2026-07-01T10:45:00Z'", []string{"2026-07-01T12:00:00"}},
		{"c/context/start_time/value > '2026-07-01T12:15:00'", []string{"2026-07-01T11:30:00Z"}},
		{"c/context/start_time/value < '2026-01-01T11:30:00'", []string{"2026-01-01T12:00:00+01:00"}},
	} {
		for _, versions := range []string{"COMPOSITION c", "VERSION v[all_versions] CONTAINS COMPOSITION c"} {
			got, err := uids(t, db, profile, "SELECT c/uid/value FROM EHR e CONTAINS "+versions+" WHERE "+c.where, e.ID)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, at := range c.want {
				want = append(want, made[at])
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s of %s: %v, want %v", c.where, versions, got, want)
			}
		}
	}
	ordered, err := uids(t, db, profile, "SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c ORDER BY c/context/start_time/value DESC LIMIT 2", e.ID)
	if err != nil || !slices.Equal(ordered, []string{made["2026-07-01T11:30:00Z"], made["2026-07-01T12:00:00"]}) {
		t.Errorf("the newest are %v, %v", ordered, err)
	}
	for uid, sum := range map[string]int{"2026-07-01T12:00:00": 11 * 3600, "2026-07-01T11:30:00Z": 11*3600 + 1800, "2026-01-01T12:00:00": 12 * 3600} {
		object, _ := cdr.ParseVersionUID(made[uid])
		if n := h.count(t, "select start_key::bigint % 86400 from version where vo_id = $1", object.Object); n != sum {
			t.Errorf("%s begins at second %d of its day", uid, n)
		}
	}
	if _, err := Open(ctx, Config{DSN: h.app, Zone: time.UTC}); !fault.Is(err, fault.Internal) {
		t.Errorf("another zone: %v", err)
	}
	again, err := Open(ctx, Config{DSN: h.app})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	if v, err := again.Verify(ctx, func(int, int) {}); err != nil || v.Differences != 0 || again.zone.String() != "Europe/London" {
		t.Errorf("the rows as another process cuts them: %+v %v, zone %v", v, err, again.zone)
	}
}
