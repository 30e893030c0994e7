package eval_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/eval"
)

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.test")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			aqltest.Run(t, f, func(*testing.T) aqltest.Engine {
				return &aqltest.Memory{Options: eval.Options{Now: time.Date(2024, 11, 22, 10, 30, 5, 250e6, time.UTC)}}
			})
		})
	}
}
