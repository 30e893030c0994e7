package sdc

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

var fixtureFolder = filepath.Join("..", "..", "..", "shared", "fixtures")

// shared is the folder of real templates and compositions beside the checkout.
func shared(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat(fixtureFolder); err != nil {
		t.Skip("no fixtures beside the checkout; our own templates are tested without")
	}
	return fixtureFolder
}

// fixtureForms are the forms of all real templates, by template id.
func fixtureForms(t testing.TB) map[string]*Form {
	t.Helper()
	shared(t)
	forms, err := builtForms()
	if err != nil {
		t.Fatal(err)
	}
	return maps.Clone(forms)
}

// builtForms builds them once.
var builtForms = sync.OnceValues(func() (map[string]*Form, error) {
	forms := map[string]*Form{}
	err := filepath.WalkDir(fixtureFolder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".opt") || strings.Contains(path, "invalid") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			return nil // the reader's own tests judge that
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			return nil
		}
		forms[compiled.TemplateID] = Build(compiled)
		return nil
	})
	return forms, err
})

// filling is a composition with its form.
type filling struct {
	name string
	form *Form
	tree *rm.Tree
}

// fillings are the real compositions that have a template, and our examples.
func fillings(t testing.TB, forms map[string]*Form) []filling {
	t.Helper()
	var out []filling
	for _, folder := range []string{"compositions/canonical-json", "aql/data/compositions", "compositions/validation/base"} {
		paths, _ := filepath.Glob(filepath.Join(shared(t), "openehr", folder, "*.json"))
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
			if err != nil {
				continue // FLAT, or refused on purpose
			}
			if form := forms[tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)]; form != nil {
				out = append(out, filling{filepath.Base(path), form, tree})
			}
		}
	}
	for _, o := range ours(t) {
		for name, tree := range o.examples {
			out = append(out, filling{name, o.form, tree})
		}
	}
	sort.Slice(out, func(a, b int) bool { return out[a].name < out[b].name })
	return out
}

func TestFixtures(t *testing.T) {
	forms := fixtureForms(t)
	list := fillings(t, forms)
	for _, c := range list {
		for _, mode := range []Mode{FormMode, Faithful, Compact} {
			r, err := c.form.Compose(c.tree, wire(t, c.form.IssueAs(c.tree, Issuance{Token: "token", Mode: mode})), facts)
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, mode, err)
				continue
			}
			if doc(r.Tree) != doc(c.tree) || r.Changed != 0 {
				t.Errorf("%s, %s: %d nodes changed, %d members differ", c.name, mode, r.Changed, differing(doc(c.tree), doc(r.Tree)))
			}
		}
	}
	t.Logf("%d templates are forms, %d compositions came back equal", len(forms), len(list))
	if len(list) < 60 {
		t.Errorf("only %d compositions were tried", len(list))
	}
}
