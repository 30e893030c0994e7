package extract_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc/extract"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

func mappings(t testing.TB) extract.Mappings {
	t.Helper()
	m, err := extract.ReadMappings(archetypes.FHIR, "fhir")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compiled(t testing.TB, name string) *template.Compiled {
	t.Helper()
	text, err := templates.FS.ReadFile("opt/" + name + ".v1.opt")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := template.Compile(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tree(t testing.TB, text string) *rm.Tree {
	t.Helper()
	tr, err := canon.ReadJSON([]byte(text), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func example(t testing.TB, name string) string {
	t.Helper()
	text, err := templates.FS.ReadFile("examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func facts() extract.Facts {
	return extract.Facts{
		VersionUID: "8849182c-82ad-4088-a07f-48ead4180515::test.quire::1", Object: "8849182c-82ad-4088-a07f-48ead4180515", Lifecycle: "532",
		Subject:  fhir.Reference{Type: "Patient", Identifier: &fhir.Identifier{System: "https://fhir.nhs.uk/Id/nhs-number", Value: "9990000018"}},
		Recorded: "2026-03-10T10:30:00Z",
	}
}

func bundle(t testing.TB, r extract.Result) string {
	t.Helper()
	text, err := json.MarshalIndent(r.Bundle, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What each kind of document comes to, whole.
func TestGolden(t *testing.T) {
	for _, c := range []struct{ template, example string }{
		{"vital_signs_observations", "vital_signs_full"}, {"problem_list", "problem_list_full"}, {"allergies", "allergies_full"},
		{"medication_list", "medication_list_full"}, {"genomic_test_order", "genomic_order_predictive"}, {"genomic_test_report", "genomic_report_variant_found"},
		{"discharge_summary", "discharge_summary_full"}, {"referral", "referral_full"},
	} {
		t.Run(c.example, func(t *testing.T) {
			r := extract.Extract(tree(t, example(t, c.example)), compiled(t, c.template), mappings(t), facts())
			got := bundle(t, r)
			for _, refused := range r.Refusals {
				got += "\n// refused " + refused.Reason + " " + refused.AQLPath
			}
			file := filepath.Join("testdata", c.example+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got+"\n" != string(want) {
				t.Errorf("differs from %s:\n%s", file, got)
			}
			if again := bundle(t, extract.Extract(tree(t, example(t, c.example)), compiled(t, c.template), mappings(t), facts())); again != bundle(t, r) {
				t.Error("a second extraction of the same version differs")
			}
			seen := map[string]bool{}
			for _, e := range r.Bundle.Entry {
				if seen[e.Request.URL] {
					t.Errorf("two entries for %s", e.Request.URL)
				}
				seen[e.Request.URL] = true
			}
		})
	}
}

func TestGoneStatementsAreDeleted(t *testing.T) {
	full := example(t, "problem_list_full")
	f := facts()
	f.Before = tree(t, full)
	now := tree(t, full)
	content := now.Resolve(now.Root(), "/content[openEHR-EHR-EVALUATION.problem_diagnosis.v1]")
	shorter, err := now.Splice(rm.Edit{At: content[len(content)-1]})
	if err != nil {
		t.Fatal(err)
	}
	r := extract.Extract(shorter, compiled(t, "problem_list"), mappings(t), f)
	deleted := 0
	for _, e := range r.Bundle.Entry {
		if e.Request.Method == "DELETE" {
			deleted++
		}
	}
	if deleted != 1 || len(r.Bundle.Entry) != len(content)+1 {
		t.Errorf("%d deleted of %d entries", deleted, len(r.Bundle.Entry))
	}
}

// Twenty statements that must never become positive ones (DESIGN 5a rule 14).
func TestNegatives(t *testing.T) {
	const selfSubject, other = `"subject": {"_type": "PARTY_SELF"}`, `"subject": {"_type": "PARTY_RELATED", "relationship": {"_type": "DV_CODED_TEXT", "value": "mother", "defining_code": {"_type": "CODE_PHRASE", "terminology_id": {"_type": "TERMINOLOGY_ID", "value": "openehr"}, "code_string": "10"}}}`
	squeeze := func(text string) string {
		var out bytes.Buffer
		if err := json.Compact(&out, []byte(text)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	swap := func(pairs ...string) func(string) string {
		return func(text string) string {
			text = squeeze(text)
			for i := 0; i < len(pairs); i += 2 {
				from, to := strings.ReplaceAll(pairs[i], ": ", ":"), strings.ReplaceAll(pairs[i+1], ": ", ":")
				from, to = strings.ReplaceAll(from, ", ", ","), strings.ReplaceAll(to, ", ", ",")
				if !strings.Contains(text, from) {
					t.Fatalf("the example has no %s", from)
				}
				text = strings.ReplaceAll(text, from, to)
			}
			return text
		}
	}
	same := func(text string) string { return text }
	procedure := func(state, step string) func(string) string {
		return func(text string) string { return actionWith(t, text, state, step) }
	}
	for _, c := range []struct {
		name, template, example string
		edit                    func(string) string
		lifecycle               string
		// refused is the reason of a refusal there must be; where is what must be true
		// of the resources, none what must not occur in them.
		refused string
		where   func(b gjson.Result) bool
		none    string
	}{
		{"no known allergy", "allergies", "allergies_none_known", same, "532", "exclusion", nil, "AllergyIntolerance"},
		{"allergies not known", "allergies", "allergies_not_known", same, "532", "absence", nil, "AllergyIntolerance"},
		{"no known problem", "problem_list", "problem_list_none_known", same, "532", "exclusion", nil, `"Condition"`},
		{"problems not known", "problem_list", "problem_list_not_known", same, "532", "absence", nil, "not known"},
		{"no medication taken", "medication_list", "medication_list_none_taken", same, "532", "exclusion", nil, "MedicationStatement"},
		{"a relative's problem", "problem_list", "problem_list_full", swap(selfSubject, other), "532", "not-the-person", nil, `"Condition"`},
		{"a relative's allergy", "allergies", "allergies_full", swap(selfSubject, other), "532", "not-the-person", nil, "AllergyIntolerance"},
		{"the fetus's pulse", "vital_signs_observations", "vital_signs_full", swap(selfSubject, other), "532", "not-the-person", nil, `"Observation"`},
		{"family history in an order", "genomic_test_order", "genomic_order_tumour", withFamily(t), "532", "relative", nil, `"Condition"`},
		{"a draft", "problem_list", "problem_list_full", same, "553", "draft", nil, `"Condition"`},
		{"a deleted version", "problem_list", "problem_list_full", same, "523", "draft", nil, `"Condition"`},
		{"an abandoned version", "problem_list", "problem_list_full", same, "801", "draft", nil, `"Condition"`},
		{"a refuted allergy", "allergies", "allergies_full", same, "532", "", every("AllergyIntolerance", "Egg", "verificationStatus.coding.0.code", "refuted"), ""},
		{"an unconfirmed allergy", "allergies", "allergies_full", same, "532", "", every("AllergyIntolerance", "Latex", "verificationStatus.coding.0.code", "unconfirmed"), ""},
		{"a suspected problem", "problem_list", "problem_list_full", swap(`"code_string": "at0076"`, `"code_string": "at0074"`, `"value": "Confirmed"`, `"value": "Suspected"`), "532", "", every("Condition", "Type 2 diabetes mellitus", "verificationStatus.coding.0.code", "provisional"), `"code": "confirmed"`},
		{"a certainty nobody knows", "problem_list", "problem_list_full", swap(`"code_string": "at0076"`, `"code_string": "at0999"`), "532", "unmapped-code", nil, "Type 2 diabetes mellitus"},
		{"a resolved problem", "problem_list", "problem_list_full", same, "532", "", every("Condition", "Depressive disorder", "clinicalStatus.coding.0.code", "resolved"), ""},
		{"a cancelled procedure", "discharge_summary", "discharge_summary_full", procedure("528", "cancelled"), "532", "", every("Procedure", "", "status", "not-done"), ""},
		{"a planned procedure", "discharge_summary", "discharge_summary_full", procedure("526", "planned"), "532", "", every("Procedure", "", "status", "preparation"), ""},
		{"an expired act", "discharge_summary", "discharge_summary_full", procedure("533", "expired"), "532", "state", nil, `"Procedure"`},
		{"a stopped medicine", "discharge_summary", "discharge_summary_full", same, "532", "", every("MedicationStatement", "Naproxen 250 mg tablets", "status", "stopped"), ""},
		{"a paused medicine", "discharge_summary", "discharge_summary_full", same, "532", "", every("MedicationStatement", "Ramipril 5 mg capsules", "status", "on-hold"), ""},
		{"an unknown pulse", "vital_signs_observations", "vital_signs_full", unknownPulse(t), "532", "", every("Observation", "", "dataAbsentReason.coding.0.code", "unknown"), ""},
		{"an order that was cancelled", "genomic_test_order", "genomic_order_predictive", procedure("528", "cancelled"), "532", "", every("ServiceRequest", "", "status", "revoked"), ""},
		{"a failed test", "genomic_test_report", "genomic_report_failed_specimen", same, "532", "", nil, "Cause found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.edit(example(t, c.example))
			f := facts()
			f.Lifecycle = c.lifecycle
			r := extract.Extract(tree(t, text), compiled(t, c.template), mappings(t), f)
			got := bundle(t, r)
			if c.none != "" && strings.Contains(got, c.none) {
				t.Errorf("the bundle holds %s", c.none)
			}
			if c.where != nil && !c.where(gjson.Parse(got)) {
				t.Errorf("the resource is not there as it must be:\n%s", got)
			}
			found := c.refused == ""
			for _, refused := range r.Refusals {
				found = found || refused.Reason == c.refused && refused.AQLPath != "" && refused.Message != ""
			}
			if !found {
				t.Errorf("no refusal %s in %+v", c.refused, r.Refusals)
			}
		})
	}
}

// every says that there is a resource of a type with a text, and that all such have
// a value at a path.
func every(resource, text, path, want string) func(gjson.Result) bool {
	return func(b gjson.Result) bool {
		found, good := false, true
		for _, e := range b.Get("entry").Array() {
			one := e.Get("resource")
			if one.Get("resourceType").String() != resource || text != "" && !strings.Contains(one.Raw, text) {
				continue
			}
			if text == "" && !one.Get(path).Exists() && resource == "Observation" {
				continue
			}
			found = true
			good = good && one.Get(path).String() == want
		}
		return found && good
	}
}

// actionWith gives every act of the document another state.
func actionWith(t *testing.T, text, code, word string) string {
	tr := tree(t, text)
	var edits []rm.Edit
	for n := 0; n < tr.Len(); n++ {
		id := rm.ID(n)
		if tr.Class(id) != rminfo.ISM_TRANSITION {
			continue
		}
		new, err := canon.ReadJSON([]byte(`{"_type":"ISM_TRANSITION","current_state":{"_type":"DV_CODED_TEXT","value":"`+word+`","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"`+code+`"}}}`), rminfo.ISM_TRANSITION, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, rm.Edit{At: id, New: new})
	}
	if len(edits) == 0 {
		t.Fatal("the example has no act")
	}
	out, err := tr.Splice(edits...)
	if err != nil {
		t.Fatal(err)
	}
	return string(canon.WriteJSON(nil, out, out.Root()))
}

// withFamily puts a family history beside the order.
func withFamily(t *testing.T) func(string) string {
	return func(text string) string {
		if strings.Contains(text, "EVALUATION.family_history.v2") {
			return text
		}
		const history = `{"_type":"EVALUATION","name":{"_type":"DV_TEXT","value":"Family history"},"archetype_node_id":"openEHR-EHR-EVALUATION.family_history.v2","archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-EHR-EVALUATION.family_history.v2"},"rm_version":"1.0.4"},"language":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"ISO_639-1"},"code_string":"en"},"encoding":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"IANA_character-sets"},"code_string":"UTF-8"},"subject":{"_type":"PARTY_SELF"},"data":{"_type":"ITEM_TREE","name":{"_type":"DV_TEXT","value":"Tree"},"archetype_node_id":"at0001","items":[{"_type":"ELEMENT","name":{"_type":"DV_TEXT","value":"Summary"},"archetype_node_id":"at0002","value":{"_type":"DV_TEXT","value":"Mother had cancer of the breast"}}]}}`
		var doc map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		var content []json.RawMessage
		if err := json.Unmarshal(doc["content"], &content); err != nil {
			t.Fatal(err)
		}
		content = append(content, json.RawMessage(history))
		doc["content"], _ = json.Marshal(content)
		out, _ := json.Marshal(doc)
		return string(out)
	}
}

// unknownPulse says of the pulse that it is not known.
func unknownPulse(t *testing.T) func(string) string {
	return func(text string) string {
		tr := tree(t, text)
		at := tr.Resolve(tr.Root(), "/content[openEHR-EHR-OBSERVATION.pulse.v2]/data[at0002]/events[at0003]/data[at0001]/items[at0004]/value")
		if len(at) == 0 {
			for n := 0; n < tr.Len(); n++ {
				id := rm.ID(n)
				if tr.ArchetypeNodeID(id) == "openEHR-EHR-OBSERVATION.pulse.v2" {
					at = tr.Resolve(id, "/data[at0002]/events[at0003]/data[at0001]/items[at0004]/value")
				}
			}
		}
		if len(at) == 0 {
			t.Fatal("the example has no pulse")
		}
		null, err := canon.ReadJSON([]byte(`{"_type":"DV_CODED_TEXT","value":"unknown","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"253"}}`), rminfo.DV_CODED_TEXT, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := tr.Splice(rm.Edit{At: at[0]}, rm.Edit{At: tr.Parent(at[0]), Into: true, Attr: rminfo.A_null_flavour, New: null})
		if err != nil {
			t.Fatal(err)
		}
		return string(canon.WriteJSON(nil, out, out.Root()))
	}
}

func FuzzReadMapping(f *testing.F) {
	entries, err := archetypes.FHIR.ReadDir("fhir")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		text, err := archetypes.FHIR.ReadFile("fhir/" + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	source := tree(f, example(f, "problem_list_full"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if m, err := extract.ReadMapping(text); err == nil {
			extract.Extract(source, nil, extract.Mappings{"openEHR-EHR-EVALUATION.problem_diagnosis.v1": m}, facts())
		}
	})
}
