package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/result"
	"github.com/quire-cdr/quire/internal/fault"
)

// slow runs for minutes on a handful of elements.
const slow = "SELECT COUNT(*) FROM EHR e CONTAINS (ELEMENT a AND ELEMENT b AND ELEMENT c AND ELEMENT d AND ELEMENT f AND ELEMENT g AND ELEMENT h AND ELEMENT i)"

// createNamed commits a composition.
func (h *house) createNamed(t *testing.T, ehr string, content cdr.Content) {
	t.Helper()
	if _, err := h.CreateComposition(context.Background(), clinician, ehr, content, cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
}

// pageOf runs a query and gives its rows as text, and what came of it.
func pageOf(t *testing.T, h *house, caller cdr.Caller, r cdr.QueryRequest) ([]string, cdr.QueryOutcome, error) {
	t.Helper()
	rs, err := h.Query(context.Background(), caller, r)
	if err != nil {
		return nil, cdr.QueryOutcome{}, err
	}
	var out bytes.Buffer
	if _, err := rs.WriteTo(&out); err != nil {
		return nil, cdr.QueryOutcome{}, err
	}
	var got struct{ Rows []json.RawMessage }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	rows := []string{}
	for _, row := range got.Rows {
		rows = append(rows, string(row))
	}
	return rows, rs.Outcome(), nil
}

// TestPages: the pages of a query are the whole of it, in its order, each row
// once, though others write meanwhile.
func TestPages(t *testing.T) {
	h := newHouse(t)
	named := func(ehr, name string) {
		h.createNamed(t, ehr, example(t, "vital_signs_full", func(d map[string]any) { d["name"].(map[string]any)["value"] = name }))
	}
	var ehrs []string
	for _, names := range [][]string{{"b", "a", "c"}, {"a", "b"}, {"d"}} {
		e := h.ehr(t)
		ehrs = append(ehrs, e.ID)
		for _, name := range names {
			named(e.ID, name)
		}
	}
	for _, text := range []string{
		"SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c",
		"SELECT c/name/value, c/uid/value FROM EHR e CONTAINS COMPOSITION c ORDER BY c/name/value DESC",
		"SELECT c/name/value FROM EHR e CONTAINS COMPOSITION c ORDER BY c/name/value",
		"SELECT c/name/value, c/context/start_time FROM EHR e CONTAINS COMPOSITION c ORDER BY c/context/start_time, c/name/value DESC",
		"SELECT c, o/name/value FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o ORDER BY o/name/value",
		"SELECT l/value, l/value/magnitude FROM COMPOSITION c CONTAINS ELEMENT l ORDER BY l/value",
		"SELECT l/value/magnitude FROM COMPOSITION c CONTAINS ELEMENT l ORDER BY l/value/magnitude DESC LIMIT 9 OFFSET 2",
		"SELECT o/data/events/data/items/value/units, o/data/events/data/items/name/value FROM COMPOSITION c CONTAINS OBSERVATION o",
		"SELECT DISTINCT l/name/value FROM ELEMENT l ORDER BY l/name/value",
		"SELECT DISTINCT l/value/units FROM ELEMENT l",
		"SELECT c/name/value, COUNT(*) FROM COMPOSITION c CONTAINS ELEMENT l",
		"SELECT COUNT(*) FROM COMPOSITION c",
		"SELECT e/ehr_id/value, s/subject FROM EHR e CONTAINS EHR_STATUS s",
		"SELECT o, x FROM EHR e CONTAINS COMPOSITION c CONTAINS (OBSERVATION o OR CLUSTER x)",
	} {
		whole, _, err := pageOf(t, h, system, cdr.QueryRequest{Text: text})
		if err != nil {
			t.Fatal(text, err)
		}
		for _, size := range []int64{1, 4, 1000} {
			if size == 1 && len(whole) > 30 {
				size = 7
			}
			var all []string
			r := cdr.QueryRequest{Text: text, Paged: true, Fetch: size}
			for {
				rows, outcome, err := pageOf(t, h, system, r)
				if err != nil {
					t.Fatalf("%s, %d rows a page: %v", text, size, err)
				}
				if all = append(all, rows...); len(all) > len(whole) || outcome.Next == "" {
					break
				}
				if int64(len(rows)) != size {
					t.Fatalf("%s: a page of %d rows with a next one", text, len(rows))
				}
				r.Cursor = outcome.Next
			}
			a, b := slices.Clone(all), slices.Clone(whole)
			slices.Sort(a)
			slices.Sort(b)
			if !strings.Contains(text, "LIMIT") && !slices.Equal(a, b) || len(a) != len(b) {
				t.Errorf("%s, %d rows a page: %d rows\n%s\nwant %d\n%s", text, size, len(a), strings.Join(a, "\n"), len(b), strings.Join(b, "\n"))
			}
			if strings.Contains(text, "ORDER BY c/name/value") && !strings.Contains(text, "uid") && !slices.Equal(all, whole) {
				t.Errorf("%s, %d rows a page: the order is %q, want %q", text, size, all, whole)
			}
		}
	}

	const text = "SELECT c/name/value, c/uid/value FROM EHR e CONTAINS COMPOSITION c ORDER BY c/name/value"
	before, _, err := pageOf(t, h, system, cdr.QueryRequest{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	r := cdr.QueryRequest{Text: text, Paged: true, Fetch: 2}
	for {
		rows, outcome, err := pageOf(t, h, system, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			seen[row]++
		}
		if r.Cursor = outcome.Next; r.Cursor == "" {
			break
		}
		named(ehrs[0], "a")
		if len(seen) < 9 {
			named(ehrs[1], "bb")
		}
	}
	for _, row := range before {
		if seen[row] != 1 {
			t.Errorf("%s was given %d times", row, seen[row])
		}
		delete(seen, row)
	}
	for row, n := range seen {
		if n != 1 || !strings.HasPrefix(row, `["bb"`) {
			t.Errorf("%s was given %d times though it came late", row, n)
		}
	}
}

// TestCursorIsBound to what it was made for.
func TestCursorIsBound(t *testing.T) {
	h := newHouse(t)
	e := h.ehr(t)
	for range 3 {
		h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	}
	const text = "SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c WHERE c/name/value != $n"
	first := cdr.QueryRequest{Text: text, Paged: true, Fetch: 1, Params: map[string]any{"n": "x"}}
	_, outcome, err := pageOf(t, h, system, first)
	if err != nil || outcome.Next == "" {
		t.Fatal(outcome, err)
	}
	next := func(change func(*cdr.QueryRequest)) error {
		r := first
		r.Cursor = outcome.Next
		change(&r)
		_, _, err := pageOf(t, h, system, r)
		return err
	}
	if err := next(func(*cdr.QueryRequest) {}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*cdr.QueryRequest){
		"text":      func(r *cdr.QueryRequest) { r.Text += " " },
		"parameter": func(r *cdr.QueryRequest) { r.Params = map[string]any{"n": "y"} },
		"EHR":       func(r *cdr.QueryRequest) { r.EHR = e.ID },
		"tampered": func(r *cdr.QueryRequest) {
			r.Cursor = strings.Map(func(c rune) rune {
				if c == rune(r.Cursor[30]) {
					return 'A' + (c+1)%26
				}
				return c
			}, r.Cursor)
		},
		"short":  func(r *cdr.QueryRequest) { r.Cursor = "AAAA" },
		"offset": func(r *cdr.QueryRequest) { r.Offset = 1 },
		"TOP":    func(r *cdr.QueryRequest) { r.Text, r.Cursor = "SELECT TOP 2 c FROM COMPOSITION c", "" },
		"documents": func(r *cdr.QueryRequest) {
			r.Text, r.Cursor, r.Params = "SELECT v/uid/value FROM EHR e CONTAINS VERSION v[all_versions] CONTAINS COMPOSITION c", "", nil
		},
	} {
		if f := fault.Of(next(change)); f.Kind != fault.Invalid || f.Code != "query-cursor" {
			t.Errorf("%s: %v", name, f)
		}
	}
	other := cdr.Caller{Subject: "user:other"}
	r := first
	r.Cursor = outcome.Next
	r.EHR = e.ID
	h.people[other.Subject] = h.people[clinician.Subject]
	if _, _, err := pageOf(t, h, other, r); !fault.Is(err, fault.Invalid) {
		t.Errorf("another caller: %v", err)
	}
}

// limit gives every role the limits.
func (h *house) limit(l cdr.QueryLimits) {
	h.Service = cdr.New(cdr.Deps{Store: h.db, Authorizer: h.people, Auditor: h.audit, SystemID: "test.quire", QueryLimits: cdr.QueryLimitsByRole{"default": l}})
}

// TestQueryLimits: a role's limits, each named where it is met.
func TestQueryLimits(t *testing.T) {
	h := newHouse(t)
	e := h.ehr(t)
	for range 5 {
		h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	}
	const text = "SELECT c/uid/value FROM COMPOSITION c"
	h.limit(cdr.QueryLimits{Rows: 3})
	for _, x := range []struct {
		r         cdr.QueryRequest
		rows      int
		truncated int64
	}{
		{cdr.QueryRequest{Text: text}, 3, 3},
		{cdr.QueryRequest{Text: text, Fetch: 4}, 3, 3},
		{cdr.QueryRequest{Text: text, Fetch: 3}, 3, 0},
		{cdr.QueryRequest{Text: text, Fetch: 4, Offset: 2}, 3, 0},
		{cdr.QueryRequest{Text: text + " LIMIT 3"}, 3, 0},
		{cdr.QueryRequest{Text: text + " LIMIT 4"}, 3, 3},
		{cdr.QueryRequest{Text: text, EHR: e.ID, Format: result.Format{}}, 3, 3},
	} {
		rows, outcome, err := pageOf(t, h, system, x.r)
		if err != nil || len(rows) != x.rows || outcome.Truncated != x.truncated {
			t.Errorf("%+v: %d rows, truncated %d, %v", x.r, len(rows), outcome.Truncated, err)
		}
	}
	_, _, err := pageOf(t, h, system, cdr.QueryRequest{Text: "SELECT TOP 4 c/uid/value FROM COMPOSITION c"})
	want(t, err, fault.Invalid, "query-rows")

	h.limit(cdr.QueryLimits{Bytes: 100, WorkMemory: 1 << 20})
	_, _, err = pageOf(t, h, system, cdr.QueryRequest{Text: text})
	if f := want(t, err, fault.Invalid, "query-bytes"); !strings.Contains(f.Message, "100 bytes") {
		t.Error(f)
	}
	if last := h.audit.events[len(h.audit.events)-1]; last.Outcome != "error" || last.Opening == "" {
		t.Errorf("the closing row is %+v", last)
	}

	h.limit(cdr.QueryLimits{Seconds: 0.3})
	began := time.Now()
	_, _, err = pageOf(t, h, system, cdr.QueryRequest{Text: slow})
	if f := want(t, err, fault.Timeout, "query-time"); !strings.Contains(f.Message, "300ms") || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", f, time.Since(began))
	}
}

// TestQueryOfAClientThatLeft: the database is free soon after nobody waits.
func TestQueryOfAClientThatLeft(t *testing.T) {
	h := newHouse(t)
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	h.limit(cdr.QueryLimits{AtOnce: 1})
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	rs, err := h.Query(ctx, system, cdr.QueryRequest{Text: slow})
	if err != nil {
		t.Fatal(err)
	}
	running := func() int {
		return h.count(t, "select count(*) from pg_stat_activity where application_name = 'quire query' and datname = current_database() and state = 'active'")
	}
	ended := make(chan error, 1)
	go func() {
		_, err := rs.WriteTo(&bytes.Buffer{})
		ended <- err
	}()
	for range 100 {
		if running() == 1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if running() != 1 {
		t.Fatal("the query does not run")
	}
	_, _, err = pageOf(t, h, system, cdr.QueryRequest{Text: "SELECT e FROM EHR e"})
	if f := want(t, err, fault.Unavailable, "query-at-once"); !strings.Contains(f.Message, "1 queries") || f.RetryAfter == 0 {
		t.Errorf("%+v", f)
	}
	leave()
	left := time.Now()
	if err := <-ended; err == nil {
		t.Error("it ended without an error")
	}
	for running() > 0 && time.Since(left) < 5*time.Second {
		time.Sleep(20 * time.Millisecond)
	}
	if took := time.Since(left); took > 2*time.Second {
		t.Errorf("the database worked on for %s", took)
	}
}
