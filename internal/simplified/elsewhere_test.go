package simplified_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/validate"
)

// roundTrip reads a document, validates it, and checks that what is written
// reads as the same composition in both formats.
func roundTrip(t *testing.T, tpl *simplified.Template, doc []byte, f simplified.Format) error {
	t.Helper()
	tree, err := tpl.Read(doc, f, now)
	if err != nil {
		return err
	}
	issues := validate.Check(tree, tpl.Web.Template, validate.Options{EHRbase: true})
	if validate.Refused(issues) {
		tpl.Explain(tree, issues)
		return fault.New(fault.Unprocessable, "validation", "the content is not valid").With(refusing(issues)...)
	}
	for _, loss := range losses(t, tpl, doc, f, tree) {
		t.Error("does not come back: ", loss)
	}
	for _, format := range [...]simplified.Format{simplified.Flat, simplified.Structured} {
		written, err := tpl.Write(tree, format)
		if err != nil {
			t.Fatal(err)
		}
		again, err := tpl.Read(written, format, now)
		if err != nil {
			t.Fatal(report(err))
		}
		if diff := append(missing(facts(tree), facts(again)), missing(facts(again), facts(tree))...); len(diff) > 0 {
			t.Errorf("format %d and back is another tree: %v", format, diff[:min(3, len(diff))])
		}
		if n := bytes.Count(written, []byte(`|raw"`)); n > 0 {
			t.Logf("%d nodes are written as canonical JSON", n)
		}
	}
	return nil
}

// refusals are the documents that say what their template cannot hold: each is
// refused with exactly these keys.
var refusals = []struct{ file, key, why string }{
	{"lab_results", "laboratory_test_report/", "the root of the template is laboratory_result_report"},
	{"procedures_1", "/procedure_notes", "the template has no procedure_notes"},
	{"procedures_2", "/procedure_notes", "the template has no procedure_notes"},
	{"procedures_4", "/procedure_notes", "the template has no procedure_notes"},
	{"FLAT_1.json", "nss_respect_form/context/status", "the key stands twice"},
	{"RESPECT_NSS-v0.json", "meta", "a web template and no composition"},
	{"import_template.json", "meta", "a web template and no composition"},
	{"Salford_Renal_PROMS_FLAT_1.json", "/most_affected_symptom|code", "the code is not in the template's list"},
	{"flat/ism_missing_transition.json", "/ism_transition", "state 528 and step at0109 are no transition of the template"},
	{"CHAQ/input-1.json", "/pain_score", "a unit without a magnitude is no quantity"},
	{"CHAQ/input-2.json", "/pain_score", "a unit without a magnitude is no quantity"},
	{"Cytology_Report/input-3.json", "cytology_report/laboratory_test_result", "the template demands what the form left empty"},
	{"HPV_Report/input-1.json", "/laboratory_test_analyte:0", "the template demands the name of the test"},
	{"JIA_Body_map/input-1.json", "/date_of_ophthalmology_examinations", "a date with a time is no date; the time is not dropped"},
	{"VBHC_CRC_Clinical_Outcomes_Follow-up/input-1.json", "/treatment_variables/surgery", "an action without its state: what was done is not for a server to say"},
	{"Nutrition_Order/input-2.json", "nutrition_order/territory", "SLO is no ISO 3166-1 code"},
}

// refusedByName says that a document was refused as its entry has it; one that has
// an entry and is accepted is an error of the list.
func refusedByName(t *testing.T, file string, err error) bool {
	t.Helper()
	for _, r := range refusals {
		if !strings.Contains(file, r.file) {
			continue
		}
		if err == nil {
			t.Errorf("%s is on the list of refusals and is accepted", r.file)
			return false
		}
		for _, i := range fault.Of(err).Issues {
			if strings.Contains(i.FlatKey, r.key) {
				return true
			}
		}
	}
	return false
}

