package conformance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const nhsNumbers = "https://fhir.nhs.uk/Id/nhs-number"

// nhsNumber makes a number of the test range with its check digit.
func nhsNumber() string {
	for {
		digits := fmt.Sprintf("999%06d", rand.IntN(1_000_000))
		sum := 0
		for n, d := range digits {
			sum += (10 - n) * int(d-'0')
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return digits + fmt.Sprint(check)
		}
	}
}

// person is a record with an NHS number.
func person(t *testing.T, s *target) (ehr, number string) {
	t.Helper()
	number = nhsNumber()
	status := `{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","name":{"_type":"DV_TEXT","value":"EHR Status"},
		"subject":{"_type":"PARTY_SELF","external_ref":{"_type":"PARTY_REF","namespace":"` + nhsNumbers + `","type":"PERSON","id":{"_type":"GENERIC_ID","value":"` + number + `","scheme":"nhs"}}},
		"is_queryable":true,"is_modifiable":true}`
	a := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr", []byte(status), "Prefer", "return=representation").want(t, 201)
	ehr, _ = at(a.json(t), "ehr_id", "value").(string)
	return ehr, number
}

// versions counts what was ever written for a person.
func versions(t *testing.T, s *target, ehr string) int {
	t.Helper()
	a := aql(t, s, "clinician", `SELECT COUNT(v) AS n FROM EHR e[ehr_id/value=$ehr] CONTAINS VERSION v[all_versions] CONTAINS COMPOSITION c`, map[string]any{"ehr": ehr}).want(t, 200)
	n, ok := at(a.json(t), "rows", 0, 0).(float64)
	if !ok {
		t.Fatalf("no count: %.300s", a.body)
	}
	return int(n)
}

// TestTwoTabsTwoPeople crosses every token, address, subject and identifier of
// two people on a running server: what does not all mean one person is 409 or
// 400, and nothing is written for either (DESIGN 5a rule 3).
func TestTwoTabsTwoPeople(t *testing.T) {
	s := running(t)
	type human struct{ ehr, number string }
	var people [2]human
	for n := range people {
		people[n].ehr, people[n].number = person(t, s)
	}
	bundle := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), nil).want(t, 200).json(t)
	id, _ := at(bundle, "entry", 0, "resource", "id").(string)
	const reading = `{"linkId":"encounter/pulse_heart_beat","item":[{"linkId":"encounter/pulse_heart_beat/any_event","item":[` +
		`{"linkId":"encounter/pulse_heart_beat/any_event/rate","answer":[{"valueQuantity":{"value":61,"unit":"/min"}}]}]}]}`
	// names is who a part means: -1 nobody, -2 what this server cannot tell.
	subject := func(who int, how string) any {
		switch {
		case who < 0:
			return nil
		case how == "reference":
			return map[string]any{"reference": "Patient/" + people[who].ehr}
		}
		return map[string]any{"identifier": map[string]any{"system": nhsNumbers, "value": people[who].number}}
	}
	crosses, stored := 0, 0
	expected := [2]int{}
	for token := -1; token < 3; token++ { // 2 is a token of the first person that somebody changed
		for address := -1; address < 2; address++ {
			for who := -1; who < 2; who++ {
				for _, how := range []string{"reference", "identifier"} {
					for within := -1; within < 2; within++ {
						if who < 0 && how != "reference" {
							continue
						}
						r := map[string]any{"resourceType": "QuestionnaireResponse", "status": "completed", "authored": "2026-03-02T09:00:00Z",
							"questionnaire": s.FHIR + "/Questionnaire/" + id}
						items := []any{}
						if token >= 0 {
							issued := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/"+id+"/$populate?ehr="+people[token%2].ehr, nil).want(t, 200).json(t)
							text, _ := at(issued, "item", 0, "item", 0, "answer", 0, "valueString").(string)
							if token == 2 {
								text = text[:len(text)-2] + "AA"
							}
							items = append(items, map[string]any{"linkId": "_token", "answer": []any{map[string]any{"valueString": text}}})
						}
						items = append(items, json.RawMessage(reading))
						r["item"] = []any{map[string]any{"linkId": "encounter", "item": items}}
						if about := subject(who, how); about != nil {
							r["subject"] = about
						}
						if within >= 0 {
							r["contained"] = []any{map[string]any{"resourceType": "Patient", "identifier": []any{map[string]any{"system": nhsNumbers, "value": people[within].number}}}}
						}
						body, err := json.Marshal(r)
						if err != nil {
							t.Fatal(err)
						}
						at := s.FHIR + "/Questionnaire/$process-response"
						if address >= 0 {
							at += "?ehr=" + people[address].ehr
						}
						whose := token
						if token < 0 {
							whose = address
						}
						allowed := whose >= 0 && whose < 2
						for _, other := range []int{address, who, within} {
							allowed = allowed && (other < 0 || other == whose)
						}
						crosses++
						got := s.call(t, "clinician", "POST", at, body)
						name := fmt.Sprintf("token %d, address %d, subject %d by %s, Patient within %d", token, address, who, how, within)
						switch {
						case allowed && got.status != 200:
							t.Errorf("%s: %d %.300s", name, got.status, got.body)
						case allowed:
							stored++
							expected[whose]++
						case got.status != 409 && got.status != 400:
							t.Errorf("%s: %d %.300s", name, got.status, got.body)
						}
					}
				}
			}
		}
	}
	for n, p := range people {
		if got := versions(t, s, p.ehr); got != expected[n] {
			t.Errorf("person %d has %d versions, %d were allowed", n, got, expected[n])
		}
	}
	t.Logf("%d crosses, %d of one person; nothing else was written", crosses, stored)
}

