package binding_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/templates"
)

// order is the form of our genomic test order.
func order(t testing.TB) *sdc.Form {
	t.Helper()
	return formOf(t, "opt/genomic_test_order.v1.opt")
}

func shipped(t testing.TB, form *sdc.Form) []*binding.Form {
	t.Helper()
	paths, err := fs.Glob(templates.FS, "bindings/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	var out []*binding.Form
	for _, path := range paths {
		text, err := templates.FS.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := binding.Read(text)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		bound, err := binding.Bind(b, form)
		if err != nil {
			t.Fatalf("%s: %+v", path, fault.Of(err).Issues)
		}
		out = append(out, bound)
	}
	return out
}

type item struct {
	LinkID       string            `json:"linkId"`
	Type         string            `json:"type"`
	Repeats      bool              `json:"repeats"`
	Item         []item            `json:"item"`
	AnswerOption []json.RawMessage `json:"answerOption"`
}

// foreign is the form of the fixtures that a binding is for.
func foreign(t *testing.T, b *binding.Form) []item {
	t.Helper()
	name := b.Questionnaire[strings.LastIndexByte(b.Questionnaire, '/')+1:]
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "fixtures", "sdc", "nwgmsa__Questionnaire-"+name+".json"))
	if err != nil {
		t.Skipf("no foreign form to answer: %v", err)
	}
	var q struct {
		Item []item `json:"item"`
	}
	if err := json.Unmarshal(text, &q); err != nil {
		t.Fatal(err)
	}
	return q.Item
}

// filler answers a foreign form.
type filler struct {
	pick     func(n int) int
	answered []string
	n        int
}

func (f *filler) answer(i item) map[string]any {
	f.n++
	if len(i.AnswerOption) > 0 {
		var o map[string]any
		_ = json.Unmarshal(i.AnswerOption[f.pick(len(i.AnswerOption))], &o)
		delete(o, "extension")
		if c, ok := o["valueCoding"].(map[string]any); ok && i.Type == "string" {
			return map[string]any{"valueString": c["display"]}
		}
		return o
	}
	switch i.Type {
	case "string":
		return map[string]any{"valueString": fmt.Sprintf("Words %d", f.n)}
	case "choice":
		return map[string]any{"valueCoding": map[string]any{"system": "https://example.org/codes", "code": fmt.Sprint("c", f.n), "display": fmt.Sprint("Code ", f.n)}}
	case "date":
		return map[string]any{"valueDate": "2026-03-02"}
	case "dateTime":
		return map[string]any{"valueDateTime": "2026-03-02T10:30:00+01:00"}
	case "integer":
		return map[string]any{"valueInteger": json.Number("31")}
	case "decimal":
		return map[string]any{"valueDecimal": json.Number("4.50")}
	case "quantity":
		return map[string]any{"valueQuantity": map[string]any{"value": json.Number("40"), "unit": "%", "code": "%", "system": "http://unitsofmeasure.org"}}
	case "reference":
		return map[string]any{"valueReference": map[string]any{"reference": "DiagnosticReport/1", "display": "An earlier report"}}
	}
	return map[string]any{"valueString": "x"}
}

func (f *filler) items(list []item, all bool) []any {
	var out []any
	for _, i := range list {
		if i.Type == "display" || !all && f.pick(3) == 0 && i.LinkID != "HealthcareProfessional" && i.LinkID != "LN/18705-4" && i.LinkID != "TestRequest" && !strings.HasPrefix(i.LinkID, "HL7/OBR-4") {
			continue
		}
		times := 1
		if i.Repeats {
			times = 1 + f.pick(3)
		}
		if i.Type == "group" {
			if nested := f.items(i.Item, all); nested != nil {
				out = append(out, map[string]any{"linkId": i.LinkID, "item": nested})
			}
			continue
		}
		entry := map[string]any{"linkId": i.LinkID, "text": "Question " + i.LinkID}
		var answers []any
		for range times {
			answers = append(answers, f.answer(i))
		}
		if nested := f.items(i.Item, all); nested != nil {
			answers[0].(map[string]any)["item"] = nested
		}
		f.answered = append(f.answered, i.LinkID)
		entry["answer"] = answers
		out = append(out, entry)
	}
	return out
}

