package sdc

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/validate"
)

// lhcForms does to a response what LHC-Forms 40 was seen to do, worse where it
// can be: the answers of a known renderer's worst day.
func lhcForms(f *Form, r *fhir.QuestionnaireResponse) *fhir.QuestionnaireResponse {
	var walk func(items []fhir.ResponseItem) []fhir.ResponseItem
	walk = func(items []fhir.ResponseItem) []fhir.ResponseItem {
		var out []fhir.ResponseItem
		for _, i := range items {
			var answers []fhir.Answer
			for _, a := range i.Answer {
				if item := f.Item(i.LinkID); item != nil {
					if back := rendered(item, a, f.options(item, "")); back != nil {
						answers = append(answers, *back)
					}
				} else {
					answers = append(answers, a)
				}
			}
			i.Answer, i.Item = answers, walk(i.Item)
			if len(i.Answer)+len(i.Item) > 0 {
				out = append(out, i)
			}
		}
		return out
	}
	r.Item = walk(r.Item)
	r.ID, r.Identifier, r.Subject, r.Author = "", nil, nil, nil
	return r
}

// TestUntouchedThroughARenderer: with the base, nothing changes however the
// renderer coarsened the answers.
func TestUntouchedThroughARenderer(t *testing.T) {
	for _, c := range fillings(t, fixtureForms(t)) {
		for _, mode := range []Mode{FormMode, Faithful, Compact} {
			r, err := c.form.Compose(c.tree, lhcForms(c.form, wire(t, c.form.IssueAs(c.tree, Issuance{Mode: mode}))), facts)
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, mode, err)
				continue
			}
			if r.Changed != 0 || doc(r.Tree) != doc(c.tree) {
				t.Errorf("%s, %s: %d nodes changed", c.name, mode, r.Changed)
			}
		}
	}
}

// leaves counts the values of a document by path.
func leaves(text string) map[string]int {
	out := map[string]int{}
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
			out[path+"="+string(leaf)]++
		}
	}
	walk("", v)
	return out
}

// kept counts the leaves of one document that another has, and all it has.
func kept(want, got string) (same, all int) {
	have := leaves(got)
	for leaf, n := range leaves(want) {
		all += n
		same += min(n, have[leaf])
	}
	return same, all
}

// TestStateless: a response comes to the composition it was issued from without
// the base, by its items and by what it carries, through a renderer and without.
func TestStateless(t *testing.T) {
	var byItems, byAll, through, all, carried, size, equal, n int
	for _, c := range fillings(t, fixtureForms(t)) {
		want := doc(c.tree)
		compose := func(as Issuance, renderer bool) *Result {
			r := wire(t, c.form.IssueAs(c.tree, as))
			if renderer {
				r = lhcForms(c.form, r)
			}
			made, err := c.form.Compose(nil, r, Facts{Composer: "Somebody Else", Authored: "2031-01-01T00:00:00Z", Territory: "DE"})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				return nil
			}
			return made
		}
		items := compose(Issuance{Mode: Faithful}, false)
		if items == nil {
			continue
		}
		same, leaves := kept(want, doc(items.Tree))
		byItems, all, n = byItems+same, all+leaves, n+1
		for _, mode := range []Mode{FormMode, Faithful, Compact} {
			as := Issuance{Mode: mode, Carry: true}
			whole, worst := compose(as, false), compose(as, true)
			if whole == nil || worst == nil {
				continue
			}
			for _, made := range []*rm.Tree{whole.Tree, worst.Tree} {
				if !alike(c.tree, c.tree.Root(), made, made.Root()) {
					t.Errorf("%s, %s: %d members differ", c.name, mode, differing(want, doc(made)))
				}
			}
			if mode == Faithful {
				same, _ = kept(want, doc(whole.Tree))
				lhc, _ := kept(want, doc(worst.Tree))
				byAll, through, equal = byAll+same, through+lhc, equal+1
				carried, size = carried+len(c.form.IssueAs(c.tree, as).Item[0].Item[0].Answer[0].ValueString), size+len(want)
			}
		}
	}
	share := func(part int) float64 { return 100 * float64(part) / float64(all) }
	t.Logf("%d compositions, %d values: %.1f %% by items alone, %.2f %% with the residue (%.0f %% of the document), %.2f %% through a renderer",
		n, all, share(byItems), share(byAll), 100*float64(carried)/float64(size), share(through))
	if share(byItems) < 75 || share(byAll) < 99 || share(through) < 99 {
		t.Error("too much is lost")
	}
}

