package postgres

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/random"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/simplified"
	build "github.com/quire-cdr/quire/internal/simplified/compose"
	invent "github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// oracleTemplates are the templates random data are made of: our own, and those
// of the fixtures where they are there.
func oracleTemplates(t *testing.T) []*webtemplate.WebTemplate {
	t.Helper()
	files, err := filepath.Glob("../../templates/opt/*.opt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d templates of our own", len(files))
	}
	fixtures, err := filepath.Glob("../../../shared/fixtures/openehr/opt/*.opt")
	if err != nil {
		t.Fatal(err)
	}
	var all []*webtemplate.WebTemplate
	for _, f := range append(files, fixtures...) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(f, err)
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			t.Fatal(f, err)
		}
		all = append(all, simplified.Compile(compiled).Web)
	}
	return all
}

// oracleData are random data of a few EHRs and a maker of queries over them.
type oracleData struct {
	seed, number uint64
	maker        *random.Maker
	// promotes says that paths are promoted in this world.
	promotes bool
}

const worldPeople = 4

// handmade are documents of the scripts that hold what is rare in templates.
var handmade = []string{"visit1.json", "visit2.json", "values.json", "units.json", "visit3.json"}

// newOracleData replaces what the engine holds.
func newOracleData(t *testing.T, e *engine, pool []*webtemplate.WebTemplate, seed, number uint64) *oracleData {
	t.Helper()
	ctx := t.Context()
	w := &oracleData{seed: seed, number: number}
	r := w.rand(1)
	rows := e.memory.Options.MaxRows
	e.memory.Options.MaxRows = 0
	if err := e.reset(ctx); err != nil {
		t.Fatal(err)
	}
	e.memory.Options.MaxRows = rows
	var ehrs []string
	for i := range worldPeople {
		ehrs = append(ehrs, aqltest.EHRID(fmt.Sprintf("person %d of world %d", i, number)))
		// Most are queryable.
		status := "status_open.json"
		if r.IntN(5) == 0 {
			status = "status_closed.json"
		}
		w.load(t, e, r, ehrs[i], handmadeDoc(t, status), false)
	}
	someone := func() string { return ehrs[r.IntN(len(ehrs))] }
	for range 8 {
		web := pool[r.IntN(len(pool))]
		made, err := build.Compose(web, invent.Document(web, invent.Options{Pick: r.IntN, Sparse: true}), build.Options{Now: "2024-05-01T10:00:00Z"})
		if err != nil {
			t.Fatalf("%s: %v", web.Root.ID, err)
		}
		const large = 700
		if made.Len() > large {
			continue
		}
		doc := canon.WriteJSON(nil, made, made.Root())
		ehr := someone()
		uid := w.load(t, e, r, ehr, doc, true)
		switch r.IntN(6) {
		case 0:
			w.next(t, e, r, ehr, uid, doc, true)
		case 1:
			w.next(t, e, r, ehr, uid, doc, false)
		case 2:
			if err := e.remove(ctx, ehr, uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range handmade {
		ehr := someone()
		uid := w.load(t, e, r, ehr, handmadeDoc(t, name), r.IntN(2) == 0)
		if name == "visit1.json" {
			w.next(t, e, r, ehr, uid, handmadeDoc(t, "visit1_v2.json"), true)
		}
	}
	w.load(t, e, r, someone(), handmadeDoc(t, "folder.json"), false)
	var trees []*rm.Tree
	for _, ehr := range ehrs {
		for _, d := range e.memory.EHR(ehr).Documents {
			if d.Effective && d.Tree != nil {
				trees = append(trees, d.Tree)
			}
		}
	}
	// A server in use has statistics; without them plans are slow at random.
	if _, err := e.super.Exec(ctx, "analyze node, shape_item, folder_item, arch, leaf, version, ehr"); err != nil {
		t.Fatal(err)
	}
	w.promote(t, e)
	w.maker = random.New(w.rand(2), trees, ehrs)
	return w
}

func handmadeDoc(t *testing.T, name string) []byte {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("../aql/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func (w *oracleData) load(t *testing.T, e *engine, r *rand.Rand, ehr string, doc []byte, change bool) string {
	t.Helper()
	return w.commit(t, e, r, ehr, "", doc, change, true)
}

// next commits another version, complete or a draft.
func (w *oracleData) next(t *testing.T, e *engine, r *rand.Rand, ehr, uid string, doc []byte, complete bool) {
	t.Helper()
	object, _, _ := bytes.Cut([]byte(uid), []byte("::"))
	w.commit(t, e, r, ehr, string(object), doc, true, complete)
}

func (w *oracleData) commit(t *testing.T, e *engine, r *rand.Rand, ehr, object string, doc []byte, change, complete bool) string {
	t.Helper()
	if change {
		changed, err := random.Document(r, doc)
		if err != nil {
			t.Fatal(err)
		}
		doc = changed
	}
	uid, err := e.version(t.Context(), ehr, object, doc, complete)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return uid
}
