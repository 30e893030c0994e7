package postgres

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// The words of the conformance schedule.
var (
	changeWords    = map[string]string{"creation": "249", "amendment": "250", "modification": "251", "deleted": "523"}
	lifecycleWords = map[string]string{"complete": "532", "incomplete": "553", "deleted": "523"}
)

// TestConformanceContributionTables asks the rows of the conformance schedule
// about contributions: what may be committed to an empty record, and what over a
// version that is there.
func TestConformanceContributionTables(t *testing.T) {
	text, err := os.ReadFile(fixtures.Dir(t, "conformance", "data-validation-tables.json"))
	if err != nil {
		t.Skip("the conformance tables are not there")
	}
	var tables []struct {
		Case, Chapter string
		Rows          []map[string]string
	}
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	h, ctx := newHouse(t), context.Background()
	contents := map[string][]byte{"": example(t, "vital_signs_minimal").JSON, "event": example(t, "vital_signs_minimal").JSON, "persistent": example(t, "emergency_care_plan_minimal").JSON}
	asked := 0
	for i, table := range tables {
		if !strings.Contains(table.Chapter, "contribution") {
			continue
		}
		over := table.Case == "Data Set Combinations" // the other table is about an empty record
		for j, row := range table.Rows {
			for _, change := range words(row["change_type"]) {
				for _, lifecycle := range words(row["lifecycle_state"] + row["lifecycle_state*"]) {
					asked++
					e, preceding := h.ehr(t), ""
					if over && change != "creation" {
						first, err := h.CreateComposition(ctx, clinician, e.ID, cdr.Content{JSON: contents[""]}, cdr.CommitInfo{})
						if err != nil {
							t.Fatal(err)
						}
						preceding = first.VersionUID
					}
					data := contents[row["composition category"]]
					if over && change == "deleted" {
						data = nil
					}
					_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(member(changeWords[change], lifecycleWords[lifecycle], preceding, data)), "", false)
					if (err == nil) != (row["expected"] == "accepted") {
						t.Errorf("table %d row %d %v as %s, %s: %v", i, j, row, change, lifecycle, err)
					}
				}
			}
		}
	}
	if asked < 15 {
		t.Errorf("only %d rows", asked)
	}
}

func words(cell string) []string { return strings.Split(cell, " / ") }
