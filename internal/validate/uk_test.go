package validate_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
	"github.com/quire-cdr/quire/internal/validate"
)

// arguedUK are documents of UK sites that cannot be read as documents of the
// template beside them: the rule that says so and why it is right.
var arguedUK = []struct{ file, rule, why string }{
	{"lab_results", "key-unknown", "the keys name the root laboratory_test_report; the template's is laboratory_result_report"},
	{"procedures_", "key-unknown", "procedure_notes is no node of this version of the template"},
	{"RESPECT_NSS-v0.json", "key-value", "the file is a web template and no document"},
	{"import_template", "key-value", "the file is a web template and no document"},
	{"RESPECT_Form-v0_FLAT_1", "key-duplicate", "two keys write context/status"},
	{"PROMS_FLAT_1", "code", "the code of most_affected_symptom is not in the template's list"},
}

// TestUKDocuments: no real document is refused without an argued reason, by the
// rules of the specification and not only by those a peer enforces.
func TestUKDocuments(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fixtures.Dir(t), "uk", "*", "examples", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	formats := map[string]*simplified.Template{}
	accepted, argued := 0, 0
	for _, path := range files {
		opt := filepath.Join(filepath.Dir(path), "..", "template.opt")
		if formats[opt] == nil {
			formats[opt] = simplified.Compile(compile(t, readFile(t, opt)))
		}
		tree, err := formats[opt].Read(readFile(t, path), simplified.Flat, "2026-03-01T10:00:00Z")
		if err != nil {
			if why := arguedFile(path, fault.Of(err).Issues); why == "" {
				t.Errorf("%s: %v", path, err)
			} else {
				argued++
			}
			continue
		}
		if issues := validate.Check(tree, formats[opt].Web.Template, validate.Options{}); validate.Refused(issues) {
			t.Errorf("%s:\n%s", path, brief(issues))
		} else {
			accepted++
		}
	}
	t.Logf("%d accepted, %d argued", accepted, argued)
	if accepted < 20 {
		t.Errorf("only %d of %d documents pass", accepted, len(files))
	}
}

func arguedFile(path string, issues []fault.Issue) string {
	for _, a := range arguedUK {
		if !strings.Contains(filepath.Base(path), a.file) {
			continue
		}
		for _, issue := range issues {
			if issue.Rule == a.rule {
				return a.why
			}
		}
	}
	return ""
}
