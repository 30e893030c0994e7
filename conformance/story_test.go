package conformance

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	vitalSigns = "Vital signs observations.v1"
	plan       = "Emergency care plan.v1"
)

// example reads one of the shipped compositions.
func example(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "templates", "examples", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// newEHR makes a record as the clinician and gives its id.
func newEHR(t testing.TB, s *target) string {
	t.Helper()
	var a answer
	// A server that has just started on a busy machine may ask to be asked again.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(250 * time.Millisecond) {
		a = s.call(t, "clinician", "POST", s.OpenEHR+"/ehr", nil, "Prefer", "return=representation")
		if a.status != 503 || time.Now().After(deadline) {
			break
		}
	}
	a.want(t, 201)
	id, _ := at(a.json(t), "ehr_id", "value").(string)
	if id == "" {
		t.Fatalf("no ehr_id: %.300s", a.body)
	}
	return id
}

func aql(t testing.TB, s *target, who, query string, params map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"q": query, "query_parameters": params})
	if err != nil {
		t.Fatal(err)
	}
	return s.call(t, who, "POST", s.OpenEHR+"/query/aql", body)
}

const oneEHR = `SELECT c/uid/value AS uid, o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude AS systolic
FROM EHR e [ehr_id/value=$ehr] CONTAINS COMPOSITION c CONTAINS OBSERVATION o [openEHR-EHR-OBSERVATION.blood_pressure.v2]`

func TestACompositionGoesInAndComesOut(t *testing.T) {
	s := running(t)
	ehr := newEHR(t, s)
	base := s.OpenEHR + "/ehr/" + ehr + "/composition"

	created := s.call(t, "clinician", "POST", base, example(t, "vital_signs_full"), "Prefer", "return=representation").want(t, 201)
	v1 := created.uid(t)
	if !strings.HasSuffix(v1, "::1") || created.header.Get("Location") != base+"/"+v1 {
		t.Errorf("first version %s at %s", v1, created.header.Get("Location"))
	}
	object, _, _ := strings.Cut(v1, "::")

	read := s.call(t, "clinician", "GET", base+"/"+object, nil).want(t, 200)
	if string(read.body) != string(created.body) {
		t.Error("what is read differs from what the commit answered")
	}
	if read.header.Get("Last-Modified") == "" {
		t.Error("no Last-Modified")
	}
	s.call(t, "clinician", "GET", base+"/"+object, nil, "If-None-Match", read.header.Get("ETag")).want(t, 304)

	rows := aql(t, s, "clinician", oneEHR, map[string]any{"ehr": ehr}).want(t, 200).json(t)
	if at(rows, "rows", 0, 0) != v1 || at(rows, "rows", 0, 1) != 128.0 {
		t.Errorf("AQL finds %v", rows["rows"])
	}

	updated := s.call(t, "clinician", "PUT", base+"/"+object, example(t, "vital_signs_minimal"), "If-Match", v1).want(t, 200, 204)
	v2 := updated.uid(t)
	if !strings.HasSuffix(v2, "::2") {
		t.Errorf("second version %s", v2)
	}
	stale := s.call(t, "clinician", "PUT", base+"/"+object, example(t, "vital_signs_minimal"), "If-Match", v1).want(t, 412)
	if stale.uid(t) != v2 {
		t.Errorf("a stale If-Match is answered with %s", stale.uid(t))
	}
	s.call(t, "clinician", "PUT", base+"/"+object, example(t, "vital_signs_minimal")).want(t, 400)
	if old := s.call(t, "clinician", "GET", base+"/"+v1, nil).want(t, 200); string(old.body) != string(created.body) {
		t.Error("the first version changed")
	}

	s.call(t, "clinician", "DELETE", base+"/"+v1, nil).want(t, 409)
	s.call(t, "clinician", "DELETE", base+"/"+v2, nil).want(t, 204)
	s.call(t, "clinician", "GET", base+"/"+object, nil).want(t, 204)
	if rows := aql(t, s, "clinician", oneEHR, map[string]any{"ehr": ehr}).want(t, 200).json(t); len(rows["rows"].([]any)) != 0 {
		t.Errorf("AQL still finds %v", rows["rows"])
	}
	s.call(t, "clinician", "GET", base+"/"+v1, nil).want(t, 200)
}

