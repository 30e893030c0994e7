package template

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

func compileFile(t testing.TB, path string) *Compiled {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	source, err := opt.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compile(source)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return nil
	}
	return c
}

func TestFixtureTemplatesCompile(t *testing.T) {
	count, nodes := 0, 0
	err := filepath.WalkDir(fixtures.Dir(t), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".opt") || strings.Contains(path, "/invalid/") {
			return err
		}
		c := compileFile(t, path)
		if c == nil {
			return nil
		}
		count++
		nodes += c.Len()
		checkArena(t, path, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d templates, %d nodes", count, nodes)
}

// checkArena states what every compiled template must keep.
func checkArena(t *testing.T, path string, c *Compiled) {
	t.Helper()
	seen := 0
	c.Walk(c.Root(), func(id NodeID, n *Node) bool {
		seen++
		if n.Class == 0 || n.Archetype == "" || !strings.HasPrefix(n.AQLPath, "/") {
			t.Errorf("%s: node %d is %+v", path, id, n)
		}
		if id > 0 && (n.Parent >= id || c.Node(n.Parent).End < n.End) {
			t.Errorf("%s: node %d is not within its parent", path, id)
		}
		if n.NodeID != "" && n.Class.Locatable() && c.Label(id, "") == "" {
			t.Errorf("%s: %s has no label", path, n.AQLPath)
		}
		found, ok := c.Lookup(n.AQLPath)
		if !ok {
			t.Errorf("%s: %s is not found", path, n.AQLPath)
		} else if other := c.Node(found); found != id && (other.Parent != n.Parent && other.AQLPath != n.AQLPath || other.Attr != n.Attr) {
			t.Errorf("%s: %s leads to %s", path, n.AQLPath, other.AQLPath)
		}
		for _, a := range c.Attributes(id) {
			for _, child := range a.Children {
				if c.Node(child).Parent != id || c.Node(child).Attr != a.Attr {
					t.Errorf("%s: %s is not a child by %s", path, c.Node(child).AQLPath, a.Attr)
				}
			}
		}
		return true
	})
	if seen != c.Len() {
		t.Errorf("%s: walked %d of %d nodes", path, seen, c.Len())
	}
	for _, d := range c.Source.Defaults {
		for _, o := range d.Children {
			if o.Default != nil && !hasDefault(c, o.Default) {
				t.Errorf("%s: the default at %s/%s is lost", path, d.Path, d.Name)
			}
		}
	}
}

func hasDefault(c *Compiled, v *aom.Value) bool {
	for id := range c.nodes {
		if c.nodes[id].Default == v {
			return true
		}
	}
	return false
}

// TestWebTemplatePaths resolves the paths other tools computed for the same
// templates.
func TestWebTemplatePaths(t *testing.T) {
	dir := fixtures.Dir(t, "openehr", "opt")
	for _, name := range []string{"AlternativeEvents", "gecco_serologischer_befund", "multi_occurrence", "test_all_types"} {
		c := compileFile(t, filepath.Join(dir, name+".opt"))
		text, err := os.ReadFile(filepath.Join(dir, "webtemplate", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc struct{ Tree webNode }
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		missing, total := 0, 0
		doc.Tree.walk(func(n webNode) {
			if n.InContext {
				return
			}
			total++
			if _, ok := c.Lookup(n.AQLPath); !ok {
				missing++
				t.Logf("%s: no node at %s (%s)", name, n.AQLPath, n.RMType)
			}
		})
		if missing > total/10 {
			t.Errorf("%s: %d of %d paths lead nowhere", name, missing, total)
		}
	}
}

type webNode struct {
	AQLPath   string
	RMType    string
	InContext bool
	Children  []webNode
}

func (n webNode) walk(visit func(webNode)) {
	visit(n)
	for _, c := range n.Children {
		c.walk(visit)
	}
}

// clones is a template with two named clones and an open one under one code.
func clones() *aom.OperationalTemplate {
	one := aom.Multiplicity{Min: 1, Max: 1}
	name := func(s string) *aom.Attribute {
		return &aom.Attribute{Name: "name", Existence: one, Children: []aom.Object{
			&aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: "DV_TEXT", Occurrences: one}, Attributes: []*aom.Attribute{
				{Name: "value", Existence: one, Children: []aom.Object{
					&aom.PrimitiveObject{ObjectBase: aom.ObjectBase{TypeName: "STRING", Occurrences: one}, Item: &aom.String{List: []string{s}}},
				}},
			}},
		}}
	}
	section := func(code string, attrs ...*aom.Attribute) *aom.ComplexObject {
		return &aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: "SECTION", NodeID: code, Occurrences: one}, Attributes: attrs}
	}
	slot := &aom.Slot{ObjectBase: aom.ObjectBase{TypeName: "OBSERVATION", NodeID: "at0009"}, Includes: []aom.Assertion{archetypeIs(`openEHR-EHR-OBSERVATION\.pulse(-[a-z]+)*\.v1`)}}
	return &aom.OperationalTemplate{
		TemplateID: "clones", Language: aom.Code{Code: "en"},
		Definition: &aom.ArchetypeRoot{
			ArchetypeID: "openEHR-EHR-COMPOSITION.visit.v1",
			Terms:       []aom.Term{{Code: "at0001", Items: []aom.KeyValue{{Key: "text", Value: "Part"}}}},
			ComplexObject: aom.ComplexObject{
				ObjectBase: aom.ObjectBase{TypeName: "COMPOSITION", NodeID: "at0000", Occurrences: one},
				Attributes: []*aom.Attribute{{
					Name: "content", Multiple: true, Cardinality: aom.Cardinality{Interval: aom.Multiplicity{Max: aom.Unbounded}},
					Children: []aom.Object{section("at0001", name("Left")), section("at0001", name("Patient's right")), section("at0001"), section("at0002.1"), slot},
				}},
			},
		},
	}
}

