package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

// application gives the addresses of a fresh database: the application role's,
// and the superuser's to look behind it.
func application(t testing.TB) (app, super string) {
	t.Helper()
	super = testkit.Database(t, migrations.FS, Prepare)
	return testkit.Login(t, super, AppRole), super
}

// connected is a connection that ends with the test.
func connected(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func writing(t testing.TB, dsn string) *AuditWriter {
	t.Helper()
	w, err := NewAuditWriter(dsn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return w
}

func read(ehr string) cdr.Event {
	return cdr.Event{Action: "R", Outcome: "success", Principal: "user:local:a", Role: "clinician", EHR: ehr, Object: "x::s::1", Basis: "read", Epoch: 3}
}

func newID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func TestAuditRecordIsDurable(t *testing.T) {
	app, super := application(t)
	w := writing(t, app)
	look := connected(t, super)
	var all sync.WaitGroup
	ehr := newID(t)
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := w.Record(t.Context(), read(ehr)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var rows, batches int
	if err := look.QueryRow(t.Context(), "select count(*), count(distinct xact) from audit_event where ehr_id = $1", ehr).Scan(&rows, &batches); err != nil {
		t.Fatal(err)
	}
	if rows != 400 {
		t.Errorf("%d rows for 400 acknowledged events", rows)
	}
	if batches >= 400 {
		t.Error("nothing was grouped")
	}
	t.Logf("%d rows in %d transactions", rows, batches)
	if err := w.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	var partitions int
	if err := look.QueryRow(t.Context(), "select count(*) from pg_inherits where inhparent = 'audit_event'::regclass").Scan(&partitions); err != nil || partitions != 5 {
		t.Errorf("%d partitions, %v; want this month, three ahead and the default", partitions, err)
	}
}

// The writer's connection dies between and during transactions: nothing that was
// acknowledged is missing.
func TestAuditSurvivesLostConnections(t *testing.T) {
	app, super := application(t)
	w := writing(t, app)
	look := connected(t, super)
	ehr := newID(t)
	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(7 * time.Millisecond):
				_, _ = look.Exec(context.Background(), "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quire audit' and datname = current_database()")
			}
		}
	})
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 60 {
				switch err := w.Record(t.Context(), read(ehr)); {
				case err == nil:
					acknowledged.Add(1)
				case !fault.Is(err, fault.Unavailable):
					t.Errorf("a lost connection is an outage, got %v", err)
				}
			}
		})
	}
	all.Wait()
	close(stop)
	killer.Wait()
	var ids int64
	if err := look.QueryRow(t.Context(), "select count(distinct id) from audit_event where ehr_id = $1", ehr).Scan(&ids); err != nil {
		t.Fatal(err)
	}
	if ids < acknowledged.Load() {
		t.Errorf("%d acknowledged, %d there", acknowledged.Load(), ids)
	}
	t.Logf("%d of 480 acknowledged, %d there", acknowledged.Load(), ids)
}

