package binding_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/build"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/templates"
)

func formOf(t testing.TB, file string) *sdc.Form {
	t.Helper()
	text, err := templates.FS.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := template.Compile(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return sdc.Build(compiled)
}

const survey = "https://example.org/fhir/Questionnaire/survey"

func generic(t testing.TB) *binding.Form {
	t.Helper()
	b, err := binding.Generic(formOf(t, "opt/questionnaire_response.v1.opt"), survey, "2", "A  survey of\nall types")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// values are answers of every type, whole and less so.
var values = []string{
	`"valueBoolean":true`, `"valueBoolean":false`, `"valueDecimal":1.50`, `"valueDecimal":-0.001`, `"valueInteger":0`, `"valueInteger":42`,
	`"valueDate":"2024"`, `"valueDate":"2024-02"`, `"valueDate":"2024-02-29"`, `"valueDateTime":"2024-02"`, `"valueDateTime":"2024-02-29T10:30:00+01:00"`,
	`"valueDateTime":"2024-02-29T10:30:00.250Z"`, `"valueTime":"23:59:00"`, `"valueString":"Two\nlines and ünïcode"`, `"valueString":" "`,
	`"valueUri":"https://example.org/a?b=c#d"`, `"valueUri":"urn:oid:1.2.3"`, `"valueUri":"relative/path"`,
	`"valueCoding":{"system":"http://snomed.info/sct","code":"38341003","display":"High blood pressure"}`,
	`"valueCoding":{"system":"http://snomed.info/sct","version":"http://snomed.info/sct/83821000000107","code":"38341003","userSelected":true}`,
	`"valueCoding":{"system":"https://example.org/own","code":"x y"}`, `"valueCoding":{"code":"bare"}`, `"valueCoding":{"display":"Only words"}`,
	`"valueQuantity":{"value":72.50,"unit":"kilograms","system":"http://unitsofmeasure.org","code":"kg"}`, `"valueQuantity":{"value":3,"comparator":"<","unit":"drinks"}`,
	`"valueQuantity":{"value":7}`, `"valueQuantity":{"unit":"kg"}`, `"valueReference":{"reference":"Practitioner/1","display":"Dr One"}`,
	`"valueReference":{"identifier":{"system":"https://example.org/ids","value":"1"}}`,
	`"valueAttachment":{"contentType":"image/png","data":"iVBORw0KGgo=","title":"A picture"}`, `"valueAttachment":{"contentType":"application/pdf","url":"https://example.org/a.pdf","size":120}`,
	`"valueAttachment":{"title":"Lost"}`, `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"asked-declined"}]`,
	`"valueString":"words","extension":[{"url":"https://example.org/e","valueBoolean":true}],"id":"a1"`,
}

// surveyed answers a survey: groups that repeat, questions below questions,
// several answers to one question.
func surveyed(pick func(int) int) []byte {
	n := 0
	var items func(depth int) string
	items = func(depth int) string {
		var list []string
		for range 1 + pick(4) {
			n++
			id := fmt.Sprintf(`"linkId":"q%d"`, 1+pick(40))
			if pick(2) == 0 {
				id += fmt.Sprintf(`,"text":"Question\t%d?"`, n)
			}
			switch {
			case depth < 4 && pick(3) == 0:
				list = append(list, "{"+id+`,"item":`+items(depth+1)+"}")
			default:
				var answers []string
				for range 1 + pick(3) {
					answer := values[pick(len(values))]
					if depth < 4 && pick(4) == 0 {
						answer += `,"item":` + items(depth+1)
					}
					answers = append(answers, "{"+answer+"}")
				}
				list = append(list, "{"+id+`,"answer":[`+strings.Join(answers, ",")+"]}")
			}
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	return []byte(`{"resourceType":"QuestionnaireResponse","id":"theirs","questionnaire":"` + survey + `|2","status":"completed","authored":"2026-03-02T09:00:00Z",` +
		`"text":{"status":"generated","div":"<div>x</div>"},"item":` + items(0) + "}")
}

func valid(t *testing.T, b *binding.Form, tree *rm.Tree) {
	t.Helper()
	for _, issue := range validate.Check(tree, b.SDC.Template, validate.Options{}) {
		if !issue.Warning {
			t.Errorf("%s %s: %s (%s)", issue.AQLPath, issue.Rule, issue.Message, issue.Found)
		}
	}
}

// TestUnboundFormsComeBackEqual: a response to a form that nothing binds is a
// valid composition, with an ELEMENT for each answer, and the same response again.
func TestUnboundFormsComeBackEqual(t *testing.T) {
	b := generic(t)
	if !b.IsGeneric() {
		t.Error("a form without questions is not generic")
	}
	for n := range 60 {
		text := surveyed(rand.New(rand.NewPCG(7, uint64(n))).IntN)
		tree, d := sealed(t, b, text)
		valid(t, b, tree)
		again, err := b.Respond(tree)
		if err != nil || !same(t, text, again) {
			t.Fatalf("%v\n%s\n%s", err, text, again)
		}
		if d.Bound != 0 {
			t.Errorf("%d answers are bound", d.Bound)
		}
	}
	for _, value := range values {
		text := []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + survey + `","status":"completed","item":[{"linkId":"a","answer":[{` + value + `}]}]}`)
		tree, _ := sealed(t, b, text)
		silent := strings.HasPrefix(value, `"extension"`) || strings.Contains(value, `" "`) || strings.Contains(value, `{"unit"`) || strings.Contains(value, `{"identifier"`)
		if held := strings.Contains(string(canon.WriteJSON(nil, tree, tree.Root())), binding.Archetype); held == silent {
			t.Errorf("%s: kept in the archetype: %v", value, held)
		}
	}
}

const asked = `{"resourceType":"Questionnaire","url":"` + survey + `","item":[{"linkId":"life","text":"Your life","item":[
	{"linkId":"smoke","text":"Do you smoke?","type":"boolean","code":[{"system":"http://loinc.org","code":"72166-2","display":"Tobacco smoking status"}],
	 "item":[{"linkId":"many","text":"How many a day?","type":"integer"}]}]}]}`

// TestKeptAnswersSayWhatWasAsked: words, headings, codes and place of a question
// stand with its answers, and what is changed there is changed in the response.
func TestKeptAnswersSayWhatWasAsked(t *testing.T) {
	b := generic(t)
	text := []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + survey + `","status":"completed","item":[{"linkId":"life","item":[
		{"linkId":"smoke","answer":[{"valueBoolean":true,"item":[{"linkId":"many","answer":[{"valueInteger":10},{"valueInteger":20}]}]},{"valueBoolean":false}]}]}]}`)
	d, err := b.Translate(text, binding.Questions([]byte(asked)))
	if err != nil {
		t.Fatal(err)
	}
	made, err := b.SDC.Compose(nil, d.Response, facts)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := d.Seal(made.Tree, "")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(canon.WriteJSON(nil, tree, tree.Root()))
	for _, want := range []string{
		`"name":{"_type":"DV_TEXT","value":"Do you smoke?"},"archetype_node_id":"at0001","value":{"_type":"DV_BOOLEAN","value":true}`,
		`"name":{"_type":"DV_TEXT","value":"How many a day?"},"archetype_node_id":"at0001","value":{"_type":"DV_COUNT","magnitude":10}`,
		`"code_string":"72166-2"`, `"value":"LOINC"`, `"value":"Your life"`, `"value":"smoke"`, `"value":"QuestionnaireResponse.item[0].item[0].answer[0].item[0]"`,
		`"value":"` + survey + `"`, `"value":"A survey of all types"`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %s in\n%s", want, doc)
		}
	}
	edited, err := canon.ReadJSON([]byte(strings.Replace(doc, `"magnitude":20`, `"magnitude":25`, 1)), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Respond(edited)
	if err != nil || !same(t, bytes.Replace(text, []byte(`:20`), []byte(`:25`), 1), again) {
		t.Errorf("%v\n%s", err, again)
	}
}

// TestUnboundAnswersOfBoundForms: what the order does not take stands in it by the
// generic archetype; what says who the person is does not.
func TestUnboundAnswersOfBoundForms(t *testing.T) {
	b := shipped(t, order(t))[0]
	text := []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + b.Questionnaire + `","status":"completed","item":[
		{"linkId":"Patient","item":[{"linkId":"LN/89061-6","answer":[{"valueString":"9990000001"}]},{"linkId":"LN/45394-4","answer":[{"valueString":"Example"}]}]},
		{"linkId":"HealthcareProfessional","item":[{"linkId":"LN/18705-4","answer":[{"valueString":"Dr One"}]}]},
		{"linkId":"TestRequest","item":[{"linkId":"HL7/OBR-4-h","answer":[{"valueCoding":{"system":"https://example.org/tests","code":"R93.1","display":"Thalassaemia"}}]},
			{"linkId":"nowhere","text":"Elsewhere?","answer":[{"valueDecimal":1.50,"item":[{"linkId":"deeper","answer":[{"valueString":"kept"}]}]}]}]}]}`)
	tree, _ := sealed(t, b, text)
	valid(t, b, tree)
	if again, err := b.Respond(tree); err != nil || !same(t, text, again) {
		t.Errorf("%v\n%s", err, again)
	}
	plain, err := sdc.Unfed(tree)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(canon.WriteJSON(nil, plain, plain.Root()))
	for want, there := range map[string]bool{`"value":"Elsewhere?"`: true, `"magnitude":1.50`: true, `"value":"kept"`: true, "9990000001": false, `"value":"Example"`: false} {
		if strings.Contains(doc, want) != there {
			t.Errorf("%s in the composition: %v", want, !there)
		}
	}
}

// TestOneReasonForSeveralTests: what is asked once of several tests stands with
// each, and comes back once.
func TestOneReasonForSeveralTests(t *testing.T) {
	for _, b := range shipped(t, order(t)) {
		text := []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + b.Questionnaire + `","status":"completed","item":[
			{"linkId":"HealthcareProfessional","item":[{"linkId":"LN/18705-4","answer":[{"valueString":"Dr One"}]}]},
			{"linkId":"TestRequest","item":[{"linkId":"HL7/OBR-4-h","answer":[{"valueCoding":{"system":"https://example.org/tests","code":"R93.1","display":"Thalassaemia"}},
				{"valueCoding":{"system":"https://example.org/tests","code":"R94.1","display":"HbSS"}}]},{"linkId":"LN/51967-8","answer":[{"valueString":"Anaemia in the family"}]}]}]}`)
		tree, _ := sealed(t, b, text)
		valid(t, b, tree)
		if n := strings.Count(string(canon.WriteJSON(nil, tree, tree.Root())), `{"_type":"DV_TEXT","value":"Anaemia in the family"}`); n != 2 {
			t.Errorf("%s: the reason stands %d times", b.Questionnaire, n)
		}
		if again, err := b.Respond(tree); err != nil || !same(t, text, again) {
			t.Errorf("%v\n%s", err, again)
		}
	}
}

