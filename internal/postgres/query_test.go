package postgres

import (
	"path/filepath"
	"testing"

	"github.com/quire-cdr/quire/internal/aql/aqltest"
)

// TestQueryScripts runs what the evaluator satisfies on the database.
func TestQueryScripts(t *testing.T) {
	files, err := filepath.Glob("../aql/testdata/*.test")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			aqltest.Run(t, f, func(t *testing.T) aqltest.Engine { return newEngine(t) })
		})
	}
}
