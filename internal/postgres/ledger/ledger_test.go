package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/postgres/ledger"
	"github.com/quire-cdr/quire/internal/seal"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func key(t *testing.T, fill byte) *seal.Key {
	t.Helper()
	k, err := seal.NewKey(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// audited is a database with its application's address and a connection of its
// superuser, who can do what no role of ours may.
func audited(t *testing.T) (app string, super *pgx.Conn) {
	t.Helper()
	dsn := testkit.Database(t, migrations.FS, postgres.Prepare)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return testkit.Login(t, dsn, postgres.AppRole), conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// access inserts n rows of the audit in one transaction.
func access(t *testing.T, conn *pgx.Conn, n int) {
	t.Helper()
	exec(t, conn, `insert into audit_event (id, action, outcome, principal, role, ehr_id, object, epoch)
        select gen_random_uuid(), 'R', 'success', 'user:local:' || n, 'clinician', gen_random_uuid(), 'x::s::1', 7 from generate_series(1, $1) n`, n)
	exec(t, conn, `insert into audit_query_ehr (ehr_id, opening) values (gen_random_uuid(), gen_random_uuid())`)
}

func sealer(t *testing.T, app string, k *seal.Key, anchor func(*seal.Seal) error) *ledger.Sealer {
	t.Helper()
	return ledger.NewSealer(ledger.Config{DSN: app, Key: k, Anchor: anchor, Log: slog.New(slog.DiscardHandler)})
}

// sealed seals all rows there are and gives the newest seal and the rows of all
// it made. Transactions of other databases of the cluster, of other tests that is,
// hold a seal back until they end.
func sealed(t *testing.T, s *ledger.Sealer, super *pgx.Conn) (last *seal.Seal, events, shown int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		made, err := s.Seal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if made != nil {
			last, events, shown = made, events+made.Events, shown+made.Shown
		}
		if left := verify(t, super, ledger.Ask{}).Unsealed; left == 0 {
			return last, events, shown
		} else if time.Now().After(end) {
			t.Fatalf("%d rows are not sealed", left)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func verify(t *testing.T, conn *pgx.Conn, ask ledger.Ask) *ledger.Report {
	t.Helper()
	r, err := ledger.Verify(t.Context(), conn, ask)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// trials is how often each way of tampering is tried: QUIRE_TAMPERS, or few.
func trials(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("QUIRE_TAMPERS"))
	if err != nil {
		return 20
	}
	return n
}

func TestEveryTamperingIsFound(t *testing.T) {
	app, super := audited(t)
	k := key(t, 1)
	s := sealer(t, app, k, nil)
	var seals int64
	var head seal.Seal
	for range 12 {
		access(t, super, 1+rand.IntN(20))
		access(t, super, 1+rand.IntN(20))
		made, _, _ := sealed(t, s, super)
		seals, head = made.Seq, *made
	}
	access(t, super, 3)
	ask := ledger.Ask{Keys: map[string]*seal.Key{k.ID(): k}, Anchors: []seal.Seal{head}}
	r := verify(t, super, ask)
	if !r.Sound() || r.Seals != seals || r.Unsealed != 4 {
		t.Fatalf("untouched: %+v", r)
	}
	some := `(select (at, id)::text from audit_event where xact < (select hi from audit_seal order by seq desc limit 1) order by random() limit 1)`
	columns := []string{"action = 'U'", "outcome = 'denied'", "principal = 'user:local:nobody'", "role = 'admin'", "org = 'X'", "ehr_id = gen_random_uuid()",
		"object = 'y'", "template = 1", "query = 'x'", "parameters = 'x'", "purpose = 'x'", "basis = 'x'", "epoch = 8", "rows = 1", "source = 'x'", "request_id = 'x'",
		"opening = gen_random_uuid()", "id = gen_random_uuid()", "at = at + interval '1 microsecond'", "xact = (xact::text::bigint + 1)::text::xid8"}
	tamperings := map[string]func() string{
		"edit": func() string {
			return `update audit_event set ` + columns[rand.IntN(len(columns))] + ` where (at, id)::text = ` + some
		},
		"delete": func() string {
			if rand.IntN(4) == 0 {
				return `delete from audit_query_ehr where opening = (select opening from audit_query_ehr where xact < (select hi from audit_seal order by seq desc limit 1) order by random() limit 1)`
			}
			return `delete from audit_event where (at, id)::text = ` + some
		},
		"reorder": func() string {
			// Two rows change their places in time.
			return `with two as (select at, id, row_number() over () n from (select at, id from audit_event
                    where xact < (select hi from audit_seal order by seq desc limit 1) order by random() limit 2) r)
                update audit_event e set at = o.at + interval '1 microsecond', xact = (select xact from audit_event x where (x.at, x.id) = (o.at, o.id))
                from two m, two o where (e.at, e.id) = (m.at, m.id) and m.n <> o.n`
		},
		"add": func() string {
			return `insert into audit_event (id, action, outcome, principal, role, xact) values (gen_random_uuid(), 'R', 'success', 'user:local:x', 'clinician',
                (select lo from audit_seal where seq > 1 order by random() limit 1))`
		},
		"truncate rows": func() string {
			return fmt.Sprintf(`delete from audit_event where xact >= (select hi from audit_seal where seq = %d)`, 1+rand.Int64N(seals-1))
		},
		"truncate rows and seals": func() string {
			at := 1 + rand.Int64N(seals-1)
			return fmt.Sprintf(`with r as (delete from audit_event where xact >= (select hi from audit_seal where seq = %d)),
                q as (delete from audit_query_ehr where xact >= (select hi from audit_seal where seq = %d)) delete from audit_seal where seq > %d`, at, at, at)
		},
		"remove a seal": func() string {
			return fmt.Sprintf(`delete from audit_seal where seq = %d`, 1+rand.Int64N(seals))
		},
		"edit a seal": func() string {
			what := []string{"events = events + 1", "root = sha256('x')", "at = at + interval '1 second'", "chain = sha256('x')", "signature = 'x'", "before = sha256('x')"}
			return fmt.Sprintf(`update audit_seal set %s where seq = %d`, what[rand.IntN(len(what))], 1+rand.Int64N(seals))
		},
	}
	for name, tamper := range tamperings {
		n := trials(t)
		found := 0
		for range n {
			tx, err := super.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sql := tamper()
			done, err := tx.Exec(t.Context(), sql)
			if err != nil || done.RowsAffected() == 0 {
				t.Fatalf("%s: %v, %d rows", sql, err, done.RowsAffected())
			}
			if r := verify(t, super, ask); !r.Sound() {
				found++
			} else {
				t.Errorf("%s: not found: %s", name, sql)
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: %d of %d found", name, found, n)
	}
}

func TestATransactionThatEndsLateIsSealedOnce(t *testing.T) {
	app, super := audited(t)
	k := key(t, 1)
	s := sealer(t, app, k, nil)
	slow, err := pgx.Connect(t.Context(), super.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slow.Close(context.Background()) })
	tx, err := slow.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	access(t, slow, 2)
	access(t, super, 5)
	if made, err := s.Seal(t.Context()); err != nil || made != nil {
		t.Fatalf("sealed past a transaction that has not ended: %+v, %v", made, err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, events, shown := sealed(t, s, super); events != 7 || shown != 2 {
		t.Fatalf("%d events and %d shown are sealed, want all 7 and 2", events, shown)
	}
	if made, err := s.Seal(t.Context()); err != nil || made != nil {
		t.Errorf("sealed again: %+v, %v", made, err)
	}
}

func TestTwoSealersMakeOneChain(t *testing.T) {
	app, super := audited(t)
	k := key(t, 1)
	done := make(chan error, 2)
	ctx, stop := context.WithCancel(t.Context())
	for range 2 {
		s := sealer(t, app, k, nil)
		go func() {
			for ctx.Err() == nil {
				if _, err := s.Seal(ctx); err != nil && ctx.Err() == nil {
					done <- err
					return
				}
			}
			done <- s.Run(ctx)
		}()
	}
	for range 50 {
		access(t, super, 3)
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	r := verify(t, super, ledger.Ask{Keys: map[string]*seal.Key{k.ID(): k}})
	if !r.Sound() || r.Rows+r.Unsealed != 200 {
		t.Errorf("%+v", r)
	}
}

func TestAChangedKeyIsNamed(t *testing.T) {
	app, super := audited(t)
	first, second := key(t, 1), key(t, 2)
	access(t, super, 2)
	sealed(t, sealer(t, app, first, nil), super)
	seals := verify(t, super, ledger.Ask{}).Seals
	access(t, super, 2)
	sealed(t, sealer(t, app, second, nil), super)
	both := map[string]*seal.Key{first.ID(): first, second.ID(): second}
	if r := verify(t, super, ledger.Ask{Keys: both}); !r.Sound() || r.Seals <= seals {
		t.Errorf("%+v", r)
	}
	r := verify(t, super, ledger.Ask{Keys: map[string]*seal.Key{second.ID(): second}})
	if int64(len(r.Findings)) != seals || r.Findings[0].Seq != 1 || !strings.Contains(r.Findings[0].Message, "not at hand") {
		t.Errorf("%+v", r.Findings)
	}
	if r := verify(t, super, ledger.Ask{Keys: map[string]*seal.Key{second.ID(): second}, Since: time.Now().Add(-time.Hour)}); r.Seals <= seals {
		t.Errorf("since an hour: %+v", r)
	}
}

// A logical dump restored into a new cluster begins its transaction numbers anew.
func TestANewEraGoesOn(t *testing.T) {
	app, super := audited(t)
	k := key(t, 1)
	s := sealer(t, app, k, nil)
	access(t, super, 2)
	// The sealed past is moved beyond the cluster's own numbers, as after a restore.
	exec(t, super, `update audit_event set xact = (xact::text::bigint + 1000000000)::text::xid8`)
	exec(t, super, `update audit_query_ehr set xact = (xact::text::bigint + 1000000000)::text::xid8`)
	exec(t, super, `insert into audit_era values (1000000000)`)
	if _, events, _ := sealed(t, s, super); events != 2 {
		t.Fatalf("%d events are sealed", events)
	}
	exec(t, super, `delete from audit_era`)
	exec(t, super, `select audit_new_era()`)
	access(t, super, 4)
	if _, events, shown := sealed(t, s, super); events != 4 || shown != 1 {
		t.Fatalf("after the restore %d events and %d shown are sealed", events, shown)
	}
	if r := verify(t, super, ledger.Ask{Keys: map[string]*seal.Key{k.ID(): k}}); !r.Sound() || r.Rows != 8 {
		t.Errorf("%+v", r)
	}
}

func TestTheApplicationCannotTouchSeals(t *testing.T) {
	app, super := audited(t)
	access(t, super, 1)
	sealed(t, sealer(t, app, key(t, 1), nil), super)
	conn, err := pgx.Connect(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, sql := range []string{`update audit_seal set events = 0`, `delete from audit_seal`, `truncate audit_seal`, `insert into audit_era values (9)`, `select audit_new_era()`} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: allowed", sql)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	dsn := testkit.Database(b, migrations.FS, postgres.Prepare)
	conn, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	k, _ := seal.NewKey(make([]byte, 32))
	s := ledger.NewSealer(ledger.Config{DSN: dsn, Key: k, Log: slog.New(slog.DiscardHandler)})
	const each, seals = 500, 100
	for range seals {
		if _, err := conn.Exec(b.Context(), `insert into audit_event (id, action, outcome, principal, role, ehr_id, object, epoch, source, request_id)
            select gen_random_uuid(), 'R', 'success', 'user:local:' || n, 'clinician', gen_random_uuid(), 'x::s::1', 7, '127.0.0.1', n::text from generate_series(1, $1) n`, each); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Seal(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		r, err := ledger.Verify(b.Context(), conn, ledger.Ask{Keys: map[string]*seal.Key{k.ID(): k}})
		if err != nil || !r.Sound() || r.Rows != each*seals {
			b.Fatal(err, r)
		}
	}
	b.ReportMetric(float64(each*seals*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// TestSealerWatches: with the rights of the application the sealer's round goes
// through, and only what is wrong is told.
func TestSealerWatches(t *testing.T) {
	t.Parallel()
	app, super := audited(t)
	access(t, super, 3)
	var told bytes.Buffer
	s := ledger.NewSealer(ledger.Config{DSN: app, Key: key(t, 1), Log: slog.New(slog.NewTextHandler(&told, nil))})
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	if err := s.Run(ctx); err != nil || told.Len() > 0 {
		t.Errorf("%v: %s", err, told.String())
	}
	exec(t, super, `insert into audit_event (id, at, action, outcome, principal, role, ehr_id, object, epoch)
        values (gen_random_uuid(), '2001-01-01T00:00:00Z', 'R', 'success', 'user:local:x', 'clinician', gen_random_uuid(), 'x::s::1', 7)`)
	ctx, stop = context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	if err := s.Run(ctx); err != nil || !strings.Contains(told.String(), "default partition") {
		t.Errorf("%v: %s", err, told.String())
	}
}
