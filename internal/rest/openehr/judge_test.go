package openehr_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
	"github.com/quire-cdr/quire/internal/testkit/api"
	"github.com/quire-cdr/quire/internal/validate"
)

// witness is an auditor that remembers.
type witness struct {
	api.Anyone
	mu     sync.Mutex
	events []cdr.Event
}

func (w *witness) Record(_ context.Context, e cdr.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return nil
}

// says is a terminology service of one opinion.
type says validate.Verdict

func (s says) Judge(_ context.Context, questions []validate.Question) []validate.Verdict {
	out := make([]validate.Verdict, len(questions))
	for i := range out {
		out[i] = validate.Verdict(s)
	}
	return out
}

// judging makes APIs on one database that differ in what they ask of the world.
func judging(t *testing.T) func(deps cdr.Deps) *fiber.App {
	t.Helper()
	db := api.Open(t, 4)
	return func(deps cdr.Deps) *fiber.App {
		deps.Store, deps.Authorizer, deps.SystemID = db, api.Anyone{}, "test.quire"
		if deps.Auditor == nil {
			deps.Auditor = api.Anyone{}
		}
		app, err := rest.New(rest.Options{Routes: openehr.Routes(cdr.New(deps), openehr.About{}), Verifier: api.Anyone{}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return app
	}
}

type told struct {
	Valid            bool
	Status           int
	Code, Message    string
	Issues, Warnings []fault.Issue
	Template         string `json:"template_id"`
	Composition      json.RawMessage
}

func dry(t *testing.T, app *fiber.App, ehr, body string, headers h) told {
	t.Helper()
	status, text, header := ask(t, app, "POST", ehr+"/composition?dry_run=true", body, headers)
	var out told
	if status != http.StatusOK || header.Get("Location") != "" || header.Get("ETag") != "" || json.Unmarshal([]byte(text), &out) != nil {
		t.Fatalf("dry run: %d %v %.500s", status, header, text)
	}
	return out
}

// TestDryRun: the answer is that of the commit, and nothing is written.
func TestDryRun(t *testing.T) {
	audit := &witness{}
	app := judging(t)(cdr.Deps{Auditor: audit})
	folder := filepath.Join("..", "..", "..", "templates")
	source, err := os.ReadFile(filepath.Join(folder, "opt", "growth_measurements.v1.opt"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "examples", "growth_birth.json"))
	if err != nil {
		t.Fatal(err)
	}
	document := string(text)
	if status, text, _ := ask(t, app, "POST", "/definition/template/adl1.4", string(source), h{"Content-Type": "application/xml"}); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	_, _, header := ask(t, app, "POST", "/ehr", "", nil)
	ehr := "/ehr/" + strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	inJSON := h{"Content-Type": "application/json"}

	ok := dry(t, app, ehr, document, inJSON)
	if !ok.Valid || ok.Status != 201 || ok.Template == "" || !strings.Contains(string(ok.Composition), `"_type":"COMPOSITION"`) || len(ok.Issues) != 0 {
		t.Errorf("valid: %+v", ok)
	}
	last := audit.events[len(audit.events)-1]
	if last.Action != "E" || last.Object != "dry-run" || last.Template == 0 || !strings.HasSuffix(ehr, last.EHR) {
		t.Errorf("audit: %+v", last)
	}
	broken := strings.Replace(document, `"433"`, `"999"`, 1)
	broken = strings.Replace(broken, `"rm_version"`, `"rm_version_"`, 1)
	refused := dry(t, app, ehr, strings.Replace(document, `"433"`, `"999"`, 1), inJSON)
	status, answer, _ := ask(t, app, "POST", ehr+"/composition", strings.Replace(document, `"433"`, `"999"`, 1), inJSON)
	if refused.Valid || refused.Status != status || len(refused.Issues) == 0 || refused.Composition != nil || !strings.Contains(answer, refused.Issues[0].Message) {
		t.Errorf("refused: %+v; the commit: %d %s", refused, status, answer)
	}
	if unreadable := dry(t, app, ehr, broken, inJSON); unreadable.Valid || unreadable.Status != 400 || len(unreadable.Issues) == 0 {
		t.Errorf("unreadable: %+v", unreadable)
	}
	for query, want := range map[string]int{"?dry_run=perhaps": 400, "?dry_run=true": 404} {
		at := ehr
		if want == 404 {
			at = "/ehr/" + unknown
		}
		if status, text, _ := ask(t, app, "POST", at+"/composition"+query, document, inJSON); status != want {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	if status, _, _ := ask(t, app, "POST", ehr+"/composition?dry_run=true", "", inJSON); status != 400 {
		t.Errorf("no body: %d", status)
	}
	// An update is judged as the update would be.
	status, answer, header = ask(t, app, "POST", ehr+"/composition", document, inJSON)
	if status >= 300 {
		t.Fatal(status, answer)
	}
	first := strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	object, _, _ := strings.Cut(first, "::")
	at := ehr + "/composition/" + object + "?dry_run="
	for _, c := range []struct {
		name, query, body, match string
		status                   int
		has                      string
	}{
		{"valid", "true", document, first, 200, `"valid":true,"status":204`},
		{"refused", "true", strings.Replace(document, `"433"`, `"999"`, 1), first, 200, `"valid":false,"status":422`},
		{"no If-Match", "true", document, "", 400, ""},
		{"stale", "true", document, strings.Replace(first, "::1", "::2", 1), 412, "version-not-latest"},
		{"no word", "perhaps", document, first, 400, "query-parameter"},
		{"still the first", "false", document, first, 204, ""},
	} {
		status, text, _ := ask(t, app, "PUT", at+c.query, c.body, h{"Content-Type": "application/json", "If-Match": c.match})
		if status != c.status || !strings.Contains(text, c.has) {
			t.Errorf("update, %s: %d %.500s", c.name, status, text)
		}
	}
	_, list, _ := ask(t, app, "POST", "/query/aql", `{"q":"SELECT COUNT(*) FROM EHR e CONTAINS COMPOSITION c"}`, inJSON)
	if !strings.Contains(list, `"rows":[[1]]`) {
		t.Errorf("something was written: %s", list)
	}
}

// TestSilentTerminologyServer: refuse or flag, by setting, and the flag reaches
// who commits.
func TestSilentTerminologyServer(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "fixtures", "openehr", "opt")
	source, err := os.ReadFile(filepath.Join(folder, "family_history.opt"))
	if err != nil {
		t.Skip("the shared fixtures are not there")
	}
	with := judging(t)
	app := with(cdr.Deps{})
	status, text, header := ask(t, app, "POST", "/definition/template/adl1.4", string(source), h{"Content-Type": "application/xml"})
	if status != http.StatusCreated {
		t.Fatal(status, text)
	}
	id := header.Get("Location")[strings.LastIndexByte(header.Get("Location"), '/')+1:]
	_, document, _ := ask(t, app, "GET", "/definition/template/adl1.4/"+id+"/example", "", h{"Accept": "application/json"})
	_, _, header = ask(t, app, "POST", "/ehr", "", nil)
	at := "/ehr/" + strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`) + "/composition"
	for _, tc := range []struct {
		name    string
		deps    cdr.Deps
		status  int
		warning string
	}{
		{"no server", cdr.Deps{}, 204, ""},
		{"member", cdr.Deps{Terminology: says(validate.Member)}, 204, ""},
		{"no member", cdr.Deps{Terminology: says(validate.NotMember)}, 422, ""},
		{"unknown value set", cdr.Deps{Terminology: says(validate.Unresolved)}, 204, "terminology-unresolved"},
		{"down, refuse", cdr.Deps{Terminology: says(validate.Unanswered)}, 503, ""},
		{"down, flag", cdr.Deps{Terminology: says(validate.Unanswered), PassUnanswered: true}, 204, "terminology-unanswered"},
	} {
		status, text, header := ask(t, with(tc.deps), "POST", at, document, h{"Content-Type": "application/json"})
		if status != tc.status && !(tc.status == 204 && status == 201) {
			t.Errorf("%s: %d %s", tc.name, status, text)
		}
		if got := header.Get("Quire-Warning"); (got != "") != (tc.warning != "") && status < 300 || !strings.Contains(got, tc.warning) {
			t.Errorf("%s: warning %q", tc.name, got)
		}
		if status == 503 && header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", tc.name)
		}
	}
}
