package fhir_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// feedback is a form that somebody wrote, with members this server knows nothing
// of and a number a float would change.
const feedback = `{"resourceType":"Questionnaire","url":"http://example.org/forms/feedback","version":"1.0","name":"Feedback","title":"How was your stay?",
 "status":"draft","date":"2026-02","publisher":"Example Trust","identifier":[{"system":"http://example.org/ids","value":"F-1"}],
 "meta":{"profile":["http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"],"versionId":"77"},
 "useContext":[{"code":{"system":"http://terminology.hl7.org/CodeSystem/usage-context-type","code":"focus"},"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"306206005"}]}}],
 "extension":[{"url":"http://example.org/weight","valueDecimal":1.50}],"x-unknown":{"kept":[1,2]},
 "item":[{"linkId":"rating","type":"integer","text":"Stars","definition":"http://example.org/StructureDefinition/stay#rating","code":[{"system":"http://loinc.org","code":"1234-5"}]}]}`

func (r reply) id(t testing.TB) string {
	t.Helper()
	id, _ := r.resource(t)["id"].(string)
	return id
}

func TestAuthoredFormsAreKept(t *testing.T) {
	h := newHouse(t)
	h.ask(t, "clinician", "POST", root+"/Questionnaire", feedback).want(t, 403)
	h.ask(t, "", "POST", root+"/Questionnaire", feedback).want(t, 401)
	made := h.ask(t, "author", "POST", root+"/Questionnaire", feedback).want(t, 201)
	id := made.id(t)
	at1 := root + "/Questionnaire/" + id
	if !strings.HasSuffix(made.header.Get("Location"), at1+"/_history/1") || made.header.Get("ETag") != `W/"1"` {
		t.Errorf("%s %s", made.header.Get("Location"), made.header.Get("ETag"))
	}

	// All that was sent comes back, the server's own members aside.
	read := h.ask(t, "clinician", "GET", at1, "").want(t, 200)
	var sent map[string]any
	if err := json.Unmarshal([]byte(feedback), &sent); err != nil {
		t.Fatal(err)
	}
	got := read.resource(t)
	meta := got["meta"].(map[string]any)
	if meta["versionId"] != "1" || meta["lastUpdated"] == nil || got["id"] != id {
		t.Errorf("meta %v", meta)
	}
	delete(meta, "versionId")
	delete(meta, "lastUpdated")
	delete(sent["meta"].(map[string]any), "versionId")
	delete(got, "id")
	if !reflect.DeepEqual(got, sent) || !strings.Contains(read.text, "1.50") {
		t.Errorf("got\n%v\nwant\n%v", got, sent)
	}
	h.ask(t, "clinician", "GET", at1, "", "If-None-Match", `W/"1"`).want(t, 304)

	// Updates make versions; a stale If-Match does not.
	next := strings.Replace(strings.Replace(feedback, `"status":"draft"`, `"status":"active"`, 1), `{"resourceType":"Questionnaire",`, `{"resourceType":"Questionnaire","id":"`+id+`",`, 1)
	h.ask(t, "author", "PUT", at1, feedback).want(t, 400)
	h.ask(t, "author", "PUT", at1, next, "If-Match", `W/"1"`).want(t, 200)
	h.ask(t, "author", "PUT", at1, next, "If-Match", `W/"1"`).want(t, 412)
	h.ask(t, "author", "PUT", at1, next, "Prefer", "return=minimal").want(t, 200)
	if outcome := h.ask(t, "author", "PUT", at1, next, "Prefer", "return=OperationOutcome").want(t, 200); outcome.resource(t)["resourceType"] != "OperationOutcome" {
		t.Errorf("%s", outcome.text)
	}
	if old := h.ask(t, "clinician", "GET", at1+"/_history/1", "").want(t, 200).resource(t); old["status"] != "draft" {
		t.Errorf("the first version is %v", old["status"])
	}
	h.ask(t, "clinician", "GET", at1+"/_history/9", "").want(t, 404)

	// Another may not have the same address and version; conditional creates find it.
	h.ask(t, "author", "POST", root+"/Questionnaire", feedback).want(t, 409)
	if again := h.ask(t, "author", "POST", root+"/Questionnaire", feedback, "If-None-Exist", "identifier=http://example.org/ids|F-1").want(t, 200); again.id(t) != id {
		t.Errorf("%s", again.text)
	}

	// Deletion is logical.
	h.ask(t, "clinician", "DELETE", at1, "").want(t, 403)
	h.ask(t, "author", "DELETE", at1, "", "If-Match", `W/"1"`).want(t, 412)
	h.ask(t, "author", "DELETE", at1, "").want(t, 204)
	h.ask(t, "author", "DELETE", at1, "").want(t, 204)
	if gone := h.ask(t, "clinician", "GET", at1, "").want(t, 410).resource(t); at(gone, "issue", 0, "code") != "deleted" {
		t.Errorf("%v", gone)
	}
	h.ask(t, "clinician", "GET", at1+"/_history/1", "").want(t, 200)
	history := h.ask(t, "clinician", "GET", at1+"/_history", "").want(t, 200).resource(t)
	if history["type"] != "history" || history["total"] != 5.0 || at(history, "entry", 0, "request", "method") != "DELETE" || at(history, "entry", 4, "response", "status") != "201 Created" {
		t.Errorf("%v", history)
	}
	h.ask(t, "author", "PUT", at1, next).want(t, 201)

	// A PUT under a new id creates; ids and addresses of templates are theirs.
	h.ask(t, "author", "PUT", root+"/Questionnaire/mine", `{"resourceType":"Questionnaire","id":"mine","status":"active"}`).want(t, 201)
	derived := formID(t, h)
	h.ask(t, "author", "PUT", root+"/Questionnaire/"+derived, `{"resourceType":"Questionnaire","id":"`+derived+`","status":"active"}`).want(t, 409)
	h.ask(t, "author", "DELETE", root+"/Questionnaire/"+derived, "").want(t, 409)
	own := strings.TrimSuffix(h.ask(t, "clinician", "GET", root+"/metadata", "").resource(t)["implementation"].(map[string]any)["url"].(string), "/")
	h.ask(t, "author", "POST", root+"/Questionnaire", `{"resourceType":"Questionnaire","status":"active","url":"`+own+`/Questionnaire/`+derived+`"}`).want(t, 409)
}

