package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr"
)

// TestWhatShowsReferences: which queries could show what a FOLDER refers to.
func TestWhatShowsReferences(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT f FROM EHR e CONTAINS FOLDER f": true,
		"SELECT f AS f FROM FOLDER f":           true,
		"SELECT F FROM FOLDER f":                true,
		"SELECT f/name/value FROM FOLDER f":     false,
		"SELECT f/folders/name/value, f/uid/value FROM FOLDER f CONTAINS COMPOSITION c": false,
		"SELECT f/folders FROM FOLDER f":                                                true,
		"SELECT f/items/id/value FROM FOLDER f":                                         true,
		"SELECT f/folders/items FROM FOLDER f":                                          true,
		"SELECT f/name/value FROM FOLDER f WHERE f/items/id/value = 'x'":                true,
		"SELECT f/name/value FROM FOLDER f WHERE EXISTS f/items":                        true,
		"SELECT f/name/value FROM FOLDER f ORDER BY f/items/id/value":                   true,
		"SELECT f/folders[items/id/value = 'x']/name/value FROM FOLDER f":               true,
		"SELECT f/name/value FROM FOLDER f[items/id/value = 'x']":                       true,
		"SELECT f[items/id/value = 'x']/name/value FROM FOLDER f":                       true,
		"SELECT e/ehr_id/value FROM EHR e NOT CONTAINS FOLDER f[items/id/value = 'x']":  true,
		"SELECT COUNT(f) FROM FOLDER f":                                                 true,
		"SELECT COUNT(*) FROM FOLDER f[openEHR-EHR-FOLDER.generic.v1, 'root']":          false,
		"SELECT e FROM EHR e":                                                               true,
		"SELECT e/directory/items/id/value FROM EHR e":                                      true,
		"SELECT e/folders/items/id/value FROM EHR e":                                        true,
		"SELECT e/ehr_id/value, e/ehr_status/is_queryable FROM EHR e":                       false,
		"SELECT e/ehr_id/value FROM EHR e[directory/items/id/value = 'x']":                  true,
		"SELECT v FROM EHR e CONTAINS VERSION v":                                            true,
		"SELECT v/data/items/id/value FROM EHR e CONTAINS VERSION v":                        true,
		"SELECT v/uid/value FROM EHR e CONTAINS VERSION v[data/items/id/value = 'x']":       true,
		"SELECT v/uid/value FROM EHR e CONTAINS VERSION v[commit_audit/system_id = 'x']":    false,
		"SELECT v/data/items/id/value FROM VERSION v CONTAINS FOLDER f":                     true,
		"SELECT v/data/items/id/value FROM VERSION v CONTAINS (COMPOSITION c OR FOLDER f)":  true,
		"SELECT v/data/name/value FROM EHR e CONTAINS VERSION v CONTAINS COMPOSITION c":     false,
		"SELECT c/content/items FROM EHR e CONTAINS COMPOSITION c":                          false,
		"SELECT l FROM EHR e CONTAINS LOCATABLE l":                                          false,
		"SELECT s FROM EHR e CONTAINS EHR_STATUS s":                                         false,
		"SELECT c/name/value FROM FOLDER f CONTAINS COMPOSITION c WHERE c/uid/value != 'x'": false,
	} {
		q, err := aql.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := showsReferences(q); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestQueryFolders: a caller with limits is answered as if what they may not see
// had never been committed: as everybody is about a twin who lacks it.
func TestQueryFolders(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	type person struct{ ehr, seen string }
	make := func(withHidden bool) (person, string) {
		e := h.ehr(t)
		seen := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
		root, plans := []string{seen.ObjectID}, []string(nil)
		hidden := ""
		if withHidden {
			hidden = h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{}).ObjectID
			root, plans = append(root, hidden), []string{hidden}
		}
		root = append(root, "f0000000-0000-4000-8000-000000000001 foreign")
		first, err := h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("old", root)), cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.UpdateDirectory(ctx, clinician, e.ID, first.VersionUID, folderContent(folderJSON("root", root, folderJSON("plans", plans), folderJSON("rest", []string{seen.ObjectID}))), cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return person{e.ID, seen.ObjectID}, hidden
	}
	whole, hidden := make(true)
	twin, _ := make(false)
	limited := &access.Profile{Principal: "user:vitals", Role: "vitals", Readable: []string{"north"}, Templates: []int32{h.families[vitalSigns]}}
	ask := func(p *access.Profile, of person, text string) (rows []string) {
		t.Helper()
		q, err := aql.Parse(strings.ReplaceAll(strings.ReplaceAll(text, "$SEEN", of.seen), "$HIDDEN", hidden))
		if err != nil {
			t.Fatal(text, err)
		}
		found := &testRows{}
		if err := h.db.Query(ctx, cdr.StoreQuery{Profile: p, Query: q, Options: plan.Options{EHR: of.ehr, Fetch: -1, Now: queryNow}}, found); err != nil {
			t.Fatal(text, err)
		}
		for _, row := range found.rows {
			line, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, strings.NewReplacer(of.seen, "SEEN", of.ehr, "EHR").Replace(string(line)))
		}
		slices.Sort(rows)
		return rows
	}
	for text, n := range map[string]int{
		"SELECT f/name/value FROM EHR e CONTAINS FOLDER f":                                                               3,
		"SELECT f/name/value, f/items/id/value, f/items/namespace FROM EHR e CONTAINS FOLDER f":                          4,
		"SELECT f/name/value, f/items FROM FOLDER f":                                                                     4,
		"SELECT f/name/value, COUNT(f/items/id/value) FROM FOLDER f":                                                     3,
		"SELECT f/name/value FROM FOLDER f WHERE EXISTS f/items":                                                         2,
		"SELECT f/name/value FROM FOLDER f WHERE NOT EXISTS f/items":                                                     1,
		"SELECT f/name/value FROM FOLDER f WHERE f/items/id/value = '$HIDDEN'":                                           0,
		"SELECT f/name/value FROM FOLDER f[items/id/value = '$HIDDEN']":                                                  0,
		"SELECT f/name/value FROM FOLDER f[items/id/value = '$SEEN']":                                                    2,
		"SELECT f/folders[items/id/value = '$HIDDEN']/name/value FROM FOLDER f":                                          3,
		"SELECT e/ehr_id/value FROM EHR e NOT CONTAINS FOLDER f[items/id/value = '$HIDDEN']":                             1,
		"SELECT f/name/value, c/name/value FROM FOLDER f CONTAINS COMPOSITION c":                                         2,
		"SELECT f/name/value FROM FOLDER f NOT CONTAINS COMPOSITION c":                                                   1,
		"SELECT e/directory/name/value, e/directory/items/id/value FROM EHR e":                                           2,
		"SELECT e/directory/folders/items/id/value, e/directory/folders/name/value FROM EHR e":                           2,
		"SELECT e/ehr_id/value FROM EHR e WHERE e/directory/items/id/value = '$HIDDEN'":                                  0,
		"SELECT v/data/name/value, v/data/items/id/value FROM EHR e CONTAINS VERSION v":                                  4,
		"SELECT v/data/name/value, v/data/items/id/value FROM EHR e CONTAINS VERSION v CONTAINS FOLDER f":                6,
		"SELECT v/data/name/value, v/data/items/id/value FROM EHR e CONTAINS VERSION v[ALL_VERSIONS]":                    6,
		"SELECT v/data/name/value, f/items/id/value FROM EHR e CONTAINS VERSION v[ALL_VERSIONS] CONTAINS FOLDER f":       6,
		"SELECT DISTINCT f/items/id/value FROM FOLDER f":                                                                 3,
		"SELECT MAX(f/items/id/value) FROM FOLDER f WHERE f/items/namespace = 'local'":                                   1,
		"SELECT c/name/value FROM EHR e CONTAINS (FOLDER f[items/id/value = '$HIDDEN'] OR COMPOSITION c)":                1,
		"SELECT f/name/value FROM EHR e CONTAINS FOLDER f WHERE f/items/id/value LIKE '*' ORDER BY f/name/value LIMIT 2": 2,
	} {
		got, want := ask(limited, whole, text), ask(access.System(), twin, text)
		if !slices.Equal(got, want) || len(want) != n || strings.Contains(strings.Join(got, ""), hidden) {
			t.Errorf("%s\n got %d %s\nwant %d %s", text, len(got), strings.Join(got, " "), n, strings.Join(want, " "))
		}
	}
	// Whole objects bear uids and times; what counts is what they refer to.
	for _, text := range []string{"SELECT f FROM FOLDER f", "SELECT e FROM EHR e", "SELECT e/directory FROM EHR e", "SELECT f/folders FROM FOLDER f",
		"SELECT v/data FROM EHR e CONTAINS VERSION v", "SELECT f, v/data FROM EHR e CONTAINS VERSION v[ALL_VERSIONS] CONTAINS FOLDER f"} {
		got := strings.Join(ask(limited, whole, text), "")
		if all := strings.Join(ask(access.System(), whole, text), ""); strings.Contains(got, hidden) || !strings.Contains(got, "SEEN") || !strings.Contains(all, hidden) {
			t.Errorf("%s: %s", text, got)
		}
	}

	// The use case asks no more than the right to a population of who has limits.
	rs, err := h.Query(ctx, vitals, cdr.QueryRequest{Text: "SELECT f/items/id/value FROM FOLDER f", EHR: whole.ehr})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := rs.WriteTo(&out); err != nil || strings.Contains(out.String(), hidden) || !strings.Contains(out.String(), whole.seen) {
		t.Errorf("%s %v", out.String(), err)
	}
}
