package aql

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quire-cdr/quire/internal/fault"
)

// sameTree compares trees without positions.
var sameTree = cmpopts.IgnoreTypes(Pos{})

// legal pairs a query with its printed form, "" when they are the same.
var legal = []struct{ text, printed string }{
	{"SELECT e FROM EHR e", ""},
	{"select distinct e/ehr_id/value as id from EHR e", "SELECT DISTINCT e/ehr_id/value AS id FROM EHR e"},
	{"SELECT TOP 5 c FROM COMPOSITION c", ""},
	{"SELECT DISTINCT TOP 5 BACKWARD c FROM Composition c", ""},
	{"SELECT TOP 5 FORWARD c FROM COMPOSITION c", ""},
	{"SELECT 1, -2, 3.50, .5, 1e3, -1.5E-2, 'a', \"b\", true, FALSE, null FROM EHR",
		"SELECT 1, -2, 3.50, .5, 1e3, -1.5E-2, 'a', 'b', true, false, NULL FROM EHR"},
	{`SELECT 'it\'s \\ \u00e9 \101 \t?' FROM EHR`, "SELECT 'it\\'s \\\\ é A \t?' FROM EHR"},
	{`SELECT "\ud83d\ude00" FROM EHR`, "SELECT '😀' FROM EHR"},
	{"SELECT $p FROM EHR e[$q] WHERE e/x = $p AND e/y MATCHES {$r, 1}", ""},
	{"SELECT COUNT(*), COUNT(DISTINCT e/ehr_id/value), MIN(e/a), MAX(e/a), SUM(e/a), avg(e/a) FROM EHR e", ""},
	{"SELECT CONCAT('a', UPPER(SUBSTRING(e/x, 1, 2))), NOW(), CONTAINS(e/x, 'y') FROM EHR e", ""},
	{"SELECT c FROM EHR e CONTAINS VERSION v[LATEST_VERSION] CONTAINS COMPOSITION c", ""},
	{"SELECT c FROM EHR e contains version v [all_versions] contains COMPOSITION c",
		"SELECT c FROM EHR e CONTAINS version v[ALL_VERSIONS] CONTAINS COMPOSITION c"},
	{"SELECT c FROM VERSION v[commit_audit/time_committed/value > '2020-01-01'] CONTAINS COMPOSITION c", ""},
	{"SELECT c FROM VERSION CONTAINS COMPOSITION c", ""},
	{"SELECT c FROM EHR e CONTAINS COMPOSITION c CONTAINS (OBSERVATION o AND (SECTION s OR EVALUATION v CONTAINS CLUSTER))",
		"SELECT c FROM EHR e CONTAINS COMPOSITION c CONTAINS (OBSERVATION o AND (SECTION s OR (EVALUATION v CONTAINS CLUSTER)))"},
	{"SELECT c FROM EHR CONTAINS COMPOSITION c NOT CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.pulse.v1]", ""},
	{"SELECT a FROM (COMPOSITION a CONTAINS SECTION) AND (COMPOSITION b) AND COMPOSITION c OR EHR_STATUS d",
		"SELECT a FROM ((COMPOSITION a CONTAINS SECTION) AND COMPOSITION b AND COMPOSITION c) OR EHR_STATUS d"},
	{"SELECT t FROM SECTION t [openEHR-EHR-SECTION.adhoc.v1,'Section 1']", "SELECT t FROM SECTION t[openEHR-EHR-SECTION.adhoc.v1, 'Section 1']"},
	{"SELECT o FROM OBSERVATION o[org.example::openEHR-EHR-OBSERVATION.blood_pressure-own.v1.2.0-rc.1]", ""},
	{"SELECT o/data[at0001]/events[at0006, 'any event']/data[at0003, $n]/items[at0004, at0005]/value FROM OBSERVATION o", ""},
	{"SELECT o/data[at0001, SNOMED-CT(2019)::123|Some text|]/items[id1.1, local::at0005] FROM OBSERVATION o", ""},
	{"SELECT o/data[at0001.1 and name/value='x' or name/value = $n and time > '2020']/x FROM OBSERVATION o",
		"SELECT o/data[at0001.1 AND name/value = 'x' OR name/value = $n AND time > '2020']/x FROM OBSERVATION o"},
	{"SELECT o/data[(at0001 OR at0002) AND items[at0004]/value/value >= -3.5]/x FROM OBSERVATION o", ""},
	{"SELECT o/data[name/value matches {/Sys.*\\/x/}]/x FROM OBSERVATION o", "SELECT o/data[name/value MATCHES {/Sys.*\\/x/}]/x FROM OBSERVATION o"},
	{"SELECT o/data[a/b = c/d AND e != at0004]/x FROM OBSERVATION o", ""},
	{"SELECT c[name/value = 'x']/uid FROM COMPOSITION c", ""},
	{"SELECT c/version/value/offset/from/min FROM COMPOSITION c", ""},
	{"SELECT c FROM COMPOSITION c WHERE c/a = 1 AND c/b != 'x' OR NOT (c/c < 2 OR c/d >= c/e) AND NOT EXISTS c/f", ""},
	{"SELECT c FROM COMPOSITION c WHERE ((c/a = 1) and (c/b = 2 and c/c = 3)) or (c/d = 4)",
		"SELECT c FROM COMPOSITION c WHERE c/a = 1 AND c/b = 2 AND c/c = 3 OR c/d = 4"},
	{"SELECT c FROM COMPOSITION c WHERE c/a = NULL AND c/b ≠ null AND LENGTH(c/a) <= 3 AND c/x > NOW()",
		"SELECT c FROM COMPOSITION c WHERE c/a = NULL AND c/b != NULL AND LENGTH(c/a) <= 3 AND c/x > NOW()"},
	{`SELECT c FROM COMPOSITION c WHERE c/a LIKE 'a\?b*\*\\?' AND c/b LIKE $p`, `SELECT c FROM COMPOSITION c WHERE c/a LIKE 'a\\?b*\\*\\?' AND c/b LIKE $p`},
	{"SELECT c FROM COMPOSITION c WHERE c/a MATCHES {'a', -1, 2.0, true, $l} AND c/b matches {terminology://snomed.info/ecl?x=<<123}",
		""},
	{"SELECT c FROM COMPOSITION c WHERE c/b matches { http://x.org/a?b=c } ", "SELECT c FROM COMPOSITION c WHERE c/b MATCHES {http://x.org/a?b=c}"},
	{"SELECT c FROM COMPOSITION c WHERE c/a MATCHES TERMINOLOGY('expand', 'hl7.org/fhir/4.0', CONCAT('url=', $u))", ""},
	{"SELECT c FROM COMPOSITION c WHERE c/a MATCHES {TERMINOLOGY('expand', 'x', 'y'), 'b'} AND TERMINOLOGY('validate', 'x', 'y') = true", ""},
	{"SELECT c/x AS n FROM COMPOSITION c ORDER BY n DESCENDING, c/y ascending, c/z LIMIT 10 OFFSET 0",
		"SELECT c/x AS n FROM COMPOSITION c ORDER BY n DESC, c/y, c/z LIMIT 10 OFFSET 0"},
	{"-- head\nSELECT c -- why\nFROM COMPOSITION c --\n--", "SELECT c FROM COMPOSITION c"},
	{"SELECT c/a + 2 * c/b - (3 - c/d) / 4, c/a / (c/b), (c/a + 1) / ($p) FROM COMPOSITION c",
		"SELECT c/a + 2 * c/b - (3 - c/d) / 4, c/a / (c/b), (c/a + 1) / $p FROM COMPOSITION c"},
	{"SELECT c/x, C/y FROM COMPOSITION c CONTAINS CLUSTER C", ""},
	{"SELECT count FROM EHR count", ""},
}

