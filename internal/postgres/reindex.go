package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

// reindexChunk is how many versions one transaction of a rebuild holds; their
// rows are locked, so writers of them wait that long.
const reindexChunk = 32

// nilUUID stands before every key.
const nilUUID = "00000000-0000-0000-0000-000000000000"

// The versions that have rows, in the order of their key. Verify reads, Reindex
// also locks: a commit that would supersede one waits, and one that has done so
// already takes it out of the answer.
const indexedSQL = `select v.ehr_id, v.vo_id, v.ver, v.template, v.tmpl, v.sens, not v.is_effective, v.doc
from %s where (v.is_latest or v.is_effective) and v.doc is not null and (v.ehr_id, v.vo_id, v.ver) > ($1, $2, $3)
order by v.ehr_id, v.vo_id, v.ver limit $4`

const indexedCountSQL = `select count(*) from %s where (v.is_latest or v.is_effective) and v.doc is not null`

const (
	deleteVersionNodesSQL = `delete from node where ehr_id = $1 and vo_id = $2 and ver = $3`

	// Rows of versions that should have none.
	deleteOrphansSQL = `delete from node n where not exists (select 1 from %s
where v.ehr_id = n.ehr_id and v.vo_id = n.vo_id and v.ver = n.ver and (v.is_latest or v.is_effective) and v.doc is not null)`

	countOrphansSQL = `select count(*) from %s where not exists (select 1 from %s
where v.ehr_id = n.ehr_id and v.vo_id = n.vo_id and v.ver = n.ver and (v.is_latest or v.is_effective) and v.doc is not null)`
)

// indexed is a version that has rows.
type indexed struct {
	ehr, object    string
	ver            int32
	template, tmpl int32
	sens           int64
	draft          bool
	doc            []byte
}

func scanIndexed(r pgx.CollectableRow) (v indexed, err error) {
	err = r.Scan(&v.ehr, &v.object, &v.ver, &v.template, &v.tmpl, &v.sens, &v.draft, &v.doc)
	return v, err
}

// Reindex rebuilds the rows that AQL reads from the documents, beside running
// commits. progress may be nil; it hears how many of how many are done.
func (db *DB) Reindex(ctx context.Context, progress func(done, total int)) error {
	terms, err := db.terms(ctx)
	if err != nil {
		return err
	}
	total, err := db.indexedCount(ctx)
	if err != nil {
		return err
	}
	last := indexed{ehr: nilUUID, object: nilUUID}
	for done := 0; ; {
		n, before := 0, last
		err := db.inTransaction(ctx, db.work, access.System(), access.Write, func(tx pgx.Tx) error {
			list, err := readIndexed(ctx, tx, last, " for update")
			if err != nil || len(list) == 0 {
				return err
			}
			n, last = len(list), list[len(list)-1]
			return db.rebuild(ctx, tx, list, terms)
		})
		if refusal(err) == "epoch" {
			// Promoted paths changed: the chunk is cut again.
			if err := db.reloadEpoch(ctx); err != nil {
				return err
			}
			last = before
			continue
		}
		if err != nil {
			return translate(ctx, err)
		}
		if n == 0 {
			break
		}
		if done += n; progress != nil {
			progress(done, max(total, done))
		}
	}
	err = db.inTransaction(ctx, db.work, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(deleteOrphansSQL, everything(access.Version, "v"))); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(deleteLeafOrphansSQL, everything(access.Version, "v")))
		return err
	})
	return translate(ctx, err)
}

func readIndexed(ctx context.Context, tx pgx.Tx, after indexed, lock string) ([]indexed, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf(indexedSQL, everything(access.Version, "v"))+lock, after.ehr, after.object, after.ver, reindexChunk)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanIndexed)
}

const startKeySQL = `update version set start_key = $4::text::numeric where ehr_id = $1 and vo_id = $2 and ver = $3
    and start_key is distinct from $4::text::numeric`

// rebuild replaces the rows of a chunk of versions, and what they are ordered by.
func (db *DB) rebuild(ctx context.Context, tx pgx.Tx, list []indexed, terms map[int32]*cdr.Template) error {
	want := dictionary.NewWanted()
	cuts, starts := make([][]row.Row, len(list)), make([]*string, len(list))
	for i, v := range list {
		t, err := canon.ReadStored(v.doc)
		if err != nil {
			return err
		}
		cuts[i] = db.cut(t, terms[v.template])
		want.Rows(cuts[i])
		starts[i] = startKey(t, db.zone)
	}
	ids, err := db.intern(ctx, want)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(fencePromotedSQL, ids.Promoted)
	for i, v := range list {
		b.Queue(startKeySQL, v.ehr, v.object, v.ver, starts[i])
		b.Queue(deleteVersionNodesSQL, v.ehr, v.object, v.ver)
		b.Queue(deleteVersionLeavesSQL, v.ehr, v.object, v.ver)
		b.Queue(nodesStatement, append([]any{v.ehr, v.object, v.ver}, columns(cuts[i], ids).args()...)...)
		queueLeaves(b, v.ehr, v.object, v.ver, cuts[i], ids)
	}
	return tx.SendBatch(ctx, b).Close()
}

