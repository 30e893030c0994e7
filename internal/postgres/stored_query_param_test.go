package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/declare"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const systolicAQL = `-- @param $min number = 100 : lowest, in mm[Hg]
-- @param $since date_time optional
SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude AS systolic
FROM EHR e[ehr_id/value=$ehr_id] CONTAINS COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2]
WHERE o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude >= $min
  AND o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/units matches {$units}`

// TestStoredQueryParameters: values are bound by name and type, by declaration or
// else by use, whether they came as text or as JSON.
func TestStoredQueryParameters(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	_, err := h.StoreQuery(ctx, system, "org::bp", "1.0.0", systolicAQL)
	if f := fault.Of(err); err == nil || f.Code != "query-declaration" || !strings.Contains(f.Message, "line 2, column 4: $since is declared") {
		t.Fatalf("%v", err)
	}
	stored, err := h.StoreQuery(ctx, system, "org::bp", "1.0.0", systolicAQL+" AND c/context/start_time > $since")
	if err != nil || len(stored.Facts.Hash) != 64 {
		t.Fatal(stored, err)
	}
	if w := stored.Facts.Warnings; len(w) != 0 {
		t.Errorf("%+v", w)
	}
	if _, err := h.StoreQuery(ctx, system, "org::bp", "1.1.0", systolicAQL[strings.Index(systolicAQL, "SELECT"):]); err != nil {
		t.Fatal(err)
	}
	got, err := h.StoredQuery(ctx, system, "org::bp", "1.0")
	if err != nil || got.Tag() != "1.0.0-"+stored.Facts.Hash {
		t.Fatalf("%+v, %v", got, err)
	}
	var described []string
	for _, p := range got.Facts.Parameters {
		text := string(p.Type) + " " + p.Name
		if p.List {
			text = "list of " + text
		}
		if p.Required {
			text += " required"
		}
		described = append(described, text)
	}
	if want := "text ehr_id required, number min, list of text units required, date_time since"; strings.Join(described, ", ") != want {
		t.Errorf("%q, want %q", described, want)
	}
	list, err := h.StoredQueries(ctx, system, "org::b")
	if err != nil || len(list) != 2 || len(list[1].Facts.Parameters) != 3 || list[1].Facts.Parameters[1].Type != declare.Number || list[1].Facts.Parameters[1].Declared {
		t.Errorf("%+v, %v", list, err)
	}

	type given = map[string]any
	run := func(version string, texts bool, params given) (rows string, warnings []fault.Issue, err error) {
		rs, err := h.ExecuteStoredQuery(ctx, system, "org::bp", version, cdr.QueryRequest{EHR: e.ID, Params: params, Texts: texts})
		if err != nil {
			return "", nil, err
		}
		var b bytes.Buffer
		if _, err := rs.WriteTo(&b); err != nil {
			return "", nil, err
		}
		var out struct{ Rows [][]float64 }
		err = json.Unmarshal(b.Bytes(), &out)
		text, _ := json.Marshal(out.Rows)
		return string(text), rs.Warnings(), err
	}
	all, _, err := run("1.1", false, given{"min": json.Number("0"), "units": "mm[Hg]"})
	if err != nil || all == "[]" {
		t.Fatal(all, err)
	}
	for _, c := range []struct {
		name, version string
		texts         bool
		params        given
		rows          string
		code, says    string
	}{
		{"a text that says a number", "1.1", true, given{"min": "0", "units": "mm[Hg]"}, all, "", ""},
		{"so too in JSON", "1.1", false, given{"min": "0", "units": "mm[Hg]"}, all, "", ""},
		{"a number no pressure reaches", "1.1", true, given{"min": "900", "units": "mm[Hg]"}, "[]", "", ""},
		{"a list", "1.1", true, given{"min": "0", "units": []any{"kPa", "mm[Hg]"}}, all, "", ""},
		{"a list of what is not there", "1.1", true, given{"min": "0", "units": []any{"kPa"}}, "[]", "", ""},
		{"defaults", "1.0", true, given{"units": "mm[Hg]", "since": "2000"}, all, "", ""},
		{"an optional one without a value is NULL", "1.0", true, given{"units": "mm[Hg]"}, "[]", "", ""},
		{"an EHR of its own", "1.1", false, given{"ehr_id": e.ID, "min": json.Number("0"), "units": "mm[Hg]"}, all, "", ""},
		{"no number", "1.1", true, given{"min": "high", "units": "mm[Hg]"}, "", "query-parameter", "the parameter $min must be a number"},
		{"no list", "1.1", true, given{"min": []any{"1", "2"}, "units": "mm[Hg]"}, "", "query-parameter", "the parameter $min must be a number"},
		{"no date", "1.0", true, given{"units": "mm[Hg]", "since": "yesterday"}, "", "query-parameter", "the parameter $since must be a date and time"},
		{"no text", "1.1", false, given{"min": json.Number("0"), "units": json.Number("3")}, "", "query-parameter", "the parameter $units must be a list, each a text"},
		{"all that is missing", "1.1", true, nil, "", "aql-parameter", "$min, $units has no value"},
	} {
		rows, warnings, err := run(c.version, c.texts, c.params)
		if c.code != "" {
			if f := fault.Of(err); err == nil || f.Kind != fault.Invalid || f.Code != c.code || !strings.Contains(f.Message, c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || rows != c.rows || len(warnings) > 0 {
			t.Errorf("%s: %s, want %s; %v, %v", c.name, rows, c.rows, warnings, err)
		}
	}
	rows, warnings, err := run("1.1", true, given{"min": "0", "units": "mm[Hg]", "mim": "7"})
	if err != nil || rows != all || len(warnings) != 1 || warnings[0].Path != "$mim" || warnings[0].Rule != "query-parameter-unknown" {
		t.Errorf("%s, %v, %v", rows, warnings, err)
	}

	// Ad-hoc AQL by URL knows numbers too.
	rs, err := h.Query(ctx, system, cdr.QueryRequest{Text: "SELECT COUNT(*) FROM ELEMENT l WHERE l/value/magnitude > $min", Params: given{"min": "0"}, Texts: true})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := rs.WriteTo(&b); err != nil || strings.Contains(b.String(), `"rows":[[0]]`) {
		t.Errorf("%s, %v", b.String(), err)
	}
}

// TestStoredQueryWarnings: what is no AQL is refused with its place, what finds
// nothing is stored and warned of, with what may have been meant.
func TestStoredQueryWarnings(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	_, err := h.StoreQuery(ctx, system, "org::bad", "", "SELECT c\nFROM COMPOSITION c WHERE")
	var at *aql.Error
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Code != "aql-syntax" || !errors.As(err, &at) || at.Line != 2 || at.Column != 25 || at.Expected == "" {
		t.Errorf("%v", err)
	}
	wrong := strings.NewReplacer("at0004]/value/magnitude AS", "at0040]/value/magnitude AS", "-- @param $since date_time optional\n", "", "$min number", "$min text", "= 100", "= '100'").Replace(systolicAQL)
	stored, err := h.StoreQuery(ctx, system, "org::wrong", "", wrong)
	if err != nil {
		t.Fatal(err)
	}
	w := stored.Facts.Warnings
	if len(w) != 2 || w[0].Rule != "query-path-unknown" || w[0].Expected != "o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude" || !strings.HasPrefix(w[0].Path, "line 2, ") || w[1].Rule != "query-parameter-use" {
		t.Errorf("%+v", w)
	}
	stored, err = h.StoreQuery(ctx, system, "org::wrong", "", "SELECT c FROM COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.blood_presure.v2]")
	if w := stored.Facts.Warnings; err != nil || len(w) != 1 || w[0].Rule != "query-archetype-unknown" || w[0].Expected != "openEHR-EHR-OBSERVATION.blood_pressure.v2" {
		t.Errorf("%+v, %v", w, err)
	}
	if list, err := h.StoredQueries(ctx, system, ""); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestTemporarySpace: the database's bound on it is the query's fault, not an outage.
func TestTemporarySpace(t *testing.T) {
	err := translate(context.Background(), &pgconn.PgError{Code: "53400"})
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Code != "query-space" || !strings.Contains(f.Message, "temp_file_limit") {
		t.Error(err)
	}
	if err := translate(context.Background(), &pgconn.PgError{Code: "53300"}); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}
