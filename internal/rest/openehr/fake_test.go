package openehr_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
)

// The objects the fake knows.
const (
	ehrID    = "7d44b88c-4199-4bad-97dc-d78268e01398"
	object   = "8849182c-82ad-4088-a07f-48ead4180515"
	unknown  = "00000000-0000-4000-8000-000000000000"
	first    = object + "::sys.example::1"
	second   = object + "::sys.example::2"
	deleted  = object + "::sys.example::3"
	document = `{"_type":"COMPOSITION","name":{"_type":"DV_TEXT","value":"a < 1.50"}}`
)

var committed = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// fake answers as a record of one EHR with one composition of two versions, the
// second the latest; it keeps what it was last asked. It knows no rules: those
// are tested where they live.
type fake struct {
	info    cdr.CommitInfo
	ref     cdr.VersionRef
	ifMatch string
	content cdr.Content
	status  *cdr.Content
	id      string
	opt     string
	aql     cdr.QueryRequest
	inline  bool
	// imported says that the last contribution was an import.
	imported bool
	key      string
	path     string
	kind     cdr.Kind
	tags     []cdr.Tag
	tag      cdr.TagQuery
	query    cdr.StoredQuery
	asked    string
}

func (f *fake) known(ehr string) error {
	if ehr != ehrID {
		return fault.New(fault.NotFound, "ehr", "no such EHR")
	}
	return nil
}

func doc(uid string) cdr.Document {
	d := cdr.Document{VersionUID: uid, ObjectID: object, EHR: ehrID, JSON: []byte(document), Committed: committed, Lifecycle: cdr.Complete}
	if uid == deleted {
		d.JSON, d.Deleted, d.Lifecycle = nil, true, cdr.Deleted
	}
	return d
}

func record(id string) cdr.EHR {
	return cdr.EHR{ID: id, SystemID: "sys.example", Created: committed, StatusID: object, Status: doc(first)}
}

func (f *fake) CreateEHR(_ context.Context, _ cdr.Caller, id string, status *cdr.Content, info cdr.CommitInfo) (cdr.EHR, error) {
	f.id, f.status, f.info = id, status, info
	if id == ehrID {
		return cdr.EHR{}, fault.New(fault.Conflict, "ehr-exists", "the EHR exists")
	}
	if id == "" {
		id = ehrID
	}
	return record(id), nil
}

func (f *fake) EHR(_ context.Context, _ cdr.Caller, id string) (cdr.EHR, error) {
	return record(id), f.known(id)
}

func (f *fake) EHRBySubject(_ context.Context, _ cdr.Caller, namespace, id string) (cdr.EHR, error) {
	if namespace != "n s" || id != "1+2" {
		return cdr.EHR{}, fault.New(fault.NotFound, "ehr", "no such EHR")
	}
	return record(ehrID), nil
}

func (f *fake) read(ehr string, ref cdr.VersionRef) (cdr.Document, error) {
	f.ref = ref
	if err := f.known(ehr); err != nil {
		return cdr.Document{}, err
	}
	switch {
	case ref.VersionUID != "" && !strings.HasPrefix(ref.VersionUID, object), ref.Object == unknown:
		return cdr.Document{}, fault.New(fault.NotFound, "object", "no such object")
	case ref.VersionUID != "":
		return doc(ref.VersionUID), nil
	}
	return doc(second), nil
}

func (f *fake) write(ehr, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	f.ifMatch, f.content, f.info = ifMatch, content, info
	if err := f.known(ehr); err != nil {
		return cdr.Document{}, err
	}
	if ifMatch != "" && !strings.EqualFold(ifMatch, second) {
		return cdr.Document{}, fault.New(fault.Precondition, "stale", "another version is the latest").Latest(second)
	}
	return doc(object + "::sys.example::3"), nil
}

func (f *fake) Status(_ context.Context, _ cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error) {
	return f.read(ehr, ref)
}
func (f *fake) UpdateStatus(_ context.Context, _ cdr.Caller, ehr, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	d, err := f.write(ehr, ifMatch, content, info)
	d.JSON = []byte(document)
	return d, err
}
func (f *fake) VersionedStatus(_ context.Context, _ cdr.Caller, ehr string) (cdr.Versioned, error) {
	return cdr.Versioned{ObjectID: object, JSON: []byte(`{"_type":"VERSIONED_EHR_STATUS"}`), Latest: doc(second)}, f.known(ehr)
}
func (f *fake) StatusVersion(_ context.Context, _ cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error) {
	return f.read(ehr, ref)
}
func (f *fake) StatusHistory(_ context.Context, _ cdr.Caller, ehr string) ([]byte, error) {
	return []byte(`{"_type":"REVISION_HISTORY"}`), f.known(ehr)
}