// TestDoubleSubmitIsOneVersion: eight clicks at once, of a new form and of an
// edit, are one version each.
func TestDoubleSubmitIsOneVersion(t *testing.T) {
	s := running(t)
	ehr, _ := person(t, s)
	bundle := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), nil).want(t, 200).json(t)
	id, _ := at(bundle, "entry", 0, "resource", "id").(string)
	issued := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/"+id+"/$populate?ehr="+ehr, nil).want(t, 200)
	answered := strings.Replace(string(issued.body), `{"linkId":"_token"`, `{"linkId":"encounter/pulse_heart_beat","item":[{"linkId":"encounter/pulse_heart_beat/any_event","item":[`+
		`{"linkId":"encounter/pulse_heart_beat/any_event/rate","answer":[{"valueQuantity":{"value":61,"unit":"/min"}}]}]}]},{"linkId":"_token"`, 1)
	clicks := func(method, address, body string) (uid string) {
		t.Helper()
		answers := make([]answer, 8)
		var wait sync.WaitGroup
		for n := range answers {
			wait.Add(1)
			go func() {
				defer wait.Done()
				a, err := s.try("clinician", method, address, []byte(body))
				if err == nil {
					answers[n] = a
				}
			}()
		}
		wait.Wait()
		for _, a := range answers {
			if a.status != 200 && a.status != 201 {
				t.Fatalf("%d %.300s", a.status, a.body)
			}
			if uid == "" {
				uid = a.uid(t)
			}
			if a.uid(t) != uid {
				t.Errorf("%s and %s", uid, a.uid(t))
			}
		}
		return uid
	}
	first := clicks("POST", s.FHIR+"/Questionnaire/$process-response", answered)
	if got := versions(t, s, ehr); got != 1 {
		t.Fatalf("%d versions", got)
	}
	object, _, _ := strings.Cut(first, "::")
	stored := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse/"+object, nil).want(t, 200)
	edited := strings.Replace(string(stored.body), `"value":61`, `"value":62`, 1)
	clicks("PUT", s.FHIR+"/QuestionnaireResponse/"+object, edited)
	if got := versions(t, s, ehr); got != 2 {
		t.Errorf("%d versions", got)
	}
}

