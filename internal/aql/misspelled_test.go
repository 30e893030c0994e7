package aql

import (
	"errors"
	"testing"
)

// TestMisspelled: the error of a misspelled query says where it is, what was
// expected there and, of a word near a keyword, which may have been meant.
func TestMisspelled(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		expected     string
		found        string
	}{
		{"SELCT c FROM COMPOSITION c", 1, 1, "SELECT", "'SELCT' (did you mean SELECT?)"},
		{"SELEC c FROM COMPOSITION c", 1, 1, "SELECT", "'SELEC' (did you mean SELECT?)"},
		{"SELECT c FORM COMPOSITION c", 1, 10, "',', AS or FROM", "'FORM' (did you mean FROM?)"},
		{"SELECT c FRM COMPOSITION c", 1, 10, "',', AS or FROM", "'FRM' (did you mean FROM?)"},
		{"SELECT c\nFROMM COMPOSITION c", 2, 1, "',', AS or FROM", "'FROMM' (did you mean FROM?)"},
		{"SELECT c ASS d FROM COMPOSITION c", 1, 10, "',', AS or FROM", "'ASS' (did you mean AS?)"},
		{"SELECT c FROM EHR e CONTIANS COMPOSITION c", 1, 21, "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query", "'CONTIANS' (did you mean CONTAINS?)"},
		{"SELECT c FROM EHR e CONTAIN COMPOSITION c", 1, 21, "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query", "'CONTAIN' (did you mean CONTAINS?)"},
		{"SELECT c FROM EHR e NOT CONTAIN COMPOSITION c", 1, 25, "CONTAINS after NOT", "'CONTAIN' (did you mean CONTAINS?)"},
		{"SELECT c FROM COMPOSITION c WHRE c/name/value = 'x'", 1, 29, "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query", "'WHRE' (did you mean WHERE?)"},
		{"SELECT c FROM COMPOSITION c WERE c/name/value = 'x'", 1, 29, "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query", "'WERE' (did you mean WHERE?)"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value = 'x' ADN c/name/value = 'y'", 1, 54, "AND, OR, ORDER BY, LIMIT or the end of the query", "'ADN' (did you mean AND?)"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value = 'x' ORR c/name/value = 'y'", 1, 54, "AND, OR, ORDER BY, LIMIT or the end of the query", "'ORR' (did you mean OR?)"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value LKE 'x'", 1, 48, "a comparison operator, LIKE or MATCHES", "'LKE' (did you mean LIKE?)"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value LIKES 'x'", 1, 48, "a comparison operator, LIKE or MATCHES", "'LIKES' (did you mean LIKE?)"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value MATCH {'x'}", 1, 48, "a comparison operator, LIKE or MATCHES", "'MATCH' (did you mean MATCHES?)"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value MATCES {'x'}", 1, 48, "a comparison operator, LIKE or MATCHES", "'MATCES' (did you mean MATCHES?)"},
		{"SELECT c FROM COMPOSITION c WHERE EXIST c/name", 1, 41, "a comparison operator, LIKE or MATCHES", "'c'"},
		{"SELECT c FROM COMPOSITION c ODER BY c/name/value", 1, 29, "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query", "'ODER' (did you mean ORDER?)"},
		{"SELECT c FROM COMPOSITION c ORDER BU c/name/value", 1, 35, "BY", "'BU' (did you mean BY?)"},
		{"SELECT c FROM COMPOSITION c ORDER BY c/name/value DSC", 1, 51, "',', ASC, DESC, LIMIT or the end of the query", "'DSC' (did you mean DESC?)"},
		{"SELECT c FROM COMPOSITION c ORDER BY c/name/value ASCENDIN", 1, 51, "',', ASC, DESC, LIMIT or the end of the query", "'ASCENDIN' (did you mean ASCENDING?)"},
		{"SELECT c FROM COMPOSITION c ORDER BY c/name/value NULLS FRIST", 1, 57, "FIRST or LAST after NULLS", "'FRIST'"},
		{"SELECT c FROM COMPOSITION c LIMT 5", 1, 29, "CONTAINS, AND, OR, WHERE, ORDER BY, LIMIT or the end of the query", "'LIMT' (did you mean LIMIT?)"},
		{"SELECT c FROM COMPOSITION c LIMIT 5 OFSET 2", 1, 37, "OFFSET or the end of the query", "'OFSET' (did you mean OFFSET?)"},
		{"SELECT c FROM COMPOSITION c LIMIT five", 1, 35, "an integer", "'five'"},
		{"SELECT DISTINT c FROM COMPOSITION c", 1, 16, "',', AS or FROM", "'c'"},
		{"SELECT c FROM VERSION v[LATEST_VERSIONS] CONTAINS COMPOSITION c", 1, 40, "a comparison operator or MATCHES", "']'"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value == 'x'", 1, 49, "a path, a literal, a parameter or a function", "'='"},
		{"SELECT c FROM COMPOSITION c WHERE c/name/value = 'x", 1, 50, "a closing quote", "end of query"},
		{"SELECT c FROM COMPOSITION c[openEHR-EHR-COMPOSITION.x.v1 CONTAINS OBSERVATION o", 1, 58, "AND, OR or ']'", "'CONTAINS'"},
		{"SELECT c FROM COMPOSITION c WHERE (c/name/value = 'x'", 1, 54, "')'", "end of query"},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s\nis no error: %v", c.text, err)
			continue
		}
		if e.Line != c.line || e.Column != c.column || e.Expected != c.expected || e.Found != c.found {
			t.Errorf("%s\ngot  {%d, %d, %q, %q} %s\nwant {%d, %d, %q, %q}", c.text, e.Line, e.Column, e.Expected, e.Found, e.Message, c.line, c.column, c.expected, c.found)
		}
	}
}
