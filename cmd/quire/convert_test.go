package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConvert(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "fixtures", "openehr")
	template := filepath.Join(folder, "opt", "AlternativeEvents.opt")
	file := filepath.Join(folder, "compositions", "flat", "AlternativeEvents.json")
	if _, err := os.Stat(template); err != nil {
		t.Skip("the shared fixtures are not there")
	}
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
