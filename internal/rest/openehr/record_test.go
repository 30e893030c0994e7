package openehr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/quire-cdr/quire/internal/cdr"
)

func TestDirectory(t *testing.T) {
	at := "/ehr/" + ehrID + "/directory"
	run(t, []exchange{
		{name: "create", method: "POST", path: at, body: document, status: 201, want: h{"ETag": `W/"` + first + `"`, "Location": base + at + "/" + first, "Last-Modified": modified}},
		{name: "create, as EHRbase", compat: true, method: "POST", path: at, body: document, status: 204},
		{name: "create, representation", method: "POST", path: at, body: document, headers: h{"Prefer": "return=representation"}, status: 201, text: document},
		{name: "create from FLAT", method: "POST", path: at, body: document, headers: h{"Content-Type": "application/openehr.wt.flat+json"}, status: 415},
		{name: "get", method: "GET", path: at + "?path=a/b%20c", status: 200, text: document, want: h{"ETag": `W/"` + second + `"`, "Location": "", "Quire-Disclosure": "may-be-withheld"},
			check: func(t *testing.T, f *fake) {
				if f.path != "a/b c" || f.ref != (cdr.VersionRef{}) {
					t.Errorf("path %q of %+v", f.path, f.ref)
				}
			}},
		{name: "get at a time", method: "GET", path: at + "?version_at_time=2026-01-02T03:04:05Z", status: 200, check: func(t *testing.T, f *fake) {
			if f.ref.At == nil {
				t.Error("no time")
			}
		}},
		{name: "get deleted", method: "GET", path: at + "/" + deleted, status: 204, want: h{"ETag": `W/"` + deleted + `"`}},
		{name: "get a version", method: "GET", path: at + "/" + first, status: 200},
		{name: "get no version", method: "GET", path: at + "/" + object, status: 400},
		{name: "update", method: "PUT", path: at, body: document, headers: h{"If-Match": second}, status: 204, want: h{"Location": base + at + "/" + deleted, "ETag": `W/"` + deleted + `"`}},
		{name: "update without directory and If-Match", method: "PUT", path: at, body: document, status: 404},
		{name: "update of a stale version", method: "PUT", path: at, body: document, headers: h{"If-Match": first}, status: 412, want: h{"ETag": `W/"` + second + `"`}},
		{name: "delete", method: "DELETE", path: at, headers: h{"If-Match": second}, status: 204, want: h{"ETag": `W/"` + deleted + `"`, "Last-Modified": modified, "Location": ""}},
		{name: "no versioned container", method: "GET", path: "/ehr/" + ehrID + "/versioned_directory/" + object, status: 404},
	})
}

func TestContribution(t *testing.T) {
	at := "/ehr/" + ehrID + "/contribution"
	run(t, []exchange{
		{name: "create", method: "POST", path: at, body: document, headers: h{"Idempotency-Key": "k"}, status: 201,
			want: h{"ETag": `W/"` + object + `"`, "Location": base + at + "/" + object, "Last-Modified": modified, "Quire-Disclosure": "complete"},
			check: func(t *testing.T, f *fake) {
				if f.key != "k" || f.inline || string(f.content.JSON) != document {
					t.Errorf("key %q, inline %t, %s", f.key, f.inline, f.content.JSON)
				}
			}},
		{name: "create, resolved", method: "POST", path: at, body: document, headers: h{"Prefer": "return=representation, resolve_refs"}, status: 201, text: "CONTRIBUTION",
			check: func(t *testing.T, f *fake) {
				if !f.inline {
					t.Error("references are not resolved")
				}
			}},
		{name: "create, identifier", method: "POST", path: at, body: document, headers: h{"Prefer": "return=identifier"}, status: 201, text: `{"uid":"` + object + `"}`},
		{name: "create from text", method: "POST", path: at, body: document, headers: h{"Content-Type": "text/plain"}, status: 415},
		{name: "create in an unknown EHR", method: "POST", path: "/ehr/" + unknown + "/contribution", body: document, status: 404},
		{name: "get, resolved", method: "GET", path: at + "/" + object, headers: h{"Prefer": "resolve_refs"}, status: 200, check: func(t *testing.T, f *fake) {
			if !f.inline {
				t.Error("references are not resolved")
			}
		}},
		{name: "no list", method: "GET", path: at, status: 405},
	})
}

