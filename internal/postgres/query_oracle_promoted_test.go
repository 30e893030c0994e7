package postgres

import (
	"math/rand/v2"
	"testing"

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
	if notInSQL(store, err) {
		return nil, nil
	}
	return p, s
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
