package postgres

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
)

// promotable are paths of the documents of the scripts.
var promotable = []promotion.Place{
	{Archetype: "openEHR-EHR-OBSERVATION.test_pressure.v1", Path: "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"},
	{Archetype: "openEHR-EHR-OBSERVATION.test_pressure.v1", Path: "data[at0001]/events[at0006]/data[at0003]/items[at0005]/value"},
	{Archetype: "openEHR-EHR-OBSERVATION.test_pressure.v1", Path: "data[at0001]/events[at0006]/time"},
	{Archetype: "openEHR-EHR-OBSERVATION.test_pressure.v1", Path: "data[at0001]/origin"},
	{Archetype: "openEHR-EHR-OBSERVATION.test_pressure.v1", Path: "name"},
	{Archetype: "openEHR-EHR-EVALUATION.test_problem.v1", Path: "data[at0001]/items[at0002]/value"},
	{Archetype: "openEHR-EHR-CLUSTER.test_device.v1", Path: "items[at0001]/value"},
	{Archetype: "openEHR-EHR-COMPOSITION.test_encounter.v1", Path: "context/start_time"},
	{Archetype: "openEHR-EHR-COMPOSITION.test_encounter.v1", Path: "name"},
	{Archetype: "openEHR-EHR-COMPOSITION.test_encounter.v1", Path: "category"},
}

// promote promotes paths and builds them.
func (e *engine) promote(places ...promotion.Place) {
	e.t.Helper()
	promoteAll(e.t, e.db, places...)
}

