package validate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
	"github.com/quire-cdr/quire/internal/validate"
)

// ratio is type, numerator and denominator of a DV_PROPORTION.
type ratio [3]string

// ratioKinds are the words of the headings.
var ratioKinds = map[string]ratio{
	"ratios": {"0", "1.5", "2"}, "unitaries": {"1", "1.5", "1"}, "percentages": {"2", "1.5", "100"}, "fractions": {"3", "1", "2"}, "integer fractions": {"4", "1", "2"},
}

// ratioRow builds the interval that a heading describes: the tables of intervals
// of proportions print their values in nested cells, which the extraction lost.
// allowed are the types the template allows, top the range of numerators.
func ratioRow(heading string) (lower, upper ratio, allowed []string, top *aom.Interval) {
	words := strings.TrimPrefix(heading, "Data set ")
	switch {
	case words == "both valid ratios":
		return ratio{"0", "1", "3"}, ratio{"0", "2", "3"}, nil, nil
	case words == "different limit types":
		return ratio{"0", "1", "100"}, ratio{"2", "2", "100"}, nil, nil
	case words == "greater lower":
		return ratio{"0", "2", "3"}, ratio{"0", "1", "3"}, nil, nil
	case strings.HasPrefix(words, "ratios, invalid"):
		if top = limits("1", "5"); strings.HasSuffix(words, "lower") {
			return ratio{"0", "0.5", "2"}, ratio{"0", "5", "2"}, []string{"0"}, top
		}
		return ratio{"0", "1", "2"}, ratio{"0", "6", "2"}, []string{"0"}, top
	}
	verb, name, _ := strings.Cut(words, " ")
	kind := ratioKinds[name]
	lower, upper = kind, kind
	upper[1] = "5"
	if allowed = []string{kind[0]}; verb == "no" {
		allowed = []string{map[bool]string{true: "1", false: "0"}[kind[0] == "0"]}
	}
	return lower, upper, allowed, nil
}

func askRatios(t *testing.T, heading string) []fault.Issue {
	t.Helper()
	lower, upper, allowed, top := ratioRow(heading)
	value := map[string]any{"_type": "DV_INTERVAL", "lower_unbounded": false, "upper_unbounded": false, "lower_included": true, "upper_included": true}
	attrs := make([]*aom.Attribute, 0, 2)
	for side, r := range map[string]ratio{"lower": lower, "upper": upper} {
		value[side] = map[string]any{"_type": "DV_PROPORTION", "type": json.Number(r[0]), "numerator": json.Number(r[1]), "denominator": json.Number(r[2])}
		attrs = append(attrs, single(side, optional, complexOf("DV_PROPORTION",
			single("type", once, primitive(&aom.Integer{List: allowed})), single("numerator", once, primitive(&aom.Real{Range: top})))))
	}
	return ask(t, value, complexOf("DV_INTERVAL<DV_PROPORTION>", attrs...))
}

// TestConformanceRatioTables asks the rows about intervals of proportions.
func TestConformanceRatioTables(t *testing.T) {
	var tables []struct {
		Case string
		Rows []map[string]string
	}
	if err := json.Unmarshal(readFile(t, fixtures.Dir(t, "conformance", "data-validation-tables.json")), &tables); err != nil {
		t.Fatal(err)
	}
	agreed := 0
	for i, table := range tables {
		if !isRatioTable(table.Case) {
			continue
		}
		for _, row := range table.Rows {
			if issues := askRatios(t, table.Case); validate.Refused(issues) == (row["expected"] == "accepted") {
				t.Errorf("table %d %s %v: %s", i, table.Case, row, brief(issues))
			} else {
				agreed++
			}
		}
	}
	t.Logf("%d rows agree", agreed)
}

func isRatioTable(name string) bool { return strings.HasPrefix(name, "Data set ") }
