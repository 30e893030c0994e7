package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
)

// TestTemplateBuild: one source to a file, several to a folder, and a wrong one
// leaves nothing behind.
func TestTemplateBuild(t *testing.T) {
	const adl, data = "../../internal/template/build/testdata/adl", "../../internal/template/source/testdata"
	dir := t.TempDir()
	one := filepath.Join(dir, "one.opt")
	if err := (templateBuild{Archetypes: adl, Output: one, Sources: []string{data + "/note.oet"}}).Run(); err != nil {
		t.Fatal(err)
	}
	if err := (templateBuild{Archetypes: adl, Output: dir, Sources: []string{data + "/note.yaml", data + "/note.oet"}}).Run(); err != nil {
		t.Fatal(err)
	}
	if err := (templateBuild{Output: dir, Sources: []string{"../../templates/vital_signs_observations.v1.yaml"}}).Run(); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{one: "Note from a tool", "note.opt": "Note from a tool", "vital_signs_observations.v1.opt": "Vital signs observations.v1"} {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		built, err := opt.Read(f)
		f.Close()
		if err != nil || built.TemplateID != id {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := filepath.Join(dir, "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("template: T\nsensitivity: normal\nroot: openEHR-EHR-COMPOSITION.nowhere.v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := templateBuild{Output: filepath.Join(dir, "wrong.opt"), Sources: []string{wrong}}.Run()
	if err == nil || !strings.Contains(err.Error(), "1 of 1") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "wrong.opt")); err == nil {
		t.Error("a wrong source leaves a file")
	}
	if err := (templateBuild{Sources: []string{wrong, wrong}}).Run(); err == nil {
		t.Error("several sources need a folder")
	}
}
