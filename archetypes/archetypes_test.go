package archetypes_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
)

// ownCodes is where the codes of our own nodes begin in the edition of a
// published archetype.
const ownCodes = 9001

func parse(t *testing.T, name string, text []byte) *adl.Archetype {
	t.Helper()
	read, err := adl.Read(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return read
}

func shipped(t *testing.T) map[string]*adl.Archetype {
	t.Helper()
	files, err := fs.Glob(archetypes.FS, "adl/*.adl")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*adl.Archetype{}
	for _, file := range files {
		text, err := archetypes.FS.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(path.Base(file), ".adl")] = parse(t, file, text)
	}
	return all
}

// Every archetype is sound, says what it is for in English and what every code
// means in each of its languages.
func TestArchetypesAreSound(t *testing.T) {
	for name, a := range shipped(t) {
		if a.ID != name {
			t.Errorf("%s.adl holds %s", name, a.ID)
		}
		for _, issue := range adl.Check(a) {
			t.Errorf("%s: %s %s: %s", name, issue.Rule, issue.Path, issue.Message)
		}
		english := false
		for _, d := range a.Description.Details {
			if d.Language.Code == "en" {
				english = d.Purpose != "" && d.Use != "" && d.Misuse != "" && len(d.Keywords) > 0
			}
		}
		if !english {
			t.Errorf("%s: no purpose, use, misuse or keywords in English", name)
		}
	}
}

// nodes lists the classes of the nodes by code.
func nodes(o aom.Object, into map[string]string) {
	base := o.Base()
	if base.NodeID != "" {
		into[base.NodeID] = base.TypeName
	}
	if c, ok := o.(*aom.ComplexObject); ok {
		for _, attribute := range c.Attributes {
			for _, child := range attribute.Children {
				nodes(child, into)
			}
		}
	}
}

// Where an archetype of the same id is published, our nodes are its nodes: the
// same code stands for the same class, or for a narrower event, so that queries
// written for either find the same data.
func TestPublishedNodesKeepTheirCodes(t *testing.T) {
	compared := 0
	for name, a := range shipped(t) {
		text, err := os.ReadFile(filepath.Join("..", "..", "shared", "fixtures", "openehr", "archetypes", name+".adl"))
		if err != nil {
			continue
		}
		compared++
		published := map[string]string{}
		nodes(parse(t, name, text).Definition, published)
		own := map[string]string{}
		nodes(a.Definition, own)
		for code, class := range own {
			if number, err := strconv.Atoi(strings.TrimPrefix(code, "at")); err == nil && number >= ownCodes {
				continue
			}
			if other := published[code]; other != class && (other != "EVENT" || class != "POINT_EVENT") {
				t.Errorf("%s: %s is %s, published as %q", name, code, class, other)
			}
		}
	}
	if compared == 0 {
		t.Skip("shared fixtures are not beside this checkout")
	}
}
