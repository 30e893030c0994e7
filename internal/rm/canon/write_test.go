package canon_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// sameNodes checks that two trees agree node by node, the numbering included.
func sameNodes(t interface{ Fatalf(string, ...any) }, a, b *rm.Tree) {
	if a.Len() != b.Len() {
		t.Fatalf("%d nodes and %d", a.Len(), b.Len())
	}
	for id := rm.ID(0); int(id) < a.Len(); id++ {
		if a.Class(id) != b.Class(id) || a.Attr(id) != b.Attr(id) || a.Kind(id) != b.Kind(id) ||
			a.Parent(id) != b.Parent(id) || a.End(id) != b.End(id) || a.Text(id) != b.Text(id) || a.IsRoot(id) != b.IsRoot(id) {
			t.Fatalf("node %d differs: %s and %s", id, a.Path(id), b.Path(id))
		}
	}
}

var concrete, locatable = func() (all, loc []rminfo.Class) {
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		if c.Abstract() || c.Scalar() != rminfo.NotScalar {
			continue
		}
		all = append(all, c)
		if c.Locatable() {
			loc = append(loc, c)
		}
	}
	return all, loc
}()

// draw adds a random object of class, held by attr: any attributes it declares,
// in any order, with scattered lists where scatter is set.
func draw(t *rapid.T, b *rm.Builder, attr rminfo.Attr, class rminfo.Class, depth int, scatter bool) {
	b.Open(attr, class)
	defer b.Close()
	all := class.Attributes()
	if len(all) == 0 {
		return
	}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 0, min(5, len(all)), rapid.ID).Draw(t, "attributes") {
		drawMember(t, b, all[i], depth, scatter)
	}
	if scatter {
		for _, a := range all {
			if a.Container && rapid.Bool().Draw(t, "more") {
				drawMember(t, b, a, depth, scatter)
			}
		}
	}
}

func drawMember(t *rapid.T, b *rm.Builder, a rminfo.Attribute, depth int, scatter bool) {
	count := 1
	if a.Container {
		count = rapid.IntRange(1, 3).Draw(t, "items")
	}
	for range count {
		switch a.Type.Scalar() {
		case rminfo.Text:
			b.String(a.Attr, a.Type, rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })).Draw(t, "text"))
		case rminfo.Bool:
			b.Bool(a.Attr, rapid.Bool().Draw(t, "bool"))
		case rminfo.Number:
			n := fmt.Sprint(rapid.Int32().Draw(t, "number"))
			if a.Type == rminfo.Real {
				n += rapid.SampledFrom([]string{"", ".0", ".50", "e3", "E-07", ".25e+2"}).Draw(t, "rest")
			}
			b.Number(a.Attr, a.Type, n)
		case rminfo.NotScalar:
			if depth == 0 {
				return
			}
			var classes []rminfo.Class
			for _, c := range a.Type.Descendants() {
				if !c.Abstract() {
					classes = append(classes, c)
				}
			}
			if len(classes) > 0 {
				draw(t, b, a.Attr, rapid.SampledFrom(classes).Draw(t, "class"), depth-1, scatter)
			}
		}
	}
}

func drawTree(t *rapid.T, classes []rminfo.Class, scatter bool) *rm.Tree {
	b := rm.NewBuilder(rm.Limits{}, 0)
	draw(t, b, 0, rapid.SampledFrom(classes).Draw(t, "root"), 4, scatter)
	tree, err := b.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestWrittenReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t, concrete, false)
		doc := canon.WriteJSON(nil, tree, 0)
		if !json.Valid(doc) {
			t.Fatalf("no JSON: %s", doc)
		}
		strict, err := canon.ReadJSON(doc, tree.Class(0), canon.ReadOptions{})
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		sameNodes(t, tree, strict)
		stored, err := canon.ReadStored(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		sameNodes(t, tree, stored)
	})
}

// What is stored has the numbering of the tree that the rows are made from.
func TestStoredVersionKeepsNumbers(t *testing.T) {
	const uid = "6f1a5a4e-54a8-4d1c-9c5b-0d8c8d0f2a11::quire.example::3"
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t, locatable, true)
		version, err := canon.SetUID(tree, uid)
		if err != nil {
			t.Fatal(err)
		}
		doc := canon.WriteJSON(nil, version, 0)
		stored, err := canon.ReadStored(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		sameNodes(t, version, stored)
		if got := version.TextAt(0, rminfo.A_uid, rminfo.A_value); got != uid {
			t.Fatalf("the uid is %q", got)
		}
	})
}

