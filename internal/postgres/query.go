package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/sqlgen"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// A query is sent as one pipelined batch: transaction, settings, epoch, rows.
const (
	beginSnapshotSQL = `begin isolation level repeatable read read only`
	endSQL           = `rollback`
	epochSQL         = `select dictionary + (promoted << 32) from index_epoch`

	// How a query is planned. The planner takes a list of JSON for a hundred items
	// and so one EHR for a million rows: it would read everything with several
	// workers instead of the rows of the EHR. Remembering results by a key that is
	// JSON costs more than making them again.
	planningSQL = settingsSQL + `,
       set_config('enable_memoize', 'off', true),
       set_config('max_parallel_workers_per_gather', coalesce($6::text, current_setting('max_parallel_workers_per_gather')), true),
       set_config('plan_cache_mode', coalesce($7::text, current_setting('plan_cache_mode')), true),
       set_config('enable_sort', $8, true), set_config('enable_seqscan', $8, true),
       set_config('enable_hashjoin', $8, true), set_config('enable_mergejoin', $8, true),
       set_config('join_collapse_limit', $9, true), set_config('from_collapse_limit', $9, true),
       set_config('enable_nestloop', $10, true)`
)

// planning gives the arguments of planningSQL. All relations of a query about
// one EHR begin with its id, so that one plan is good for every EHR and need not
// be made anew each time.
func planning(ctx context.Context, p *access.Profile, action access.Action, s *sqlgen.Statement) []any {
	args := append(p.Settings(action), statementTimeout(ctx))
	switch {
	case s.Ordered:
		// Row by row from the index, each of the others by its key, joined in the
		// order they are written in: one plan is good for all values.
		return append(args, "0", "force_generic_plan", "off", "1", "on")
	case action == access.Read:
		return append(args, "0", "force_generic_plan", "on", "8", "on")
	case s.Whole:
		// The columns of a key are taken for independent, and so joins for a row or two.
		return append(args, nil, nil, "on", "8", "off")
	}
	return append(args, nil, nil, "on", "8", "on")
}

// The dictionary as plans need it: archetypes, which classes their roots have,
// and the codes of what stands inside rows.
const (
	planArchetypesSQL = `select id, archetype_id from arch`
	planRootsSQL      = `select distinct i.class, s.arch from shape s join shape_item i on i.shape = s.id where i.path = ''`
	planInnerSQL      = `select distinct i.class, i.code from shape_item i where i.path <> ''`
	planNarrowerSQL   = `select distinct s.arch, i.code from shape s join shape_item i on i.shape = s.id where i.path <> '' and i.code like '%.%'`
)

// maxReplans is how often a query is planned anew because the dictionary grew
// meanwhile.
const maxReplans = 5

// errStale says that the dictionary is not the plan's.
var errStale = errors.New("postgres: the dictionary has changed")

// Query plans and runs a query and hands over its rows. The dictionary's epoch
// is read in the query's own snapshot: where it is not the plan's, the query is
// planned again before anything has been handed over. A stale dictionary would
// lose rows without a word (DESIGN section 3).
func (db *DB) Query(ctx context.Context, q cdr.StoreQuery, rows cdr.QueryRows) error {
	q.Options.Zone = db.zone
	if err := plan.Window(q.Query, q.Options); err != nil {
		return err
	}
	if onDocuments(q.Query, q.Profile.All) {
		return db.whole(ctx, q, rows)
	}
	for range maxReplans {
		dict, err := db.planDictionary(ctx)
		if err != nil {
			return err
		}
		p, statement, err := db.plans.planned(q, dict)
		if notInSQL(err) {
			return db.whole(ctx, q, rows)
		}
		if err != nil {
			return err
		}
		err = db.with(ctx, db.query, db.queryWait, func(conn *pgx.Conn) error {
			begun := time.Now()
			defer func() { db.slow.note(q, p, time.Since(begun)) }()
			err := db.runQuery(ctx, conn, q, actionOf(p), p.Epoch, statement, rows)
			if errors.Is(err, errTooFew) {
				err = db.runQuery(ctx, conn, q, actionOf(p), p.Epoch, statement.Otherwise, rows)
			}
			return err
		})
		if !errors.Is(err, errStale) {
			return translate(ctx, err)
		}
		db.snapshot.CompareAndSwap(dict, nil)
	}
	return fault.New(fault.Unavailable, "dictionary-moving", "the data change faster than the query can be planned; try again")
}

