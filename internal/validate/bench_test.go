package validate_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
	"github.com/quire-cdr/quire/internal/validate"
)

// BenchmarkCheck: a composition of 25 KB is to take under 0.5 ms and the largest
// of the fixtures under 10 ms.
func BenchmarkCheck(b *testing.B) {
	dir := fixtures.Dir(b, "openehr")
	for _, tc := range []struct{ name, document, template string }{
		{"all-types", "compositions/validation/base/Test_all_types_v2__.json", "compositions/validation/opt/Test_all_types_v2.opt"},
		{"minimal", "compositions/validation/base/minimal_instruction_1.composition.json", "compositions/validation/opt/minimal_instruction.opt"},
	} {
		b.Run(tc.name, func(b *testing.B) { bench(b, readFile(b, dir, tc.document), readFile(b, dir, tc.template)) })
	}
	known := templates(b)
	for _, tc := range []struct{ name, folder, pattern string }{
		{"largest", "openehr/compositions/canonical-json", "*.json"},
		{"uk-largest", "uk", "*/*.json"},
	} {
		files, err := filepath.Glob(filepath.Join(fixtures.Dir(b), tc.folder, tc.pattern))
		if err != nil {
			b.Fatal(err)
		}
		var largest []byte
		opt := ""
		for _, path := range files {
			text := readFile(b, path)
			if tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{Lenient: true}); err == nil && len(text) > len(largest) && known[templateID(tree)] != "" {
				largest, opt = text, known[templateID(tree)]
			}
		}
		if largest != nil {
			b.Run(tc.name, func(b *testing.B) { bench(b, largest, readFile(b, opt)) })
		}
	}
	b.Run("generated-largest", func(b *testing.B) {
		var largest []byte
		opt := ""
		for _, path := range known {
			if text := exampleOf(compile(b, readFile(b, path))); len(text) > len(largest) {
				largest, opt = text, path
			}
		}
		bench(b, largest, readFile(b, opt))
	})
}

func bench(b *testing.B, text, opt []byte) {
	b.Helper()
	tpl := compile(b, opt)
	tree, err := canon.ReadJSON(bytes.TrimSpace(text), rminfo.COMPOSITION, canon.ReadOptions{Lenient: true})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		validate.Check(tree, tpl, validate.Options{})
	}
}
