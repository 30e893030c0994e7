package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// uids asks a store as a profile.
func uids(t *testing.T, db *DB, p *access.Profile, text, ehr string) ([]string, error) {
	t.Helper()
	q, err := aql.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	rows := &testRows{}
	err = db.Query(context.Background(), cdr.StoreQuery{Profile: p, Query: q, Options: plan.Options{EHR: ehr, Fetch: -1, Now: queryNow}}, rows)
	var all []string
	for _, r := range rows.rows {
		all = append(all, fmt.Sprint(r[0]))
	}
	return all, err
}

// TestQueryAccess: what a profile may not see is neither shown, counted, nor
// found by what is not there.
func TestQueryAccess(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	hidden := statusJSON("", false, true)
	private, err := h.CreateEHR(ctx, clinician, "", &hidden, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	h.create(t, private.ID, "vital_signs_minimal", cdr.CommitInfo{})

	both := []int32{h.families[vitalSigns], h.families[carePlan]}
	profile := func(change func(*access.Profile)) *access.Profile {
		p := &access.Profile{Principal: "user:analyst", Role: "analyst", Readable: []string{"north"}, Queryable: []string{"north"}, Templates: both}
		change(p)
		return p
	}
	const list = "SELECT c/uid/value FROM COMPOSITION c"
	const count = "SELECT COUNT(*) FROM EHR e CONTAINS COMPOSITION c"
	for _, tt := range []struct {
		name       string
		p          *access.Profile
		ehr        string
		rows       int
		count      string
		population bool // refused
	}{
		{name: "population, without who is not queryable", p: profile(func(*access.Profile) {}), rows: 2, count: "2"},
		{name: "the system obeys is_queryable too", p: access.System(), rows: 2, count: "2"},
		{name: "one EHR", p: profile(func(*access.Profile) {}), ehr: e.ID, rows: 2, count: "2"},
		{name: "who is not queryable is there for who treats them", p: profile(func(*access.Profile) {}), ehr: private.ID, rows: 1, count: "1"},
		{name: "one template", p: profile(func(p *access.Profile) { p.Templates = both[:1] }), rows: 1, count: "1"},
		{name: "no template", p: profile(func(p *access.Profile) { p.Templates = nil }), rows: 0, count: "0"},
		{name: "another organisation", p: profile(func(p *access.Profile) { p.Queryable, p.Readable = []string{"south"}, []string{"south"} }), rows: 0, count: "0"},
		{name: "one EHR of another organisation", p: profile(func(p *access.Profile) { p.Readable = []string{"south"} }), ehr: e.ID, rows: 0, count: "0"},
		{name: "no right to a population", p: profile(func(p *access.Profile) { p.Queryable = nil }), population: true},
		{name: "pinned to another EHR", p: profile(func(p *access.Profile) { p.EHR = private.ID }), ehr: e.ID, rows: 0, count: "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := uids(t, h.db, tt.p, list, tt.ehr)
			if tt.population {
				want(t, err, fault.Forbidden, "population")
				return
			}
			if err != nil || len(found) != tt.rows {
				t.Errorf("%d rows, %v, want %d", len(found), err, tt.rows)
			}
			if n, err := uids(t, h.db, tt.p, count, tt.ehr); err != nil || len(n) != 1 || n[0] != tt.count {
				t.Errorf("counted %v, %v, want %s", n, err, tt.count)
			}
		})
	}

	// Every kind of statement goes through row-level security and the scans.
	limited := profile(func(p *access.Profile) { p.Templates = both[:1] })
	for text, rows := range map[string]int{
		"SELECT e/ehr_id/value FROM EHR e CONTAINS (COMPOSITION c OR COMPOSITION d)": 1,
		"SELECT c FROM COMPOSITION c":                                                         1,
		"SELECT e FROM EHR e":                                                                 1,
		"SELECT e/ehr_id/value FROM EHR e NOT CONTAINS COMPOSITION c":                         0,
		"SELECT c/uid/value FROM EHR e CONTAINS VERSION v CONTAINS COMPOSITION c":             1,
		"SELECT v/uid/value FROM EHR e CONTAINS VERSION v[ALL_VERSIONS] CONTAINS COMPOSITION": 1,
		"SELECT DISTINCT c FROM COMPOSITION c":                                                1,
	} {
		if found, err := uids(t, h.db, limited, text, ""); err != nil || len(found) != rows {
			t.Errorf("%s: %d rows, %v, want %d", text, len(found), err, rows)
		}
	}
}