func archetypeIs(pattern string) aom.Assertion {
	return aom.Assertion{Expression: &aom.Expression{
		Kind: aom.Binary, Operator: aom.OperatorMatches,
		Left:  &aom.Expression{Text: "archetype_id/value"},
		Right: &aom.Expression{Constraint: &aom.String{Pattern: pattern, HasPattern: true}},
	}}
}

func TestMatch(t *testing.T) {
	c, err := Compile(clones())
	if err != nil {
		t.Fatal(err)
	}
	list := c.Children(c.Root(), rminfo.A_content)
	for _, tc := range []struct {
		code, name string
		want       NodeID
	}{
		{"at0001", "Left", list[0]},
		{"at0001", "Patient's right", list[1]},
		{"at0001", "Something else", list[2]},
		{"at0001.3", "Left", list[0]},
		{"at0002.1", "x", list[3]},
		{"at0002.1.7", "x", list[3]},
		{"at0002", "x", NoNode},
		{"at0009", "x", NoNode},
		{"openEHR-EHR-OBSERVATION.pulse-infant.v1", "x", list[4]},
		{"openEHR-EHR-OBSERVATION.pulse.v2", "x", NoNode},
	} {
		if got, ok := c.Match(c.Root(), rminfo.A_content, tc.code, tc.name); got != tc.want || ok != (got != NoNode) {
			t.Errorf("%s %q: %d, %v; want %d", tc.code, tc.name, got, ok, tc.want)
		}
	}
}

