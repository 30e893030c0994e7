package sdc

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
)

// largest is the template of the fixtures whose form has the most items.
func largest(b *testing.B) (text []byte, items int) {
	b.Helper()
	path := ""
	err := filepath.WalkDir(shared(b), func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(at, ".opt") {
			return err
		}
		content, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		parsed, err := opt.Read(bytes.NewReader(content))
		if err != nil {
			return nil // the reader's own tests judge that
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			return nil
		}
		if n := len(Build(compiled).byLinkID); n > items {
			items, text, path = n, content, at
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%s: %d items, %d bytes", filepath.Base(path), items, len(text))
	return text, items
}

// BenchmarkLargestTemplate: from the bytes of the largest template to those of
// its Questionnaire, as a server does it that was just started.
func BenchmarkLargestTemplate(b *testing.B) {
	text, _ := largest(b)
	for _, mode := range []Mode{FormMode, Faithful, Compact} {
		b.Run("cold/"+string(mode), func(b *testing.B) {
			for b.Loop() {
				written, err := json.Marshal(Build(compile(b, text)).Questionnaire(Rendering{ID: "x", URL: "x", Version: "1", Mode: mode}))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(written)), "json-bytes")
			}
		})
	}
	form := Build(compile(b, text))
	b.Run("built", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(form.Questionnaire(Rendering{ID: "x", URL: "x", Version: "1"})); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkResponse compares what a submit does in the process, from the bytes of
// a response to those of a judged composition, with a canonical commit.
func BenchmarkResponse(b *testing.B) {
	o := ours(b)["Vital signs observations.v1"]
	tree := o.examples["vital_signs_full.json"]
	canonical := canon.WriteJSON(nil, tree, tree.Root())
	r := o.form.Issue(tree, "")
	r.Status = "completed"
	answered, err := json.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("canonical", func(b *testing.B) {
		for b.Loop() {
			read, err := canon.ReadJSON(canonical, rminfo.COMPOSITION, canon.ReadOptions{})
			if err != nil {
				b.Fatal(err)
			}
			validate.Check(read, o.form.Template, validate.Options{})
			canon.WriteJSON(nil, read, read.Root())
		}
	})
	blank := withoutKeys(wire(b, r))
	if answered, err = json.Marshal(blank); err != nil {
		b.Fatal(err)
	}
	b.Run("response", func(b *testing.B) {
		for b.Loop() {
			back, err := fhir.ReadResponse(answered)
			if err != nil {
				b.Fatal(err)
			}
			made, err := o.form.Compose(nil, back, facts)
			if err != nil {
				b.Fatal(err)
			}
			validate.Check(made.Tree, o.form.Template, validate.Options{})
			canon.WriteJSON(nil, made.Tree, made.Tree.Root())
		}
	})
}
