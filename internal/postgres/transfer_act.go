package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// together sends commits to one or more records as one pipeline, so that all of
// them happen or none. before and beside queue what belongs to the act: before
// the commits change anything, and after. A race that was lost is run again.
func (db *DB) together(ctx context.Context, commits []cdr.Commit, before, beside func(*pgx.Batch)) error {
	want := dictionary.NewWanted()
	cuts := make([][][]row.Row, len(commits))
	for n, c := range commits {
		want.System(c.SystemID)
		cuts[n] = make([][]row.Row, len(c.Versions))
		for i, v := range c.Versions {
			if v.Tree != nil {
				cuts[n][i] = db.cut(v.Tree, v.Template)
				want.Rows(cuts[n][i])
			}
		}
	}
	for attempt := 1; ; attempt++ {
		ids, err := db.intern(ctx, want)
		if err != nil {
			return err
		}
		all := &pgx.Batch{}
		begin(ctx, all, access.System(), access.Write)
		before(all)
		for n, c := range commits {
			all.QueuedQueries = append(all.QueuedQueries, compose(ctx, c, cuts[n], ids).QueuedQueries...)
		}
		beside(all)
		err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error { return conn.SendBatch(ctx, all).Close() })
		if err == nil {
			return nil
		}
		// The contribution of one of them is there only if all of it is.
		if broke(err) {
			if _, found := db.resolve(commits[0]); found {
				return nil
			}
		}
		if reason := refusal(err); strings.HasPrefix(reason, "act-") {
			return actRefused(reason)
		}
		if again, _, final := db.failed(ctx, commits[0], err); !again || attempt == maxAttempts {
			return final
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func actRefused(reason string) error {
	switch reason {
	case "act-merged":
		return fault.New(fault.Conflict, "merged-already", "one of the records is merged into another already; undo that first")
	case "act-moved":
		return fault.New(fault.Conflict, "moved-already", "the composition was moved or brought back meanwhile")
	}
	return fault.New(fault.NotFound, "merge-unknown", "the records are not merged")
}

const (
	// A record is merged into one other at most, and what others were merged into
	// is not closed.
	freeToMergeSQL = `select refuse('act-merged') from ehr_link l where l.ended is null
    and (l.ehr_id = $1 and l.kind in ('merged', 'merged-into') or l.ehr_id = $2 and l.kind = 'merged-into') limit 1`

	linkSQL = `insert into ehr_link (ehr_id, id, other, kind, reason, linked_by)
values ($1, $3, $2, 'merged-into', $4, $5), ($2, $3, $1, 'merged', $4, $5)`

	unlinkSQL = `with gone as (update ehr_link set ended = clock_timestamp(), ended_by = $4
    where ehr_id in ($1, $2) and id = $3 and ended is null returning 1)
select refuse('act-unlinked') where (select count(*) from gone) <> 2`

	linksSQL = `select id::text, other::text, kind = 'merged-into', reason, linked_by, linked from ehr_link
where ehr_id = $1 and ended is null order by linked`
)

// Merge closes the source and links the records.
func (db *DB) Merge(ctx context.Context, c cdr.Commit, l transfer.Link) error {
	return db.together(ctx, []cdr.Commit{c}, func(b *pgx.Batch) {
		b.Queue(freeToMergeSQL, l.Source, l.Target)
	}, func(b *pgx.Batch) {
		b.Queue(linkSQL, l.Source, l.Target, l.ID, l.Reason, l.By)
		b.Queue(auditInsertSQL, auditRow(l.Event)...)
	})
}

// Unmerge opens the source again and ends the link.
func (db *DB) Unmerge(ctx context.Context, c cdr.Commit, l transfer.Link) error {
	return db.together(ctx, []cdr.Commit{c}, func(b *pgx.Batch) {
		b.Queue(unlinkSQL, l.Source, l.Target, l.ID, l.By)
	}, func(b *pgx.Batch) {
		b.Queue(auditInsertSQL, auditRow(l.Event)...)
	})
}

// Links lists the live links of an EHR.
func (db *DB) Links(ctx context.Context, ehr string) ([]transfer.Link, error) {
	var list []transfer.Link
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, linksSQL, ehr)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (transfer.Link, error) {
			var l transfer.Link
			var other string
			err := r.Scan(&l.ID, &other, &l.Into, &l.Reason, &l.By, &l.At)
			if l.Target, l.Source = ehr, other; l.Into {
				l.Target, l.Source = other, ehr
			}
			return l, err
		})
		return err
	})
	return list, translate(ctx, err)
}