func promoteAll(t testing.TB, db *DB, places ...promotion.Place) {
	t.Helper()
	ctx := context.Background()
	for _, at := range places {
		p, err := promote.Parse(at.Archetype, at.Path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Promote(ctx, p, promotion.ByAdministrator, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.BuildIndex(ctx, nil); err != nil {
		t.Fatal(err)
	}
	list, err := db.Promoted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.State != "usable" {
			t.Fatalf("%s %s is %s", p.Archetype, p.Path, p.State)
		}
	}
}

// questions are population queries that a promoted path can answer, each with
// what the statement starts from.
var questions = []struct {
	text     string
	promoted bool
}{
	{"SELECT c/uid/value, o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude > 100 ORDER BY o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude DESC, c/uid/value LIMIT 50", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude, o/data[at0001]/events[at0006]/data[at0003]/items[at0005]/value/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude >= 120", false},
	{"SELECT COUNT(*), AVG(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude) FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude < 1000", true},
	{"SELECT o FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/time/value > '2023' ORDER BY o/data[at0001]/events[at0006]/time LIMIT 3", true},
	{"SELECT c/name/value FROM COMPOSITION c[openEHR-EHR-COMPOSITION.test_encounter.v1] WHERE c/context/start_time >= '2020-01-01' ORDER BY c/context/start_time DESC, c/name/value LIMIT 10", true},
	{"SELECT c/name/value FROM COMPOSITION c[openEHR-EHR-COMPOSITION.test_encounter.v1] WHERE c/name/value LIKE 'Vis*'", true},
	{"SELECT c/name/value FROM COMPOSITION c[openEHR-EHR-COMPOSITION.test_encounter.v1] WHERE c/category/defining_code/code_string MATCHES {'433', '431'}", true},
	{"SELECT c/uid/value, c/content[openEHR-EHR-OBSERVATION.test_pressure.v1]/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM COMPOSITION c WHERE c/content[openEHR-EHR-OBSERVATION.test_pressure.v1]/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude > 90 LIMIT 100", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude > 90 OR o/name/value = 'x'", false},
	{"SELECT c/uid/value FROM COMPOSITION c NOT CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE c/name/value = 'nothing'", false},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude, c/uid/value FROM COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude, c/uid/value LIMIT 3", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude, c/uid/value FROM COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude, c/uid/value LIMIT 500", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude, c FROM COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude DESC NULLS LAST, c/uid/value LIMIT 2", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude DESC LIMIT 2", false},
	{"SELECT o/data[at0001]/events[at0006]/time/value FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/data[at0001]/events[at0006]/time LIMIT 2", true},
	{"SELECT o/data[at0001]/events[at0006]/time/value FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/data[at0001]/events[at0006]/time DESC NULLS LAST LIMIT 2", false},
	{"SELECT MIN(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), MAX(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), COUNT(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), AVG(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), SUM(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude) FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1]", true},
	{"SELECT MIN(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), MAX(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), COUNT(*) FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude < 150", true},
	{"SELECT MIN(o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude), COUNT(*) FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1]", false},
	{"SELECT COUNT(o) FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude < 150", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude <= 120 ORDER BY o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude NULLS FIRST LIMIT 5", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude = 110.00 LIMIT 5", true},
	{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude > -1e999 AND o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude < 1e999 LIMIT 5", true},
}

// The answers with and without promotion are the same, and those that should do
// start from leaf rows.
func TestPromotedAnswersAreTheSame(t *testing.T) {
	ctx := context.Background()
	e := newEngine(t)
	loadScripts(t, e)
	ask := func(text string) []string {
		_, rows, err := e.Query(ctx, text, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		l := lines(rows)
		if !strings.Contains(text, "ORDER BY") {
			sort.Strings(l)
		}
		return l
	}
	before := make([][]string, len(questions))
	for i, q := range questions {
		before[i] = ask(q.text)
	}
	e.promote(promotable...)
	if n := e.count(t, "select count(*) from leaf"); n == 0 {
		t.Fatal("no leaf row was built")
	}
	for i, q := range questions {
		after := ask(q.text)
		if !slices.Equal(before[i], after) {
			t.Errorf("%s\nbefore\n  %s\nafter\n  %s", q.text, strings.Join(before[i], "\n  "), strings.Join(after, "\n  "))
		}
		if len(after) == 0 && q.promoted {
			t.Errorf("%s finds nothing", q.text)
		}
		if sql := e.statement(t, q.text); strings.Contains(sql, "from leaf") != q.promoted {
			t.Errorf("%s: starts from leaf %t, want %t\n%s", q.text, !q.promoted, q.promoted, sql)
		}
	}
	report, err := e.db.Verify(ctx, nil)
	if err != nil || !report.Sound() {
		t.Errorf("%+v, %v", report, err)
	}
	// Rebuilding changes nothing; the verifier sees what is missing and too much.
	n := e.count(t, "select count(*) from leaf")
	if err := e.db.Reindex(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if again := e.count(t, "select count(*) from leaf"); again != n {
		t.Errorf("%d leaf rows after the rebuild, %d before", again, n)
	}
	if _, err := e.super.Exec(ctx, "delete from leaf where ctid = (select min(ctid) from leaf)"); err != nil {
		t.Fatal(err)
	}
	if report, err := e.db.Verify(ctx, nil); err != nil || report.Differences != 1 {
		t.Errorf("a leaf row is missing and the verifier says %+v, %v", report, err)
	}
	if err := e.db.Reindex(ctx, nil); err != nil {
		t.Fatal(err)
	}
	// Dropping takes all of them away, and the answers stay.
	for _, at := range promotable {
		p, err := promote.Parse(at.Archetype, at.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.db.DropPath(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if sql := e.statement(t, questions[0].text); strings.Contains(sql, "from leaf") {
		t.Error("a dropped path is still used")
	}
	if err := e.db.BuildIndex(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if n := e.count(t, "select count(*) from leaf"); n != 0 {
		t.Errorf("%d leaf rows of dropped paths", n)
	}
	for i, q := range questions {
		if after := ask(q.text); !slices.Equal(before[i], after) {
			t.Errorf("%s: %v after dropping, %v before", q.text, after, before[i])
		}
	}
}

func (e *engine) count(t testing.TB, sql string) (n int) {
	t.Helper()
	if err := e.super.QueryRow(context.Background(), sql).Scan(&n); err != nil && err != pgx.ErrNoRows {
		t.Fatal(err)
	}
	return n
}

// loadScripts loads documents of the scripts into two EHRs.
func loadScripts(t testing.TB, e *engine) {
	t.Helper()
	for i, name := range []string{"visit1.json", "visit2.json", "values.json", "status_open.json", "visit1_v2.json", "units.json", "visit3.json"} {
		doc, err := os.ReadFile(filepath.Join("../aql/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, ehr := range []string{"a", "b"}[:1+i%2] {
			if err := e.Load(context.Background(), aqltest.EHRID(ehr), doc); err != nil {
				t.Fatal(name, err)
			}
		}
	}
}

// statement is the SQL of a query as the system would run it.
func (e *engine) statement(t testing.TB, text string) string {
	t.Helper()
	return e.explain(t, text).SQL
}

func (e *engine) explain(t testing.TB, text string) cdr.QueryExplanation {
	t.Helper()
	q, err := aql.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.db.ExplainQuery(context.Background(), cdr.StoreQuery{Profile: access.System(), Query: q, Options: plan.Options{Fetch: -1, Now: queryNow}}, true)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
