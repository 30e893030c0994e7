package promotion_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/fault"
)

const pressure = "openEHR-EHR-OBSERVATION.test_pressure.v1"

// house has stored queries, each of which would be helped by some paths.
type house struct {
	promotion.Store
	queries []cdr.StoredQuery
	helps   map[string][]string
	busy    string
	asked   []string
}

func (h *house) StoredQueries(context.Context, string) ([]cdr.StoredQuery, error) {
	return h.queries, nil
}

func (h *house) Candidates(_ context.Context, text string) (all []promotion.Place, err error) {
	for _, path := range h.helps[text] {
		all = append(all, promotion.Place{Archetype: pressure, Path: path})
	}
	return all, nil
}

func (h *house) Promote(_ context.Context, p promote.Path, reason string, most int) (bool, error) {
	if reason != promotion.ByStoredQuery || most != 7 {
		return false, fault.New(fault.Internal, "test", "promoted for %q, at most %d", reason, most)
	}
	if p.Text == h.busy {
		return false, fault.New(fault.Conflict, "index-dropping", "it is being dropped")
	}
	h.asked = append(h.asked, p.Text)
	return true, nil
}

func TestAutomate(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	h := &house{
		queries: []cdr.StoredQuery{
			{Name: "b", AQL: "young", Saved: at(9)},
			{Name: "a", AQL: "replaced", Saved: at(1)},
			{Name: "a", AQL: "newest", Saved: at(5)},
		},
		helps: map[string][]string{
			"replaced": {"data[at0001]/origin"},
			"newest":   {"no path at all[", "data[at0001]/events[at0006]/time"},
			"young":    {"name", "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"},
		},
		busy: "name",
	}
	s := &promotion.Promotions{Store: h, Automatic: 7}
	if err := s.Automate(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The newest version of each query, the oldest query first; what is being
	// dropped or is no path does not keep the others back.
	want := []string{"data[at0001]/events[at0006]/time", "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"}
	if !slices.Equal(h.asked, want) {
		t.Errorf("promoted %v, want %v", h.asked, want)
	}
	if err := (&promotion.Promotions{Store: h}).Run(t.Context(), func(error) {}); err != nil || len(h.asked) != 2 {
		t.Errorf("turned off it promotes %v, %v", h.asked, err)
	}
}
