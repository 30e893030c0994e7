package openehr_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
)

const (
	base     = "http://example.com/rest/openehr/v1"
	modified = "Fri, 02 Jan 2026 03:04:05 GMT"
)

type h = map[string]string

func TestEHR(t *testing.T) {
	run(t, []exchange{
		{name: "create", method: "POST", path: "/ehr", status: 201,
			want: h{"ETag": `W/"` + ehrID + `"`, "Location": base + "/ehr/" + ehrID, "Last-Modified": modified},
			check: func(t *testing.T, f *fake) {
				if f.status != nil || f.id != "" {
					t.Errorf("status %v, id %q without a body", f.status, f.id)
				}
			}},
		{name: "create with status and headers", method: "POST", path: "/ehr", body: `{"_type":"EHR_STATUS"}`,
			headers: h{"Prefer": "return=representation", "openEHR-AUDIT_DETAILS": `description.value="why"`, "Idempotency-Key": "k"},
			status:  201, text: `"ehr_status":{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":"` + object,
			want: h{"Preference-Applied": "return=representation"},
			check: func(t *testing.T, f *fake) {
				if string(f.status.JSON) != `{"_type":"EHR_STATUS"}` || f.info.Description != "why" || f.info.IdempotencyKey != "k" {
					t.Errorf("status %s, info %+v", f.status.JSON, f.info)
				}
			}},
		{name: "create, identifier", method: "POST", path: "/ehr", headers: h{"Prefer": "return=identifier"}, status: 201, text: `{"uid":"` + ehrID + `"}`},
		{name: "the status inside, as EHRbase", compat: true, method: "GET", path: "/ehr/" + ehrID, status: 200, text: `"ehr_status":{"_type":"COMPOSITION"`,
			want: h{"ETag": `"` + ehrID + `"`, "Location": base + "/ehr/" + ehrID}},
		{name: "create with id", method: "PUT", path: "/ehr/" + unknown, status: 201, want: h{"ETag": `W/"` + unknown + `"`}},
		{name: "create with a used id", method: "PUT", path: "/ehr/" + ehrID, status: 409, want: h{"Location": ""}},
		{name: "create with no UUID", method: "PUT", path: "/ehr/1.2.3", status: 400},
		{name: "status in FLAT", method: "POST", path: "/ehr", body: "{}", headers: h{"Content-Type": "application/openehr.wt.flat+json"}, status: 415},
		{name: "get", method: "GET", path: "/ehr/" + ehrID, status: 200, text: `"time_created":{"_type":"DV_DATE_TIME","value":"2026-01-02T03:04:05.678Z"}`, want: h{"Location": ""}},
		{name: "get in capitals", method: "GET", path: "/ehr/7D44B88C-4199-4BAD-97DC-D78268E01398", status: 200},
		{name: "get malformed", method: "GET", path: "/ehr/abc", status: 400},
		{name: "get malformed, as EHRbase", compat: true, method: "GET", path: "/ehr/abc", status: 404},
		{name: "get unknown", method: "GET", path: "/ehr/" + unknown, status: 404},
		{name: "get as FLAT", method: "GET", path: "/ehr/" + ehrID, headers: h{"Accept": "application/openehr.wt.flat+json"}, status: 406},
		{name: "by subject", method: "GET", path: "/ehr?subject_id=1%2B2&subject_namespace=n%20s", status: 200},
		{name: "by unknown subject", method: "GET", path: "/ehr?subject_id=1&subject_namespace=n", status: 404},
		{name: "by half a subject", method: "GET", path: "/ehr?subject_id=1", status: 400},
		{name: "no such method", method: "DELETE", path: "/ehr/" + ehrID, status: 405, want: h{"Allow": "GET, HEAD, PUT"}},
	})
}