// TestEditsWithoutTheBase: an edit of a response that carries its rest changes
// that answer alone, and an answer that is gone is refused by name.
func TestEditsWithoutTheBase(t *testing.T) {
	o := ours(t)["Vital signs observations.v1"]
	tree := o.examples["vital_signs_full.json"]
	issued := o.form.IssueAs(tree, Issuance{Carry: true})
	edited := false
	eachAnswer(issued.Item, func(linkID string, a *fhir.Answer) {
		if strings.HasSuffix(linkID, "/position") && !edited {
			edited = o.form.alter(o.form.Item(linkID), a)
		}
	})
	r, err := o.form.Compose(nil, lhcForms(o.form, wire(t, issued)), facts)
	if err != nil {
		t.Fatal(err)
	}
	if lines := differing(doc(tree), doc(r.Tree)); lines != 4 {
		t.Errorf("%d members differ", lines)
	}
	text, _ := json.Marshal(issued)
	lost := strings.Replace(string(text), `/position"`, `/position-gone"`, 1)
	back, err := fhir.ReadResponse([]byte(lost))
	if err != nil {
		t.Fatal(err)
	}
	var without func(items []fhir.ResponseItem) []fhir.ResponseItem
	without = func(items []fhir.ResponseItem) []fhir.ResponseItem {
		var out []fhir.ResponseItem
		for _, i := range items {
			if !strings.HasSuffix(i.LinkID, "-gone") {
				i.Item = without(i.Item)
				out = append(out, i)
			}
		}
		return out
	}
	back.Item = without(back.Item)
	_, err = o.form.Compose(nil, back, facts)
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Issues) != 1 || f.Issues[0].Rule != "answer-missing" || !strings.HasSuffix(f.Issues[0].FlatKey, "/position") {
		t.Errorf("%v", err)
	}
}

// allEdits bounds the edits of a whole run; CI makes a share of them.
const allEdits = 30_000

// TestEveryEdit edits each item of each composition once, or a sample of them:
// exactly one node changes. QUIRE_EDITS=30000 makes all.
func TestEveryEdit(t *testing.T) {
	type edit struct {
		of     int
		linkID string
	}
	list := fillings(t, fixtureForms(t))
	var edits []edit
	for n, c := range list {
		seen := map[string]bool{}
		eachAnswer(c.form.IssueAs(c.tree, Issuance{Mode: Faithful}).Item, func(linkID string, _ *fhir.Answer) {
			if item := c.form.Item(linkID); item != nil && item.Kind != Carrier && !seen[linkID] && !(item.Kind == Aside && item.Attr == 0) {
				seen[linkID] = true
				edits = append(edits, edit{n, linkID})
			}
		})
	}
	total := len(edits)
	rand.New(rand.NewPCG(seeded(t), 7)).Shuffle(len(edits), func(a, b int) { edits[a], edits[b] = edits[b], edits[a] })
	edits = edits[:min(len(edits), share(t, "QUIRE_EDITS", allEdits))]
	sort.Slice(edits, func(a, b int) bool { return edits[a].of < edits[b].of })
	tried := 0
	var issued *fhir.QuestionnaireResponse
	var before map[string]int
	for n, e := range edits {
		c := list[e.of]
		if n == 0 || edits[n-1].of != e.of {
			issued, before = wire(t, c.form.IssueAs(c.tree, Issuance{Mode: Faithful})), leaves(doc(c.tree))
		}
		done := false
		eachAnswer(issued.Item, func(linkID string, a *fhir.Answer) {
			if linkID != e.linkID || done {
				return
			}
			was := *a
			if done = c.form.alter(c.form.Item(linkID), a); !done {
				return
			}
			tried++
			r, err := c.form.Compose(c.tree, issued, facts)
			*a = was
			if err != nil {
				// A step beside it may fix the state: refused by name.
				if !strings.Contains(err.Error(), "ends in another state") {
					t.Errorf("%s: edit of %s: %v", c.name, linkID, err)
				}
				return
			}
			apart := 0
			for leaf, n := range leaves(doc(r.Tree)) {
				if n != before[leaf] {
					apart++
				}
			}
			if r.Changed != 1 || apart == 0 || apart > 30 {
				t.Errorf("%s: edit of %s changed %d nodes, %d members", c.name, linkID, r.Changed, apart)
			}
		})
	}
	t.Logf("%d of %d items were edited", tried, total)
	if tried < 200 {
		t.Error("too few")
	}
}

