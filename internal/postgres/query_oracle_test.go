package postgres

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/random"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

var (
	oracleSeed    = flag.Uint64("oracle.seed", 0, "seed of the random queries and data; 0 takes the time")
	oracleQueries = flag.Int("oracle.queries", 1000, "number of random queries")
	oracleWorld   = flag.Uint64("oracle.world", 0, "number of the first world of data")
)

// What one query may cost: more says nothing about its meaning.
const (
	oracleRows    = 4000
	oracleTime    = 3 * time.Second
	worldQueries  = 250
	oracleAnswers = 20 * time.Second
)

// TestQueryOracle makes random data over templates and random queries over the
// data, asks database and evaluator, and wants the same rows or the same
// refusal. make oracle asks 100,000; here it is 1 %.
func TestQueryOracle(t *testing.T) {
	seed := *oracleSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	// Most of the time went into the order of joins, which no answer depends on.
	t.Setenv("PGOPTIONS", "-c join_collapse_limit=1")
	pool := oracleTemplates(t)
	t.Logf("make oracle SEED=%d QUERIES=%d WORLD=%d: %d templates", seed, *oracleQueries, *oracleWorld, len(pool))
	o := &oracle{t: t, engine: newEngine(t)}
	o.engine.memory.Options.MaxRows = oracleRows
	for asked, number := 0, *oracleWorld; asked < *oracleQueries; number++ {
		w := newOracleData(t, o.engine, pool, seed, number)
		for range min(worldQueries, *oracleQueries-asked) {
			asked++
			o.ask(w)
		}
	}
	t.Logf("seed %d: %d queries asked, %d with rows, %d refused by both, %d answered on documents, %d from promoted paths, %d took more than %v, %d differ\n%v",
		seed, o.asked, o.found, o.refused, o.documents, o.promoted, o.slow, oracleAnswers, o.different, &o.coverage)
	if o.found < o.asked/3 || o.refused > o.asked/10 || o.documents > o.asked/5 || o.slow > o.asked/100 {
		t.Error("too few queries find anything to tell the engines apart")
	}
	if missing := o.coverage.Missing(); *oracleQueries >= 20_000 && len(missing) > 0 {
		t.Errorf("constructs without a query that gives rows: %s", strings.Join(missing, "; "))
	}
}

// oracle compares the engines and counts.
type oracle struct {
	t        *testing.T
	engine   *engine
	coverage random.Coverage

	asked, found, refused, documents, promoted, different, slow int
}

// ask makes queries until one is cheap enough to be asked.
func (o *oracle) ask(w *oracleData) {
	for {
		q := w.maker.Make()
		o.printed(q.Text)
		ctx, cancel := context.WithTimeout(o.t.Context(), oracleTime)
		_, want, ranks, wantErr := o.engine.memory.Ranked(ctx, q.Whole, q.Params)
		costly := ctx.Err() != nil || fault.Of(wantErr).Code == "aql-row-limit"
		cancel()
		if costly {
			continue
		}
		o.asked++
		w.promoteFor(o.t, o.engine, q)
		o.compare(w, q, want, ranks, wantErr)
		return
	}
}

// printed wants the query to parse to the same tree from what it prints.
func (o *oracle) printed(text string) {
	q, err := aql.Parse(text)
	if err != nil {
		o.t.Fatalf("%s\n%v", text, err)
	}
	again, err := aql.Parse(q.String())
	if err != nil {
		o.t.Errorf("%s\nprints %s\n%v", text, q, err)
	} else if diff := cmp.Diff(q, again, cmpopts.IgnoreTypes(aql.Pos{})); diff != "" {
		o.t.Errorf("%s\nprints %s\n%s", text, q, diff)
	}
}

func (o *oracle) compare(w *oracleData, q *random.Query, want [][]any, ranks []int, wantErr error) {
	ctx, cancel := context.WithTimeout(o.t.Context(), oracleAnswers)
	defer cancel()
	_, got, err := o.engine.Query(ctx, q.Text, q.Params)
	wrong := ""
	switch {
	case ctx.Err() != nil, fault.Is(err, fault.Timeout):
		// The answer of a busy machine; many are a fault of their own.
		o.slow++
		return
	case wantErr != nil || err != nil:
		o.refused++
		if wantErr == nil || err == nil || fault.Of(wantErr).Code != fault.Of(err).Code {
			wrong = fmt.Sprintf("evaluator: %v\ndatabase: %v", wantErr, err)
		}
	default:
		wrong = differs(q, got, want, ranks)
		if len(got) > 0 {
			o.found++
		}
		// What the evaluator answers for the database too tells little.
		switch _, s := o.engine.plan(o.t, q); {
		case s == nil:
			o.documents++
		case s.Promoted != nil:
			o.promoted++
		}
	}
	o.coverage.Add(q, len(got))
	if wrong == "" {
		return
	}
	if o.different++; o.different <= 20 {
		params, _ := json.Marshal(q.Params)
		o.t.Errorf("WORLD=%d\n%s\nparams %s\n%s", w.number, q.Text, params, wrong)
	}
}

