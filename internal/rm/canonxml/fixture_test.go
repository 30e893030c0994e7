package canonxml_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// TestJSONFixturesThroughXML: what JSON holds comes back from XML.
func TestJSONFixturesThroughXML(t *testing.T) {
	count := 0
	fixtures.Objects(t, func(_, file, class string) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := rminfo.ClassByName(class)
		tree, err := canon.ReadJSON(data, want, canon.ReadOptions{})
		if err != nil {
			return // no object of its class, as package canon tests
		}
		count++
		t.Run(filepath.Base(file), func(t *testing.T) { throughXML(t, tree, want) })
	})
	if count < 60 {
		t.Errorf("only %d fixtures are objects", count)
	}
}

// throughXML writes a tree, reads it back and compares; the JSON of both is one
// text once members and classes are written alike.
func throughXML(t testing.TB, tree *rm.Tree, want rminfo.Class) []byte {
	t.Helper()
	doc, err := canonxml.Write(nil, tree, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	back, err := canonxml.Read(doc, want, canon.ReadOptions{})
	if err != nil {
		t.Fatalf("%v %v\n%.2000s", err, fault.Of(err).Issues, doc)
	}
	same(t, tree, back)
	again, err := canonxml.Write(nil, back, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(doc, again) {
		t.Errorf("a second writing differs")
	}
	fromJSON, err := canon.ReadJSON(canon.WriteJSON(nil, back, 0), want, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, tree, fromJSON)
	return doc
}

// refused are the XML fixtures that are no objects: the second carries members
// that a Java library writes and the model does not have.
var refused = map[string]string{
	"nested.en.v1__invalid_wrong_structure.xml": "xml-syntax",
	"family_history.xml":                        "xml-member-unknown",
}

// TestXMLFixtures: a document read and written is the same one, seen by another
// reader, apart from the order of elements, white space and needless xsi:type.
func TestXMLFixtures(t *testing.T) {
	var files []string
	root := fixtures.Dir(t)
	for _, glob := range []string{"openehr/compositions/canonical-xml/*.xml", "openehr/compositions/canonical-xml/invalid/*.xml", "web-template/*/raw-*.xml"} {
		found, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil || len(found) == 0 {
			t.Fatalf("no file matches %s: %v", glob, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(filepath.Base(filepath.Dir(file))+"/"+name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := canonxml.Read(data, rminfo.COMPOSITION, canon.ReadOptions{})
			if code := refused[name]; code != "" {
				if f := fault.Of(err); f.Kind != fault.Invalid || f.Code != code {
					t.Fatalf("%v, want %s", err, code)
				}
				if code == "xml-syntax" {
					return
				}
				if tree, err = canonxml.Read(data, rminfo.COMPOSITION, canon.ReadOptions{IgnoreUnknown: true}); err != nil {
					t.Fatal(err)
				}
				throughXML(t, tree, rminfo.COMPOSITION)
				return
			}
			if err != nil {
				t.Fatal(err, fault.Of(err).Issues)
			}
			doc := throughXML(t, tree, rminfo.COMPOSITION)
			sent, printed := leaves(t, data), leaves(t, doc)
			if !slices.Equal(sent, printed) {
				t.Errorf("%d facts became %d", len(sent), len(printed))
				for i := range min(len(sent), len(printed)) {
					if sent[i] != printed[i] {
						t.Fatalf("%s became %s", sent[i], printed[i])
					}
				}
			}
		})
	}
}

// leaves lists the facts of a document by the standard library's reader: path,
// attributes but for types and namespaces, and text; sorted, since the order of
// elements may change.
func leaves(t *testing.T, data []byte) []string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	var path, out []string
	held := false
	content := ""
	for {
		token, err := d.Token()
		if err == io.EOF {
			slices.Sort(out)
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			path, held, content = append(path, x.Name.Local), true, ""
			for _, a := range x.Attr {
				if a.Name.Local == "archetype_node_id" {
					out = append(out, strings.Join(path, "/")+" @ "+a.Value)
				}
			}
		case xml.CharData:
			content += string(x)
		case xml.EndElement:
			if held {
				out = append(out, strings.Join(path, "/")+" = "+content)
			}
			path, held, content = path[:len(path)-1], false, ""
		}
	}
}