func TestEHRStatus(t *testing.T) {
	at := "/ehr/" + ehrID + "/ehr_status"
	run(t, []exchange{
		{name: "latest", method: "GET", path: at, status: 200, text: document, want: h{"ETag": `W/"` + second + `"`, "Last-Modified": modified}},
		{name: "at a time", method: "GET", path: at + "?version_at_time=2026-01-02T03:04:05.5%2B02:00", status: 200, check: func(t *testing.T, f *fake) {
			if want := time.Date(2026, 1, 2, 1, 4, 5, 5e8, time.UTC); !f.ref.At.Equal(want) {
				t.Errorf("at %v", f.ref.At)
			}
		}},
		{name: "at a time with a bare plus", method: "GET", path: at + "?version_at_time=2026-01-02T03:04:05+02:00", status: 200},
		{name: "at a time of the summer without offset", method: "GET", path: at + "?version_at_time=2026-07-02T03:04:05", status: 200, check: func(t *testing.T, f *fake) {
			if want := time.Date(2026, 7, 2, 2, 4, 5, 0, time.UTC); !f.ref.At.Equal(want) {
				t.Errorf("at %v", f.ref.At)
			}
		}},
		{name: "at no time", method: "GET", path: at + "?version_at_time=20260102", status: 400},
		{name: "by version", method: "GET", path: at + "/" + first, status: 200, want: h{"ETag": `W/"` + first + `"`}},
		{name: "by malformed version", method: "GET", path: at + "/" + object, status: 400},
		{name: "update", method: "PUT", path: at, body: "{}", headers: h{"If-Match": `"` + second + `"`}, status: 204,
			want: h{"ETag": `W/"` + deleted + `"`, "Location": base + at + "/" + deleted}},
		{name: "update without If-Match", method: "PUT", path: at, body: "{}", status: 400},
		{name: "update of a stale version", method: "PUT", path: at, body: "{}", headers: h{"If-Match": first}, status: 412, want: h{"ETag": `W/"` + second + `"`, "Location": ""}},
		{name: "versioned", method: "GET", path: "/ehr/" + ehrID + "/versioned_ehr_status", status: 200, text: "VERSIONED_EHR_STATUS"},
		{name: "history", method: "GET", path: "/ehr/" + ehrID + "/versioned_ehr_status/revision_history", status: 200, text: "REVISION_HISTORY"},
		{name: "version at time", method: "GET", path: "/ehr/" + ehrID + "/versioned_ehr_status/version", status: 200},
		{name: "version", method: "GET", path: "/ehr/" + ehrID + "/versioned_ehr_status/version/" + first, status: 200},
	})
}

