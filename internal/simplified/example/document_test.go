package example_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
)

const now = "2020-01-01T00:00:00Z"

// everyType is the template of the parent package that has each type of data.
func everyType(t *testing.T) *webtemplate.WebTemplate {
	t.Helper()
	source, err := os.ReadFile("../testdata/every_type.opt")
	if err != nil {
		t.Fatal(err)
	}
	read, err := opt.Read(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := template.Compile(read)
	if err != nil {
		t.Fatal(err)
	}
	return webtemplate.Build(compiled)
}

// composed is the composition of a FLAT document.
func composed(t *testing.T, w *webtemplate.WebTemplate, document string) *rm.Tree {
	t.Helper()
	items, err := syntax.ReadFlat([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := compose.Compose(w, items, compose.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestDocument: the whole one is valid and has each node of the template; the
// same numbers make the same document, others another.
func TestDocument(t *testing.T) {
	w := everyType(t)
	whole := string(syntax.WriteFlat(example.Document(w, example.Options{})))
	for _, i := range validate.Check(composed(t, w, whole), w.Template, validate.Options{}) {
		if !i.Warning {
			t.Errorf("the example is not valid: %+v", i)
		}
	}
	for _, key := range [...]string{"any_event:0/boolean", "choice/quantity_value|magnitude", "group:0/leaf:0", "daily_mean:0/width", "deed/ism_transition/current_state|code", "order:0/request:0/service", "part/case/reason"} {
		if !strings.Contains(whole, key) {
			t.Errorf("no %s in the example", key)
		}
	}
	random := func(seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 7))
		return string(syntax.WriteFlat(example.Document(w, example.Options{Pick: r.IntN, Sparse: true})))
	}
	if first, second := random(7), random(7); first != second {
		t.Error("the same seed makes two documents")
	}
	if random(7) == random(8) {
		t.Error("two seeds make the same document")
	}
}