func TestWrongInputIsRefusedByName(t *testing.T) {
	s := running(t)
	base := s.OpenEHR + "/ehr/" + newEHR(t, s) + "/composition"
	text := string(example(t, "vital_signs_full"))

	unit := strings.Replace(text, `"mm[Hg]"`, `"furlong"`, 1)
	refused := s.call(t, "clinician", "POST", base, []byte(unit)).want(t, 422).json(t)
	path, _ := at(refused, "issues", 0, "path").(string)
	if !strings.Contains(path, "openEHR-EHR-OBSERVATION.blood_pressure.v2") {
		t.Errorf("the wrong unit is placed at %q", path)
	}
	unknown := strings.Replace(text, `"magnitude"`, `"magnitud"`, 1)
	if a := s.call(t, "clinician", "POST", base, []byte(unknown)).want(t, 400); !strings.Contains(string(a.body), "magnitude") {
		t.Errorf("a misspelt member is not told the right one: %.300s", a.body)
	}
	s.call(t, "clinician", "POST", base, []byte(`{"_type":`)).want(t, 400)
	s.call(t, "clinician", "GET", s.OpenEHR+"/ehr/not-a-uuid", nil).want(t, 400)
	s.call(t, "clinician", "GET", s.OpenEHR+"/ehr/7d44b88c-4199-4bad-97dc-d78268e01398", nil).want(t, 404)
	typo := aql(t, s, "clinician", "SELECT c FORM EHR e", nil).want(t, 400)
	if !strings.Contains(string(typo.body), "line 1") {
		t.Errorf("a typo in AQL has no line: %.300s", typo.body)
	}
}

func TestAFormIsMadeFilledStoredAndReadBack(t *testing.T) {
	s := running(t)
	ehr := newEHR(t, s)

	bundle := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), nil).want(t, 200).json(t)
	id, _ := at(bundle, "entry", 0, "resource", "id").(string)
	form := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire/"+id, nil).want(t, 200).json(t)
	if form["resourceType"] != "Questionnaire" {
		t.Fatalf("no Questionnaire: %v", form["resourceType"])
	}

	created := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", example(t, "vital_signs_full")).want(t, 201)
	object, _, _ := strings.Cut(created.uid(t), "::")
	response := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse/"+object, nil).want(t, 200)
	filled := response.json(t)
	if filled["resourceType"] != "QuestionnaireResponse" || filled["status"] != "completed" {
		t.Fatalf("the stored composition reads as %v %v", filled["resourceType"], filled["status"])
	}

	// The same answers, submitted for somebody else's empty record, are refused:
	// the token within is bound to one person.
	other := newEHR(t, s)
	crossed := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/$process-response?ehr="+other, response.body).want(t, 409)
	if !strings.Contains(string(crossed.body), "wrong-person") {
		t.Errorf("a crossed submit is answered with %.300s", crossed.body)
	}

	// A form issued for a person, filled and submitted, is a composition.
	issued := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/"+id+"/$populate?ehr="+ehr, nil).want(t, 200)
	answered := strings.Replace(string(issued.body), `{"linkId":"_token"`, `{"linkId":"encounter/pulse_heart_beat","item":[{"linkId":"encounter/pulse_heart_beat/any_event","item":[`+
		`{"linkId":"encounter/pulse_heart_beat/any_event/rate","answer":[{"valueQuantity":{"value":61,"unit":"/min"}}]}]}]},{"linkId":"_token"`, 1)
	stored := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/$process-response", []byte(answered)).want(t, 200)
	filed, _, _ := strings.Cut(stored.uid(t), "::")
	composition := s.call(t, "clinician", "GET", s.OpenEHR+"/ehr/"+ehr+"/composition/"+filed, nil).want(t, 200)
	if !strings.Contains(string(composition.body), `"magnitude":61`) {
		t.Errorf("the answer is not in the composition: %.600s", composition.body)
	}
	back := s.call(t, "clinician", "GET", s.FHIR+"/QuestionnaireResponse/"+filed, nil).want(t, 200)
	if !strings.Contains(string(back.body), `"value":61`) {
		t.Errorf("the answer is not in the response read back: %.600s", back.body)
	}
	// A double submit is one version.
	again := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/$process-response", []byte(answered)).want(t, 200)
	if again.uid(t) != stored.uid(t) {
		t.Errorf("submitted twice: %s and %s", stored.uid(t), again.uid(t))
	}
}

