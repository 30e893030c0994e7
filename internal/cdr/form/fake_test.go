package form_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/templates"
)

const (
	vitalSigns = "Vital signs observations.v1"
	carePlan   = "Emergency care plan.v1"

	ehrA = "11111111-1111-4111-8111-111111111111"
	ehrB = "22222222-2222-4222-8222-222222222222"

	// NHS numbers of the test range.
	nhsA = "9991234501"
	nhsB = "9991234502"
	nhs  = "https://fhir.nhs.uk/Id/nhs-number"

	base = "http://example.org/fhir/r4"
)

var view = form.View{Base: base}

// clock is a time the test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// record is a small record in memory with the manners of the use cases: it
// validates, versions and recognises repeats. It is all one caller may see.
type record struct {
	sync.Mutex
	templates map[string]*cdr.Template
	subjects  map[string]string
	objects   map[string][]cdr.Document
	keys      map[string]string
	events    []cdr.Event
	made      int
}

func newRecord(t testing.TB) *record {
	t.Helper()
	r := &record{templates: map[string]*cdr.Template{}, objects: map[string][]cdr.Document{}, keys: map[string]string{},
		subjects: map[string]string{nhsA: ehrA, nhsB: ehrB}}
	all, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	for n, one := range all {
		r.templates[one.id] = &cdr.Template{TemplateInfo: cdr.TemplateInfo{ID: one.id, Family: int32(n + 1)}, OPT: one.opt, Compiled: one.compiled}
	}
	return r
}

// ownTemplate is one of our templates, read and compiled.
type ownTemplate struct {
	id, opt  string
	compiled *template.Compiled
}

// shipped compiles our templates once for all tests.
var shipped = sync.OnceValues(func() ([]ownTemplate, error) {
	var all []ownTemplate
	for _, file := range templates.All() {
		text, err := templates.FS.ReadFile(file.File)
		if err != nil {
			return nil, err
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			return nil, err
		}
		all = append(all, ownTemplate{file.ID, string(text), compiled})
	}
	return all, nil
})

func (r *record) Templates(context.Context, cdr.Caller) ([]cdr.TemplateInfo, error) {
	return []cdr.TemplateInfo{r.templates[carePlan].TemplateInfo, r.templates[vitalSigns].TemplateInfo}, nil
}

func (r *record) Template(_ context.Context, _ cdr.Caller, id string) (*cdr.Template, error) {
	if t := r.templates[id]; t != nil {
		return t, nil
	}
	return nil, fault.New(fault.NotFound, "template-unknown", "no such template")
}

func (r *record) TemplateVersions(ctx context.Context, c cdr.Caller, id string) ([]cdr.TemplateInfo, error) {
	t, err := r.Template(ctx, c, id)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(t.OPT))
	t.SHA256 = sum[:]
	return []cdr.TemplateInfo{t.TemplateInfo}, nil
}

func (r *record) TemplateVersion(ctx context.Context, c cdr.Caller, id, _ string) (*cdr.Template, error) {
	return r.Template(ctx, c, id)
}

// DeleteComposition makes a version that is none.
func (r *record) DeleteComposition(_ context.Context, _ cdr.Caller, ehr, versionUID, _ string, _ cdr.CommitInfo) (cdr.Document, error) {
	r.Lock()
	defer r.Unlock()
	object, _, _ := strings.Cut(versionUID, "::")
	versions := r.objects[object]
	if latest := versions[len(versions)-1].VersionUID; latest != versionUID {
		return cdr.Document{}, fault.New(fault.Precondition, "version-not-latest", "stale").Latest(latest)
	}
	d := cdr.Document{VersionUID: fmt.Sprintf("%s::test.quire::%d", object, len(versions)+1), ObjectID: object, EHR: ehr, Deleted: true,
		Lifecycle: cdr.Complete, Template: versions[0].Template}
	r.objects[object] = append(versions, d)
	return d, nil
}

func (r *record) EHR(_ context.Context, _ cdr.Caller, id string) (cdr.EHR, error) {
	if id != ehrA && id != ehrB {
		return cdr.EHR{}, fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
	}
	return cdr.EHR{ID: id, IsModifiable: true}, nil
}

func (r *record) Query(context.Context, cdr.Caller, cdr.QueryRequest) (*cdr.ResultSet, error) {
	return nil, fault.New(fault.NotImplemented, "query", "no queries here")
}

func (r *record) EHRBySubject(ctx context.Context, caller cdr.Caller, namespace, id string) (cdr.EHR, error) {
	if ehr := r.subjects[id]; ehr != "" && namespace == nhs {
		return r.EHR(ctx, caller, ehr)
	}
	return cdr.EHR{}, fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
}

func (r *record) Composition(_ context.Context, _ cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error) {
	r.Lock()
	defer r.Unlock()
	object := ref.Object
	if object == "" {
		object, _, _ = strings.Cut(ref.VersionUID, "::")
	}
	var found cdr.Document
	for _, d := range r.objects[object] {
		switch {
		case d.EHR != ehr, ref.VersionUID != "" && d.VersionUID != ref.VersionUID:
		case ref.VersionUID != "" || ref.Lifecycle != "" || d.Lifecycle == cdr.Complete || found.VersionUID == "":
			found = d
		}
	}
	if found.VersionUID == "" {
		return found, fault.New(fault.NotFound, "version-unknown", "no such version")
	}
	return found, nil
}

