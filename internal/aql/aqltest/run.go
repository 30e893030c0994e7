package aqltest

import (
	"context"
	"encoding/json"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
)

// Engine is what a script runs on. Cells are what encoding/json decodes with
// UseNumber: nil, bool, json.Number, string, []any, map[string]any.
type Engine interface {
	// Load commits a document into an EHR, made when it is new.
	Load(ctx context.Context, ehr string, doc []byte) error
	Query(ctx context.Context, text string, params map[string]any) (columns []string, rows [][]any, err error)
}

// Run runs a script, each eval as a subtest named by its line. open gives a new
// engine without data.
func Run(t *testing.T, path string, open func(t *testing.T) Engine) {
	t.Helper()
	script, err := ReadFile(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	engine := open(t)
	for _, c := range script {
		switch c.Op {
		case Clear:
			engine = open(t)
		case Load:
			if err := engine.Load(t.Context(), c.EHR, c.Doc); err != nil {
				t.Fatalf("%s:%d: load: %v", path, c.Line, err)
			}
		case Eval:
			t.Run("line "+strconv.Itoa(c.Line), func(t *testing.T) {
				if wrong := Check(t.Context(), engine, c); wrong != "" {
					t.Errorf("%s:%d: %s\n%s", path, c.Line, c.Query, wrong)
				}
			})
		}
	}
}

// Check runs one eval and says what is wrong with the answer, "" when nothing is.
func Check(ctx context.Context, e Engine, c Command) string {
	columns, rows, err := e.Query(ctx, c.Query, c.Params)
	if c.Error != "" {
		if err == nil || fault.Of(err).Code != c.Error {
			return "want error " + c.Error + ", got " + errorText(err)
		}
		return ""
	}
	if err != nil {
		return "error: " + errorText(err)
	}
	if c.Columns != nil && !slices.Equal(columns, c.Columns) {
		return "columns " + strings.Join(columns, " ") + ", want " + strings.Join(c.Columns, " ")
	}
	got, want := writeRows(rows), writeRows(c.Rows)
	if !c.Ordered {
		sort.Strings(got)
		sort.Strings(want)
	}
	if slices.Equal(got, want) {
		return ""
	}
	return "got\n  " + strings.Join(got, "\n  ") + "\nwant\n  " + strings.Join(want, "\n  ")
}

func errorText(err error) string {
	if err == nil {
		return "rows"
	}
	return err.Error()
}

// writeRows writes rows in one form for all that are equal.
func writeRows(rows [][]any) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		cells := make([]any, len(row))
		for j, cell := range row {
			cells[j] = normal(cell)
		}
		b, err := json.Marshal(cells)
		if err != nil {
			b = []byte(err.Error())
		}
		out[i] = string(b)
	}
	return out
}

// normal reduces numbers to their value, with a point when they had one.
// Marshal sorts the members of objects.
func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		r, ok := new(big.Rat).SetString(v.String())
		if !ok {
			return v.String()
		}
		const digits = 40
		s := strings.TrimRight(r.FloatString(digits), "0")
		if strings.ContainsAny(v.String(), ".eE") {
			if strings.HasSuffix(s, ".") {
				s += "0"
			}
			return json.Number(s)
		}
		return json.Number(strings.TrimSuffix(s, "."))
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = normal(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = normal(v[k])
		}
		return out
	}
	return v
}
