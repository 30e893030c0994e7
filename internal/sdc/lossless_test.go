package sdc

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/validate"
)

// share is how many random cases are made: 1 % of all unless the environment
// says otherwise.
func share(t *testing.T, variable string, all int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return all / 100
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", variable, text)
	}
	return n
}

// seeded is the seed of a run, which is printed.
func seeded(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("QUIRE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("QUIRE_SEED=%q is no number", text)
		}
	}
	t.Logf("QUIRE_SEED=%d", seed)
	return seed
}

// generating is a form with what generates its compositions.
type generating struct {
	form *Form
	web  *webtemplate.WebTemplate
}

// generators are those of our templates, of the one of every type, and of the
// fixtures where they are there.
func generators(t *testing.T) []generating {
	t.Helper()
	forms := map[string]*Form{}
	if _, err := os.Stat(fixtureFolder); err == nil {
		forms = fixtureForms(t)
	}
	for id, o := range ours(t) {
		forms[id] = o.form
	}
	text, err := os.ReadFile(filepath.Join("..", "simplified", "testdata", "every_type.opt"))
	if err != nil {
		t.Fatal(err)
	}
	every := Build(compile(t, text))
	forms[every.Template.TemplateID] = every
	var out []generating
	for _, id := range slices.Sorted(maps.Keys(forms)) {
		out = append(out, generating{forms[id], webtemplate.Build(forms[id].Template)})
	}
	return out
}

// lossy are the kinds of content that renderers are known to lose or change.
var lossy = []string{"address", "changed display", "partial date", "offset", "last zeros", "no value", "disabled", "not in a compact form"}

// reworded gives some coded values other words than the template's, as data from
// elsewhere has them.
func reworded(t *testing.T, form *Form, tree *rm.Tree) (*rm.Tree, bool) {
	t.Helper()
	var edits []rm.Edit
	for id := tree.Root(); id < tree.End(tree.Root()) && len(edits) < 3; id++ {
		if tree.Kind(id) != rm.Object || tree.Class(id) != rminfo.DV_CODED_TEXT || tree.Attr(id) != rminfo.A_value || tree.Class(tree.Parent(id)) != rminfo.ELEMENT {
			continue
		}
		b := rm.NewBuilder(rm.Limits{}, 1)
		b.String(rminfo.A_value, rminfo.String, "Said otherwise")
		words, err := b.Tree()
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, rm.Edit{At: tree.Child(id, rminfo.A_value), New: words})
	}
	if len(edits) == 0 {
		return tree, false
	}
	out, err := tree.Splice(edits...)
	if err != nil {
		t.Fatal(err)
	}
	return out, true
}

// losses says which of the lossy kinds a composition holds.
func losses(form *Form, tree *rm.Tree, worded bool) map[string]bool {
	out := map[string]bool{"changed display": worded}
	for id := tree.Root(); id < tree.End(tree.Root()); id++ {
		if tree.Kind(id) != rm.Object {
			continue
		}
		text := tree.TextAt(id, rminfo.A_value)
		switch tree.Class(id) {
		case rminfo.DV_URI, rminfo.DV_EHR_URI:
			out["address"] = true
		case rminfo.DV_DATE:
			out["partial date"] = out["partial date"] || len(text) < 8
		case rminfo.DV_DATE_TIME:
			out["partial date"] = out["partial date"] || len(text) < 8
			out["offset"] = out["offset"] || !strings.HasSuffix(text, "Z")
		case rminfo.DV_QUANTITY:
			magnitude := tree.TextAt(id, rminfo.A_magnitude)
			out["last zeros"] = out["last zeros"] || strings.Contains(magnitude, ".") && strings.HasSuffix(magnitude, "0")
		case rminfo.ELEMENT:
			out["no value"] = out["no value"] || tree.Child(id, rminfo.A_null_flavour) != rm.None
		}
	}
	eachAnswer(form.IssueAs(tree, Issuance{Mode: FormMode}).Item, func(linkID string, _ *fhir.Answer) {
		if item := form.Item(linkID); item != nil {
			out["not in a compact form"] = out["not in a compact form"] || item.Tier != Plain
			out["disabled"] = out["disabled"] || form.enabled(item) != nil
		}
	})
	return out
}

// disabled takes the answers of items away that a renderer has no reason to
// show: those that depend on another.
func disabled(f *Form, r *fhir.QuestionnaireResponse) *fhir.QuestionnaireResponse {
	var walk func(items []fhir.ResponseItem) []fhir.ResponseItem
	walk = func(items []fhir.ResponseItem) []fhir.ResponseItem {
		var out []fhir.ResponseItem
		for _, i := range items {
			if item := f.Item(i.LinkID); item != nil && f.enabled(item) != nil {
				continue
			}
			i.Item = walk(i.Item)
			out = append(out, i)
		}
		return out
	}
	r.Item = walk(r.Item)
	return r
}

