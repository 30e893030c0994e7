package ecis_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/ecis"
	"github.com/quire-cdr/quire/internal/testkit/api"
)

// anyone may do everything but for two who only read, and nothing is written down.
type anyone struct{ api.Anyone }

func (a anyone) Profile(ctx context.Context, c cdr.Caller) (*access.Profile, error) {
	switch c.Subject {
	case "reader":
		return &access.Profile{Principal: c.Subject, Readable: []string{c.Organisation}, Templates: []int32{1, 2, 3, 4}}, nil
	case "outsider":
		return &access.Profile{Principal: c.Subject, Readable: []string{"south"}, Templates: []int32{1, 2, 3, 4}}, nil
	}
	return a.Anyone.Profile(ctx, c)
}
func (a anyone) Verify(ctx context.Context, c rest.Credentials) (cdr.Caller, error) {
	if who := c.Header("Authorization"); who != "" {
		return cdr.Caller{Subject: who, Organisation: "north", Name: who}, nil
	}
	return a.Anyone.Verify(ctx, c)
}

// app is the API on a real database.
func app(t *testing.T) *fiber.App {
	t.Helper()
	db := api.Open(t, 4)
	service := cdr.New(cdr.Deps{Store: db, Authorizer: anyone{}, Auditor: anyone{}, SystemID: "test.quire", Compat: true})
	made, err := rest.New(rest.Options{Routes: ecis.Routes(service, db), Manners: rest.MannersFor(true), Verifier: anyone{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

type asker struct {
	*testing.T
	app *fiber.App
	who string
}

// ask sends a request and reads the answer as JSON where it is.
func (a asker) ask(method, path, media, body string, status int) map[string]any {
	a.Helper()
	header := map[string]string{}
	if media != "" {
		header["Content-Type"] = media
	}
	if a.who != "" {
		header["Authorization"] = a.who
	}
	got, text, _ := api.Ask(a, a.app, method, "/rest/ecis/v1"+path, body, header)
	if got != status {
		a.Fatalf("%s %s: %d %.600s", method, path, got, text)
	}
	out := map[string]any{"text": text}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			a.Fatal(err)
		}
	}
	return out
}

func TestECIS(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "simplified", "testdata", "every_type.opt"))
	if err != nil {
		t.Fatal(err)
	}
	a := asker{t, app(t), ""}
	const template = "Every%20type.v1"

	// Templates.
	if list := a.ask("POST", "/template", "application/xml", string(source), http.StatusOK); list["action"] != "LIST" || !strings.Contains(fmtOf(list["templates"]), "Every type.v1") {
		t.Errorf("upload: %v", list)
	}
	if list := a.ask("GET", "/template", "", "", http.StatusOK); !strings.Contains(fmtOf(list["templates"]), "openEHR-EHR-COMPOSITION.every_type.v1") {
		t.Errorf("list: %v", list)
	}
	web, _ := a.ask("GET", "/template/"+template, "", "", http.StatusOK)["webTemplate"].(map[string]any)
	if web["templateId"] != "Every type.v1" {
		t.Errorf("web template: %v", web)
	}
	for format, has := range map[string]string{"": `"every_type/category|code":"433"`, "STRUCTURED": `"every_type":{`, "JSON": `"_type":"COMPOSITION"`, "XML": "<composition"} {
		if text := a.ask("GET", "/template/"+template+"/example?format="+format, "", "", http.StatusOK)["text"].(string); !strings.Contains(text, has) {
			t.Errorf("example %s: %.200s", format, text)
		}
	}
	a.ask("GET", "/template/none", "", "", http.StatusNotFound)
	a.ask("GET", "/template/"+template+"/example?format=EXPANDED", "", "", http.StatusBadRequest)

	// Records.
	a.ask("POST", "/ehr?subjectId=7", "", "", http.StatusBadRequest)
	made := a.ask("POST", "/ehr?subjectId=7&subjectNamespace=hospital", "", "", http.StatusCreated)
	ehr, _ := made["ehrId"].(string)
	if made["action"] != "CREATE" || ehr == "" || !strings.Contains(fmtOf(made["meta"]), "/rest/ecis/v1/ehr/"+ehr) {
		t.Fatalf("create: %v", made)
	}
	for _, path := range []string{"/ehr/" + ehr, "/ehr?subjectId=7&subjectNamespace=hospital"} {
		got := a.ask("GET", path, "", "", http.StatusOK)
		status, _ := got["ehrStatus"].(map[string]any)
		if got["ehrId"] != ehr || status["subjectId"] != "7" || status["subjectNamespace"] != "hospital" || status["queryable"] != true || status["modifiable"] != true {
			t.Errorf("%s: %v", path, got)
		}
	}
	a.ask("GET", "/ehr?subjectId=8&subjectNamespace=hospital", "", "", http.StatusNoContent)
	updated := a.ask("PUT", "/ehr/"+ehr+"/status", "application/json", `{"subjectId": "9", "subjectNamespace": "hospital", "queryable": false}`, http.StatusOK)
	if status, _ := updated["ehrStatus"].(map[string]any); status["subjectId"] != "9" || status["queryable"] != false || status["modifiable"] != true {
		t.Errorf("status: %v", updated)
	}
	a.ask("PUT", "/ehr/status/"+ehr, "application/json", `{"queryable": true}`, http.StatusOK)

	// Compositions, in each format.
	const flat = `{"ctx/language": "en", "ctx/territory": "GB", "ctx/composer_name": "A", "every_type/reading:0/any_event:0/text": "one"}`
	at := "/composition?ehrId=" + ehr + "&templateId=" + template
	first := a.ask("POST", at+"&format=FLAT", "application/json", flat, http.StatusCreated)
	uid, _ := first["compositionUid"].(string)
	if first["action"] != "CREATE" || !strings.HasSuffix(uid, "::1") {
		t.Fatalf("commit: %v", first)
	}
	in := "/composition/" + url.PathEscape(uid)
	for format, has := range map[string]string{"FLAT": `one`, "STRUCTURED": `one`, "JSON": `COMPOSITION`, "RAW": `COMPOSITION`, "XML": `<composition`, "": `<composition`} {
		got := a.ask("GET", in+"?format="+format, "", "", http.StatusOK)
		if !strings.Contains(fmtOf(got["composition"]), has) || got["compositionUid"] != uid || got["ehrId"] != ehr || got["templateId"] != "Every type.v1" {
			t.Errorf("%s: %v", format, got)
		}
	}
	for _, format := range []string{"STRUCTURED", "RAW", "XML"} {
		got := a.ask("GET", in+"?format="+format, "", "", http.StatusOK)
		media, body := "application/json", fmtOf(got["composition"])
		if format == "XML" {
			media, body = "application/xml", got["composition"].(string)
		}
		if format != "STRUCTURED" {
			body = strings.ReplaceAll(body, uid, "5ae1c45c-53c2-4e3a-b9ff-c979e0494f"+map[string]string{"RAW": "35", "XML": "36"}[format]+"::test.quire::1")
		} else {
			body = strings.ReplaceAll(body, uid, "5ae1c45c-53c2-4e3a-b9ff-c979e0494f34::test.quire::1")
		}
		a.ask("POST", at+"&format="+format, media, body, http.StatusCreated)
	}
	second := a.ask("PUT", in+"?format=FLAT&templateId="+template, "application/json", strings.Replace(flat, "one", "two", 1), http.StatusOK)
	if second["action"] != "UPDATE" || !strings.Contains(fmtOf(second["meta"]), "2") {
		t.Errorf("update: %v", second)
	}
	object, _, _ := strings.Cut(uid, "::")
	if got := a.ask("GET", "/composition/"+object+"?format=FLAT", "", "", http.StatusOK); !strings.Contains(fmtOf(got["composition"]), "two") {
		t.Errorf("latest: %v", got)
	}
	// By its uid alone: whoever may read the record, with no right to query all.
	reader, outsider := asker{t, a.app, "reader"}, asker{t, a.app, "outsider"}
	reader.ask("GET", in, "", "", http.StatusOK)
	hidden := outsider.ask("GET", in, "", "", http.StatusNotFound)
	nowhere := outsider.ask("GET", "/composition/5ae1c45c-53c2-4e3a-b9ff-c979e0494fff", "", "", http.StatusNotFound)
	if hidden["text"] != nowhere["text"] {
		t.Errorf("what is hidden is told from what is not there:\n%v\n%v", hidden["text"], nowhere["text"])
	}
	a.ask("GET", in+"?ehrId=5ae1c45c-53c2-4e3a-b9ff-c979e0494fff", "", "", http.StatusNotFound)
	wrong := a.ask("POST", at+"&format=FLAT", "application/json", strings.Replace(flat, "text", "txet", 1), http.StatusUnprocessableEntity)
	if !strings.Contains(fmtOf(wrong["issues"]), "every_type/reading:0/any_event:0/text") {
		t.Errorf("refusal: %v", wrong)
	}
	a.ask("POST", "/composition?format=FLAT&ehrId="+ehr, "application/json", flat, http.StatusBadRequest)
	a.ask("POST", "/composition?format=FLAT&templateId="+template, "application/json", flat, http.StatusBadRequest)

	// Queries.
	const aql = "SELECT c/uid/value AS uid, c/name/value FROM EHR e CONTAINS COMPOSITION c ORDER BY c/uid/value LIMIT 1"
	for _, answer := range []map[string]any{
		a.ask("POST", "/query", "application/json", `{"aql": "`+aql+`"}`, http.StatusOK),
		a.ask("GET", "/query?aql="+url.QueryEscape(aql), "", "", http.StatusOK),
	} {
		rows, _ := answer["resultSet"].([]any)
		if len(rows) != 1 || answer["executedAQL"] != aql || answer["action"] != "EXECUTE" || rows[0].(map[string]any)["#1"] != "Every type" {
			t.Errorf("query: %v", answer)
		}
	}
	a.ask("POST", "/query", "application/json", `{"sql": "select 1"}`, http.StatusBadRequest)

	// Deletion.
	if gone := a.ask("DELETE", "/composition/"+object, "", "", http.StatusOK); gone["action"] != "DELETE" {
		t.Errorf("delete: %v", gone)
	}
	a.ask("GET", "/composition/"+object, "", "", http.StatusNotFound)
	a.ask("GET", "/composition/"+object+"?ehrId="+ehr, "", "", http.StatusNotFound)
}

// fmtOf is a part of an answer as JSON text.
func fmtOf(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return b.String()
}