// TestQueryStaleDictionary: a process that has never heard of an archetype, and
// plans with what it knew before, still finds its rows.
func TestQueryStaleDictionary(t *testing.T) {
	h := newHouse(t)
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	other := h.open(t)
	for _, db := range []*DB{h.db, other} {
		if found, err := uids(t, db, access.System(), "SELECT x/name/value FROM COMPOSITION c CONTAINS EVALUATION x", ""); err != nil || len(found) != 0 {
			t.Fatalf("before: %v, %v", found, err)
		}
	}
	before := other.snapshot.Load()
	h.create(t, e.ID, "emergency_care_plan_full", cdr.CommitInfo{})
	counts := map[int]bool{}
	for _, db := range []*DB{h.db, other} {
		found, err := uids(t, db, access.System(), "SELECT x/name/value FROM COMPOSITION c CONTAINS CLUSTER x", "")
		if err != nil {
			t.Fatal(err)
		}
		counts[len(found)] = true
		if found, err = uids(t, db, access.System(), "SELECT c/uid/value FROM COMPOSITION c", ""); err != nil || len(found) != 2 {
			t.Errorf("%d compositions, %v, want 2", len(found), err)
		}
	}
	if len(counts) != 1 {
		t.Errorf("two processes give %v rows for one query", counts)
	}
	if other.snapshot.Load() == before {
		t.Error("the stale snapshot was kept")
	}
}

// TestResultSet: the answer of the use case, and its trace in the audit.
func TestResultSet(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	d := h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	h.people["user:analyst"] = &access.Profile{Principal: "user:analyst", Role: "analyst", Readable: []string{"north"}, Queryable: []string{"north"},
		Templates: []int32{h.families[vitalSigns]}}
	analyst := cdr.Caller{Subject: "user:analyst", Role: "analyst"}

	h.audit.events = nil
	text := "SELECT c/uid/value AS uid, c, 'x' FROM EHR e CONTAINS COMPOSITION c"
	rs, err := h.Query(ctx, analyst, cdr.QueryRequest{Text: text, Fetch: 10})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := rs.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Q       string
		Columns []map[string]string
		Rows    [][]json.RawMessage
		Meta    map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if got.Q != text || len(got.Rows) != 1 || string(got.Rows[0][0]) != `"`+d.VersionUID+`"` || got.Meta["resultsize"] != 1.0 || got.Meta["fetch"] != 10.0 {
		t.Errorf("%s", out.Bytes())
	}
	if !bytes.Equal(got.Rows[0][1], d.JSON) {
		t.Error("a whole composition is not the stored document")
	}
	if fmt.Sprint(got.Columns) != "[map[name:uid path:c/uid/value] map[name:#1 path:c] map[name:#2]]" {
		t.Errorf("columns %v", got.Columns)
	}
	events := h.audit.events
	if len(events) != 2 {
		t.Fatalf("%d audit rows, want opening, and closing with what was shown", len(events))
	}
	opening, closing := events[0], events[1]
	if opening.Action != "E" || len(opening.QueryHash) != 32 || len(closing.Shown) != 1 || closing.Shown[0] != e.ID ||
		closing.Opening != opening.ID || closing.Rows == nil || *closing.Rows != 1 {
		t.Errorf("audit %+v", events)
	}

	h.audit.events = nil
	_, err = h.Query(ctx, reader, cdr.QueryRequest{Text: text})
	want(t, err, fault.Forbidden, "forbidden")
	if len(h.audit.events) != 1 || h.audit.events[0].Outcome != "denied" {
		t.Errorf("the denial is audited as %+v", h.audit.events)
	}
	if rs, err = h.Query(ctx, reader, cdr.QueryRequest{Text: text, EHR: e.ID}); err != nil {
		t.Fatal("a query about one EHR:", err)
	}
	if n, err := rs.WriteTo(&bytes.Buffer{}); err != nil || n == 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	for _, r := range []cdr.QueryRequest{{Text: "SELECT"}, {Text: text, EHR: "x"}, {Text: text, Offset: -1}} {
		_, err := h.Query(ctx, analyst, r)
		want(t, err, fault.Invalid, "")
	}
	rs, err = h.Query(ctx, analyst, cdr.QueryRequest{Text: "SELECT c FROM COMPOSITION c WHERE c/name/value = $x"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := rs.WriteTo(&bytes.Buffer{})
	if want(t, err, fault.Invalid, "aql-parameter"); n != 0 {
		t.Errorf("%d bytes were written before the fault", n)
	}
}
