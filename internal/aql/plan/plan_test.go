package plan_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dictionary is what a small store has seen.
var dictionary = &plan.Dictionary{
	Epoch: 7,
	Archetypes: map[string]int32{
		"openEHR-EHR-COMPOSITION.visit.v1": 1, "openEHR-EHR-OBSERVATION.pressure.v1": 2, "openEHR-EHR-OBSERVATION.pressure-home.v1": 3,
		"openEHR-EHR-CLUSTER.device.v1": 4, "openEHR-EHR-EVALUATION.problem.v1": 5, "openEHR-EHR-FOLDER.episode.v1": 6,
	},
	Roots: map[rminfo.Class][]int32{
		rminfo.COMPOSITION: {1}, rminfo.OBSERVATION: {2, 3}, rminfo.CLUSTER: {4}, rminfo.EVALUATION: {5}, rminfo.FOLDER: {6},
	},
	Inner: map[rminfo.Class]map[string]bool{
		rminfo.HISTORY: {"at0001": true}, rminfo.POINT_EVENT: {"at0006": true}, rminfo.ITEM_TREE: {"at0003": true},
		rminfo.ELEMENT: {"at0004": true, "at0004.1": true, "at0005": true}, rminfo.CLUSTER: {"at0010": true}, rminfo.EVENT_CONTEXT: {"": true},
	},
}

func build(t *testing.T, text string, opts plan.Options) (*plan.Plan, error) {
	t.Helper()
	q, err := aql.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	opts.Dictionary = dictionary
	if opts.Fetch == 0 {
		opts.Fetch = -1
	}
	opts.Now = time.Date(2024, 11, 22, 10, 30, 5, 0, time.UTC)
	return plan.Build(q, opts)
}

// TestGolden plans each query of testdata/queries.txt and compares with its
// printed plan.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "queries.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	params := map[string]any{"ehr": "7d44b88c-4199-4bad-97dc-d78268e01398", "low": 90.5, "names": []any{"a", "b"}}
	for query := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		p, err := build(t, query, plan.Options{Params: params})
		b.WriteString("# " + query + "\n")
		if err != nil {
			b.WriteString("error " + err.Error() + "\n\n")
			continue
		}
		b.WriteString(p.String() + "\n")
	}
	golden := filepath.Join("testdata", "plans.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, expected := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range got {
		if i >= len(expected) || got[i] != expected[i] {
			t.Fatalf("line %d: got %q\nrun with -update and read the difference", i+1, got[i])
		}
	}
	if len(got) != len(expected) {
		t.Fatalf("%d lines, want %d", len(got), len(expected))
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct{ query, code, place string }{
		{"SELECT e FROM EHR e CONTAINS VERSION v[ALL_VERSIONS] CONTAINS COMPOSITION c", "aql-unsupported", "column 30"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value = $x", "aql-parameter", ""},
		{"SELECT c FROM BANANA c", "aql-unknown-class", "column 15"},
		{"SELECT c/banana FROM COMPOSITION c", "aql-unknown-attribute", "column 10"},
		{"SELECT q FROM DV_QUANTITY q", "aql-unsupported", "DV_QUANTITY"},
		{"SELECT e/contributions FROM EHR e", "aql-unsupported", "EHR/contributions"},
		{"SELECT DISTINCT c/name/value FROM COMPOSITION c ORDER BY c/uid/value", "aql-unsupported", "column 58"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value MATCHES {terminology://snomed.info/x}", "aql-unsupported", "URI"},
	} {
		_, err := build(t, tt.query, plan.Options{})
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || f.Code != tt.code || !strings.Contains(f.Message, tt.place) {
			t.Errorf("%s: %v, want %s at %s", tt.query, err, tt.code, tt.place)
		}
	}
}

// TestWindow: the request's window lies inside that of the query.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		limit         string
		offset, fetch int64
		wantOffset    int64
		wantLimit     int64
	}{
		{"", 0, -1, 0, -1},
		{"", 5, 10, 5, 10},
		{"LIMIT 20 OFFSET 3", 0, -1, 3, 20},
		{"LIMIT 20 OFFSET 3", 5, 10, 8, 10},
		{"LIMIT 20 OFFSET 3", 15, 10, 18, 5},
		{"LIMIT 20", 30, 10, 30, 0},
	} {
		p, err := build(t, "SELECT c FROM COMPOSITION c "+tt.limit, plan.Options{Offset: tt.offset, Fetch: tt.fetch})
		if err != nil {
			t.Fatal(err)
		}
		if p.Offset != tt.wantOffset || p.Limit != tt.wantLimit {
			t.Errorf("%q offset %d fetch %d: rows %d after %d, want %d after %d", tt.limit, tt.offset, tt.fetch, p.Limit, p.Offset, tt.wantLimit, tt.wantOffset)
		}
	}
}

// TestTopHasNoWindow: TOP and the request's window are two ways to say one thing.
func TestTopHasNoWindow(t *testing.T) {
	for _, o := range []plan.Options{{Fetch: 5}, {Offset: 1, Fetch: -1}} {
		if _, err := build(t, "SELECT TOP 3 c FROM COMPOSITION c", o); fault.Of(err).Code != "aql-top-window" {
			t.Errorf("offset %d fetch %d: %v", o.Offset, o.Fetch, err)
		}
	}
	if p, err := build(t, "SELECT TOP 3 c FROM COMPOSITION c", plan.Options{Fetch: -1}); err != nil || p.Limit != 3 {
		t.Errorf("TOP 3 alone: %v", err)
	}
}

func TestFixedEHR(t *testing.T) {
	const a, b = "7d44b88c-4199-4bad-97dc-d78268e01398", "11111111-1111-4111-8111-111111111111"
	for _, tt := range []struct{ query, ehr, want string }{
		{"SELECT e FROM EHR e[ehr_id/value = '" + a + "']", "", a},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value = '" + strings.ToUpper(a) + "' AND e/system_id/value = 'x'", "", a},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value = $ehr", "", a},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value = '" + a + "' OR e/system_id/value = 'x'", "", ""},
		{"SELECT e FROM EHR e WHERE NOT e/ehr_id/value = '" + a + "'", "", ""},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value != '" + a + "'", "", ""},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value MATCHES {'" + a + "'}", "", ""},
		{"SELECT c FROM COMPOSITION c", b, b},
		// What the request says cannot be widened by the text.
		{"SELECT e FROM EHR e[ehr_id/value = '" + a + "']", b, b},
	} {
		q, err := aql.Parse(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]any{"ehr": a}
		if got := plan.FixedEHR(q, params, tt.ehr); got != tt.want {
			t.Errorf("%s: fixed to %q, want %q", tt.query, got, tt.want)
		}
		p, err := plan.Build(q, plan.Options{Dictionary: dictionary, Params: params, EHR: tt.ehr, Fetch: -1})
		if err != nil || p.EHR != tt.want {
			t.Errorf("%s: planned for %q, %v", tt.query, p.EHR, err)
		}
		if again, err := plan.Build(q, plan.Options{Dictionary: dictionary, Params: params, EHR: tt.ehr, Fetch: -1}); err != nil || again.String() != p.String() {
			t.Errorf("%s: planned a second time it is another plan", tt.query)
		}
	}
}
