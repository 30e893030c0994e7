package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestRolesOfSDC tries on a running server each interaction that the roles it
// names in its CapabilityStatement demand (SDC 4, Form Manager, Fill Manager,
// Response Manager, Receiver, Archiver).
func TestRolesOfSDC(t *testing.T) {
	s := running(t)
	statement := s.call(t, "", "GET", s.FHIR+"/metadata", nil).want(t, 200).json(t)
	roles, _ := statement["instantiates"].([]any)
	for _, role := range []string{"manager", "fill-manager", "response-manager", "receiver", "archiver"} {
		if !slices.Contains(roles, any("http://hl7.org/fhir/uv/sdc/CapabilityStatement/sdc-form-"+role)) {
			t.Errorf("the role %s is not named", role)
		}
	}
	mark := nhsNumber()
	body := func(v map[string]any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}

	// Form Manager: forms, value sets and code systems are kept, with their history.
	for _, kind := range []string{"CodeSystem", "ValueSet", "Questionnaire"} {
		address := "http://example.org/" + kind + "/" + mark
		resource := map[string]any{"resourceType": kind, "status": "draft", "url": address, "version": "1", "name": "Role" + mark, "title": "Role " + mark,
			"publisher": "Example", "description": "For a test", "date": "2026-03-01", "identifier": []any{map[string]any{"value": mark}}}
		query := []string{"status=draft", "date=2026-03-01", "name=role" + mark, "description=for"}
		switch kind {
		case "CodeSystem":
			resource["content"], resource["concept"] = "complete", []any{map[string]any{"code": "c" + mark, "display": "One"}}
			query = append(query, "code=c"+mark, "system="+url.QueryEscape(address), "url="+url.QueryEscape(address))
		case "ValueSet":
			system := "http://example.org/CodeSystem/" + mark
			resource["compose"] = map[string]any{"include": []any{map[string]any{"system": system}}}
			query = append(query, "reference="+url.QueryEscape(system))
		case "Questionnaire":
			resource["item"] = []any{map[string]any{"linkId": "q", "type": "choice", "answerValueSet": "http://example.org/ValueSet/" + mark,
				"definition": "http://example.org/d#" + mark, "code": []any{map[string]any{"system": "http://example.org/c", "code": mark}}}}
			resource["useContext"] = []any{map[string]any{"code": map[string]any{"code": "focus"}, "valueCodeableConcept": map[string]any{"coding": []any{map[string]any{"code": mark}}}}}
			query = append(query, "code="+mark, "context="+mark, "identifier="+mark, "publisher=example", "title=role", "version=1", "definition="+url.QueryEscape("http://example.org/d#"+mark))
		}
		made := s.call(t, "admin", "POST", s.FHIR+"/"+kind, body(resource), "Content-Type", "application/fhir+json").want(t, 201).json(t)
		id, _ := made["id"].(string)
		at1 := s.FHIR + "/" + kind + "/" + id
		resource["id"], resource["publisher"] = id, "Example Trust"
		s.call(t, "admin", "PUT", at1, body(resource), "Content-Type", "application/fhir+json", "If-Match", `W/"1"`).want(t, 200)
		s.call(t, "clinician", "GET", at1, nil).want(t, 200)
		if old := s.call(t, "clinician", "GET", at1+"/_history/1", nil).want(t, 200).json(t); old["publisher"] != "Example" {
			t.Errorf("%s: %v", kind, old["publisher"])
		}
		if history := s.call(t, "clinician", "GET", at1+"/_history", nil).want(t, 200).json(t); history["total"] != 2.0 {
			t.Errorf("%s: %v", kind, history["total"])
		}
		for _, q := range query {
			if found := s.call(t, "clinician", "GET", s.FHIR+"/"+kind+"?_count=50&"+q, nil).want(t, 200); !strings.Contains(string(found.body), id) {
				t.Errorf("%s is not found by %s", kind, q)
			}
		}
	}
	expanded := s.call(t, "clinician", "GET", s.FHIR+"/ValueSet/$expand?url="+url.QueryEscape("http://example.org/ValueSet/"+mark), nil).want(t, 200).json(t)
	if at(expanded, "expansion", "contains", 0, "display") != "One" {
		t.Errorf("%v", expanded)
	}

	// Response Manager and Archiver: a response is created, updated, found, deleted.
	ehr, _ := person(t, s)
	bundle := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), nil).want(t, 200).json(t)
	form, _ := at(bundle, "entry", 0, "resource", "id").(string)
	response := func(rate int) []byte {
		return []byte(fmt.Sprintf(`{"resourceType":"QuestionnaireResponse","status":"completed","authored":"2026-03-02T09:00:00Z","questionnaire":"%s/Questionnaire/%s","identifier":{"value":"%s-%d"},
			"item":[{"linkId":"encounter","item":[{"linkId":"encounter/pulse_heart_beat","item":[{"linkId":"encounter/pulse_heart_beat/any_event","item":[
			{"linkId":"encounter/pulse_heart_beat/any_event/rate","answer":[{"valueQuantity":{"value":%d,"unit":"/min"}}]}]}]}]}]}`, s.FHIR, form, mark, rate, rate))
	}
	created := s.call(t, "clinician", "POST", s.FHIR+"/QuestionnaireResponse?ehr="+ehr, response(61), "Content-Type", "application/fhir+json").want(t, 201)
	id, _ := created.json(t)["id"].(string)
	at1 := s.FHIR + "/QuestionnaireResponse/" + id
	s.call(t, "clinician", "PUT", at1, []byte(strings.Replace(string(created.body), `"value":61`, `"value":62`, 1)), "Content-Type", "application/fhir+json").want(t, 200)
	s.call(t, "clinician", "GET", at1, nil).want(t, 200)
	s.call(t, "clinician", "GET", at1+"/_history/1", nil).want(t, 200)
	for _, q := range []string{"questionnaire=" + form, "status=completed", "subject=Patient/" + ehr, "authored=ge2026-03-02", "identifier=" + mark + "-61", "_id=" + id} {
		if found := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse?ehr="+ehr+"&"+q, nil).want(t, 200).json(t); found["total"] != 1.0 {
			t.Errorf("the response is not found by %s: %v", q, found["total"])
		}
	}
	s.call(t, "clinician", "DELETE", at1, nil).want(t, 204)
	s.call(t, "clinician", "GET", at1, nil).want(t, 410)

	// Receiver.
	if done := s.call(t, "clinician", "POST", s.FHIR+"/$process-response?ehr="+ehr, response(63), "Content-Type", "application/fhir+json").want(t, 200); !strings.Contains(string(done.body), "Parameters") {
		t.Errorf("%.300s", done.body)
	}
}
