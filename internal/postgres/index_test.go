package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// superuser runs a statement past row-level security.
func (h *house) superuser(t testing.TB, statement string, args ...any) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, h.super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement, args...); err != nil {
		t.Fatal(err)
	}
}

// sound fails the test where the rows are not what the documents give.
func (h *house) sound(t testing.TB) Verification {
	t.Helper()
	v, err := h.db.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Sound() {
		t.Fatalf("the rows differ from the documents: %+v", v)
	}
	return v
}

func TestReindexEqualsCommit(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	for range 3 {
		e := h.ehr(t)
		for _, name := range []string{"vital_signs_full", "vital_signs_minimal", "vital_signs_oxygen_new_confusion", "emergency_care_plan_full"} {
			d := h.create(t, e.ID, name, cdr.CommitInfo{})
			if name == "vital_signs_full" {
				if _, err := h.UpdateComposition(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{Lifecycle: cdr.Incomplete}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	before := h.sound(t)
	if before.Versions != 3*6 || before.Rows == 0 {
		t.Fatalf("compared %+v", before)
	}
	h.superuser(t, `update node set data = data || '{"x": 1}' where num = 0 and vo_id = (select vo_id from version where kind = 1 order by vo_id limit 1)`)
	h.superuser(t, `delete from node where num > 0 and vo_id = (select vo_id from version where kind = 1 order by vo_id desc limit 1)`)
	h.superuser(t, `insert into node select ehr_id, gen_random_uuid(), ver, num, num_cap, parent, kind, class, arch, shape, tmpl, sens, draft, data from node limit 1`)
	broken, err := h.db.Verify(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if broken.Differences < 2 || broken.Orphans != 1 {
		t.Errorf("Verify does not see the damage: %+v", broken)
	}
	told := 0
	if err := h.db.Reindex(ctx, func(done, total int) { told = done*1000 + total }); err != nil {
		t.Fatal(err)
	}
	if told != 18018 {
		t.Errorf("progress ended at %d", told)
	}
	if after := h.sound(t); after.Rows != before.Rows {
		t.Errorf("%d rows after, %d before", after.Rows, before.Rows)
	}
}

// A stale dictionary silently loses rows: two processes that each know nothing
// of what the other allocated must agree on every id.
func TestTwoStoresWithStaleDictionaries(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	other := h.service(h.open(t), false)
	ehrs := make([]string, 4)
	for i := range ehrs {
		ehrs[i] = h.ehr(t).ID
	}
	names := []string{"vital_signs_full", "vital_signs_minimal", "vital_signs_oxygen_new_confusion", "vital_signs_incomplete_set"}
	bodies := make([]cdr.Content, len(names))
	for i, name := range names {
		bodies[i] = example(t, name)
	}
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for w := range 4 {
		service := h.Service
		if w%2 == 1 {
			service = other
		}
		wg.Go(func() {
			for i := range names {
				if _, err := service.CreateComposition(ctx, clinician, ehrs[w], bodies[(i+w)%len(bodies)], cdr.CommitInfo{}); err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	h.sound(t)
	if n := h.count(t, "select count(*) from (select hash from shape group by hash having count(*) > 1) x"); n != 0 {
		t.Errorf("%d shapes have two ids", n)
	}
	if n := h.count(t, "select count(*) from shape s where not exists (select 1 from shape_item i where i.shape = s.id)"); n != 0 {
		t.Errorf("%d shapes have no items", n)
	}
	if n := h.count(t, "select dictionary from index_epoch"); n < 2 {
		t.Error("the epoch of the dictionary did not rise")
	}
}

// An archetype with too many shapes gets a wide one that holds all its items.
func TestWideShape(t *testing.T) {
	h := newHouse(t)
	h.db.dict.Limit = 1
	other := h.open(t)
	other.dict.Limit = 1
	e := h.ehr(t)
	for i, name := range []string{"vital_signs_minimal", "vital_signs_full", "vital_signs_oxygen_new_confusion", "vital_signs_incomplete_set"} {
		service := h.Service
		if i%2 == 1 {
			service = h.service(other, false)
		}
		if _, err := service.CreateComposition(context.Background(), clinician, e.ID, example(t, name), cdr.CommitInfo{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(t, "select count(*) from shape where wide"); n == 0 {
		t.Fatal("no wide shape")
	}
	if n := h.count(t, "select count(*) from (select arch from shape where wide group by arch having count(*) > 1) x"); n != 0 {
		t.Errorf("%d archetypes have two wide shapes", n)
	}
	h.sound(t)
	items := h.count(t, "select count(*) from shape_item i join shape s on s.id = i.shape where s.wide")
	fresh := h.open(t)
	fresh.dict.Limit = 1
	if _, err := h.service(fresh, false).CreateComposition(context.Background(), clinician, e.ID, example(t, "vital_signs_full"), cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from shape_item i join shape s on s.id = i.shape where s.wide"); n != items {
		t.Errorf("the same shape again made %d items of %d", n, items)
	}
}

// Of two writers with one If-Match, exactly one wins.
func TestRaceOfWriters(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	latest := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	for round := range 10 {
		const writers = 4
		var wg sync.WaitGroup
		docs, errs := make([]cdr.Document, writers), make([]error, writers)
		for w := range writers {
			wg.Go(func() {
				docs[w], errs[w] = h.UpdateComposition(ctx, clinician, e.ID, latest.ObjectID, latest.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			})
		}
		wg.Wait()
		won := 0
		for w, err := range errs {
			if err == nil {
				won++
				latest = docs[w]
				continue
			}
			if f := fault.Of(err); f.Kind != fault.Precondition || f.Current == "" {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d writers won", round, won)
		}
	}
	if n := h.count(t, `select count(*) from (select committed <= lag(committed) over (order by ver) as back from version where vo_id = $1) x where back`, latest.ObjectID); n != 0 {
		t.Errorf("%d versions are not later than the one before", n)
	}
	h.sound(t)
}

// Two first versions of a persistent composition at once: one stays.
func TestRaceOfPersistent(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	for range 5 {
		e := h.ehr(t)
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for w := range errs {
			wg.Go(func() {
				_, errs[w] = h.CreateComposition(ctx, clinician, e.ID, example(t, "emergency_care_plan_minimal"), cdr.CommitInfo{})
			})
		}
		wg.Wait()
		if n := h.count(t, "select count(*) from version where ehr_id = $1 and kind = 1", e.ID); n != 1 {
			t.Fatalf("%d persistent compositions: %v", n, errors.Join(errs...))
		}
	}
}

// The rows of a commit are cut for one epoch; in another the commit reloads and
// goes through.
func TestEpochFence(t *testing.T) {
	h := newHouse(t)
	e := h.ehr(t)
	for range 3 {
		h.superuser(t, "update index_epoch set promoted = promoted + 1")
		h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	}
	if got, want := h.db.dict.Epoch(), int64(4); got != want {
		t.Errorf("the store is at epoch %d, want %d", got, want)
	}
}

func TestTemplates(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tpl, err := h.Template(ctx, clinician, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.UploadTemplate(ctx, system, []byte(tpl.OPT), cdr.TemplateUpload{})
	want(t, err, fault.Conflict, "template-exists")
	_, err = h.UploadTemplate(ctx, clinician, []byte(tpl.OPT), cdr.TemplateUpload{})
	want(t, err, fault.Forbidden, "")
	_, err = h.UploadTemplate(ctx, system, []byte("<nothing"), cdr.TemplateUpload{})
	want(t, err, fault.Invalid, "")
	_, err = h.UploadTemplate(ctx, system, []byte(tpl.OPT), cdr.TemplateUpload{Label: "no-such-label"})
	want(t, err, fault.Invalid, "label-unknown")
	changed, err := h.UploadTemplate(ctx, system, fmt.Appendf(nil, "%s<!-- changed -->", tpl.OPT), cdr.TemplateUpload{})
	if err != nil {
		t.Fatal("an unused template was not replaced:", err)
	}
	if changed.Family != tpl.Family || changed.Row == tpl.Row {
		t.Errorf("replaced %+v by %+v", tpl.TemplateInfo, changed.TemplateInfo)
	}
	// Another process still has the old one and must not commit by it.
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	_, err = h.UploadTemplate(ctx, system, []byte(tpl.OPT), cdr.TemplateUpload{})
	want(t, err, fault.Conflict, "template-used")
	list, err := h.Templates(ctx, vitals)
	if err != nil || len(list) != 1 || list[0].ID != vitalSigns {
		t.Errorf("%v, %v", list, err)
	}
	_, err = h.Template(ctx, vitals, carePlan)
	want(t, err, fault.NotFound, "template-unknown")
	if _, err := h.Template(ctx, clinician, vitalSigns+" "); !fault.Is(err, fault.NotFound) {
		t.Errorf("template ids do not compare byte for byte: %v", err)
	}
}

func TestReplacedTemplate(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	other := h.service(h.open(t), false)
	tpl, err := other.Template(ctx, clinician, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.UploadTemplate(ctx, system, fmt.Appendf(nil, "%s<!-- changed -->", tpl.OPT), cdr.TemplateUpload{}); err != nil {
		t.Fatal(err)
	}
	_, err = other.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "template-gone")
	if _, err := other.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{}); err != nil {
		t.Error("the replaced template is still believed:", err)
	}
}
