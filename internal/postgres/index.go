package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	// Two that promote at once must not pass the limit together.
	lockPromotedSQL = `lock table promoted_path in share row exclusive mode`

	countPromotedSQL = `select count(*) from promoted_path where state in ('building', 'usable') and reason = $1`

	promoteSQL = `insert into promoted_path as p (archetype, path, state, reason) values ($1, $2, 'building', $3)
on conflict (archetype, path) do update set state = 'building', reason = excluded.reason, since = clock_timestamp(),
    fence = null, done = 0, total = 0, arch = 0, ehr_id = null, vo_id = null, ver = null, num = null
where p.state = 'gone'`

	dropPathSQL = `update promoted_path set state = 'dropping', since = clock_timestamp(), fence = null
where archetype = $1 and path = $2 and state in ('building', 'usable')`

	promotedStateSQL = `select state from promoted_path where archetype = $1 and path = $2`

	raisePromotedSQL = `update index_epoch set promoted = promoted + 1`

	listPromotedSQL = `select p.archetype, p.path, p.state, p.reason, p.since, p.done, p.total, p.state in ('building', 'dropping') and (p.fence is null or pg_snapshot_xmin(pg_current_snapshot()) < p.fence)
from promoted_path p where p.state <> 'gone' order by p.archetype, p.path`
)

// Promote begins to promote a path; it is usable once the background build has
// passed all that is stored. A path that is promoted already stays as it is.
// most bounds how many paths may be promoted for the same reason, 0 does not.
func (db *DB) Promote(ctx context.Context, p promote.Path, reason string, most int) (begun bool, err error) {
	err = db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockPromotedSQL); err != nil {
			return err
		}
		var state string
		switch err := tx.QueryRow(ctx, promotedStateSQL, p.Archetype, p.Text).Scan(&state); {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return err
		case state == "dropping":
			return fault.New(fault.Conflict, "index-dropping", "%s of %s is being dropped; promote it again when that is done", p.Text, p.Archetype)
		}
		if reason == promotion.ByStoredQuery && state != "" {
			// Who dropped it meant it.
			return nil
		}
		if most > 0 {
			var n int
			if err := tx.QueryRow(ctx, countPromotedSQL, reason).Scan(&n); err != nil || n >= most {
				return err
			}
		}
		done, err := tx.Exec(ctx, promoteSQL, p.Archetype, p.Text, reason)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		begun = true
		_, err = tx.Exec(ctx, raisePromotedSQL)
		return err
	})
	if begun && err == nil {
		db.kick()
	}
	return begun, translate(ctx, err)
}

// DropPath ends the use of a promoted path at once; its rows are deleted behind.
func (db *DB) DropPath(ctx context.Context, p promote.Path) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, dropPathSQL, p.Archetype, p.Text)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "index-unknown", "%s of %s is not promoted", p.Text, p.Archetype)
		}
		_, err = tx.Exec(ctx, raisePromotedSQL)
		return err
	})
	if err == nil {
		db.kick()
	}
	return translate(ctx, err)
}

// Promoted lists the promoted paths.
func (db *DB) Promoted(ctx context.Context) (list []promotion.Path, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, listPromotedSQL)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p promotion.Path, err error) {
			return p, r.Scan(&p.Archetype, &p.Path, &p.State, &p.Reason, &p.Since, &p.Done, &p.Total, &p.Waiting)
		})
		return err
	})
	return list, translate(ctx, err)
}

const (
	knownArchetypesSQL = `select a.archetype_id from arch a order by 1`

	// Where values may stand in rows of an archetype.
	knownObjectsSQL = `select distinct i.path, i.class from shape_item i join shape s on s.id = i.shape join arch a on a.id = s.arch where a.archetype_id = $1 order by 1`
)

// Archetypes lists the archetypes that stored data have.
func (db *DB) ArchetypesInData(ctx context.Context) (list []string, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, knownArchetypesSQL)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return list, translate(ctx, err)
}

// ObjectsInData lists the objects that rows of an archetype hold, by their path
// within it, "" being the root.
func (db *DB) ObjectsInData(ctx context.Context, archetype string) (list []promotion.Object, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, knownObjectsSQL, archetype)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (o promotion.Object, err error) {
			return o, r.Scan(&o.Path, &o.Class)
		})
		return err
	})
	return list, translate(ctx, err)
}

