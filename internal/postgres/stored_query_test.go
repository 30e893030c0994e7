package postgres

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const countAQL = "SELECT COUNT(c) AS n FROM EHR e CONTAINS COMPOSITION c"

func TestStoredQueries(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	keeper := cdr.Caller{Subject: "user:keeper", Role: "informatician"}
	h.people[keeper.Subject] = &access.Profile{Principal: keeper.Subject, Areas: []string{"queries"}}
	store := func(s *cdr.Service, name, version, text string) (cdr.StoredQuery, error) {
		return s.StoreQuery(ctx, keeper, name, version, text)
	}
	for _, x := range []struct {
		name, version, text string
		kind                fault.Kind
		code, stored        string
	}{
		{"org::count", "1.0.0", countAQL, 0, "", "1.0.0"},
		{"org::count", "1.0.0", countAQL, fault.Conflict, "query-exists", ""},
		{"ORG::Count", "1.0.0", countAQL, fault.Conflict, "query-exists", ""},
		{"org::count", "1.2.0", countAQL + " ", 0, "", "1.2.0"},
		{"org::count", "1.10.0", countAQL + "  ", 0, "", "1.10.0"},
		{"org::count", "2.0.0", countAQL, 0, "", "2.0.0"},
		{"org::count", "", countAQL + "\n", 0, "", "1.0.0"},
		{"count", "", countAQL, 0, "", "1.0.0"},
		{"org::count", "1.0", countAQL, fault.Invalid, "query-version", ""},
		{"org::count", "1.0.0-rc.1", countAQL, fault.Invalid, "query-version", ""},
		{"AQL", "", countAQL, fault.Invalid, "query-name", ""},
		{"a b", "", countAQL, fault.Invalid, "query-name", ""},
		{"org::bad", "", "SELECT FROM", fault.Invalid, "", ""},
	} {
		q, err := store(h.Service, x.name, x.version, x.text)
		if x.kind != 0 {
			if f := fault.Of(err); err == nil || f.Kind != x.kind || x.code != "" && f.Code != x.code {
				t.Errorf("%s/%s: %v", x.name, x.version, err)
			}
			continue
		}
		if err != nil || q.Version != x.stored {
			t.Errorf("%s/%s: %+v, %v", x.name, x.version, q, err)
		}
	}
	// The peer numbers on.
	if q, err := store(h.service(h.db, true), "org::count", "", countAQL); err != nil || q.Version != "2.0.1" {
		t.Errorf("%+v, %v", q, err)
	}
	for _, x := range []struct{ name, version, want, text string }{
		{"org::count", "", "2.0.1", countAQL}, {"org::count", "1", "1.10.0", countAQL + "  "}, {"org::COUNT", "1.2", "1.2.0", countAQL + " "},
		{"org::count", "1.0.0", "1.0.0", countAQL + "\n"}, {"misc::count", "", "1.0.0", countAQL}, {"count", "1.0.0", "1.0.0", countAQL},
		{"org::count", "3", "", ""}, {"org::count", "x", "", ""}, {"aql", "", "", ""}, {"org::none", "", "", ""},
	} {
		q, err := h.StoredQuery(ctx, keeper, x.name, x.version)
		if x.want == "" {
			want(t, err, fault.NotFound, "query-unknown")
		} else if err != nil && !fault.Is(err, fault.NotFound) || q.Version != x.want || q.AQL != x.text {
			// keeper may read what it administers
			t.Errorf("%s/%s: %+v, %v", x.name, x.version, q, err)
		}
	}
	list, err := h.StoredQueries(ctx, keeper, "org::c")
	var versions []string
	for _, q := range list {
		versions = append(versions, q.Version)
	}
	if got := strings.Join(versions, " "); err != nil || got != "1.0.0 1.2.0 1.10.0 2.0.0 2.0.1" {
		t.Errorf("%s, %v", got, err)
	}
	nobody := cdr.Caller{Subject: "user:nobody"}
	if list, err := h.StoredQueries(ctx, nobody, ""); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	_, err = h.StoredQuery(ctx, nobody, "org::count", "")
	want(t, err, fault.NotFound, "query-unknown")
	_, err = h.StoreQuery(ctx, clinician, "org::mine", "", countAQL)
	want(t, err, fault.Forbidden, "")
	want(t, h.DeleteStoredQuery(ctx, clinician, "org::count", "1.0.0"), fault.Forbidden, "")
	if err := h.DeleteStoredQuery(ctx, keeper, "org::count", "2.0.0"); err != nil {
		t.Error(err)
	}
	want(t, h.DeleteStoredQuery(ctx, keeper, "org::count", "2.0.0"), fault.NotFound, "query-unknown")
}

// A service account asks a population only what it was given by name, and sees
// whom it may read.
func TestStoredQueryRights(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	if _, err := h.StoreQuery(ctx, system, "org::count", "1.0.0", countAQL); err != nil {
		t.Fatal(err)
	}
	if _, err := h.StoreQuery(ctx, system, "org::other", "1.0.0", countAQL); err != nil {
		t.Fatal(err)
	}
	engine := cdr.Caller{Subject: "svc:engine", Service: true}
	h.people[engine.Subject] = &access.Profile{Principal: engine.Subject, Service: true, Readable: []string{"north"},
		Templates: []int32{h.families[vitalSigns]}, StoredQueries: []string{"org::count"}}
	run := func(caller cdr.Caller, name, ehr string) (string, error) {
		rs, err := h.ExecuteStoredQuery(ctx, caller, name, "1", cdr.QueryRequest{EHR: ehr})
		if err != nil {
			return "", err
		}
		var b bytes.Buffer
		_, err = rs.WriteTo(&b)
		return b.String(), err
	}
	text, err := run(engine, "org::count", "")
	if err != nil || !strings.Contains(text, `"rows":[[1]]`) || !strings.Contains(text, `"name":"org::count/1.0.0"`) {
		t.Errorf("%s, %v", text, err)
	}
	_, err = run(engine, "org::other", "")
	want(t, err, fault.Forbidden, "")
	if text, err := run(engine, "org::other", e.ID); err != nil || !strings.Contains(text, `"rows":[[1]]`) {
		t.Errorf("within one EHR: %s, %v", text, err)
	}
	_, err = h.Query(ctx, engine, cdr.QueryRequest{Text: countAQL})
	want(t, err, fault.Forbidden, "")
	_, err = run(engine, "org::none", "")
	want(t, err, fault.NotFound, "query-unknown")
}