func (r *record) CompositionHistory(_ context.Context, _ cdr.Caller, _, object string) ([]byte, error) {
	var items []string
	for _, d := range r.objects[object] {
		items = append(items, `{"version_id":{"value":"`+d.VersionUID+`"}}`)
	}
	return []byte(`{"items":[` + strings.Join(items, ",") + `]}`), nil
}

func (r *record) CreateComposition(_ context.Context, _ cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	r.Lock()
	defer r.Unlock()
	if content.Tree == nil {
		tree, err := canon.ReadJSON(content.JSON, rminfo.COMPOSITION, canon.ReadOptions{})
		if err != nil {
			return cdr.Document{}, err
		}
		content.Tree = tree
	}
	if info.IdempotencyKey != "" {
		sum := fmt.Sprintf("%x", sha256.Sum256(canon.WriteJSON(nil, content.Tree, content.Tree.Root())))
		if before, used := r.keys[ehr+info.IdempotencyKey]; used {
			object, request, _ := strings.Cut(before, "|")
			if request != sum {
				return cdr.Document{}, fault.New(fault.Unprocessable, "idempotency-key-reused", "the Idempotency-Key was used for another request")
			}
			first := r.objects[object][0]
			first.Repeated = true
			return first, nil
		}
		r.made++
		object := fmt.Sprintf("%08d-0000-4000-8000-000000000000", r.made)
		d, err := r.add(ehr, object, content, info)
		if err == nil {
			r.keys[ehr+info.IdempotencyKey] = object + "|" + sum
		}
		return d, err
	}
	r.made++
	return r.add(ehr, fmt.Sprintf("%08d-0000-4000-8000-000000000000", r.made), content, info)
}

func (r *record) UpdateComposition(_ context.Context, _ cdr.Caller, ehr, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	r.Lock()
	defer r.Unlock()
	versions := r.objects[object]
	if latest := versions[len(versions)-1].VersionUID; latest != ifMatch {
		return cdr.Document{}, fault.New(fault.Precondition, "version-not-latest", "stale").Latest(latest)
	}
	return r.add(ehr, object, content, info)
}

func (r *record) add(ehr, object string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	uid := fmt.Sprintf("%s::test.quire::%d", object, len(r.objects[object])+1)
	name := content.Tree.TextAt(content.Tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	issues := validate.Check(content.Tree, r.templates[name].Compiled, validate.Options{Incomplete: info.Lifecycle == cdr.Incomplete})
	if validate.Refused(issues) {
		return cdr.Document{}, fault.New(fault.Unprocessable, "validation", "not valid").With(issues...)
	}
	sealed, err := canon.SetUID(content.Tree, uid)
	if err != nil {
		return cdr.Document{}, err
	}
	if info.Lifecycle == "" {
		info.Lifecycle = cdr.Complete
	}
	d := cdr.Document{VersionUID: uid, ObjectID: object, EHR: ehr, JSON: canon.WriteJSON(nil, sealed, sealed.Root()), Tree: sealed,
		Committed: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Lifecycle: info.Lifecycle, Template: name}
	r.objects[object] = append(r.objects[object], d)
	return d, nil
}

func (r *record) Home(_ context.Context, object string) (string, error) {
	if list := r.objects[object]; len(list) > 0 {
		return list[0].EHR, nil
	}
	return "", fault.New(fault.NotFound, "object-unknown", "no such object")
}

func (r *record) Living(_ context.Context, _ *access.Profile, ehr string, family int32) (string, error) {
	for object, list := range r.objects {
		if list[0].EHR == ehr && r.templates[list[0].Template].Family == family {
			return object, nil
		}
	}
	return "", nil
}

// Entries is what a store finds: every effective version that holds one.
func (r *record) Entries(_ context.Context, _ *access.Profile, q cdr.EntryQuery) ([]cdr.Holding, error) {
	r.Lock()
	defer r.Unlock()
	var out []cdr.Holding
	for object, list := range r.objects {
		for n := len(list) - 1; n >= 0; n-- {
			if d := list[n]; d.EHR == q.EHR && d.Lifecycle == cdr.Complete {
				out = append(out, cdr.Holding{Version: cdr.Version{UID: d.VersionUID, Object: object, Committed: d.Committed, Doc: d.JSON}})
				break
			}
		}
	}
	return out, nil
}

func (r *record) MayWithhold(context.Context, cdr.Caller) bool { return false }

func (r *record) Profile(_ context.Context, c cdr.Caller) (*access.Profile, error) {
	return &access.Profile{Principal: c.Subject}, nil
}

func (r *record) Record(_ context.Context, e cdr.Event) error {
	r.Lock()
	defer r.Unlock()
	r.events = append(r.events, e)
	return nil
}

// versions counts what is stored.
func (r *record) versions() int {
	r.Lock()
	defer r.Unlock()
	n := 0
	for _, list := range r.objects {
		n += len(list)
	}
	return n
}

var nurse = cdr.Caller{Subject: "user:nurse", Name: "A. Nurse"}

func newForms(t testing.TB) (*form.Forms, *record, *clock) {
	t.Helper()
	r, c := newRecord(t), &clock{time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	f, err := form.New(form.Config{Service: r, Store: r, Authorizer: r, Auditor: r, Secret: []byte(strings.Repeat("s", 32)), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return f, r, c
}

// stored puts an example into a record.
func (r *record) stored(t testing.TB, ehr, name string) cdr.Document {
	t.Helper()
	text, err := templates.FS.ReadFile("examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.CreateComposition(context.Background(), nurse, ehr, cdr.Content{JSON: text}, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// code is the code of an error, "" of none.
func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}
