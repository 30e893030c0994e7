package aql

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixtureQueries reads the query corpus beside the repository; without it the
// test is skipped.
func fixtureQueries(tb testing.TB) []string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the test")
		}
		dir = parent
	}
	files, err := filepath.Glob(filepath.Join(dir, "../shared/fixtures/openehr/aql/cases/*.json"))
	if err != nil || len(files) == 0 {
		tb.Skip("the query fixtures are not beside the repository")
	}
	var queries []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		var doc struct {
			Groups []struct {
				Cases []struct {
					AQL string `json:"aql"`
				} `json:"cases"`
			} `json:"groups"`
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			tb.Fatal(err)
		}
		for _, g := range doc.Groups {
			for _, c := range g.Cases {
				queries = append(queries, c.AQL)
			}
		}
	}
	return queries
}

// refused lists the fixture queries we refuse on purpose: a variable is declared
// once (AQL 1.1.0, 3.2: variable names are unique in the query).
var refused = map[string]bool{
	"SELECT eq/subject/external_ref/id/value FROM EHR_STATUS eq CONTAINS EHR_STATUS eq": true,
}

func TestFixtureQueriesRoundTrip(t *testing.T) {
	queries := fixtureQueries(t)
	if len(queries) < 400 {
		t.Fatalf("only %d queries", len(queries))
	}
	for _, text := range queries {
		q, err := Parse(text)
		if refused[text] {
			if err == nil {
				t.Errorf("%s\nis refused on purpose, and parsed", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		again, err := Parse(q.String())
		if err != nil {
			t.Errorf("%s\nprinted %s\n%v", text, q, err)
			continue
		}
		if diff := cmp.Diff(q, again, sameTree); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}
