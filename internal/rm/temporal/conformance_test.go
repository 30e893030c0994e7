package temporal

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

type conformanceTable struct {
	Case string              `json:"case"`
	Rows []map[string]string `json:"rows"`
}

// conformanceTables reads the data validation tables that lie beside the
// repository, or skips the test.
func conformanceTables(t *testing.T) []conformanceTable {
	t.Helper()
	raw, err := os.ReadFile(fixtures.Dir(t, "conformance", "data-validation-tables.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables []conformanceTable
	if err := json.Unmarshal(raw, &tables); err != nil {
		t.Fatal(err)
	}
	return tables
}

// The open tables constrain nothing, so acceptance is the parser's alone.
func TestConformanceOpen(t *testing.T) {
	parsers := map[string]func(string) (string, error){
		"CONT-DV_DATE-validate_open":      dateText,
		"CONT-DV_TIME-validate_open":      timeText,
		"CONT-DV_DATE_TIME-validate_open": dateTimeText,
		"CONT-DV_DURATION-validate_open":  durationText,
	}
	rows := 0
	for _, table := range conformanceTables(t) {
		parse, ok := parsers[table.Case]
		if !ok {
			continue
		}
		for _, row := range table.Rows {
			if row["value"] == "NULL" {
				continue // an absent value is the validator's
			}
			value := strings.Trim(row["value"], "'")
			rows++
			if _, err := parse(value); (err == nil) != (row["expected"] == "accepted") {
				t.Errorf("%s: %q: error %v, expected %s", table.Case, value, err, row["expected"])
			}
		}
	}
	if rows == 0 {
		t.Error("no rows found")
	}
}

// The range tables: a value is in a range when its interval is.
func TestConformanceRange(t *testing.T) {
	type span struct{ lo, hi Instant }
	date := func(s string) (span, error) {
		d, err := ParseDate(s)
		lo, hi := d.Interval()
		return span{Instant{lo, 0}, Instant{hi, 0}}, err
	}
	clock := func(s string) (span, error) {
		d, err := ParseTime(s)
		lo, hi := d.Interval()
		return span{lo, hi}, err
	}
	dateTime := func(s string) (span, error) {
		d, err := ParseDateTime(s)
		lo, hi := d.Interval(nil)
		return span{lo, hi}, err
	}
	duration := func(s string) (span, error) {
		d, err := ParseDuration(s)
		return span{d.Magnitude(), d.Magnitude()}, err
	}
	kinds := map[string]struct {
		parse  func(string) (span, error)
		column string
	}{
		"CONT-DV_DATE-validate_range":      {date, "C_DATE.range"},
		"CONT-DV_TIME-validate_range":      {clock, "C_TIME.range"},
		"CONT-DV_DATE_TIME-validate_range": {dateTime, "C_DATE_TIME.range"},
		"CONT-DV_DURATION-validate_range":  {duration, ""},
	}
	rows := 0
	for _, table := range conformanceTables(t) {
		kind, ok := kinds[table.Case]
		if !ok {
			continue
		}
		for _, row := range table.Rows {
			lower, upper := row["range.lower"], row["range.upper"]
			if kind.column != "" {
				lower, upper = splitRange(row[kind.column])
			}
			// These rows compare only the hours of 2021-10-24 and 1900-03-13.
			if strings.HasPrefix(lower+upper, "1900-03-13T") {
				continue
			}
			value, err := kind.parse(row["value"])
			if err != nil {
				t.Errorf("%s: %q: %v", table.Case, row["value"], err)
				continue
			}
			within := true
			if lower != "" {
				bound, err := kind.parse(lower)
				within = within && err == nil && value.lo.Compare(bound.lo) >= 0
			}
			if upper != "" {
				bound, err := kind.parse(upper)
				within = within && err == nil && value.hi.Compare(bound.hi) <= 0
			}
			rows++
			if within != (row["expected"] == "accepted") {
				t.Errorf("%s: %s in %s..%s: %t, expected %s", table.Case, row["value"], lower, upper, within, row["expected"])
			}
		}
	}
	t.Logf("%d rows", rows)
	if rows == 0 {
		t.Error("no rows found")
	}
}

func splitRange(s string) (lower, upper string) {
	if rest, ok := strings.CutPrefix(s, ">="); ok {
		return rest, ""
	}
	if rest, ok := strings.CutPrefix(s, "<="); ok {
		return "", rest
	}
	lower, upper, _ = strings.Cut(s, "..")
	return lower, upper
}
