package fhir_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/templates"
)

const root = "/fhir/r4"

func TestMetadata(t *testing.T) {
	h := newHouse(t)
	answer := h.ask(t, "", "GET", root+"/metadata", "").want(t, 200)
	statement := answer.resource(t)
	if statement["resourceType"] != "CapabilityStatement" || statement["fhirVersion"] != "4.0.1" || !strings.HasPrefix(answer.header.Get("Content-Type"), "application/fhir+json") {
		t.Errorf("%.200s", answer.text)
	}
	// Every resource, interaction, parameter and operation that it names is served.
	known := func(got reply, what string) {
		t.Helper()
		if strings.Contains(got.text, "unknown-path") || got.status == 405 || got.status >= 500 {
			t.Errorf("%s: %d %s", what, got.status, got.text)
		}
	}
	ehr := h.ehr(t)
	for _, one := range at(statement, "rest", 0, "resource").([]any) {
		name := at(one, "type").(string)
		place := root + "/" + name
		for _, interaction := range at(one, "interaction").([]any) {
			code := at(interaction, "code").(string)
			way, ok := map[string][2]string{"read": {"GET", "/x"}, "vread": {"GET", "/x/_history/1"}, "history-instance": {"GET", "/x/_history"}, "search-type": {"GET", ""},
				"create": {"POST", ""}, "update": {"PUT", "/x"}, "delete": {"DELETE", "/x"}}[code]
			if !ok {
				t.Errorf("%s: no test of %s", name, code)
			}
			body := ""
			if way[0] != "GET" && way[0] != "DELETE" {
				body = "{}"
			}
			known(h.ask(t, "author", way[0], place+way[1], body), name+" "+code)
		}
		for _, p := range at(one, "searchParam").([]any) {
			value := map[string]string{"date": "2026", "reference": "http://example.org/x", "uri": "http://example.org/x"}[at(p, "type").(string)]
			param := at(p, "name").(string)
			switch {
			case param == "ehr" || param == "subject" || param == "patient":
				value = ehr
			case param == "target":
				value = "QuestionnaireResponse/" + ehr + "/_history/1"
			case value == "":
				value = "none"
			}
			query := "?" + param + "=" + url.QueryEscape(value)
			if name == "QuestionnaireResponse" && value != ehr {
				query += "&ehr=" + ehr
			}
			got := h.ask(t, "clinician", "GET", place+query, "", "Prefer", "handling=strict").want(t, 200)
			if self := fmt.Sprint(at(got.resource(t), "link", 0, "url")); !strings.Contains(self, param+"=") {
				t.Errorf("%s: %s is not applied: %s", name, param, self)
			}
		}
		operations, _ := at(one, "operation").([]any)
		for _, o := range operations {
			operation := at(o, "name").(string)
			if operation == "extract" || operation == "binding" || operation == "submitted" || operation == "pdf" {
				continue // of other tables; their own tests show them
			}
			known(h.ask(t, "clinician", "POST", place+"/$"+operation, "{}"), name+" $"+operation)
		}
	}
	for _, role := range statement["instantiates"].([]any) {
		if !strings.HasPrefix(role.(string), "http://hl7.org/fhir/uv/sdc/CapabilityStatement/sdc-form-") {
			t.Errorf("%v", role)
		}
	}
}

func TestFormats(t *testing.T) {
	h := newHouse(t)
	for _, tc := range []struct {
		query, accept string
		status        int
		contentType   string
	}{
		{"", "", 200, "application/fhir+json"},
		{"", "application/json", 200, "application/json"},
		{"", "application/fhir+xml", 406, "application/fhir+json"},
		{"", "application/fhir+xml, application/fhir+json;q=0.5", 200, "application/fhir+json"},
		{"?_format=json", "application/fhir+xml", 200, "application/fhir+json"},
		{"?_format=application/fhir+json", "", 200, "application/fhir+json"},
		{"?_format=application/json", "", 200, "application/json"},
		{"?_format=xml", "", 406, "application/fhir+json"},
		{"?_format=application/fhir%2Bxml", "", 406, "application/fhir+json"},
	} {
		got := h.ask(t, "clinician", "GET", root+"/Questionnaire"+tc.query, "", "Accept", tc.accept)
		if got.status != tc.status || !strings.HasPrefix(got.header.Get("Content-Type"), tc.contentType) {
			t.Errorf("%s %s: %d %s", tc.query, tc.accept, got.status, got.header.Get("Content-Type"))
		}
	}
}