// TestTheRestOfAnotherTemplate is refused.
func TestTheRestOfAnotherTemplate(t *testing.T) {
	all := ours(t)
	plan, signs := all["Emergency care plan.v1"], all["Vital signs observations.v1"]
	r := plan.form.IssueAs(plan.examples["emergency_care_plan_full.json"], Issuance{Carry: true})
	r.Item[0].LinkID, r.Item[0].Item = signs.form.Root.LinkID, r.Item[0].Item[:1]
	if _, err := signs.form.Compose(nil, wire(t, r), facts); rule(err) == "" || !strings.HasPrefix(rule(err), "residue") {
		t.Errorf("%v", err)
	}
}

// TestNewFormsAreValid: what the answers of a composition make on their own is as
// valid as the composition, INSTRUCTION and ACTION among them.
func TestNewFormsAreValid(t *testing.T) {
	for _, c := range fillings(t, fixtureForms(t)) {
		before := map[string]bool{}
		for _, issue := range validate.Check(c.tree, c.form.Template, validate.Options{}) {
			before[issue.AQLPath+issue.Rule] = true
		}
		r, err := c.form.Compose(nil, withoutKeys(wire(t, c.form.IssueAs(c.tree, Issuance{Mode: FormMode}))), facts)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, issue := range validate.Check(r.Tree, c.form.Template, validate.Options{}) {
			if !before[issue.AQLPath+issue.Rule] && validate.Refused([]fault.Issue{issue}) {
				t.Errorf("%s: %s %s: %s (%s)", c.name, issue.AQLPath, issue.Rule, issue.Message, issue.Found)
			}
		}
	}
}

// TestCoarsenedTimes: what a renderer makes of a time is unchanged, and what a
// user makes of it is not.
func TestCoarsenedTimes(t *testing.T) {
	date := func(s string) *fhir.Answer { return &fhir.Answer{ValueDate: s} }
	at := func(s string) *fhir.Answer { return &fhir.Answer{ValueDateTime: s} }
	n := func(s string) *fhir.Answer { d := fhir.Decimal(s); return &fhir.Answer{ValueDecimal: &d} }
	for _, tc := range []struct {
		issued, back *fhir.Answer
		same         bool
	}{
		{date("2024-03"), date("2024-03-01"), true}, {date("2024"), date("2024-01-01"), true}, {date("2024-03"), date("2024-03-02"), false},
		{date("2024-03-01"), date("2024-03"), false}, {date("2024-03-02"), date("2024-03-01"), false}, {date("2024"), date("2024-03-01"), false},
		{at("2024-03"), at("2024-03-01T00:00:00.000Z"), true}, {at("2024-03-05"), at("2024-03-05T00:00:00Z"), true}, {at("2024-03"), at("2024-03-01T09:00:00Z"), false},
		{at("2024-03-05T10:00:00+01:00"), at("2024-03-05T09:00:00.000Z"), true}, {at("2024-03-05T10:00:00+01:00"), at("2024-03-05T10:00:00Z"), false},
		{at("2024-03-05T10:00:00.123456Z"), at("2024-03-05T10:00:00.123Z"), true}, {at("2024-03-05T10:00:00.123Z"), at("2024-03-05T10:00:00.124Z"), false},
		{n("1.50"), n("1.5"), true}, {n("1.50"), n("1.51"), false}, {n("1.6152339497014024"), n("1.6152339497014023"), true}, {n("1e400"), n("1e401"), false},
	} {
		if got := sameAnswer(tc.issued, tc.back); got != tc.same {
			a, _ := json.Marshal(tc.issued)
			b, _ := json.Marshal(tc.back)
			t.Errorf("%s %s: %v", a, b, got)
		}
	}
}