func TestComposition(t *testing.T) {
	at := "/ehr/" + ehrID + "/composition"
	created := base + at + "/" + first
	run(t, []exchange{
		{name: "create", method: "POST", path: at, body: document, status: 201, want: h{"ETag": `W/"` + first + `"`, "Location": created, "Last-Modified": modified},
			check: func(t *testing.T, f *fake) {
				if string(f.content.JSON) != document {
					t.Errorf("content %s", f.content.JSON)
				}
			}},
		{name: "create, as EHRbase", compat: true, method: "POST", path: at, body: document, status: 204, want: h{"ETag": `"` + first + `"`, "Location": created}},
		{name: "create, representation", method: "POST", path: at, body: document, headers: h{"Prefer": "return=representation, resolve_refs"}, status: 201, text: document,
			want: h{"Content-Type": "application/json; charset=utf-8"}},
		{name: "create, identifier", method: "POST", path: at, body: document, headers: h{"Prefer": "return=identifier"}, status: 201, text: `{"uid":"` + first + `"}`},
		{name: "create, not acceptable", method: "POST", path: at, body: document, headers: h{"Prefer": "return=representation", "Accept": "text/html"}, status: 406,
			check: func(t *testing.T, f *fake) {
				if f.content.JSON != nil {
					t.Error("written though the answer cannot be accepted")
				}
			}},
		{name: "create in an unknown EHR", method: "POST", path: "/ehr/" + unknown + "/composition", body: document, status: 404},
		{name: "create without a body", method: "POST", path: at, status: 400},
		{name: "create from text", method: "POST", path: at, body: document, headers: h{"Content-Type": "text/plain"}, status: 415},
		{name: "create with a bad header", method: "POST", path: at, body: document, headers: h{"openehr-version": `lifecycle_state`}, status: 400},
		{name: "create a draft", method: "POST", path: at, body: document, headers: h{"openehr-version": `lifecycle_state.code_string="553"`}, status: 201,
			check: func(t *testing.T, f *fake) {
				if f.info.Lifecycle != "553" {
					t.Errorf("info %+v", f.info)
				}
			}},
		{name: "create, attribute in the name of the header", method: "POST", path: at, body: document, headers: h{"openEHR-VERSION.lifecycle_state": "complete"}, status: 201,
			check: func(t *testing.T, f *fake) {
				if f.info.Lifecycle != "complete" {
					t.Errorf("info %+v", f.info)
				}
			}},
		{name: "get by object", method: "GET", path: at + "/" + object, status: 200, text: document,
			want: h{"ETag": `W/"` + second + `"`, "Last-Modified": modified, "Location": "", "Quire-Disclosure": "complete", "Cache-Control": "private, no-cache"}},
		{name: "get by version", method: "GET", path: at + "/" + first, status: 200, want: h{"ETag": `W/"` + first + `"`}},
		{name: "get a draft", method: "GET", path: at + "/" + object + "?lifecycle=incomplete", status: 200, check: func(t *testing.T, f *fake) {
			if f.ref.Lifecycle != "incomplete" || f.ref.Object != object {
				t.Errorf("ref %+v", f.ref)
			}
		}},
		{name: "get another lifecycle", method: "GET", path: at + "/" + object + "?lifecycle=x", status: 400},
		{name: "get what the client has", method: "GET", path: at + "/" + object, headers: h{"If-None-Match": `W/"x", "` + second + `"`}, status: 304, want: h{"ETag": `W/"` + second + `"`}},
		{name: "get what the client has not", method: "GET", path: at + "/" + object, headers: h{"If-None-Match": `"` + first + `"`}, status: 200},
		{name: "get a deleted one", method: "GET", path: at + "/" + deleted, status: 204, want: h{"ETag": `W/"` + deleted + `"`, "Content-Type": ""}},
		{name: "get malformed", method: "GET", path: at + "/xyz", status: 400},
		{name: "get malformed version", method: "GET", path: at + "/" + object + "::1", status: 400},
		{name: "get unknown", method: "GET", path: at + "/" + unknown, status: 404},
		{name: "head", method: "HEAD", path: at + "/" + object, status: 200, want: h{"ETag": `W/"` + second + `"`}},
		{name: "update", method: "PUT", path: at + "/" + object, body: document, headers: h{"If-Match": `W/"` + second + `"`}, status: 204,
			want: h{"ETag": `W/"` + deleted + `"`, "Location": base + at + "/" + deleted}},
		{name: "update, representation", method: "PUT", path: at + "/" + object, body: document, headers: h{"If-Match": second, "Prefer": "return=representation"}, status: 200, text: document},
		{name: "update by version", method: "PUT", path: at + "/" + second, body: document, headers: h{"If-Match": second}, status: 204},
		{name: "update by two versions", method: "PUT", path: at + "/" + first, body: document, headers: h{"If-Match": second}, status: 400},
		{name: "update of a stale version", method: "PUT", path: at + "/" + object, body: document, headers: h{"If-Match": `"` + first + `"`}, status: 412, want: h{"ETag": `W/"` + second + `"`, "Location": ""}},
		{name: "update without If-Match", method: "PUT", path: at + "/" + object, body: document, status: 400},
		{name: "delete", method: "DELETE", path: at + "/" + second, status: 204, want: h{"ETag": `W/"` + deleted + `"`, "Last-Modified": modified, "Location": ""}},
		{name: "delete a stale version", method: "DELETE", path: at + "/" + first, status: 409, want: h{"ETag": `W/"` + second + `"`}},
		{name: "delete by object", method: "DELETE", path: at + "/" + object, status: 400},
		{name: "delete into another state", method: "DELETE", path: at + "/" + second, headers: h{"openehr-version": `lifecycle_state.code_string="532"`}, status: 400},
		{name: "delete with a stale If-Match", method: "DELETE", path: at + "/" + second, headers: h{"If-Match": first}, status: 412},
		{name: "versioned", method: "GET", path: "/ehr/" + ehrID + "/versioned_composition/" + object, status: 200, text: "VERSIONED_COMPOSITION", want: h{"Last-Modified": modified}},
		{name: "versioned unknown", method: "GET", path: "/ehr/" + ehrID + "/versioned_composition/" + unknown, status: 404},
		{name: "history", method: "GET", path: "/ehr/" + ehrID + "/versioned_composition/" + object + "/revision_history", status: 200},
		{name: "version at time", method: "GET", path: "/ehr/" + ehrID + "/versioned_composition/" + object + "/version", status: 200, text: "ORIGINAL_VERSION"},
		{name: "deleted version", method: "GET", path: "/ehr/" + ehrID + "/versioned_composition/" + object + "/version/" + deleted, status: 200, text: "ORIGINAL_VERSION"},
		{name: "version of another", method: "GET", path: "/ehr/" + ehrID + "/versioned_composition/" + unknown + "/version/" + first, status: 404},
		{name: "contribution", method: "GET", path: "/ehr/" + ehrID + "/contribution/" + object, status: 200, want: h{"ETag": `W/"` + object + `"`, "Last-Modified": modified}},
		{name: "contribution malformed", method: "GET", path: "/ehr/" + ehrID + "/contribution/x", status: 400},
	})
}

