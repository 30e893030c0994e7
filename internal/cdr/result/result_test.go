package result_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/quire-cdr/quire/internal/cdr/result"
)

var head = result.Head{Query: `SELECT "x"`, Columns: []result.Column{
	{Name: "text", Path: "c/name/value"}, {Name: "n", Kind: result.Decimal}, {Name: "#2", Kind: result.Whole}, {Name: "object"},
}}

var rows = [][]string{
	{`"a \"quoted\", line\nbreak"`, `82.0`, `3`, `{"_type":"DV_TEXT","value":"v"}`},
	{`""`, `null`, `0`, `null`},
	{`"=1+1"`, `-0.5`, `12`, `[1,true]`},
}

func written(t *testing.T, format string, foot result.Foot) []byte {
	t.Helper()
	f, ok := result.Named(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	e := f.New()
	out := e.Head(nil, head)
	var err error
	for _, row := range rows {
		var cells [][]byte
		for _, c := range row {
			cells = append(cells, []byte(c))
		}
		if out, err = e.Row(out, cells); err != nil {
			t.Fatal(err)
		}
	}
	if out, err = e.Foot(out, foot); err != nil {
		t.Fatal(err)
	}
	return out
}

func foot() result.Foot {
	return result.Foot{Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Query: head.Query, Rows: 3, Truncated: 3, Next: "cursor",
		Mixed: []result.MixedUnits{{Column: "n", Units: []string{"kg", "[lb_av]"}}, {Column: "m", Units: []string{"a", "b"}}}}
}

func TestResultSet(t *testing.T) {
	const want = `{"q":"SELECT \"x\"","columns":[{"name":"text","path":"c/name/value"},{"name":"n"},{"name":"#2"},{"name":"object"}],` +
		`"rows":[["a \"quoted\", line\nbreak",82.0,3,{"_type":"DV_TEXT","value":"v"}],["",null,0,null],["=1+1",-0.5,12,[1,true]]],` +
		`"meta":{"_type":"RESULTSET","_schema_version":"1.0.4","_created":"2026-01-02T03:04:05.000Z","_generator":"Quire","_executed_aql":"SELECT \"x\"",` +
		`"resultsize":3,"truncated":{"limit":"rows","value":3},"next":"cursor",` +
		`"mixed_units":[{"column":"n","units":["kg","[lb_av]"]},{"column":"m","units":["a","b"]}]}}`
	got := written(t, "json", foot())
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !json.Valid(got) {
		t.Error("no JSON")
	}
}

func TestCSV(t *testing.T) {
	const want = "\"text\",\"n\",\"#2\",\"object\"\r\n" +
		"\"a \"\"quoted\"\", line\nbreak\",82.0,3,\"{\"\"_type\"\":\"\"DV_TEXT\"\",\"\"value\"\":\"\"v\"\"}\"\r\n" +
		"\"\",,0,\r\n\"=1+1\",-0.5,12,\"[1,true]\"\r\n"
	got := string(written(t, "text/csv", foot()))
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	records, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || len(records) != 4 || records[1][0] != "a \"quoted\", line\nbreak" {
		t.Errorf("a reader of RFC 4180 sees %q, %v", records, err)
	}
}

func TestLinesAreObjectsWithTheMetaDataLast(t *testing.T) {
	got := strings.Split(strings.TrimSuffix(string(written(t, "ndjson", foot())), "\n"), "\n")
	if len(got) != 4 {
		t.Fatalf("%d lines", len(got))
	}
	if want := `{"text":"","n":null,"#2":0,"object":null}`; got[1] != want {
		t.Errorf("got %s, want %s", got[1], want)
	}
	for _, line := range got {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	if !strings.HasPrefix(got[3], `{"_meta":{`) || !strings.Contains(got[3], `"resultsize":3`) {
		t.Errorf("the last line is %s", got[3])
	}
}

func TestParquet(t *testing.T) {
	got := written(t, "parquet", foot())
	f, err := parquet.OpenFile(bytes.NewReader(got), int64(len(got)))
	if err != nil {
		t.Fatal(err)
	}
	if meta, _ := f.Lookup("quire"); !strings.Contains(meta, `"resultsize":3`) {
		t.Errorf("the meta data are %q", meta)
	}
	names := []string{}
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name()+" "+c.Type().String())
	}
	if want := []string{"#2 INT(64,true)", "n DOUBLE", "object STRING", "text STRING"}; !slices.Equal(names, want) {
		t.Errorf("columns %q, want %q", names, want)
	}
	reader := parquet.NewGenericReader[any](f)
	defer reader.Close()
	read := make([]parquet.Row, 3)
	if n, err := reader.ReadRows(read); n != 3 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if v := read[0]; v[0].Int64() != 3 || v[1].Double() != 82 || string(v[2].ByteArray()) != `{"_type":"DV_TEXT","value":"v"}` || string(v[3].ByteArray()) != "a \"quoted\", line\nbreak" {
		t.Errorf("the first row is %v", v)
	}
	if v := read[1]; !v[1].IsNull() || !v[2].IsNull() || v[3].IsNull() {
		t.Errorf("the second row is %v", v)
	}
}
