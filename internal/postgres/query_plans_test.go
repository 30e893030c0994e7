package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A statement that is kept answers for another EHR, and other values, what one made
// for it would.
func TestKeptPlansAnswerAlike(t *testing.T) {
	ctx := context.Background()
	e := newEngine(t)
	loadScripts(t, e)
	ehrs := slices.Sorted(maps.Keys(e.made))
	if len(ehrs) < 2 {
		t.Fatalf("%d records", len(ehrs))
	}
	const pressures = "CONTAINS COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1]"
	const path = "o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude"
	found := map[string]bool{}
	for _, text := range []string{
		"SELECT e/ehr_id/value, c/uid/value FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c ORDER BY c/uid/value",
		"SELECT e/ehr_id/value, " + path + " FROM EHR e " + pressures + " WHERE e/ehr_id/value = $ehr AND " + path + " > $low ORDER BY " + path,
		"SELECT e/ehr_id/value, c/uid/value FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c WHERE e/ehr_id/value = '" + ehrs[0] + "' ORDER BY c/uid/value",
		"SELECT e/ehr_id/value, c/uid/value FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c WHERE c/name/value != $ehr ORDER BY c/uid/value",
		"SELECT COUNT(c) FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c",
	} {
		for _, ehr := range []string{ehrs[1], ehrs[0], ehrs[1], strings.ToUpper(ehrs[0]), ehrs[0]} {
			for _, low := range []any{10, 120, "10"} {
				params := map[string]any{"ehr": ehr, "low": low}
				_, got, err := e.Query(ctx, text, params)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				// Named in the text, it is planned anew.
				_, want, err := e.Query(ctx, strings.ReplaceAll(text, "$ehr", "'"+ehr+"'"), params)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s for %s over %v\ngives %v\nwant  %v", text, ehr, low, got, want)
				}
				found[fmt.Sprint(got)] = true
			}
		}
	}
	if len(found) < 4 {
		t.Errorf("only %d different answers", len(found))
	}
	if kept := len(e.db.plans.kept); kept < 4 || kept > 40 {
		t.Errorf("%d statements are kept", kept)
	}
}
