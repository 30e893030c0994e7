package eval_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/eval"
	"github.com/quire-cdr/quire/internal/fault"
)

// memory loads the documents of the scripts into EHR e1.
func memory(t testing.TB, files ...string) *aqltest.Memory {
	t.Helper()
	m := &aqltest.Memory{}
	for _, f := range files {
		if err := m.Load(t.Context(), aqltest.EHRID("e1"), document(t, f)); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
	return m
}

func document(t testing.TB, file string) []byte {
	t.Helper()
	doc, err := os.ReadFile("../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// want runs a query and compares the rows, written as JSON, as they come.
func want(t *testing.T, m *aqltest.Memory, query, rows string) {
	t.Helper()
	_, got, err := m.Query(t.Context(), query, nil)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != rows {
		t.Errorf("%s\ngot  %s\nwant %s", query, b, rows)
	}
}

// A draft never hides what is valid (DESIGN 5a rule 1), and LATEST_VERSION
// stays literal.
func TestDraftDoesNotHide(t *testing.T) {
	m := memory(t, "visit1.json")
	if _, err := m.Commit(aqltest.EHRID("e1"), "", document(t, "visit1_v2.json"), false); err != nil {
		t.Fatal(err)
	}
	const name = "SELECT c/name/value FROM "
	want(t, m, name+"COMPOSITION c", `[["Visit"]]`)
	want(t, m, name+"VERSION v CONTAINS COMPOSITION c", `[["Visit"]]`)
	want(t, m, name+"VERSION v[LATEST_VERSION] CONTAINS COMPOSITION c", `[["Visit corrected"]]`)
	want(t, m, name+"VERSION v[ALL_VERSIONS] CONTAINS COMPOSITION c", `[["Visit"],["Visit corrected"]]`)
	if _, err := m.Commit(aqltest.EHRID("e1"), "", document(t, "visit1_v2.json"), true); err != nil {
		t.Fatal(err)
	}
	want(t, m, name+"COMPOSITION c", `[["Visit corrected"]]`)
}

func TestDeletedIsGone(t *testing.T) {
	m := memory(t, "visit1.json")
	m.Delete(aqltest.EHRID("e1"), "11111111-1111-4111-8111-111111111111::"+aqltest.SystemID+"::1")
	want(t, m, "SELECT COUNT(*) FROM COMPOSITION c", `[[0]]`)
	want(t, m, "SELECT v/lifecycle_state/value FROM VERSION v[LATEST_VERSION]", `[["deleted"]]`)
	want(t, m, "SELECT COUNT(*) FROM VERSION v[ALL_VERSIONS] CONTAINS COMPOSITION c", `[[1]]`)
}

func TestWholeObjects(t *testing.T) {
	m := memory(t, "status_open.json", "visit1.json")
	_, rows, err := m.Query(t.Context(), "SELECT e, v, c, s FROM EHR e CONTAINS ((VERSION v CONTAINS COMPOSITION c) AND EHR_STATUS s)", nil)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, class := range []string{"EHR", "ORIGINAL_VERSION", "COMPOSITION", "EHR_STATUS"} {
		object, ok := rows[0][i].(map[string]any)
		if !ok || object["_type"] != class {
			t.Errorf("column %d is no %s: %v", i, class, rows[0][i])
		}
	}
	if id := rows[0][0].(map[string]any)["ehr_id"].(map[string]any)["value"]; id != aqltest.EHRID("e1") {
		t.Errorf("ehr_id %v", id)
	}
	if rows[0][1].(map[string]any)["data"] == nil {
		t.Error("the version has no data")
	}
}

func TestExactArchetypes(t *testing.T) {
	m := memory(t, "visit2.json")
	const query = "SELECT p/name/value, p/data/items[at0002]/name/value FROM EVALUATION p[openEHR-EHR-EVALUATION.test_problem.v1]"
	want(t, m, query, `[["Problem","Diagnosis"],["Special problem","Diagnosis"]]`)
	m.Options.ExactArchetypes = true
	want(t, m, query, `[["Problem","Diagnosis"]]`)
}

func TestZone(t *testing.T) {
	m := memory(t, "values.json")
	const query = "SELECT COUNT(*) FROM ELEMENT l[at0019] WHERE l/value = '2024-05-01T11:00:00'"
	want(t, m, query, `[[1]]`)
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	m.Options.Zone = london
	want(t, m, query, `[[2]]`)
	m.Options.Now = time.Date(2024, 7, 1, 23, 30, 0, 0, time.UTC)
	want(t, m, "SELECT CURRENT_DATE(), CURRENT_TIME(), NOW(), CURRENT_TIMEZONE() FROM EHR",
		`[["2024-07-02","00:30:00","2024-07-02T00:30:00.000+01:00","+01:00"]]`)
}

func TestBounds(t *testing.T) {
	m := memory(t, "values.json")
	m.Options.MaxRows = 10
	_, _, err := m.Query(t.Context(), "SELECT a FROM EVENT e CONTAINS (ELEMENT a AND ELEMENT b)", nil)
	if f := fault.Of(err); f.Kind != fault.Invalid || !strings.Contains(f.Message, "10 rows") {
		t.Errorf("no row limit: %v", err)
	}
	want(t, m, "SELECT COUNT(*) FROM ELEMENT a[at0010]", `[[3]]`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := m.Query(ctx, "SELECT e FROM EHR e", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled query ran: %v", err)
	}
}

// Every construct that is not supported is named with its place.
func TestUnsupportedNamesThePlace(t *testing.T) {
	m := memory(t, "visit1.json")
	for query, place := range map[string]string{
		"SELECT FOO(1) FROM EHR":                                               "column 8: the function FOO",
		"SELECT c FROM COMPOSITION c CONTAINS String s":                        "column 38: String is no class",
		"SELECT c/content[name/value MATCHES {/a(b/}] FROM COMPOSITION c":      "column 18: this regular expression",
		"SELECT c FROM COMPOSITION c[name/value = SNOMED-CT::1]":               "column 42: a term code as operand",
		"SELECT DISTINCT c/uid/value FROM COMPOSITION c ORDER BY c/name/value": "column 57: ORDER BY an expr",
		"SELECT CONCAT(MAX(c/name/value), c/uid/value) FROM COMPOSITION c":     "column 34: a path beside an aggregate",
		"SELECT c FROM COMPOSITION c WHERE c/nmae/value = 'x'":                 "column 37: no class of the reference model has an attribute nmae",
		"SELECT c FROM COMPOSITON c":                                           "column 15: COMPOSITON is no class",
		"SELECT c FROM COMPOSITION c WHERE c/uid/value = $nothing":             "column 49: parameter nothing has no value",
	} {
		_, _, err := m.Query(t.Context(), query, nil)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fmt.Sprint(err), place) {
			t.Errorf("%s\nwant %s\ngot  %v", query, place, err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	m := memory(b, "visit1.json", "visit2.json", "values.json")
	q, err := aql.Parse("SELECT o/data/events/time/value, o/data/events/data/items[at0004]/value/magnitude FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o WHERE o/data/events/data/items[at0004]/value/magnitude > 100")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := eval.Run(b.Context(), q, nil, m, eval.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
