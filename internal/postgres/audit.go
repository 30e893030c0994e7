package postgres

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	auditBatch = 256
	auditQueue = 4096
	// auditPatience is how long an answer waits for its row before it is refused.
	auditPatience = time.Second
	// auditPause is between attempts to reach the database.
	auditPause = 50 * time.Millisecond
	auditTick  = time.Second
	// auditAhead is how many months have partitions before they begin.
	auditAhead = 3
)

// AuditWriter writes the audit rows that belong to no write transaction: reads,
// denials, openings and closings of queries. It implements cdr.Auditor. One
// goroutine (Run) owns one connection and writes what has gathered while the
// last transaction was synced, so that one client waits for one sync and many
// share it. A row may be written twice, with the same id, when the connection is
// lost during its commit.
type AuditWriter struct {
	config *pgx.ConnConfig
	queue  chan *auditEntry
	log    *slog.Logger

	mu      sync.Mutex
	failing error // nil: the last attempt reached the database

	// Of Run's goroutine alone.
	conn       *pgx.Conn
	partitions time.Time // when they were made ahead last
}

// auditEntry is what is written together: all of it or nothing.
type auditEntry struct {
	events []cdr.Event
	done   chan error
	// given up: the answer was refused, so nothing was shown and nothing is written.
	given atomic.Bool
}

// NewAuditWriter makes a writer on the application role's direct address, past
// any pooler. Nothing is written before Run runs.
func NewAuditWriter(directDSN string, log *slog.Logger) (*AuditWriter, error) {
	config, err := pgx.ParseConfig(directDSN)
	if err != nil {
		return nil, fault.New(fault.Internal, "database-address", "the database's address is not valid")
	}
	config.ConnectTimeout = or(config.ConnectTimeout, 2*time.Second)
	// A row is durable when Record returns, whatever the server's default.
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["statement_timeout"] = "5000"
	config.RuntimeParams["application_name"] = "quire audit"
	if log == nil {
		log = slog.Default()
	}
	return &AuditWriter{config: config, queue: make(chan *auditEntry, auditQueue), log: log, failing: errors.New("the audit writer has not run yet")}, nil
}

// Record returns when the event is durable. It fails with fault.Unavailable when
// the queue is full or the row was not written within a second; then nothing may
// be answered.
func (w *AuditWriter) Record(ctx context.Context, event cdr.Event) error {
	return w.RecordAll(ctx, event)
}

// RecordAll is Record for several events in one transaction.
func (w *AuditWriter) RecordAll(ctx context.Context, events ...cdr.Event) error {
	entry := &auditEntry{events: slices.Clone(events), done: make(chan error, 1)}
	for i := range entry.events {
		if entry.events[i].ID == "" {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			entry.events[i].ID = id.String()
		}
	}
	select {
	case w.queue <- entry:
	default:
		return auditUnavailable(errors.New("the queue is full"))
	}
	patience := time.NewTimer(auditPatience)
	defer patience.Stop()
	select {
	case err := <-entry.done:
		return err
	case <-patience.C:
		entry.given.Store(true)
		return auditUnavailable(errors.New("not written in time"))
	case <-ctx.Done():
		entry.given.Store(true)
		return fault.New(fault.Timeout, "timeout", "the request ended before its audit row was written").Because(ctx.Err())
	}
}

// Ready is nil when the last attempt to write, or to reach the database, succeeded.
func (w *AuditWriter) Ready(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failing
}

// Run writes until ctx ends, then what is still queued. Stop it after the server.
func (w *AuditWriter) Run(ctx context.Context) error {
	defer w.disconnect()
	tick := time.NewTicker(auditTick)
	defer tick.Stop()
	w.maintain(ctx)
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditPatience)
			defer cancel()
			for len(w.queue) > 0 {
				w.write(last, w.gather(<-w.queue))
			}
			return nil
		case first := <-w.queue:
			w.write(ctx, w.gather(first))
		case <-tick.C:
			w.maintain(ctx)
		}
	}
}

