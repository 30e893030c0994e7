package build

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/source"
)

func TestEveryOETConstraint(t *testing.T) {
	s, err := source.ReadOET(sources, "note.oet")
	if err != nil {
		t.Fatal(err)
	}
	text := written(t, s)
	golden(t, "note_from_oet.opt", text)
	back, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := template.Compile(back)
	if err != nil {
		t.Fatal(err)
	}
	if c.TemplateID != "Note from a tool" || c.UID != "5d2b7f3e-4f53-4c3b-9f2e-1f3d1a2b3c4d" {
		t.Errorf("template %q, uid %s", c.TemplateID, c.UID)
	}
	const items = "/content[openEHR-EHR-SECTION.heading.v1]/items[openEHR-EHR-EVALUATION.finding.v1]/data[at0001]/items"
	for path, check := range map[string]func(n *template.Node) bool{
		items + "[at0003, 'Severity']/value/defining_code":         codes("local", "at0004", "at0005"),
		items + "[at0003, 'Severity at rest']/value/defining_code": codes("local", "at0004"),
		items + "[at0003, 'Severity']/value":                       func(n *template.Node) bool { return n.Default.TextAt("value") == "Middling" },
		items + "[at0003, 'Severity']/null_flavour/defining_code":  codes("openehr", "271"),
		items + "[at0002]/value/defining_code":                     codes("SNOMED-CT", "271807003", "386661006"),
		items + "[at0007]/value": func(n *template.Node) bool {
			q := n.Constraint.(*aom.Quantity).Items
			return len(q) == 1 && q[0].Magnitude.Upper == "200.0" && !q[0].Magnitude.UpperIncluded && q[0].Magnitude.Lower == "1.0"
		},
		items + "[at0008]/value":       func(n *template.Node) bool { return len(n.Constraint.(*aom.Ordinal).Items) == 2 },
		items + "[at0012]/value/value": func(n *template.Node) bool { return n.Constraint.(*aom.Duration).Range.Upper == "PT6H" },
		items + "[at0016]/value/defining_code": func(n *template.Node) bool {
			return n.Constraint.(*aom.CodeReference).ReferenceSetURI == "terminology:SNOMED-CT?subset=all+causes"
		},
		items + "[openEHR-EHR-CLUSTER.part.v1, 'The part']/items[at0001, 'Family']": func(n *template.Node) bool { return n.NameFixed == "Family" },
		items + "[openEHR-EHR-CLUSTER.part.v1]/items[at0002]/items[at0003]/value/magnitude": func(n *template.Node) bool {
			return n.Constraint.(*aom.Integer).Range.Upper == "9"
		},
		"/content[openEHR-EHR-SECTION.heading.v1]":                          func(n *template.Node) bool { return n.Annotations[0].Value == "From the tool." },
		"/context/other_context[at0001]/items[openEHR-EHR-CLUSTER.part.v1]": func(n *template.Node) bool { return n.Occurrences.Max == 1 },
		"/content[openEHR-EHR-SECTION.heading.v1]/items[openEHR-EHR-EVALUATION.finding.v1]/data[at0001]": func(n *template.Node) bool {
			return len(n.View) == 1 && n.View[0].Key == source.HideOnForm
		},
	} {
		id, ok := c.Lookup(path)
		if !ok {
			t.Errorf("%s leads nowhere", path)
		} else if !check(c.Node(id)) {
			t.Errorf("%s is %+v", path, *c.Node(id))
		}
	}
	if _, ok := c.Lookup(items + "[at0013]"); ok {
		t.Error("what a rule removes is still there")
	}
}

func TestOETRefused(t *testing.T) {
	content, err := fs.ReadFile(sources, "note.oet")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ old, new, rule, place string }{
		"no archetype": {"CLUSTER.part.v1\" path=\"/data", "CLUSTER.pert.v1\" path=\"/data", "source-archetype", "t.oet:"},
		"path":         {"items[at0008]", "items[at0098]", "source-path", "t.oet:55:9: "},
		"wider":        {"<maxMagnitude>200<", "<maxMagnitude>2000<", "source-range", "t.oet:43:9: "},
		"unknown slot": {"SECTION.heading.v1\" path=\"/content\"", "SECTION.heading.v1\" path=\"/category\"", "source-slot", "t.oet:21:5: "},
	} {
		changed := strings.Replace(string(content), tc.old, tc.new, 1)
		if changed == string(content) {
			t.Fatalf("%s changes nothing", name)
		}
		s, err := source.ReadOET(fstest.MapFS{"t.oet": {Data: []byte(changed)}}, "t.oet")
		if err == nil {
			_, err = Build(s, library(t))
		}
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || len(f.Issues) == 0 {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if got := f.Issues[0]; got.Rule != tc.rule || !strings.HasPrefix(got.Message, tc.place) {
			t.Errorf("%s: got %s %q", name, got.Rule, got.Message)
		}
	}
}
