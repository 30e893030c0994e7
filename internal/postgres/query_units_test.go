package postgres

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr"
)

// TestQueryUnits: the units behind numbers are told apart from the rows.
func TestQueryUnits(t *testing.T) {
	ctx, e := context.Background(), newEngine(t)
	doc, err := os.ReadFile("../aql/testdata/units.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Load(ctx, aqltest.EHRID("a"), doc); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"SELECT l/value/magnitude FROM ELEMENT l[at0043]":                                         "kPa mmHg mm[Hg]",
		"SELECT l/value FROM ELEMENT l[at0043]":                                                   "kPa mmHg mm[Hg]",
		"SELECT AVG(l/value/magnitude) FROM ELEMENT l[at0043]":                                    "kPa mmHg mm[Hg]",
		"SELECT MAX(l/value), l/name/value FROM ELEMENT l[at0043]":                                "kPa mmHg mm[Hg]",
		"SELECT l/value/magnitude, COUNT(*) FROM ELEMENT l[at0043]":                               "kPa mmHg mm[Hg]",
		"SELECT l/value/magnitude FROM ELEMENT l[at0043] WHERE l/value/units = 'kPa'":             "kPa",
		"SELECT COUNT(l/value/magnitude), SUM(l/value/magnitude) FROM ELEMENT l[at0099]":          "",
		"SELECT COUNT(l/value), l/value/units, l/name/value FROM ELEMENT l[at0043]":               "",
		"SELECT c, l/value/magnitude FROM COMPOSITION c CONTAINS ELEMENT l[at0043, 'pressure']":   "",
		"SELECT v, l/value/magnitude FROM EVENT v CONTAINS ELEMENT l[at0043] ORDER BY l/value":    "kPa mmHg mm[Hg]",
		"SELECT TOP 1 BACKWARD l/value/magnitude FROM ELEMENT l[at0043] ORDER BY l/value/units":   "mm[Hg]",
		"SELECT l/value/magnitude FROM ELEMENT l[at0043] ORDER BY l/value/units DESC LIMIT 2":     "mmHg mm[Hg]",
		"SELECT c/name/value FROM COMPOSITION c WHERE c/content/data/events/data/items/value > 1": "",
	} {
		q, err := aql.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		rows := &testRows{}
		if err := e.db.Query(ctx, cdr.StoreQuery{Profile: access.System(), Query: q, Options: plan.Options{Fetch: -1, Now: queryNow}}, rows); err != nil {
			t.Fatal(text, err)
		}
		slices.Sort(rows.units)
		if got := strings.Join(slices.Compact(rows.units), " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