// gather adds what waits already to the first entry.
func (w *AuditWriter) gather(first *auditEntry) []*auditEntry {
	batch := []*auditEntry{first}
	for len(batch) < auditBatch {
		select {
		case e := <-w.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// write tries until the batch is durable or nobody waits for it any more.
func (w *AuditWriter) write(ctx context.Context, batch []*auditEntry) {
	for {
		waiting := batch[:0]
		for _, e := range batch {
			if !e.given.Load() {
				waiting = append(waiting, e)
			}
		}
		if batch = waiting; len(batch) == 0 {
			return
		}
		err := w.send(ctx, batch)
		if err == nil {
			w.note(nil)
			for _, e := range batch {
				e.done <- nil
			}
			return
		}
		if f := fault.Of(translate(ctx, err)); f.Kind == fault.Internal {
			// The server answers and refuses a row: alone it must not fail its neighbours.
			if len(batch) == 1 {
				w.log.Error("an audit row was refused", "cause", redact(err).Error())
				batch[0].done <- fault.Of(redact(err))
				return
			}
			for _, e := range batch {
				w.write(ctx, []*auditEntry{e})
			}
			return
		}
		w.note(err)
		w.disconnect()
		select {
		case <-ctx.Done():
			for _, e := range batch {
				e.done <- auditUnavailable(ctx.Err())
			}
			return
		case <-time.After(auditPause):
		}
	}
}

// auditInsertSQL is one audit row; auditRow gives its arguments. Within a write
// it stands in the transaction of the write.
const auditInsertSQL = `insert into audit_event
    (id, action, outcome, principal, role, org, ehr_id, object, template, query, parameters, purpose, basis, epoch, rows, source, request_id, opening)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`

func auditRow(e cdr.Event) []any {
	id := e.ID
	if id == "" {
		id = uuid.Must(uuid.NewV7()).String()
	}
	var family *int32
	if e.Template != 0 {
		family = &e.Template
	}
	return []any{id, e.Action, e.Outcome, e.Principal, e.Role, e.Org, null(e.EHR), null(e.Object), family, e.QueryHash, e.Parameters,
		null(e.Purpose), null(e.Basis), e.Epoch, e.Rows, null(e.Source), null(e.RequestID), null(e.Opening)}
}

// auditRowsSQL is a batch of rows, column by column as in auditInsertSQL.
const auditRowsSQL = `insert into audit_event
    (id, action, outcome, principal, role, org, ehr_id, object, template, query, parameters, purpose, basis, epoch, rows, source, request_id, opening)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::int[],
    $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::text[], $17::text[], $18::uuid[])`

// auditColumns turns the rows of auditRow round.
func auditColumns(rows [][]any) []any {
	columns := make([]any, len(rows[0]))
	for i := range columns {
		column := make([]any, len(rows))
		for n, row := range rows {
			column[n] = row[i]
		}
		columns[i] = column
	}
	return columns
}

// A later chunk may show an EHR again.
const auditShownSQL = `insert into audit_query_ehr (ehr_id, opening) select distinct e, o from unnest($1::uuid[], $2::uuid[]) s (e, o) on conflict do nothing`

// send writes a batch as one pipeline, which the server runs as one transaction.
func (w *AuditWriter) send(ctx context.Context, batch []*auditEntry) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return err
	}
	var b pgx.Batch
	var rows [][]any
	var shown, openings []string
	for _, entry := range batch {
		for _, e := range entry.events {
			if e.Action != "" {
				rows = append(rows, auditRow(e))
			}
			opening := e.Opening
			if opening == "" {
				opening = e.ID
			}
			for _, ehr := range e.Shown {
				shown, openings = append(shown, ehr), append(openings, opening)
			}
		}
	}
	if len(rows) > 0 {
		b.Queue(auditRowsSQL, auditColumns(rows)...)
	}
	if len(shown) > 0 {
		b.Queue(auditShownSQL, shown, openings)
	}
	if b.Len() == 0 {
		return nil
	}
	return w.conn.SendBatch(ctx, &b).Close()
}

func (w *AuditWriter) connect(ctx context.Context) error {
	if w.conn != nil && !w.conn.IsClosed() {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return err
	}
	w.conn = conn
	return nil
}

func (w *AuditWriter) disconnect() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
	w.conn = nil
}

// maintain reaches for the database while nothing is written, so that Ready
// knows, and makes the partitions of the next months at start and daily.
func (w *AuditWriter) maintain(ctx context.Context) {
	trying, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := w.connect(trying)
	if err == nil && time.Since(w.partitions) > 24*time.Hour {
		if _, err = w.conn.Exec(trying, "select audit_partitions($1)", auditAhead); err == nil {
			w.partitions = time.Now()
		}
	} else if err == nil {
		err = w.conn.Ping(trying)
	}
	if ctx.Err() != nil {
		return
	}
	w.note(err)
	if err != nil {
		w.disconnect()
	}
}

// note keeps the state for Ready and tells of changes.
func (w *AuditWriter) note(err error) {
	if err != nil {
		err = redact(translate(context.Background(), err))
	}
	w.mu.Lock()
	was := w.failing
	w.failing = err
	w.mu.Unlock()
	switch {
	case err != nil && was == nil:
		w.log.Error("the audit cannot be written: answers are refused", "cause", err.Error())
	case err == nil && was != nil:
		w.log.Info("the audit can be written")
	}
}

func auditUnavailable(cause error) error {
	e := fault.New(fault.Unavailable, "audit-unavailable", "the access could not be recorded, so nothing is answered").Because(cause)
	e.RetryAfter = 2 * time.Second
	return e
}

// Direct accesses and the population queries that showed the EHR, newest first.
const whoSawSQL = `select id, at, action, outcome, principal, role, org, coalesce(object, ''), coalesce(purpose, ''), coalesce(basis, ''), coalesce(request_id, ''), population
from (
    (select a.id, a.at, a.action, a.outcome, a.principal, a.role, a.org, a.object, a.purpose, a.basis, a.request_id, false as population
     from audit_event a
     where a.ehr_id = $1 and ($2::timestamptz is null or (a.at, a.id) < ($2, $3::uuid))
     order by a.at desc, a.id desc limit $4)
    union all
    (select a.id, q.at, a.action, a.outcome, a.principal, a.role, a.org, a.object, a.purpose, a.basis, a.request_id, true
     from audit_query_ehr q join audit_event a on a.id = q.opening and a.action = 'E' and a.opening is null
     where q.ehr_id = $1 and ($2::timestamptz is null or (q.at, q.opening) < ($2, $3::uuid))
     order by q.at desc, q.opening desc limit $4)
) seen order by at desc, id desc limit $4`

// WhoSaw lists accesses to an EHR, newest first.
func (a *Access) WhoSaw(ctx context.Context, ehr string, before *cdr.Position, limit int) ([]cdr.Sighting, error) {
	var at *time.Time
	var id *string
	if before != nil {
		at, id = &before.At, &before.ID
	}
	var list []cdr.Sighting
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, whoSawSQL, ehr, at, id, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cdr.Sighting, error) {
			var s cdr.Sighting
			return s, row.Scan(&s.ID, &s.At, &s.Action, &s.Outcome, &s.Principal, &s.Role, &s.Org, &s.Object, &s.Purpose, &s.Basis, &s.RequestID, &s.Population)
		})
		return err
	})
	return list, translate(ctx, err)
}
