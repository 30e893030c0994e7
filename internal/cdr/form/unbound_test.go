package form_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
)

// shelf is a library of one form.
type shelf struct{ url, text string }

func (s shelf) Authored(_ context.Context, _ cdr.Caller, canonical string) ([]byte, error) {
	if canonical == s.url || canonical == s.url+"|1" {
		return []byte(s.text), nil
	}
	return nil, fault.New(fault.NotFound, "questionnaire-unknown", "no such Questionnaire")
}

const (
	visit     = "https://elsewhere.example.org/fhir/Questionnaire/visit"
	visitForm = `{"resourceType":"Questionnaire","url":"` + visit + `","version":"1","title":"Before your visit","status":"active","item":[
		{"linkId":"home","text":"At home","type":"group","item":[{"linkId":"alone","text":"Do you live alone?","type":"boolean","required":true},
			{"linkId":"helper","text":"Who helps you?","type":"group","repeats":true,"item":[{"linkId":"name","text":"Name","type":"string"}]}]},
		{"linkId":"smoking","text":"Smoking","type":"choice","answerOption":[{"valueCoding":{"system":"http://snomed.info/sct","code":"8517006","display":"Ex-smoker"}},{"valueCoding":{"system":"http://snomed.info/sct","code":"266919005"}}],
		 "item":[{"linkId":"stopped","text":"When did you stop?","type":"date"}]},
		{"linkId":"ring","text":"When may we ring?","type":"time","repeats":true}]}`
	visited = `{"resourceType":"QuestionnaireResponse","questionnaire":"` + visit + `|1","status":"completed","authored":"2026-03-02T08:30:00Z",
		"identifier":{"system":"https://elsewhere.example.org/ids","value":"r1"},"author":{"display":"Sam Example"},"item":[
		{"linkId":"home","item":[{"linkId":"alone","answer":[{"valueBoolean":true}]},{"linkId":"helper","item":[{"linkId":"name","answer":[{"valueString":"Jo"}]}]},
			{"linkId":"helper","item":[{"linkId":"name","answer":[{"valueString":"Al"}]}]}]},
		{"linkId":"smoking","answer":[{"valueCoding":{"system":"http://snomed.info/sct","code":"8517006","display":"Ex-smoker"},"item":[{"linkId":"stopped","answer":[{"valueDate":"2019-04"}]}]}]},
		{"linkId":"ring","answer":[{"valueTime":"10:00:00"},{"valueTime":"16:30:00"}]}]}`
)

// plain is a response without what a server adds.
func plain(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "meta", "subject"} {
		delete(out, name)
	}
	return out
}

func unboundForms(t *testing.T) (*form.Forms, *record) {
	t.Helper()
	f, r, _ := newForms(t)
	f.Library = shelf{visit, visitForm}
	return f, r
}