func TestTemplate(t *testing.T) {
	at := "/definition/template/adl1.4"
	xml := h{"Content-Type": "application/xml"}
	run(t, []exchange{
		{name: "upload", method: "POST", path: at, body: "<template/>", headers: xml, status: 201,
			want:  h{"ETag": `W/"Vital  signs+x"`, "Location": base + at + "/Vital%20%20signs+x", "Last-Modified": ""},
			check: func(t *testing.T, f *fake) { want(t, "<template/>", f.opt) }},
		{name: "upload, representation", method: "POST", path: at, body: "<template/>", headers: h{"Content-Type": "application/xml", "Prefer": "return=representation"}, status: 201, text: "<template/>"},
		{name: "upload, not acceptable", method: "POST", path: at, body: "<template/>", headers: h{"Content-Type": "application/xml", "Prefer": "return=representation", "Accept": "image/png"}, status: 406,
			check: func(t *testing.T, f *fake) { want(t, "", f.opt) }},
		{name: "upload as JSON", method: "POST", path: at, body: "{}", status: 415},
		{name: "list", method: "GET", path: at, status: 200, text: `[{"template_id":"Vital  signs+x","concept":"Vital signs","archetype_id":"openEHR-EHR-COMPOSITION.encounter.v1","created_timestamp":"2026-01-02T03:04:05.678Z"}]`},
		{name: "get, byte for byte", method: "GET", path: at + "/Vital%20%20signs+x", status: 200, text: "<template/>", want: h{"Content-Type": "application/xml; charset=utf-8"}},
		{name: "get, one blank too few", method: "GET", path: at + "/Vital%20signs+x", status: 404},
		{name: "get as JSON", method: "GET", path: at + "/Vital%20%20signs+x", headers: h{"Accept": "application/json"}, status: 406},
		{name: "ADL 2", method: "GET", path: "/definition/template/adl2", status: 501},
		{name: "ADL 2 upload", method: "POST", path: "/definition/template/adl2", body: "x", status: 501},
		{name: "ADL 2 by version", method: "GET", path: "/definition/template/adl2/x/1.0.0", status: 501},
	})
}

