package postgres

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/aql/random"
	"github.com/quire-cdr/quire/internal/aql/sqlgen"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// promotedPaths is how many paths of a world are promoted before any query.
const promotedPaths = 10

// promote promotes random paths of the data and drops those of the world before.
// Of every second world nothing is promoted.
func (w *oracleData) promote(t *testing.T, e *engine) {
	t.Helper()
	ctx := t.Context()
	before, err := e.db.Promoted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range before {
		path, err := promote.Parse(p.Archetype, p.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.db.DropPath(ctx, path); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.db.BuildIndex(ctx, nil); err != nil {
		t.Fatal(err)
	}
	r := w.rand(3)
	if w.promotes = (w.seed+w.number)%2 == 0; !w.promotes {
		return
	}
	archetypes, err := e.db.ArchetypesInData(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all []promotion.Place
	for _, a := range archetypes {
		objects, err := e.db.ObjectsInData(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			all = append(all, values(a, o)...)
		}
	}
	promoteAll(t, e.db, pick(r, all, promotedPaths)...)
}

// promoteFor promotes what would help a query, as automatic promotion does.
func (w *oracleData) promoteFor(t *testing.T, e *engine, q *random.Query) {
	t.Helper()
	if !w.promotes {
		return
	}
	if p, _ := e.plan(t, q); p != nil {
		if helps := places(p); len(helps) > 0 {
			promoteAll(t, e.db, helps...)
		}
	}
}

// plan plans a query as the database would, nil where it is answered on documents.
func (e *engine) plan(t *testing.T, q *random.Query) (*plan.Plan, *sqlgen.Statement) {
	t.Helper()
	parsed, err := aql.Parse(q.Text)
	if err == nil {
		parsed, err = aql.Resolve(t.Context(), parsed, q.Params, aqltest.Terms{})
	}
	if err != nil || onDocuments(parsed, true) {
		return nil, nil
	}
	dict, err := e.db.freshDictionary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store := cdr.StoreQuery{Query: parsed, Profile: access.System(), Options: plan.Options{Params: q.Params, Fetch: -1, Now: queryNow}}
	p, s, err := planned(store, dict)
	if notInSQL(err) {
		return nil, nil
	}
	return p, s
}

// TestPromotedOracle asks random questions about promoted paths, with values that
// their leaf rows have: few queries of TestQueryOracle start from one.
func TestPromotedOracle(t *testing.T) {
	seed := *oracleSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	pool := oracleTemplates(t)
	o := &oracle{t: t, engine: newEngine(t)}
	worlds := max(2, *oracleQueries/500)
	for number := range worlds {
		w := newOracleData(t, o.engine, pool, seed, 2*uint64(number)+seed%2)
		promoteAll(t, o.engine.db, promotable...)
		r := w.rand(4)
		for _, l := range leafSamples(t, o.engine) {
			for range 4 {
				q := l.ask(r)
				_, want, ranks, err := o.engine.memory.Ranked(t.Context(), q.Whole, nil)
				o.asked++
				o.compare(w, q, want, ranks, err)
			}
		}
	}
	t.Logf("seed %d: %d asked of %d worlds, %d with rows, %d from promoted paths, %d differ", seed, o.asked, worlds, o.found, o.promoted, o.different)
	if o.promoted < o.asked/4 || o.found < o.asked/4 {
		t.Error("too few queries start from promoted paths and find anything")
	}
}

// leafSample is a promoted path and a value it has.
type leafSample struct {
	archetype, path string
	n, s, k         *string
}

func leafSamples(t *testing.T, e *engine) []leafSample {
	t.Helper()
	rows, err := e.super.Query(t.Context(), `select distinct on (p.id, l.n is null) p.archetype, p.path, l.n::text, l.s, l.k from leaf l join promoted_path p on p.id = l.path order by p.id, l.n is null, md5(l.vo_id::text || l.ord)`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (l leafSample, err error) {
		return l, r.Scan(&l.archetype, &l.path, &l.n, &l.s, &l.k)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ask makes a question about the path.
func (l leafSample) ask(r *rand.Rand) *random.Query {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	quote := func(text string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'" }
	path, value := "x/"+l.path, ""
	switch {
	case l.k != nil && r.IntN(2) == 0:
		path, value = path+"/defining_code/code_string", quote(*l.k)
	case l.s != nil:
		path, value = path+"/value", quote(*l.s)
	case l.n != nil:
		path, value = path+"/magnitude", *l.n
	}
	_, class, _ := strings.Cut(l.archetype, "-EHR-")
	class, _, _ = strings.Cut(class, ".")
	q := &random.Query{Count: -1}
	switch r.IntN(8) {
	case 0:
		q.Whole = "SELECT MIN(" + path + "), MAX(" + path + "), COUNT(" + path + ")"
	default:
		q.Whole = "SELECT " + path + ", x/archetype_node_id"
	}
	counts := strings.Contains(q.Whole, "MIN(")
	q.Whole += " FROM " + class + " x[" + l.archetype + "]"
	if r.IntN(5) > 0 {
		q.Whole += " WHERE " + path + " " + one("=", ">", ">=", "<", "<=") + " " + value
	}
	if !counts && r.IntN(3) > 0 {
		q.Whole += " ORDER BY " + path + one("", " DESC", " NULLS LAST", " DESC NULLS LAST", " NULLS FIRST")
	}
	q.Text = q.Whole
	if !counts && r.IntN(4) > 0 {
		q.Count, q.Offset = int64(1+r.IntN(6)), int64(r.IntN(3))
		q.Text += fmt.Sprintf(" LIMIT %d OFFSET %d", q.Count, q.Offset)
	}
	return q
}

// values are the paths to the data values that an object may hold.
func values(archetype string, o promotion.Object) (all []promotion.Place) {
	for _, a := range rminfo.Class(o.Class).Attributes() {
		path := a.Attr.Name()
		if o.Path != "" {
			path = o.Path + "/" + path
		}
		if p, err := promote.Parse(archetype, path); err == nil && p.Text == path {
			all = append(all, promotion.Place{Archetype: archetype, Path: path})
		}
	}
	return all
}

func pick(r *rand.Rand, all []promotion.Place, most int) []promotion.Place {
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(most, len(all))]
}