// whole runs a query on documents, which has no order to page by.
func (db *DB) whole(ctx context.Context, q cdr.StoreQuery, rows cdr.QueryRows) error {
	if q.Page != nil {
		return fault.New(fault.Invalid, "query-cursor", "this query is answered from documents and has no pages by cursor; ask for it by fetch and offset")
	}
	return db.history(ctx, q, rows)
}

// planned gives the plan and the statement of a query for its profile.
func planned(q cdr.StoreQuery, dict *plan.Dictionary) (*plan.Plan, *sqlgen.Statement, error) {
	opts := q.Options
	opts.Dictionary = dict
	p, err := plan.Build(q.Query, opts)
	if err != nil {
		return nil, nil, err
	}
	if p.EHR == "" && !q.Profile.MayQueryPopulation() {
		return nil, nil, populationRefused()
	}
	s, err := sqlgen.GeneratePage(p, q.Profile, q.Page)
	return p, s, err
}

func actionOf(p *plan.Plan) access.Action {
	if p.EHR != "" {
		return access.Read
	}
	return access.Query
}

func populationRefused() error {
	return fault.New(fault.Forbidden, "population", "a query that is not about one EHR needs the right to query a population")
}

// workMemorySQL bounds what a step of the plan takes before it uses disk.
const workMemorySQL = `select set_config('work_mem', $1, true)`

func (db *DB) runQuery(ctx context.Context, conn *pgx.Conn, q cdr.StoreQuery, action access.Action, epoch int64, s *sqlgen.Statement, rows cdr.QueryRows) (err error) {
	// Rows nobody takes any more must not be read to their end.
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	b := &pgx.Batch{}
	b.Queue(beginSnapshotSQL)
	b.Queue(planningSQL, planning(ctx, q.Profile, action, s)...)
	settings := 2
	if q.WorkMemory > 0 {
		b.Queue(workMemorySQL, strconv.FormatInt(q.WorkMemory>>10, 10)+"kB")
		settings++
	}
	b.Queue(epochSQL)
	b.Queue(s.SQL, s.Args...)
	// Nothing was written; ending the transaction gives the connection back.
	b.Queue(endSQL)
	results := conn.SendBatch(ctx, b)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
		if conn.PgConn().TxStatus() == 'I' {
			return
		}
		if _, end := conn.Exec(ctx, endSQL); err == nil {
			err = end
		}
	}()
	for range settings {
		if _, err = results.Exec(); err != nil {
			return err
		}
	}
	var now int64
	if err = results.QueryRow().Scan(&now); err != nil {
		return err
	}
	if now != epoch {
		return errStale
	}
	found, err := results.Query()
	if err != nil {
		return err
	}
	defer found.Close()
	if s.Otherwise != nil {
		first, err := held(found)
		switch {
		case err != nil:
			return err
		case int64(len(first.rows)) < s.Enough:
			return errTooFew
		}
		return handOver(q, s, first, rows, leave)
	}
	return handOver(q, s, found, rows, leave)
}

// rawRows are the rows of an answer as they come.
type rawRows interface {
	Next() bool
	RawValues() [][]byte
	Close()
	Err() error
}

// handOver reads the rows and gives them on.
func handOver(q cdr.StoreQuery, s *sqlgen.Statement, found rawRows, rows cdr.QueryRows, leave func()) error {
	if err := rows.Begin(); err != nil {
		return err
	}
	reader := sqlgen.NewReader(s)
	for found.Next() {
		cells, ehr, keep, done, err := reader.Row(found.RawValues())
		if err != nil {
			return err
		}
		if done {
			break
		}
		if !keep {
			continue
		}
		reader.Units(found.RawValues(), rows.Units)
		if q.Key != nil {
			q.Key(reader.Key(found.RawValues()))
		}
		if err := rows.Row(cells, ehr); err != nil {
			leave()
			return err
		}
	}
	found.Close()
	return found.Err()
}

