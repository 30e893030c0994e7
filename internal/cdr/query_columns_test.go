package cdr

import (
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
)

// TestColumnPaths: a column has the path of the query, and in the manners of
// EHRbase what is below an EHR's status begins at a variable of its own.
func TestColumnPaths(t *testing.T) {
	for _, c := range []struct{ column, written, peer string }{
		{"e/ehr_status/subject", "e/ehr_status/subject", "s/subject"},
		{"e/ehr_status/other_details/items[at0001]/value", "e/ehr_status/other_details/items[at0001]/value", "s/other_details/items[at0001]/value"},
		{"e/ehr_status", "e/ehr_status", "e/ehr_status"},
		{"e/ehr_id/value", "e/ehr_id/value", "e/ehr_id/value"},
		{"c/name/value", "c/name/value", "c/name/value"},
	} {
		q, err := aql.Parse("SELECT " + c.column + " FROM EHR e CONTAINS COMPOSITION c")
		if err != nil {
			t.Fatal(err)
		}
		for compat, want := range map[bool]string{false: c.written, true: c.peer} {
			m := MannersFor(compat)
			if got := m.columnPath(q, q.Select[0].Expr.(*aql.PathExpr)); got != want {
				t.Errorf("compat %v: %s is %s, want %s", compat, c.column, got, want)
			}
		}
	}
}
