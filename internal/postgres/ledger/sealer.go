package ledger

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/quire-cdr/quire/internal/seal"
)

const (
	// every is how far the seals follow behind: what an administrator of the
	// database could change unseen.
	every = 5 * time.Second
	// most is about how many rows one seal covers.
	most = 100_000
	// late is when the age of unsealed rows becomes an alarm: a transaction that
	// does not end, or a sealer that fails.
	late = 5 * time.Minute
)

// Config says how to reach the audit.
type Config struct {
	// DSN is the application role's address past any pooler.
	DSN string
	Key *seal.Key
	// Anchor keeps a seal where the database's administrators cannot write, nil
	// does not. Its failure is an alarm and not an outage.
	Anchor func(*seal.Seal) error
	Log    *slog.Logger
}

// Sealer appends seals while it runs. Many may run on one database: each link is
// made by one of them.
type Sealer struct {
	Config
	conn *pgx.Conn
	// alarmed remembers what was told, so that it is told once.
	alarmed map[string]bool
}

// NewSealer makes a sealer; nothing happens before Run.
func NewSealer(c Config) *Sealer { return &Sealer{Config: c, alarmed: map[string]bool{}} }

// Run seals until ctx ends, and once more what was written until then. Stop it
// after the audit writer.
func (s *Sealer) Run(ctx context.Context) error {
	defer s.disconnect()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = s.round(last)
			return nil
		case <-tick.C:
		}
		if err := s.round(ctx); ctx.Err() == nil {
			s.alarm("sealing", err != nil, "the audit cannot be sealed", "cause", cause(err))
		}
	}
}

// round seals all there is.
func (s *Sealer) round(ctx context.Context) error {
	for {
		made, err := s.Seal(ctx)
		if err != nil {
			s.disconnect()
			return err
		}
		if made == nil {
			return s.watch(ctx)
		}
		if made.Events+made.Shown < most {
			return s.watch(ctx)
		}
	}
}

// watch raises the alarms that need a look at the tables. Partitions are for their
// owner alone; how large one is everybody may ask, and no row ever leaves it.
func (s *Sealer) watch(ctx context.Context) error {
	var oldest *time.Time
	var strays bool
	err := s.conn.QueryRow(ctx, `select
        (select min(at) from audit_event where xact >= coalesce((select hi from audit_seal order by seq desc limit 1), '0')),
        pg_relation_size('audit_event_default') > 0`).Scan(&oldest, &strays)
	if err != nil {
		return err
	}
	s.alarm("late", oldest != nil && time.Since(*oldest) > late, "rows of the audit wait for their seal: a transaction has been open for minutes")
	s.alarm("strays", strays, "rows of the audit lie in the default partition: months were not made ahead")
	return nil
}

// cause is what may be logged of an error: of PostgreSQL's the code alone.
func cause(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		return "SQLSTATE " + pg.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

func (s *Sealer) alarm(about string, on bool, message string, more ...any) {
	if on && !s.alarmed[about] {
		s.Log.Error(message, more...)
	}
	s.alarmed[about] = on
}

// ended is the first transaction number that may still be running; every row of
// a smaller one is there to be read. base is that of the present cluster.
const endedSQL = `select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + coalesce((select max(base) from audit_era), 0)`

// boundSQL is the transaction at which a seal is full.
const boundSQL = `select xact::text::bigint from audit_event where xact >= $1::text::xid8 and xact < $2::text::xid8 order by xact offset $3 limit 1`

const insertSQL = `insert into audit_seal (seq, lo, hi, at, events, shown, root, before, chain, key, signature)
values ($1, $2::text::xid8, $3::text::xid8, $4, $5, $6, $7, $8, $9, $10, $11)`

// Seal appends one link over what has ended since the last, and returns it, or
// nil where there is nothing to seal or another process was first.
func (s *Sealer) Seal(ctx context.Context) (*seal.Seal, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	before, err := last(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	var lo, hi uint64
	if before != nil {
		lo = before.Hi
	}
	if err := s.conn.QueryRow(ctx, endedSQL).Scan(&hi); err != nil {
		return nil, err
	}
	var full *uint64
	err = s.conn.QueryRow(ctx, boundSQL, text(lo), text(hi), most).Scan(&full)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	if full != nil {
		hi = max(*full, lo+1)
	}
	next, err := s.cover(ctx, lo, hi)
	if err != nil || next.Events+next.Shown == 0 {
		return nil, err
	}
	if err := s.conn.QueryRow(ctx, "select clock_timestamp()").Scan(&next.At); err != nil {
		return nil, err
	}
	s.Key.Close(next, before)
	_, err = s.conn.Exec(ctx, insertSQL, next.Seq, text(next.Lo), text(next.Hi), next.At, next.Events, next.Shown, next.Root, next.Before, next.Chain, next.Key, next.Signature)
	var taken *pgconn.PgError
	if errors.As(err, &taken) && taken.Code == "23505" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.Anchor != nil {
		s.alarm("anchor", s.Anchor(next) != nil, "the anchor of the audit cannot be written")
	}
	return next, nil
}

// cover reads the rows of a range into a seal that is not closed yet.
func (s *Sealer) cover(ctx context.Context, lo, hi uint64) (*seal.Seal, error) {
	next, tree := &seal.Seal{Hi: hi}, s.Key.NewTree()
	if lo >= hi {
		return next, nil
	}
	if err := rows(ctx, s.conn, eventsSQL, lo, hi, func(_ uint64, row []byte) error { tree.Add(eventRow, row); return nil }); err != nil {
		return nil, err
	}
	next.Events = tree.Rows()
	if err := rows(ctx, s.conn, shownSQL, lo, hi, func(_ uint64, row []byte) error { tree.Add(shownRow, row); return nil }); err != nil {
		return nil, err
	}
	next.Shown, next.Root = tree.Rows()-next.Events, tree.Root()
	return next, nil
}

func (s *Sealer) connect(ctx context.Context) (err error) {
	if s.conn == nil || s.conn.IsClosed() {
		s.conn, err = Connect(ctx, s.DSN)
	}
	return err
}

func (s *Sealer) disconnect() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
	s.conn = nil
}