func TestParsePrint(t *testing.T) {
	for _, c := range legal {
		q, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		want := c.printed
		if want == "" {
			want = c.text
		}
		printed := q.String()
		if !strings.EqualFold(printed, want) || c.printed != "" && printed != want {
			t.Errorf("%s\nprints %s\nwant   %s", c.text, printed, want)
		}
		again, err := Parse(printed)
		if err != nil {
			t.Errorf("%s: printed form: %v", printed, err)
			continue
		}
		if diff := cmp.Diff(q, again, sameTree); diff != "" {
			t.Errorf("%s: printed form differs:\n%s", c.text, diff)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "line 1, column 1: syntax error: expected SELECT, found end of query"},
		{"SELEC c FROM EHR e", "line 1, column 1: syntax error: expected SELECT, found 'SELEC' (did you mean SELECT?)"},
		{"SELECT FROM EHR e", "line 1, column 8: syntax error: expected a path, a literal, a parameter or a function, found 'FROM'"},
		{"SELECT e", "line 1, column 9: syntax error: expected ',', AS or FROM, found end of query"},
		{"SELECT e FORM EHR e", "line 1, column 10: syntax error: expected ',', AS or FROM, found 'FORM' (did you mean FROM?)"},
		{"SELECT e/ FROM EHR e", "line 1, column 16: syntax error: expected ',', AS or FROM, found 'EHR'"},
		{"SELECT e\nFROM EHR e\nWHERE e/x == 1", "line 3, column 12: syntax error: expected a path, a literal, a parameter or a function, found '='"},
		{"SELECT 'é', é FROM EHR", "line 1, column 13: unexpected character: 'é'"},
		{"SELECT e FROM EHR e WHERE e/x", "line 1, column 30: syntax error: expected a comparison operator, LIKE or MATCHES, found end of query"},
		{"SELECT e FROM EHR e WHERE 1 = e/x", "line 1, column 27: the left side of = is a literal or a parameter: expected a path or a function on the left"},
		{"SELECT e FROM EHR e WHERE true", "line 1, column 27: a literal is no condition: expected a comparison, EXISTS, LIKE or MATCHES"},
		{"SELECT e FROM EHR e WHERE e/x <> 1", "line 1, column 32: syntax error: expected a path, a literal, a parameter or a function, found '>'"},
		{"SELECT e FROM EHR e WHERE e/x = 1 = 2", "line 1, column 35: syntax error: expected AND, OR or the end of the condition, found '='"},
		{"SELECT e FROM EHR e WHERE EXISTS 1", "line 1, column 34: syntax error: expected a path after EXISTS, found '1'"},
		{"SELECT e FROM EHR e WHERE e/x LIKE 1", "line 1, column 36: syntax error: expected a string or a parameter after LIKE, found '1'"},
		{"SELECT e FROM EHR e WHERE e/x MATCHES {}", "line 1, column 40: syntax error: expected a literal, a parameter, TERMINOLOGY or a URI, found '}'"},
		{"SELECT e FROM EHR e WHERE e/x MATCHES {|5..6|}", "line 1, column 39: a block of cADL is no part of AQL 1.1: expected a list of values; write an interval as path >= 5 AND path <= 6, units as path/units = 'mm'"},
		{"SELECT e FROM EHR e WHERE e/x MATCHES { C_DV_QUANTITY < units = 'mm' >}", "line 1, column 41: a block of cADL is no part of AQL 1.1: expected a list of values; write an interval as path >= 5 AND path <= 6, units as path/units = 'mm'"},
		{"SELECT e FROM EHR e[ehr_id/value='x'", "line 1, column 37: syntax error: expected AND, OR or ']', found end of query"},
		{"SELECT e FROM EHR e[at0001,]", "line 1, column 28: syntax error: expected a name: a string, a parameter, a term code or a node code, found ']'"},
		{"SELECT e FROM EHR e CONTAINS", "line 1, column 29: syntax error: expected a class name, VERSION or '(', found end of query"},
		{"SELECT e FROM EHR e NOT COMPOSITION c", "line 1, column 25: syntax error: expected CONTAINS after NOT, found 'COMPOSITION'"},
		{"SELECT e FROM EHR e ORDER e/x", "line 1, column 27: syntax error: expected BY, found 'e'"},
		{"SELECT e FROM EHR e LIMIT 0", "line 1, column 27: LIMIT out of range: expected a whole number from 1, found '0'"},
		{"SELECT e FROM EHR e LIMIT 99999999999999999999", "line 1, column 27: LIMIT out of range: expected a whole number from 1, found '99999999999999999999'"},
		{"SELECT e FROM EHR e LIMIT $n", "line 1, column 27: syntax error: expected an integer, found '$n'"},
		{"SELECT e FROM EHR e LIMIT 1 OFFSET -1", "line 1, column 36: syntax error: expected an integer, found '-'"},
		{"SELECT e FROM EHR e LIMIT 5 WHERE e/x = 1", "line 1, column 29: syntax error: expected OFFSET or the end of the query, found 'WHERE'"},
		{"SELECT e AS select FROM EHR e", "line 1, column 13: syntax error: expected an alias that is not a reserved word, found 'select'"},
		{"SELECT 'abc FROM EHR e", "line 1, column 8: string without end: expected a closing quote, found end of query"},
		{"SELECT 'a\\qb' FROM EHR e", `line 1, column 8: unknown escape in string: expected one of \' \" \? \\ \a \b \f \n \r \t \v \uXXXX or octal, found '\q'`},
		{"SELECT '\\u0000' FROM EHR e", `line 1, column 8: unknown escape in string: expected one of \' \" \? \\ \a \b \f \n \r \t \v \uXXXX or octal, found '\u0000'`},
		{"SELECT 1. FROM EHR e", "line 1, column 8: malformed number: expected digits after the decimal point, found '1.'"},
		{"SELECT 12ab FROM EHR e", "line 1, column 8: malformed number: expected a blank or an operator after the number, found '12a'"},
		{"SELECT $ FROM EHR e", "line 1, column 8: malformed parameter: expected a name after $, found '$'"},
		{"SELECT x/y FROM EHR e", "line 1, column 8: unknown variable: expected a variable declared in FROM, found 'x'"},
		{"SELECT e FROM EHR e CONTAINS COMPOSITION e", "line 1, column 30: variable is declared twice: 'e'"},
		{"SELECT c FROM EHR e NOT CONTAINS COMPOSITION c", "line 1, column 8: variable stands under NOT CONTAINS and has no value: expected a variable outside NOT CONTAINS, found 'c'"},
		{"SELECT TOP 1 e FROM EHR e LIMIT 1", "line 1, column 27: LIMIT stands beside TOP: expected one of the two"},
		{"SELECT MAX(COUNT(e/x)) FROM EHR e", "line 1, column 12: the argument of MAX is no path: expected a path"},
		{"SELECT SUM(*) FROM EHR e", "line 1, column 8: only COUNT takes * or DISTINCT: 'SUM'"},
		{"SELECT LENGTH(e/x, 1) FROM EHR e", "line 1, column 8: LENGTH has the wrong number of arguments: expected 1, found 2"},
		{"SELECT SUBSTRING(e/x) FROM EHR e", "line 1, column 8: SUBSTRING has the wrong number of arguments: expected 2 to 3, found 1"},
		{"SELECT e FROM EHR e WHERE COUNT(e/x) > 1", "line 1, column 27: an aggregate stands outside SELECT: 'COUNT'"},
		{"SELECT (e/x = 1) FROM EHR e", "line 1, column 8: a condition stands where a value is expected: expected a path, a literal or a function"},
		{"SELECT e FROM EHR e; DROP", "line 1, column 20: unexpected character: ';'"},
		{"SELECT " + strings.Repeat("(", 300) + "1", "line 1, column 208: query is nested too deeply: expected at most 200 levels"},
	} {
		_, err := Parse(c.text)
		if !fault.Is(err, fault.Invalid) || fault.Of(err).Code != "aql-syntax" {
			t.Errorf("%s: not a fault Invalid aql-syntax: %v", c.text, err)
			continue
		}
		var first *Error
		if !errors.As(err, &first) || first.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.text, first, c.want)
		}
	}
}