// TestGenerated: any composition of any template comes back equal, with its base
// and by what the response carries, through a renderer that loses what it can.
// QUIRE_COMPOSITIONS=10000 makes all.
func TestGenerated(t *testing.T) {
	seed, count := seeded(t), share(t, "QUIRE_COMPOSITIONS", 10_000)
	list := generators(t)
	other := Facts{Composer: "Somebody Else", Authored: "2031-01-01T00:00:00Z", Territory: "DE"}
	present := map[string]int{}
	var valid, broken, same, all, plain int
	for i := range count {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		g := list[(int(seed%1000)+i)%len(list)]
		form := g.form
		tree, err := compose.Compose(g.web, example.Document(g.web, example.Options{Pick: random.IntN, Sparse: true}), compose.Options{Now: "2020-01-01T00:00:00Z"})
		if err != nil {
			t.Fatalf("composition %d of %s: %v", i, form.Template.TemplateID, err)
		}
		if !validate.Refused(validate.Check(tree, form.Template, validate.Options{})) {
			valid++
		}
		worded := false
		if random.IntN(3) == 0 {
			tree, worded = reworded(t, form, tree)
		}
		for kind, there := range losses(form, tree, worded) {
			if there {
				present[kind]++
			}
		}
		want := doc(tree)
		fail := func(how string, err error, got *Result) {
			if broken++; broken > 5 {
				return
			}
			if err != nil {
				t.Errorf("composition %d of %s, %s: %v", i, form.Template.TemplateID, how, err)
				return
			}
			t.Errorf("composition %d of %s, %s: %d members differ: %s", i, form.Template.TemplateID, how, differing(want, doc(got.Tree)), firstDifference(want, doc(got.Tree)))
		}
		for _, mode := range []Mode{FormMode, Faithful, Compact} {
			issued := wire(t, form.IssueAs(tree, Issuance{Token: "token", Mode: mode}))
			got, err := form.Compose(tree, issued, other)
			if err != nil || got.Changed != 0 || doc(got.Tree) != want {
				fail("with its base, "+string(mode), err, got)
			}
			got, err = form.Compose(tree, disabled(form, lhcForms(form, issued)), other)
			if err != nil || got.Changed != 0 || doc(got.Tree) != want {
				fail("with its base through a renderer, "+string(mode), err, got)
			}
		}
		mode := []Mode{FormMode, Faithful, Compact}[random.IntN(3)]
		carried := wire(t, form.IssueAs(tree, Issuance{Mode: mode, Carry: true}))
		got, err := form.Compose(nil, carried, other)
		if err != nil || !alike(tree, tree.Root(), got.Tree, got.Tree.Root()) {
			fail("by what it carries, "+string(mode), err, got)
		}
		got, err = form.Compose(nil, lhcForms(form, carried), other)
		if err != nil {
			fail("by what it carries through a renderer, "+string(mode), err, got)
			continue
		}
		s, a := kept(want, doc(got.Tree))
		same, all = same+s, all+a
		items, err := form.Compose(nil, wire(t, form.IssueAs(tree, Issuance{Mode: Faithful})), other)
		if err != nil {
			fail("by its items", err, items)
			continue
		}
		s, _ = kept(want, doc(items.Tree))
		plain += s
	}
	t.Logf("%d compositions of %d templates, %d valid, %d differences; without the base and through a renderer %.3f %% of %d values are equal (by items alone %.1f %%)",
		count, len(list), valid, broken, 100*float64(same)/float64(all), all, 100*float64(plain)/float64(all))
	for _, kind := range lossy {
		t.Logf("%s: in %d of them", kind, present[kind])
		if present[kind] == 0 && count >= 100 {
			t.Errorf("none holds %s: the test proves nothing about it", kind)
		}
	}
	if float64(same) < 0.99*float64(all) {
		t.Error("too much is lost without the base")
	}
	if valid*10 < count*8 {
		t.Error("too few of the generated compositions are valid")
	}
}

// firstDifference is the first value of one document that the other lacks.
func firstDifference(want, got string) string {
	have := leaves(got)
	for _, leaf := range slices.Sorted(maps.Keys(leaves(want))) {
		if have[leaf] != leaves(want)[leaf] {
			return fmt.Sprintf("%s (%d of %d)", leaf, have[leaf], leaves(want)[leaf])
		}
	}
	return ""
}
