package conformance

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// TestAFormFromElsewhere keeps a Questionnaire nobody bound to a template, fills
// it, stores its response, reads it back equal, finds it by search and by AQL,
// amends it, extracts it and takes it back.
func TestAFormFromElsewhere(t *testing.T) {
	s := running(t)
	mark := nhsNumber()
	ehr, _ := person(t, s)
	const fhirJSON = "application/fhir+json"
	address := "https://elsewhere.example.org/fhir/Questionnaire/" + mark
	const sdcURL = `"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-`
	form := `{"resourceType":"Questionnaire","url":"` + address + `","version":"1","title":"Before your visit","status":"active",
		"extension":[{` + sdcURL + `templateExtract","extension":[{"url":"template","valueReference":{"reference":"#allergy"}}]}],
		"contained":[{"resourceType":"AllergyIntolerance","id":"allergy","patient":{"extension":[{` + sdcURL + `templateExtractValue","valueString":"%resource.subject"}]},
			"code":{"_text":{"extension":[{` + sdcURL + `templateExtractValue","valueString":"item.where(linkId='home').item.where(linkId='allergy').answer.value"}]}}}],
		"item":[{"linkId":"home","text":"At home","type":"group","item":[{"linkId":"alone","text":"Do you live alone?","type":"boolean","required":true,"initial":[{"valueBoolean":false}]},
			{"linkId":"allergy","text":"What makes you ill?","type":"string"},
			{"linkId":"helper","text":"Who helps you?","type":"group","repeats":true,"item":[{"linkId":"name","text":"Name","type":"string"},{"linkId":"hours","text":"Hours","type":"quantity"}]}]},
		{"linkId":"smoking","text":"Smoking","type":"open-choice","code":[{"system":"http://loinc.org","code":"72166-2","extension":[{` + sdcURL + `observationExtract","valueBoolean":true}]}],
			"item":[{"linkId":"stopped","text":"When did you stop?","type":"date"}]},
		{"linkId":"times","text":"When may we ring?","type":"time","repeats":true},{"linkId":"n","type":"integer"},{"linkId":"d","type":"decimal"},{"linkId":"dt","type":"dateTime"},
		{"linkId":"u","type":"url"},{"linkId":"long","type":"text"},{"linkId":"pic","type":"attachment"},{"linkId":"ref","type":"reference"}]}`
	made := s.call(t, "admin", "POST", s.FHIR+"/Questionnaire", []byte(form), "Content-Type", fhirJSON).want(t, 201).json(t)
	formID, _ := made["id"].(string)

	for _, way := range []string{"/Questionnaire/" + formID + "/$populate?ehr=" + ehr, "/Questionnaire/$populate?ehr=" + ehr + "&canonical=" + url.QueryEscape(address)} {
		filled := string(s.call(t, "clinician", "GET", s.FHIR+way, nil).want(t, 200).body)
		if !strings.Contains(filled, `"valueBoolean":false`) || !strings.Contains(filled, address) {
			t.Errorf("%s: %.400s", way, filled)
		}
	}

	response := `{"resourceType":"QuestionnaireResponse","questionnaire":"` + address + `|1","status":"completed","authored":"2026-03-02T08:30:00Z","author":{"display":"Sam Example"},
		"basedOn":[{"reference":"ServiceRequest/` + mark + `"}],"identifier":{"system":"https://elsewhere.example.org/ids","value":"` + mark + `"},
		"item":[{"linkId":"home","item":[{"linkId":"alone","answer":[{"valueBoolean":true}]},{"linkId":"allergy","answer":[{"valueString":"Nuts"}]},
			{"linkId":"helper","item":[{"linkId":"name","answer":[{"valueString":"Jo"}]},{"linkId":"hours","answer":[{"valueQuantity":{"value":2.50,"unit":"h","system":"http://unitsofmeasure.org","code":"h"}}]}]},
			{"linkId":"helper","item":[{"linkId":"name","answer":[{"valueString":"Al"}]}]}]},
		{"linkId":"smoking","answer":[{"valueCoding":{"system":"http://snomed.info/sct","code":"8517006","display":"Ex-smoker"},"item":[{"linkId":"stopped","answer":[{"valueDate":"2019-04"}]}]}]},
		{"linkId":"times","answer":[{"valueTime":"10:00:00"},{"valueTime":"16:30:00"}]},{"linkId":"n","answer":[{"valueInteger":12}]},{"linkId":"d","answer":[{"valueDecimal":1.50}]},
		{"linkId":"dt","answer":[{"valueDateTime":"2026-03-01T10:00:00+01:00"}]},{"linkId":"u","answer":[{"valueUri":"https://example.org/x"}]},{"linkId":"long","answer":[{"valueString":"Two\nlines"}]},
		{"linkId":"pic","answer":[{"valueAttachment":{"contentType":"image/png","data":"iVBORw0KGgo=","title":"Rash"}}]},{"linkId":"ref","answer":[{"valueReference":{"reference":"Practitioner/1","display":"Dr One"}}]}]}`
	wrong := s.call(t, "clinician", "POST", s.FHIR+"/QuestionnaireResponse?ehr="+ehr, []byte(strings.Replace(response, `"valueInteger":12`, `"valueString":"twelve"`, 1)), "Content-Type", fhirJSON).want(t, 422)
	if !strings.Contains(string(wrong.body), `"QuestionnaireResponse.item[3].answer[0]"`) || !strings.Contains(string(wrong.body), `"valueString":"n"`) {
		t.Errorf("the wrong answer is not named: %s", wrong.body)
	}
	created := s.call(t, "clinician", "POST", s.FHIR+"/QuestionnaireResponse?ehr="+ehr, []byte(response), "Content-Type", fhirJSON).want(t, 201).json(t)
	id, _ := created["id"].(string)
	at1 := s.FHIR + "/QuestionnaireResponse/" + id
	plain := func(text []byte) map[string]any {
		t.Helper()
		var out map[string]any
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		if err := dec.Decode(&out); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "meta", "subject"} {
			delete(out, name)
		}
		return out
	}
	read := s.call(t, "clinician", "GET", at1, nil).want(t, 200)
	if !reflect.DeepEqual(plain(read.body), plain([]byte(response))) {
		t.Errorf("another response comes back:\n%s", read.body)
	}
	if again := s.call(t, "clinician", "POST", s.FHIR+"/QuestionnaireResponse?ehr="+ehr, []byte(response), "Content-Type", fhirJSON).want(t, 200).json(t); again["id"] != id {
		t.Errorf("sent twice, it is %v", again["id"])
	}

	for _, q := range []string{"questionnaire=" + url.QueryEscape(address), "questionnaire=" + formID, "based-on=ServiceRequest/" + mark, "identifier=" + mark, "authored=2026-03-02"} {
		for _, how := range []string{"GET", "POST"} {
			var found map[string]any
			if how == "GET" {
				found = s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse?ehr="+ehr+"&"+q, nil).want(t, 200).json(t)
			} else {
				found = s.call(t, "clinician", "POST", s.FHIR+"/QuestionnaireResponse/_search", []byte("ehr="+ehr+"&"+q), "Content-Type", "application/x-www-form-urlencoded").want(t, 200).json(t)
			}
			if found["total"] != 1.0 || at(found, "entry", 0, "resource", "id") != id {
				t.Errorf("%s %s finds %v", how, q, found["total"])
			}
		}
	}
	asked := s.call(t, "clinician", "GET", s.OpenEHR+"/query/aql?ehr_id="+ehr+"&q="+url.QueryEscape("SELECT a/items[at0001]/name/value AS q, a/items[at0001]/value/value AS v FROM EHR e CONTAINS COMPOSITION c CONTAINS CLUSTER a[openEHR-EHR-CLUSTER.questionnaire_answer.v1] "+
		"WHERE a/items[at0002]/value/value = 'alone'"), nil).want(t, 200).json(t)
	if at(asked, "rows", 0, 0) != "Do you live alone?" || at(asked, "rows", 0, 1) != true {
		t.Errorf("%v", asked["rows"])
	}

	amended := strings.NewReplacer(`"Al"`, `"Ali"`, `"completed"`, `"amended"`).Replace(string(read.body))
	s.call(t, "clinician", "PUT", at1, []byte(amended), "Content-Type", fhirJSON).want(t, 400)
	s.call(t, "clinician", "PUT", at1, []byte(amended), "Content-Type", fhirJSON, "If-Match", `W/"9"`).want(t, 412)
	other, _ := person(t, s)
	s.call(t, "clinician", "PUT", at1+"?ehr="+other, []byte(amended), "Content-Type", fhirJSON, "If-Match", `W/"1"`).want(t, 409)
	s.call(t, "clinician", "PUT", at1, []byte(amended), "Content-Type", fhirJSON, "If-Match", `W/"1"`).want(t, 200)
	if now := s.call(t, "clinician", "GET", at1, nil).want(t, 200); !reflect.DeepEqual(plain(now.body), plain([]byte(amended))) {
		t.Errorf("amended:\n%s", now.body)
	}
	if first := s.call(t, "clinician", "GET", at1+"/_history/1", nil).want(t, 200); !reflect.DeepEqual(plain(first.body), plain([]byte(response))) {
		t.Errorf("the first version:\n%s", first.body)
	}
	if history := s.call(t, "clinician", "GET", at1+"/_history", nil).want(t, 200).json(t); history["total"] != 2.0 {
		t.Errorf("%v versions", history["total"])
	}

	printed := s.call(t, "clinician", "GET", at1+"/$pdf", nil, "Accept", "application/pdf").want(t, 200)
	if first := s.call(t, "clinician", "GET", at1+"/_history/1/$pdf", nil).want(t, 200); !strings.HasPrefix(string(printed.body), "%PDF-") || string(first.body) == string(printed.body) {
		t.Errorf("%.40q", printed.body)
	}

	extracted := string(s.call(t, "clinician", "GET", at1+"/$extract", nil).want(t, 200).body)
	for _, want := range []string{`"resourceType":"AllergyIntolerance"`, `"text":"Nuts"`, `"code":"72166-2"`, `"code":"8517006"`, `AllergyIntolerance?identifier=`} {
		if !strings.Contains(extracted, want) {
			t.Errorf("no %s in %s", want, extracted)
		}
	}
	if again := string(s.call(t, "clinician", "GET", at1+"/$extract", nil).want(t, 200).body); again != extracted {
		t.Error("a second extraction differs")
	}
	s.call(t, "clinician", "PUT", at1, []byte(strings.Replace(amended, `"amended"`, `"entered-in-error"`, 1)), "Content-Type", fhirJSON, "If-Match", `W/"2"`).want(t, 200)
	s.call(t, "clinician", "GET", at1, nil).want(t, 410)
}