func want[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuery(t *testing.T) {
	run(t, []exchange{
		{name: "by URL", method: "GET", path: "/query/aql?q=SELECT%20a&offset=3&fetch=10&ehr_id=" + ehrID + "&p=1&list=a&list=b&$d=x", status: 200,
			text: `{"rows":[[82.0]]}`, want: h{"Content-Type": "application/json; charset=utf-8"},
			check: func(t *testing.T, f *fake) {
				want(t, cdr.QueryRequest{Text: "SELECT a", EHR: ehrID, Offset: 3, Fetch: 10, Href: base + "/query/aql",
					Params: map[string]any{"p": "1", "list": []any{"a", "b"}, "d": "x"}, Texts: true}, f.aql)
			}},
		{name: "by body", method: "POST", path: "/query/aql", body: `{"q":"S","fetch":10,"query_parameters":{"fetch":1,"$t":"x","b":true,"l":["a"]}}`, status: 200,
			check: func(t *testing.T, f *fake) {
				if f.aql.Text != "S" || f.aql.Fetch != 10 || len(f.aql.Params) != 4 || f.aql.Params["t"] != "x" {
					t.Errorf("%+v", f.aql)
				}
			}},
		{name: "both agree", method: "POST", path: "/query/aql?fetch=10", body: `{"q":"S","fetch":10}`, status: 200},
		{name: "they differ", method: "POST", path: "/query/aql?fetch=11", body: `{"q":"S","fetch":10}`, status: 400},
		{name: "negative", method: "POST", path: "/query/aql", body: `{"q":"S","fetch":-1}`, status: 400},
		{name: "scope by header", method: "GET", path: "/query/aql?q=S", headers: h{"openEHR-EHR-id": ehrID}, status: 200,
			check: func(t *testing.T, f *fake) { want(t, ehrID, f.aql.EHR) }},
		{name: "two scopes", method: "GET", path: "/query/aql?q=S&ehr_id=" + unknown, headers: h{"openehr-ehr-id": ehrID}, status: 400},
		{name: "a fault in the middle has a status", method: "GET", path: "/query/aql?q=BREAK", status: 408, text: `"message":"the query took too long"`},
		{name: "a tag that is not a version's", method: "GET", path: "/query/aql?q=S", status: 200, want: h{"ETag": `W/"S"`}},
		{name: "unchanged", method: "GET", path: "/query/aql?q=S", headers: h{"If-None-Match": `W/"S"`}, status: 304},
		{name: "a POST is answered", method: "POST", path: "/query/aql", body: `{"q":"S"}`, headers: h{"If-None-Match": `W/"S"`}, status: 200},
		{name: "cut off", method: "GET", path: "/query/aql?q=CUT", status: 200, want: h{"Quire-Truncated": "rows=7"}},
		{name: "the first page", method: "GET", path: "/query/aql?q=S&_cursor=&a=b%20c", status: 200,
			want: h{"Quire-Next-Cursor": "n-", "Link": "<" + base + "/query/aql?_cursor=n-&a=b+c&q=S>; rel=\"next\""}},
		{name: "the next page by body", method: "POST", path: "/query/aql", body: `{"q":"S","_cursor":"n-"}`, status: 200, want: h{"Quire-Next-Cursor": "n-n-", "Link": ""}},
		{name: "two cursors", method: "POST", path: "/query/aql?_cursor=a", body: `{"q":"S","_cursor":"b"}`, status: 400},
		{name: "as CSV", method: "GET", path: "/query/aql?q=S", headers: h{"Accept": "text/csv"}, status: 200,
			want:  h{"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": `attachment; filename="result.csv"`},
			check: func(t *testing.T, f *fake) { want(t, "csv", f.aql.Format.Name) }},
		{name: "as lines by POST", method: "POST", path: "/query/aql?_format=ndjson", body: `{"q":"S"}`, status: 200, want: h{"Content-Type": "application/x-ndjson"}},
		{name: "as parquet", method: "GET", path: "/query/aql?q=S&_format=parquet", status: 200, want: h{"Content-Type": "application/vnd.apache.parquet"}},
		{name: "as nothing", method: "GET", path: "/query/aql?q=S&_format=xls", status: 400},
		{name: "exact", method: "GET", path: "/query/aql?q=S&exact_archetypes=true", status: 200, check: func(t *testing.T, f *fake) {
			if !f.aql.Exact || len(f.aql.Params) != 0 {
				t.Errorf("%+v", f.aql)
			}
		}},
		{name: "exact or not", method: "GET", path: "/query/aql?q=S&exact_archetypes=perhaps", status: 400},
		{name: "no rows wanted", method: "GET", path: "/query/aql?q=S&fetch=0", status: 400},
		{name: "no text", method: "GET", path: "/query/aql", status: 400},
		{name: "no number", method: "GET", path: "/query/aql?q=S&fetch=x", status: 400},
		{name: "unknown member", method: "POST", path: "/query/aql", body: `{"q":"S","frob":1}`, status: 400},
		{name: "member twice", method: "POST", path: "/query/aql", body: `{"q":"S","q":"T"}`, status: 400},
		{name: "parameters no object", method: "POST", path: "/query/aql", body: `{"q":"S","query_parameters":[1]}`, status: 400},
		{name: "parameter an object", method: "POST", path: "/query/aql", body: `{"q":"S","query_parameters":{"a":{}}}`, status: 400},
		{name: "as XML", method: "GET", path: "/query/aql?q=S", headers: h{"Accept": "application/xml"}, status: 406},
	})
}

func TestTemplatePaths(t *testing.T) {
	const path = "/definition/template/Vital%20%20signs+x/paths"
	run(t, []exchange{
		{name: "a page", method: "GET", path: path + "?q=pulse&fetch=1", status: 200, text: `"names":{"en":"pulse"}`, want: h{"Content-Type": "application/json; charset=utf-8"}},
		{name: "as CSV", method: "GET", path: path, headers: h{"Accept": "text/csv"}, status: 200, text: `"/a","a","DV_TEXT","",0,0,"","",7,"","",""`},
		{name: "as XML", method: "GET", path: path, headers: h{"Accept": "application/xml"}, status: 406},
	})
}

func TestSystem(t *testing.T) {
	run(t, []exchange{
		{name: "options", method: "OPTIONS", path: "/", status: 200, text: `"restapi_specs_version":"1.1.0"`, want: h{"Allow": "OPTIONS", "Content-Type": "application/json; charset=utf-8"}},
		{name: "not served", method: "GET", path: "/demographic/robot/x", status: 404},
	})
}

// TestRoutesHaveAccess: what has no entry is refused at start, and what touches
// a record says so.
func TestRoutesHaveAccess(t *testing.T) {
	for _, r := range openehr.Routes(&fake{}, openehr.About{}) {
		if r.Access == "" {
			t.Errorf("%s %s has no access entry", r.Method, r.Path)
		}
		if r.Access == rest.Public && r.Method != "OPTIONS" && r.Path != "/rest/status" {
			t.Errorf("%s %s is public", r.Method, r.Path)
		}
	}
}
