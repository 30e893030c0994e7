package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	sourceURL = "https://quire-cdr.org/fhir/StructureDefinition/populate-source"
	pathURL   = "https://quire-cdr.org/fhir/StructureDefinition/openehr-path"
)

var (
	entryPath = regexp.MustCompile(`\[(openEHR-EHR-(?:OBSERVATION|EVALUATION|INSTRUCTION|ACTION|ADMIN_ENTRY)\.[\w-]+\.v\d+)[^\]]*\](.*)$`)
	names     = regexp.MustCompile(`(?: and |, ?)[^\]]*\]`)
)

// fact is what a question asks or an entry says: an archetype and the path in it.
func fact(path string) string {
	m := entryPath.FindStringSubmatch(path)
	if m == nil {
		return ""
	}
	return m[1] + names.ReplaceAllString(m[2], "]")
}

// stated collects the facts of a composition.
func stated(v any, path string, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if v["_type"] == "ELEMENT" && v["value"] != nil {
			out[fact(path)] = true
		}
		for name, child := range v {
			at := path + "/" + name
			if one, ok := child.(map[string]any); ok {
				if id, ok := one["archetype_node_id"].(string); ok {
					at += "[" + id + "]"
				}
			}
			stated(child, at, out)
		}
	case []any:
		for _, child := range v {
			id, _ := at(child, "archetype_node_id").(string)
			if id != "" {
				stated(child, path+"["+id+"]", out)
			}
		}
	}
}

