package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// How much one transaction of the builder does: its versions are locked against
// writers that long.
const (
	buildChunk = 500
	dropChunk  = 5000
)

const (
	nextNodesSQL = `select n.ehr_id::text, n.vo_id::text, n.ver, n.num from %s
where n.arch = $1 and not n.draft and (n.ehr_id, n.vo_id, n.ver, n.num) > ($2::uuid, $3::uuid, $4::int, $5::int)
order by n.ehr_id, n.vo_id, n.ver, n.num limit $6`

	// Who replaces or deletes a version waits, and then deletes what was added; one
	// that was replaced meanwhile is left out.
	holdVersionsSQL = `select v.ehr_id::text, v.vo_id::text, v.ver from %s
where v.is_effective and (v.ehr_id, v.vo_id, v.ver) in (select * from unnest($1::uuid[], $2::uuid[], $3::int[]))
order by v.ehr_id, v.vo_id, v.ver for share`

	builtSQL = `update promoted_path set arch = $2, ehr_id = $3, vo_id = $4, ver = $5, num = $6, done = done + $7 where id = $1`

	nextArchetypeSQL = `update promoted_path set arch = $2, ehr_id = null, vo_id = null, ver = null, num = null where id = $1`

	usableSQL = `update promoted_path set state = 'usable', since = clock_timestamp(), total = done where id = $1`
)

// versionKeys name versions, column by column.
type versionKeys struct {
	ehr, object []string
	ver         []int32
}

func (k *versionKeys) add(ehr, object string, ver int32) {
	if n := len(k.ehr); n > 0 && k.ehr[n-1] == ehr && k.object[n-1] == object && k.ver[n-1] == ver {
		return
	}
	k.ehr, k.object, k.ver = append(k.ehr, ehr), append(k.object, object), append(k.ver, ver)
}

// buildLeaves adds the leaf rows of the next nodes, or ends the build.
func buildLeaves(ctx context.Context, tx pgx.Tx, j job) error {
	archs, names, err := archetypesOf(ctx, tx, j)
	if err != nil {
		return err
	}
	at := 0
	for at < len(archs) && archs[at] < j.arch {
		at++
	}
	if at == len(archs) {
		// All that was stored before writers filled the path has been passed.
		if _, err := tx.Exec(ctx, usableSQL, j.id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, raisePromotedSQL)
		return err
	}
	if archs[at] != j.arch {
		_, err := tx.Exec(ctx, nextArchetypeSQL, j.id, archs[at])
		return err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(nextNodesSQL, everything(access.Node, "n")), j.arch, j.ehr, j.object, j.ver, j.num, buildChunk)
	if err != nil {
		return err
	}
	var found versionKeys
	n := 0
	if _, err := pgx.ForEachRow(rows, []any{&j.ehr, &j.object, &j.ver, &j.num}, func() error {
		n++
		found.add(j.ehr, j.object, j.ver)
		return nil
	}); err != nil {
		return err
	}
	if n == 0 {
		_, err := tx.Exec(ctx, nextArchetypeSQL, j.id, j.arch+1)
		return err
	}
	if err := addLeaves(ctx, tx, j, names[at], found); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, builtSQL, j.id, j.arch, j.ehr, j.object, j.ver, j.num, n)
	return err
}

// addLeaves cuts the rows of versions that are still effective, and holds them.
func addLeaves(ctx context.Context, tx pgx.Tx, j job, archetype string, found versionKeys) error {
	rows, err := tx.Query(ctx, fmt.Sprintf(holdVersionsSQL, everything(access.Version, "v")), found.ehr, found.object, found.ver)
	if err != nil {
		return err
	}
	var held versionKeys
	var ehr, object string
	var ver int32
	if _, err := pgx.ForEachRow(rows, []any{&ehr, &object, &ver}, func() error {
		held.add(ehr, object, ver)
		return nil
	}); err != nil {
		return err
	}
	p, err := promote.Parse(j.archetype, j.text)
	if err != nil {
		return err
	}
	args, _ := leafArgs([]dictionary.Promoted{{Path: p, ID: j.id}}, map[string]int32{archetype: j.arch})
	_, err = tx.Exec(ctx, insertLeavesOfSQL, append(args, held.ehr, held.object, held.ver)...)
	return err
}

// Each statement finds the rows by one of the indexes that begin with the path.
var dropLeavesSQL = []string{
	`delete from leaf where (ehr_id, vo_id, ver, path, ord) in (select l.ehr_id, l.vo_id, l.ver, l.path, l.ord from %s where l.path = $1 and l.n is not null limit $2)`,
	`delete from leaf where (ehr_id, vo_id, ver, path, ord) in (select l.ehr_id, l.vo_id, l.ver, l.path, l.ord from %s where l.path = $1 and l.s is not null limit $2)`,
	`delete from leaf where (ehr_id, vo_id, ver, path, ord) in (select l.ehr_id, l.vo_id, l.ver, l.path, l.ord from %s where l.path = $1 and l.k is not null limit $2)`,
}

const (
	droppedSQL = `update promoted_path set done = done + $2 where id = $1`
	goneSQL    = `update promoted_path set state = 'gone', since = clock_timestamp() where id = $1`
)

// dropLeaves deletes some rows of a path, or ends it.
func dropLeaves(ctx context.Context, tx pgx.Tx, j job) error {
	for _, statement := range dropLeavesSQL {
		done, err := tx.Exec(ctx, fmt.Sprintf(statement, everything(access.Leaf, "l")), j.id, dropChunk)
		if err != nil {
			return err
		}
		if n := done.RowsAffected(); n > 0 {
			_, err := tx.Exec(ctx, droppedSQL, j.id, n)
			return err
		}
	}
	if _, err := tx.Exec(ctx, goneSQL, j.id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, raisePromotedSQL)
	return err
}
