package eval_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/fault"
)

// FuzzRun: no query panics, what fails is a fault of the query, and the printed
// form of a query gives the same rows.
func FuzzRun(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.test")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		script, err := aqltest.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range script {
			if c.Op == aqltest.Eval {
				f.Add(c.Query)
			}
		}
	}
	m := memory(f, "status_open.json", "visit1.json", "values.json", "folder.json")
	m.Options.MaxRows = 2000
	m.Options.Now = time.Date(2024, 11, 22, 10, 30, 5, 0, time.UTC)
	params := map[string]any{"n": 10, "s": "alpha", "list": []any{"alpha", "Beta"}, "id": "x", "p": "*et*", "nothing": nil}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := aql.Parse(text)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		columns, rows, err := m.Query(ctx, text, params)
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if err != nil {
			if k := fault.Of(err).Kind; k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		again := aqltest.Command{Query: q.String(), Params: params, Columns: columns, Ordered: true, Rows: rows}
		if wrong := aqltest.Check(context.Background(), m, again); wrong != "" {
			t.Fatalf("%s\nprints %s\n%s", text, q, wrong)
		}
	})
}
