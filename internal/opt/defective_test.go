package opt

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// defective says what is wrong with each defective template of the fixtures, and
// where: every file of their manifest stands here.
var defective = map[string]struct{ rule, path, place string }{
	"empty_file__empty_file.opt":                                        {"opt-xml", "", "line 1:1: "},
	"empty_file__empty_xml_template.opt":                                {"opt-missing-element", "/template", "line "},
	"multiple_elements__minimal_action_concept_twice_1.opt":             {"opt-repeated-element", "/template/concept", "line "},
	"multiple_elements__minimal_action_template-id_twice_1.opt":         {"opt-repeated-element", "/template/template_id", "line "},
	"removed_mandatory_elements__minimal_action_removed_concept.opt":    {"opt-missing-element", "/template", "line "},
	"removed_mandatory_elements__minimal_action_removed_definition.opt": {"opt-missing-element", "/template", "line "},
	"removed_template_id__minimal_admin_invalid_1.opt":                  {"opt-empty", "/template", "line "},
}

func TestDefectiveTemplates(t *testing.T) {
	dir := fixtures.Dir(t, "openehr", "opt", "invalid")
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ File, Defect string }
	if err := json.Unmarshal(manifest, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(defective) {
		t.Errorf("the manifest lists %d files, this test %d", len(list), len(defective))
	}
	for _, entry := range list {
		want, known := defective[entry.File]
		if !known {
			t.Errorf("%s (%s) is not in this test", entry.File, entry.Defect)
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.File))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Read(bytes.NewReader(text))
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || len(f.Issues) == 0 {
			t.Errorf("%s: got %v", entry.File, err)
			continue
		}
		if got := f.Issues[0]; got.Rule != want.rule || got.Path != want.path || !strings.HasPrefix(got.Message, want.place) {
			t.Errorf("%s: got %s at %s: %s", entry.File, got.Rule, got.Path, got.Message)
		}
	}
}
