package templates_test

import (
	"bytes"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/templates"
)

// TestExamplesAreValid asks the server's own validator; it must find nothing, not
// even a warning.
func TestExamplesAreValid(t *testing.T) {
	for _, shipped := range templates.All() {
		text, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range shipped.Examples {
			doc, err := templates.FS.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := canon.ReadJSON(doc, rminfo.COMPOSITION, canon.ReadOptions{Mandatory: true})
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			for _, issue := range validate.Check(tree, compiled, validate.Options{}) {
				t.Errorf("%s: %s: %s (%s)", path, issue.Path, issue.Message, issue.Rule)
			}
		}
	}
}
