package templates_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template/build"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/templates"
)

// TestTemplatesAreBuilt builds every source again: each OPT is what its source
// gives, and none has no source.
func TestTemplatesAreBuilt(t *testing.T) {
	library, err := build.OpenLibrary(archetypes.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, shipped := range templates.All() {
		name := strings.TrimSuffix(filepath.Base(shipped.File), ".opt")
		s, err := source.ReadYAML(os.DirFS("."), name+".yaml")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.TemplateID != shipped.ID || s.Sensitivity != shipped.Sensitivity {
			t.Errorf("%s: the source says %q, %s; the manifest %q, %s", name, s.TemplateID, s.Sensitivity, shipped.ID, shipped.Sensitivity)
		}
		built, err := build.Build(s, library)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got bytes.Buffer
		if err := opt.Write(&got, built); err != nil {
			t.Fatal(err)
		}
		want, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is not what its source gives; run make generate", shipped.File)
		}
	}
}

// TestDocumentedSourceIsRead: the worked example of SOURCE.md is a source.
func TestDocumentedSourceIsRead(t *testing.T) {
	text, err := os.ReadFile("SOURCE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(text), "```yaml\n")
	example, _, closed := strings.Cut(example, "```")
	if !found || !closed {
		t.Fatal("SOURCE.md has no example")
	}
	s, err := source.ReadYAML(fstest.MapFS{"example.yaml": {Data: []byte(example)}}, "example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s.TemplateID != "Ward round.v1" || len(s.Entries) != 3 || len(s.Entries[1].Entries) != 5 {
		t.Errorf("read %q with %d entries", s.TemplateID, len(s.Entries))
	}
}