// kick wakes the builder of this process.
func (db *DB) kick() {
	select {
	case db.wake <- struct{}{}:
	default:
	}
}

// How long the builder sleeps where there is nothing to do, and where it waits
// for older transactions.
const (
	buildPause = 2 * time.Second
	fencePause = 50 * time.Millisecond
)

// RunIndex builds and drops promoted paths until ctx ends. Several processes may
// run it: a path is worked on by one at a time, and goes on where it was left.
// failed hears of errors, which are tried again.
func (db *DB) RunIndex(ctx context.Context, failed func(error)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-db.wake:
		}
		pause, err := db.indexStep(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
			pause = buildPause
		}
		timer.Reset(pause)
	}
}

// BuildIndex works on promoted paths until there is nothing left to do.
// progress may be nil.
func (db *DB) BuildIndex(ctx context.Context, progress func()) error {
	for {
		pause, err := db.indexStep(ctx)
		if err != nil {
			return err
		}
		if pause >= buildPause {
			return nil
		}
		if progress != nil {
			progress()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

const takePathSQL = `select p.id, p.archetype, p.path, p.state, p.arch, coalesce(p.ehr_id::text, '` + nilUUID + `'), coalesce(p.vo_id::text, '` + nilUUID + `'), coalesce(p.ver, 0), coalesce(p.num, -1),
    p.fence is null, coalesce(pg_snapshot_xmin(pg_current_snapshot()) < p.fence, false)
from promoted_path p where p.state in ('building', 'dropping') order by p.since, p.id limit 1 for update skip locked`

// job is a path the builder works on.
type job struct {
	id                     int32
	archetype, text, state string
	// The last node that was built.
	arch        int32
	ehr, object string
	ver, num    int32
	// new says that it has no fence yet, waiting that older transactions run.
	new, waiting bool
}

// indexStep does a piece of work in one transaction and says how long to wait
// before the next.
func (db *DB) indexStep(ctx context.Context) (pause time.Duration, err error) {
	pause = buildPause
	err = db.inTransaction(ctx, db.work, access.System(), access.Write, func(tx pgx.Tx) error {
		var j job
		err := tx.QueryRow(ctx, takePathSQL).Scan(&j.id, &j.archetype, &j.text, &j.state, &j.arch, &j.ehr, &j.object, &j.ver, &j.num, &j.new, &j.waiting)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil:
			return err
		case j.waiting:
			pause = fencePause
			return nil
		}
		pause = 0
		switch {
		case j.new:
			return db.fencePath(ctx, tx, j)
		case j.state == "dropping":
			return dropLeaves(ctx, tx, j)
		}
		return buildLeaves(ctx, tx, j)
	})
	if transient(err) {
		return fencePause, nil
	}
	return pause, translate(ctx, err)
}

const (
	fencePathSQL = `update promoted_path set fence = pg_snapshot_xmax(pg_current_snapshot()), total = $2, done = 0 where id = $1`

	countNodesSQL = `select count(*) from %s where n.arch = any ($1::int[]) and not n.draft`
	countLeafSQL  = `select count(*) from %s where l.path = $1`
)

// fencePath notes which transactions may not know of the path yet, and how much
// there is to do. It runs after the state was committed.
func (db *DB) fencePath(ctx context.Context, tx pgx.Tx, j job) error {
	var total int
	if j.state == "dropping" {
		if err := tx.QueryRow(ctx, fmt.Sprintf(countLeafSQL, everything(access.Leaf, "l")), j.id).Scan(&total); err != nil {
			return err
		}
	} else {
		archs, _, err := archetypesOf(ctx, tx, j)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, fmt.Sprintf(countNodesSQL, everything(access.Node, "n")), archs).Scan(&total); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, fencePathSQL, j.id, total)
	return err
}

// archetypesOf are the archetypes whose rows have the path, in rising order.
func archetypesOf(ctx context.Context, tx pgx.Tx, j job) (ids []int32, names []string, err error) {
	p, err := promote.Parse(j.archetype, j.text)
	if err != nil {
		return nil, nil, err
	}
	rows, err := tx.Query(ctx, `select a.id, a.archetype_id from arch a order by a.id`)
	if err != nil {
		return nil, nil, err
	}
	var id int32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		if p.Of(name) {
			ids, names = append(ids, id), append(names, name)
		}
		return nil
	})
	return ids, names, err
}
