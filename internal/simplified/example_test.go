package simplified_test

import (
	"bytes"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/validate"
)

// TestExampleLevels: of every template the minimal, the typical and the complete
// example are valid, always the same, and each shows no less than the one before.
func TestExampleLevels(t *testing.T) {
	templates := allTemplates(t)
	var sizes [3]int
	for _, tpl := range templates {
		size := 0
		for i, level := range []example.Level{example.Minimal, example.Typical, example.Complete} {
			doc := syntax.WriteFlat(example.Document(tpl.Web, example.Options{Level: level}))
			if again := syntax.WriteFlat(example.Document(tpl.Web, example.Options{Level: level})); !bytes.Equal(doc, again) {
				t.Errorf("%s, level %d: two documents", tpl.path, level)
			}
			tree, err := tpl.Read(doc, simplified.Flat, now)
			if err != nil {
				t.Errorf("%s, level %d: %s", tpl.path, level, report(err))
				continue
			}
			if issues := refusing(validate.Check(tree, tpl.Web.Template, validate.Options{})); len(issues) > 0 {
				t.Errorf("%s, level %d: %d issues, first %+v", tpl.path, level, len(issues), issues)
			}
			if diff := through(t, tpl.Template, tree); diff != "" {
				t.Errorf("%s, level %d: %s", tpl.path, level, diff)
			}
			text := canon.WriteJSON(nil, tree, tree.Root())
			if len(text) < size {
				t.Errorf("%s: level %d is smaller than the one below", tpl.path, level)
			}
			size = len(text)
			sizes[i] += size
		}
	}
	t.Logf("%d templates; minimal, typical and complete examples of %v bytes", len(templates), sizes)
	if sizes[0]*2 > sizes[2] {
		t.Errorf("minimal examples are no less than half of complete ones: %v", sizes)
	}
}
