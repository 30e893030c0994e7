package opt

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

func templates(t testing.TB) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(fixtures.Dir(t), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".opt") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFixtureTemplates(t *testing.T) {
	valid := 0
	for _, path := range templates(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tpl, err := Read(bytes.NewReader(text))
		if strings.Contains(path, "/invalid/") {
			if err == nil {
				t.Errorf("%s is accepted", filepath.Base(path))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		valid++
		if tpl.Definition == nil || tpl.TemplateID == "" || len(tpl.Definition.Attributes) == 0 {
			t.Errorf("%s: nothing read", path)
		}
	}
	t.Logf("%d templates read", valid)
}

const small = `<?xml version="1.0" encoding="utf-8"?>
<template xmlns="http://schemas.openehr.org/v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <language><terminology_id><value>ISO_639-1</value></terminology_id><code_string>en</code_string></language>
  <template_id><value>Walk  in</value></template_id>
  <concept>Walk in</concept>
  <definition>
    <rm_type_name>COMPOSITION</rm_type_name>
    <occurrences><lower>1</lower><upper>1</upper></occurrences>
    <node_id>at0000</node_id>
    <attributes xsi:type="C_SINGLE_ATTRIBUTE">
      <rm_attribute_name>category</rm_attribute_name>
      <existence><lower>1</lower><upper>1</upper></existence>
    </attributes>
    <archetype_id><value>openEHR-EHR-COMPOSITION.visit.v1</value></archetype_id>
  </definition>
</template>`

func TestSmallTemplate(t *testing.T) {
	tpl, err := Read(strings.NewReader("\ufeff" + small))
	if err != nil {
		t.Fatal(err)
	}
	if tpl.TemplateID != "Walk  in" {
		t.Errorf("template id %q lost a blank", tpl.TemplateID)
	}
	if tpl.Language.Code != "en" || tpl.Definition.ArchetypeID != "openEHR-EHR-COMPOSITION.visit.v1" {
		t.Errorf("read %+v", tpl)
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct{ old, new, rule, place string }{
		"empty":             {small, "", "opt-xml", "line 1:"},
		"not a template":    {small, "<archetype/>", "opt-root", "line 1:1"},
		"wrong namespace":   {"org/v1", "org/v9", "opt-root", "line 2:1"},
		"document type":     {"<template", "<!DOCTYPE template [<!ENTITY x SYSTEM 'file:///etc/hosts'>]>\n<template", "opt-xml", "line 2:1"},
		"unknown entity":    {"<concept>Walk in", "<concept>&x;", "opt-xml", "line 5:"},
		"concept missing":   {"<concept>Walk in</concept>", "", "opt-missing-element", "line 2:1"},
		"concept twice":     {"<concept>", "<concept>x</concept><concept>", "opt-repeated-element", "line 5:"},
		"concept empty":     {"<concept>Walk in", "<concept>", "opt-empty", ""},
		"unknown element":   {"<concept>", "<konzept>x</konzept><concept>", "opt-unknown-element", "line 5:3"},
		"unknown class":     {"C_SINGLE_ATTRIBUTE", "C_DOUBLE_ATTRIBUTE", "opt-unknown-class", "line 10:5"},
		"archetype id":      {"COMPOSITION.visit", "COMPOSITION", "opt-archetype-id", "line 14:5"},
		"bounds turned":     {"<lower>1</lower><upper>1</upper></occ", "<lower>2</lower><upper>1</upper></occ", "opt-interval", "line 8:5"},
		"bound no count":    {"<lower>1</lower><upper>1</upper></occ", "<lower>one</lower><upper>1</upper></occ", "opt-value", "line 8:5"},
		"text among":        {"<definition>", "<definition>words", "opt-text", "line 6:"},
		"element in text":   {"<concept>Walk in", "<concept>Walk<b/>in", "opt-text", "line 5:"},
		"ends differ":       {"</concept>", "</concep>", "opt-xml", "line 5:"},
		"ends early":        {"</template>", "", "opt-xml", "line 16:"},
		"something follows": {"</template>", "</template><template/>", "opt-xml", "line 16:"},
	} {
		_, err := Read(strings.NewReader(strings.Replace(small, tc.old, tc.new, 1)))
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Invalid || len(f.Issues) == 0 {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if got := f.Issues[0]; got.Rule != tc.rule || !strings.HasPrefix(got.Message, tc.place) {
			t.Errorf("%s: got %s %q, want %s at %s", name, got.Rule, got.Message, tc.rule, tc.place)
		}
	}
}

func TestEveryFaultIsReported(t *testing.T) {
	text := strings.NewReplacer("<concept>Walk in</concept>", "", "visit.v1", "visit", "rm_attribute_name", "name").Replace(small)
	_, err := Read(strings.NewReader(text))
	if got := len(fault.Of(err).Issues); got != 4 {
		t.Errorf("%d issues, want 4: %v", got, err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	deep := strings.Repeat("<a>", 100_000)
	_, err := Read(strings.NewReader(strings.Replace(small, "<definition>", "<definition>"+deep, 1)))
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(small[:len(small)/2]))
	f.Fuzz(func(t *testing.T, text []byte) {
		tpl, err := Read(bytes.NewReader(text))
		if (tpl == nil) == (err == nil) {
			t.Fatalf("template %v with error %v", tpl, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	largest := ""
	var size int64
	for _, path := range templates(b) {
		if info, err := os.Stat(path); err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
	}
	text, err := os.ReadFile(largest)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