// TestAFormWithoutABinding: what somebody's form was answered with is stored,
// comes back equal, and is amended by the response that was read.
func TestAFormWithoutABinding(t *testing.T) {
	f, r := unboundForms(t)
	ctx := context.Background()
	send := func(s form.Submission) (*form.Processed, error) { return f.Process(ctx, nurse, s) }
	done, err := send(form.Submission{Response: []byte(visited), Person: form.Person{EHR: ehrA}})
	if err != nil {
		t.Fatalf("%v %+v", err, fault.Of(err).Issues)
	}
	if len(done.Kept) != 5 {
		t.Errorf("kept %v", done.Kept)
	}
	again, err := send(form.Submission{Response: []byte(visited), Person: form.Person{EHR: ehrA}})
	if err != nil || !again.Repeated {
		t.Errorf("sent twice: %v %+v", err, again)
	}
	object, first := done.Document.ObjectID, done.Document.VersionUID
	read := func(number int) *form.Issued {
		t.Helper()
		issued, err := f.Issue(ctx, nurse, object, number, view)
		if err != nil {
			t.Fatal(err)
		}
		return issued
	}
	if got := read(0); !reflect.DeepEqual(plain(t, got.Text), plain(t, []byte(visited))) || got.Response.ID != object || got.Response.Authored != "2026-03-02T08:30:00Z" {
		t.Errorf("another response comes back:\n%s", got.Text)
	}
	unchanged, err := send(form.Submission{Response: read(0).Text, Object: object, IfMatch: first})
	if err != nil || !unchanged.Unchanged {
		t.Errorf("sent back as it was read: %v %+v", err, unchanged)
	}
	edited := strings.NewReplacer(`"Al"`, `"Ali"`, `"completed"`, `"amended"`, `"2026-03-02T08:30:00Z"`, `"2026-03-02T08:45:00Z"`).Replace(string(read(0).Text))
	edited = strings.Replace(edited, `,{"answer":[{"valueTime":"10:00:00"},{"valueTime":"16:30:00"}],"linkId":"ring"}`, "", 1)
	for _, c := range []struct {
		name, code string
		s          form.Submission
	}{
		{"no version named", "if-match-missing", form.Submission{Response: []byte(edited), Object: object}},
		{"another version", "version-not-latest", form.Submission{Response: []byte(edited), Object: object, IfMatch: "7"}},
		{"somebody else", "wrong-person", form.Submission{Response: []byte(edited), Object: object, IfMatch: "1", Person: form.Person{EHR: ehrB}}},
		{"another id", "wrong-response", form.Submission{Response: []byte(strings.Replace(edited, object, ehrB, 1)), Object: object, IfMatch: "1"}},
		{"not fitting", "response-invalid", form.Submission{Response: []byte(strings.Replace(edited, `"8517006"`, `"1"`, 1)), Object: object, IfMatch: "1"}},
	} {
		if _, err := send(c.s); err == nil || fault.Of(err).Code != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	amended, err := send(form.Submission{Response: []byte(edited), Object: object, IfMatch: first})
	if err != nil {
		t.Fatalf("%v %+v", err, fault.Of(err).Issues)
	}
	if len(r.objects[object]) != 2 || !reflect.DeepEqual(amended.Removed, []string{"ring"}) {
		t.Errorf("%d versions, removed %v", len(r.objects[object]), amended.Removed)
	}
	if got := read(0).Text; !reflect.DeepEqual(plain(t, got), plain(t, []byte(edited))) {
		t.Errorf("%s", got)
	}
	if got := read(1).Text; !reflect.DeepEqual(plain(t, got), plain(t, []byte(visited))) {
		t.Errorf("the first version: %s", got)
	}
	for _, version := range r.objects[object] {
		if !strings.Contains(string(version.JSON), `"start_time":{"_type":"DV_DATE_TIME","value":"2026-03-02T08:30:00Z"}`) {
			t.Errorf("the start is not when the form was filled first: %s", version.JSON)
		}
	}
	withdrawn, err := send(form.Submission{Response: []byte(strings.Replace(edited, `"amended"`, `"entered-in-error"`, 1)), Object: object, IfMatch: "2"})
	if err != nil || !withdrawn.Retracted {
		t.Errorf("%v %+v", err, withdrawn)
	}
}

// TestUnboundResponsesMustFit: the form itself says what answers it.
func TestUnboundResponsesMustFit(t *testing.T) {
	f, r := unboundForms(t)
	for name, c := range map[string]struct{ from, to, rule, at string }{
		"unknown question": {`"linkId":"ring"`, `"linkId":"rung"`, "linkid-unknown", "QuestionnaireResponse.item[2]"},
		"type":             {`"valueBoolean":true`, `"valueString":"yes"`, "type", "QuestionnaireResponse.item[0].item[0].answer[0]"},
		"option":           {`"8517006"`, `"1"`, "option", "QuestionnaireResponse.item[1].answer[0]"},
		"several":          {`"valueBoolean":true}`, `"valueBoolean":true},{"valueBoolean":false}`, "repeats", "QuestionnaireResponse.item[0].item[0]"},
		"missing":          {`{"linkId":"alone","answer":[{"valueBoolean":true}]},`, ``, "required", "QuestionnaireResponse.item[0]"},
	} {
		text := strings.Replace(visited, c.from, c.to, 1)
		if text == visited {
			t.Fatal(name)
		}
		_, err := f.Process(context.Background(), nurse, form.Submission{Response: []byte(text), Person: form.Person{EHR: ehrA}})
		issues := fault.Of(err).Issues
		if err == nil || len(issues) != 1 || issues[0].Rule != c.rule || issues[0].Path != c.at || issues[0].FlatKey == "" {
			t.Errorf("%s: %v %+v", name, err, issues)
		}
	}
	draft := strings.NewReplacer(`"completed"`, `"in-progress"`, `{"linkId":"alone","answer":[{"valueBoolean":true}]},`, ``).Replace(visited)
	done, err := f.Process(context.Background(), nurse, form.Submission{Response: []byte(draft), Person: form.Person{EHR: ehrA}})
	if err != nil || done.Document.Lifecycle != cdr.Incomplete {
		t.Errorf("a draft: %v %+v", err, done)
	}
	if len(r.objects) != 1 {
		t.Errorf("%d compositions", len(r.objects))
	}
}

// TestFormsNobodyKeepsAreUnknown: a form that is neither kept nor bound is not answered.
func TestFormsNobodyKeepsAreUnknown(t *testing.T) {
	f, _ := unboundForms(t)
	_, err := f.Process(context.Background(), nurse, form.Submission{Response: []byte(strings.ReplaceAll(visited, "/visit", "/other")), Person: form.Person{EHR: ehrA}})
	if !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}
