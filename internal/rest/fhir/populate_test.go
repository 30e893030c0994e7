package fhir_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/templates"
)

// recent stores an example whose measurements were made just now, as somebody.
func (h *house) recent(t testing.TB, ehr, name string, ago time.Duration, change ...string) cdr.Document {
	t.Helper()
	text, err := templates.FS.ReadFile("examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	for n := 8; n < 10; n++ {
		for _, minute := range []string{"10", "15"} {
			text = []byte(strings.ReplaceAll(string(text), "2026-03-02T0"+string(rune('0'+n))+":"+minute+":00Z", time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05Z")))
		}
	}
	edited := strings.NewReplacer(change...).Replace(string(text))
	d, err := h.service.CreateComposition(context.Background(), callers["clinician"], ehr, cdr.Content{JSON: []byte(edited)}, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPopulateShowsNothingElse: a form is filled from what the caller may see,
// and says that there may be more; every version that fills it is audited.
func TestPopulateShowsNothingElse(t *testing.T) {
	h := newHouse(t)
	ehr := h.ehr(t)
	source := h.recent(t, ehr, "vital_signs_full", time.Hour)
	day := h.form(t, "Virtual ward day.v1")
	body := `{"resourceType":"Parameters","parameter":[{"name":"canonical","valueCanonical":"http://example.org/Questionnaire/` + day + `"},{"name":"subject","valueReference":{"reference":"Patient/` + ehr + `"}}]}`
	full := h.ask(t, "clinician", "POST", root+"/Questionnaire/$populate", body).want(t, 200)
	if !strings.Contains(full.text, source.VersionUID) || !strings.Contains(full.text, `"not-reused"`) || full.header.Get("Quire-Disclosure") == "" {
		t.Errorf("%s %.300s", full.header, full.text)
	}
	seen := 0
	h.audit.Lock()
	for _, e := range h.audit.events {
		if e.EHR == ehr && e.Object == source.VersionUID && e.Basis == "populate" && e.Action == "R" {
			seen++
		}
	}
	h.audit.Unlock()
	if seen != 1 {
		t.Errorf("the source was audited %d times", seen)
	}
	// Sealed to the reader: the vital signs of the one template.
	who := h.people["user:reader"]
	sealed := *who
	family := source.Template
	sealed.Templates = nil
	for _, one := range templates.All() {
		if stored, err := h.service.Template(context.Background(), callers["clinician"], one.ID); err == nil && one.ID != family {
			sealed.Templates = append(sealed.Templates, stored.Family)
		}
	}
	h.people["user:reader"] = &sealed
	less := h.ask(t, "reader", "POST", root+"/Questionnaire/$populate", body).want(t, 200)
	if strings.Contains(less.text, source.VersionUID) || !strings.Contains(less.text, `"may-be-withheld"`) || less.header.Get("Quire-Disclosure") != "may-be-withheld" {
		t.Errorf("what is sealed is shown, or not said: %.300s", less.text)
	}
	h.ask(t, "outsider", "POST", root+"/Questionnaire/$populate", body).want(t, 404)
	h.ask(t, "clinician", "POST", root+"/Questionnaire/$populate?ehr="+ehr, "").want(t, 400)
}

// TestPopulateAnAuthoredForm: expressions, an observation link and AQL, over HTTP.
func TestPopulateAnAuthoredForm(t *testing.T) {
	h := newHouse(t)
	ehr := h.ehr(t)
	h.recent(t, ehr, "vital_signs_full", time.Hour)
	q := `{"resourceType":"Questionnaire","status":"draft","item":[
	 {"linkId":"id","type":"string","extension":[{"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-initialExpression","valueExpression":{"language":"text/fhirpath","expression":"%patient.id"}}]},
	 {"linkId":"aql","type":"decimal","extension":[{"url":"https://quire-cdr.org/fhir/StructureDefinition/openehr-initialAql","valueString":"SELECT o/data[at0002]/events[at0003]/data[at0001]/items[at0004]/value/magnitude FROM EHR e CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.pulse.v2]"}]}]}`
	body := `{"resourceType":"Parameters","parameter":[{"name":"questionnaire","resource":` + q + `},{"name":"subject","valueReference":{"reference":"Patient/` + ehr + `"}}]}`
	got := h.ask(t, "clinician", "POST", root+"/Questionnaire/$populate", body).want(t, 200)
	if !strings.Contains(got.text, `"valueString":"`+ehr+`"`) || !strings.Contains(got.text, `"valueDecimal":`) {
		t.Errorf("%s", got.text)
	}
	same := h.ask(t, "clinician", "POST", root+"/Questionnaire/$assemble", q).want(t, 200)
	if !strings.Contains(same.text, `"linkId":"aql"`) {
		t.Errorf("%s", same.text)
	}
	h.ask(t, "clinician", "POST", root+"/Questionnaire/$assemble", strings.Replace(q, `"item":[`, `"item":[{"linkId":"p","type":"display","extension":[{"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-subQuestionnaire","valueCanonical":"http://example.org/none"}]},`, 1)).want(t, 422)
}

// form is the id of a template's form.
func (h *house) form(t testing.TB, templateID string) string {
	t.Helper()
	found := h.ask(t, "clinician", "GET", root+"/Questionnaire?openehr-template="+strings.ReplaceAll(templateID, " ", "%20"), "").want(t, 200).resource(t)
	return at(found, "entry", 0, "resource", "id").(string)
}

// BenchmarkPopulate fills a form from a record of many compositions; the cost is
// that of sorting what holds the archetypes, and of reading the newest.
func BenchmarkPopulate(b *testing.B) {
	h := newHouse(b)
	ehr := h.ehr(b)
	day := h.form(b, "Virtual ward day.v1")
	stored := 0
	for _, size := range []int{10, 100, 1000} {
		for ; stored < size; stored++ {
			h.recent(b, ehr, "vital_signs_full", time.Hour+time.Duration(stored)*time.Minute)
		}
		b.Run(fmt.Sprintf("%d_compositions", size), func(b *testing.B) {
			for b.Loop() {
				h.ask(b, "clinician", "POST", root+"/Questionnaire/"+day+"/$populate?ehr="+ehr, "").want(b, 200)
			}
		})
	}
}