func TestAuthoredFormsAreJudged(t *testing.T) {
	h := newHouse(t)
	for body, expression := range map[string]string{
		`{`:                           "Questionnaire",
		`{"resourceType":"ValueSet"}`: "Questionnaire.resourceType",
		`{"resourceType":"Questionnaire","status":"active","status":"draft"}`:                                                              "Questionnaire",
		`{"resourceType":"Questionnaire","status":"final"}`:                                                                                "Questionnaire.status",
		`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"a","type":"group","item":[{"linkId":"a","type":"string"}]}]}`: "Questionnaire.item[0].item[0].linkId",
		`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"a","type":"colour"}]}`:                                        "Questionnaire.item[0].type",
	} {
		got := h.ask(t, "author", "POST", root+"/Questionnaire", body)
		if found := got.resource(t); got.status != 400 && got.status != 422 || at(found, "issue", 0, "expression", 0) != expression {
			t.Errorf("%s: %d %s", body, got.status, got.text)
		}
	}
}

func TestAuthoredFormsAreFound(t *testing.T) {
	h := newHouse(t)
	id := h.ask(t, "author", "POST", root+"/Questionnaire", feedback).want(t, 201).id(t)
	for query, want := range map[string]bool{
		"url=http://example.org/forms/feedback": true, "url=" + url.QueryEscape("http://example.org/forms/feedback|1.0"): true,
		"url=" + url.QueryEscape("http://example.org/forms/feedback|2.0"): false, "url:below=http://example.org/forms": true,
		"version=1.0": true, "status=draft": true, "status=draft,retired": true, "status=retired": false, "name=feed": true, "name=back": false, "name:contains=back": true,
		"title=how": true, "title:exact=How": false, "publisher=example": true, "identifier=F-1": true, "identifier=" + url.QueryEscape("http://example.org/ids|F-1"): true,
		"identifier=" + url.QueryEscape("http://else|F-1"): false, "code=" + url.QueryEscape("http://loinc.org|1234-5"): true, "code=1234-5": true,
		"context=306206005": true, "context=1": false, "definition=" + url.QueryEscape("http://example.org/StructureDefinition/stay#rating"): true,
		"date=2026-02": true, "date=ge2026": true, "date=lt2026": false, "date=2026-02-01": false, "_id=" + id: true, "_lastUpdated=ge2026-01-01": true,
		"_lastUpdated=lt2020": false, "status=draft&name=feed": true, "status=draft&name=x": false, "status:not=draft": false,
	} {
		got := h.ask(t, "clinician", "GET", root+"/Questionnaire?_count=50&"+query, "").want(t, 200).resource(t)
		if found := strings.Contains(fmt.Sprint(got["entry"]), id); found != want {
			t.Errorf("%s: %v", query, found)
		}
	}
	// Forms of templates answer to the same parameters.
	derived := formID(t, h)
	title, _ := h.ask(t, "clinician", "GET", root+"/Questionnaire/"+derived, "").want(t, 200).resource(t)["title"].(string)
	if got := h.ask(t, "clinician", "GET", root+"/Questionnaire?_count=50&title="+url.QueryEscape(title), "").want(t, 200); title == "" || !strings.Contains(got.text, derived) {
		t.Errorf("title %q of a template: %v", title, got.resource(t)["total"])
	}
	h.ask(t, "clinician", "GET", root+"/Questionnaire?date=soon", "").want(t, 400)
	h.ask(t, "clinician", "GET", root+"/Questionnaire?colour=red", "", "Prefer", "handling=strict").want(t, 400)

	// The pages of both kinds are one list.
	seen, next := map[string]bool{}, root+"/Questionnaire?_count=5"
	total := 0.0
	for next != "" {
		page := h.ask(t, "clinician", "GET", next, "").want(t, 200).resource(t)
		total, _ = page["total"].(float64)
		for _, e := range page["entry"].([]any) {
			seen[at(e, "fullUrl").(string)] = true
		}
		next = ""
		for _, l := range page["link"].([]any) {
			if at(l, "relation") == "next" {
				u, err := url.Parse(at(l, "url").(string))
				if err != nil {
					t.Fatal(err)
				}
				next = u.RequestURI()
			}
		}
	}
	if float64(len(seen)) != total || total < 2 {
		t.Errorf("%d seen of %v", len(seen), total)
	}
	cut := h.ask(t, "clinician", "GET", root+"/Questionnaire?_summary=true&_id="+id, "").want(t, 200).resource(t)
	if at(cut, "entry", 0, "resource", "item") != nil || at(cut, "entry", 0, "resource", "title") == nil || !strings.Contains(fmt.Sprint(at(cut, "entry", 0, "resource", "meta", "tag")), "SUBSETTED") {
		t.Errorf("%v", cut)
	}
	one := h.ask(t, "clinician", "GET", root+"/Questionnaire/"+id+"?_elements=url", "").want(t, 200).resource(t)
	if one["title"] != nil || one["url"] == nil {
		t.Errorf("%v", one)
	}
}