func TestItemTags(t *testing.T) {
	at := "/ehr/" + ehrID + "/composition/" + object + "/tags"
	urgent := "u;r"
	run(t, []exchange{
		{name: "list", method: "GET", path: "/ehr/" + ehrID + "/tags?tag_key=a&tag_target_path=/x", status: 200, want: h{"ETag": "", "Last-Modified": ""}, check: func(t *testing.T, f *fake) {
			if f.tag.EHR != ehrID || *f.tag.Key != "a" || *f.tag.Path != "/x" || f.tag.Value != nil {
				t.Errorf("%+v", f.tag)
			}
		}},
		{name: "get of a version of the status", method: "GET", path: "/ehr/" + ehrID + "/ehr_status/" + first + "/tags", status: 200, check: func(t *testing.T, f *fake) {
			if f.kind != cdr.KindStatus || f.ref.VersionUID != first {
				t.Errorf("%d %+v", f.kind, f.ref)
			}
		}},
		{name: "get as XML", method: "GET", path: at, headers: h{"Accept": "application/xml"}, status: 406},
		{name: "put", method: "PUT", path: at, body: `[{"key":"a","value":"u;r"},{"key":"b","target_path":"/x"}]`, status: 204, check: func(t *testing.T, f *fake) {
			if d := cmp.Diff([]cdr.Tag{{Key: "a", Value: &urgent}, {Key: "b", Path: "/x"}}, f.tags); d != "" || f.ref.Object != object {
				t.Error(d)
			}
		}},
		{name: "put, representation", method: "PUT", path: at, body: `[]`, headers: h{"Prefer": "return=representation"}, status: 200, text: "ITEM_TAG"},
		{name: "put, identifier", method: "PUT", path: at, body: `[]`, headers: h{"Prefer": "return=identifier"}, status: 204, want: h{"Preference-Applied": "return=minimal"}},
		{name: "put no list", method: "PUT", path: at, body: `{"key":"a"}`, status: 400},
		{name: "put null", method: "PUT", path: at, body: `null`, status: 400},
		{name: "put a number", method: "PUT", path: at, body: `[{"key":"a","value":42}]`, status: 400},
		{name: "put a target", method: "PUT", path: at, body: `[{"key":"a","target":"x"}]`, status: 400},
		{name: "put an empty value", method: "PUT", path: at, body: `[{"key":"a","value":""}]`, status: 422},
		{name: "delete", method: "DELETE", path: at + "/a%2Fb", status: 204, check: func(t *testing.T, f *fake) {
			if f.asked != "a/b" {
				t.Errorf("key %q", f.asked)
			}
		}},
		{name: "by header", method: "POST", path: "/ehr/" + ehrID + "/composition", body: document, status: 201,
			headers: h{"openehr-item-tag": `key="a",value="u;r"; key="b",target_path="/x"`, "openehr-version-item-tag": ""},
			check: func(t *testing.T, f *fake) {
				if d := cmp.Diff(&[]cdr.Tag{{Key: "a", Value: &urgent}, {Key: "b", Path: "/x"}}, f.info.ObjectTags); d != "" {
					t.Error(d)
				}
				if f.info.VersionTags == nil || len(*f.info.VersionTags) != 0 {
					t.Errorf("an empty header does not clear: %v", f.info.VersionTags)
				}
			}},
		{name: "by no header", method: "POST", path: "/ehr/" + ehrID + "/composition", body: document, status: 201, check: func(t *testing.T, f *fake) {
			if f.info.ObjectTags != nil || f.info.VersionTags != nil {
				t.Error("tags out of nothing")
			}
		}},
		{name: "by a header without key", method: "POST", path: "/ehr/" + ehrID + "/composition", body: document, headers: h{"openehr-item-tag": `value="x"`}, status: 400, check: notWritten},
		{name: "by a header with an empty value", method: "POST", path: "/ehr/" + ehrID + "/composition", body: document, headers: h{"openehr-item-tag": `key="x",value=""`}, status: 422, check: notWritten},
		{name: "by a header that ends early", method: "POST", path: "/ehr/" + ehrID + "/composition", body: document, headers: h{"openehr-item-tag": `key="x`}, status: 400, check: notWritten},
	})
}

