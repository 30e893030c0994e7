package model

import (
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
)

func TestReach(t *testing.T) {
	for text, want := range map[string]int{
		"SELECT x/data/events/time/value FROM OBSERVATION x":                             4,
		"SELECT x/data/events/items/value FROM OBSERVATION x":                            2,
		"SELECT x/data/events/width/value FROM OBSERVATION x":                            4,
		"SELECT x/links/items FROM COMPOSITION x":                                        1,
		"SELECT x/content/data/events FROM COMPOSITION x":                                3,
		"SELECT x/ehr_status/other_details/items/value/value FROM EHR x":                 5,
		"SELECT x/directory/folders/items/id/value FROM EHR x":                           5,
		"SELECT x/name FROM EHR x":                                                       0,
		"SELECT x/data/context/start_time FROM VERSION x CONTAINS COMPOSITION c":         3,
		"SELECT x/data/context/start_time FROM VERSION x CONTAINS EHR_STATUS s":          1,
		"SELECT x/data/identities/details FROM VERSION x CONTAINS PERSON p":              3,
		"SELECT x/data/is_queryable FROM VERSION x CONTAINS (COMPOSITION c OR FOLDER f)": 1,
		"SELECT x/commit_audit/time_committed/value FROM VERSION x":                      3,
		"SELECT x/data/is_queryable FROM VERSION x":                                      2,
	} {
		q, err := aql.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		path := q.Select[0].Expr.(*aql.PathExpr)
		if got := Reach(q.Class(path.Variable), path.Path.Segments); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
