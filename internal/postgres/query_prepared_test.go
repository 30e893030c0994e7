package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Values of a query are bound: with others it is the same statement, which is
// prepared once a connection.
func TestValuesAreBound(t *testing.T) {
	ctx := context.Background()
	e := newEngine(t)
	loadScripts(t, e)
	e.promote(promotable...)
	const from = " FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] "
	const path = "o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude"
	for _, q := range []string{
		"SELECT c/uid/value, " + path + from + "WHERE " + path + " > %d ORDER BY " + path + " DESC LIMIT %[1]d",
		"SELECT c/uid/value" + from + "WHERE " + path + " = %d OR o/name/value = 'a%[1]d' LIMIT 7 OFFSET %[1]d",
		"SELECT c/uid/value" + from + "WHERE o/name/value MATCHES {'a%d', 'b%[1]d'} AND c/name/value LIKE 'x%[1]d*'",
		"SELECT COUNT(*), MAX(" + path + ")" + from + "WHERE " + path + " < %d AND o/data[at0001]/events[at0006]/time/value > '20%[1]d-01-01'",
		"SELECT o/name/value, %d, 'a%[1]d'" + from + "WHERE e/ehr_id/value = '00000000-0000-4000-8000-0000000000%[1]d'",
	} {
		one, other := fmt.Sprintf(q, 21), fmt.Sprintf(q, 47)
		first := e.statement(t, one)
		if again := e.statement(t, other); again != first {
			t.Errorf("%s\nis\n%s\nand with other values\n%s", one, first, again)
		}
		if strings.Contains(first, "21") {
			t.Errorf("%s\nhas its value in\n%s", one, first)
		}
		for i := range 12 {
			if _, _, err := e.Query(ctx, fmt.Sprintf(q, 20+i), nil); err != nil {
				t.Fatal(err)
			}
		}
		err := e.db.with(ctx, e.db.query, e.db.queryWait, func(conn *pgx.Conn) error {
			var n int
			if err := conn.QueryRow(ctx, `select count(*) from pg_prepared_statements where statement = $1`, first).Scan(&n); err != nil {
				return err
			}
			if n > 1 {
				t.Errorf("%s is prepared %d times", one, n)
			}
			var most int
			if err := conn.QueryRow(ctx, `select coalesce(max(generic_plans + custom_plans), 0) from pg_prepared_statements where statement = $1`, first).Scan(&most); err != nil {
				return err
			}
			if most < 4 {
				t.Errorf("%s is used %d times once prepared", one, most)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// EXPLAIN says what would help, and then that it does.
func TestExplainSaysWhatHelps(t *testing.T) {
	e := newEngine(t)
	loadScripts(t, e)
	const path = "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"
	const text = "SELECT o/name/value FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] WHERE o/" + path + "/magnitude > 100 ORDER BY o/" + path + "/magnitude LIMIT 5"
	command := "quire index add 'openEHR-EHR-OBSERVATION.test_pressure.v1' '" + path + "'"
	before := e.explain(t, text)
	if before.Promoted != "" || len(before.Slow) == 0 || !slices.Contains(before.Promote, command) || before.Rows == nil {
		t.Errorf("before: %+v", before)
	}
	e.promote(promotable...)
	after := e.explain(t, text)
	if !strings.HasPrefix(after.Promoted, path) || len(after.Promote) > 0 || !slices.Contains(after.Indexes, "leaf_n") {
		t.Errorf("after: %+v", after)
	}
	const sorted = "SELECT o/" + path + "/magnitude FROM OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] ORDER BY o/" + path + "/magnitude DESC"
	if got := e.explain(t, sorted+" LIMIT 5"); got.Promoted != "" || !strings.Contains(strings.Join(got.Slow, "\n"), "with NULLS LAST") {
		t.Errorf("what has no value comes first: %+v", got)
	}
	if got := e.explain(t, sorted+" NULLS LAST LIMIT 5"); !strings.HasPrefix(got.Promoted, path) || len(got.Slow) > 0 {
		t.Errorf("what has no value comes last: %+v", got)
	}
}