// differs says how rows are not the window the query asks for. The rows ORDER
// BY does not tell apart may come in any order, and any of them may be cut off.
func differs(q *random.Query, got, want [][]any, ranks []int) string {
	byValue(got)
	byValue(want)
	g, w := lines(got), lines(want)
	if ranks == nil {
		ranks = make([]int, len(w))
	}
	first, end := int(min(q.Offset, int64(len(w)))), len(w)
	if q.Count >= 0 {
		end = min(end, first+int(q.Count))
	}
	if q.Backward {
		first, end = len(w)-(end-first), len(w)
	}
	show := func() string {
		const most = 30
		return fmt.Sprintf("%d rows, want %d\ngot\n  %s\nwant\n  %s", len(g), end-first,
			strings.Join(g[:min(most, len(g))], "\n  "), strings.Join(w[first:end][:min(most, end-first)], "\n  "))
	}
	if len(g) != end-first {
		return show()
	}
	for i := 0; i < len(w); {
		j := i
		left := map[string]int{}
		for ; j < len(w) && ranks[j] == ranks[i]; j++ {
			left[w[j]]++
		}
		for k := max(i, first); k < min(j, end); k++ {
			if left[g[k-first]]--; left[g[k-first]] < 0 {
				return show()
			}
		}
		i = j
	}
	return ""
}

// byValue writes alike what is equal: of 5 and 5.0, or of two texts of one
// object, either may be shown for a group or a distinct row.
func byValue(rows [][]any) {
	for _, row := range rows {
		for i, cell := range row {
			switch v := cell.(type) {
			case json.Number:
				row[i] = string(canon.AppendNumberKey(nil, v.String()))
			case map[string]any:
				row[i] = objectValue(v)
			}
		}
	}
}

func objectValue(object map[string]any) any {
	name, _ := object["_type"].(string)
	class, _ := rminfo.ClassByName(name)
	text, err := json.Marshal(object)
	if err != nil || class == 0 || class == rminfo.EHR {
		return object
	}
	tree, err := canon.ReadJSON(text, class, canon.ReadOptions{Lenient: true})
	if err != nil {
		return object
	}
	return string(canon.AppendKey(nil, tree, tree.Root()))
}

// TestOracleDiffers: the comparison can fail.
func TestOracleDiffers(t *testing.T) {
	rows := func(values ...any) (all [][]any) {
		for _, v := range values {
			all = append(all, []any{v})
		}
		return all
	}
	for _, c := range []struct {
		name      string
		q         random.Query
		got, want [][]any
		ranks     []int
		same      bool
	}{
		{"another order without ORDER BY", random.Query{Count: -1}, rows("b", "a"), rows("a", "b"), nil, true},
		{"a row twice", random.Query{Count: -1}, rows("a", "a"), rows("a", "b"), nil, false},
		{"a row too many", random.Query{Count: -1}, rows("a", "b", "b"), rows("a", "b"), nil, false},
		{"the wrong order", random.Query{Count: -1}, rows("b", "a"), rows("a", "b"), []int{0, 1}, false},
		{"ties in another order", random.Query{Count: -1}, rows("a", "c", "b"), rows("a", "b", "c"), []int{0, 1, 1}, true},
		{"any of the ties is left", random.Query{Count: 2}, rows("a", "c"), rows("a", "b", "c"), []int{0, 1, 1}, true},
		{"the wrong window", random.Query{Count: 1, Offset: 1}, rows("a"), rows("a", "b"), []int{0, 1}, false},
		{"another text of one object", random.Query{Count: -1}, rows(map[string]any{"_type": "DV_QUANTITY", "magnitude": json.Number("5.0"), "units": "g"}),
			rows(map[string]any{"_type": "DV_QUANTITY", "magnitude": json.Number("5.00"), "units": "g"}), nil, true},
		{"another object", random.Query{Count: -1}, rows(map[string]any{"_type": "DV_QUANTITY", "magnitude": json.Number("5.0"), "units": "g"}),
			rows(map[string]any{"_type": "DV_QUANTITY", "magnitude": json.Number("5.0"), "units": "kg"}), nil, false},
		{"the last rows", random.Query{Count: 1, Backward: true}, rows("b"), rows("a", "b"), []int{0, 1}, true},
	} {
		if wrong := differs(&c.q, slices.Clone(c.got), slices.Clone(c.want), c.ranks); (wrong == "") != c.same {
			t.Errorf("%s: %q", c.name, wrong)
		}
	}
}

func (w *oracleData) rand(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.seed, w.number<<8|stream))
}