func TestFormsOfTemplatesHaveAHistory(t *testing.T) {
	h := newHouse(t)
	id := formID(t, h)
	history := h.ask(t, "clinician", "GET", root+"/Questionnaire/"+id+"/_history", "").want(t, 200).resource(t)
	version, _ := at(history, "entry", 0, "resource", "version").(string)
	if history["total"] != 1.0 || version == "" {
		t.Fatalf("%v", history["total"])
	}
	h.ask(t, "clinician", "GET", root+"/Questionnaire/"+id+"/_history/"+version, "").want(t, 200)
	h.ask(t, "clinician", "GET", root+"/Questionnaire/"+id+"/_history/000000000000", "").want(t, 404)
	h.ask(t, "outsider", "GET", root+"/Questionnaire/unknown/_history", "").want(t, 404)
}

func TestValueSetsAreExpanded(t *testing.T) {
	h := newHouse(t)
	h.ask(t, "author", "PUT", root+"/CodeSystem/stars", `{"resourceType":"CodeSystem","id":"stars","url":"http://example.org/stars","status":"active","content":"complete",
		"concept":[{"code":"1","display":"One","concept":[{"code":"1h","display":"One and a half"}]},{"code":"2","display":"Two","designation":[{"language":"cy","value":"Dau"}]}]}`).want(t, 201)
	h.ask(t, "author", "PUT", root+"/ValueSet/rating", `{"resourceType":"ValueSet","id":"rating","url":"http://example.org/rating","status":"active","compose":{
		"include":[{"system":"http://example.org/stars"},{"system":"http://example.org/other","concept":[{"code":"x","display":"None"}]},{"valueSet":["http://openehr.org/id/openehr/null_flavours"]}],
		"exclude":[{"system":"http://example.org/stars","concept":[{"code":"1h"}]}]}}`).want(t, 201)
	at1 := root + "/ValueSet/rating/$expand"
	codes := func(v map[string]any) (out string) {
		list, _ := at(v, "expansion", "contains").([]any)
		for _, c := range list {
			out += fmt.Sprint(at(c, "code"), "=", at(c, "display"), " ")
		}
		return out
	}
	whole := h.ask(t, "clinician", "GET", at1, "").want(t, 200).resource(t)
	if !strings.HasPrefix(codes(whole), "1=One 2=Two x=None ") || at(whole, "expansion", "total").(float64) != 7 {
		t.Errorf("%s %v", codes(whole), at(whole, "expansion", "total"))
	}
	for name, tc := range map[string]struct{ query, body, want string }{
		"filter":   {"?filter=tw", `{"resourceType":"Parameters","parameter":[{"name":"filter","valueString":"tw"}]}`, "2=Two "},
		"page":     {"?count=1&offset=1", `{"resourceType":"Parameters","parameter":[{"name":"count","valueInteger":1},{"name":"offset","valueInteger":1}]}`, "2=Two "},
		"language": {"?displayLanguage=cy&filter=dau", `{"resourceType":"Parameters","parameter":[{"name":"displayLanguage","valueCode":"cy"},{"name":"filter","valueString":"dau"}]}`, "2=Dau "},
	} {
		if got := codes(h.ask(t, "clinician", "GET", at1+tc.query, "").want(t, 200).resource(t)); got != tc.want {
			t.Errorf("%s by GET: %s", name, got)
		}
		if got := codes(h.ask(t, "clinician", "POST", at1, tc.body).want(t, 200).resource(t)); got != tc.want {
			t.Errorf("%s by POST: %s", name, got)
		}
	}
	byURL := `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"http://example.org/rating"},{"name":"coding","valueCoding":{"system":"http://example.org/stars","code":"%s"}}]}`
	for code, want := range map[string]bool{"1": true, "1h": false} {
		if got := h.ask(t, "clinician", "POST", root+"/ValueSet/$validate-code", fmt.Sprintf(byURL, code)).want(t, 200).resource(t); at(got, "parameter", 0, "valueBoolean") != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	for target, status := range map[string]int{
		root + "/ValueSet/$expand?url=http://openehr.org/id/openehr/setting": 200, root + "/ValueSet/$expand?url=http://example.org/none": 404,
		root + "/ValueSet/$expand": 400, root + "/ValueSet/rating/$validate-code": 400,
		root + "/ValueSet/rating/$validate-code?code=x&system=http://example.org/other&display=None": 200,
	} {
		h.ask(t, "clinician", "GET", target, "").want(t, status)
	}
	// What needs a terminology server says so, and where.
	filtered := `{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"system":"http://snomed.info/sct","filter":[{"property":"concept","op":"is-a","value":"73211009"}]}]}}}]}`
	if got := h.ask(t, "clinician", "POST", root+"/ValueSet/$expand", filtered).want(t, 422).resource(t); at(got, "issue", 0, "expression", 0) != "ValueSet.compose.include.filter" {
		t.Errorf("%v", got)
	}
	for query, want := range map[string]float64{"reference=http://example.org/stars": 1, "url=http://example.org/rating": 1, "status=active": 1, "status=draft": 0, "date=2026": 0,
		"name=r": 0, "description=r": 0, "url=http://openehr.org/id/openehr/setting": 1} {
		if got := h.ask(t, "clinician", "GET", root+"/ValueSet?"+query, "").want(t, 200).resource(t); got["total"] != want {
			t.Errorf("%s: %v", query, got["total"])
		}
	}
	for query, want := range map[string]float64{"system=http://example.org/stars": 1, "code=1h": 1, "code=7": 0} {
		if got := h.ask(t, "clinician", "GET", root+"/CodeSystem?"+query, "").want(t, 200).resource(t); got["total"] != want {
			t.Errorf("%s: %v", query, got["total"])
		}
	}
}