func TestAnOutsiderSeesNothing(t *testing.T) {
	s := running(t)
	ehr := newEHR(t, s)
	created := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", example(t, "vital_signs_minimal")).want(t, 201)
	composition := s.OpenEHR + "/ehr/" + ehr + "/composition/" + created.uid(t)
	object, _, _ := strings.Cut(created.uid(t), "::")

	for _, path := range []string{s.OpenEHR + "/ehr/" + ehr, s.OpenEHR + "/ehr/" + ehr + "/ehr_status", composition, s.FHIR + "/QuestionnaireResponse/" + object} {
		s.call(t, "outsider", "GET", path, nil).want(t, 404)
		s.call(t, "", "GET", path, nil).want(t, 401)
		s.call(t, "clinician", "GET", path, nil).want(t, 200)
	}
	s.call(t, "outsider", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", example(t, "vital_signs_minimal")).want(t, 403, 404)
	s.call(t, "outsider", "DELETE", composition, nil).want(t, 403, 404)

	population := "SELECT COUNT(c) FROM EHR e CONTAINS COMPOSITION c"
	aql(t, s, "outsider", population, nil).want(t, 403)
	if rows := aql(t, s, "outsider", oneEHR, map[string]any{"ehr": ehr}); rows.status == 200 && len(rows.json(t)["rows"].([]any)) > 0 {
		t.Errorf("an outsider's query shows %s", rows.body)
	}
	aql(t, s, "analyst", population, nil).want(t, 200)
}

func TestEveryAccessIsAudited(t *testing.T) {
	s := running(t)
	ehr := newEHR(t, s)
	created := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", example(t, "vital_signs_minimal")).want(t, 201)
	s.call(t, "clinician", "GET", s.OpenEHR+"/ehr/"+ehr+"/composition/"+created.uid(t), nil).want(t, 200)
	s.call(t, "outsider", "GET", s.OpenEHR+"/ehr/"+ehr, nil).want(t, 404)
	aql(t, s, "clinician", oneEHR, map[string]any{"ehr": ehr}).want(t, 200)

	trail := s.call(t, "admin", "GET", strings.TrimSuffix(s.BaseURL, "/")+"/audit/v1/ehr/"+ehr+"/accesses", nil).want(t, 200)
	for _, want := range []string{`"denied"`, `"success"`, "outsider", "clinician", created.uid(t)} {
		if !strings.Contains(string(trail.body), want) {
			t.Errorf("the audit of the record lacks %s: %.800s", want, trail.body)
		}
	}
	s.call(t, "outsider", "GET", strings.TrimSuffix(s.BaseURL, "/")+"/audit/v1/ehr/"+ehr+"/accesses", nil).want(t, 403, 404)
}

func TestADraftNeverHidesThePlan(t *testing.T) {
	s := running(t)
	ehr := newEHR(t, s)
	base := s.OpenEHR + "/ehr/" + ehr + "/composition"
	first := s.call(t, "clinician", "POST", base, example(t, "emergency_care_plan_full")).want(t, 201)
	object, _, _ := strings.Cut(first.uid(t), "::")
	s.call(t, "clinician", "POST", base, example(t, "emergency_care_plan_minimal")).want(t, 409)

	draft := s.call(t, "clinician", "PUT", base+"/"+object, example(t, "emergency_care_plan_minimal"),
		"If-Match", first.uid(t), "openehr-version", `lifecycle_state.code_string="553"`).want(t, 200, 204)
	if now := s.call(t, "clinician", "GET", base+"/"+object, nil).want(t, 200); now.uid(t) != first.uid(t) {
		t.Errorf("while a draft is open the plan reads as %s", now.uid(t))
	}
	s.call(t, "clinician", "GET", base+"/"+draft.uid(t), nil).want(t, 200)
	query := `SELECT c/uid/value FROM EHR e [ehr_id/value=$ehr] CONTAINS COMPOSITION c [openEHR-EHR-COMPOSITION.care_plan.v0]`
	if rows := aql(t, s, "clinician", query, map[string]any{"ehr": ehr}).want(t, 200).json(t); at(rows, "rows", 0, 0) != first.uid(t) {
		t.Errorf("while a draft is open AQL finds %v", rows["rows"])
	}

	final := s.call(t, "clinician", "PUT", base+"/"+object, example(t, "emergency_care_plan_superseding"), "If-Match", draft.uid(t)).want(t, 200, 204)
	if now := s.call(t, "clinician", "GET", base+"/"+object, nil).want(t, 200); now.uid(t) != final.uid(t) {
		t.Errorf("the completed plan reads as %s", now.uid(t))
	}
}
