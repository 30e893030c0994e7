package canonxml

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

type schema struct {
	Types []complexType `xml:"complexType"`
}

type complexType struct {
	Name     string `xml:"name,attr"`
	Sequence []part `xml:"sequence>element"`
	Extends  struct {
		Base     string `xml:"base,attr"`
		Sequence []part `xml:"sequence>element"`
	} `xml:"complexContent>extension"`
}

type part struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
}

// TestOrderAgreesWithSchemas: the elements of every class stand as in the
// sequence of its schema type, and declare the class the schema declares, since
// xsi:type hangs on it.
func TestOrderAgreesWithSchemas(t *testing.T) {
	for _, version := range []struct {
		name  string
		globs []string
		least int
	}{
		{"v1", []string{"v1-namespace-Release-1.0.2v2/BaseTypes.xsd", "v1-namespace-Release-1.0.2v2/Structure.xsd", "v1-namespace-Release-1.0.2v2/Content.xsd", "v1-namespace-Release-1.0.2v2/Composition.xsd", "v1-namespace-Release-1.0.2v2/Version.xsd"}, 85},
		{"v2", []string{"v2-namespace-Release-2.0.0/RM/Release-1.1.0/*.xsd", "v2-namespace-Release-2.0.0/BASE/*/*.xsd"}, 110},
	} {
		t.Run(version.name, func(t *testing.T) {
			types := schemaTypes(t, version.globs)
			checked := 0
			for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
				if _, ok := types[c.Name()]; !ok {
					continue
				}
				checked++
				var want []string
				for _, p := range elements(types, c.Name()) {
					attr, ok := attrByName([]byte(p.Name))
					a, has := c.Attribute(attr)
					if !ok || !has {
						continue // VERSIONED_OBJECT.versions and the like, which no one serialises
					}
					want = append(want, attr.Name())
					if of, ok := rminfo.ClassByName(p.Type); ok && of != a.Type {
						t.Errorf("%s.%s is a %s in the schema, a %s here", c, p.Name, of, a.Type)
					}
				}
				var got []string
				for _, a := range sequence[c] {
					if slices.Contains(want, a.Attr.Name()) {
						got = append(got, a.Attr.Name())
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v, the schema has %v", c, got, want)
				}
			}
			if checked < version.least {
				t.Errorf("the schemas have only %d classes", checked)
			}
		})
	}
}

func schemaTypes(t *testing.T, globs []string) map[string]complexType {
	root := fixtures.Spec(t, "xsd")
	types := map[string]complexType{}
	for _, glob := range globs {
		files, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Skipf("no schema matches %s", glob)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s schema
			if err := xml.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
			for _, x := range s.Types {
				types[x.Name] = x
			}
		}
	}
	return types
}

func elements(types map[string]complexType, name string) []part {
	x := types[name]
	out := x.Sequence
	if x.Extends.Base != "" {
		out = append(slices.Clone(elements(types, x.Extends.Base)), x.Extends.Sequence...)
	}
	return out
}
