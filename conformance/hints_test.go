package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hint is one or more situations of the conformance notes with the exchanges
// that show them in the default manners, each on a record of its own.
type hint struct {
	ids   string
	steps []*exchange
	// more is what a table cannot say.
	more func(c *scene)
}

func show(ids string, steps ...*exchange) hint { return hint{ids: ids, steps: steps} }

// hintTables are the nouns, one file each.
func hintTables() map[string][]hint {
	return map[string][]hint{
		"wire": wireHints, "ehr": ehrHints, "composition": compositionHints, "contribution": contributionHints,
		"directory": directoryHints, "tag": tagHints, "template": templateHints, "stored query": storedQueryHints,
		"query": queryHints, "simplified": simplifiedHints, "demographic": demographicHints, "admin": adminHints,
	}
}

// hintDifference is a situation that is not a case here, and why.
type hintDifference struct {
	ids string
	no  string
	why string
}

// TestHints runs every situation of the tables.
func TestHints(t *testing.T) {
	s := running(t)
	for noun, hints := range hintTables() {
		for _, h := range hints {
			t.Run(noun+"/"+h.ids, func(t *testing.T) {
				c := newScene(t, s)
				c.run(h.steps...)
				if h.more != nil {
					h.more(c)
				}
			})
		}
	}
}

// TestEveryHintIsACaseOrADifference reads the notes where they stand beside the
// repository: each id is shown, or numbered, once.
func TestEveryHintIsACaseOrADifference(t *testing.T) {
	where := map[string][]string{}
	for noun, hints := range hintTables() {
		for _, h := range hints {
			for _, id := range strings.Fields(h.ids) {
				where[id] = append(where[id], noun)
			}
		}
	}
	differences := 0
	var table strings.Builder
	fmt.Fprint(&table, "| no. | situations | what and why |\n|---|---|---|\n")
	for _, d := range hintDifferences {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", d.no, strings.Join(strings.Fields(d.ids), ", "), d.why)
		for _, id := range strings.Fields(d.ids) {
			where[id] = append(where[id], d.no)
			differences++
		}
	}
	elsewhere := 0
	for _, d := range shownElsewhere {
		path := filepath.Join(root(t), d.file)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "func "+d.test+"(") {
			t.Errorf("%s: %s is not in %s", d.ids, d.test, d.file)
		}
		for _, id := range strings.Fields(d.ids) {
			where[id] = append(where[id], d.file)
			elsewhere++
		}
	}
	fmt.Fprintf(&table, "\n%d situations are cases of this suite, %d of a test beside the code, %d are numbered above.\n", len(where)-differences-elsewhere, elsewhere, differences)
	for id, places := range where {
		if len(places) > 1 {
			t.Errorf("%s stands in %s", id, strings.Join(places, " and "))
		}
	}
	generated(t, "situations", table.String())
	text, err := os.ReadFile(sharedFile(t, "notes", "conformance-hints.md"))
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, found := range regexp.MustCompile(`(?m)^- \*\*([A-Z]-\d+)\*\*`).FindAllStringSubmatch(string(text), -1) {
		if where[found[1]] == nil {
			missing = append(missing, found[1])
		}
		delete(where, found[1])
	}
	if len(missing) > 0 {
		t.Errorf("neither case nor difference: %s", strings.Join(missing, " "))
	}
	for id := range where {
		t.Errorf("%s is no situation of the notes", id)
	}
}

// shown names a test that shows a situation beside the code.
type shown struct {
	ids, file, test string
}

// every is a case that is run for each of some values.
func every[T any](ids string, values []T, make func(T) []*exchange) hint {
	var steps []*exchange
	for _, v := range values {
		steps = append(steps, make(v)...)
	}
	return hint{ids: ids, steps: slices.Clone(steps)}
}