func TestErrorsAreCollected(t *testing.T) {
	_, err := Parse("SELECT c/ , FROM COMPOSITION\nWHERE c/x ==\nLIMIT 0")
	var all Errors
	if !errors.As(err, &all) || len(all) != 3 || all[1].Line != 2 || all[2].Line != 3 {
		t.Fatalf("errors of all clauses expected, got %v", fault.Of(err).Issues)
	}
	_, err = Parse("SELECT x, y, LENGTH() FROM EHR e")
	if n := len(fault.Of(err).Issues); n != 3 {
		t.Fatalf("3 issues expected, got %d: %v", n, err)
	}
}

func TestParsePath(t *testing.T) {
	for _, text := range []string{"data[at0001]/events[at0002, 'any']/time", "/name/value", "items[openEHR-EHR-CLUSTER.device.v1]"} {
		p, err := ParsePath(text)
		if err != nil || p.String() != strings.TrimPrefix(text, "/") {
			t.Errorf("%s: %q, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "/", "a//b", "a[", "a b", "a/"} {
		if _, err := ParsePath(text); err == nil {
			t.Errorf("%q parsed", text)
		}
	}
}

func TestExpand(t *testing.T) {
	for _, c := range []struct{ predicate, want string }{
		{"[at0002]", "archetype_node_id = 'at0002'"},
		{"[at0002, 'x']", "archetype_node_id = 'at0002' AND name/value = 'x'"},
		{"[$a, $b]", "archetype_node_id = $a AND name/value = $b"},
		{"[at0002, at0003]", "archetype_node_id = 'at0002' AND name/defining_code/code_string = 'at0003' AND name/defining_code/terminology_id/value = 'local'"},
		{"[id2, ISO(1)::a-b|t|]", "archetype_node_id = 'id2' AND name/defining_code/code_string = 'a-b' AND name/defining_code/terminology_id/value = 'ISO(1)'"},
	} {
		p, err := ParsePath("x" + c.predicate)
		if err != nil {
			t.Fatal(err)
		}
		if got := Format(p.Segments[0].Predicate.(*NodeID).Expand()); got != c.want {
			t.Errorf("%s: %s", c.predicate, got)
		}
	}
}

func TestSpecialises(t *testing.T) {
	for _, c := range []struct {
		found, asked string
		want         bool
	}{
		{"at0002", "at0002", true}, {"at0002.1", "at0002", true}, {"at0002.0.3", "at0002", true},
		{"at00021", "at0002", false}, {"at0002", "at0002.1", false},
		{"openEHR-EHR-EVALUATION.problem-diagnosis.v1", "openEHR-EHR-EVALUATION.problem.v1", true},
		{"openEHR-EHR-EVALUATION.problem_list.v1", "openEHR-EHR-EVALUATION.problem.v1", false},
		{"openEHR-EHR-EVALUATION.problem-diagnosis.v2", "openEHR-EHR-EVALUATION.problem.v1", false},
		{"openEHR-EHR-EVALUATION.problem.v1", "openEHR-EHR-EVALUATION.problem-diagnosis.v1", false},
	} {
		if got := Specialises(c.found, c.asked); got != c.want {
			t.Errorf("Specialises(%s, %s) = %v", c.found, c.asked, got)
		}
	}
}

func TestQueryNames(t *testing.T) {
	q, err := Parse("SELECT E/x AS n, c/y[at1, $b]/z FROM EHR e[$a] CONTAINS COMPOSITION c CONTAINS CLUSTER C WHERE c/x = $b OR c/x MATCHES {$c} ORDER BY N")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(q.Params(), " "); got != "b a c" {
		t.Errorf("params %q", got)
	}
	if q.Class("E").RMType() != "EHR" || q.Class("C").RMType() != "CLUSTER" || q.Class("x") != nil {
		t.Error("variables resolve to the wrong classes")
	}
	if q.AliasOf(q.OrderBy[0].Expr) != q.Select[0] {
		t.Error("ORDER BY N is not the alias n")
	}
}

// Every node knows where it begins.
func TestPositions(t *testing.T) {
	const text = "SELECT c/a AS x,\n  COUNT(c/b[d/e = 'é'])\nFROM (COMPOSITION c AND EHR e)\n" +
		"WHERE c/f[g MATCHES {/h/}]/i = 1 AND (NOT EXISTS c/j OR c/k + 2 > $l)\nORDER BY c/m DESC LIMIT 1"
	q, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	begins := map[string]bool{}
	Inspect(q, func(n Node) bool {
		pos := n.Position()
		line := []rune(lines[pos.Line-1])
		rest := string(line[pos.Column-1:])
		if !strings.HasPrefix(text[pos.Offset:], rest) {
			t.Errorf("%T: offset %d is not line %d, column %d", n, pos.Offset, pos.Line, pos.Column)
		}
		word := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" /([,)]}", r) })[0]
		begins[strings.TrimPrefix(fmt.Sprintf("%T ", n), "*aql.")+word] = true
		return true
	})
	for _, want := range []string{
		"Query SELECT", "Column c", "Column COUNT", "Call COUNT", "PathExpr c", "Comparison d", "RelativePath d", "Literal 'é'",
		"ContainmentSet COMPOSITION", "Class COMPOSITION", "Class EHR", "Logical c", "Comparison c", "Regex g", "RelativePath g",
		"Logical NOT", "Not NOT", "Exists EXISTS", "Arithmetic c", "Literal 2", "Param $l", "OrderKey c",
	} {
		if !begins[want] {
			t.Errorf("no node %q among %v", want, begins)
		}
	}
}

func TestPinnedEHR(t *testing.T) {
	params := map[string]any{"id": "x"}
	for _, c := range []struct {
		query, id string
	}{
		{"SELECT e FROM EHR e[ehr_id/value = 'x']", "x"},
		{"SELECT e FROM EHR e[ehr_id/value = $id]", "x"},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value = $id AND e/system_id/value = 'y'", "x"},
		{"SELECT e FROM EHR e[ehr_id/value = 'x'] AND COMPOSITION c", "x"},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value = $id OR e/system_id/value = 'y'", ""},
		{"SELECT e FROM EHR e[ehr_id/value = 'x'] OR COMPOSITION c", ""},
		{"SELECT e FROM EHR e WHERE NOT e/ehr_id/value = 'x'", ""},
		{"SELECT e FROM EHR e WHERE e/ehr_id/value != 'x'", ""},
		{"SELECT e FROM EHR e", ""},
	} {
		q, err := Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := q.PinnedEHR(params); id != c.id || ok != (c.id != "") {
			t.Errorf("%s: %q, %v", c.query, id, ok)
		}
	}
}
