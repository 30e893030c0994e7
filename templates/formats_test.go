package templates_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/templates"
)

// rmVersion is not a fact of the record; what comes from FLAT states the
// server's.
var rmVersion = regexp.MustCompile(`"rm_version":"[0-9.]+"`)

func anyVersion(doc []byte) []byte { return rmVersion.ReplaceAll(doc, []byte(`"rm_version":""`)) }

// TestExamplesSurviveSimplifiedFormats writes each example as FLAT and as
// STRUCTURED and reads it back: nothing is lost and nothing added.
func TestExamplesSurviveSimplifiedFormats(t *testing.T) {
	for _, shipped := range templates.All() {
		text, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			t.Fatal(err)
		}
		formats := simplified.Compile(compiled)
		for _, path := range shipped.Examples {
			doc, err := templates.FS.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := canon.ReadJSON(doc, rminfo.COMPOSITION, canon.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := anyVersion(canon.WriteJSON(nil, tree, tree.Root()))
			for _, name := range []string{"flat", "structured"} {
				format, _ := simplified.FormatOf(name)
				written, err := formats.Write(tree, format)
				if err != nil {
					t.Errorf("%s as %s: %v", path, name, err)
					continue
				}
				back, err := formats.Read(written, format, "2026-03-02T09:00:00Z")
				if err != nil {
					t.Errorf("%s from %s: %v", path, name, err)
					continue
				}
				if got := anyVersion(canon.WriteJSON(nil, back, back.Root())); !same(t, got, want) {
					t.Errorf("%s through %s:\n%s\nwant\n%s", path, name, got, want)
				}
			}
		}
	}
}

// same compares JSON documents, whatever the order of members.
func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var one, other any
	for _, side := range []struct {
		text []byte
		to   *any
	}{{a, &one}, {b, &other}} {
		if err := json.Unmarshal(side.text, side.to); err != nil {
			t.Fatal(err)
		}
	}
	return reflect.DeepEqual(one, other)
}
