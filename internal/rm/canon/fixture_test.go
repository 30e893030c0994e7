package canon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// faulty lists the fixtures that are no objects of their class, with the code
// that says so.
var faulty = map[string]string{
	"compositions/canonical-json/invalid/nested.en.v1__invalid_wrong_structure.json": "json-syntax",
	"compositions/validation/base/Test_dv_ordinal_open_constraint.v0__.json":         "json-member-unknown",
	"aql/data/compositions/all_types_systematic_tests_feeder_audit.json":             "json-member-unknown",
	"ehr/invalid/003_ehr_status_subject_id_empty.json":                               "json-class-missing",
	"directory/sdk__folder_with_items.json":                                          "json-class-unknown",
}

func TestFixturesReadAndPrintBack(t *testing.T) {
	fixtures.Objects(t, func(name, file, class string) {
		if base := filepath.Base(file); base == "manifest.json" || strings.HasSuffix(base, "_flat.json") {
			return
		}
		want, _ := rminfo.ClassByName(class)
		t.Run(name, func(t *testing.T) { printsBack(t, file, faulty[name], want) })
	})
}

func printsBack(t *testing.T, file, code string, want rminfo.Class) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := canon.ReadJSON(data, want, canon.ReadOptions{})
	if code != "" {
		if f := fault.Of(err); f.Kind != fault.Invalid || f.Code != code {
			t.Fatalf("%v, want %s", err, code)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	out := canon.WriteJSON(nil, tree, 0)
	for _, d := range differences(parse(t, data), parse(t, out)) {
		t.Error(d)
	}
	again, err := canon.ReadStored(out)
	if err != nil {
		t.Fatal(err)
	}
	if twice := canon.WriteJSON(nil, again, 0); !bytes.Equal(out, twice) {
		t.Error("a second reading changes the document")
	}
	sameNodes(t, tree, again)
}

// object is a JSON object in the order of its text: the independent view of a
// document that the tests compare with.
type object []field

type field struct {
	name  string
	value any
}

func (o object) get(name string) any {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// parse reads JSON with the standard library, keeping order and number text.
func parse(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := ordered(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatal("text after the document")
	}
	return v
}

func ordered(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := ordered(d)
			if err != nil {
				return nil, err
			}
			o = append(o, field{name.(string), v})
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		l := []any{}
		for d.More() {
			v, err := ordered(d)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, err := d.Token()
		return l, err
	}
	return token, nil
}

// differences compares what was sent with what was printed and allows what the
// closed list of canonicalisations allows, nothing else.
func differences(sent, printed any) []string {
	var found []string
	compare("", sent, printed, &found)
	return found
}

func compare(path string, sent, printed any, found *[]string) {
	report := func() {
		*found = append(*found, fmt.Sprintf("%s: sent %.100v, printed %.100v", path, sent, printed))
	}
	switch s := sent.(type) {
	case object:
		p, ok := printed.(object)
		typed := ok && len(p) > 0 && p[0].name == "_type"
		if !ok || !typed && p.get("_type") != nil {
			report()
			return
		}
		class, sentTyped := s.get("_type").(string)
		if name, _, _ := strings.Cut(class, "<"); sentTyped && (!typed || name != p[0].value) {
			report()
			return
		}
		// A class that was not sent is added at the root and where the place does
		// not imply it: the two abstract types whose class the text tells.
		if typed && !sentTyped && path != "" && !strings.HasSuffix(path, "/id") && !strings.HasSuffix(path, "/uid") {
			report()
			return
		}
		kept := object{}
		for _, f := range s {
			if list, ok := f.value.([]any); f.name != "_type" && f.value != nil && (!ok || len(list) > 0) {
				kept = append(kept, f)
			}
		}
		if typed {
			p = p[1:]
		}
		if len(kept) != len(p) {
			report()
			return
		}
		for i, f := range kept {
			if f.name != p[i].name {
				report()
				return
			}
			compare(path+"/"+f.name, f.value, p[i].value, found)
		}
	case []any:
		p, ok := printed.([]any)
		if !ok || len(s) != len(p) {
			report()
			return
		}
		for i := range s {
			compare(fmt.Sprint(path, "/", i), s[i], p[i], found)
		}
	case string:
		if n, ok := printed.(json.Number); ok && string(n) == s {
			return
		}
		if s != printed {
			report()
		}
	default:
		if sent != printed {
			report()
		}
	}
}