const persistentSQL = `select f.template_id, f.id, v.vo_id::text, s.system_id, v.ver from %s join system s on s.id = v.system
join template_family f on f.id = v.tmpl
where v.ehr_id = $1 and v.kind = 1 and v.is_latest and v.lifecycle <> 523
  and v.doc::json #>> '{category,defining_code,code_string}' = '431' order by f.template_id, v.vo_id`

// Persistent lists the persistent compositions that live in an EHR.
func (db *DB) Persistent(ctx context.Context, ehr string) ([]transfer.Living, error) {
	var list []transfer.Living
	err := db.inTransaction(ctx, db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(persistentSQL, everything(access.Version, "v")), ehr)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (transfer.Living, error) {
			var l transfer.Living
			var uid cdr.VersionUID
			err := r.Scan(&l.Template, &l.Family, &uid.Object, &uid.System, &uid.Number)
			l.VersionUID = uid.String()
			return l, err
		})
		return err
	})
	return list, translate(ctx, err)
}

const (
	sealSQL = `update version v set sens = v.sens | l.bits, labels = array(select n from unnest(v.labels || 'misfiled'::text) n group by n order by n)
from (select 1::bigint << bit as bits from sensitivity_label where name = 'misfiled') l
where v.ehr_id = $1 and v.vo_id = $2`

	unsealSQL = `update version v set sens = v.sens & ~l.bits, labels = array_remove(v.labels, 'misfiled')
from (select 1::bigint << bit as bits from sensitivity_label where name = 'misfiled') l
where v.ehr_id = $1 and v.vo_id = $2`

	moveSQL = `insert into composition_move (ehr_id, id, vo_id, outward, other, other_vo, version_uid, reason, moved_by)
values ($1, $5, $2, true, $3, $4, $6, $8, $9), ($3, $5, $4, false, $1, $2, $7, $8, $9)`

	unmoveSQL = `with back as (update composition_move set undone = clock_timestamp(), undone_by = $4
    where ehr_id in ($1, $2) and id = $3 and undone is null returning 1)
select refuse('act-moved') where (select count(*) from back) <> 2`

	movedSQL = `select o.id::text, o.ehr_id::text, o.vo_id::text, o.other::text, o.other_vo::text, o.version_uid, i.version_uid, o.reason, o.moved_by, o.moved
from composition_move o join composition_move i on i.ehr_id = o.other and i.id = o.id
where o.ehr_id = $1 and o.vo_id = $2 and o.outward and o.undone is null`
)

// Move deletes and seals a composition here and makes it there.
func (db *DB) Move(ctx context.Context, from, to cdr.Commit, m transfer.Move) error {
	return db.together(ctx, []cdr.Commit{from, to}, func(b *pgx.Batch) {
		b.Queue(sealSQL, m.From, m.Object)
	}, func(b *pgx.Batch) {
		b.Queue(moveSQL, m.From, m.Object, m.To, m.NewObject, m.ID, m.Was, m.Made, m.Reason, m.By)
	})
}

// Unmove brings a composition back: it is opened here, and deleted and sealed
// there.
func (db *DB) Unmove(ctx context.Context, from, to cdr.Commit, m transfer.Move) error {
	return db.together(ctx, []cdr.Commit{from, to}, func(b *pgx.Batch) {
		b.Queue(unmoveSQL, m.From, m.To, m.ID, m.By)
		b.Queue(unsealSQL, m.From, m.Object)
		b.Queue(sealSQL, m.To, m.NewObject)
	}, func(*pgx.Batch) {})
}

// Moved finds the live move of an object out of an EHR.
func (db *DB) Moved(ctx context.Context, ehr, object string) (transfer.Move, error) {
	var m transfer.Move
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, movedSQL, ehr, object).Scan(&m.ID, &m.From, &m.Object, &m.To, &m.NewObject, &m.Was, &m.Made, &m.Reason, &m.By, &m.At)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return m, fault.New(fault.NotFound, "move-unknown", "the composition was not moved out of this record")
	}
	return m, translate(ctx, err)
}

const versionLabelsSQL = `select v.labels from %s where v.ehr_id = $1 and v.vo_id = $2 and v.ver = $3`

// VersionLabels gives the sensitivity labels of a version.
func (db *DB) VersionLabels(ctx context.Context, v cdr.Version) (labels []string, err error) {
	err = db.inTransaction(ctx, db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(versionLabelsSQL, everything(access.Version, "v")), v.EHR, v.Object, v.Number).Scan(&labels)
	})
	return labels, translate(ctx, err)
}