func TestAuditRefusesWhenItCannotWrite(t *testing.T) {
	app, super := application(t)
	look := connected(t, super)
	w := writing(t, app)
	ehr := newID(t)
	if err := w.Record(t.Context(), read(ehr)); err != nil {
		t.Fatal(err)
	}
	// A lock stands for a disk that hangs.
	tx, err := look.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "lock audit_event"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := w.Record(t.Context(), read(ehr)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > 1500*time.Millisecond {
		t.Errorf("waited %v", took)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; {
		if err := w.Record(t.Context(), read(ehr)); err == nil {
			break
		}
		if time.Since(begun) > 5*time.Second {
			t.Fatal("no recovery")
		}
	}
}

func TestAuditQueueFull(t *testing.T) {
	w, err := NewAuditWriter("postgres://nobody@127.0.0.1:1/none", nil)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody runs it: the queue fills.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range auditQueue {
		if err := w.Record(ctx, read("")); err == nil {
			t.Fatal("recorded by nobody")
		}
	}
	begun := time.Now()
	if err := w.Record(t.Context(), read("")); !fault.Is(err, fault.Unavailable) || time.Since(begun) > 100*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if w.Ready(t.Context()) == nil {
		t.Error("ready without having run")
	}
}

// One row the server refuses must not fail its neighbours.
func TestAuditBadRowFailsAlone(t *testing.T) {
	app, super := application(t)
	w := writing(t, app)
	ehr := newID(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			e := read(ehr)
			bad := i%10 == 3
			if bad {
				e.Outcome = "perhaps"
			}
			if err := w.Record(t.Context(), e); (err != nil) != bad {
				t.Errorf("row %d: %v", i, err)
			} else if bad && strings.Contains(err.Error(), ehr) {
				t.Errorf("the error tells the row: %v", err)
			}
		})
	}
	all.Wait()
	var rows int
	if err := connected(t, super).QueryRow(t.Context(), "select count(*) from audit_event where ehr_id = $1", ehr).Scan(&rows); err != nil || rows != 36 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// The application cannot rewrite what it has written.
func TestAuditIsInsertOnly(t *testing.T) {
	app, _ := application(t)
	w := writing(t, app)
	if err := w.Record(t.Context(), read(newID(t))); err != nil {
		t.Fatal(err)
	}
	conn := connected(t, app)
	if _, err := conn.Exec(t.Context(), "select audit_partitions(6)"); err != nil { // months made after the rights were granted
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), "select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_event'::regclass")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) != 8 {
		t.Fatal(tables, err)
	}
	for _, table := range append(tables, "audit_event", "audit_query_ehr") {
		for _, sql := range []string{"update %s set at = at", "delete from %s", "truncate %s", "drop table %s"} {
			if _, err := conn.Exec(t.Context(), fmt.Sprintf(sql, table)); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf(sql+": %v", table, err)
			}
		}
	}
}

func TestWhoSaw(t *testing.T) {
	app, _ := application(t)
	w := writing(t, app)
	a := accessOn(t, app)
	ehr, other := newID(t), newID(t)
	record := func(e cdr.Event) {
		t.Helper()
		if err := w.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		e := read(ehr)
		e.Object = fmt.Sprintf("version-%d", i)
		record(e)
	}
	record(read(other))
	opening := newID(t)
	rows := int64(2)
	record(cdr.Event{Action: "E", Outcome: "success", Principal: "user:local:analyst", Role: "analyst", ID: opening, QueryHash: []byte{1, 2}, Parameters: []byte{3}, Purpose: "HRESCH"})
	record(cdr.Event{Opening: opening, Shown: []string{ehr, other, ehr}})
	record(cdr.Event{Opening: opening, Shown: []string{ehr}}) // a later chunk shows it again
	record(cdr.Event{Action: "E", Outcome: "success", Principal: "user:local:analyst", Role: "analyst", Opening: opening, Rows: &rows})

	var seen []cdr.Sighting
	var before *cdr.Position
	for range 10 {
		page, err := a.WhoSaw(t.Context(), ehr, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		seen = append(seen, page...)
		before = &cdr.Position{At: page[len(page)-1].At, ID: page[len(page)-1].ID}
	}
	if len(seen) != 6 {
		t.Fatalf("%d sightings: %+v", len(seen), seen)
	}
	if first := seen[0]; !first.Population || first.Principal != "user:local:analyst" || first.Purpose != "HRESCH" || first.ID != opening {
		t.Errorf("newest: %+v", first)
	}
	for i, s := range seen[1:] {
		if want := fmt.Sprintf("version-%d", 4-i); s.Object != want || s.Population {
			t.Errorf("sighting %d: %+v, want %s", i+1, s, want)
		}
	}
}

func BenchmarkAuditRecord(b *testing.B) {
	app, _ := application(b)
	w := writing(b, app)
	e := read(newID(b))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := w.Record(b.Context(), e); err != nil {
				b.Error(err)
			}
		}
	})
}
