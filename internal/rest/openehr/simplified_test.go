package openehr_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	flatType       = "application/openehr.wt.flat+json"
	structuredType = "application/openehr.wt.structured+json"
)

// TestSimplifiedFormats: compositions are committed as FLAT and STRUCTURED, read
// in every format, updated by what was read, and refused with their keys.
func TestSimplifiedFormats(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "fixtures", "openehr")
	source, err := os.ReadFile(filepath.Join(folder, "opt", "AlternativeEvents.opt"))
	if err != nil {
		t.Skip("the shared fixtures are not there")
	}
	document, err := os.ReadFile(filepath.Join(folder, "compositions", "flat", "AlternativeEvents.json"))
	if err != nil {
		t.Fatal(err)
	}
	app := onDatabase(t)
	if status, text, _ := ask(t, app, "POST", "/definition/template/adl1.4", string(source), h{"Content-Type": "application/xml"}); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	_, _, header := ask(t, app, "POST", "/ehr", "", nil)
	ehr := "/ehr/" + strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)

	status, text, _ := ask(t, app, "GET", "/definition/template/adl1.4/AlternativeEvents", "", h{"Accept": "application/openehr.wt+json"})
	var web struct {
		TemplateID string `json:"templateId"`
		Tree       struct {
			ID string `json:"id"`
		} `json:"tree"`
	}
	if status != http.StatusOK || json.Unmarshal([]byte(text), &web) != nil || web.TemplateID != "AlternativeEvents" || web.Tree.ID != "bericht" {
		t.Fatalf("web template: %d %.200s", status, text)
	}
	if status, _, _ := ask(t, app, "GET", "/definition/template/adl1.4/AlternativeEvents", "", h{"Accept": flatType}); status != http.StatusNotAcceptable {
		t.Error("a template is no FLAT document, got ", status)
	}

	for accept, has := range map[string]string{"application/json": `"_type":"COMPOSITION"`, "application/xml": "<composition", flatType: `"bericht/category|code":"433"`, structuredType: `"bericht":{`} {
		if status, text, _ := ask(t, app, "GET", "/definition/template/adl1.4/AlternativeEvents/example", "", h{"Accept": accept}); status != http.StatusOK || !strings.Contains(text, has) {
			t.Errorf("example as %s: %d %.300s", accept, status, text)
		}
	}

	length := 0
	for _, level := range []string{"required", "medium", "complete"} {
		at := "/definition/template/adl1.4/AlternativeEvents/example?detail_level=" + level
		status, text, _ := ask(t, app, "GET", at, "", h{"Accept": "application/json"})
		if status != http.StatusOK || len(text) < length || strings.Contains(text, `"uid":`) {
			t.Errorf("%s example: %d, %d bytes after %d", level, status, len(text), length)
		}
		length = len(text)
		if _, again, _ := ask(t, app, "GET", at, "", h{"Accept": "application/json"}); again != text {
			t.Errorf("two %s examples differ", level)
		}
		if _, output, _ := ask(t, app, "GET", at+"&type=output", "", h{"Accept": "application/json"}); !strings.Contains(output, `"uid":{"_type":"OBJECT_VERSION_ID"`) {
			t.Errorf("%s output has no uid", level)
		}
		if status, text, _ := ask(t, app, "POST", ehr+"/composition?dry_run=true", text, h{"Content-Type": "application/json"}); status != http.StatusOK || !strings.Contains(text, `"valid":true`) {
			t.Errorf("%s example is not valid: %.500s", level, text)
		}
	}

	id := h{"Content-Type": flatType, "openehr-template-id": "AlternativeEvents", "Prefer": "return=representation", "Accept": flatType}
	status, text, header = ask(t, app, "POST", ehr+"/composition", string(document), id)
	if status != http.StatusCreated || header.Get("Content-Type") != flatType {
		t.Fatalf("%d %s %.500s", status, header.Get("Content-Type"), text)
	}
	version := strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	var flat map[string]any
	if err := json.Unmarshal([]byte(text), &flat); err != nil || flat["bericht/_uid"] != version {
		t.Errorf("the FLAT answer has no uid of its version: %v", flat["bericht/_uid"])
	}
	at := ehr + "/composition/" + url.PathEscape(version)
	for _, get := range []struct{ query, accept, content, has string }{
		{"", flatType, flatType, `"bericht/_uid"`},
		{"", "application/openehr.wt.flat.schema+json", "application/openehr.wt.flat.schema+json", `"bericht/_uid"`},
		{"", structuredType, structuredType, `"_uid":["` + version},
		{"?format=FLAT", "application/json", "application/json; charset=utf-8", `"bericht/_uid"`},
		{"?format=STRUCTURED", "", "application/json; charset=utf-8", `"_uid":["` + version},
		{"", "", "application/json; charset=utf-8", `"_type":"COMPOSITION"`},
		{"", "application/xml", "application/xml; charset=utf-8", "<composition"},
		{"?format=XML", "", "application/xml; charset=utf-8", "<composition"},
		{"?format=json", "*/*", "application/json; charset=utf-8", `"_type":"COMPOSITION"`},
	} {
		headers := h{}
		if get.accept != "" {
			headers["Accept"] = get.accept
		}
		status, text, header := ask(t, app, "GET", at+get.query, "", headers)
		if status != http.StatusOK || header.Get("Content-Type") != get.content || !strings.Contains(text, get.has) {
			t.Errorf("%s %s: %d %s %.200s", get.query, get.accept, status, header.Get("Content-Type"), text)
		}
	}
	object, _, _ := strings.Cut(version, "::")
	_, structured, _ := ask(t, app, "GET", at, "", h{"Accept": structuredType})
	status, text, _ = ask(t, app, "PUT", ehr+"/composition/"+object+"?templateId=AlternativeEvents", structured,
		h{"Content-Type": structuredType, "If-Match": version, "Prefer": "return=representation"})
	if status != http.StatusOK || !strings.Contains(text, `"bericht":{`) {
		t.Errorf("update: %d %.500s", status, text)
	}

	query := "/query/aql?q=" + url.QueryEscape("SELECT c, c/uid/value, c/content[openEHR-EHR-OBSERVATION.body_weight.v2] AS o FROM EHR e CONTAINS COMPOSITION c")
	for _, asked := range []struct{ query, accept, content, has string }{
		{"&format=FLAT", "application/json", "application/json; charset=utf-8", `"rows":[[{"bericht/`},
		{"&format=STRUCTURED", "", "application/json; charset=utf-8", `"rows":[[{"bericht":{`},
		{"", flatType, flatType, `"rows":[[{"bericht/`},
		{"", structuredType, structuredType, `"rows":[[{"bericht":{`},
		{"", "application/json", "application/json; charset=utf-8", `"rows":[[{"_type":"COMPOSITION"`},
	} {
		status, text, header := ask(t, app, "GET", query+asked.query, "", h{"Accept": asked.accept})
		if status != http.StatusOK || header.Get("Content-Type") != asked.content || !strings.Contains(text, asked.has) {
			t.Errorf("query %s %s: %d %s %.600s", asked.query, asked.accept, status, header.Get("Content-Type"), text)
		}
	}

	// With its uid it is the composition that is there by now.
	var unnamed map[string]any
	if err := json.Unmarshal(document, &unnamed); err != nil {
		t.Fatal(err)
	}
	delete(unnamed, "bericht/_uid")
	another, err := json.Marshal(unnamed)
	if err != nil {
		t.Fatal(err)
	}
	for _, dry := range []struct{ accept, has string }{{flatType, `"composition":{"bericht/`}, {structuredType, `"composition":{"bericht":`}, {"application/json", `"composition":{"_type":"COMPOSITION"`}} {
		status, text, _ := ask(t, app, "POST", ehr+"/composition?dry_run=true", string(another), h{"Content-Type": flatType, "openehr-template-id": "AlternativeEvents", "Accept": dry.accept})
		if status != http.StatusOK || !strings.Contains(text, dry.has) || !strings.Contains(text, `"valid":true`) {
			t.Errorf("dry run as %s: %d %.600s", dry.accept, status, text)
		}
	}

	for _, bad := range []struct {
		name, body, key, near string
		headers               h
		status                int
	}{
		{"misspelt", strings.Replace(string(document), "gewicht|magnitude", "gewihct|magnitude", 1), "bericht/körpergewicht:0/any_event_en:0/gewihct|magnitude", "any_event_en:0/gewicht|magnitude", id, http.StatusUnprocessableEntity},
		{"out of range", strings.Replace(string(document), `magnitude": 55`, `magnitude": 5500`, 1), "bericht/körpergewicht:0/any_event_en:0/gewicht|magnitude", "", id, http.StatusUnprocessableEntity},
		{"no template", string(document), "", "", h{"Content-Type": flatType}, http.StatusUnprocessableEntity},
		{"no JSON", "{", "", "", id, http.StatusBadRequest},
		{"comment", "// licence\n" + string(document), "", "", id, http.StatusBadRequest},
	} {
		status, text, _ := ask(t, app, "POST", ehr+"/composition", bad.body, bad.headers)
		if status != bad.status {
			t.Errorf("%s: %d %.300s", bad.name, status, text)
		}
		var answer struct {
			Issues []struct {
				FlatKey  string `json:"flatKey"`
				AQLPath  string `json:"aqlPath"`
				Expected string `json:"expected"`
			} `json:"issues"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Error(err)
		}
		if bad.key == "" {
			continue
		}
		if len(answer.Issues) != 1 || answer.Issues[0].FlatKey != bad.key || answer.Issues[0].AQLPath == "" || !strings.Contains(answer.Issues[0].Expected, bad.near) {
			t.Errorf("%s: issues %+v", bad.name, answer.Issues)
		}
	}
	if status, text, _ := ask(t, app, "POST", ehr+"/composition", "\xef\xbb\xbf"+string(document), id); status != http.StatusCreated && status != http.StatusConflict {
		t.Errorf("a byte order mark: %d %.300s", status, text)
	}
	if status, _, _ := ask(t, app, "PUT", ehr+"/ehr_status", "{}", h{"Content-Type": flatType, "If-Match": version}); status != http.StatusUnsupportedMediaType {
		t.Error("EHR_STATUS has no FLAT form, got ", status)
	}
}