func (f *fake) JudgeUpdate(_ context.Context, _ cdr.Caller, ehr, _, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Judgement, error) {
	f.content, f.info, f.ifMatch = content, info, ifMatch
	return cdr.Judgement{JSON: content.JSON}, f.known(ehr)
}
func (f *fake) JudgeComposition(_ context.Context, _ cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Judgement, error) {
	f.content, f.info = content, info
	return cdr.Judgement{JSON: content.JSON}, f.known(ehr)
}
func (f *fake) CreateComposition(_ context.Context, _ cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	if _, err := f.write(ehr, "", content, info); err != nil {
		return cdr.Document{}, err
	}
	return doc(first), nil
}
func (f *fake) UpdateComposition(_ context.Context, _ cdr.Caller, ehr, _, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	d, err := f.write(ehr, ifMatch, content, info)
	d.JSON = []byte(document)
	return d, err
}
func (f *fake) DeleteComposition(_ context.Context, _ cdr.Caller, ehr, uid, ifMatch string, info cdr.CommitInfo) (cdr.Document, error) {
	if _, err := f.write(ehr, ifMatch, cdr.Content{}, info); err != nil {
		return cdr.Document{}, err
	}
	if uid == first {
		return cdr.Document{}, fault.New(fault.Conflict, "stale", "not the latest").Latest(second)
	}
	return doc(deleted), nil
}
func (f *fake) Composition(_ context.Context, _ cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error) {
	return f.read(ehr, ref)
}
func (f *fake) VersionedComposition(_ context.Context, _ cdr.Caller, ehr, id string) (cdr.Versioned, error) {
	_, err := f.read(ehr, cdr.VersionRef{Object: id})
	return cdr.Versioned{ObjectID: id, JSON: []byte(`{"_type":"VERSIONED_COMPOSITION"}`), Latest: doc(second)}, err
}
func (f *fake) CompositionVersion(_ context.Context, _ cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error) {
	d, err := f.read(ehr, ref)
	d.JSON = []byte(`{"_type":"ORIGINAL_VERSION"}`)
	return d, err
}
func (f *fake) CompositionHistory(_ context.Context, _ cdr.Caller, ehr, _ string) ([]byte, error) {
	return []byte(`{"_type":"REVISION_HISTORY"}`), f.known(ehr)
}

func (f *fake) Contribution(_ context.Context, _ cdr.Caller, ehr, id string, inline bool) (cdr.ContributionView, error) {
	f.inline = inline
	return cdr.ContributionView{ID: id, Committed: committed, JSON: []byte(`{"_type":"CONTRIBUTION"}`)}, f.known(ehr)
}

func (f *fake) UploadTemplate(_ context.Context, _ cdr.Caller, opt []byte, _ cdr.TemplateUpload) (*cdr.Template, error) {
	f.opt = string(opt)
	return template(), nil
}
func (f *fake) Templates(context.Context, cdr.Caller) ([]cdr.TemplateInfo, error) {
	return []cdr.TemplateInfo{template().TemplateInfo}, nil
}
func (f *fake) Template(_ context.Context, _ cdr.Caller, id string) (*cdr.Template, error) {
	if id != template().ID {
		return nil, fault.New(fault.NotFound, "template", "no such template")
	}
	return template(), nil
}

func (f *fake) TemplateVersion(ctx context.Context, caller cdr.Caller, id, version string) (*cdr.Template, error) {
	if version != "" && version != "1.0.0" {
		return nil, fault.New(fault.NotFound, "template-version-unknown", "no such version")
	}
	return f.Template(ctx, caller, id)
}
func (f *fake) TemplateOf(context.Context, cdr.Caller, cdr.Document) (*cdr.Template, error) {
	return template(), nil
}
func (f *fake) JudgeTemplate(_ context.Context, _ cdr.Caller, _ []byte, up cdr.TemplateUpload) (cdr.TemplateImpact, error) {
	return cdr.TemplateImpact{ID: template().ID, Version: up.Version, Outcome: "version"}, nil
}
func (f *fake) TemplateVersions(context.Context, cdr.Caller, string) ([]cdr.TemplateInfo, error) {
	old := template().TemplateInfo
	old.Retired, old.Version = committed, "0.9.0"
	return []cdr.TemplateInfo{template().TemplateInfo, old}, nil
}

