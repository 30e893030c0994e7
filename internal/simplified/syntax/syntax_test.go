package syntax

import (
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
)

func TestFlatAndStructuredAreOneTree(t *testing.T) {
	const flat = `{"ctx/language":"en","a/b:0|code":"x","a/b:0/_name":"n","a/b:1":3.10,"a/c":true,"a/d|raw":"{\"_type\":\"DV_TEXT\"}"}`
	const structured = `{"ctx":{"language":["en"]},"a":{"b":[{"|code":"x","_name":["n"]},3.10],"c":[true],"d":[{"|raw":{"_type":"DV_TEXT"}}]}}`
	a, err := ReadFlat([]byte(flat))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(WriteFlat(a)); got != flat {
		t.Errorf("FLAT and back:\n%s\n%s", flat, got)
	}
	if got := string(WriteStructured(a)); got != structured {
		t.Errorf("FLAT as STRUCTURED:\n%s\n%s", structured, got)
	}
	b, err := ReadStructured([]byte(structured))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(WriteStructured(b)); got != structured {
		t.Errorf("STRUCTURED and back:\n%s\n%s", structured, got)
	}
}

func TestSpellings(t *testing.T) {
	for name, doc := range map[string]string{
		"indices left out":   `{"a":{"b":{"|code":"x"}}}`,
		"indices in names":   `{"a":[{"b:0":[{"|code":"x"}]}]}`,
		"byte order mark":    "\xef\xbb\xbf" + `{"a":{"b":[{"|code":"x"}]}}`,
		"empty and null":     `{"a":{"b":[{"|code":"x","|value":""}],"c":[],"d":[null],"e":[""]}}`,
		"one key, one value": `{"a":{"b|code":"x"}}`,
	} {
		it, err := ReadStructured([]byte(doc))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v, ok := it.Find("a").Find("b").Value("code"); !ok || v.Text != "x" {
			t.Errorf("%s: %s", name, WriteFlat(it))
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ doc, rule, key string }{
		{`{"a//b":1}`, "key-syntax", "a//b"},
		{`{"a:x/b":1}`, "key-syntax", "a:x/b"},
		{`{"a:-1":1}`, "key-syntax", "a:-1"},
		{`{"a:65536":1}`, "key-syntax", "a:65536"},
		{`{"a|":1}`, "key-syntax", "a|"},
		{`{"a|b/c":1}`, "key-syntax", "a|b/c"},
		{`{"a":[1]}`, "key-value", "a"},
		{`{"a":{"b":1}}`, "key-value", "a"},
		{`{"a":1,"a":2}`, "key-duplicate", "a"},
		{`{"a":null,"a":2}`, "json-duplicate", "a"},
		{`{"a/b":1,"a/b:0":2}`, "key-duplicate", "a/b:0"},
		{`{"a":"\u0000"}`, "key-value", "a"},
		{`{"a":1} x`, "json-syntax", ""},
		{"// no JSON\n{}", "json-syntax", ""},
		{`[]`, "key-value", ""},
		{``, "json-syntax", ""},
	} {
		_, err := ReadFlat([]byte(c.doc))
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || len(f.Issues) == 0 || f.Issues[0].Rule != c.rule || f.Issues[0].FlatKey != c.key {
			t.Errorf("%s: %v", c.doc, err)
		}
	}
}

func FuzzSyntax(f *testing.F) {
	f.Add([]byte(`{"a/b:0|code":"x","a/b:1":3.10}`))
	f.Add([]byte(`{"a":{"b":[{"|code":"x"},3.10,{"c":[true]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if it, err := ReadFlat(data); err == nil {
			if _, err := ReadFlat(WriteFlat(it)); err != nil {
				t.Fatal(err)
			}
		}
		if it, err := ReadStructured(data); err == nil && len(it.Values) == 0 {
			if _, err := ReadStructured(WriteStructured(it)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestNeighbours: keys share the items of their common way and no others.
func TestNeighbours(t *testing.T) {
	for _, flat := range []string{
		`{"a/b":1,"a/bc":2,"a/b/c":3,"a/b:1/c":4}`,
		`{"a/b:1/c":1,"a/b:10/c":2,"a/b:1/d":3}`,
		`{"a/b/c/d|x":1,"a/b/c/d|y":2,"a/b/c|x":3,"a|x":4}`,
		`{"a/b":1,"b/a":2,"ab/c":3,"a/c":4}`,
		`{"a/größe":1,"a/größer":2,"a/gr\u00f6\u00dfe|x":3}`,
		`{"a/b\"c":"x\\y","a/b\"c|d":"\u2028"}`,
	} {
		root, err := ReadFlat([]byte(flat))
		if err != nil {
			t.Error(flat, err)
			continue
		}
		again, err := ReadFlat(WriteFlat(root))
		if err != nil {
			t.Error(err)
			continue
		}
		if one, two := string(WriteFlat(root)), string(WriteFlat(again)); one != two || root.Size() != again.Size() {
			t.Errorf("%s: %s and %s", flat, one, two)
		}
	}
	root, err := ReadFlat([]byte(`{"a/b:1/c":1,"a/b:10/c":2,"a/b:1/d":3,"a/größe":"5 \u00b5m"}`))
	if err != nil {
		t.Fatal(err)
	}
	a := root.Find("a")
	if len(a.Children) != 3 || len(a.Children[0].Children) != 2 || a.Children[1].Index != 10 {
		t.Errorf("%s", WriteFlat(root))
	}
	if v, _ := a.Find("größe").Value(""); v.Text != "5 µm" {
		t.Errorf("escapes: %q", v.Text)
	}
}

// TestFormFields: what a form tool keeps beside the template is one value.
func TestFormFields(t *testing.T) {
	for _, doc := range []string{
		`{"ctx/generic_fields": {"/a": [1, {"|code": "x"}], "/b": []}}`,
		`{"ctx": {"generic_fields": {"/a": [1, {"|code": "x"}], "/b": []}}}`,
	} {
		read := ReadFlat
		if doc[5] == '"' {
			read = ReadStructured
		}
		root, err := read([]byte(doc))
		if err != nil {
			t.Error(doc, err)
			continue
		}
		if v, _ := root.Find("ctx").Find("generic_fields").Value(""); v.Kind != Raw || v.Text != `{"/a":[1,{"|code":"x"}],"/b":[]}` {
			t.Errorf("%s: %+v", doc, v)
		}
	}
}
