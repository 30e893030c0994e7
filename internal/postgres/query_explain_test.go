package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

// TestExplain: how a query would be run, without the values of the caller's
// rights, and without numbers of rows for who may ask about one person only.
func TestExplain(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	h.people["user:analyst"] = &access.Profile{Principal: "user:analyst", Role: "analyst", Readable: []string{"north"}, Queryable: []string{"north"},
		Templates: []int32{h.families[vitalSigns]}}
	analyst := cdr.Caller{Subject: "user:analyst", Role: "analyst"}
	const text = "SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c WHERE c/name/value = 'somebody'"
	for _, tt := range []struct {
		name      string
		caller    cdr.Caller
		text, ehr string
		estimates bool
	}{
		{"one EHR", reader, text, e.ID, false},
		{"one EHR, as one who may count", analyst, text, e.ID, true},
		{"a population", analyst, text, "", true},
		{"the newest", analyst, "SELECT c FROM COMPOSITION c ORDER BY c/context/start_time DESC LIMIT 5", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.audit.events = nil
			rs, err := h.Query(ctx, tt.caller, cdr.QueryRequest{Text: tt.text, EHR: tt.ehr, Explain: true})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if _, err := rs.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			var got cdr.QueryExplanation
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(got.Database, "\n")
			if !strings.Contains(got.Plan, "COMPOSITION") || !strings.Contains(got.SQL, "$1") || !strings.Contains(plan, "Scan") {
				t.Errorf("%s", out.Bytes())
			}
			for _, value := range []string{"north", "somebody", "user:", e.ID} {
				if strings.Contains(got.SQL+plan, value) {
					t.Errorf("%q is shown:\n%s\n%s", value, got.SQL, plan)
				}
			}
			if shown := strings.Contains(plan, "rows="); shown != tt.estimates {
				t.Errorf("estimates %v:\n%s", shown, plan)
			}
			if len(h.audit.events) != 2 || h.audit.events[0].Action != "E" || *h.audit.events[1].Rows != 0 {
				t.Errorf("audit %+v", h.audit.events)
			}
		})
	}
	if _, err := h.Query(ctx, reader, cdr.QueryRequest{Text: text, Explain: true}); err == nil {
		t.Error("a population is explained to who may not ask it")
	}
}
