package postgres

import (
	"context"
	"encoding/json"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
	"github.com/quire-cdr/quire/templates"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// fakeAuthorizer gives each subject its profile.
type fakeAuthorizer map[string]*access.Profile

func (fakeAuthorizer) Refresh(context.Context) error { return nil }

func (f fakeAuthorizer) Profile(_ context.Context, c cdr.Caller) (*access.Profile, error) {
	if p, ok := f[c.Subject]; ok {
		return p, nil
	}
	return &access.Profile{Principal: c.Subject, Role: c.Role}, nil
}

// fakeAuditor keeps events.
type fakeAuditor struct {
	sync.Mutex
	events []cdr.Event
}

func (f *fakeAuditor) Record(_ context.Context, e cdr.Event) error {
	f.Lock()
	defer f.Unlock()
	f.events = append(f.events, e)
	return nil
}

// house is a store with our two templates and the people who use it.
type house struct {
	*cdr.Service
	db       *DB
	super    string
	app      string
	audit    *fakeAuditor
	people   fakeAuthorizer
	families map[string]int32
}

const (
	vitalSigns = "Vital signs observations.v1"
	carePlan   = "Emergency care plan.v1"
)

var (
	system    = cdr.Caller{Subject: "system:quire", Organisation: "north", All: true, Name: "Quire"}
	clinician = cdr.Caller{Subject: "user:clinician", Organisation: "north", Role: "clinician", Name: "A. Clinician"}
	reader    = cdr.Caller{Subject: "user:reader", Organisation: "north", Role: "reader"}
	vitals    = cdr.Caller{Subject: "user:vitals", Organisation: "north", Role: "vitals"}
	outsider  = cdr.Caller{Subject: "user:outsider", Organisation: "south", Role: "clinician"}
)

// open connects another process to the same database.
func (h *house) open(t testing.TB) *DB {
	t.Helper()
	// A busy machine is waited for; what a full pool answers is a test of its own.
	db, err := Open(context.Background(), Config{DSN: h.app, Record: 8, Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func newHouse(t testing.TB) *house {
	t.Helper()
	ctx := context.Background()
	h := &house{audit: &fakeAuditor{}, people: fakeAuthorizer{}, families: map[string]int32{}}
	h.super = testkit.Database(t, migrations.FS, Prepare)
	h.app = testkit.Login(t, h.super, AppRole)
	h.db = h.open(t)
	h.Service = h.service(h.db, false)
	for _, file := range []string{"opt/vital_signs_observations.v1.opt", "opt/emergency_care_plan.v1.opt"} {
		source, err := fs.ReadFile(templates.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		tpl, err := h.UploadTemplate(ctx, system, source, cdr.TemplateUpload{})
		if err != nil {
			t.Fatal(err)
		}
		h.families[tpl.ID] = tpl.Family
	}
	both := []int32{h.families[vitalSigns], h.families[carePlan]}
	h.people[clinician.Subject] = &access.Profile{Principal: clinician.Subject, Role: "clinician", Readable: []string{"north"},
		Writable: []string{"north"}, Templates: both, WriteTemplates: both, CreateIn: []string{"north"}}
	h.people[reader.Subject] = &access.Profile{Principal: reader.Subject, Role: "reader", Readable: []string{"north"}, Templates: both}
	h.people[vitals.Subject] = &access.Profile{Principal: vitals.Subject, Role: "vitals", Readable: []string{"north"}, Writable: []string{"north"},
		Templates: both[:1], WriteTemplates: both[:1]}
	h.people[outsider.Subject] = &access.Profile{Principal: outsider.Subject, Role: "clinician", Readable: []string{"south"},
		Writable: []string{"south"}, Templates: both, WriteTemplates: both, CreateIn: []string{"south"}}
	return h
}

func (h *house) service(db *DB, compat bool) *cdr.Service {
	return cdr.New(cdr.Deps{Store: db, Authorizer: h.people, Auditor: h.audit, SystemID: "test.quire", Compat: compat, Destruction: true})
}

// example reads one of our example compositions, with members replaced.
func example(t testing.TB, name string, change ...func(map[string]any)) cdr.Content {
	t.Helper()
	text, err := fs.ReadFile(templates.FS, "examples/"+name+".json")
	if err != nil {
		t.Fatal(err)
	}
	if len(change) > 0 {
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for _, c := range change {
			c(doc)
		}
		if text, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
	}
	return cdr.Content{JSON: text}
}

// DeleteEHR destroys without a stated reason.
func (h *house) DeleteEHR(ctx context.Context, caller cdr.Caller, id string) error {
	return h.Service.DeleteEHR(ctx, caller, id, "")
}

func (h *house) ehr(t testing.TB) cdr.EHR {
	t.Helper()
	e, err := h.CreateEHR(context.Background(), clinician, "", nil, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (h *house) create(t testing.TB, ehr, name string, info cdr.CommitInfo) cdr.Document {
	t.Helper()
	d, err := h.CreateComposition(context.Background(), clinician, ehr, example(t, name), info)
	if err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
	return d
}

// count runs a query as the superuser, whom row-level security does not bind.
func (h *house) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var n int
	if err := conn.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// want checks the kind and code of an error.
func want(t testing.TB, err error, kind fault.Kind, code string) *fault.Error {
	t.Helper()
	f := fault.Of(err)
	if err == nil || f.Kind != kind || code != "" && f.Code != code {
		t.Fatalf("error %v, want kind %d code %q", err, kind, code)
	}
	for _, leak := range []string{"DETAIL", "Key (", "ERROR:"} {
		if strings.Contains(f.Error(), leak) {
			t.Fatalf("the error holds text of the server: %v", err)
		}
	}
	return f
}
