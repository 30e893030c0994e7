package postgres

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/fault"
)

var (
	oracleSeed    = flag.Uint64("oracle.seed", 0, "seed of the random queries; 0 takes the time")
	oracleQueries = flag.Int("oracle.queries", 300, "number of random queries")
)

// TestQueryOracle makes random queries over the documents of the scripts, asks
// database and evaluator, and wants the same rows, or the same refusal.
func TestQueryOracle(t *testing.T) {
	ctx := context.Background()
	e := newEngine(t)
	for i, name := range []string{"visit1.json", "visit2.json", "values.json", "status_open.json", "folder.json", "visit1_v2.json", "units.json"} {
		doc, err := os.ReadFile(filepath.Join("../aql/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, ehr := range []string{"a", "b"}[:1+i%2] {
			if err := e.Load(ctx, aqltest.EHRID(ehr), doc); err != nil {
				t.Fatal(name, err)
			}
		}
	}
	seed := *oracleSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-oracle.seed=%d", seed)
	g := &queryMaker{rand.New(rand.NewPCG(seed, 1))}
	withRows, refused := 0, 0
	for range *oracleQueries {
		text := g.query()
		_, want, wantErr := e.memory.Query(ctx, text, nil)
		_, got, err := e.Query(ctx, text, nil)
		if wantErr != nil || err != nil {
			if wantErr == nil && fault.Of(err).Code == "aql-unsupported" {
				// The database may refuse with a reason, and never answer wrongly.
				refused++
				continue
			}
			if wantErr == nil || err == nil || fault.Of(wantErr).Code != fault.Of(err).Code {
				t.Errorf("%s\nevaluator: %v\ndatabase: %v", text, wantErr, err)
			}
			refused++
			continue
		}
		if strings.Contains(text, "DISTINCT") {
			// 5 and 5.0 are one row; which of them is shown is free.
			byValue(got)
			byValue(want)
		}
		l, w := lines(got), lines(want)
		if !strings.Contains(text, "ORDER BY") {
			sort.Strings(l)
			sort.Strings(w)
		}
		if len(w) > 0 {
			withRows++
		}
		if !slices.Equal(l, w) {
			t.Errorf("%s\n%d rows, want %d\ngot\n  %s\nwant\n  %s", text, len(l), len(w), strings.Join(l, "\n  "), strings.Join(w, "\n  "))
		}
	}
	t.Logf("%d queries: %d with rows, %d refused", *oracleQueries, withRows, refused)
	if withRows < *oracleQueries/5 || refused > *oracleQueries/10 {
		t.Error("too few queries find anything to tell the engines apart")
	}
}

// byValue writes the numbers of rows alike that are equal.
func byValue(rows [][]any) {
	for _, row := range rows {
		for i, cell := range row {
			if n, ok := cell.(json.Number); ok {
				if r, ok := new(big.Rat).SetString(n.String()); ok {
					row[i] = r.String()
				}
			}
		}
	}
}

// queryMaker makes random queries.
type queryMaker struct{ *rand.Rand }

func (g *queryMaker) one(list ...string) string { return list[g.IntN(len(list))] }

// froms with the variables they bind.
var froms = []struct{ text, variables string }{
	{"EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o", "eco"},
	{"EHR e CONTAINS EHR_STATUS s", "es"},
	{"EHR e", "e"},
	{"COMPOSITION c CONTAINS ELEMENT l", "cl"},
	{"COMPOSITION c CONTAINS OBSERVATION o CONTAINS ELEMENT l[at0004]", "col"},
	{"OBSERVATION o[openEHR-EHR-OBSERVATION.test_pressure.v1] CONTAINS POINT_EVENT v CONTAINS ELEMENT l[at0005]", "ovl"},
	{"OBSERVATION o CONTAINS EVENT v", "ov"},
	{"COMPOSITION c CONTAINS (EVALUATION p OR CLUSTER k)", "cpk"},
	{"COMPOSITION c CONTAINS (OBSERVATION o AND EVALUATION p)", "cop"},
	{"EHR e CONTAINS COMPOSITION c NOT CONTAINS EVALUATION p", "ec"},
	{"COMPOSITION c CONTAINS EVALUATION p[openEHR-EHR-EVALUATION.test_problem.v1] CONTAINS ELEMENT l", "cpl"},
	{"ELEMENT l[at0030]", "l"}, {"ELEMENT l[at0017]", "l"}, {"ELEMENT l[at0010, 'mass']", "l"},
	{"ITEM_TREE t", "t"}, {"FOLDER f CONTAINS COMPOSITION c", "fc"},
	{"VERSION x CONTAINS COMPOSITION c", "xc"}, {"EHR e CONTAINS VERSION x[ALL_VERSIONS] CONTAINS COMPOSITION c", "exc"},
	{"EHR e CONTAINS (COMPOSITION c AND EHR_STATUS s)", "ecs"},
	{"EVENT_CONTEXT n", "n"}, {"OBSERVATION o CONTAINS DV_QUANTITY q", "oq"},
	{"EVENT v CONTAINS (ELEMENT l[at0042] AND ELEMENT m[at0042])", "lm"}, {"EVENT v CONTAINS (ELEMENT l AND ELEMENT m[at0043])", "lm"}, {"VERSION x[LATEST_VERSION] CONTAINS COMPOSITION c", "xc"},
}

var paths = map[byte][]string{
	'e': {"/ehr_id/value", "/system_id/value", "/ehr_status/subject/external_ref/id/value", "/ehr_status/is_queryable", "/time_created/value"},
	'c': {"", "/name/value", "/uid/value", "/archetype_node_id", "/context/start_time/value", "/context/start_time", "/content/name/value", "/content[openEHR-EHR-OBSERVATION.test_pressure.v1]/data[at0001]/events/time", "/context/setting/defining_code/code_string", "/language/code_string", "/category/value"},
	'o': {"", "/name/value", "/data/events/time/value", "/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude", "/data/events/data/items[at0005]/value", "/data/events/data/items/value/value", "/protocol/items[openEHR-EHR-CLUSTER.test_device.v1]/items[at0001]/value/value", "/data[at0001]/origin", "/data/events[time/value > '2024-05-01T10:30:00Z']/data/items[at0004]/value/magnitude"},
	'v': {"", "/time/value", "/time", "/data/items/name/value", "/data/items[at0004]/value/magnitude", "/width/value", "/sample_count"},
	'l': {"", "/name/value", "/value", "/value/value", "/value/magnitude", "/value/units", "/value/defining_code/code_string", "/archetype_node_id", "/null_flavour/value", "/value/numerator"},
	'p': {"/name/value", "/data/items/value/value", "/archetype_node_id", "/data[at0001]/items[at0002]/value"},
	'k': {"", "/name/value", "/items[at0001]/value/value", "/items/value/value"},
	's': {"/name/value", "/is_modifiable", "/subject/external_ref/id/value"},
	't': {"/archetype_node_id", "/items[at0010]/value", "/items/name/value"},
	'f': {"/name/value", "/items/id/value", "/archetype_node_id"},
	'q': {"", "/magnitude", "/units"},
	'm': {"/value", "/value/magnitude", "/value/units", "/value"},
	'x': {"", "/uid/value", "/commit_audit/change_type/value", "/lifecycle_state/value", "/commit_audit/time_committed/value"},
	'n': {"", "/start_time/value", "/setting/value"},
}

var constants = []string{
	"120", "4.5", "-1", "100.0", "2", "'Visit'", "'Acme'", "'2024-05'", "'2024-05-10'", "'2024-05-01T10:00:00Z'", "'2024-05-01T12'", "'08:30:00'",
	"'PT90M'", "'P1D'", "'at0004'", "'alpha'", "'g'", "true", "false", "NULL", "''", "'Systolic'", "'test.example'", "'251'",
}

func (g *queryMaker) path(variables string) string {
	v := variables[g.IntN(len(variables))]
	return string(v) + g.one(paths[v]...)
}

func (g *queryMaker) query() string {
	f := froms[g.IntN(len(froms))]
	var b strings.Builder
	b.WriteString("SELECT ")
	distinct := g.IntN(8) == 0
	if distinct {
		b.WriteString("DISTINCT ")
	}
	aggregate := !distinct && g.IntN(5) == 0
	var columns []string
	for range 1 + g.IntN(3) {
		p := g.path(f.variables)
		switch {
		case aggregate && g.IntN(3) > 0:
			columns = append(columns, g.one("COUNT(*)", "COUNT("+p+")", "COUNT(DISTINCT "+p+")", "MIN("+p+")", "MAX("+p+")", "SUM("+p+")", "AVG("+p+")"))
		case g.IntN(8) == 0:
			columns = append(columns, g.one("LENGTH("+p+")", "CONCAT("+p+", '-', "+p+")", "ABS("+p+")", "ROUND("+p+")", p+" * 2", "SUBSTRING("+p+", 2, 3)", p+" / 3"))
		default:
			columns = append(columns, p)
		}
	}
	b.WriteString(strings.Join(columns, ", ") + " FROM " + f.text)
	if g.IntN(3) > 0 {
		b.WriteString(" WHERE " + g.condition(f.variables, 2))
	}
	if !distinct && !aggregate && g.IntN(4) == 0 {
		// Ties are broken by nothing, so the whole row must be the key.
		fmt.Fprintf(&b, " ORDER BY %s%s", columns[0], g.one("", " DESC"))
		if len(columns) > 1 || strings.ContainsAny(columns[0], "(*") {
			return strings.Split(b.String(), " ORDER BY ")[0]
		}
		if v := columns[0]; !strings.HasSuffix(v, "name/value") && !strings.HasSuffix(v, "magnitude") {
			return strings.Split(b.String(), " ORDER BY ")[0]
		}
	}
	return b.String()
}

func (g *queryMaker) condition(variables string, depth int) string {
	if depth > 0 && g.IntN(3) == 0 {
		op := g.one(" AND ", " OR ")
		return "(" + g.condition(variables, depth-1) + op + g.condition(variables, depth-1) + ")"
	}
	p := g.path(variables)
	switch g.IntN(10) {
	case 9:
		if strings.HasSuffix(p, "/code_string") && g.IntN(2) == 0 {
			p = strings.TrimSuffix(p, "/code_string")
		}
		return p + " MATCHES " + g.one("TERMINOLOGY('expand', 'x', '"+g.one("letters", "greek", "ranks", "words", "nothing")+"')", "{terminology://x/words}", "{'Beta', TERMINOLOGY('expand', 'x', 'ranks')}")
	case 0:
		return "EXISTS " + p
	case 1:
		return "NOT " + g.condition(variables, 0)
	case 2:
		return p + " LIKE " + g.one("'*a*'", "'?isit*'", "'*'", "'2024*'", "'at000?'", `'100%_\*?*'`)
	case 3:
		return p + " MATCHES {" + g.one(constants[:19]...) + ", " + g.one(constants[:19]...) + "}"
	case 4:
		return p + g.one(" = ", " < ", " >= ", " != ") + g.path(variables)
	}
	c := g.one(constants...)
	if c == "NULL" {
		return p + g.one(" = ", " != ") + c
	}
	return p + g.one(" = ", " != ", " < ", " <= ", " > ", " >= ") + c
}