// terms compiles every template a version may have been cut by.
func (db *DB) terms(ctx context.Context) (map[int32]*cdr.Template, error) {
	all := map[int32]*cdr.Template{}
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, templateRowsSQL)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (cdr.StoredTemplate, error) {
			var t cdr.StoredTemplate
			return t, scanTemplate(r, &t.TemplateInfo, &t.OPT)
		})
		if err != nil {
			return err
		}
		for _, stored := range list {
			t, err := cdr.CompileTemplate(stored)
			if err != nil {
				return err
			}
			all[stored.Row] = t
		}
		return nil
	})
	return all, translate(ctx, err)
}

func (db *DB) indexedCount(ctx context.Context) (int, error) {
	var n int
	err := db.inTransaction(ctx, db.work, access.System(), access.Read, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(indexedCountSQL, everything(access.Version, "v"))).Scan(&n)
	})
	return n, translate(ctx, err)
}

// Difference is a version whose rows are not what its document gives; nothing
// of its content is told.
type Difference struct {
	EHR, Object string
	Version     int
	// Rows is how many rows differ, are missing, or are too many.
	Rows int
}

// Verification is the outcome of Verify.
type Verification struct {
	// Versions and Rows were compared.
	Versions, Rows int
	// Different versions, at most 1,000; Differences counts all.
	Different   []Difference
	Differences int
	// Orphans are rows of versions that should have none.
	Orphans int
}

// Sound says whether the rows are exactly what the documents give.
func (v Verification) Sound() bool { return v.Differences == 0 && v.Orphans == 0 }

// A row is compared by the names behind its ids, so that verifying allocates
// none. The wide shape stands for any shape of its archetype.
const compareSQL = `select count(*)
from unnest($7::int[], $8::int[], $9::int[], $10::smallint[], $11::text[], $12::bytea[], $13::text[])
       as c (num, num_cap, parent, class, archetype, hash, data)
full join (select n.*, a.archetype_id, s.hash, s.wide from %s join arch a on a.id = n.arch join shape s on s.id = n.shape and s.arch = n.arch
           where n.ehr_id = $1 and n.vo_id = $2 and n.ver = $3) n on n.num = c.num
where (n.num_cap, n.parent, n.class, n.archetype_id, n.data, n.tmpl, n.sens, n.draft)
      is distinct from (c.num_cap, c.parent, c.class, c.archetype, c.data::jsonb, $4::int, $5::bigint, $6::boolean)
   or not (n.wide or n.hash = c.hash)`

// Verify compares the rows that AQL reads with the documents, chunk by chunk.
func (db *DB) Verify(ctx context.Context, progress func(done, total int)) (Verification, error) {
	var result Verification
	terms, err := db.terms(ctx)
	if err != nil {
		return result, err
	}
	total, err := db.indexedCount(ctx)
	if err != nil {
		return result, err
	}
	last := indexed{ehr: nilUUID, object: nilUUID}
	for {
		n := 0
		// Versions and rows must be of one moment, without holding up writers.
		err := db.inSnapshot(ctx, db.work, access.System(), func(tx pgx.Tx) error {
			list, err := readIndexed(ctx, tx, last, "")
			if err != nil || len(list) == 0 {
				return err
			}
			n, last = len(list), list[len(list)-1]
			promoted, err := promotedArgs(ctx, tx)
			if err != nil {
				return err
			}
			for _, v := range list {
				if err := result.compare(ctx, tx, v, terms, db.zone, promoted); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return result, translate(ctx, err)
		}
		if n == 0 {
			break
		}
		if progress != nil {
			progress(result.Versions, max(total, result.Versions))
		}
	}
	err = db.inTransaction(ctx, db.work, access.System(), access.Read, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, fmt.Sprintf(countOrphansSQL, everything(access.Node, "n"), everything(access.Version, "v"))).Scan(&result.Orphans); err != nil {
			return err
		}
		var leaves int
		err := tx.QueryRow(ctx, fmt.Sprintf(countLeafOrphansSQL, everything(access.Leaf, "l"), everything(access.Version, "v"))).Scan(&leaves)
		result.Orphans += leaves
		return err
	})
	return result, translate(ctx, err)
}

func (r *Verification) compare(ctx context.Context, tx pgx.Tx, v indexed, terms map[int32]*cdr.Template, zone *time.Location, promoted []any) error {
	t, err := canon.ReadStored(v.doc)
	if err != nil {
		return err
	}
	cut := row.CutIn(zone, t, names(terms[v.template]))
	columns := columns(cut, dictionary.IDs{})
	archetypes, hashes := make([]string, len(cut)), make([][]byte, len(cut))
	for i := range cut {
		archetypes[i], hashes[i] = cut[i].Archetype, cut[i].Shape.Hash[:]
	}
	var different int
	err = tx.QueryRow(ctx, fmt.Sprintf(compareSQL, everything(access.Node, "n")), v.ehr, v.object, v.ver, v.tmpl, v.sens, v.draft,
		columns.num, columns.upto, columns.parent, columns.class, archetypes, hashes, columns.data).Scan(&different)
	if err != nil {
		return err
	}
	if len(promoted) > 0 {
		var leaves int
		if err := tx.QueryRow(ctx, compareLeavesSQL, append(promoted[:5:5], v.ehr, v.object, v.ver, promoted[5])...).Scan(&leaves); err != nil {
			return err
		}
		different += leaves
	}
	r.Versions++
	r.Rows += len(cut)
	if different > 0 {
		r.Differences++
		if len(r.Different) < 1000 {
			r.Different = append(r.Different, Difference{EHR: v.ehr, Object: v.object, Version: int(v.ver), Rows: different})
		}
	}
	return nil
}
