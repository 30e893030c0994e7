package eval_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

// TestDecisions: every script and every case worked by hand that DECISIONS.md
// names is there.
func TestDecisions(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	hand := read("testdata/hand_worked.test")
	cited := regexp.MustCompile("`(\\w+\\.test)`((?:,? (?:to )?\\d+)*)").FindAllStringSubmatch(read("DECISIONS.md"), -1)
	if len(cited) < 40 {
		t.Fatalf("%d scripts are named", len(cited))
	}
	for _, c := range cited {
		if script := read("testdata/" + c[1]); !strings.Contains(script, "\nrows") {
			t.Errorf("%s shows nothing", c[1])
		}
		for _, n := range regexp.MustCompile(`\d+`).FindAllString(c[2], -1) {
			if !regexp.MustCompile(`(?m)^# (\d+ (and|to) )?` + n + ` `).MatchString(hand) {
				t.Errorf("%s %s is no case", c[1], n)
			}
		}
	}
}
