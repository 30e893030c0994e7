package build

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/source"
)

// sources are those that the reader is tested with.
var sources = os.DirFS("../source/testdata")

var update = flag.Bool("update", false, "write the goldens anew")

func library(t testing.TB) *Library {
	t.Helper()
	l, err := OpenLibrary(os.DirFS("testdata/adl"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// written builds a source twice and gives the text of the OPT, which must be
// readable, equal when read and written again, and the same both times.
func written(t testing.TB, s *source.Source) []byte {
	t.Helper()
	var out [2]bytes.Buffer
	for i := range out {
		built, err := Build(s, library(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := opt.Write(&out[i], built); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out[0].Bytes(), out[1].Bytes()) {
		t.Error("the same source gives two templates")
	}
	back, err := opt.Read(bytes.NewReader(out[0].Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := template.Compile(back); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := opt.Write(&again, back); err != nil || !bytes.Equal(again.Bytes(), out[0].Bytes()) {
		t.Errorf("read and written again it differs (%v)", err)
	}
	return out[0].Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; see it with -update", path)
	}
}

func TestEveryKey(t *testing.T) {
	s, err := source.ReadYAML(sources, "note.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := written(t, s)
	golden(t, "note.opt", text)
	back, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := template.Compile(back)
	if err != nil {
		t.Fatal(err)
	}
	const finding = "/content[openEHR-EHR-SECTION.heading.v1]/items[openEHR-EHR-EVALUATION.finding.v1]/data[at0001]"
	const skin = "/content[openEHR-EHR-SECTION.heading.v1]/items[openEHR-EHR-EVALUATION.finding-skin.v1]/data[at0001]"
	for path, check := range map[string]func(n *template.Node) bool{
		"/content[openEHR-EHR-SECTION.heading.v1]": func(n *template.Node) bool { return n.NameFixed == "What we found" && n.Occurrences.Max == 1 },
		finding + "/items[at0003]": func(n *template.Node) bool {
			return n.Occurrences == aom.Multiplicity{Min: 1, Max: 2}
		},
		finding + "/items[at0003]/value":                      func(n *template.Node) bool { return n.Default.TextAt("defining_code", "code_string") == "at0004" },
		finding + "/items[at0003]/value/defining_code":        codes("local", "at0004", "at0006"),
		finding + "/items[at0003]/null_flavour/defining_code": codes("openehr", "271", "253"),
		finding + "/items[at0007]/value": func(n *template.Node) bool {
			q := n.Constraint.(*aom.Quantity)
			return len(q.Items) == 1 && q.Items[0].Magnitude.Upper == "500.0"
		},
		finding + "/items[at0008]/value":                                     func(n *template.Node) bool { return len(n.Constraint.(*aom.Ordinal).Items) == 2 },
		finding + "/items[at0013, 'Eyes']":                                   func(n *template.Node) bool { return n.NameFixed == "Eyes" && n.Occurrences.Min == 1 },
		finding + "/items[at0013, 'Ears']/items[at0014]/value/defining_code": codes("SNOMED-CT", "300228004", "15188001"),
		finding + "/items[at0016]/value/defining_code": func(n *template.Node) bool {
			return n.Constraint.(*aom.CodeReference).ReferenceSetURI == "http://example.org/causes"
		},
		finding + "/items[openEHR-EHR-CLUSTER.part.v1]/items[at0004]/items[at0003]/value/magnitude": func(n *template.Node) bool { return n.Constraint.(*aom.Integer).Range.Lower == "1" },
		skin + "/items[at0003.1]/value/defining_code":                                               codes("local", "at0006"),
		skin + "/items[at0002]/value":                                                               func(n *template.Node) bool { return n.Class.Name() == "DV_TEXT" },
	} {
		id, ok := c.Lookup(path)
		if !ok {
			t.Errorf("%s leads nowhere", path)
		} else if !check(c.Node(id)) {
			t.Errorf("%s is %+v", path, *c.Node(id))
		}
	}
	for _, path := range []string{finding + "/items[at0017]", finding + "/items[at0013, 'Ears']/items[at0015]", skin + "/items[at0007]"} {
		if id, ok := c.Lookup(path); ok {
			t.Errorf("%s is still there: %+v", path, *c.Node(id))
		}
	}
	if want := []string{"en", "de"}; !reflect.DeepEqual(c.Languages, want) {
		t.Errorf("languages %v, want %v", c.Languages, want)
	}
	if id, _ := c.Lookup(finding); c.Node(id).Archetype != "openEHR-EHR-EVALUATION.finding.v1" || c.Binding(id, "at0000") == nil {
		t.Error("the archetype's own term binding is lost")
	}
}

func codes(terminology string, want ...string) func(*template.Node) bool {
	return func(n *template.Node) bool {
		c, ok := n.Constraint.(*aom.CodePhrase)
		return ok && c.Terminology == terminology && reflect.DeepEqual(c.Codes, want)
	}
}

const head = `template: T.v1
sensitivity: normal
root: openEHR-EHR-COMPOSITION.note.v1
nodes:
  - include: openEHR-EHR-EVALUATION.finding.v1
    nodes:
`

// TestRefused: each fault is found at its line, with both constraints.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct{ source, rule, message, expected, found string }{
		"archetype":       {"template: T\nsensitivity: normal\nroot: openEHR-EHR-COMPOSITION.notes.v1", "source-archetype", "t.yaml:3:1: ", "openEHR-EHR-COMPOSITION.note.v1", "openEHR-EHR-COMPOSITION.notes.v1"},
		"path":            {head + "      - {node: '/data[at0001]/items[at0022]'}", "source-path", "t.yaml:7:9: ", "/data[at0001]/items[at0002]", "/data[at0001]/items[at0022]"},
		"term":            {head + "      - {node: How Bad}", "source-path", "t.yaml:7:9: ", "How bad", "How Bad"},
		"term twice":      {head + "      - {node: Left}", "source-path", "t.yaml:7:9: ", "one node", "Left"},
		"occurrences":     {head + "      - {node: Size, occurrences: 0..2}", "source-occurrences", "t.yaml:7:22: ", "0..1", "0..2"},
		"existence":       {head + "      - {node: /data, existence: 0..1}", "source-existence", "t.yaml:7:23: ", "1", "0..1"},
		"cardinality":     {head + "      - {node: '/data[at0001]/items', cardinality: 0..*}", "source-cardinality", "t.yaml:7:39: ", "1..*", "0..*"},
		"remove":          {head + "      - {node: What, remove: true}", "source-remove", "t.yaml:7:22: ", "occurrences 1", "0"},
		"units":           {head + "      - {node: Size, units: [km]}", "source-units", "t.yaml:7:22: ", "mm, cm", "km"},
		"unit range":      {head + "      - {node: Size, units: {mm: {range: 0..1000}}}", "source-range", "t.yaml:7:22: ", "mm 0.0..<1000.0", "mm 0..1000"},
		"precision":       {head + "      - {node: Size, units: {mm: {precision: 2}}}", "source-precision", "t.yaml:7:22: ", "mm 0..1", "mm 2"},
		"turned":          {head + "      - {node: Size, units: {mm: {range: 9..1}}}", "source-range", "t.yaml:7:22: ", "lower <= upper", "9..1"},
		"codes":           {head + "      - {node: How bad, codes: [at0009]}", "source-codes", "t.yaml:7:25: ", "local::at0004, at0005, at0006", "at0009"},
		"terminology":     {head + "      - {node: How bad, codes: {terminology: LOINC, list: [x]}}", "source-codes", "t.yaml:7:25: ", "local::at0004, at0005, at0006", "LOINC::x"},
		"value set":       {head + "      - {node: How bad, valueset: 'http://x'}", "source-codes", "t.yaml:7:25: ", "local::at0004, at0005, at0006", "the value set http://x"},
		"texts":           {head + "      - {node: '/data[at0001]/items[at0013]/items[at0015]', texts: [fair]}", "source-texts", "t.yaml:7:61: ", "good, poor", "fair"},
		"ordinals":        {head + "      - {node: Grade, ordinals: [4]}", "source-ordinals", "t.yaml:7:23: ", "1 (at0009), 2 (at0010), 3 (at0011)", "4"},
		"types":           {head + "      - {node: Size, types: [DV_COUNT]}", "source-types", "t.yaml:7:29: ", "DV_QUANTITY", "DV_COUNT"},
		"no class":        {head + "      - {node: Size, types: [DV_QUANTTY]}", "VCORM", "t.yaml:7:29: ", "DV_QUANTITY", "DV_QUANTTY"},
		"ambiguous":       {head + "      - {node: Any value, range: 0..1}", "source-value", "t.yaml:7:27: ", "one alternative", "DV_COUNT, DV_BOOLEAN, DV_DURATION, DV_DATE, DV_TEXT"},
		"alternative":     {head + "      - {node: Any value, types: {DV_COUNT: {range: 0..11}}}", "source-range", "t.yaml:7:46: ", "0..10", "0..11"},
		"date pattern":    {head + "      - {node: Any value, types: {DV_DATE: {pattern: XX-mm}}}", "source-pattern", "t.yaml:7:45: ", "such as yyyy-mm-??", "XX-mm"},
		"fields":          {head + "      - {node: Any value, types: {DV_DURATION: {pattern: PM}}}", "source-pattern", "t.yaml:7:49: ", "PDTH", "PM"},
		"does not fit":    {head + "      - {node: Size, texts: [x]}", "source-value", "t.yaml:7:22: ", "DV_TEXT", "DV_QUANTITY"},
		"default":         {head + "      - {node: How bad, default: at0009}", "source-default", "t.yaml:7:25: ", "a value of DV_CODED_TEXT which the template allows", "at0009"},
		"open":            {head + "      - {node: How bad, codes: [at0004], open: true}", "source-codes", "t.yaml:7:25: ", "coded", "open to any text"},
		"clones":          {head + "      - {node: Size, clones: [{name: A}, {name: B}]}", "source-clone", "t.yaml:7:22: ", "0..1", "2"},
		"slot":            {head + "      - {include: openEHR-EHR-CLUSTER.other.v1, in: Parts}", "source-slot", "t.yaml:7:10: ", `include openEHR-EHR-CLUSTER\.part\.v1|openEHR-EHR-CLUSTER\.part-long\.v1`, "openEHR-EHR-CLUSTER.other.v1"},
		"slot class":      {head + "      - {include: openEHR-EHR-SECTION.heading.v1, in: Parts}", "source-slot", "t.yaml:7:10: ", "CLUSTER", "SECTION"},
		"no slot":         {head + "      - {include: openEHR-EHR-CLUSTER.part.v1, in: '/data[at0001]/items[at0007]'}", "source-slot", "t.yaml:7:10: ", "a slot or an attribute", "ELEMENT"},
		"slot min":        {head + "      - {include: openEHR-EHR-CLUSTER.part.v1, in: Parts, occurrences: 0..1}", "source-occurrences", "t.yaml:7:10: ", "1..2", "0..1"},
		"cardinality sum": {head + "      - {node: Group, nodes: [{node: Left, occurrences: 1}, {node: Right, occurrences: 1}, {node: '/items', cardinality: 1}]}", "VACMC", "t.yaml:1:1: ", "1", "2"},
		"languages":       {strings.Replace(head, "nodes:", "languages: [en, fr]\nnodes:", 1) + "      - {node: What}", "source-language", "t.yaml:4:1: ", "openEHR-EHR-COMPOSITION.note.v1, openEHR-EHR-EVALUATION.finding.v1", "fr"},
		"binding":         {head + "      - {node: What, bindings: {at0099: {X: '1'}}}", "source-code", "t.yaml:7:22: ", "a code of openEHR-EHR-EVALUATION.finding.v1", "at0099"},
	} {
		s, err := source.ReadYAML(fstest.MapFS{"t.yaml": {Data: []byte(tc.source)}}, "t.yaml")
		if err == nil {
			_, err = Build(s, library(t))
		}
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || len(f.Issues) == 0 {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		got := f.Issues[0]
		if got.Rule != tc.rule || !strings.HasPrefix(got.Message, tc.message) || tc.expected != "" && got.Expected != tc.expected || tc.found != "" && got.Found != tc.found {
			t.Errorf("%s: got %s %q, expected %q, found %q", name, got.Rule, got.Message, got.Expected, got.Found)
		}
	}
}

// TestEveryFaultAtOnce: one mistake does not hide the next.
func TestEveryFaultAtOnce(t *testing.T) {
	text := head + "      - {node: Size, units: [km]}\n      - {node: Nowhere}\n      - {node: What, remove: true}\n"
	s, err := source.ReadYAML(fstest.MapFS{"t.yaml": {Data: []byte(text)}}, "t.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Build(s, library(t))
	if got := len(fault.Of(err).Issues); got != 3 {
		t.Errorf("%d faults, want 3: %v", got, err)
	}
}

// TestSlots: includes and excludes decide, and a filled slot is closed.
func TestSlots(t *testing.T) {
	for name, tc := range map[string]struct {
		section string
		ok      bool
	}{
		"admitted":         {"openEHR-EHR-EVALUATION.finding.v1", true},
		"specialisation":   {"openEHR-EHR-EVALUATION.finding-skin.v1", true},
		"excluded by name": {"openEHR-EHR-EVALUATION.secret.v1", false},
	} {
		text := "template: T\nsensitivity: normal\nroot: openEHR-EHR-SECTION.heading.v1\nnodes:\n  - include: " + tc.section + "\n"
		s, err := source.ReadYAML(fstest.MapFS{"t.yaml": {Data: []byte(text)}}, "t.yaml")
		if err != nil {
			t.Fatal(err)
		}
		built, err := Build(s, library(t))
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err != nil {
			continue
		}
		items := built.Definition.Attributes[0]
		if len(items.Children) != 1 || items.Children[0].(*aom.ArchetypeRoot).ArchetypeID != tc.section {
			t.Errorf("%s: %d members", name, len(items.Children))
		}
	}
}

func TestHashedUID(t *testing.T) {
	uid := func(extra string) string {
		s, err := source.ReadYAML(fstest.MapFS{"t.yaml": {Data: []byte("template: T\nsensitivity: normal\nroot: openEHR-EHR-SECTION.heading.v1\n" + extra)}}, "t.yaml")
		if err != nil {
			t.Fatal(err)
		}
		built, err := Build(s, library(t))
		if err != nil {
			t.Fatal(err)
		}
		return built.UID
	}
	first, second := uid(""), uid("")
	if first == "" || first != second || first == uid("version: 1.0.1") || uid("uid: own") != "own" {
		t.Errorf("uids %s, %s, %s", first, second, uid("version: 1.0.1"))
	}
}

// FuzzBuild builds what can be read of a text, as YAML and as OET.
func FuzzBuild(f *testing.F) {
	for _, name := range []string{"note.yaml", "base.yaml", "note.oet"} {
		text, err := fs.ReadFile(sources, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(head + "      - {node: What, texts: &a [x], clones: [{name: A}]}"))
	l := library(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		folder := fstest.MapFS{"t": {Data: text}}
		for _, read := range []func(fs.FS, string) (*source.Source, error){source.ReadYAML, source.ReadOET} {
			if s, err := read(folder, "t"); err == nil {
				fuzzed(t, s, l)
			}
		}
	})
}

// fuzzed builds a source: a template that is built can be written, or is refused
// for what XML cannot say, and read again.
func fuzzed(t *testing.T, s *source.Source, l *Library) {
	built, err := Build(s, l)
	if err != nil {
		return
	}
	var out bytes.Buffer
	if opt.Write(&out, built) != nil {
		return
	}
	if _, err := opt.Read(&out); err != nil {
		t.Fatalf("what was built cannot be read: %v", err)
	}
}