// shifted is an example moved so that its measurements are of a time, with edits.
func shifted(t *testing.T, name string, when time.Time, edit func(m map[string]any)) []byte {
	t.Helper()
	text := regexp.MustCompile(`"20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)"`).ReplaceAll(example(t, name), []byte(`"`+when.UTC().Format("2006-01-02T15:04:05Z")+`"`))
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(m)
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pulseOf sets the pulse rate, and who the entry is about.
func pulseOf(rate float64, subject map[string]any) func(m map[string]any) {
	return func(m map[string]any) {
		for _, e := range m["content"].([]any) {
			entry := e.(map[string]any)
			if subject != nil {
				entry["subject"] = subject
			}
			if strings.Contains(entry["archetype_node_id"].(string), "pulse.v2") {
				at(entry, "data", "events", 0, "data", "items", 0, "value").(map[string]any)["magnitude"] = rate
			}
		}
	}
}

// TestJourney: five forms for one person whose record holds decoys. What is
// filled is what the record says of this person now, each answer with its source
// and time; the share of the questions whose fact is in the record is printed.
func TestJourney(t *testing.T) {
	s := running(t)
	ehr, other := newEHR(t, s), newEHR(t, s)
	now := time.Now()
	store := func(to string, body []byte, headers ...string) string {
		t.Helper()
		return s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+to+"/composition", body, headers...).want(t, 201).uid(t)
	}
	// The record, and when each of its compositions was true.
	measured := now.Add(-time.Hour).UTC().Truncate(time.Second)
	known, recorded := map[string]time.Time{}, map[string]bool{}
	for name, when := range map[string]time.Time{
		"vital_signs_full": measured, "problem_list_full": now.AddDate(0, -2, 0), "allergies_full": now.AddDate(0, -2, 0),
		"medication_list_full": now.AddDate(0, -1, 0), "growth_school_child": now.Add(-48 * time.Hour),
	} {
		body := shifted(t, name, when, nil)
		if strings.HasSuffix(name, "_list_full") || name == "allergies_full" {
			// A list has no start: it is of when it was committed.
			when = now
		}
		known[store(ehr, body)] = when
		var m any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		stated(m, "", recorded)
	}
	// The decoys: each newer than the truth.
	decoy := func(rate float64, when time.Time, subject map[string]any) []byte {
		return shifted(t, "vital_signs_full", when, pulseOf(rate, subject))
	}
	fetus := map[string]any{"_type": "PARTY_RELATED", "relationship": map[string]any{"_type": "DV_CODED_TEXT", "value": "fetus",
		"defining_code": map[string]any{"_type": "CODE_PHRASE", "terminology_id": map[string]any{"_type": "TERMINOLOGY_ID", "value": "openehr"}, "code_string": "10"}}}
	decoys := map[string]string{}
	decoys["fetal"] = store(ehr, decoy(140, now.Add(-10*time.Minute), map[string]any{"_type": "PARTY_RELATED", "relationship": fetus["relationship"], "name": "Fetus"}))
	decoys["future"] = store(ehr, decoy(141, now.AddDate(36, 0, 0), nil))
	decoys["draft"] = store(ehr, decoy(142, now.Add(-9*time.Minute), nil), "openehr-version", `lifecycle_state.code_string="553"`)
	decoys["deleted"] = store(ehr, decoy(143, now.Add(-8*time.Minute), nil))
	s.call(t, "clinician", "DELETE", s.OpenEHR+"/ehr/"+ehr+"/composition/"+decoys["deleted"], nil).want(t, 204)
	decoys["other person"] = store(other, decoy(145, now.Add(-7*time.Minute), nil))
	decoys["old"] = store(ehr, decoy(146, now.AddDate(0, -6, 0), nil))
	decoys["sealed"] = store(ehr, decoy(147, now.Add(-6*time.Minute), nil))
	object, _, _ := strings.Cut(decoys["sealed"], "::")
	reason := []byte(`{"reason":"patient-asked"}`)
	s.call(t, "admin", "PUT", s.BaseURL+"/access/v1/labels/journey-sealed", reason).want(t, 200)
	s.call(t, "admin", "PUT", s.BaseURL+"/access/v1/ehr/"+ehr+"/composition/"+object+"/labels/journey-sealed", reason).want(t, 204)
	s.call(t, "clinician", "GET", s.OpenEHR+"/ehr/"+ehr+"/composition/"+decoys["sealed"], nil).want(t, 404)
	decoys["other unit"] = store(ehr, pounds(t, s, now.Add(-24*time.Hour)))
	known[decoys["other unit"]] = now.Add(-24 * time.Hour)

	asked, given, wrong, stale, bare := 0, 0, 0, 0, 0
	for _, template := range []string{"Referral.v1", "Virtual ward day.v1", "Discharge summary.v1", "Vital signs observations.v1", "Growth measurements.v1"} {
		found := s.call(t, "clinician", "GET", s.FHIR+"/Questionnaire?openehr-template="+url.QueryEscape(template), nil).want(t, 200).json(t)
		questionnaire := at(found, "entry", 0, "resource")
		id := at(questionnaire, "id").(string)
		body := `{"resourceType":"Parameters","parameter":[{"name":"subject","valueReference":{"reference":"Patient/` + ehr + `"}}]}`
		answer := s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/"+id+"/$populate", []byte(body)).want(t, 200).json(t)
		response := at(answer, "parameter", 0, "resource")
		if at(answer, "parameter", 1, "name") != "issues" {
			t.Errorf("%s: it is not said what was not filled", template)
		}
		questions := map[string]string{}
		var read func(items any)
		read = func(items any) {
			list, _ := items.([]any)
			for _, i := range list {
				extensions, _ := at(i, "extension").([]any)
				for _, e := range extensions {
					if path, _ := at(e, "valueString").(string); at(e, "url") == pathURL && recorded[fact(path)] && fact(path) != "" {
						questions[at(i, "linkId").(string)] = fact(path)
					}
				}
				read(at(i, "item"))
			}
		}
		read(at(questionnaire, "item"))
		filled := map[string]bool{}
		var check func(items any, above []string)
		check = func(items any, above []string) {
			list, _ := items.([]any)
			for _, i := range list {
				chain := append(append([]string(nil), above...), at(i, "linkId").(string))
				answers, _ := at(i, "answer").([]any)
				for _, a := range answers {
					if strings.HasPrefix(chain[len(chain)-1], "_") || strings.HasSuffix(chain[len(chain)-1], "/_key") {
						continue
					}
					for _, id := range chain {
						filled[id] = true
					}
					cited := map[string]string{}
					parts, _ := at(a, "extension", 0, "extension").([]any)
					for _, p := range parts {
						cited[fmt.Sprint(at(p, "url"))], _ = at(p, "valueString").(string)
						if when, ok := at(p, "valueDateTime").(string); ok {
							cited["time"] = when
						}
					}
					when, err := time.Parse(time.RFC3339, cited["time"])
					of, right := known[cited["version"]]
					switch {
					case at(a, "extension", 0, "url") != sourceURL || cited["path"] == "" || err != nil && len(cited["time"]) < 10:
						bare++
						t.Errorf("%s: %s has no source or time: %v", template, chain, a)
					case !right:
						wrong++
						for name, version := range decoys {
							if version == cited["version"] {
								t.Errorf("%s: %s is filled from the %s decoy", template, chain, name)
							}
						}
					case err == nil && when.Sub(of).Abs() > 5*time.Minute:
						stale++
						t.Errorf("%s: %s says %s and is of %s", template, chain, when, of)
					}
				}
				check(at(i, "item"), chain)
			}
		}
		check(at(response, "item"), nil)
		n := 0
		for linkID := range questions {
			if filled[linkID] {
				n++
			}
		}
		t.Logf("%-30s %3d of %3d questions whose fact is recorded are filled", template, n, len(questions))
		asked, given = asked+len(questions), given+n
		text, err := json.Marshal(response)
		if err != nil {
			t.Fatal(err)
		}
		// What was filled is taken back as it came: a draft with links to its sources.
		s.call(t, "clinician", "POST", s.FHIR+"/Questionnaire/$process-response?ehr="+ehr, text).want(t, 200)
		if of, err := json.Marshal(response); err == nil && strings.Contains(string(of), `"value":145`) {
			t.Errorf("%s holds another person's pulse", template)
		}
	}
	t.Logf("in all %d of %d (%d %%); %d wrong, %d stale, %d without source or time", given, asked, 100*given/max(asked, 1), wrong, stale, bare)
	if wrong+stale+bare > 0 || 100*given < 60*asked {
		t.Errorf("the target is 60 %% and 0 wrong, 0 stale, 0 without source")
	}
}

// pounds stores a weight in another unit, through a template that allows it.
func pounds(t *testing.T, s *target, when time.Time) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "templates", "opt", "growth_measurements.v1.opt"))
	if err != nil {
		t.Fatal(err)
	}
	opt := strings.ReplaceAll(strings.ReplaceAll(string(text), "Growth measurements.v1", "Growth in pounds.v1"), "<units>kg</units>", "<units>[lb_av]</units>")
	s.call(t, "formbuilder", "POST", s.OpenEHR+"/definition/template/adl1.4", []byte(opt), "Content-Type", "application/xml").want(t, 201, 409)
	return shifted(t, "growth_school_child", when, func(m map[string]any) {
		at(m, "archetype_details", "template_id").(map[string]any)["value"] = "Growth in pounds.v1"
		for _, e := range m["content"].([]any) {
			if strings.Contains(at(e, "archetype_node_id").(string), "body_weight") {
				q := at(e, "data", "events", 0, "data", "items", 0, "value").(map[string]any)
				q["units"], q["magnitude"] = "[lb_av]", 70.0
			}
		}
	})
}
