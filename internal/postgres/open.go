package postgres

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// Config says how to reach the database, as the application role.
type Config struct {
	DSN string
	// Record, Query and Work are the sizes of the pools; zero means four a core
	// and at least 8, one a core and at least 2, and 2.
	Record, Query, Work int32
	// Wait is how long a request waits for a connection of record (default
	// 250 ms) and QueryWait of query (2 s) before it is refused.
	Wait, QueryWait time.Duration
	// Pooled says that a transaction pooler stands between: nothing is prepared.
	Pooled bool
	// Zone reads date-times without an offset (DESIGN 5a rule 9): the first that
	// opens the store fixes it, and another is refused. Nil takes what was fixed,
	// and UTC where nothing was.
	Zone *time.Location
	// Tracer sees every statement; it must not keep arguments.
	Tracer pgx.QueryTracer
}

// DB is the store. It is safe for concurrent use.
type DB struct {
	// record serves commits and point reads, query AQL, work what runs behind.
	record, query, work *pgxpool.Pool
	wait, queryWait     time.Duration
	dict                *dictionary.Dictionary
	// zone reads date-times without an offset, nil being UTC.
	zone *time.Location
	// snapshot is the dictionary as queries are planned with it.
	snapshot atomic.Pointer[plan.Dictionary]
	// wake tells the builder of promoted paths of work.
	wake chan struct{}
	slow slowQueries
	// plans keeps statements of queries about one EHR.
	plans plans
}

// Open connects the pools and checks that the database answers and holds the
// application's tables.
func Open(ctx context.Context, c Config) (*DB, error) {
	cores := int32(runtime.GOMAXPROCS(0))
	db := &DB{wait: or(c.Wait, 250*time.Millisecond), queryWait: or(c.QueryWait, 2*time.Second), dict: dictionary.New(), wake: make(chan struct{}, 1)}
	pools := []struct {
		to   **pgxpool.Pool
		name string
		size int32
	}{
		{&db.record, "record", or(c.Record, max(8, 4*cores))},
		{&db.query, "query", or(c.Query, max(2, cores))},
		{&db.work, "work", or(c.Work, 2)},
	}
	for _, p := range pools {
		pool, err := open(ctx, c, p.name, p.size)
		if err != nil {
			db.Close()
			return nil, err
		}
		*p.to = pool
	}
	if err := db.record.Ping(ctx); err != nil {
		db.Close()
		return nil, translate(ctx, err)
	}
	if err := db.settleZone(ctx, c.Zone); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func open(ctx context.Context, c Config, name string, size int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, fault.New(fault.Internal, "database-address", "the database's address is not valid")
	}
	config.MaxConns = size
	config.MinConns = 0
	config.MaxConnIdleTime = 5 * time.Minute
	config.ConnConfig.ConnectTimeout = or(config.ConnConfig.ConnectTimeout, 5*time.Second)
	config.ConnConfig.Tracer = c.Tracer
	// Stored text is never rewritten and comparisons are in UTC.
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "quire " + name
	if c.Pooled {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, translate(ctx, err)
	}
	return pool, nil
}

// Close ends all connections.
func (db *DB) Close() {
	for _, p := range []*pgxpool.Pool{db.record, db.query, db.work} {
		if p != nil {
			p.Close()
		}
	}
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error { return conn.Ping(ctx) })
}

// with runs do on a connection of the pool. Waiting longer than wait is
// Unavailable: who waits in a queue that does not move is better told.
func (db *DB) with(ctx context.Context, pool *pgxpool.Pool, wait time.Duration, do func(*pgx.Conn) error) error {
	waiting, cancel := context.WithTimeout(ctx, wait)
	conn, err := pool.Acquire(waiting)
	cancel()
	if err != nil {
		if ctx.Err() == nil && waiting.Err() != nil {
			e := fault.New(fault.Unavailable, "database-busy", "no database connection became free in time")
			e.RetryAfter = time.Second
			return e
		}
		return translate(ctx, err)
	}
	defer conn.Release()
	return do(conn.Conn())
}

// settingsSQL begins each batch: what row-level security compares with, and how
// long a statement may take. All of it ends with the transaction.
const settingsSQL = access.SettingsSQL + `,
       set_config('statement_timeout', $5, true)`

// begin queues the settings. The statement timeout follows the deadline of the
// request and ends a little before it, so that the server answers first.
func begin(ctx context.Context, b *pgx.Batch, p *access.Profile, action access.Action) {
	b.Queue(settingsSQL, append(p.Settings(action), statementTimeout(ctx))...)
}

func statementTimeout(ctx context.Context) string {
	deadline, ok := ctx.Deadline()
	if !ok {
		return "0"
	}
	left := time.Until(deadline) - 20*time.Millisecond
	return strconv.FormatInt(max(left.Milliseconds(), 1), 10)
}

// inTransaction runs do in one READ COMMITTED transaction with the profile's
// settings, for the paths where one round trip does not matter.
func (db *DB) inTransaction(ctx context.Context, pool *pgxpool.Pool, p *access.Profile, action access.Action, do func(pgx.Tx) error) error {
	return db.transact(ctx, pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, p, action, do)
}

// inSnapshot is inTransaction for several reads of one moment.
func (db *DB) inSnapshot(ctx context.Context, pool *pgxpool.Pool, p *access.Profile, do func(pgx.Tx) error) error {
	return db.transact(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, p, access.Read, do)
}

func (db *DB) transact(ctx context.Context, pool *pgxpool.Pool, opts pgx.TxOptions, p *access.Profile, action access.Action, do func(pgx.Tx) error) error {
	return db.with(ctx, pool, db.wait, func(conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, opts, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, settingsSQL, append(p.Settings(action), statementTimeout(ctx))...); err != nil {
				return err
			}
			return do(tx)
		})
	})
}

func or[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}

// String names the store without its address.
func (db *DB) String() string {
	return fmt.Sprintf("postgres: record %d, query %d, work %d connections", db.record.Config().MaxConns, db.query.Config().MaxConns, db.work.Config().MaxConns)
}