func notWritten(t *testing.T, f *fake) {
	if f.content.JSON != nil {
		t.Error("written though a header is bad")
	}
}

func TestStoredQueries(t *testing.T) {
	at := "/definition/query/org.x::y"
	text := h{"Content-Type": "text/plain"}
	run(t, []exchange{
		{name: "store", method: "PUT", path: at, body: "SELECT 1", headers: text, status: 200, want: h{"Location": base + "/definition/query/ns::org.x::y/1.0.0", "ETag": ""},
			check: func(t *testing.T, f *fake) {
				if f.query != (cdr.StoredQuery{Name: "org.x::y", AQL: "SELECT 1"}) {
					t.Errorf("%+v", f.query)
				}
			}},
		{name: "store a version", method: "PUT", path: at + "/1.2.0?query_type=aql", body: "SELECT 1", headers: text, status: 200, check: func(t *testing.T, f *fake) {
			if f.query.Version != "1.2.0" {
				t.Errorf("%+v", f.query)
			}
		}},
		{name: "store as JSON", method: "PUT", path: at, body: `{"q":"SELECT 1"}`, status: 415},
		{name: "store another language", method: "PUT", path: at + "?query_type=sql", body: "SELECT 1", headers: text, status: 400},
		{name: "store with remarks", method: "PUT", path: at, body: "SELECT 2", headers: text, status: 200,
			want: h{"ETag": "", "Quire-Warning": `1; query-path-unknown "line 1, column 8"`}},
		{name: "store and show", method: "PUT", path: at, body: "SELECT 2", headers: h{"Content-Type": "text/plain", "Prefer": "return=representation"}, status: 200,
			text: `"warnings":[{"place":"line 1, column 8","rule":"query-path-unknown","message":"nothing here","found":"o/x","expected":"o/y"}]}`},
		{name: "get described", method: "GET", path: at + "/2", status: 200, want: h{"ETag": `W/"2.0.0-abc"`},
			text: `"q":"SELECT 2","hash":"abc","parameters":[{"name":"min","type":"number","list":false,"required":false,"default":140,"description":"lowest","declared":true,"paths":["l/value/magnitude"]}]}`},
		{name: "get what the client has", method: "GET", path: at + "/2", headers: h{"If-None-Match": `W/"2.0.0-abc"`}, status: 304},
		{name: "get another", method: "GET", path: at + "/2", headers: h{"If-None-Match": `W/"1.0.0-abc"`}, status: 200},
		{name: "list", method: "GET", path: at, status: 200, text: `"version":"1.0.1"`},
		{name: "list all", method: "GET", path: "/definition/query", status: 200, text: `"version":"1.0.1"`},
		{name: "get", method: "GET", path: at + "/1", status: 200, text: `{"name":"org.x::y","type":"AQL","version":"1.2.3","saved":"2026-01-02T03:04:05.678Z","q":"SELECT \"x\""}`,
			want: h{"Location": "", "ETag": "", "Last-Modified": ""}},
		{name: "get as XML", method: "GET", path: at + "/1", headers: h{"Accept": "application/xml"}, status: 406},
		{name: "delete", method: "DELETE", path: at + "/1.0.0", status: 204},
		{name: "run", method: "GET", path: "/query/org.x::y?systolic=140&ehr_id=" + ehrID + "&fetch=5", status: 200, text: "82.0", want: h{"Quire-Disclosure": "may-be-withheld"},
			check: func(t *testing.T, f *fake) {
				want := cdr.QueryRequest{Name: "org.x::y", Params: map[string]any{"systolic": "140"}, Texts: true, EHR: ehrID, Fetch: 5, Href: base + "/query/org.x::y"}
				if d := cmp.Diff(want, f.aql); d != "" {
					t.Error(d)
				}
			}},
		{name: "run with what is no parameter", method: "GET", path: "/query/org.x::y?unknown=1", status: 200, want: h{"Quire-Warning": `1; query-parameter-unknown "$unknown"`}},
		{name: "run a version", method: "POST", path: "/query/org.x::y/1.2", body: `{"query_parameters":{"a":1}}`, status: 200, check: func(t *testing.T, f *fake) {
			if f.aql.Name != "org.x::y/1.2" || len(f.aql.Params) != 1 {
				t.Errorf("%+v", f.aql)
			}
		}},
		{name: "run with nothing", method: "POST", path: "/query/org.x::y", status: 200},
		{name: "run with an empty object", method: "POST", path: "/query/org.x::y", body: "{}", status: 200},
		{name: "run with a text", method: "POST", path: "/query/org.x::y", body: `{"q":"SELECT 1"}`, status: 400},
	})
}

