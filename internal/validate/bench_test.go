package validate

import (
	"path/filepath"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

func BenchmarkCheck(b *testing.B) {
	dir := filepath.Join(fixtures(b), "openehr")
	for _, tc := range []struct{ name, document, template string }{
		{"all-types", "compositions/validation/base/Test_all_types_v2__.json", "compositions/validation/opt/Test_all_types_v2.opt"},
		{"minimal", "compositions/validation/base/minimal_instruction_1.composition.json", "compositions/validation/opt/minimal_instruction.opt"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			text := readFile(b, dir, tc.document)
			tpl := compile(b, readFile(b, dir, tc.template))
			tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Check(tree, tpl, Options{})
			}
		})
	}
}
