package decompose_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/decompose"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

const (
	now  = "2020-01-01T00:00:00Z"
	head = `{"ctx/language": "en", "ctx/territory": "GB", "ctx/composer_name": "A", `
)

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

const eventText = `"every_type/reading:0/any_event:0/text": "x"`

// TestWritten: of values that have several spellings the first of the table is
// written, with the terminology beside the code and nothing that was not there.
func TestWritten(t *testing.T) {
	w := everyType(t)
	const at = `"every_type/reading:0/any_event:0/`
	for sent, want := range map[string][]string{
		at + `text": "x"`: {at + `text":"x"`},
		at + `text": "x", ` + at + `text/_null_flavor|code": "271"`:     {at + `text":"x"`, at + `text/_null_flavour|code":"271"`},
		`"every_type/deed:0/ism_transition/current_state": "completed"`: {`"every_type/deed/ism_transition/current_state|code":"532"`},
		at + `coded": "Red"`: {at + `coded|value":"Red"`, at + `coded|code":"at0030"`, at + `coded|terminology":"local"`},
		at + `coded|code_string": "at0030", ` + at + `coded|terminology_id": "local"`: {at + `coded|code":"at0030"`},
		at + `two_units|magnitude": 120.50, ` + at + `two_units|units": "kPa"`:        {at + `two_units|magnitude":120.50`, at + `two_units|unit":"kPa"`},
		at + `time": "2024-02-03T04:05+01:00", ` + at + `text": "x"`:                  {at + `time":"2024-02-03T04:05+01:00"`},
		`"every_type/reading:4/any_event:7/text": "y"`:                                {at + `text":"y"`},
		`"ctx/_location": "Ward 3", ` + eventText:                                     {`"every_type/context/_location":"Ward 3"`},
	} {
		text := string(syntax.WriteFlat(decompose.Decompose(w, composed(t, w, head+sent+"}"))))
		for _, member := range want {
			if !strings.Contains(text, member) {
				t.Errorf("%s: no %s in %s", sent, member, text)
			}
		}
		if strings.Contains(text, "|raw") || strings.Contains(text, "|_type") || strings.Contains(text, "ctx/") {
			t.Errorf("%s: more than its keys in %s", sent, text)
		}
	}
}

// TestKeys: the key of a node leads back to the text that the document has there.
func TestKeys(t *testing.T) {
	w := everyType(t)
	tree := composed(t, w, head+`"every_type/reading:0/any_event:0/text": "first", "every_type/reading:0/any_event:1/text": "second", "every_type/reading:1/any_event:0/text": "third"}`)
	found := map[string]string{}
	for _, k := range decompose.Keys(w, tree) {
		if tree.Kind(k.Node) == rm.Object && tree.Class(k.Node) == rminfo.DV_TEXT {
			found[k.Item.Key()] = tree.TextAt(k.Node, rminfo.A_value)
		}
	}
	for key, want := range map[string]string{"reading:0/any_event:0": "first", "reading:0/any_event:1": "second", "reading:1/any_event:0": "third"} {
		if got := found["every_type/"+key+"/text"]; got != want {
			t.Errorf("%s: %q, want %q in %v", key, got, want, found)
		}
	}
}

// TestNoKeyIsRaw: what the web template has no key for is canonical JSON at the
// nearest node, and reads as the same tree; a composition of another template is
// told from one of this.
func TestNoKeyIsRaw(t *testing.T) {
	w := everyType(t)
	tree := composed(t, w, head+eventText+"}")
	text := string(canon.WriteJSON(nil, tree, tree.Root()))
	for name, changed := range map[string]string{
		"a node the template does not have": strings.Replace(text, `"archetype_node_id":"at0017"`, `"archetype_node_id":"at0999"`, 1),
		"a name of a collapsed level":       strings.Replace(text, `"value":"Tree"`, `"value":"Baum"`, 1),
		"another class of structure":        strings.Replace(text, `"_type":"ITEM_TREE"`, `"_type":"ITEM_LIST"`, 1),
		"a uid of a collapsed level":        strings.Replace(text, `"_type":"ITEM_TREE"`, `"_type":"ITEM_TREE","uid":{"_type":"HIER_OBJECT_ID","value":"5ae1c45c-53c2-4e3a-b9ff-c979e0494f35"}`, 1),
	} {
		if changed == text {
			t.Fatal(name, " changes nothing")
		}
		other, err := canon.ReadJSON([]byte(changed), rminfo.COMPOSITION, canon.ReadOptions{})
		if err != nil {
			t.Fatal(name, err)
		}
		written := string(syntax.WriteFlat(decompose.Decompose(w, other)))
		if !strings.Contains(written, `|raw":`) {
			t.Errorf("%s: no canonical JSON in %s", name, written)
		}
		again := composed(t, w, written)
		if got, want := canon.WriteJSON(nil, again, again.Root()), canon.WriteJSON(nil, other, other.Root()); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s\nis not\n%s", name, got, want)
		}
	}
	foreign, err := canon.ReadJSON([]byte(strings.Replace(text, `"value":"Every type.v1"`, `"value":"Other.v1"`, 1)), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := decompose.MatchesTemplate(w.Template, foreign); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("another template: %v", err)
	}
	if err := decompose.MatchesTemplate(w.Template, tree); err != nil {
		t.Error(err)
	}
}