func template() *cdr.Template {
	return &cdr.Template{OPT: "<template/>", TemplateInfo: cdr.TemplateInfo{
		ID: "Vital  signs+x", Concept: "Vital signs", RootArchetype: "openEHR-EHR-COMPOSITION.encounter.v1", Created: committed,
	}}
}

func (f *fake) TemplatePaths(_ context.Context, _ cdr.Caller, _, text string) ([]cdr.TemplatePath, error) {
	n := int64(7)
	return []cdr.TemplatePath{{AQL: "/a", FLAT: "a", Type: "DV_TEXT", Names: map[string]string{"en": text}, Filled: &n}, {AQL: "/b", Max: -1}}, nil
}

// Query is never asked: a ResultSet cannot be made here, so execute stands in.
func (f *fake) Query(context.Context, cdr.Caller, cdr.QueryRequest) (*cdr.ResultSet, error) {
	return nil, fault.New(fault.NotImplemented, "fake", "not asked")
}

func (f *fake) execute(_ context.Context, _ cdr.Caller, query cdr.QueryRequest) (openehr.Answer, error) {
	f.aql = query
	return result{query}, nil
}

// result is a small one, of a tag that is its text.
type result struct{ query cdr.QueryRequest }

func (r result) Warnings() []fault.Issue {
	if r.query.Params["unknown"] == nil {
		return nil
	}
	return []fault.Issue{{Path: "$unknown", Rule: "query-parameter-unknown"}}
}

func (r result) Withheld() bool { return r.query.Name != "" }

func (r result) Outcome() cdr.QueryOutcome {
	o := cdr.QueryOutcome{Tag: r.query.Text}
	if r.query.Paged {
		o.Next = "n-" + r.query.Cursor
	}
	if r.query.Text == "CUT" {
		o.Truncated = 7
	}
	return o
}

func (r result) Run(_ context.Context, w io.Writer) (int64, error) {
	if _, err := w.Write([]byte(`{"rows":[`)); err != nil {
		return 0, err
	}
	if r.query.Text == "BREAK" {
		return 0, fault.New(fault.Timeout, "query-timeout", "the query took too long")
	}
	n, err := w.Write([]byte(`[82.0]]}`))
	return int64(n), err
}

type everyone struct{}

func (everyone) Verify(context.Context, rest.Credentials) (cdr.Caller, error) {
	return cdr.Caller{Subject: "user:test:one"}, nil
}

func serve(t *testing.T, compat bool) (*fake, *fiber.App) {
	t.Helper()
	f := &fake{}
	routes := slices.DeleteFunc(openehr.Routes(f, openehr.About{Version: "1", SystemID: "sys.example"}),
		func(r rest.Route) bool { return r.Access == rest.QueryRun })
	app, err := rest.New(rest.Options{
		Routes:   append(routes, openehr.QueryRoutes(f.execute, f)...),
		Verifier: everyone{}, Manners: rest.MannersFor(compat), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, app
}

// exchange is one request and what must come back; a header named in want must
// be equal, and absent where it is "".
type exchange struct {
	name, method, path, body string
	headers                  map[string]string
	compat                   bool
	status                   int
	want                     map[string]string
	text                     string
	check                    func(t *testing.T, f *fake)
}

func run(t *testing.T, exchanges []exchange) {
	for _, x := range exchanges {
		t.Run(x.name, func(t *testing.T) {
			f, app := serve(t, x.compat)
			request := httptest.NewRequest(x.method, "/rest/openehr/v1"+x.path, strings.NewReader(x.body))
			if x.body == "" {
				request = httptest.NewRequest(x.method, "/rest/openehr/v1"+x.path, http.NoBody)
			} else {
				request.Header.Set("Content-Type", "application/json")
			}
			for name, value := range x.headers {
				request.Header.Set(name, value)
			}
			response, err := app.Test(request, 5000)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != x.status {
				t.Fatalf("status %d, want %d: %s", response.StatusCode, x.status, text)
			}
			for name, want := range x.want {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if x.text != "" && !strings.Contains(string(text), x.text) {
				t.Errorf("body %s does not hold %s", text, x.text)
			}
			if (x.status == 204 || x.status == 304) && len(text) > 0 {
				t.Errorf("a %d has a body", x.status)
			}
			if len(text) > 0 && response.Header.Get("Content-Type") == "" {
				t.Error("a body without Content-Type")
			}
			if x.check != nil {
				x.check(t, f)
			}
		})
	}
}
