package extract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/sdc/extract"
)

const sd = `"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-`

// visitForm says itself what its answers become.
const visitForm = `{"resourceType":"Questionnaire","url":"https://example.org/q","extension":[{` + sd + `extractAllocateId","valueString":"ConditionId"},
	{` + sd + `templateExtract","extension":[{"url":"template","valueReference":{"reference":"#condition"}},{"url":"fullUrl","valueString":"%ConditionId"}]}],
 "contained":[
  {"resourceType":"Condition","id":"condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},
   "code":{"coding":[{"extension":[{` + sd + `templateExtractValue","valueString":"item.where(linkId='problem').answer.value"}]}]},
   "subject":{"extension":[{` + sd + `templateExtractValue","valueString":"%resource.subject"}]},
   "_onsetDateTime":{"extension":[{` + sd + `templateExtractValue","valueString":"item.where(linkId='since').answer.value"}]},
   "note":[{"extension":[{` + sd + `templateExtractContext","valueString":"item.where(linkId='note')"}],"_text":{"extension":[{` + sd + `templateExtractValue","valueString":"answer.value"}]}}]},
  {"resourceType":"AllergyIntolerance","id":"allergy","patient":{"reference":"Patient/1"},"code":{"_text":{"extension":[{` + sd + `templateExtractValue","valueString":"item.where(linkId='substance').answer.value"}]}},
   "criticality":"low","_criticality":{"extension":[{` + sd + `templateExtractValue","valueString":"iif(item.where(linkId='severe').answer.value = true, 'high', {})"}]},
   "encounter":{"_display":{"extension":[{` + sd + `templateExtractValue","valueString":"item.where(linkId='nowhere').answer.value"}]}}}],
 "item":[{"linkId":"problem","type":"choice"},{"linkId":"since","type":"date"},{"linkId":"note","type":"text","repeats":true},
  {"linkId":"allergy","type":"group","repeats":true,"extension":[{` + sd + `templateExtract","extension":[{"url":"template","valueReference":{"reference":"#allergy"}}]}],
   "item":[{"linkId":"substance","type":"string"},{"linkId":"severe","type":"boolean"}]},
  {"linkId":"bp","text":"Blood pressure","type":"group","code":[{"system":"http://loinc.org","code":"85354-9"}],"extension":[{` + sd + `observationExtract","valueBoolean":true},
    {` + sd + `observation-extract-category","valueCodeableConcept":{"coding":[{"code":"vital-signs"}]}}],
   "item":[{"linkId":"sys","text":"Systolic","type":"quantity","code":[{"system":"http://loinc.org","code":"8480-6"}],"extension":[{` + sd + `observationExtract","valueCode":"component"}]},
    {"linkId":"arm","type":"string","code":[{"system":"http://loinc.org","code":"41904-4"}],"extension":[{` + sd + `observationExtract","valueBoolean":false}]}]},
  {"linkId":"smoker","type":"boolean","code":[{"system":"http://loinc.org","code":"72166-2","extension":[{` + sd + `observationExtract","valueBoolean":true}]},{"system":"http://loinc.org","code":"other"}]}]}`

const visitAnswers = `{"resourceType":"QuestionnaireResponse","questionnaire":"https://example.org/q","status":"completed","authored":"2026-03-02T09:00:00Z","subject":{"reference":"Patient/1"},
	"author":{"display":"Dr One"},"item":[{"linkId":"problem","answer":[{"valueCoding":{"system":"http://snomed.info/sct","code":"38341003","display":"Hypertension"}}]},
	{"linkId":"since","answer":[{"valueDate":"2019-04"}]},{"linkId":"note","answer":[{"valueString":"one"}]},
	{"linkId":"allergy","item":[{"linkId":"substance","answer":[{"valueString":"Nuts"}]},{"linkId":"severe","answer":[{"valueBoolean":true}]}]},
	{"linkId":"allergy","item":[{"linkId":"substance","answer":[{"valueString":"Latex"}]}]},
	{"linkId":"bp","item":[{"linkId":"sys","answer":[{"valueQuantity":{"value":120,"unit":"mmHg"}}]},{"linkId":"arm","answer":[{"valueString":"left"}]}]},
	{"linkId":"smoker","answer":[{"valueBoolean":false}]}]}`

var visitFacts = extract.Facts{Object: "11111111-1111-4111-8111-111111111111", Lifecycle: "532", Subject: fhir.Reference{Reference: "Patient/1"}, Response: "QuestionnaireResponse/1", Recorded: "2026-03-02T09:00:00Z"}

