package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
)

// TestTemplatePaths: the dictionary of a template, and counts for who may count.
func TestTemplatePaths(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	for range 6 {
		h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	}
	analyst := cdr.Caller{Subject: "user:analyst", Role: "analyst"}
	h.people[analyst.Subject] = &access.Profile{Principal: analyst.Subject, Role: "analyst", Readable: []string{"north"}, Queryable: []string{"north"},
		Templates: []int32{h.families[vitalSigns]}}
	all, err := h.TemplatePaths(ctx, analyst, vitalSigns, "")
	if err != nil {
		t.Fatal(err)
	}
	filled, units := 0, 0
	for _, p := range all {
		if p.AQL == "" || p.FLAT == "" || p.Type == "" || p.Archetype == "" {
			t.Errorf("%+v", p)
		}
		if p.Filled != nil {
			filled++
		}
		units += len(p.Units)
	}
	if len(all) < 20 || filled < 5 || units == 0 {
		t.Errorf("%d paths, %d with a count, %d units", len(all), filled, units)
	}
	some, err := h.TemplatePaths(ctx, clinician, vitalSigns, "SYSTOLIC")
	if err != nil || len(some) == 0 || len(some) >= len(all) {
		t.Fatalf("%d paths, %v", len(some), err)
	}
	for _, p := range some {
		if p.Filled != nil {
			t.Errorf("%s: %d is told to who may not ask a population", p.AQL, *p.Filled)
		}
	}
	promoteAll(t, h.db, promotion.Place{Archetype: "openEHR-EHR-OBSERVATION.blood_pressure.v2", Path: "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"})
	if some, err = h.TemplatePaths(ctx, clinician, vitalSigns, "systolic"); err != nil {
		t.Fatal(err)
	}
	promoted := 0
	for _, p := range some {
		if p.Promoted == "usable" && strings.HasSuffix(p.AQL, "/items[at0004]/value") {
			promoted++
		}
	}
	if promoted != 1 {
		t.Errorf("%d paths have an index: %+v", promoted, some)
	}
	h.people[analyst.Subject].Queryable = []string{"south"}
	if all, err = h.TemplatePaths(ctx, analyst, vitalSigns, ""); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Filled != nil {
			t.Errorf("%s: counts people the analyst may not query", p.AQL)
		}
	}
}
