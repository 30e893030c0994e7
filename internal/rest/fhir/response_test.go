package fhir_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestResponsesAreFound: one person's responses, by form, status and time, a
// page at a time.
func TestResponsesAreFound(t *testing.T) {
	h := newHouse(t)
	ehr, other, id := h.ehr(t), h.ehr(t), formID(t, h)
	first := h.stored(t, ehr, "vital_signs_full")
	h.stored(t, ehr, "vital_signs_minimal")
	plan := h.stored(t, ehr, "emergency_care_plan_full")
	h.stored(t, other, "vital_signs_full")
	all := root + "/QuestionnaireResponse?ehr=" + ehr
	found := h.ask(t, "clinician", "GET", all, "").want(t, 200)
	bundle := found.resource(t)
	entries, _ := at(bundle, "entry").([]any)
	if len(entries) != 3 || at(entries[0], "resource", "id") != plan.ObjectID || at(entries[2], "resource", "id") != first.ObjectID || found.header.Get("Quire-Disclosure") == "" {
		t.Fatalf("%d entries: %.300s", len(entries), found.text)
	}
	count := func(who, query string) int {
		t.Helper()
		entries, _ := at(h.ask(t, who, "GET", all+query, "").want(t, 200).resource(t), "entry").([]any)
		return len(entries)
	}
	for query, want := range map[string]int{
		"&questionnaire=" + id: 2, "&questionnaire=" + url.QueryEscape("http://example.com/fhir/r4/Questionnaire/"+id+"|x"): 2, "&questionnaire=unknown-form-00000000": 0,
		"&status=completed": 3, "&status=in-progress": 0, "&status=stopped": 0, "&authored=ge2020-01-01": 3, "&authored=lt2020-01-01": 0,
		"&authored=ge2020-01-01&authored=le2020-01-02": 0, "&authored=2020-01-01": 0, "&_count=2": 2, "&_count=2&_offset=2": 1,
	} {
		if got := count("clinician", query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if got := count("reader", ""); got != 3 {
		t.Errorf("the reader finds %d", got)
	}
	page := h.ask(t, "clinician", "GET", all+"&_count=2", "").resource(t)
	next, err := url.Parse(at(page, "link", 1, "url").(string))
	if err != nil || at(page, "link", 1, "relation") != "next" {
		t.Fatalf("%v %v", at(page, "link"), err)
	}
	last := h.ask(t, "clinician", "GET", next.RequestURI(), "").resource(t)
	if at(last, "entry", 0, "resource", "id") != first.ObjectID || at(last, "link", 1, "relation") != "previous" {
		t.Errorf("%v", at(last, "link"))
	}
	h.ask(t, "outsider", "GET", all, "").want(t, 404)
	h.ask(t, "", "GET", all, "").want(t, 401)
	h.ask(t, "clinician", "GET", all+"&authored=soon", "").want(t, 400)
	h.ask(t, "clinician", "GET", all+"&mode=all", "").want(t, 400)
	h.ask(t, "clinician", "GET", root+"/QuestionnaireResponse", "").want(t, 400)
	h.ask(t, "clinician", "GET", root+"/QuestionnaireResponse?subject=Patient/"+ehr, "").want(t, 200)
	h.ask(t, "clinician", "GET", root+"/QuestionnaireResponse?patient="+other, "").want(t, 200)
}

// TestResponsesAreCreatedAndUpdated: as the FHIR interactions, with history and
// provenance.
func TestResponsesAreCreatedAndUpdated(t *testing.T) {
	h := newHouse(t)
	ehr, id := h.ehr(t), formID(t, h)
	blank := h.ask(t, "clinician", "POST", root+"/Questionnaire/"+id+"/$populate?ehr="+ehr, "").want(t, 200)
	made := h.ask(t, "clinician", "POST", root+"/QuestionnaireResponse", filled(blank.text)).want(t, 201)
	stored := made.resource(t)
	object, _ := stored["id"].(string)
	at1 := root + "/QuestionnaireResponse/" + object
	if stored["resourceType"] != "QuestionnaireResponse" || !strings.HasSuffix(made.header.Get("Location"), at1+"/_history/1") {
		t.Fatalf("%s %.200s", made.header.Get("Location"), made.text)
	}
	h.ask(t, "clinician", "POST", root+"/QuestionnaireResponse", filled(blank.text)).want(t, 200)

	edited := strings.Replace(made.text, `"value":72`, `"value":75`, 1)
	foreign := h.stored(t, ehr, "vital_signs_full").ObjectID
	if got := h.ask(t, "clinician", "PUT", root+"/QuestionnaireResponse/"+foreign, edited).want(t, 409); !strings.Contains(got.text, "wrong-response") {
		t.Errorf("%s", got.text)
	}
	if got := h.ask(t, "clinician", "PUT", at1, filled(h.ask(t, "clinician", "POST", root+"/Questionnaire/"+id+"/$populate?ehr="+ehr, "").text)).want(t, 409); !strings.Contains(got.text, "not-issued") {
		t.Errorf("%s", got.text)
	}
	h.ask(t, "outsider", "PUT", at1, edited).want(t, 409)
	updated := h.ask(t, "clinician", "PUT", at1, edited).want(t, 200)
	if !strings.Contains(updated.text, `"value":75`) || at(updated.resource(t), "meta", "versionId") != "2" {
		t.Errorf("%.300s", updated.text)
	}
	h.ask(t, "clinician", "PUT", at1, strings.Replace(made.text, `"value":72`, `"value":80`, 1)).want(t, 412)
	minimal := h.ask(t, "clinician", "PUT", at1, strings.Replace(updated.text, `"value":75`, `"value":76`, 1), "Prefer", "return=minimal").want(t, 200)
	if minimal.text != "" {
		t.Errorf("%s", minimal.text)
	}

	history := h.ask(t, "reader", "GET", at1+"/_history", "").want(t, 200).resource(t)
	entries, _ := at(history, "entry").([]any)
	if len(entries) != 3 || at(history, "total") != 3.0 || at(history, "type") != "history" || at(entries[2], "request", "method") != "POST" ||
		at(entries[0], "resource", "meta", "versionId") != "3" || at(entries[0], "response", "etag") != `W/"3"` {
		t.Fatalf("%v", history)
	}
	if short := h.ask(t, "reader", "GET", at1+"/_history?_count=1&_offset=1", "").want(t, 200).resource(t); at(short, "entry", 0, "resource", "meta", "versionId") != "2" {
		t.Errorf("%v", short)
	}
	h.ask(t, "outsider", "GET", at1+"/_history", "").want(t, 404)

	who := h.ask(t, "reader", "GET", root+"/Provenance/"+object+".2", "").want(t, 200).resource(t)
	if at(who, "agent", 0, "who", "display") != "A. Clinician" || at(who, "entity", 0, "role") != "revision" || at(who, "activity", "coding", 0, "code") != "UPDATE" {
		t.Errorf("%v", who)
	}
	found := h.ask(t, "reader", "GET", root+"/Provenance?target=QuestionnaireResponse/"+object+"/_history/1", "").want(t, 200).resource(t)
	if at(found, "total") != 1.0 || at(found, "entry", 0, "resource", "activity", "coding", 0, "code") != "CREATE" {
		t.Errorf("%v", found)
	}
	h.ask(t, "outsider", "GET", root+"/Provenance/"+object+".2", "").want(t, 404)
	h.ask(t, "reader", "GET", root+"/Provenance/"+object+".9", "").want(t, 404)
	h.ask(t, "reader", "GET", root+"/Provenance/x", "").want(t, 404)
}

// TestModesAndVersions: a form in three modes, and by its version; a response
// that carries its rest is the same response.
func TestModesAndVersions(t *testing.T) {
	h := newHouse(t)
	ehr, id := h.ehr(t), formID(t, h)
	at1 := root + "/Questionnaire/" + id
	size := map[string]int{}
	tags := map[string]bool{}
	version := ""
	for _, mode := range []string{"compact", "form", "faithful"} {
		got := h.ask(t, "clinician", "GET", at1+"?mode="+mode, "").want(t, 200)
		size[mode], version = len(got.text), got.resource(t)["version"].(string)
		tags[got.header.Get("ETag")] = true
	}
	if size["compact"] >= size["form"] || size["form"] >= size["faithful"] || len(tags) != 3 {
		t.Errorf("%v %v", size, tags)
	}
	h.ask(t, "clinician", "GET", at1+"?mode=x", "").want(t, 400)
	h.ask(t, "clinician", "GET", at1+"/_history/"+version, "").want(t, 200)
	h.ask(t, "clinician", "GET", at1+"/_history/1", "").want(t, 404)
	stored := h.stored(t, ehr, "vital_signs_full")
	carried := h.ask(t, "clinician", "GET", root+"/QuestionnaireResponse/"+stored.ObjectID+"?mode=faithful&carry=full", "").want(t, 200)
	if !strings.Contains(carried.text, `"_residue"`) {
		t.Error("nothing is carried")
	}
	if back := h.ask(t, "clinician", "POST", process, carried.text).want(t, 200); !strings.Contains(back.text, `"unchanged"`) {
		t.Errorf("%s", back.text)
	}
}

func TestValueSets(t *testing.T) {
	h := newHouse(t)
	sets := root + "/ValueSet"
	found := h.ask(t, "clinician", "GET", sets+"?openehr-template="+url.QueryEscape(vitalSigns)+"&_count=50", "").want(t, 200).resource(t)
	entries, _ := at(found, "entry").([]any)
	if len(entries) < 5 || at(found, "total") != float64(len(entries)) {
		t.Fatalf("%v", found)
	}
	position := entries[0]
	id, _ := at(position, "resource", "id").(string)
	canonical, _ := at(position, "resource", "url").(string)
	if at(position, "resource", "expansion") != nil || at(position, "resource", "compose", "include", 0, "concept", 0, "code") == nil {
		t.Errorf("%v", position)
	}
	h.ask(t, "clinician", "GET", sets+"/"+id, "").want(t, 200)
	history := h.ask(t, "clinician", "GET", sets+"/"+id+"/_history", "").want(t, 200).resource(t)
	version, _ := at(history, "entry", 0, "resource", "version").(string)
	if history["total"] != 1.0 || version == "" || at(history, "entry", 0, "response", "etag") != `W/"`+version+`"` {
		t.Errorf("%v", history)
	}
	h.ask(t, "clinician", "GET", sets+"/"+id+"/_history/"+version, "").want(t, 200)
	h.ask(t, "clinician", "GET", sets+"/unknown/_history", "").want(t, 404)
	expanded := h.ask(t, "clinician", "GET", sets+"/"+id+"/$expand", "").want(t, 200).resource(t)
	codes, _ := at(expanded, "expansion", "contains").([]any)
	if len(codes) < 2 || at(expanded, "expansion", "total") != float64(len(codes)) {
		t.Fatalf("%v", expanded)
	}
	code, system, display := at(codes[1], "code").(string), at(codes[1], "system").(string), at(codes[1], "display").(string)
	one := h.ask(t, "clinician", "GET", sets+"/$expand?url="+url.QueryEscape(canonical)+"&filter="+url.QueryEscape(display), "").want(t, 200).resource(t)
	if at(one, "expansion", "contains", 0, "code") != code {
		t.Errorf("%v", one)
	}
	if page := h.ask(t, "clinician", "GET", sets+"/"+id+"/$expand?count=1&offset=1", "").want(t, 200).resource(t); at(page, "expansion", "contains", 0, "code") != code {
		t.Errorf("%v", page)
	}
	for query, want := range map[string]bool{
		"code=" + code: true, "code=" + code + "&system=" + url.QueryEscape(system): true, "code=" + code + "&system=http://snomed.info/sct": false,
		"code=none": false, "code=" + code + "&display=" + url.QueryEscape(display): true, "code=" + code + "&display=other": false,
	} {
		got := h.ask(t, "clinician", "GET", sets+"/"+id+"/$validate-code?"+query, "").want(t, 200).resource(t)
		if at(got, "parameter", 0, "valueBoolean") != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	h.ask(t, "clinician", "GET", sets+"/openehr-setting/$validate-code?code=238", "").want(t, 200)
	h.ask(t, "clinician", "GET", sets+"/$validate-code?code=238&url=http://openehr.org/id/openehr/setting", "").want(t, 200)
	h.ask(t, "clinician", "GET", sets+"/"+id+"/$validate-code", "").want(t, 400)
	h.ask(t, "clinician", "GET", sets+"/$expand", "").want(t, 400)
	h.ask(t, "clinician", "GET", sets+"/$expand?url=http://elsewhere/ValueSet/x", "").want(t, 404)
	h.ask(t, "clinician", "GET", sets+"/unknown", "").want(t, 404)
	if none := h.ask(t, "clinician", "GET", sets, "").want(t, 200).resource(t); none["total"] != 0.0 {
		t.Errorf("what nobody asked for: %v", none["total"])
	}
	h.ask(t, "", "GET", sets+"/"+id, "").want(t, 401)
}

// TestResponsesHaveALife: identifier, draft, completion, amendment and deletion,
// each found by what it is.
func TestResponsesHaveALife(t *testing.T) {
	h := newHouse(t)
	ehr, id := h.ehr(t), formID(t, h)
	all := root + "/QuestionnaireResponse"
	blank := h.ask(t, "clinician", "POST", root+"/Questionnaire/"+id+"/$populate?ehr="+ehr, "").want(t, 200).text
	draft := strings.Replace(strings.Replace(filled(blank), `"completed"`, `"in-progress"`, 1), `{"resourceType":"QuestionnaireResponse",`,
		`{"resourceType":"QuestionnaireResponse","identifier":{"system":"http://example.org/r","value":"R-1"},`, 1)
	made := h.ask(t, "clinician", "POST", all, draft).want(t, 201)
	object := made.id(t)
	at1 := all + "/" + object
	if at(made.resource(t), "identifier", "value") != "R-1" || at(made.resource(t), "status") != "in-progress" {
		t.Errorf("%.400s", made.text)
	}
	total := func(query string) any {
		t.Helper()
		return h.ask(t, "clinician", "GET", all+"?"+query, "").want(t, 200).resource(t)["total"]
	}
	found := func(query string, want float64) {
		t.Helper()
		if got := total(query); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	// A draft is seen by those who may write it.
	h.ask(t, "reader", "GET", at1, "").want(t, 404)
	found("ehr="+ehr, 0)
	found("ehr="+ehr+"&status=in-progress", 1)
	if none := h.ask(t, "reader", "GET", all+"?ehr="+ehr+"&status=in-progress", "").want(t, 200).resource(t); none["entry"] != nil {
		t.Errorf("a reader finds a draft: %v", none)
	}
	// A second create with the identifier finds the first.
	if again := h.ask(t, "clinician", "POST", all+"?ehr="+ehr, draft, "If-None-Exist", "identifier=http://example.org/r|R-1").want(t, 200); again.id(t) != object {
		t.Errorf("%.300s", again.text)
	}

	h.ask(t, "clinician", "PUT", at1, strings.Replace(made.text, `"in-progress"`, `"completed"`, 1), "If-Match", `W/"7"`).want(t, 412)
	complete := h.ask(t, "clinician", "PUT", at1, strings.Replace(made.text, `"in-progress"`, `"completed"`, 1), "If-Match", made.header.Get("ETag")).want(t, 200)
	h.ask(t, "reader", "GET", at1, "").want(t, 200)
	amended := h.ask(t, "clinician", "PUT", at1, strings.Replace(strings.Replace(complete.text, `"completed"`, `"amended"`, 1), `"value":72`, `"value":73`, 1), "If-Match", `W/"2"`).want(t, 200)
	if at(amended.resource(t), "status") != "amended" || at(amended.resource(t), "identifier", "value") != "R-1" {
		t.Errorf("%.300s", amended.text)
	}
	for query, want := range map[string]float64{
		"identifier=R-1": 1, "identifier=http://example.org/r%7CR-1": 1, "identifier=http://else%7CR-1": 0, "identifier=R-2": 0,
		"status=amended": 1, "status=completed": 0, "status=completed,amended": 1, "author=A.%20Clinician": 1, "author=Nobody": 0,
		"_id=" + object: 1, "_id=7d44b88c-4199-4bad-97dc-d78268e01398": 0, "_lastUpdated=ge2026-01-01": 1, "_lastUpdated=lt2020": 0,
		"authored=ge2020": 1, "authored=lt2020": 0,
	} {
		found("ehr="+ehr+"&"+query, want)
	}
	found("_id="+object, 1)
	found("subject:identifier=urn:ietf:rfc:3986%7Curn:uuid:"+ehr, 1)

	// Entered in error is deleted, and stays in the history.
	wrong := strings.Replace(amended.text, `"amended"`, `"entered-in-error"`, 1)
	h.ask(t, "outsider", "PUT", at1, wrong).want(t, 404)
	h.ask(t, "reader", "DELETE", at1, "").want(t, 403)
	if done := h.ask(t, "clinician", "PUT", at1, wrong).want(t, 200); !strings.Contains(done.text, "deleted") {
		t.Errorf("%s", done.text)
	}
	h.ask(t, "clinician", "GET", at1, "").want(t, 410)
	found("ehr="+ehr, 0)
	history := h.ask(t, "clinician", "GET", at1+"/_history", "").want(t, 200).resource(t)
	if history["total"] != 4.0 || at(history, "entry", 0, "request", "method") != "DELETE" {
		t.Errorf("%v", history["total"])
	}
	second := h.stored(t, ehr, "vital_signs_full").ObjectID
	h.ask(t, "clinician", "DELETE", all+"/"+second, "", "If-Match", `W/"9"`).want(t, 412)
	h.ask(t, "clinician", "DELETE", all+"/"+second, "").want(t, 204)
	h.ask(t, "clinician", "DELETE", all+"/"+second, "").want(t, 204)
	h.ask(t, "clinician", "DELETE", all+"/7d44b88c-4199-4bad-97dc-d78268e01398", "").want(t, 404)
}
