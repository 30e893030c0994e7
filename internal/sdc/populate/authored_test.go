package populate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

const sdcBase = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"

func expression(url, name, language, text string) string {
	out, _ := json.Marshal(map[string]any{"url": url, "valueExpression": map[string]string{"name": name, "language": language, "expression": text}})
	return string(out)
}

func initial(text string) string {
	return expression(sdcBase+"initialExpression", "", "text/fhirpath", text)
}

func TestAuthored(t *testing.T) {
	q := `{"resourceType":"Questionnaire","url":"http://example.org/q","version":"1","status":"draft","extension":[` +
		expression("http://hl7.org/fhir/StructureDefinition/variable", "names", "text/fhirpath", "%patient.name") + `,` +
		expression("http://hl7.org/fhir/StructureDefinition/variable", "past", "application/x-fhir-query", "QuestionnaireResponse?subject=Patient/{{%patient.id}}") + `],
	"item":[
	 {"linkId":"family","type":"string","extension":[` + initial("%names.first().family") + `]},
	 {"linkId":"born","type":"date","extension":[` + initial("%patient.birthDate") + `]},
	 {"linkId":"age","type":"integer","extension":[` + initial("iif(%patient.birthDate <= today() - 65 years, 65, 0)") + `]},
	 {"linkId":"sex","type":"choice","answerOption":[{"valueCoding":{"system":"s","code":"female","display":"Female"}}],"extension":[` + initial("%patient.gender") + `]},
	 {"linkId":"none","type":"boolean","extension":[` + initial("%patient.deceased") + `]},
	 {"linkId":"wrong","type":"integer","extension":[` + initial("%patient.gender") + `]},
	 {"linkId":"broken","type":"integer","extension":[` + initial("1 +") + `]},
	 {"linkId":"fixed","type":"decimal","initial":[{"valueDecimal":1.50}]},
	 {"linkId":"given","type":"group","repeats":true,"extension":[` + expression(sdcBase+"itemPopulationContext", "one", "text/fhirpath", "%names.given") + `],"item":[
	   {"linkId":"given/name","type":"string","extension":[` + initial("%one") + `]}]},
	 {"linkId":"count","type":"integer","extension":[` + initial("%past.entry.count()") + `]},
	 {"linkId":"pulse","type":"quantity","code":[{"system":"http://loinc.org","code":"8867-4"}],"extension":[{"url":"` + sdcBase + `observationLinkPeriod","valueDuration":{"value":1,"code":"d"}}]},
	 {"linkId":"aql","type":"decimal","extension":[{"url":"` + populate.ExtInitialAQL + `","valueString":"SELECT 1 FROM EHR e"}]}]}`
	patient, err := fhirpath.Read([]byte(`{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1950-01-01","name":[{"family":"Example","given":["Ann","May"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	rate := fhir.Decimal("72")
	a := &populate.Authored{Now: now, Context: map[string]fhirpath.Value{"patient": patient},
		Fetch: func(query string) (fhirpath.Collection, bool, error) {
			if query != "QuestionnaireResponse?subject=Patient/p" {
				t.Errorf("asked %s", query)
			}
			v, err := fhirpath.Read([]byte(`{"resourceType":"Bundle","entry":[{},{}]}`))
			return fhirpath.Collection{v}, true, err
		},
		Observed: func(code fhir.Coding, since time.Time) (*populate.Observed, error) {
			if code.Code != "8867-4" || !since.Equal(now.AddDate(0, 0, -1)) {
				t.Errorf("asked for %s since %s", code.Code, since)
			}
			return &populate.Observed{Answer: fhir.Answer{ValueQuantity: &fhir.Quantity{Value: &rate, Unit: "/min"}}, Source: fhir.Extension{URL: populate.ExtSource}}, nil
		},
		AQL: func(string) (fhirpath.Collection, error) {
			v, err := fhirpath.Read([]byte(`12.5`))
			return fhirpath.Collection{v}, err
		}}
	r, notes, err := a.Fill([]byte(q))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var walk func(items []fhir.ResponseItem)
	walk = func(items []fhir.ResponseItem) {
		for _, i := range items {
			for _, one := range i.Answer {
				one.Extension = nil
				text, _ := json.Marshal(one)
				got[i.LinkID] += string(text)
			}
			walk(i.Item)
		}
	}
	walk(r.Item)
	for linkID, want := range map[string]string{
		"family": `{"valueString":"Example"}`, "born": `{"valueDate":"1950-01-01"}`, "age": `{"valueInteger":65}`,
		"sex": `{"valueCoding":{"system":"s","code":"female","display":"Female"}}`, "none": "", "wrong": "", "broken": "", "fixed": `{"valueDecimal":1.50}`,
		"given/name": `{"valueString":"Ann"}{"valueString":"May"}`, "count": `{"valueInteger":2}`,
		"pulse": `{"valueQuantity":{"value":72,"unit":"/min"}}`, "aql": `{"valueDecimal":12.5}`,
	} {
		if got[linkID] != want {
			t.Errorf("%s: %s, want %s", linkID, got[linkID], want)
		}
	}
	said := map[string]bool{}
	for _, n := range notes {
		said[n.LinkID] = true
	}
	if len(notes) != 2 || !said["wrong"] || !said["broken"] {
		t.Errorf("notes %+v", notes)
	}
	if r.Questionnaire != "http://example.org/q|1" || r.Status != "in-progress" {
		t.Errorf("%s %s", r.Questionnaire, r.Status)
	}
}

func TestAssemble(t *testing.T) {
	part := func(items, extensions string) string {
		return `{"resourceType":"Questionnaire","status":"draft","extension":[` + extensions + `],"item":[` + items + `]}`
	}
	sub := func(canonical, prefix string) string {
		more := ""
		if prefix != "" {
			more = `,` + expression("http://hl7.org/fhir/StructureDefinition/variable", "linkIdPrefix", "text/fhirpath", "'"+prefix+"'")
		}
		return `{"linkId":"x-` + prefix + `","type":"display","extension":[{"url":"` + sdcBase + `subQuestionnaire","valueCanonical":"` + canonical + `"}` + more + `]}`
	}
	library := map[string]string{
		"a":      part(`{"linkId":"q","type":"boolean"},{"linkId":"r","type":"string","enableWhen":[{"question":"q","operator":"=","answerBoolean":true}]}`, expression("http://hl7.org/fhir/StructureDefinition/variable", "v", "text/fhirpath", "1")),
		"deep":   part(sub("a", "d."), ""),
		"circle": part(sub("circle", ""), ""),
	}
	find := func(canonical string) ([]byte, error) {
		if text, ok := library[canonical]; ok {
			return []byte(text), nil
		}
		return nil, fault.New(fault.NotFound, "none", "none")
	}
	made, _, err := populate.Assemble([]byte(part(`{"linkId":"g","type":"group","item":[`+sub("a", "one.")+`,`+sub("deep", "two.")+`]}`,
		`{"url":"`+sdcBase+`assemble-expectation","valueCode":"assemble-root"}`)), find)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"one.q"`, `"question":"one.q"`, `"two.d.r"`, `"question":"two.d.q"`, `assembledFrom","valueCanonical":"a"`} {
		if !strings.Contains(strings.ReplaceAll(string(made), `","url":"`, `|`), strings.Split(want, `","`)[0]) {
			t.Errorf("%s is missing in %s", want, made)
		}
	}
	if strings.Contains(string(made), "subQuestionnaire") || strings.Contains(string(made), "assemble-expectation") || strings.Count(string(made), `"name":"v"`) != 1 {
		t.Errorf("left over: %s", made)
	}
	for name, tc := range map[string]struct{ items, code string }{
		"unknown": {sub("none", ""), "assemble-part"}, "circle": {sub("circle", ""), "assemble-circle"},
		"twice": {sub("a", "") + "," + sub("a", ""), "assemble-linkid"},
	} {
		_, _, err := populate.Assemble([]byte(part(tc.items, "")), find)
		if err == nil || len(fault.Of(err).Issues) == 0 || fault.Of(err).Issues[0].Rule != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain := part(`{"linkId":"q","type":"boolean"}`, "")
	if same, _, err := populate.Assemble([]byte(plain), find); err != nil || string(same) != plain {
		t.Errorf("a form of one part: %s, %v", same, err)
	}
}

func TestPolicy(t *testing.T) {
	for _, tc := range []struct {
		archetype string
		class     rminfo.Class
		reused    bool
	}{
		{"openEHR-EHR-OBSERVATION.pulse.v2", rminfo.OBSERVATION, true},
		{"openEHR-EHR-OBSERVATION.news2.v1", rminfo.OBSERVATION, false},
		{"openEHR-EHR-EVALUATION.clinical_synopsis.v1", rminfo.EVALUATION, false},
		{"openEHR-EHR-EVALUATION.cpr_recommendation.v1", rminfo.EVALUATION, false},
		{"openEHR-EHR-EVALUATION.problem_diagnosis.v1", rminfo.EVALUATION, true},
		{"openEHR-EHR-EVALUATION.problem_diagnosis-local.v1", rminfo.EVALUATION, true},
		{"openEHR-EHR-EVALUATION.absence.v2", rminfo.EVALUATION, false},
		{"openEHR-EHR-INSTRUCTION.service_request.v1", rminfo.INSTRUCTION, false},
		{"openEHR-EHR-ACTION.procedure.v1", rminfo.ACTION, false},
	} {
		if got := populate.Default.For(tc.archetype, tc.class); (got.Window > 0) != tc.reused || got.Window == 0 && got.Why == "" {
			t.Errorf("%s: %+v", tc.archetype, got)
		}
	}
	p, err := populate.ParsePolicy([]string{"openEHR-EHR-OBSERVATION.body_weight=P30D", "openEHR-EHR-OBSERVATION.pulse=never"})
	if err != nil {
		t.Fatal(err)
	}
	if w := p.For("openEHR-EHR-OBSERVATION.body_weight.v2", rminfo.OBSERVATION).Window; w != 30*24*time.Hour {
		t.Errorf("the window is %s", w)
	}
	if w := p.For("openEHR-EHR-OBSERVATION.pulse.v2", rminfo.OBSERVATION).Window; w != 0 {
		t.Errorf("the window is %s", w)
	}
	for _, wrong := range []string{"x", "openEHR-EHR-EVALUATION.clinical_synopsis=P1D", "OBSERVATION=soon", "CLUSTER=P1D", "OBSERVATION=-P1D"} {
		if _, err := populate.ParsePolicy([]string{wrong}); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}
