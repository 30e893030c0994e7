package source

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

const head = `template: T.v1
sensitivity: normal
root: openEHR-EHR-COMPOSITION.note.v1
nodes:
`

// TestYAMLRefused: what is wrong before any archetype is asked is found at its line.
func TestYAMLRefused(t *testing.T) {
	for name, tc := range map[string]struct{ source, rule, message, expected, found string }{
		"key":             {"template: T\nnods: []", "source-key", "t.yaml:2:1: ", "nodes", "nods"},
		"yaml":            {"template: [", "source-yaml", "t.yaml:", "", ""},
		"no template":     {"root: openEHR-EHR-COMPOSITION.note.v1\nsensitivity: normal", "source-key", "t.yaml:1:1: ", "template", ""},
		"no label":        {"root: openEHR-EHR-COMPOSITION.note.v1\ntemplate: T", "source-key", "t.yaml:1:1: ", "sensitivity", ""},
		"inherit":         {"inherit: [t.yaml]", "source-inherit", "t.yaml:1:", "", "t.yaml"},
		"inherit missing": {"inherit: [u.yaml]", "source-file", "u.yaml: ", "", "u.yaml"},
		"no rule":         {head + "  - {node: What, use: [x]}", "source-rule", "t.yaml:5:", "", "x"},
		"in":              {head + "  - {node: What, in: x}", "source-key", "t.yaml:5:18: ", "", "in"},
		"alias in itself": {"template: T\nsensitivity: normal\nroot: x\nnodes: &a\n  - {node: What, nodes: *a}", "source-value", "t.yaml:", "", ""},
	} {
		s, err := ReadYAML(fstest.MapFS{"t.yaml": {Data: []byte(tc.source)}}, "t.yaml")
		f := fault.Of(err)
		if err == nil || s != nil || f.Kind != fault.Invalid || len(f.Issues) == 0 {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		got := f.Issues[0]
		if got.Rule != tc.rule || !strings.HasPrefix(got.Message, tc.message) || tc.expected != "" && got.Expected != tc.expected || tc.found != "" && got.Found != tc.found {
			t.Errorf("%s: got %s %q, expected %q, found %q", name, got.Rule, got.Message, got.Expected, got.Found)
		}
	}
}

func TestIntervals(t *testing.T) {
	for text, want := range map[string]aom.Interval{
		"7":      {Lower: "7", Upper: "7", LowerIncluded: true, UpperIncluded: true},
		"0..20":  {Lower: "0", Upper: "20", LowerIncluded: true, UpperIncluded: true},
		"0..<20": {Lower: "0", Upper: "20", LowerIncluded: true},
		">0..20": {Lower: "0", Upper: "20", UpperIncluded: true},
		"0 .. *": {Lower: "0", UpperUnbounded: true, LowerIncluded: true},
		">=0":    {Lower: "0", UpperUnbounded: true, LowerIncluded: true},
		">0":     {Lower: "0", UpperUnbounded: true},
		"<=5":    {Upper: "5", LowerUnbounded: true, UpperIncluded: true},
		"<PT5M":  {Upper: "PT5M", LowerUnbounded: true},
	} {
		if got, ok := parseInterval(text); !ok || got != want {
			t.Errorf("%s is %+v, %t; want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", ">", "<=", "..5", "5.."} {
		if got, ok := parseInterval(text); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzYAML(f *testing.F) {
	for _, name := range []string{"note.yaml", "base.yaml"} {
		text, err := fs.ReadFile(os.DirFS("testdata"), name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ReadYAML(fstest.MapFS{"t.yaml": {Data: text}}, "t.yaml"); (s == nil) == (err == nil) {
			t.Fatalf("source %v with error %v", s, err)
		}
	})
}