// errTooFew says that the first statement of two does not give the whole answer.
var errTooFew = errors.New("postgres: too few rows have a value to sort by")

// heldRows are rows kept until it is known that there are enough of them.
type heldRows struct {
	rows [][][]byte
	at   int
}

// held takes all rows; there are no more than a page of them.
func held(found pgx.Rows) (*heldRows, error) {
	h := &heldRows{}
	for found.Next() {
		row := slices.Clone(found.RawValues())
		for i := range row {
			row[i] = bytes.Clone(row[i])
		}
		h.rows = append(h.rows, row)
	}
	found.Close()
	return h, found.Err()
}

func (h *heldRows) Next() bool          { h.at++; return h.at <= len(h.rows) }
func (h *heldRows) RawValues() [][]byte { return h.rows[h.at-1] }
func (h *heldRows) Close()              {}
func (h *heldRows) Err() error          { return nil }

// planDictionary gives the cached snapshot, or reads one.
func (db *DB) planDictionary(ctx context.Context) (*plan.Dictionary, error) {
	if d := db.snapshot.Load(); d != nil {
		return d, nil
	}
	d := &plan.Dictionary{Archetypes: map[string]int32{}, Roots: map[rminfo.Class][]int32{}, Inner: map[rminfo.Class]map[string]bool{},
		Promoted: map[string][]plan.Promoted{}, Narrower: map[int32][]string{}}
	err := db.with(ctx, db.query, db.queryWait, func(conn *pgx.Conn) error {
		// One snapshot, so that the epoch is that of what is read.
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return readDictionary(ctx, tx, d)
		})
	})
	if err != nil {
		return nil, translate(ctx, err)
	}
	db.snapshot.Store(d)
	return d, nil
}

// freshDictionary gives the snapshot of this moment, for who does not learn from
// running a query that the cached one is stale.
func (db *DB) freshDictionary(ctx context.Context) (*plan.Dictionary, error) {
	d, err := db.planDictionary(ctx)
	if err != nil {
		return nil, err
	}
	var epoch int64
	err = db.with(ctx, db.query, db.queryWait, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, epochSQL).Scan(&epoch) })
	if err != nil {
		return nil, translate(ctx, err)
	}
	if epoch == d.Epoch {
		return d, nil
	}
	db.snapshot.CompareAndSwap(d, nil)
	return db.planDictionary(ctx)
}

func readDictionary(ctx context.Context, tx pgx.Tx, d *plan.Dictionary) error {
	if err := tx.QueryRow(ctx, epochSQL).Scan(&d.Epoch); err != nil {
		return err
	}
	var id int32
	var class int16
	var text string
	for _, read := range []struct {
		sql  string
		into []any
		each func()
	}{
		{planArchetypesSQL, []any{&id, &text}, func() { d.Archetypes[text] = id }},
		{planRootsSQL, []any{&class, &id}, func() {
			d.Roots[rminfo.Class(class)] = append(d.Roots[rminfo.Class(class)], id)
		}},
		{planInnerSQL, []any{&class, &text}, func() {
			c := rminfo.Class(class)
			if d.Inner[c] == nil {
				d.Inner[c] = map[string]bool{}
			}
			d.Inner[c][text] = true
		}},
		{planNarrowerSQL, []any{&id, &text}, func() { d.Narrower[id] = append(d.Narrower[id], text) }},
	} {
		rows, err := tx.Query(ctx, read.sql)
		if err != nil {
			return err
		}
		if _, err := pgx.ForEachRow(rows, read.into, func() error { read.each(); return nil }); err != nil {
			return err
		}
	}
	_, promoted, err := readPromoted(ctx, tx, usable)
	for _, p := range promoted {
		found := plan.Promoted{ID: p.ID, Path: p.Path}
		for name, id := range d.Archetypes {
			if p.Of(name) {
				found.Archetypes = append(found.Archetypes, id)
			}
		}
		d.Promoted[p.Text] = append(d.Promoted[p.Text], found)
	}
	return err
}
