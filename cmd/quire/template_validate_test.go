package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/validate"
)

// ownTemplate is one of our templates with a composition of it.
func ownTemplate(t *testing.T) (template, document string) {
	t.Helper()
	folder := filepath.Join("..", "..", "templates")
	list, err := filepath.Glob(filepath.Join(folder, "opt", "growth_measurements*.opt"))
	if err != nil || len(list) != 1 {
		t.Fatalf("the template is not there: %v", err)
	}
	return list[0], filepath.Join(folder, "examples", "growth_birth.json")
}

func TestValidateInEveryFormat(t *testing.T) {
	template, document := ownTemplate(t)
	for _, format := range []string{"json", "xml", "flat", "structured"} {
		text := output(t, func() error {
			return convertCommand{Template: template, From: "json", To: format, File: document}.Run()
		})
		if got := formatOf([]byte(text)); got != format {
			t.Errorf("%s is taken for %s", format, got)
		}
		file := filepath.Join(t.TempDir(), "composition."+format)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := output(t, func() error { return templateValidate{Template: template, From: "auto", Files: []string{file}}.Run() })
		if !strings.Contains(out, ": valid") {
			t.Errorf("%s: %s", format, out)
		}
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	template, document := ownTemplate(t)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(strings.Replace(string(text), `"433"`, `"999"`, 1), `"at0004"`, `"at9999"`, 1)
	file := filepath.Join(t.TempDir(), "broken.json")
	for content, rules := range map[string][]string{
		broken:       {"terminology-composition_category", "template-node"},
		"{":          {"syntax"},
		"<x/>":       {"syntax"},
		`{"a/b": 1}`: {""},
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var failed error
		out := output(t, func() error {
			failed = templateValidate{Template: template, From: "auto", JSON: true, Files: []string{file}}.Run()
			return nil
		})
		if failed == nil {
			t.Errorf("%.20s: passes", content)
		}
		for _, rule := range rules {
			if !strings.Contains(out, `"rule":"`+rule) || !strings.Contains(out, `"severity":"error"`) {
				t.Errorf("%.20s: no %s in %s", content, rule, out)
			}
		}
	}
}

func TestNoTerminologyServerIsNone(t *testing.T) {
	var c serveCommand
	var service validate.Terminology
	values, _ := c.Check()
	if service = c.terminology(values, nil); service != nil {
		t.Error("a service without an address")
	}
}