func TestQuestionnaires(t *testing.T) {
	h := newHouse(t)
	h.ask(t, "", "GET", root+"/Questionnaire", "").want(t, 401)
	all := h.ask(t, "clinician", "GET", root+"/Questionnaire?_count=1", "").want(t, 200).resource(t)
	shipped := float64(len(templates.All()))
	if at(all, "total") != shipped || len(at(all, "entry").([]any)) != 1 || at(all, "link", 1, "relation") != "next" {
		t.Errorf("%v %v", at(all, "total"), at(all, "link"))
	}
	next, err := url.Parse(at(all, "link", 1, "url").(string))
	if err != nil {
		t.Fatal(err)
	}
	second := h.ask(t, "clinician", "GET", next.RequestURI(), "").want(t, 200).resource(t)
	if at(second, "entry", 0, "fullUrl") == at(all, "entry", 0, "fullUrl") || !strings.Contains(fmt.Sprint(at(second, "link")), "relation:previous") {
		t.Error("the second page is the first")
	}

	found := h.ask(t, "clinician", "GET", root+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), "").want(t, 200).resource(t)
	canonical, _ := at(found, "entry", 0, "fullUrl").(string)
	id, _ := at(found, "entry", 0, "resource", "id").(string)
	if at(found, "total") != 1.0 || !strings.HasSuffix(canonical, "/fhir/r4/Questionnaire/"+id) || at(found, "entry", 0, "search", "mode") != "match" {
		t.Fatalf("%v", at(found, "total"))
	}
	for query, total := range map[string]float64{
		"url=" + url.QueryEscape(canonical): 1, "url=" + url.QueryEscape(canonical+"|x"): 0, "url=http://elsewhere/Questionnaire/" + id: 0,
		"_id=" + id: 1, "_id=x": 0, "_id=x&url=" + url.QueryEscape(canonical): 0, "status=active": shipped, "status=draft": 0, "openehr-template=none": 0,
		"version=" + at(found, "entry", 0, "resource", "version").(string): 1, "unknown=1": shipped,
	} {
		if got := h.ask(t, "clinician", "GET", root+"/Questionnaire?"+query, "").want(t, 200).resource(t); at(got, "total") != total {
			t.Errorf("%s: %v, want %v", query, at(got, "total"), total)
		}
	}
	h.ask(t, "clinician", "GET", root+"/Questionnaire?_count=x", "").want(t, 400)

	read := h.ask(t, "clinician", "GET", root+"/Questionnaire/"+id, "", "Accept-Language", "de, en;q=0.5").want(t, 200)
	if read.resource(t)["resourceType"] != "Questionnaire" || read.header.Get("Content-Language") != "en" || !strings.Contains(read.header.Get("Vary"), "Accept-Language") {
		t.Errorf("%s", read.header)
	}
	h.ask(t, "clinician", "GET", root+"/Questionnaire/"+id, "", "If-None-Match", read.header.Get("ETag")).want(t, 304)
	unknown := h.ask(t, "clinician", "GET", root+"/Questionnaire/unknown-form-00000000", "").want(t, 404).resource(t)
	if unknown["resourceType"] != "OperationOutcome" || at(unknown, "issue", 0, "code") != "not-found" {
		t.Errorf("%v", unknown)
	}
}