// TestAForeignOrder: an order on a form from elsewhere is a composition of ours,
// and the same response again; about another person it is refused.
func TestAForeignOrder(t *testing.T) {
	s := running(t)
	ehr, number := person(t, s)
	const canonical = "https://fhir.nwgenomics.nhs.uk/Questionnaire/GenomicTestOrder"
	order := func(nhs string) []byte {
		return []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + canonical + `","status":"completed","authored":"2026-03-02T09:00:00Z","author":{"display":"Dr One"},"item":[
		{"linkId":"Patient","item":[{"linkId":"LN/89061-6","answer":[{"valueString":"` + nhs + `"}]}]},
		{"linkId":"HealthcareProfessional","item":[{"linkId":"LN/18705-4","answer":[{"valueString":"Dr One"}]}]},
		{"linkId":"TestRequest","item":[{"linkId":"HL7/OBR-4-h","answer":[{"valueCoding":{"system":"https://example.org/tests","code":"R93.1","display":"Thalassaemia"}}]},
			{"linkId":"SNM/598151000005105","answer":[{"valueInteger":31}]},{"linkId":"of-this-ward","answer":[{"valueString":"kept"}]}]}]}`)
	}
	at := s.FHIR + "/Questionnaire/$process-response?ehr=" + ehr
	crossed := s.call(t, "clinician", "POST", at, order(nhsNumber())).want(t, 409)
	if !strings.Contains(string(crossed.body), "wrong-person") || versions(t, s, ehr) != 0 {
		t.Errorf("an order for another person: %.300s", crossed.body)
	}
	stored := s.call(t, "clinician", "POST", at, order(number)).want(t, 200)
	if !strings.Contains(string(stored.body), "of-this-ward") {
		t.Errorf("the answer kept beside the composition is not named: %.600s", stored.body)
	}
	if again := s.call(t, "clinician", "POST", at, order(number)).want(t, 200); again.uid(t) != stored.uid(t) {
		t.Errorf("%s and %s", stored.uid(t), again.uid(t))
	}
	object, _, _ := strings.Cut(stored.uid(t), "::")
	back := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse/"+object+"/$submitted", nil).want(t, 200)
	var want map[string]any
	if err := json.Unmarshal(order(number), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, back.json(t)) {
		t.Errorf("another response comes back: %.900s", back.body)
	}
	ours := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse/"+object, nil).want(t, 200).json(t)
	if ours["authored"] != "2026-03-02T09:00:00Z" {
		t.Errorf("authored %v", ours["authored"])
	}
	file := s.call(t, "formbuilder", "GET", s.FHIR+"/Questionnaire/$binding?questionnaire="+url.QueryEscape(canonical), nil, "Accept", "application/yaml").want(t, 200)
	another := strings.Replace(string(file.body), canonical, "https://example.org/Questionnaire/"+ehr, 1)
	s.call(t, "formbuilder", "PUT", s.FHIR+"/Questionnaire/$binding", []byte(another), "Content-Type", "application/yaml").want(t, 204)
	s.call(t, "clinician", "PUT", s.FHIR+"/Questionnaire/$binding", []byte(another), "Content-Type", "application/yaml").want(t, 403)
	s.call(t, "formbuilder", "PUT", s.FHIR+"/Questionnaire/$binding", []byte("questionnaire: x\ntemplate: none\n"), "Content-Type", "application/yaml").want(t, 404)
	elsewhere := strings.Replace(string(order(number)), canonical, "https://example.org/Questionnaire/"+ehr, 1)
	s.call(t, "clinician", "POST", at, []byte(elsewhere)).want(t, 200)
}

// TestAFormIsAsQuickAsAComposition: a response comes to a committed composition
// in little more than the time of a canonical commit, and the Questionnaire of a
// template is there at once the second time. The two are asked in turns, so that
// a busy machine slows both.
func TestAFormIsAsQuickAsAComposition(t *testing.T) {
	s := running(t)
	ehr, _ := person(t, s)
	bundle := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), nil).want(t, 200).json(t)
	id, _ := at(bundle, "entry", 0, "resource", "id").(string)
	canonical := example(t, "vital_signs_full")
	first := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", canonical).want(t, 201)
	object, _, _ := strings.Cut(first.uid(t), "::")
	issued := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse/"+object, nil).want(t, 200).json(t)
	// The same answers on a new form each time.
	blank := func() []byte {
		fresh := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire/"+id+"/$populate?ehr="+ehr, nil).want(t, 200).json(t)
		token := at(fresh, "item", 0, "item", 0)
		var items []any
		list, _ := at(issued, "item", 0, "item").([]any)
		for _, i := range list {
			if linkID, _ := at(i, "linkId").(string); !strings.HasPrefix(linkID, "_") {
				items = append(items, withoutKeys(i))
			}
		}
		fresh["item"] = []any{map[string]any{"linkId": at(issued, "item", 0, "linkId"), "item": append([]any{token}, items...)}}
		fresh["status"] = "completed"
		text, err := json.Marshal(fresh)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	const rounds = 40
	var commits, forms, shown []time.Duration
	for range rounds {
		response := blank()
		took := func(into *[]time.Duration, do func()) {
			begin := time.Now()
			do()
			*into = append(*into, time.Since(begin))
		}
		took(&commits, func() {
			s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", canonical, "Prefer", "return=minimal").want(t, 201)
		})
		took(&forms, func() {
			s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/$process-response?ehr="+ehr, response).want(t, 200)
		})
		took(&shown, func() { s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire/"+id, nil).want(t, 200) })
	}
	median := func(list []time.Duration) time.Duration {
		slices.Sort(list)
		return list[len(list)/2]
	}
	ratio := float64(median(forms)) / float64(median(commits))
	t.Logf("median of %d: canonical commit %v, response to commit %v (%.2f times), Questionnaire again %v", rounds, median(commits), median(forms), ratio, median(shown))
	if ratio > 3 {
		t.Error("a form is much slower than a composition")
	}
}

func withoutKeys(item any) any {
	o, ok := item.(map[string]any)
	if !ok {
		return item
	}
	if list, ok := o["item"].([]any); ok {
		var kept []any
		for _, i := range list {
			if linkID, _ := at(i, "linkId").(string); !strings.HasSuffix(linkID, "/_key") {
				kept = append(kept, withoutKeys(i))
			}
		}
		o["item"] = kept
	}
	return o
}
