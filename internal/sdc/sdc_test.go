package sdc

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

var facts = Facts{Composer: "Dr Example", Authored: "2026-03-02T09:00:00Z", Territory: "GB"}

func compile(t testing.TB, text []byte) *template.Compiled {
	t.Helper()
	parsed, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := template.Compile(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

type own struct {
	form     *Form
	examples map[string]*rm.Tree
}

func ours(t testing.TB) map[string]own {
	t.Helper()
	out := map[string]own{}
	for _, shipped := range templates.All() {
		text, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		o := own{Build(compile(t, text)), map[string]*rm.Tree{}}
		for _, path := range shipped.Examples {
			doc, err := templates.FS.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if o.examples[filepath.Base(path)], err = canon.ReadJSON(doc, rminfo.COMPOSITION, canon.ReadOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		out[shipped.ID] = o
	}
	return out
}

// wire sends a response over the wire and back.
func wire(t testing.TB, r *fhir.QuestionnaireResponse) *fhir.QuestionnaireResponse {
	t.Helper()
	r.Status = "completed"
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back, err := fhir.ReadResponse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return back
}

func doc(t *rm.Tree) string { return string(canon.WriteJSON(nil, t, t.Root())) }

// goldens are the templates whose forms are kept to compare with: one of
// readings, one of judgements, one in two languages.
var goldens = map[string]bool{"Vital signs observations.v1": true, "Emergency care plan.v1": true, "About me.v1": true}

func TestQuestionnairesOfOurTemplates(t *testing.T) {
	for id, o := range ours(t) {
		version := "1"
		as := Rendering{ID: QuestionnaireID(id, version), URL: "https://example.org/Questionnaire/" + QuestionnaireID(id, version), Version: version}
		q := o.form.Questionnaire(as)
		text, err := json.MarshalIndent(q, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		again, _ := json.MarshalIndent(Build(o.form.Template).Questionnaire(as), "", " ")
		if !bytes.Equal(text, again) {
			t.Errorf("%s: two runs give different forms", id)
		}
		if !goldens[id] {
			continue
		}
		golden := filepath.Join("testdata", q.ID[:len(q.ID)-9]+".json")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, append(text, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(text)+"\n" {
			t.Errorf("%s differs from %s; run with -update and read the difference", id, golden)
		}
	}
}

func TestUntouchedComesBackEqual(t *testing.T) {
	for id, o := range ours(t) {
		for name, tree := range o.examples {
			back, err := o.form.Compose(tree, wire(t, o.form.Issue(tree, "token")), facts)
			if err != nil {
				t.Errorf("%s %s: %v", id, name, err)
				continue
			}
			if got, want := doc(back.Tree), doc(tree); got != want || back.Changed != 0 {
				t.Errorf("%s %s: %d nodes changed\n%s\n%s", id, name, back.Changed, want, got)
			}
		}
	}
}

// TestBlankFormHoldsTheSameAnswers: answers alone, without the composition they
// came from, make a composition with the same answers.
func TestBlankFormHoldsTheSameAnswers(t *testing.T) {
	for id, o := range ours(t) {
		for name, tree := range o.examples {
			issued := o.form.Issue(tree, "")
			made, err := o.form.Compose(nil, withoutKeys(wire(t, issued)), facts)
			if err != nil {
				t.Errorf("%s %s: %v", id, name, err)
				continue
			}
			again := o.form.Issue(made.Tree, "")
			if strings.Contains(doc(tree), `"composer":{"_type":"PARTY_SELF"}`) { // a form names who signs it
				again = withoutItem(again, o.form.Root.LinkID+"/composer")
			}
			want, _ := json.Marshal(issued.Item)
			got, _ := json.Marshal(again.Item)
			if string(want) != string(got) {
				t.Errorf("%s %s:\n%s\n%s", id, name, want, got)
			}
		}
	}
}

func withoutKeys(r *fhir.QuestionnaireResponse) *fhir.QuestionnaireResponse {
	return withoutItem(r, keySuffix)
}

// withoutItem takes out the items whose linkId ends so.
func withoutItem(r *fhir.QuestionnaireResponse, suffix string) *fhir.QuestionnaireResponse {
	var strip func(items []fhir.ResponseItem) []fhir.ResponseItem
	strip = func(items []fhir.ResponseItem) []fhir.ResponseItem {
		var out []fhir.ResponseItem
		for _, i := range items {
			if strings.HasSuffix(i.LinkID, suffix) {
				continue
			}
			i.Item = strip(i.Item)
			out = append(out, i)
		}
		return out
	}
	r.Item = strip(r.Item)
	return r
}

// TestOneEditChangesOneNode edits answers in turn: all of a small example, every
// nth of a large one.
func TestOneEditChangesOneNode(t *testing.T) {
	for id, o := range ours(t) {
		for name, tree := range o.examples {
			issued := o.form.Issue(tree, "")
			edited, seen, all := 0, 0, 0
			eachAnswer(issued.Item, func(string, *fhir.Answer) { all++ })
			eachAnswer(issued.Item, func(linkID string, a *fhir.Answer) {
				item := o.form.Item(linkID)
				if seen++; item == nil || item.Kind == Carrier || seen%(1+all/25) != 0 {
					return
				}
				// The step says the state, and the value answered says its kind: edited
				// alone, either contradicts the other, which is refused.
				if strings.HasSuffix(linkID, "/current_state") || strings.HasSuffix(linkID, "/_type") {
					return
				}
				before := *a
				if !o.form.alter(item, a) {
					return
				}
				edited++
				r, err := o.form.Compose(tree, wire(t, issued), facts)
				*a = before
				if err != nil {
					t.Errorf("%s %s: edit of %s: %v", id, name, linkID, err)
					return
				}
				if r.Changed != 1 || doc(r.Tree) == doc(tree) {
					t.Errorf("%s %s: edit of %s changed %d nodes", id, name, linkID, r.Changed)
				}
				if lines := differing(doc(tree), doc(r.Tree)); lines > 12 {
					t.Errorf("%s %s: edit of %s changed %d members", id, name, linkID, lines)
				}
			})
			if edited == 0 {
				t.Errorf("%s %s: nothing was edited", id, name)
			}
		}
	}
}

// differing counts the leaves that stand in one document and not in the other.
func differing(a, b string) int {
	count := map[string]int{}
	leaves := func(text string, sign int) {
		var v any
		_ = json.Unmarshal([]byte(text), &v)
		var walk func(path string, v any)
		walk = func(path string, v any) {
			switch v := v.(type) {
			case map[string]any:
				for k, c := range v {
					walk(path+"/"+k, c)
				}
			case []any:
				for _, c := range v {
					walk(path, c)
				}
			default:
				leaf, _ := json.Marshal(v)
				count[path+"="+string(leaf)] += sign
			}
		}
		walk("", v)
	}
	leaves(a, 1)
	leaves(b, -1)
	n := 0
	for _, c := range count {
		if c != 0 {
			n++
		}
	}
	return n
}

func eachAnswer(items []fhir.ResponseItem, do func(linkID string, a *fhir.Answer)) {
	for n := range items {
		for m := range items[n].Answer {
			do(items[n].LinkID, &items[n].Answer[m])
		}
		eachAnswer(items[n].Item, do)
	}
}

// alter changes an answer to another the form allows.
func (f *Form) alter(i *Item, a *fhir.Answer) bool {
	switch {
	case a.ValueBoolean != nil:
		v := !*a.ValueBoolean
		a.ValueBoolean = &v
	case a.ValueInteger != nil:
		n := fhir.Decimal("7")
		if *a.ValueInteger == n {
			n = "8"
		}
		a.ValueInteger = &n
	case a.ValueDecimal != nil:
		n := fhir.Decimal("7.5")
		a.ValueDecimal = &n
	case a.ValueQuantity != nil:
		n := fhir.Decimal("41.5")
		if i.Class == rminfo.DV_DURATION {
			n = "41"
		}
		q := *a.ValueQuantity
		q.Value = &n
		a.ValueQuantity = &q
	case a.ValueCoding != nil:
		for _, o := range f.options(i, "") {
			if o.code != a.ValueCoding.Code {
				a.ValueCoding = &fhir.Coding{System: f.system(i, o.terminology), Code: o.code}
				return true
			}
		}
		return false
	case a.ValueAttachment != nil:
		with := *a.ValueAttachment
		with.Title += "another"
		a.ValueAttachment = &with
	case a.ValueDate != "":
		a.ValueDate = "1999-01"
	case a.ValueTime != "":
		a.ValueTime = "03:04:05"
	case a.ValueDateTime != "":
		a.ValueDateTime = "1999-01-02T03:04:05Z"
	case i.Class == rminfo.DV_DURATION:
		a.ValueString = "P9W"
	case itemType(i.Class) == "text":
		return false
	default:
		a.ValueString += " (edited)"
	}
	return true
}

func TestAbsentIsNotDeleted(t *testing.T) {
	o := ours(t)["Vital signs observations.v1"]
	tree := o.examples["vital_signs_full.json"]
	nothing := &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Item: []fhir.ResponseItem{{LinkID: o.form.Root.LinkID}}}
	r, err := o.form.Compose(tree, wire(t, nothing), facts)
	if err != nil || doc(r.Tree) != doc(tree) {
		t.Fatalf("an empty response changed the record: %v", err)
	}
	first := o.form.Root.LinkID + "/blood_pressure:0/any_event:0/systolic"
	nothing.Item[0].Item = []fhir.ResponseItem{{LinkID: DeletionsLinkID, Answer: []fhir.Answer{{ValueString: first}}}}
	r, err = o.form.Compose(tree, wire(t, nothing), facts)
	if err != nil || r.Changed != 1 || len(r.Removed) != 1 || r.Removed[0] != first {
		t.Fatalf("a deletion by name: %+v, %v", r, err)
	}
	if strings.Contains(doc(r.Tree), "128.0") || !strings.Contains(doc(r.Tree), "76.0") {
		t.Error("not exactly the systolic pressure is gone")
	}
	nothing.Item[0].Item[0].Answer[0].ValueString = first + "x"
	if _, err := o.form.Compose(tree, wire(t, nothing), facts); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("a deletion of what was never issued: %v", err)
	}
}

func TestWrongAnswersAreNamed(t *testing.T) {
	o := ours(t)["Vital signs observations.v1"]
	root := o.form.Root.LinkID
	for _, tc := range []struct{ name, items, rule string }{
		{"unknown item", `{"linkId":"` + root + `/blod_pressure"}`, "unknown-item"},
		{"item below an answer", `{"linkId":"` + root + `/start_time","answer":[{"valueDateTime":"2026-03-02T09:00:00Z","item":[{"linkId":"x"}]}]}`, "unknown-item"},
		{"key that is none", `{"linkId":"` + root + `/blood_pressure","item":[{"linkId":"` + root + `/blood_pressure/_key","answer":[{"valueString":"z"}]}]}`, "key-unknown"},
		{"half a count", `{"linkId":"` + root + `/news2_score","item":[{"linkId":"` + root + `/news2_score/any_point_in_time_event","item":[{"linkId":"` + root +
			`/news2_score/any_point_in_time_event/total_score","answer":[{"valueInteger":1.5}]}]}]}`, "answer"},
		{"a number out of range", `{"linkId":"` + root + `/blood_pressure","item":[{"linkId":"` + root + `/blood_pressure/any_event","item":[{"linkId":"` + root +
			`/blood_pressure/any_event/systolic","answer":[{"valueQuantity":{"value":1e400,"unit":"mm[Hg]"}}]}]}]}`, "answer"},
		{"answered group", `{"linkId":"` + root + `/blood_pressure","answer":[{"valueString":"x"}]}`, "group-answered"},
	} {
		text := `{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"` + root + `","item":[` + tc.items + `]}]}`
		r, err := fhir.ReadResponse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = o.form.Compose(nil, r, facts)
		var f *fault.Error
		if !errors.As(err, &f) || len(f.Issues) == 0 || f.Issues[0].Rule != tc.rule {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	o := ours(b)["Vital signs observations.v1"]
	tree := o.examples["vital_signs_full.json"]
	r := o.form.Issue(tree, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.form.Compose(tree, r, facts); err != nil {
			b.Fatal(err)
		}
	}
}
