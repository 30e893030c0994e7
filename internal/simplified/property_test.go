package simplified_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/validate"
)

// named is a template and the file it is in.
type named struct {
	path string
	*simplified.Template
}

var compiled []named

// allTemplates are our own and those of all fixtures that are there.
func allTemplates(t testing.TB) []named {
	t.Helper()
	if compiled != nil {
		return compiled
	}
	paths, _ := filepath.Glob(filepath.Join("..", "..", "templates", "opt", "*.opt"))
	paths = append(paths, filepath.Join("testdata", "every_type.opt"))
	for _, pattern := range [...]string{"web-template/*/template.opt", "openehr/opt/*.opt", "uk/*/template.opt"} {
		found, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "fixtures", pattern))
		paths = append(paths, found...)
	}
	for _, path := range paths {
		compiled = append(compiled, named{path, compile(t, path)})
	}
	return compiled
}

// share is how many random cases are made: 1 % of all unless the environment
// says otherwise.
func share(t *testing.T, variable string, all int) int {
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

// seeded is the seed of a run, which is printed: each case has a generator of
// its own, so that one can be made again alone.
func seeded(t *testing.T) uint64 {
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

// TestRandomTrees: any tree of any template is the same after FLAT, STRUCTURED,
// JSON and XML. QUIRE_TREES=10000 makes all.
func TestRandomTrees(t *testing.T) {
	seed, count := seeded(t), share(t, "QUIRE_TREES", 10_000)
	valid, broken := 0, 0
	reasons := map[string]int{}
	templates := allTemplates(t)
	for i := range count {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		tpl := templates[(int(seed%1000)+i)%len(templates)]
		doc := syntax.WriteFlat(example.Document(tpl.Web, example.Options{Pick: random.IntN, Sparse: true}))
		tree, err := tpl.Read(doc, simplified.Flat, now)
		if err != nil {
			t.Fatalf("tree %d of %s: %s", i, tpl.path, report(err))
		}
		issues := refusing(validate.Check(tree, tpl.Web.Template, validate.Options{}))
		if len(issues) == 0 {
			valid++
		}
		for _, issue := range issues {
			reasons[issue.Rule+" "+issue.Message]++
		}
		if diff := through(t, tpl.Template, tree); diff != "" {
			broken++
			if broken < 5 {
				t.Errorf("tree %d of %s: %s", i, tpl.path, diff)
			}
		}
	}
	t.Logf("%d random trees of %d templates, %d of them valid, %d not the same after a round", count, len(templates), valid, broken)
	if valid*10 < count*8 {
		for reason, n := range reasons {
			if n > count/50 {
				t.Log(n, reason)
			}
		}
		t.Error("too few of the random trees are valid")
	}
}

// through takes a tree through every format and names the first difference.
func through(t *testing.T, tpl *simplified.Template, tree *rm.Tree) string {
	t.Helper()
	want := facts(tree)
	for _, f := range [...]simplified.Format{simplified.Flat, simplified.Structured} {
		text, err := tpl.Write(tree, f)
		if err != nil {
			return err.Error()
		}
		again, err := tpl.Read(text, f, "1999-01-01T00:00:00Z")
		if err != nil {
			return report(err)
		}
		if diff := difference(want, facts(again)); diff != "" {
			return fmt.Sprintf("format %d: %s", f, diff)
		}
	}
	again, err := canon.ReadJSON(canon.WriteJSON(nil, tree, tree.Root()), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return report(err)
	}
	if diff := difference(want, facts(again)); diff != "" {
		return "JSON: " + diff
	}
	text, err := canonxml.Write(nil, tree, tree.Root(), "")
	if err != nil {
		return "XML: " + err.Error()
	}
	if again, err = canonxml.Read(text, rminfo.COMPOSITION, canon.ReadOptions{}); err != nil {
		return "XML: " + report(err)
	}
	if diff := difference(want, facts(again)); diff != "" {
		return "XML: " + diff
	}
	return ""
}

func difference(want, got []string) string {
	if lost := missing(want, got); len(lost) > 0 {
		return "lost " + lost[0]
	}
	if extra := missing(got, want); len(extra) > 0 {
		return "extra " + extra[0]
	}
	return ""
}

// mutations are the ways to spoil a document: each says which key is wrong now,
// "" where the leaf does not allow it.
var mutations = map[string]func(leaf *syntax.Item, random *rand.Rand) string{
	"misspelt": func(leaf *syntax.Item, random *rand.Rand) string {
		wrong := misspell(leaf.Segment, random)
		if len(leaf.Segment) < 4 || leaf.Parent.Find(wrong) != nil || isSpelling(wrong) {
			return ""
		}
		leaf.Segment = wrong
		return leaf.Key()
	},
	"suffix": func(leaf *syntax.Item, _ *rand.Rand) string {
		leaf.Set("sufix", syntax.String, "x")
		return leaf.KeyOf("sufix")
	},
	"segment": func(leaf *syntax.Item, _ *rand.Rand) string {
		leaf.Child("nothing_here", 0, false).Set("", syntax.String, "x")
		return leaf.Key() + "/nothing_here"
	},
	"index": func(leaf *syntax.Item, _ *rand.Rand) string {
		if leaf.Indexed {
			return ""
		}
		leaf.Index, leaf.Indexed = 3, true
		return leaf.Key()
	},
	"huge index": func(leaf *syntax.Item, _ *rand.Rand) string {
		leaf.Index, leaf.Indexed = syntax.MaxIndex+1, true
		return leaf.Key()
	},
	"type": func(leaf *syntax.Item, _ *rand.Rand) string {
		for i := range leaf.Values {
			if v := &leaf.Values[i]; v.Kind != syntax.String {
				v.Kind, v.Text = syntax.String, "many"
				return leaf.KeyOf(v.Suffix)
			}
		}
		return ""
	},
	"code": func(leaf *syntax.Item, _ *rand.Rand) string {
		for i := range leaf.Values {
			if v := &leaf.Values[i]; v.Suffix == "code" && len(leaf.Values) == 1 && leaf.Segment != "language" && leaf.Segment != "_language" {
				v.Text = "at9999"
				return leaf.KeyOf(v.Suffix)
			}
		}
		return ""
	},
	"unit": func(leaf *syntax.Item, _ *rand.Rand) string {
		for i := range leaf.Values {
			if v := &leaf.Values[i]; v.Suffix == "unit" {
				leaf.Values = append(leaf.Values[:i], leaf.Values[i+1:]...)
				leaf.Set("unit", syntax.Number, "")
				leaf.Values[len(leaf.Values)-1] = syntax.Value{Suffix: "unit", Kind: syntax.Boolean, Text: "true"}
				return leaf.KeyOf("unit")
			}
		}
		return ""
	},
	"date": func(leaf *syntax.Item, _ *rand.Rand) string {
		for i := range leaf.Values {
			if v := &leaf.Values[i]; v.Suffix == "" && len(v.Text) >= 10 && strings.HasPrefix(v.Text, "2022-02-03") && !strings.HasPrefix(leaf.Segment, "_") {
				v.Text = "2022-02-33"
				return leaf.Key()
			}
		}
		return ""
	},
}

// isSpelling says whether a segment is another spelling of an attribute.
func isSpelling(segment string) bool {
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		if shape.Of(c).Lookup(segment) != nil {
			return true
		}
	}
	return false
}

// TestMutations: a FLAT document with a fault is refused with a fault of the
// caller, and the fault is named by its key. QUIRE_MUTATIONS=5000 makes all.
func TestMutations(t *testing.T) {
	seed, count := seeded(t), share(t, "QUIRE_MUTATIONS", 5_000)
	templates := allTemplates(t)
	kinds := slices.Sorted(maps.Keys(mutations))
	total, refused, key, misspelt, nearest := 0, 0, 0, 0, 0
	for i := 0; total < count; i++ {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		tpl := templates[(int(seed%1000)+i)%len(templates)]
		doc := example.Document(tpl.Web, example.Options{Pick: random.IntN, Sparse: true})
		leaf := pickLeaf(doc, random)
		if leaf == nil {
			continue
		}
		// Half of them are misspellings, the fault that people make.
		kind := "misspelt"
		if random.IntN(2) == 0 {
			kind = kinds[random.IntN(len(kinds))]
		}
		right := leaf.Segment
		wrong := mutations[kind](leaf, random)
		if wrong == "" {
			continue
		}
		total++
		err := refusal(tpl.Template, syntax.WriteFlat(doc))
		if class := fault.Of(err).Kind; err == nil || class != fault.Invalid && class != fault.Unprocessable {
			t.Errorf("case %d of %s: %s: accepted, or not the caller's fault: %s: %v", i, tpl.path, kind, wrong, err)
			continue
		}
		refused++
		found := ""
		for _, issue := range fault.Of(err).Issues {
			if found == "" && (strings.HasPrefix(issue.FlatKey, wrong) || kind == "code" && issue.FlatKey == leaf.Key()) {
				key++
				if kind == "misspelt" {
					misspelt++
					if first, _, _ := strings.Cut(issue.Expected, ", "); strings.Contains(first, "/"+right) {
						nearest++
					}
				}
				found = issue.Rule
			}
		}
		if found == "" && count > 1000 {
			t.Logf("not named: case %d, %s: %s", i, kind, wrong)
		}
	}
	t.Logf("%d mutated documents: %d refused, %d named by key, nearest key right in %d of %d misspellings", total, refused, key, nearest, misspelt)
	if refused != total || key*100 < total*95 || nearest*100 < misspelt*90 {
		t.Error("below what is promised: all refused, 95 % named, 90 % of the nearest keys right")
	}
}

// refusal is what a commit says of a document.
func refusal(tpl *simplified.Template, text []byte) error {
	tree, err := tpl.Read(text, simplified.Flat, now)
	if err != nil {
		return err
	}
	issues := validate.Check(tree, tpl.Web.Template, validate.Options{})
	if !validate.Refused(issues) {
		return nil
	}
	tpl.Explain(tree, issues)
	return fault.New(fault.Unprocessable, "validation", "the content is not valid").With(refusing(issues)...)
}

func pickLeaf(doc *syntax.Item, random *rand.Rand) *syntax.Item {
	var leaves []*syntax.Item
	var walk func(it *syntax.Item)
	walk = func(it *syntax.Item) {
		if len(it.Values) > 0 {
			leaves = append(leaves, it)
		}
		for _, c := range it.Children {
			walk(c)
		}
	}
	for _, c := range doc.Children {
		if c.Segment != "ctx" {
			walk(c)
		}
	}
	if len(leaves) == 0 {
		return nil
	}
	return leaves[random.IntN(len(leaves))]
}

// misspell deletes, doubles, swaps or replaces one letter.
func misspell(word string, random *rand.Rand) string {
	r := []rune(word)
	at := random.IntN(len(r) - 1)
	switch random.IntN(4) {
	case 0:
		return string(r[:at]) + string(r[at+1:])
	case 1:
		return string(r[:at+1]) + string(r[at:])
	case 2:
		r[at], r[at+1] = r[at+1], r[at]
		return string(r)
	}
	r[at] = 'q'
	return string(r)
}

// big is a document of about a thousand keys.
func big(b testing.TB) (*simplified.Template, []byte, int) {
	tpl := templateOf(b, filepath.Join(fixtures(b, "web-template"), "LAB_-_Laboratory_Test_Report"))
	text := document(b, filepath.Join(fixtures(b, "web-template"), "LAB_-_Laboratory_Test_Report", "flat-3.json"))
	return tpl, text, bytes.Count(text, []byte("\n"))
}

func BenchmarkFlatToTree(b *testing.B) {
	tpl, text, keys := big(b)
	b.ReportMetric(float64(keys), "keys")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Read(text, simplified.Flat, now); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(keys), "keys")
}

func BenchmarkTreeToFlat(b *testing.B) {
	tpl, text, _ := big(b)
	tree, err := tpl.Read(text, simplified.Flat, now)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Write(tree, simplified.Flat); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	tpl, _, _ := big(b)
	for b.Loop() {
		simplified.Compile(tpl.Web.Template)
	}
}