const (
	process  = root + "/Questionnaire/$process-response"
	pulse    = "encounter/pulse_heart_beat"
	oneRate  = `{"linkId":"` + pulse + `","item":[{"linkId":"` + pulse + `/any_event","item":[{"linkId":"` + pulse + `/any_event/rate","answer":[{"valueQuantity":{"value":72,"unit":"/min","code":"/min"}}]}]}]}`
	wrongLot = `"code":"furlong"`
)

func formID(t *testing.T, h *house) string {
	t.Helper()
	found := h.ask(t, "clinician", "GET", root+"/Questionnaire?openehr-template="+url.QueryEscape(vitalSigns), "").want(t, 200).resource(t)
	return at(found, "entry", 0, "resource", "id").(string)
}

// filled adds a pulse rate to a blank form and completes it.
func filled(text string) string {
	text = strings.Replace(text, `]}]}]}`, `]},`+oneRate+`]}]}`, 1)
	return strings.Replace(text, `"in-progress"`, `"completed"`, 1)
}

func TestAStoredCompositionIsAResponse(t *testing.T) {
	h := newHouse(t)
	ehr, other := h.ehr(t), h.ehr(t)
	stored := h.stored(t, ehr, "vital_signs_full")
	at1 := root + "/QuestionnaireResponse/" + stored.ObjectID
	got := h.ask(t, "clinician", "GET", at1, "").want(t, 200)
	response := got.resource(t)
	if response["id"] != stored.ObjectID || response["status"] != "completed" || got.header.Get("ETag") != `W/"`+stored.VersionUID+`"` || got.header.Get("Quire-Disclosure") == "" {
		t.Errorf("%v %v %s", response["id"], response["status"], got.header)
	}
	h.ask(t, "reader", "GET", at1, "").want(t, 200)
	h.ask(t, "outsider", "GET", at1, "").want(t, 404)
	h.ask(t, "", "GET", at1, "").want(t, 401)
	h.ask(t, "clinician", "GET", at1+"/_history/1", "").want(t, 200)
	for _, path := range []string{at1 + "/_history/2", at1 + "/_history/x", root + "/QuestionnaireResponse/7d44b88c-4199-4bad-97dc-d78268e01398", root + "/QuestionnaireResponse/x"} {
		h.ask(t, "clinician", "GET", path, "").want(t, 404)
	}

	crossed := h.ask(t, "clinician", "POST", process+"?ehr="+other, got.text).want(t, 409)
	if !strings.Contains(crossed.text, "wrong-person") || h.audit.denied(ehr, "wrong-person") != 1 || h.audit.denied(other, "wrong-person") != 1 {
		t.Errorf("a crossed submit: %s", crossed.text)
	}
	untouched := h.ask(t, "clinician", "POST", process+"?ehr="+ehr, got.text).want(t, 200)
	if !strings.Contains(untouched.text, `"unchanged"`) {
		t.Errorf("untouched: %s", untouched.text)
	}

	edited := strings.Replace(got.text, `"value":128.0`, `"value":131`, 1)
	if edited == got.text {
		t.Fatalf("no systolic of 128 in %s", got.text)
	}
	dry := h.ask(t, "clinician", "POST", process+"?dry-run=true", edited).want(t, 200)
	if !strings.Contains(dry.text, `"dry-run"`) || dry.header.Get("Location") != "" {
		t.Errorf("dry run: %s", dry.text)
	}
	done := h.ask(t, "clinician", "POST", process, edited).want(t, 200)
	if !strings.HasSuffix(done.header.Get("Location"), at1+"/_history/2") || done.resource(t)["resourceType"] != "OperationOutcome" {
		t.Errorf("%s %s", done.header.Get("Location"), done.text)
	}
	location, err := url.Parse(done.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if second := h.ask(t, "clinician", "GET", location.Path, "").want(t, 200); !strings.Contains(second.text, `"value":131`) {
		t.Error("the edit does not come back")
	}
	if again := h.ask(t, "clinician", "POST", process, edited).want(t, 200); !strings.Contains(again.text, `"repeated"`) {
		t.Errorf("the same again: %s", again.text)
	}
	stale := h.ask(t, "clinician", "POST", process, strings.Replace(got.text, `"value":128.0`, `"value":140`, 1)).want(t, 412)
	if stale.header.Get("ETag") != done.header.Get("ETag") || !strings.Contains(stale.text, "changed-meanwhile") || !strings.Contains(stale.text, "systolic") {
		t.Errorf("a stale base: %s", stale.text)
	}
	h.ask(t, "reader", "POST", process, h.ask(t, "reader", "GET", at1, "").want(t, 200).text).want(t, 200)
	forbidden := strings.Replace(h.ask(t, "reader", "GET", at1, "").text, `"value":131`, `"value":132`, 1)
	h.ask(t, "reader", "POST", process, forbidden).want(t, 403)
}

func TestABlankFormIsFilledOnce(t *testing.T) {
	h := newHouse(t)
	ehr, id := h.ehr(t), formID(t, h)
	at1 := root + "/Questionnaire/" + id + "/$populate"
	blank := h.ask(t, "clinician", "POST", at1+"?ehr="+ehr, "").want(t, 200)
	h.ask(t, "clinician", "GET", at1+"?ehr="+ehr, "").want(t, 200)
	h.ask(t, "clinician", "GET", at1+"?subject=Patient/"+ehr, "").want(t, 200)
	h.ask(t, "clinician", "POST", at1, `{"resourceType":"Parameters","parameter":[{"name":"subject","valueReference":{"reference":"Patient/`+ehr+`"}}]}`).want(t, 200)
	h.ask(t, "clinician", "POST", at1, "").want(t, 400)
	h.ask(t, "clinician", "POST", at1+"?ehr="+ehr, `{"resourceType":"Bundle"}`).want(t, 400)
	h.ask(t, "outsider", "POST", at1+"?ehr="+ehr, "").want(t, 404)
	h.ask(t, "", "POST", at1+"?ehr="+ehr, "").want(t, 401)

	body := filled(blank.text)
	wrong := h.ask(t, "clinician", "POST", process, strings.Replace(body, `"code":"/min"`, wrongLot, 1)).want(t, 422)
	for _, want := range []string{`"valueString":"` + pulse + `/any_event/rate"`, `.answer[0]"]`, `"valueString":"/content[`} {
		if !strings.Contains(wrong.text, want) {
			t.Errorf("a wrong unit is not placed, %s lacks: %s", want, wrong.text)
		}
	}
	if got := h.ask(t, "clinician", "POST", process, strings.Replace(body, pulse+`"`, `encounter/puls"`, 1)).want(t, 422); !strings.Contains(got.text, "QuestionnaireResponse.item[0].item[1]") {
		t.Errorf("an unknown item: %s", got.text)
	}
	h.ask(t, "outsider", "POST", process, body).want(t, 409)

	// However often and from wherever it is sent at once: one version.
	var together errgroup.Group
	replies := make([]reply, 8)
	for n := range replies {
		together.Go(func() error {
			replies[n] = h.ask(t, "clinician", "POST", root+"/Questionnaire/"+id+"/$process-response", `{"resourceType":"Parameters","parameter":[{"name":"in","resource":`+body+`}]}`)
			return nil
		})
	}
	if err := together.Wait(); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for _, r := range replies {
		if r.want(t, 200); r.header.Get("ETag") != replies[0].header.Get("ETag") {
			t.Errorf("two versions: %s and %s", r.header.Get("ETag"), replies[0].header.Get("ETag"))
		}
		if strings.Contains(r.text, `"stored"`) {
			stored++
		}
	}
	if stored != 1 {
		t.Errorf("%d of 8 submits say they were stored", stored)
	}
	uid := strings.Trim(strings.TrimPrefix(replies[0].header.Get("ETag"), "W/"), `"`)
	doc, err := h.service.Composition(context.Background(), callers["clinician"], ehr, cdr.VersionRef{VersionUID: uid})
	if err != nil || !strings.Contains(string(doc.JSON), `"magnitude":72`) {
		t.Errorf("what was filled is not in the record: %v", err)
	}
}

func TestWithoutATokenThePersonIsSaid(t *testing.T) {
	h := newHouse(t)
	ehr, id := h.ehr(t), formID(t, h)
	body := `{"resourceType":"QuestionnaireResponse","questionnaire":"http://example.com/fhir/r4/Questionnaire/` + id + `","status":"completed","authored":"2026-03-02T09:00:00Z","item":[{"linkId":"encounter","item":[` + oneRate + `]}]}`
	h.ask(t, "clinician", "POST", process, body).want(t, 400)
	for range 2 {
		h.ask(t, "clinician", "POST", process+"?ehr="+ehr, body, "Idempotency-Key", "k1").want(t, 200)
	}
	h.ask(t, "outsider", "POST", process+"?ehr="+ehr, body).want(t, 404)
	h.ask(t, "clinician", "POST", process+"?ehr="+ehr+"&dry-run=perhaps", body).want(t, 400)
	h.ask(t, "clinician", "POST", process+"?ehr="+ehr, `{"resourceType":"Parameters","parameter":[]}`).want(t, 400)
	h.ask(t, "clinician", "POST", process+"?ehr="+ehr, `{"resourceType":"Patient"}`).want(t, 400)
	h.ask(t, "clinician", "POST", process+"?ehr="+ehr, body, "Content-Type", "application/fhir+xml").want(t, 415)
}

// TestTheLivingPlanIsTheNextForm: the form of a document of which one lives comes
// with its answers; a draft of it leaves the plan as it is.
func TestTheLivingPlanIsTheNextForm(t *testing.T) {
	h := newHouse(t)
	ehr := h.ehr(t)
	plan := h.stored(t, ehr, "emergency_care_plan_full")
	found := h.ask(t, "clinician", "GET", root+"/Questionnaire?openehr-template="+url.QueryEscape("Emergency care plan.v1"), "").want(t, 200).resource(t)
	id := at(found, "entry", 0, "resource", "id").(string)
	form := h.ask(t, "clinician", "POST", root+"/Questionnaire/"+id+"/$populate?ehr="+ehr, "").want(t, 200)
	if form.resource(t)["id"] != plan.ObjectID || form.header.Get("ETag") != `W/"`+plan.VersionUID+`"` {
		t.Fatalf("the form does not show the plan: %s", form.header)
	}
	// As it came it is in progress: kept as a draft, and the plan is still the plan.
	draft := h.ask(t, "clinician", "POST", process, form.text).want(t, 200)
	if !strings.HasSuffix(draft.header.Get("Location"), "/_history/2") {
		t.Fatalf("the draft is at %s", draft.header.Get("Location"))
	}
	now := h.ask(t, "reader", "GET", root+"/QuestionnaireResponse/"+plan.ObjectID, "").want(t, 200)
	if now.header.Get("ETag") != `W/"`+plan.VersionUID+`"` || now.resource(t)["status"] != "completed" {
		t.Errorf("the draft hides the plan: %s", now.header.Get("ETag"))
	}
	opened := h.ask(t, "clinician", "GET", root+"/QuestionnaireResponse/"+plan.ObjectID+"/_history/2", "").want(t, 200)
	if opened.resource(t)["status"] != "in-progress" {
		t.Errorf("the draft is %v", opened.resource(t)["status"])
	}
	final := h.ask(t, "clinician", "POST", process, strings.Replace(opened.text, `"in-progress"`, `"completed"`, 1)).want(t, 200)
	if !strings.HasSuffix(final.header.Get("Location"), "/_history/3") {
		t.Errorf("the finished plan is at %s", final.header.Get("Location"))
	}
}