// TestFormsThatSayWhatTheyBecome: templates are filled once for each group, what
// nothing fills is left out, observations keep their codes, and the same response
// gives the same Bundle.
func TestFormsThatSayWhatTheyBecome(t *testing.T) {
	if !extract.Says([]byte(visitForm)) || extract.Says([]byte(`{"resourceType":"Questionnaire"}`)) {
		t.Error("it is not told which forms say what they become")
	}
	got := extract.FromQuestionnaire([]byte(visitForm), []byte(visitAnswers), visitFacts)
	if len(got.Refusals) > 0 {
		t.Errorf("%+v", got.Refusals)
	}
	text, err := json.Marshal(got.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(extract.FromQuestionnaire([]byte(visitForm), []byte(visitAnswers), visitFacts).Bundle)
	if string(text) != string(again) {
		t.Error("a second extraction differs")
	}
	var kinds []string
	for _, e := range got.Bundle.Entry {
		var r struct{ ResourceType string }
		one, _ := json.Marshal(e.Resource)
		_ = json.Unmarshal(one, &r)
		kinds = append(kinds, r.ResourceType)
		if e.Request.Method != "PUT" || !strings.HasPrefix(e.Request.URL, r.ResourceType+"?identifier=") || !strings.HasPrefix(e.FullURL, "urn:uuid:") {
			t.Errorf("%s: %+v %s", r.ResourceType, e.Request, e.FullURL)
		}
	}
	if want := "Condition AllergyIntolerance AllergyIntolerance Observation Observation"; strings.Join(kinds, " ") != want {
		t.Errorf("%v", kinds)
	}
	for _, want := range []string{
		`"coding":[{"system":"http://snomed.info/sct","code":"38341003","display":"Hypertension"}]`, `"onsetDateTime":"2019-04"`, `"subject":{"reference":"Patient/1"}`, `"note":[{"text":"one"}]`,
		`"code":{"text":"Nuts"},"criticality":"high"`, `"code":{"text":"Latex"},"identifier"`,
		`"component":[{"code":{"coding":[{"code":"8480-6","system":"http://loinc.org"}]},"valueQuantity":{"unit":"mmHg","value":120}}]`, `"category":[{"coding":[{"code":"vital-signs"}]}]`,
		`"code":{"coding":[{"code":"72166-2","system":"http://loinc.org"}]}`, `"valueBoolean":false`, `"effectiveDateTime":"2026-03-02T09:00:00Z"`,
	} {
		if !strings.Contains(string(text), want) && !strings.Contains(string(text), sortedCoding(want)) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, no := range []string{"templateExtract", "nowhere", `"encounter"`, "41904-4", `"other"`} {
		if strings.Contains(string(text), no) {
			t.Errorf("%s in\n%s", no, text)
		}
	}
}

func sortedCoding(s string) string {
	return strings.Replace(s, `{"system":"http://snomed.info/sct","code":"38341003","display":"Hypertension"}`, `{"code":"38341003","display":"Hypertension","system":"http://snomed.info/sct"}`, 1)
}

// TestFormsThatAreNotExtracted: drafts, templates that are not there, expressions
// that cannot be worked out and ways that are not done are refused by name.
func TestFormsThatAreNotExtracted(t *testing.T) {
	draft := visitFacts
	draft.Lifecycle = "553"
	for name, c := range map[string]struct {
		form   string
		facts  extract.Facts
		reason string
	}{
		"draft":       {visitForm, draft, "draft"},
		"no template": {strings.ReplaceAll(visitForm, "#condition", "#none"), visitFacts, "template"},
		"expression":  {strings.Replace(visitForm, "%resource.subject", "%resource.subject.unheard()", 1), visitFacts, "expression"},
		"definitions": {strings.Replace(visitForm, `"linkId":"since"`, `"linkId":"since","extension":[{`+sd+`definitionExtract"}]`, 1), visitFacts, "unsupported"},
	} {
		got := extract.FromQuestionnaire([]byte(c.form), []byte(visitAnswers), c.facts)
		if len(got.Refusals) != 1 || got.Refusals[0].Reason != c.reason {
			t.Errorf("%s: %+v", name, got.Refusals)
		}
	}
}

// TestTemplatesOfTheGuide: the examples of the implementation guide are filled.
func TestTemplatesOfTheGuide(t *testing.T) {
	for file, want := range map[string]int{"sdc-ig__res__extract-complex-template.json": 5, "sdc-ig__res__extract-complex-template2.json": 4} {
		form, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "fixtures", "sdc", file))
		if err != nil {
			t.Skipf("no examples: %v", err)
		}
		const answers = `{"resourceType":"QuestionnaireResponse","id":"1","status":"completed","authored":"2026-03-02T09:00:00Z","author":{"reference":"Practitioner/1"},"item":[
			{"linkId":"patient","item":[{"linkId":"ihi","answer":[{"valueString":"8003608833357361"}]},{"linkId":"name","item":[{"linkId":"given","answer":[{"valueString":"Jane"}]},{"linkId":"family","answer":[{"valueString":"Example"}]}]},
				{"linkId":"gender","answer":[{"valueCoding":{"code":"female"}}]}]},
			{"linkId":"contacts","item":[{"linkId":"contact-name","answer":[{"valueString":"Jo"}]},{"linkId":"phone","answer":[{"valueString":"01632 960001"}]}]},
			{"linkId":"obs","item":[{"linkId":"height","answer":[{"valueDecimal":1.80}]},{"linkId":"weight","answer":[{"valueDecimal":80.5}]}]}]}`
		got := extract.FromQuestionnaire(form, []byte(answers), visitFacts)
		text, _ := json.Marshal(got.Bundle)
		for _, has := range []string{`"gender":"female"`, `"family":"Example"`, `"given":["Jane"]`, `"text":"Jane Example"`, `"value":"01632 960001"`, `"value":180`, `"value":80.5`, `"value":"8003608833357361"`} {
			if !strings.Contains(string(text), has) {
				t.Errorf("%s: no %s in\n%s", file, has, text)
			}
		}
		if len(got.Bundle.Entry) < want-1 || len(got.Refusals) > 0 || strings.Contains(string(text), "templateExtract") {
			t.Errorf("%s: %d entries, %+v", file, len(got.Bundle.Entry), got.Refusals)
		}
	}
}