func (f *filler) response(t *testing.T, b *binding.Form, list []item, all bool) []byte {
	t.Helper()
	items := f.items(list, all)
	text, err := json.Marshal(map[string]any{"resourceType": "QuestionnaireResponse", "questionnaire": b.Questionnaire, "status": "completed",
		"authored": "2026-03-02T09:00:00Z", "item": items, "extension": []any{map[string]any{"url": "https://example.org/x", "valueString": "kept"}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var facts = sdc.Facts{Composer: "Dr Example", Authored: "2026-03-02T09:00:00Z", Territory: "GB"}

// sealed is the composition of a foreign response, written and read again.
func sealed(t *testing.T, b *binding.Form, text []byte) (*rm.Tree, *binding.Draft) {
	t.Helper()
	d, err := b.Translate(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := b.SDC.Compose(nil, d.Response, facts)
	if err != nil {
		t.Fatalf("%+v", fault.Of(err).Issues)
	}
	tree, err := d.Seal(made.Tree, "2026-03-02T09:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	back, err := canon.ReadJSON(canon.WriteJSON(nil, tree, tree.Root()), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return back, d
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	for _, v := range []struct {
		text []byte
		into *any
	}{{a, &x}, {b, &y}} {
		dec := json.NewDecoder(bytes.NewReader(v.text))
		dec.UseNumber()
		if err := dec.Decode(v.into); err != nil {
			t.Fatal(err)
		}
	}
	return reflect.DeepEqual(x, y)
}

// TestForeignOrderComesBackEqual: the NHS order as a response is a valid
// composition of our order, and the same response again.
func TestForeignOrderComesBackEqual(t *testing.T) {
	form := order(t)
	for _, b := range shipped(t, form) {
		list := foreign(t, b)
		bound, kept, whole := 0, 0, 0
		for n := range 60 {
			random := rand.New(rand.NewPCG(5, uint64(n)))
			f := &filler{pick: random.IntN}
			text := f.response(t, b, list, n == 0)
			tree, d := sealed(t, b, text)
			for _, issue := range validate.Check(tree, form.Template, validate.Options{}) {
				if !issue.Warning {
					t.Errorf("%s: %s %s: %s (%s)", b.Questionnaire, issue.AQLPath, issue.Rule, issue.Message, issue.Found)
				}
			}
			again, err := b.Respond(tree)
			if err != nil {
				t.Fatal(err)
			}
			if !same(t, text, again) {
				t.Errorf("%s: another response comes back\n%s\n%s", b.Questionnaire, text, again)
			}
			if n == 0 {
				for _, linkID := range d.Kept {
					if b.Unbound[linkID] == "" {
						kept++
						t.Logf("%s: %s is kept beside the composition", b.Questionnaire, linkID)
					}
				}
				bound = d.Bound
				whole = bound - strings.Count(sdc.FeederOf(tree).Content, `"said":`)
			}
		}
		t.Logf("%s: %d answers bound (%d of them said whole by the composition), %d questions kept", b.Questionnaire, bound, whole, kept)
		if bound < 40 || kept > 6 {
			t.Errorf("%s: too few answers are bound", b.Questionnaire)
		}
	}
}

// TestForeignOrderFollowsTheComposition: what is changed in the composition is
// changed in the response, and nothing else.
func TestForeignOrderFollowsTheComposition(t *testing.T) {
	form := order(t)
	b := shipped(t, form)[0]
	text := []byte(`{"resourceType":"QuestionnaireResponse","questionnaire":"` + b.Questionnaire + `","status":"completed","item":[
		{"linkId":"Patient","item":[{"linkId":"LN/89061-6","answer":[{"valueString":"9990000001"}]}]},
		{"linkId":"HealthcareProfessional","item":[{"linkId":"LN/18705-4","answer":[{"valueString":"Dr One"}]},{"linkId":"LN/81230-5","answer":[{"valueString":"01632 960001"}]}]},
		{"linkId":"TestRequest","item":[{"linkId":"HL7/OBR-4-h","answer":[{"valueCoding":{"system":"https://example.org/tests","code":"R93.1","display":"Thalassaemia"}}]},
			{"linkId":"LN/82768-3","answer":[{"valueCoding":{"code":"urgent"}}]},{"linkId":"SNM/598151000005105","answer":[{"valueInteger":31}]},
			{"linkId":"nowhere","answer":[{"valueDecimal":1.50,"item":[{"linkId":"deeper","answer":[{"valueString":"kept"}]}]}]}]}]}`)
	if got := b.Personal(text); len(got) != 1 || got[0].Value != "9990000001" || got[0].System != "https://fhir.nhs.uk/Id/nhs-number" {
		t.Errorf("%v", got)
	}
	tree, d := sealed(t, b, text)
	if again, err := b.Respond(tree); err != nil || !same(t, text, again) {
		t.Fatalf("%v\n%s", err, again)
	}
	if fmt.Sprint(d.Kept) != "[LN/89061-6 nowhere deeper]" {
		t.Errorf("kept: %v", d.Kept)
	}
	doc := string(canon.WriteJSON(nil, tree, tree.Root()))
	for _, want := range []string{`"value":"P31W"`, `"code_string":"at0137"`, `"code_string":"at0006"`, `"code_string":"R93.1"`, `"narrative":{"_type":"DV_TEXT","value":"Thalassaemia"}`} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %s in the composition", want)
		}
	}
	for from, to := range map[string]string{"Dr One": "Dr Two", "P31W": "P32W", `"at0137"`: `"at0138"`} {
		doc = strings.Replace(doc, from, to, 1)
	}
	edited, err := canon.ReadJSON([]byte(doc), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := text
	for from, to := range map[string]string{"Dr One": "Dr Two", `"valueInteger":31`: `"valueInteger":32`, `"urgent"`: `"routine"`} {
		want = bytes.Replace(want, []byte(from), []byte(to), 1)
	}
	if again, err := b.Respond(edited); err != nil || !same(t, want, again) {
		t.Errorf("%v\n%s\n%s", err, want, again)
	}
	plain, err := sdc.Unfed(edited)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Respond(plain); err == nil {
		t.Error("a composition of another way has no foreign response")
	}
}

// TestBadBindings: what a file says wrongly is named.
func TestBadBindings(t *testing.T) {
	form := order(t)
	head := "questionnaire: https://example.org/q\ntemplate: Genomic test order.v1\n"
	for name, tc := range map[string]struct{ text, rule string }{
		"no YAML":         {"{", "yaml"},
		"unknown member":  {head + "colour: red\n", "yaml"},
		"two documents":   {head + "---\n" + head, "yaml"},
		"no template":     {"questionnaire: https://example.org/q\n", "required"},
		"no path":         {head + "items: [{linkId: a}]\n", "required"},
		"twice":           {head + "items: [{linkId: a, path: /x}, {linkId: a, path: /y}]\n", "twice"},
		"path of nothing": {head + "items: [{linkId: a, path: '/content[openEHR-EHR-INSTRUCTION.service_request.v1]/nothing'}]\n", "path-unknown"},
		"a group":         {head + "items: [{linkId: a, path: '/content[openEHR-EHR-INSTRUCTION.service_request.v1]'}]\n", "path-unknown"},
		"other template":  {"questionnaire: https://example.org/q\ntemplate: Another.v1\n", "template"},
		"unknown code": {head + "items: [{linkId: a, path: '/content[openEHR-EHR-INSTRUCTION.service_request.v1]/activities[at0001]/description[at0009]/items[at0068]', values: {x: at9999}}]\n",
			"code-unknown"},
		"not repeating": {head + "groups: [{linkId: a, path: '/content[openEHR-EHR-INSTRUCTION.service_request.v1]'}]\n", "path-unknown"},
	} {
		b, err := binding.Read([]byte(tc.text))
		if err == nil {
			_, err = binding.Bind(b, form)
		}
		if f := fault.Of(err); err == nil || len(f.Issues) == 0 || f.Issues[0].Rule != tc.rule {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	text, err := templates.FS.ReadFile("bindings/nw_genomics_test_order.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("paths: {a: $b, b: $a}\nquestionnaire: x\ntemplate: y\nitems: [{linkId: a, path: $a/x}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := binding.Read(text)
		if err != nil {
			return
		}
		written, err := b.Write()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := binding.Read(written); err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
	})
}
