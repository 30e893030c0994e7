package fhir_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/fhir"
	"github.com/quire-cdr/quire/internal/testkit/api"
	"github.com/quire-cdr/quire/templates"
)

const vitalSigns = "Vital signs observations.v1"

// people gives each subject its profile.
type people map[string]*access.Profile

func (p people) Profile(_ context.Context, c cdr.Caller) (*access.Profile, error) {
	if profile, ok := p[c.Subject]; ok {
		return profile, nil
	}
	return &access.Profile{Principal: c.Subject}, nil
}

func (people) Refresh(context.Context) error { return nil }

// trail keeps audit rows.
type trail struct {
	sync.Mutex
	events []cdr.Event
}

func (a *trail) Record(_ context.Context, e cdr.Event) error {
	a.Lock()
	defer a.Unlock()
	a.events = append(a.events, e)
	return nil
}

// denied counts denials with a basis in one record.
func (a *trail) denied(ehr, basis string) int {
	a.Lock()
	defer a.Unlock()
	n := 0
	for _, e := range a.events {
		if e.EHR == ehr && e.Basis == basis && e.Outcome == "denied" {
			n++
		}
	}
	return n
}

// verifier takes the bearer token for the name of a caller.
type verifier map[string]cdr.Caller

func (v verifier) Verify(_ context.Context, credentials rest.Credentials) (cdr.Caller, error) {
	if c, ok := v[strings.TrimPrefix(credentials.Header("Authorization"), "Bearer ")]; ok {
		return c, nil
	}
	return cdr.Caller{}, fault.New(fault.Unauthenticated, "token", "a bearer token is needed")
}

var callers = verifier{
	"clinician": {Subject: "user:clinician", Organisation: "north", Role: "clinician", Name: "A. Clinician"},
	"reader":    {Subject: "user:reader", Organisation: "north", Role: "reader"},
	"author":    {Subject: "user:author", Organisation: "north", Role: "author", Name: "F. Author"},
	"outsider":  {Subject: "user:outsider", Organisation: "south", Role: "clinician", Name: "An Outsider"},
}

// house is the API on a real database.
type house struct {
	app     *fiber.App
	service *cdr.Service
	audit   *trail
	people  people
}

func newHouse(t testing.TB) *house {
	t.Helper()
	ctx := context.Background()
	db := api.Open(t, 8)
	who, audit := people{}, &trail{}
	h := &house{audit: audit, people: who, service: cdr.New(cdr.Deps{Store: db, Authorizer: who, Auditor: audit, SystemID: "test.quire"})}
	system := cdr.Caller{Subject: "system:quire", Organisation: "north", All: true, Name: "Quire"}
	var families []int32
	for _, shipped := range templates.All() {
		source, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := h.service.UploadTemplate(ctx, system, source, cdr.TemplateUpload{})
		if err != nil {
			t.Fatal(err)
		}
		families = append(families, stored.Family)
	}
	for name, org := range map[string]string{"clinician": "north", "outsider": "south"} {
		who["user:"+name] = &access.Profile{Principal: "user:" + name, Role: "clinician", Readable: []string{org}, Writable: []string{org},
			Templates: families, WriteTemplates: families, CreateIn: []string{org}}
	}
	who["user:author"] = &access.Profile{Principal: "user:author", Role: "author", Areas: []string{"templates"}, Templates: families}
	who["user:reader"] = &access.Profile{Principal: "user:reader", Role: "reader", Readable: []string{"north"}, Templates: families}
	kept := &library.Library{Act: h.service.Act(), Store: db}
	forms, err := form.New(form.Config{Service: h.service, Store: db, Authorizer: who, Auditor: audit, Library: kept, Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	kept.Taken = forms.Derived
	if h.app, err = rest.New(rest.Options{Routes: fhir.Routes(forms, kept, fhir.About{Version: "test"}), Verifier: callers, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) ehr(t testing.TB) string {
	t.Helper()
	e, err := h.service.CreateEHR(context.Background(), callers["clinician"], "", nil, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func (h *house) stored(t testing.TB, ehr, name string) cdr.Document {
	t.Helper()
	text, err := templates.FS.ReadFile("examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.service.CreateComposition(context.Background(), callers["clinician"], ehr, cdr.Content{JSON: text}, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reply is an answer of the server.
type reply struct {
	status int
	header http.Header
	text   string
}

func (r reply) want(t testing.TB, status int) reply {
	t.Helper()
	if r.status != status {
		t.Fatalf("%d, want %d: %.500s", r.status, status, r.text)
	}
	return r
}

func (r reply) resource(t testing.TB) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(r.text), &out); err != nil {
		t.Fatalf("%v: %.300s", err, r.text)
	}
	return out
}

// ask speaks as somebody, "" as nobody.
func (h *house) ask(t testing.TB, who, method, target, body string, headers ...string) reply {
	t.Helper()
	header := map[string]string{}
	if body != "" {
		header["Content-Type"] = "application/fhir+json"
	}
	if who != "" {
		header["Authorization"] = "Bearer " + who
	}
	for i := 0; i+1 < len(headers); i += 2 {
		header[headers[i]] = headers[i+1]
	}
	status, text, answered := api.Ask(t, h.app, method, target, body, header)
	return reply{status, answered, text}
}

// at follows members and positions into a decoded resource.
func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}
