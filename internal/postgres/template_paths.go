package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
)

// Nodes of a family by archetype and place in them; node follows, then where.
const (
	pathsFilledSQL = `select a.archetype_id, i.path, sum(n.nodes)
from (select t.arch, t.shape, count(*) as nodes from `
	pathsFilledOfSQL = `
join arch a on a.id = n.arch
join (select distinct shape, path from shape_item) i on i.shape = n.shape
group by 1, 2`

	promotedStatesSQL = `select archetype, path, state from promoted_path`
)

// PathsFilled counts the nodes of a family that have something at a place, of
// those the profile may query.
func (db *DB) PathsFilled(ctx context.Context, p *access.Profile, family int32) (map[string]map[string]int64, error) {
	args := &access.Args{}
	scope := access.NewScope(p, access.Query, args, "")
	text := pathsFilledSQL + scope.Scan(access.Node, "t") + " join " + scope.Scan(access.EHR, "e") +
		" on e.ehr_id = t.ehr_id where not t.draft and e.is_queryable and t.tmpl = " + args.Add(family) + "::int group by 1, 2) n" + pathsFilledOfSQL
	found := map[string]map[string]int64{}
	err := db.inTransaction(ctx, db.query, p, access.Query, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, text, args.Values...)
		if err != nil {
			return err
		}
		var archetype, path string
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&archetype, &path, &n}, func() error {
			if found[archetype] == nil {
				found[archetype] = map[string]int64{}
			}
			found[archetype][path] = n
			return nil
		})
		return err
	})
	return found, translate(ctx, err)
}

// PromotedPaths gives the states of all indexes of paths.
func (db *DB) PromotedPaths(ctx context.Context) (map[string]map[string]string, error) {
	found := map[string]map[string]string{}
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, promotedStatesSQL)
		if err != nil {
			return err
		}
		var archetype, path, state string
		_, err = pgx.ForEachRow(rows, []any{&archetype, &path, &state}, func() error {
			if found[archetype] == nil {
				found[archetype] = map[string]string{}
			}
			found[archetype][path] = state
			return nil
		})
		return err
	})
	return found, translate(ctx, err)
}