// Every list is whole where no page is asked for, and says where the others are.
func TestPages(t *testing.T) {
	for at, third := range map[string]string{"/ehr/" + ehrID + "/tags": `[{"key":"b<"}]`, "/definition/query": `"version":"1.0.1"`, "/definition/query/org.x::y": `"version":"1.0.1"`} {
		link := func(offset, rel string) string {
			return "<" + base + at + "?fetch=1&offset=" + offset + `>; rel="` + rel + `"`
		}
		last := "2"
		if strings.HasPrefix(at, "/def") {
			last = "1"
		}
		next := ", " + link("2", "next")
		if last == "1" {
			next = ""
		}
		run(t, []exchange{
			{name: at, method: "GET", path: at, status: 200, want: h{"Link": ""}},
			{name: at + " page", method: "GET", path: at + "?fetch=1&offset=1", status: 200, text: third,
				want: h{"Link": link("0", "first") + ", " + link("0", "prev") + next + ", " + link(last, "last")}},
			{name: at + " past the end", method: "GET", path: at + "?offset=9", status: 200, text: "[]"},
			{name: at + " no page", method: "GET", path: at + "?fetch=0", status: 400},
			{name: at + " no number", method: "GET", path: at + "?offset=x", status: 400},
			{name: at + " head", method: "HEAD", path: at, status: 200},
		})
	}
	run(t, []exchange{
		{name: "tags of an object", method: "GET", path: "/ehr/" + ehrID + "/composition/" + object + "/tags?offset=1", status: 200, text: "[]"},
		{name: "archetypes", method: "GET", path: "/definition/archetype/adl1.4?fetch=1&offset=1", status: 200, text: "[]",
			want: h{"Link": "<" + base + "/definition/archetype/adl1.4?fetch=1&offset=0>; rel=\"first\", <" + base + "/definition/archetype/adl1.4?fetch=1&offset=0>; rel=\"prev\", <" + base + "/definition/archetype/adl1.4?fetch=1&offset=0>; rel=\"last\""}},
	})
}

func TestTemplateList(t *testing.T) {
	at := "/definition/template/adl1.4"
	link := func(offset, rel string) string {
		return "<" + base + at + "?fetch=1&offset=" + offset + `>; rel="` + rel + `"`
	}
	run(t, []exchange{
		{name: "by id", method: "GET", path: at + "?template_id=Vital*x", status: 200, text: "Vital  signs+x"},
		{name: "by another id", method: "GET", path: at + "?template_id=Vital", status: 200, text: "[]"},
		{name: "by concept", method: "GET", path: at + "?concept=*signs&template_id=*", status: 200, text: "Vital  signs+x"},
		{name: "by both", method: "GET", path: at + "?concept=x*&template_id=*", status: 200, text: "[]"},
		{name: "a page", method: "GET", path: at + "?fetch=1", status: 200, text: "Vital", want: h{"Link": link("0", "first") + ", " + link("0", "last")}},
		{name: "past the end", method: "GET", path: at + "?fetch=1&offset=7", status: 200, text: "[]", want: h{"Link": link("0", "first") + ", " + link("0", "prev") + ", " + link("0", "last")}},
		{name: "no page", method: "GET", path: at + "?fetch=0", status: 400},
		{name: "a negative page", method: "GET", path: at + "?offset=-1", status: 400},
	})
}
