package sqlgen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

var dictionary = &plan.Dictionary{
	Archetypes: map[string]int32{"openEHR-EHR-COMPOSITION.visit.v1": 1, "openEHR-EHR-OBSERVATION.pressure.v1": 2},
	Roots:      map[rminfo.Class][]int32{rminfo.COMPOSITION: {1}, rminfo.OBSERVATION: {2}},
	Inner:      map[rminfo.Class]map[string]bool{rminfo.ELEMENT: {"at0004": true}, rminfo.HISTORY: {"at0001": true}, rminfo.POINT_EVENT: {"at0006": true}},
}

func generate(t *testing.T, text string, p *access.Profile) *Statement {
	t.Helper()
	q, err := aql.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	built, err := plan.Build(q, plan.Options{Dictionary: dictionary, Fetch: -1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Generate(built, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var nurse = &access.Profile{Principal: "user:nurse", Readable: []string{"north"}, Queryable: []string{"north"}, Templates: []int32{5}}

var queries = []string{
	`SELECT c FROM EHR e[ehr_id/value = '7d44b88c-4199-4bad-97dc-d78268e01398'] CONTAINS COMPOSITION c WHERE c/name/value = 'MARK1' OR c/name/value LIKE 'MARK2*'`,
	`SELECT o/data[at0001]/events[at0006]/time/value FROM COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.pressure.v1, 'MARK1'] WHERE c/uid/value = 'MARK2'`,
	`SELECT x/value, 'MARK1', CONCAT(x/name/value, 'MARK2') FROM OBSERVATION o CONTAINS (ELEMENT x[at0004] OR ELEMENT y) WHERE x/value > 424242 AND x/name/value MATCHES {'MARK3'}`,
	`SELECT e/ehr_status/subject/external_ref/id/value FROM EHR e NOT CONTAINS OBSERVATION o[name/value = 'MARK1'] WHERE e/time_created > '2024-01-01'`,
	`SELECT DISTINCT o FROM FOLDER f CONTAINS OBSERVATION o ORDER BY o LIMIT 3`,
	`SELECT MAX(o/data/events/time), COUNT(DISTINCT c/name/value) FROM COMPOSITION c CONTAINS OBSERVATION o`,
}

// TestOnlyParameters: nothing a query or a caller says stands in the SQL, and
// every parameter is used.
func TestOnlyParameters(t *testing.T) {
	for _, q := range queries {
		s := generate(t, q, nurse)
		for _, secret := range []string{"MARK", "424242", "7d44b88c", "pressure", "north", "nurse", "at0004", "2024-01"} {
			if strings.Contains(s.SQL, secret) {
				t.Errorf("%s: %q stands in the SQL", q, secret)
			}
		}
		for i := range s.Args {
			if !regexp.MustCompile(fmt.Sprintf(`\$%d\b`, i+1)).MatchString(s.SQL) {
				t.Errorf("%s: argument %d is not used", q, i+1)
			}
		}
		if regexp.MustCompile(fmt.Sprintf(`\$%d\b`, len(s.Args)+1)).MatchString(s.SQL) {
			t.Errorf("%s: a placeholder has no argument", q)
		}
	}
}

// recordTable finds a record table after FROM or JOIN with what follows it.
var recordTable = regexp.MustCompile(`(?:from|join)(?: lateral)? (ehr|version|node|leaf|folder_item) (\w+)([^\n]{0,70})`)

// TestEveryTableIsScanned: with limits a table stands only inside a predicate.
func TestEveryTableIsScanned(t *testing.T) {
	for _, q := range queries {
		found := recordTable.FindAllStringSubmatch(generate(t, q, nurse).SQL, -1)
		if len(found) == 0 {
			t.Errorf("%s: no record table", q)
		}
		for _, m := range found {
			if m[2] == "t" && (strings.HasPrefix(m[3], " where ") || strings.HasPrefix(m[3], " join open o on o.ehr_id = t.ehr_id where ")) {
				continue
			}
			// The gate's own look at is_queryable.
			if m[1] == "ehr" && m[2] == "x" && strings.HasPrefix(m[3], " where x.ehr_id = ") {
				continue
			}
			t.Errorf("%s: %s without a predicate", q, m[0])
		}
	}
}

func TestLikePattern(t *testing.T) {
	for _, tt := range [][2]string{
		{"a*b?", "a%b_"}, {`50%_`, `50\%\_`}, {`\*\?`, `*?`}, {`a\\b`, `a\\b`}, {`end\`, `end\\`}, {`\%`, `\%`},
	} {
		if got := likePattern(tt[0]); got != tt[1] {
			t.Errorf("%s becomes %s, want %s", tt[0], got, tt[1])
		}
	}
}

func TestReader(t *testing.T) {
	document := `{"_type":"COMPOSITION","name":{"_type":"DV_TEXT","value":"n"},"archetype_node_id":"openEHR-EHR-COMPOSITION.visit.v1","composer":{"_type":"PARTY_SELF"}}`
	s := &Statement{Documents: 1, Limit: -1, Shown: true, Cells: []Cell{
		{Document: 0}, {Document: -1, Declared: rminfo.DV_TEXT}, {Document: -1}, {Document: -1, Sum: true}, {Document: -1, Average: true},
	}}
	r := NewReader(s)
	for _, tt := range []struct {
		columns []string // "-" is null
		want    string
	}{
		{[]string{`{"#": 0}`, `{"value": "a\u00e9", "_m": 1}`, `12.50`, `0.30`, `[10, 3]`, document, "e1"},
			document + ` {"_type":"DV_TEXT","value":"aé"} 12.50 0.30 3.33333333333333`},
		{[]string{`{"#": 1}`, `-`, `"text"`, `5`, `[4, 2]`, document, "e1"},
			`{"_type":"DV_TEXT","value":"n"} null "text" 5.0 2.0`},
		{[]string{`{"#": 1}`, `{"_type": "DV_CODED_TEXT", "value": "c", "defining_code": {"code_string": "1", "terminology_id": {"value": "x"}}}`, `true`, `123456789012345678`, `-`, "-", "-"},
			`null {"_type":"DV_CODED_TEXT","value":"c","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"x"},"code_string":"1"}} true 123456789012346000.0 null`},
	} {
		raw := make([][]byte, len(tt.columns))
		for i, c := range tt.columns {
			if c != "-" {
				raw[i] = []byte(c)
			}
		}
		cells, _, keep, done, err := r.Row(raw)
		if err != nil || !keep || done {
			t.Fatalf("%v: keep %t done %t %v", tt.columns, keep, done, err)
		}
		parts := make([]string, len(cells))
		for i, c := range cells {
			parts[i] = string(c)
		}
		if got := strings.Join(parts, " "); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// TestReaderDistinct: where objects are cut from documents, the reader finds the
// doubles and the window.
func TestReaderDistinct(t *testing.T) {
	r := NewReader(&Statement{Distinct: true, Limit: 2, Offset: 1, Cells: []Cell{{Document: -1}}})
	var got []string
	for _, c := range []string{"1", "1", "2", "2", "3", "1", "4", "5"} {
		cells, _, keep, done, err := r.Row([][]byte{[]byte(c)})
		if err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
		if keep {
			got = append(got, string(cells[0]))
		}
	}
	if strings.Join(got, " ") != "2 3" {
		t.Errorf("rows %v, want 2 and 3", got)
	}
}

// TestShape: what the statement of each kind of query begins with.
func TestShape(t *testing.T) {
	for _, tt := range []struct {
		query         string
		once, ordered bool
	}{
		{"SELECT COUNT(*) FROM COMPOSITION c", true, false},
		{"SELECT c/uid/value FROM COMPOSITION c", true, false},
		{"SELECT c/uid/value FROM COMPOSITION c LIMIT 5", false, false},
		{"SELECT c/uid/value FROM COMPOSITION c ORDER BY c/name/value LIMIT 5", true, false},
		{"SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c ORDER BY c/context/start_time DESC LIMIT 5", false, true},
		{"SELECT c/context/start_time/value AS t FROM COMPOSITION c ORDER BY t LIMIT 5", false, true},
		{"SELECT c/uid/value FROM COMPOSITION c ORDER BY c/context/start_time", true, false},
		{"SELECT c/uid/value FROM COMPOSITION c CONTAINS OBSERVATION o ORDER BY c/context/start_time LIMIT 5", true, false},
		{"SELECT c/uid/value FROM COMPOSITION c WHERE c/name/value = 'x' ORDER BY c/context/start_time LIMIT 5", true, false},
		{"SELECT c/uid/value FROM EHR e[ehr_id/value = '7d44b88c-4199-4bad-97dc-d78268e01398'] CONTAINS COMPOSITION c ORDER BY c/context/start_time LIMIT 5", false, false},
	} {
		s := generate(t, tt.query, nurse)
		if once := strings.HasPrefix(s.SQL, "with open as "); once != tt.once || s.Ordered != tt.ordered {
			t.Errorf("%s: once %v, ordered %v\n%s", tt.query, once, s.Ordered, s.SQL)
		}
		if again := generate(t, tt.query, nurse); again.SQL != s.SQL {
			t.Errorf("%s: the statement is another each time", tt.query)
		}
	}
}

// TestJSONPath: several steps of one key each are one walk.
func TestJSONPath(t *testing.T) {
	s := generate(t, "SELECT o/name/value FROM OBSERVATION o WHERE NOT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude > 5", nurse)
	want := `lax $."data[at0001]"."events[at0006]"[*]."data[at0003]"."items[at0004]"[*]`
	if !slices.Contains(s.Args, any(want)) {
		t.Errorf("%v\n%s", s.Args, s.SQL)
	}
	if strings.Contains(s.SQL, "jsonb_array_elements") {
		t.Errorf("a step is walked again:\n%s", s.SQL)
	}
}

// TestRefused: a refusal names the place in the text.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT c/name/value,\n  c, COUNT(*) FROM COMPOSITION c":                   "line 2, column 3",
		"SELECT COUNT(*), 1 + COUNT(DISTINCT c) FROM COMPOSITION c":                "column 22",
		"SELECT COUNT(DISTINCT c) FROM COMPOSITION c":                              "column 8",
		"SELECT MAX(c/uid/value),\n\n c/context FROM EHR e CONTAINS COMPOSITION c": "line 3, column 2",
	} {
		q, err := aql.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		p, err := plan.Build(q, plan.Options{Dictionary: dictionary, Fetch: -1})
		if err != nil {
			t.Fatal(text, err)
		}
		if _, err = Generate(p, nurse); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
