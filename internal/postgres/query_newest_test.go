package postgres

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

// TestNewest: the first rows in the order of an index are those of the whole
// order, and only what the profile may see.
func TestNewest(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	for i, start := range []string{
		"2026-03-02T10:00:00Z", "2026-03-02T11:30:00+02:00", "2026-03-02T10:00:00+00:00", "2026-03", "2026-03-02", "2025", "2026-03-02T10", "2026-03-02T10:00:00.5Z",
	} {
		status := statusJSON("", i != 2, true)
		e, err := h.CreateEHR(ctx, clinician, "", &status, cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal", func(m map[string]any) {
			m["context"].(map[string]any)["start_time"].(map[string]any)["value"] = start
		}), cdr.CommitInfo{})
		if err != nil {
			t.Fatal(start, err)
		}
		h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	}
	vitals := &access.Profile{Principal: "user:analyst", Role: "analyst", Readable: []string{"north"}, Queryable: []string{"north"}, Templates: []int32{h.families[vitalSigns]}}
	both := *vitals
	both.Templates = []int32{h.families[vitalSigns], h.families[carePlan]}
	for _, p := range []*access.Profile{access.System(), vitals, &both} {
		for _, path := range []string{"c/context/start_time", "c/context/start_time/value"} {
			for _, direction := range []string{"", " DESC"} {
				for _, from := range []string{"COMPOSITION c", "EHR e CONTAINS COMPOSITION c", "EHR e CONTAINS COMPOSITION c[openEHR-EHR-COMPOSITION.encounter.v1]"} {
					text := "SELECT c/context/start_time/value FROM " + from + " ORDER BY " + path + direction
					whole, err := uids(t, h.db, p, text, "")
					if err != nil {
						t.Fatal(text, err)
					}
					for _, n := range []int{1, 3, 100} {
						got, err := uids(t, h.db, p, fmt.Sprint(text, " LIMIT ", n), "")
						if err != nil {
							t.Fatal(text, err)
						}
						if want := whole[:min(n, len(whole))]; !slices.Equal(got, want) {
							t.Errorf("%s LIMIT %d:\n%v, want\n%v", text, n, got, want)
						}
					}
				}
			}
		}
	}
	if all, err := uids(t, h.db, vitals, "SELECT c/uid/value FROM COMPOSITION c ORDER BY c/context/start_time LIMIT 100", ""); err != nil || len(all) != 7 {
		t.Errorf("%d rows, %v, want 7: one person is not queryable, one template not allowed", len(all), err)
	}
}