// TestAnOpenSlotTakesAnswers: a template that leaves its protocol open has room,
// and gets the tree that was missing.
func TestAnOpenSlotTakesAnswers(t *testing.T) {
	library, err := build.OpenLibrary(archetypes.FS)
	if err != nil {
		t.Fatal(err)
	}
	const request = "template: Open request.v1\nsensitivity: normal\nlanguage: en\nclose_slots: %v\nroot: openEHR-EHR-COMPOSITION.request.v1\nnodes:\n  - include: openEHR-EHR-INSTRUCTION.service_request.v1\n"
	const order = "/content[openEHR-EHR-INSTRUCTION.service_request.v1]"
	text := []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + survey + `","status":"completed","item":[
		{"linkId":"what","answer":[{"valueString":"X-ray"}]},{"linkId":"a","text":"How are you?","answer":[{"valueString":"Well"}]}]}`)
	for _, closed := range []bool{false, true} {
		read, err := source.ReadYAML(fstest.MapFS{"t.yaml": {Data: fmt.Appendf(nil, request, closed)}}, "t.yaml")
		if err != nil {
			t.Fatal(err)
		}
		made, err := build.Build(read, library)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := template.Compile(made)
		if err != nil {
			t.Fatal(err)
		}
		b, err := binding.Bind(&binding.Binding{Questionnaire: survey, Template: "Open request.v1",
			Items:     []binding.Item{{LinkID: "what", Path: order + "/activities[at0001]/description[at0009]/items[at0121]"}},
			Constants: []binding.Constant{{Path: order + "/narrative", Value: "Request"}}}, sdc.Build(compiled))
		if err != nil {
			t.Fatalf("%+v", fault.Of(err).Issues)
		}
		tree, d := sealed(t, b, text)
		valid(t, b, tree)
		if doc := string(canon.WriteJSON(nil, tree, tree.Root())); strings.Contains(doc, binding.Archetype) == closed {
			t.Errorf("closed %v: %s", closed, doc)
		}
		if again, err := b.Respond(tree); err != nil || !same(t, text, again) || fmt.Sprint(d.Kept) != "[a]" {
			t.Errorf("%v %v\n%s", err, d.Kept, again)
		}
	}
}
