package source

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quire-cdr/quire/internal/fault"
)

// TestOETRefused: what is wrong before any archetype is asked is found at its line.
func TestOETRefused(t *testing.T) {
	content, err := os.ReadFile("testdata/note.oet")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ old, new, rule, place string }{
		"not well-formed": {"<id>", "<id", "source-xml", "t.oet:3:"},
		"document type":   {"<template", "<!DOCTYPE template>\n<template", "source-xml", "t.oet:2:1: "},
		"no template":     {"<definition", "<definiton", "source-xml", "t.oet:"},
		"no name":         {"<name>Note from a tool</name>", "", "source-key", "t.oet:2:1: "},
		"max":             {`max="0"`, `max="none"`, "source-value", "t.oet:24:9: "},
		"constraint":      {"ordinalConstraint", "ordinaryConstraint", "source-value", "t.oet:56:11: "},
		"type":            {">Duration<", ">Durance<", "source-value", "t.oet:"},
	} {
		changed := strings.Replace(string(content), tc.old, tc.new, 1)
		if changed == string(content) {
			t.Fatalf("%s changes nothing", name)
		}
		_, err := ReadOET(fstest.MapFS{"t.oet": {Data: []byte(changed)}}, "t.oet")
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

func FuzzOET(f *testing.F) {
	text, err := os.ReadFile("testdata/note.oet")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ReadOET(fstest.MapFS{"t.oet": {Data: text}}, "t.oet"); (s == nil) == (err == nil) {
			t.Fatalf("source %v with error %v", s, err)
		}
	})
}
