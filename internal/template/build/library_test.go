package build

import (
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	general = "openEHR-EHR-EVALUATION.finding.v1"
	special = "openEHR-EHR-EVALUATION.finding-skin.v1"
)

// changed is a library of two archetypes with a text of one replaced.
func changed(t *testing.T, id, old, new string) *Library {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{general, special} {
		text, err := os.ReadFile("testdata/adl/" + name + ".adl")
		if err != nil {
			t.Fatal(err)
		}
		if name == id {
			after := strings.Replace(string(text), old, new, 1)
			if after == string(text) {
				t.Fatalf("%q is not in %s", old, id)
			}
			text = []byte(after)
		}
		files[path.Join("folder", name+".adl")] = &fstest.MapFile{Data: text}
	}
	l, err := OpenLibrary(files)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSpecialisation(t *testing.T) {
	a, err := library(t).Flat(special)
	if err != nil {
		t.Fatal(err)
	}
	items := a.Node("/data[at0001]").(*aom.ComplexObject).Attributes[0]
	var codes []string
	for _, child := range items.Children {
		codes = append(codes, child.Base().NodeID)
	}
	if got := strings.Join(codes, " "); got != "at0003.1 at0.1 at0002 at0017" {
		t.Errorf("members %s", got)
	}
	if a.Node("/protocol[at0018]/items[at0019]") == nil {
		t.Error("what the parent alone says is lost")
	}
	if term, ok := a.Term("at0002", "de"); !ok || term.Text() != "What (de)" {
		t.Errorf("the parent's term is %v", term)
	}
	if own, _ := a.Term("at0004", "en"); own.Text() != "Pale" {
		t.Errorf("the own term is %q", own.Text())
	}
}

func TestSpecialisationRefused(t *testing.T) {
	for name, tc := range map[string]struct{ id, old, new, rule, message string }{
		"occurrences": {general, "ELEMENT[at0003] occurrences matches {0..*}", "ELEMENT[at0003] occurrences matches {0..0}", "VSONCO", "widens"},
		"no parent":   {special, "finding.v1", "fining.v1", "", "not in the library"},
		"circle":      {general, "concept\n\t[at0000]", "specialise\n\t" + special + "\n\nconcept\n\t[at0000]", "", "openEHR-EHR-EVALUATION.finding"},
	} {
		_, err := changed(t, tc.id, tc.old, tc.new).Flat(special)
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("%s: got %v", name, err)
		} else if tc.rule != "" && (len(f.Issues) == 0 || f.Issues[0].Rule != tc.rule) {
			t.Errorf("%s: got %v", name, f.Issues)
		}
	}
}