func refusing(issues []fault.Issue) []fault.Issue {
	var out []fault.Issue
	for _, i := range issues {
		if !i.Warning {
			out = append(out, i)
		}
	}
	return out
}

func TestFixturesElsewhere(t *testing.T) {
	root := fixtures(t, "openehr")
	byID := map[string]*simplified.Template{}
	opts, _ := filepath.Glob(filepath.Join(root, "opt", "*.opt"))
	for _, path := range opts {
		tpl := compile(t, path)
		byID[tpl.Web.Template.TemplateID] = tpl
	}
	var manifest []struct {
		File       string `json:"file"`
		TemplateID string `json:"template_id"`
		Status     int    `json:"expected_status"`
	}
	text, err := os.ReadFile(filepath.Join(root, "compositions", "manifest.json"))
	if err != nil || json.Unmarshal(text, &manifest) != nil {
		t.Fatal("manifest: ", err)
	}
	accepted, refused, byName := 0, 0, 0
	for _, entry := range manifest {
		format := simplified.Flat
		if strings.HasPrefix(entry.File, "structured/") {
			format = simplified.Structured
		} else if !strings.HasPrefix(entry.File, "flat/") {
			continue
		}
		t.Run(entry.File, func(t *testing.T) {
			tpl := byID[entry.TemplateID]
			if tpl == nil {
				t.Fatal("no template ", entry.TemplateID)
			}
			doc, err := os.ReadFile(filepath.Join(root, "compositions", entry.File))
			if err != nil {
				t.Fatal(err)
			}
			err = roundTrip(t, tpl, doc, format)
			if refusedByName(t, entry.File, err) {
				byName++
				return
			}
			switch {
			case entry.Status == 201 && err != nil:
				t.Error(report(err))
			case entry.Status == 201:
				accepted++
			case err == nil:
				t.Error("accepted, should be ", entry.Status)
			default:
				refused++
			}
		})
	}
	t.Logf("%d accepted, %d refused as the manifest wants, %d refused by name", accepted, refused, byName)
}

func TestUKFixtures(t *testing.T) {
	accepted, all, byName := 0, 0, 0
	paths, _ := filepath.Glob(filepath.Join(fixtures(t, "uk"), "*", "examples", "*.json"))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			all++
			tpl := templateOf(t, filepath.Dir(filepath.Dir(path)))
			doc, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := roundTrip(t, tpl, doc, simplified.Flat); refusedByName(t, path, err) {
				byName++
				return
			} else if err != nil {
				t.Error(report(err))
				return
			}
			accepted++
		})
	}
	t.Logf("%d of %d accepted, %d refused by name", accepted, all, byName)
}

// TestRespectForm: the form of the questionnaire fixtures.
func TestRespectForm(t *testing.T) {
	tpl := compile(t, fixtures(t, filepath.Join("sdc", "openehr__ReSPECT-3.v0.opt")))
	doc, err := os.ReadFile(fixtures(t, filepath.Join("sdc", "openehr__ReSPECT.flat.json")))
	if err != nil {
		t.Fatal(err)
	}
	if err := roundTrip(t, tpl, doc, simplified.Flat); err != nil {
		t.Error(report(err))
	}
}

func TestSuiteInputs(t *testing.T) {
	accepted, all, byName := 0, 0, 0
	for _, path := range better(t, "input-*.json") {
		t.Run(strings.TrimPrefix(path, fixtures(t, "web-template")), func(t *testing.T) {
			all++
			tpl := templateOf(t, filepath.Dir(path))
			doc := document(t, path)
			format := simplified.Flat
			var any map[string]json.RawMessage
			if json.Unmarshal(doc, &any) == nil && any["ctx"] != nil {
				format = simplified.Structured
			}
			if err := roundTrip(t, tpl, doc, format); refusedByName(t, path, err) {
				byName++
				return
			} else if err != nil {
				t.Error(report(err))
				return
			}
			accepted++
		})
	}
	t.Logf("%d of %d accepted, %d refused by name", accepted, all, byName)
}
