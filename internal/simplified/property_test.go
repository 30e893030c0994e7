package simplified_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/validate"
)

// allTemplates are those of all fixtures.
func allTemplates(t testing.TB) map[string]*simplified.Template {
	out := map[string]*simplified.Template{}
	for _, pattern := range [...]string{"web-template/*/template.opt", "openehr/opt/*.opt", "uk/*/template.opt"} {
		found, _ := filepath.Glob(filepath.Join(fixtures(t, ""), pattern))
		for _, path := range found {
			out[path] = compile(t, path)
		}
	}
	return out
}

// TestRandomTrees: any tree of any template is the same after FLAT, STRUCTURED,
// JSON and XML.
func TestRandomTrees(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	each, trees, valid, broken := 40, 0, 0, 0
	if testing.Short() {
		each = 2
	}
	reasons := map[string]int{}
	for path, tpl := range allTemplates(t) {
		for range each {
			doc := syntax.WriteFlat(example.Document(tpl.Web, example.Options{Pick: random.IntN, Sparse: true}))
			tree, err := tpl.Read(doc, simplified.Flat, now)
			if err != nil {
				t.Fatalf("%s: %s", path, report(err))
			}
			trees++
			issues := refusing(validate.Check(tree, tpl.Web.Template, validate.Options{}))
			if len(issues) == 0 {
				valid++
			}
			for _, i := range issues {
				reasons[i.Rule+" "+i.Message]++
			}
			if diff := through(t, tpl, tree); diff != "" {
				broken++
				if broken < 5 {
					t.Errorf("%s: %s", path, diff)
				}
			}
		}
	}
	t.Logf("%d random trees, %d of them valid, %d not the same after a round", trees, valid, broken)
	if valid*10 < trees*7 {
		for reason, n := range reasons {
			if n > trees/100 {
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

// TestMutations: a FLAT document with a fault is refused, and the fault is named
// by its key.
func TestMutations(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	total, refused, named, misspelt, nearest := 0, 0, 0, 0, 0
	templates := allTemplates(t)
	for total < 5000 {
		for _, tpl := range templates {
			doc := example.Document(tpl.Web, example.Options{Pick: random.IntN, Sparse: true})
			leaf := pickLeaf(doc, random)
			if leaf == nil || leaf.Parent == nil {
				continue
			}
			kind := random.IntN(4)
			right := leaf.Segment
			key := ""
			switch kind {
			case 0, 1: // a letter wrong in a segment
				if len(right) < 4 {
					continue
				}
				wrong := misspell(right, random)
				if leaf.Parent.Find(wrong) != nil {
					continue
				}
				leaf.Segment = wrong
				key = leaf.Key()
			case 2: // a suffix no class has
				leaf.Set("sufix", syntax.String, "x")
				key = leaf.KeyOf("sufix")
			case 3: // a segment too many
				leaf.Child("nothing_here", 0, false).Set("", syntax.String, "x")
				key = leaf.Key() + "/nothing_here"
			}
			total++
			text := syntax.WriteFlat(doc)
			_, err := tpl.Read(text, simplified.Flat, now)
			if err == nil || fault.Is(err, fault.Internal) {
				t.Errorf("accepted or failed: %s: %v", key, err)
				continue
			}
			refused++
			for _, i := range fault.Of(err).Issues {
				if !strings.HasPrefix(i.FlatKey, key) {
					continue
				}
				named++
				if kind < 2 {
					misspelt++
					if first, _, _ := strings.Cut(i.Expected, ", "); strings.Contains(first, "/"+right) {
						nearest++
					}
				}
				break
			}
		}
	}
	t.Logf("%d mutated documents: %d refused, %d named by key, nearest key right in %d of %d misspellings", total, refused, named, nearest, misspelt)
	if refused != total || named*100 < total*95 || nearest*100 < misspelt*90 {
		t.Error("below what is promised: all refused, 95 % named, 90 % of the nearest keys right")
	}
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