func TestLookup(t *testing.T) {
	c, err := Compile(clones())
	if err != nil {
		t.Fatal(err)
	}
	list := c.Children(c.Root(), rminfo.A_content)
	for path, want := range map[string]NodeID{
		"/": 0, "": 0, "/content": list[0], "/content[at0001]": list[0],
		"/content[at0001 and name/value='Left']":                                list[0],
		"[openEHR-EHR-COMPOSITION.visit.v1]/content[at0001, 'Patient's right']": list[1],
		"/content[at0001 and name/value='Patient\\'s right']/name/value":        c.Children(c.Children(list[1], rminfo.A_name)[0], rminfo.A_value)[0],
		"/content[at0009]":          list[4],
		"/content[at0001, 'other']": list[2],
		"/content[at0003]":          NoNode,
		"/content[at0001":           NoNode,
		"/nothing":                  NoNode,
	} {
		if got, ok := c.Lookup(path); got != want || ok != (want != NoNode) {
			t.Errorf("%s: %d, %v; want %d", path, got, ok, want)
		}
	}
}

func TestRefusesWhatDoesNotFit(t *testing.T) {
	for name, tc := range map[string]struct {
		break_ func(*aom.ArchetypeRoot)
		rule   string
	}{
		"class":     {func(r *aom.ArchetypeRoot) { r.Attributes[0].Children[0].Base().TypeName = "SEKTION" }, "VCORM"},
		"attribute": {func(r *aom.ArchetypeRoot) { r.Attributes[0].Name = "contents" }, "VCARM"},
		"type":      {func(r *aom.ArchetypeRoot) { r.Attributes[0].Children[0].Base().TypeName = "CLUSTER" }, "VCORMT"},
		"reference": {func(r *aom.ArchetypeRoot) {
			r.Attributes[0].Children[0] = &aom.InternalRef{ObjectBase: aom.ObjectBase{TypeName: "SECTION"}, TargetPath: "/content[at0077]"}
		}, "VUNP"},
		"circle": {func(r *aom.ArchetypeRoot) {
			r.Attributes[0].Children[3] = &aom.InternalRef{ObjectBase: aom.ObjectBase{TypeName: "SECTION", NodeID: "at0005"}, TargetPath: "/content[at0005]"}
		}, "VUNP"},
	} {
		source := clones()
		tc.break_(source.Definition)
		_, err := Compile(source)
		if issues := fault.Of(err).Issues; len(issues) == 0 || issues[0].Rule != tc.rule {
			t.Errorf("%s: got %v, want %s", name, err, tc.rule)
		}
	}
}

func TestInternalReferenceIsExpanded(t *testing.T) {
	source := clones()
	root := source.Definition
	root.Attributes[0].Children[3] = &aom.InternalRef{
		ObjectBase: aom.ObjectBase{TypeName: "SECTION", NodeID: "at0005", Occurrences: aom.Multiplicity{Max: 3}}, TargetPath: "/content[at0001]",
	}
	c, err := Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	id, ok := c.Lookup("/content[at0005]")
	if n := c.Node(id); !ok || n.Occurrences.Max != 3 || n.NameFixed != "Left" {
		t.Errorf("got %+v", n)
	}
}

func TestTerms(t *testing.T) {
	source := clones()
	source.Ontology = &aom.Ontology{Terms: []aom.LanguageTerms{
		{Language: "de-AT", Terms: []aom.Term{{Code: "at0001", Items: []aom.KeyValue{{Key: "text", Value: "Teil"}}}}},
	}}
	c, err := Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{"": "Part", "en": "Part", "en-GB": "Part", "de-at": "Teil", "fr": "Part"} {
		if got, ok := c.Term(1, "at0001", lang); !ok || got.Text() != want {
			t.Errorf("%s: %q, want %q", lang, got.Text(), want)
		}
	}
	if _, ok := c.TermExact(1, "at0001", "fr"); ok {
		t.Error("a French term was invented")
	}
	if len(c.Languages) != 2 || c.Languages[0] != "en" || c.Languages[1] != "de-at" {
		t.Errorf("languages %v", c.Languages)
	}
}

func BenchmarkCompile(b *testing.B) {
	f, err := os.Open(fixtures.Dir(b, "openehr", "opt", "ehrn_vital_signs.v2.opt"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	source, err := opt.Read(f)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(source); err != nil {
			b.Fatal(err)
		}
	}
}