func TestSetUID(t *testing.T) {
	const uid = "8849182c-82ad-4088-a07f-48ead4180515::quire.example::1"
	const id = `{"_type":"OBJECT_VERSION_ID","value":"` + uid + `"}`
	for _, tc := range []struct{ name, in, want string }{
		{"replaced where it stands",
			`{"_type":"FOLDER","uid":{"_type":"HIER_OBJECT_ID","value":"a"},"archetype_node_id":"at1"}`,
			`{"_type":"FOLDER","uid":` + id + `,"archetype_node_id":"at1"}`},
		{"behind name and node id",
			`{"_type":"FOLDER","archetype_node_id":"at1","name":{"_type":"DV_TEXT","value":"n"},"items":[{"_type":"OBJECT_REF","type":"X"}]}`,
			`{"_type":"FOLDER","archetype_node_id":"at1","name":{"_type":"DV_TEXT","value":"n"},"uid":` + id + `,"items":[{"_type":"OBJECT_REF","type":"X"}]}`},
		{"behind the name alone",
			`{"_type":"FOLDER","name":{"_type":"DV_TEXT","value":"n"},"items":[{"_type":"OBJECT_REF","type":"X"}]}`,
			`{"_type":"FOLDER","name":{"_type":"DV_TEXT","value":"n"},"uid":` + id + `,"items":[{"_type":"OBJECT_REF","type":"X"}]}`},
		{"at the end", `{"_type":"FOLDER"}`, `{"_type":"FOLDER","uid":` + id + `}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree, err := canon.ReadJSON([]byte(tc.in), rminfo.FOLDER, canon.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			version, err := canon.SetUID(tree, uid)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(canon.WriteJSON(nil, version, 0)); got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
			if got := string(canon.WriteJSON(nil, tree, 0)); got != tc.in {
				t.Errorf("the tree changed: %s", got)
			}
		})
	}
	tree, err := canon.ReadJSON([]byte(`{"value":"x"}`), rminfo.DV_TEXT, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := canon.SetUID(tree, uid); err == nil {
		t.Error("a DV_TEXT was given a uid")
	}
}

func TestWriteStrings(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", `""`}, {"plain", `"plain"`}, {`"\`, `"\"\\"`}, {"a\nb\tc\x01", `"a\nb\tc\u0001"`},
		{"<a&b>", `"<a&b>"`}, {"Müller 漢 😀", `"Müller 漢 😀"`}, {"\u2028", "\"\u2028\""}, {"\xff", "\"\uFFFD\""},
	} {
		b := rm.NewBuilder(rm.Limits{}, 0)
		b.Open(0, rminfo.DV_TEXT)
		b.String(rminfo.A_value, rminfo.String, tc.text)
		b.Close()
		tree, err := b.Tree()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(canon.WriteJSON(nil, tree, 1)); got != tc.want {
			t.Errorf("%q is written %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestWriteListsFromScatteredItems(t *testing.T) {
	b := rm.NewBuilder(rm.Limits{}, 0)
	b.Open(0, rminfo.FOLDER)
	for _, f := range []struct {
		attr rminfo.Attr
		text string
	}{{rminfo.A_items, "1"}, {rminfo.A_archetype_node_id, "at1"}, {rminfo.A_items, "2"}} {
		if f.attr == rminfo.A_archetype_node_id {
			b.String(f.attr, rminfo.String, f.text)
			continue
		}
		b.Open(f.attr, rminfo.OBJECT_REF)
		b.String(rminfo.A_type, rminfo.String, f.text)
		b.Close()
	}
	b.Close()
	tree, err := b.Tree()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"_type":"FOLDER","items":[{"_type":"OBJECT_REF","type":"1"},{"_type":"OBJECT_REF","type":"2"}],"archetype_node_id":"at1"}`
	if got := string(canon.WriteJSON([]byte("x"), tree, 0)); got != "x"+want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := string(canon.WriteJSON(nil, tree.Grouped(), 0)); got != want {
		t.Errorf("grouped: %s", got)
	}
}
