package aqltest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
)

const script = `
# a comment
load one doc.json
load two
{"_type": "COMPOSITION",
 "name": {"value": "x"}}
end

params {"n": 1.50}
eval SELECT a
 FROM EHR e[ehr_id/value = '{{one}}']
columns a b
rows ordered
[1, "x", null]
# between
["{{two}}", {"b": 1, "a": [2]}, true]

eval SELECT b FROM EHR
rows

clear
eval SELECT
error aql-syntax
`

func TestParse(t *testing.T) {
	commands, err := Parse(script, func(name string) ([]byte, error) { return []byte(`"` + name + `"`), nil })
	if err != nil || len(commands) != 6 {
		t.Fatalf("%d commands, %v", len(commands), err)
	}
	first, second, eval := commands[0], commands[1], commands[2]
	if first.EHR != EHRID("one") || string(first.Doc) != `"doc.json"` || !json.Valid(second.Doc) || second.EHR == first.EHR {
		t.Errorf("loads %+v %+v", first, second)
	}
	if eval.Query != "SELECT a\nFROM EHR e[ehr_id/value = '"+EHRID("one")+"']" || eval.Params["n"] != json.Number("1.50") ||
		!eval.Ordered || len(eval.Rows) != 2 || eval.Rows[1][0] != EHRID("two") || len(eval.Columns) != 2 {
		t.Errorf("eval %+v", eval)
	}
	if commands[3].Rows != nil || commands[3].Params != nil || commands[4].Op != Clear || commands[5].Error != "aql-syntax" {
		t.Errorf("rest %+v", commands[3:])
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"jump":                      `line 1: unknown command "jump"`,
		"load":                      "line 1: load needs the name of an EHR",
		"load a\n{":                 "line 2: a document without end",
		"load a\n{\nend":            "line 3: the document is no JSON",
		"load a gone.json":          "line 1: gone",
		"eval SELECT":               "line 1: eval without rows or error",
		"eval x\nrows sorted":       `line 2: rows "sorted"`,
		"eval x\nrows\n[1":          "line 3: row: unexpected EOF",
		"eval x\nrows\n[1] [2]":     "line 3: row: more than one JSON value",
		"eval x\nerror":             "line 2: error needs a code",
		"params {":                  "line 1: params: unexpected EOF",
		"params {\"a\": 1}\n# tail": "line 2: params without eval",
	} {
		_, err := Parse(text, func(string) ([]byte, error) { return nil, errors.New("gone") })
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// answer is an Engine that always gives the same.
type answer struct {
	columns []string
	rows    string
	err     error
}

func (a answer) Load(context.Context, string, []byte) error { return nil }

func (a answer) Query(context.Context, string, map[string]any) ([]string, [][]any, error) {
	var rows [][]any
	if a.rows != "" {
		if err := decode(a.rows, &rows); err != nil {
			return nil, nil, err
		}
	}
	return a.columns, rows, a.err
}

// A check must be able to fail.
func TestCheck(t *testing.T) {
	syntax := fault.New(fault.Invalid, "aql-syntax", "no")
	for _, c := range []struct {
		answer answer
		expect string
		wrong  string // what the report must hold, "" for none
	}{
		{answer{rows: `[[1],["a"]]`}, "rows\n[\"a\"]\n[1]", ""},
		{answer{rows: `[[1],["a"]]`}, "rows ordered\n[\"a\"]\n[1]", "got"},
		{answer{rows: `[[1],[1]]`}, "rows\n[1]", "got"},
		{answer{rows: `[[1]]`}, "rows\n[1.0]", "got"},
		{answer{rows: `[[1.50]]`}, "rows\n[1.5]", ""},
		{answer{rows: `[[1e2]]`}, "rows\n[100.0]", ""},
		{answer{rows: `[["1"]]`}, "rows\n[1]", "got"},
		{answer{rows: `[[{"a":1,"b":[2,3]}]]`}, "rows\n[{\"b\": [2, 3], \"a\": 1}]", ""},
		{answer{rows: `[[{"a":1,"b":[3,2]}]]`}, "rows\n[{\"b\": [2, 3], \"a\": 1}]", "got"},
		{answer{}, "rows", ""},
		{answer{rows: `[[null]]`}, "rows", "got"},
		{answer{columns: []string{"x"}}, "columns x\nrows", ""},
		{answer{columns: []string{"y"}}, "columns x\nrows", "columns y"},
		{answer{err: syntax}, "rows", "error: aql-syntax"},
		{answer{err: syntax}, "error aql-syntax", ""},
		{answer{err: syntax}, "error aql-other", "want error aql-other"},
		{answer{}, "error aql-syntax", "got rows"},
	} {
		commands, err := Parse("eval q\n"+c.expect, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := Check(t.Context(), c.answer, commands[0])
		if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%+v against %q: %q", c.answer, c.expect, got)
		}
	}
}

// FuzzParse: no text panics.
func FuzzParse(f *testing.F) {
	f.Add(script)
	f.Add("eval x\nrows\n[1]\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Parse(text, func(string) ([]byte, error) { return []byte("{}"), nil })
	})
}
