package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// fakeValueSets knows one value set.
type fakeValueSets struct{ asked string }

func (f *fakeValueSets) ExpandValueSet(_ context.Context, reference string, _ int) ([]aql.CodeSet, error) {
	f.asked = reference
	if reference != "http://example.org/vs" {
		return nil, fault.New(fault.Unavailable, "terminology", "it is down")
	}
	return []aql.CodeSet{{Terminologies: []string{"openehr"}, Codes: []string{"433"}}}, nil
}

// TestQueryTerminologies: value sets of the openEHR terminology, of templates and
// of a server in a query, as the use case resolves them.
func TestQueryTerminologies(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	sets := &fakeValueSets{}
	with := cdr.New(cdr.Deps{Store: h.db, Authorizer: h.people, Auditor: h.audit, SystemID: "test.quire", ValueSets: sets})
	const path = "/category"
	for _, tt := range []struct {
		service   *cdr.Service
		caller    cdr.Caller
		condition string
		rows      int
		code      string
	}{
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'openehr', 'composition_category')", rows: 1},
		{condition: "c/category/defining_code/code_string MATCHES TERMINOLOGY('expand', 'openehr', 'group=composition_category')", rows: 1},
		{condition: "c/category/defining_code MATCHES {terminology://openehr/composition_category}", rows: 1},
		{condition: "c/category/defining_code MATCHES {terminology:openehr/composition_category}", rows: 1},
		{condition: "c/category/defining_code MATCHES {terminology://openehr/setting}", rows: 0},
		{condition: "c/category/defining_code MATCHES {terminology://openehr/colours}", code: "value-set-unknown"},
		{condition: "c/category/defining_code MATCHES {terminology://local/" + url.PathEscape(vitalSigns) + "?path=" + path + "}", rows: 1},
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'local', 'template=" + vitalSigns + "&path=" + path + "/defining_code')", rows: 1},
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'local', 'template=" + vitalSigns + "&path=/context')", code: "value-set-unknown"},
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'local', 'template=" + vitalSigns + "&path=/nowhere')", code: "value-set-unknown"},
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'local', '" + vitalSigns + "')", code: "aql-terminology"},
		// A template the caller may not use is one that does not exist.
		{caller: vitals, condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'local', 'template=" + carePlan + "&path=" + path + "')", code: "value-set-unknown"},
		{condition: "TERMINOLOGY('validate', 'openehr', 'group=composition_category&code=433') = true", rows: 1},
		{condition: "TERMINOLOGY('validate', 'openehr', 'group=composition_category&code=1') = true", rows: 0},
		{condition: "TERMINOLOGY('validate', 'openehr', 'composition_category') = true", code: "aql-terminology"},
		{condition: "TERMINOLOGY('subsumes', 'hl7.org/fhir/4.0', 'system=x&codeA=1&codeB=2') = true", code: "aql-terminology"},
		{condition: "TERMINOLOGY('validate', 'hl7.org/fhir/4.0', 'url=u&system=s&code=c') = true", code: "aql-terminology"},
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'mars', 'x')", code: "aql-terminology"},
		{condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'hl7.org/fhir/4.0', 'url=http://example.org/vs')", code: "aql-terminology"},
		{service: with, condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', 'hl7.org/fhir/4.0', 'url=http://example.org/vs')", rows: 1},
		{service: with, condition: "c/category/defining_code MATCHES TERMINOLOGY('expand', '//hl7.org/fhir/r4', 'http://example.org/vs')", rows: 1},
		{service: with, condition: "c/category/defining_code MATCHES {terminology://fhir.hl7.org/ValueSet/$expand?url=http://example.org/vs}", rows: 1},
		{service: with, condition: "c/category/defining_code MATCHES {http://example.org/vs}", rows: 1},
		{service: with, condition: "c/category/defining_code MATCHES {http://example.org/other}", code: "terminology"},
	} {
		if tt.service == nil {
			tt.service = h.Service
		}
		if tt.caller.Subject == "" {
			tt.caller = reader
		}
		rs, err := tt.service.Query(ctx, tt.caller, cdr.QueryRequest{Text: "SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c WHERE " + tt.condition, EHR: e.ID})
		if tt.code != "" {
			if err == nil || fault.Of(err).Code != tt.code {
				t.Errorf("%s: %v, want %s", tt.condition, err, tt.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.condition, err)
			continue
		}
		var out bytes.Buffer
		if _, err := rs.WriteTo(&out); err != nil {
			t.Errorf("%s: %v", tt.condition, err)
			continue
		}
		var got struct{ Rows [][]any }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Rows) != tt.rows {
			t.Errorf("%s: %d rows, want %d, %v", tt.condition, len(got.Rows), tt.rows, err)
		}
	}

	// Who may not ask at all asks nobody else either.
	sets.asked = ""
	_, err := with.Query(ctx, reader, cdr.QueryRequest{Text: "SELECT c FROM COMPOSITION c WHERE c/category/defining_code MATCHES {http://example.org/vs}"})
	if want(t, err, fault.Forbidden, ""); sets.asked != "" {
		t.Error("a denied query asked the terminology server")
	}
}
