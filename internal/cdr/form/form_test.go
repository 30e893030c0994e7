package form_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/sdc"
)

func TestFormsAreFound(t *testing.T) {
	f, r, _ := newForms(t)
	ctx := context.Background()
	one, err := f.ByTemplate(ctx, nurse, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	if len(one.Version) != 12 || one.ID != sdc.QuestionnaireID(vitalSigns, one.Version) {
		t.Errorf("id %s version %s", one.ID, one.Version)
	}
	fresh, _, _ := newForms(t)
	for name, in := range map[string]*form.Forms{"cached": f, "never asked by template": fresh} {
		if got, err := in.Form(ctx, nurse, one.ID); err != nil || got.Template.ID != vitalSigns {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "x", "vital-signs-observations-v1-00000000", one.ID + "0"} {
		if _, err := f.Form(ctx, nurse, id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, tc := range []struct {
		name        string
		search      form.Search
		here, total int
	}{
		{"all", form.Search{Count: 10}, 2, 2},
		{"first page", form.Search{Count: 1}, 1, 2},
		{"second page", form.Search{Count: 1, Offset: 1}, 1, 2},
		{"behind the last", form.Search{Count: 1, Offset: 7}, 0, 2},
		{"counting only", form.Search{}, 0, 2},
		{"by template", form.Search{Template: vitalSigns, Count: 10}, 1, 1},
		{"by an unknown template", form.Search{Template: "none", Count: 10}, 0, 0},
		{"by id", form.Search{ID: one.ID, Count: 10}, 1, 1},
		{"by version", form.Search{Version: one.Version, Count: 10}, 1, 1},
		{"by id and another template", form.Search{ID: one.ID, Template: carePlan, Count: 10}, 0, 0},
	} {
		got, err := f.Search(ctx, nurse, tc.search)
		if err != nil || len(got.Forms) != tc.here || got.Total != tc.total {
			t.Errorf("%s: %d of %d, %v", tc.name, len(got.Forms), got.Total, err)
		}
	}

	was := r.templates[vitalSigns]
	r.templates[vitalSigns] = &cdr.Template{TemplateInfo: was.TemplateInfo, OPT: was.OPT + "\n", Compiled: was.Compiled}
	if _, err := f.Form(ctx, nurse, one.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the form of replaced content is still there: %v", err)
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	if _, err := form.New(form.Config{Secret: []byte("short")}); err == nil {
		t.Error("a short secret signs")
	}
}

// issue reads a stored composition as a response.
func issue(t *testing.T, f *form.Forms, d cdr.Document) *fhir.QuestionnaireResponse {
	t.Helper()
	issued, err := f.Issue(context.Background(), nurse, d.ObjectID, 0, view)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Response
}

// populate issues a blank form for a record.
func populate(t *testing.T, f *form.Forms, templateID, ehr string) *fhir.QuestionnaireResponse {
	t.Helper()
	one, err := f.ByTemplate(context.Background(), nurse, templateID)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := f.Populate(context.Background(), nurse, one.ID, form.Person{EHR: ehr}, view)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Response
}

func submit(t *testing.T, f *form.Forms, r *fhir.QuestionnaireResponse) (*form.Processed, error) {
	t.Helper()
	return f.Process(context.Background(), nurse, form.Submission{Response: encoded(t, r)})
}

// answer finds the first answer of a linkId.
func answer(items []fhir.ResponseItem, linkID string) *fhir.Answer {
	for n := range items {
		if items[n].LinkID == linkID && len(items[n].Answer) > 0 {
			return &items[n].Answer[0]
		}
		if a := answer(items[n].Item, linkID); a != nil {
			return a
		}
	}
	return nil
}

const (
	systolic = "encounter/blood_pressure/any_event/systolic"
	pulse    = "encounter/pulse_heart_beat"
)

// measure fills a blank form with one pulse rate.
func measure(r *fhir.QuestionnaireResponse, rate fhir.Decimal) {
	r.Status = "completed"
	r.Item[0].Item = append(r.Item[0].Item, fhir.ResponseItem{LinkID: pulse, Item: []fhir.ResponseItem{{LinkID: pulse + "/any_event", Item: []fhir.ResponseItem{
		{LinkID: pulse + "/any_event/rate", Answer: []fhir.Answer{{ValueQuantity: &fhir.Quantity{Value: &rate, Unit: "/min", Code: "/min"}}}}}}}})
}

func TestUntouchedWritesNothing(t *testing.T) {
	f, r, _ := newForms(t)
	for _, name := range []string{"vital_signs_full", "vital_signs_minimal", "emergency_care_plan_full"} {
		response := issue(t, f, r.stored(t, ehrA, name))
		before := r.versions()
		done, err := submit(t, f, response)
		if err != nil || !done.Unchanged || r.versions() != before {
			t.Errorf("%s: %+v, %v", name, done, err)
		}
	}
}

func TestAnEditIsTheNextVersion(t *testing.T) {
	f, r, _ := newForms(t)
	stored := r.stored(t, ehrA, "vital_signs_full")
	response := issue(t, f, stored)
	if response.ID != stored.ObjectID || response.Meta.VersionID != "1" || response.Status != "completed" {
		t.Errorf("issued %s %s %s", response.ID, response.Meta.VersionID, response.Status)
	}
	edited := fhir.Decimal("131")
	answer(response.Item, systolic).ValueQuantity.Value = &edited
	done, err := submit(t, f, response)
	if err != nil || done.Changed != 1 || !strings.HasSuffix(done.Document.VersionUID, "::2") {
		t.Fatalf("%+v, %v", done, err)
	}
	if !strings.Contains(string(done.Document.JSON), `"magnitude":131`) {
		t.Error("the edit is not in the document")
	}

	again, err := submit(t, f, response)
	if err != nil || !again.Repeated || again.Document.VersionUID != done.Document.VersionUID || r.versions() != 2 {
		t.Errorf("the same submission again: %+v, %v", again, err)
	}

	another := fhir.Decimal("140")
	answer(response.Item, systolic).ValueQuantity.Value = &another
	_, err = submit(t, f, response)
	if !fault.Is(err, fault.Precondition) || fault.Of(err).Current != done.Document.VersionUID || r.versions() != 2 {
		t.Fatalf("another edit of a stale base: %v", err)
	}
	if issues := fault.Of(err).Issues; len(issues) != 1 || issues[0].FlatKey != systolic || strings.Contains(issues[0].Message, "131") {
		t.Errorf("what changed meanwhile: %+v", issues)
	}

	first, err := f.Issue(context.Background(), nurse, stored.ObjectID, 1, view)
	if err != nil || first.Response.Meta.VersionID != "1" {
		t.Errorf("version 1: %v", err)
	}
	if _, err := f.Issue(context.Background(), nurse, stored.ObjectID, 3, view); !fault.Is(err, fault.NotFound) {
		t.Errorf("version 3: %v", err)
	}
}

func TestABlankFormCountsOnce(t *testing.T) {
	f, r, c := newForms(t)
	response := populate(t, f, vitalSigns, ehrA)
	if _, err := submit(t, f, &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Status: "completed"}); code(err) != "person-missing" {
		t.Errorf("without token and person: %v", err)
	}
	measure(response, "72")
	response.Authored = "2026-03-02T10:30:00+01:00"
	done, err := submit(t, f, response)
	if err != nil || done.Document.EHR != ehrA || done.Repeated {
		t.Fatalf("%+v, %v", done, err)
	}
	again, err := submit(t, f, response)
	if err != nil || !again.Repeated || again.Document.VersionUID != done.Document.VersionUID || r.versions() != 1 {
		t.Errorf("the same submission again: %+v, %v", again, err)
	}
	// Minutes later it is still the same, though it was filled before it was sent now.
	c.now = c.now.Add(10 * time.Minute)
	if later, err := submit(t, f, response); err != nil || !later.Repeated || later.Document.VersionUID != done.Document.VersionUID || r.versions() != 1 {
		t.Errorf("the same submission later: %+v, %v", later, err)
	}
	for _, want := range []string{"A. Nurse", `"2026-03-02T10:30:00+01:00"`} {
		if !strings.Contains(string(done.Document.JSON), want) {
			t.Errorf("the composition lacks %s", want)
		}
	}
	*answer(response.Item, pulse+"/any_event/rate").ValueQuantity.Value = "99"
	if _, err := submit(t, f, response); err == nil || r.versions() != 1 {
		t.Errorf("other answers in the same form: %v", err)
	}
	if back := issue(t, f, done.Document); answer(back.Item, pulse+"/any_event/rate") == nil {
		t.Error("the stored answer does not come back")
	}
}

// TestNewAnswersAreNotDatedBack: a renderer returns the authored time of what it
// was given; what is added is of the time the form was open.
func TestNewAnswersAreNotDatedBack(t *testing.T) {
	f, r, _ := newForms(t)
	response := issue(t, f, r.stored(t, ehrA, "vital_signs_minimal"))
	measure(response, "72")
	done, err := submit(t, f, response)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(done.Document.JSON); strings.Contains(text, "2026-03-01T12:00") || !strings.Contains(text, "2026-03-02T09:00:00Z") {
		t.Error("the new event has the time of the old document")
	}
}

func TestStatusIsLifecycle(t *testing.T) {
	f, _, _ := newForms(t)
	for status, want := range map[string]string{"in-progress": cdr.Incomplete, "completed": cdr.Complete, "amended": cdr.Complete} {
		response := populate(t, f, vitalSigns, ehrA)
		measure(response, "72")
		response.Status = status
		done, err := submit(t, f, response)
		if err != nil || done.Document.Lifecycle != want {
			t.Errorf("%s: %+v, %v", status, done, err)
		}
	}
	for _, status := range []string{"entered-in-error", "stopped", ""} {
		response := populate(t, f, vitalSigns, ehrA)
		response.Status = status
		if _, err := submit(t, f, response); code(err) != "status" {
			t.Errorf("%q: %v", status, err)
		}
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	f, r, _ := newForms(t)
	response := populate(t, f, vitalSigns, ehrA)
	measure(response, "72")
	s := form.Submission{Response: encoded(t, response), DryRun: true}
	if done, err := f.Process(context.Background(), nurse, s); err != nil || !done.DryRun || r.versions() != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	answer(response.Item, pulse+"/any_event/rate").ValueQuantity.Code = "furlong"
	s.Response = encoded(t, response)
	if _, err := f.Process(context.Background(), nurse, s); code(err) != "validation" {
		t.Errorf("a wrong unit: %v", err)
	}
}

// TestIssuesNameTheItem: whoever filled the form learns which question is wrong.
func TestIssuesNameTheItem(t *testing.T) {
	f, r, _ := newForms(t)
	response := populate(t, f, vitalSigns, ehrA)
	measure(response, "72")
	answer(response.Item, pulse+"/any_event/rate").ValueQuantity.Code = "furlong"
	_, err := submit(t, f, response)
	if !fault.Is(err, fault.Unprocessable) || r.versions() != 0 {
		t.Fatalf("a wrong unit: %v", err)
	}
	i := fault.Of(err).Issues[0]
	if i.FlatKey != pulse+"/any_event/rate" || i.Path != "QuestionnaireResponse.item[0].item[1].item[0].item[0].answer[0]" || !strings.HasPrefix(i.AQLPath, "/content[") {
		t.Errorf("%+v", i)
	}
}

func TestTokens(t *testing.T) {
	f, r, c := newForms(t)
	fresh := func() *fhir.QuestionnaireResponse {
		response := populate(t, f, vitalSigns, ehrA)
		measure(response, "72")
		return response
	}
	replace := func(response *fhir.QuestionnaireResponse, change func(string) string) {
		a := answer(response.Item, sdc.TokenLinkID)
		a.ValueString = change(a.ValueString)
	}
	cases := map[string]struct {
		change func(string) string
		code   string
	}{
		"a changed claim":     {func(s string) string { return s[:10] + string(s[10]^1) + s[11:] }, "token-invalid"},
		"a changed signature": {func(s string) string { return s[:len(s)-3] + string(s[len(s)-3]^1) + s[len(s)-2:] }, "token-invalid"},
		"no signature":        {func(s string) string { return s[:strings.LastIndexByte(s, '.')] }, "token-invalid"},
		"another version":     {func(s string) string { return "q2" + s[2:] }, "token-invalid"},
		"no token at all":     {func(string) string { return "x" }, "token-invalid"},
	}
	for name, tc := range cases {
		response := fresh()
		replace(response, tc.change)
		events := len(r.events)
		if _, err := submit(t, f, response); code(err) != tc.code || r.versions() != 0 {
			t.Errorf("%s: %v", name, err)
		}
		if len(r.events) != events+1 || r.events[events].Outcome != "denied" {
			t.Errorf("%s is not in the audit", name)
		}
	}
	old := fresh()
	c.now = c.now.Add(25 * time.Hour)
	if _, err := submit(t, f, old); code(err) != "token-expired" || r.versions() != 0 {
		t.Errorf("a form of yesterday: %v", err)
	}
	other, err := form.New(form.Config{Service: r, Store: r, Authorizer: r, Auditor: r, Secret: []byte(strings.Repeat("z", 32)), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := submit(t, other, fresh()); code(err) != "token-invalid" {
		t.Errorf("another server's token: %v", err)
	}
	doctor := cdr.Caller{Subject: "user:doctor"}
	if _, err := f.Process(context.Background(), doctor, form.Submission{Response: encoded(t, fresh())}); code(err) != "wrong-principal" || r.versions() != 0 {
		t.Errorf("somebody else's form: %v", err)
	}
}

func TestFormAndResponseMustAgree(t *testing.T) {
	f, r, _ := newForms(t)
	plan, err := f.ByTemplate(context.Background(), nurse, carePlan)
	if err != nil {
		t.Fatal(err)
	}
	response := populate(t, f, vitalSigns, ehrA)
	measure(response, "72")
	if _, err := f.Process(context.Background(), nurse, form.Submission{Response: encoded(t, response), Questionnaire: plan.ID}); code(err) != "wrong-form" {
		t.Errorf("submitted to another form: %v", err)
	}
	response.Questionnaire = plan.Canonical(base)
	if _, err := submit(t, f, response); code(err) != "wrong-form" {
		t.Errorf("names another form: %v", err)
	}
	response.Questionnaire = ""
	was := r.templates[vitalSigns]
	r.templates[vitalSigns] = &cdr.Template{TemplateInfo: was.TemplateInfo, OPT: was.OPT + "\n", Compiled: was.Compiled}
	if _, err := submit(t, f, response); code(err) != "form-changed" || r.versions() != 0 {
		t.Errorf("the template was replaced: %v", err)
	}
}

func TestWithoutATokenAllMustBeSaid(t *testing.T) {
	f, r, _ := newForms(t)
	one, err := f.ByTemplate(context.Background(), nurse, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	response := one.SDC.Blank("")
	measure(response, "72")
	try := func(ehr string) error {
		_, err := f.Process(context.Background(), nurse, form.Submission{Response: encoded(t, response), Person: form.Person{EHR: ehr}})
		return err
	}
	if err := try(""); code(err) != "person-missing" {
		t.Errorf("no person: %v", err)
	}
	if err := try(ehrA); code(err) != "questionnaire-missing" {
		t.Errorf("no form: %v", err)
	}
	response.Questionnaire = one.Canonical(base) + "|" + one.Version
	if err := try(ehrA); code(err) != "authored-missing" {
		t.Errorf("no time: %v", err)
	}
	response.Authored = "2026-03-02T09:00:00Z"
	if err := try("x"); code(err) != "ehr-malformed" {
		t.Errorf("no EHR id: %v", err)
	}
	if r.versions() != 0 {
		t.Fatal("something was written")
	}
	response.Identifier = &fhir.Identifier{System: "urn:x", Value: "1"}
	for range 2 {
		if err := try(ehrA); err != nil {
			t.Fatal(err)
		}
	}
	if r.versions() != 1 {
		t.Errorf("one identifier made %d versions", r.versions())
	}
	response.Identifier = nil
	text := strings.Replace(string(encoded(t, response)), `"status"`, `"modifierExtension":[{"url":"u"}],"status"`, 1)
	if _, err := f.Process(context.Background(), nurse, form.Submission{Response: []byte(text), Person: form.Person{EHR: ehrA}}); code(err) != "modifier" {
		t.Errorf("a modifier: %v", err)
	}
}

func TestAServiceNamesItsAuthor(t *testing.T) {
	f, _, _ := newForms(t)
	engine := cdr.Caller{Subject: "svc:engine", Service: true}
	one, err := f.ByTemplate(context.Background(), engine, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := f.Populate(context.Background(), engine, one.ID, form.Person{EHR: ehrA}, view)
	if err != nil {
		t.Fatal(err)
	}
	measure(issued.Response, "72")
	s := form.Submission{Response: encoded(t, issued.Response)}
	if _, err := f.Process(context.Background(), engine, s); code(err) != "composer-missing" {
		t.Errorf("no author: %v", err)
	}
	issued.Response.Author = &fhir.Reference{Display: "Dr Example"}
	s.Response = encoded(t, issued.Response)
	done, err := f.Process(context.Background(), engine, s)
	if err != nil || !strings.Contains(string(done.Document.JSON), "Dr Example") {
		t.Errorf("%v", err)
	}
}

// TestALivingDocumentComesWithItsAnswers: of a persistent document there is one,
// and the next form is its next version.
func TestALivingDocumentComesWithItsAnswers(t *testing.T) {
	f, r, _ := newForms(t)
	blank := populate(t, f, carePlan, ehrA)
	if blank.ID != "" || blank.Status != "in-progress" {
		t.Errorf("a blank form: %s %s", blank.ID, blank.Status)
	}
	plan := r.stored(t, ehrA, "emergency_care_plan_full")
	filled := populate(t, f, carePlan, ehrA)
	if filled.ID != plan.ObjectID || len(filled.Item[0].Item) < 3 {
		t.Errorf("the living plan is not shown: %s", filled.ID)
	}
	if vital := populate(t, f, vitalSigns, ehrA); len(vital.Item[0].Item) != 1 {
		t.Error("a form of an event is not blank")
	}
	if _, err := f.Populate(context.Background(), nurse, "x", form.Person{EHR: ehrA}, view); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown form: %v", err)
	}
}

func TestPopulateFindsThePerson(t *testing.T) {
	f, _, _ := newForms(t)
	one, err := f.ByTemplate(context.Background(), nurse, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	byNHS := &fhir.Reference{Identifier: &fhir.Identifier{System: nhs, Value: nhsA}}
	for _, tc := range []struct {
		name   string
		person form.Person
		code   string
	}{
		{"nobody", form.Person{}, "person-missing"},
		{"an EHR", form.Person{EHR: ehrA}, ""},
		{"a subject", form.Person{Subject: &fhir.Reference{Reference: "Patient/" + ehrA}}, ""},
		{"a subject by NHS number", form.Person{Subject: byNHS}, ""},
		{"both alike", form.Person{EHR: ehrA, Subject: byNHS}, ""},
		{"two persons", form.Person{EHR: ehrB, Subject: byNHS}, "wrong-person"},
		{"a subject elsewhere", form.Person{Subject: &fhir.Reference{Reference: "https://elsewhere.example/Patient/7"}}, "subject-unknown"},
		{"a record nobody knows", form.Person{EHR: "33333333-3333-4333-8333-333333333333"}, "ehr-unknown"},
	} {
		issued, err := f.Populate(context.Background(), nurse, one.ID, tc.person, view)
		if code(err) != tc.code {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err == nil && !strings.Contains(string(encoded(t, issued.Response.Subject)), ehrA) {
			t.Errorf("%s: the form is for %s", tc.name, encoded(t, issued.Response.Subject))
		}
	}
}

func TestNothingIsIssuedOfWhatIsNotThere(t *testing.T) {
	f, r, _ := newForms(t)
	for _, object := range []string{"x", "33333333-3333-4333-8333-333333333333"} {
		if _, err := f.Issue(context.Background(), nurse, object, 0, view); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", object, err)
		}
	}
	if len(r.events) != 1 || r.events[0].Outcome != "denied" {
		t.Errorf("the audit holds %+v", r.events)
	}
	gone := r.stored(t, ehrA, "vital_signs_minimal")
	r.objects[gone.ObjectID][0].Deleted = true
	if _, err := f.Issue(context.Background(), nurse, gone.ObjectID, 0, view); code(err) != "deleted" {
		t.Errorf("a deleted one: %v", err)
	}
}

func TestQuestionnaireIsWrittenOnce(t *testing.T) {
	f, _, _ := newForms(t)
	one, err := f.ByTemplate(context.Background(), nurse, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.Questionnaire(one, view, "en")
	if err != nil {
		t.Fatal(err)
	}
	var q fhir.Questionnaire
	if err := json.Unmarshal(text, &q); err != nil || q.URL != base+"/Questionnaire/"+one.ID || q.Version != one.Version {
		t.Errorf("%s %s %v", q.URL, q.Version, err)
	}
	if again, _ := f.Questionnaire(one, view, "en"); &again[0] != &text[0] {
		t.Error("written twice")
	}
	for wishes, want := range map[string]string{"": "en", "de": "en", "en-GB": "en"} {
		if got := one.Language(strings.Split(wishes, ",")); got != want {
			t.Errorf("%q: %s", wishes, got)
		}
	}
}

// FuzzProcess: whatever comes back, nothing is written for anybody but the
// person of the form, and no stored version changes.
func FuzzProcess(f *testing.F) {
	forms, r, _ := newForms(f)
	one, err := forms.ByTemplate(context.Background(), nurse, vitalSigns)
	if err != nil {
		f.Fatal(err)
	}
	issued, err := forms.Populate(context.Background(), nurse, one.ID, form.Person{EHR: ehrA}, view)
	if err != nil {
		f.Fatal(err)
	}
	measure(issued.Response, "72")
	f.Add(encoded(f, issued.Response))
	stored, err := forms.Issue(context.Background(), nurse, r.stored(f, ehrA, "vital_signs_full").ObjectID, 0, view)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded(f, stored.Response))
	first := string(stored.Document.JSON)
	f.Fuzz(func(t *testing.T, text []byte) {
		done, err := forms.Process(context.Background(), nurse, form.Submission{Response: text})
		if err == nil && done.Document.EHR != ehrA {
			t.Errorf("written for %s", done.Document.EHR)
		}
		if fault.Is(err, fault.Internal) {
			t.Error(err)
		}
		if string(r.objects[stored.Document.ObjectID][0].JSON) != first {
			t.Error("a stored version changed")
		}
	})
}

func BenchmarkQuestionnaire(b *testing.B) {
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			f, _, _ := newForms(b)
			b.StartTimer()
			one, err := f.ByTemplate(context.Background(), nurse, vitalSigns)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.Questionnaire(one, view, "en"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cached", func(b *testing.B) {
		f, _, _ := newForms(b)
		b.ReportAllocs()
		for b.Loop() {
			one, err := f.ByTemplate(context.Background(), nurse, vitalSigns)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.Questionnaire(one, view, "en"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestABlankFormCarriesNothing: the rest of somebody's response does not travel
// in the blank form of another.
func TestABlankFormCarriesNothing(t *testing.T) {
	f, r, _ := newForms(t)
	d := r.stored(t, ehrA, "vital_signs_full")
	full, err := f.Issue(context.Background(), nurse, d.ObjectID, 0, form.View{Base: base, Carry: true})
	if err != nil {
		t.Fatal(err)
	}
	blank := populate(t, f, vitalSigns, ehrB)
	blank.Item[0].Item = append(blank.Item[0].Item, full.Response.Item[0].Item[1])
	blank.Status = "completed"
	before := r.versions()
	if _, err := submit(t, f, blank); code(err) != "wrong-form" || r.versions() != before {
		t.Errorf("%v", err)
	}
	full.Response.Item[0].Item = full.Response.Item[0].Item[:2]
	if got, err := submit(t, f, full.Response); err != nil || !got.Unchanged {
		t.Errorf("the base goes before what is carried: %v", err)
	}
}
