package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

func TestConvert(t *testing.T) {
	folder := fixtures.Dir(t, "openehr")
	template := filepath.Join(folder, "opt", "AlternativeEvents.opt")
	file := filepath.Join(folder, "compositions", "flat", "AlternativeEvents.json")
	for to, has := range map[string]string{
		"json": `"_type": "COMPOSITION"`, "xml": "<composition", "flat": `"bericht/körpergewicht:0/any_event_en:1/width": "P30D"`,
		"structured": `"any_event_en": [`, "questionnaire-response": `"resourceType": "QuestionnaireResponse"`, "web-template": `"templateId": "AlternativeEvents"`,
	} {
		out := output(t, func() error { return convertCommand{Template: template, From: "flat", To: to, File: file}.Run() })
		if !strings.Contains(out, has) {
			t.Errorf("%s: no %s in %.300s", to, has, out)
		}
	}
}

// TestConvertRound: a document goes through every format and comes back; what is
// wrong with one is told by key.
func TestConvertRound(t *testing.T) {
	template := filepath.Join("..", "..", "internal", "simplified", "testdata", "every_type.opt")
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const sent = `"every_type/reading:0/any_event:0/two_units|magnitude": 120.5`
	first := file("first", `{"ctx/language": "en", "ctx/territory": "GB", "ctx/composer_name": "A", "ctx/time": "2021-02-03T04:05:06Z", `+sent+`, "every_type/reading:0/any_event:0/two_units|unit": "mm[Hg]"}`)
	flat := output(t, func() error { return convertCommand{Template: template, From: "flat", To: "flat", File: first}.Run() })
	for _, from := range []string{"json", "xml", "structured", "flat"} {
		there := file(from, output(t, func() error { return convertCommand{Template: template, From: "flat", To: from, File: first}.Run() }))
		if back := output(t, func() error { return convertCommand{Template: template, From: from, To: "flat", File: there}.Run() }); !sameMembers(t, back, flat) || !strings.Contains(back, sent) {
			t.Errorf("%s and back: %s, want %s", from, back, flat)
		}
	}
	wrong := file("wrong", strings.Replace(flat, "two_units|unit", "two_units|units_of", 1))
	err := convertCommand{Template: template, From: "flat", To: "json", File: wrong}.Run()
	if err == nil || !strings.Contains(err.Error(), "every_type/reading:0/any_event:0/two_units|units_of") {
		t.Errorf("the key is not named: %v", err)
	}
}

// sameMembers compares JSON objects; XML has its own order.
func sameMembers(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y map[string]any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// output runs a command and gives what it printed.
func output(t *testing.T, run func() error) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	saved := os.Stdout
	os.Stdout = write
	defer func() { os.Stdout = saved }()
	failed := make(chan error, 1)
	go func() {
		failed <- run()
		write.Close()
	}()
	text, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return string(text)
}
