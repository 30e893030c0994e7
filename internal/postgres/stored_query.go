package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Names compare without regard to letter case (BASE, Composite Identifiers and
// Case). All uploads take turns, since the primary key tells letters apart.
const (
	lockQueriesSQL = `select pg_advisory_xact_lock(hashtext('quire.stored_query'))`

	sameQuerySQL = `select name, version, aql, saved from stored_query where lower(name) = lower($1) and version = $2`

	insertQuerySQL = `insert into stored_query (name, version, aql) values ($1, $2, $3) returning saved`

	replaceQuerySQL = `update stored_query set aql = $3, saved = now() where name = $1 and version = $2 returning saved`

	queriesSQL = `select name, version, aql, saved from stored_query where ($1 = '' or lower(name) = lower($1))`

	deleteQuerySQL = `delete from stored_query where lower(name) = lower($1) and version = $2`
)

// StoredQueries lists the stored queries of a name, all for "", in no order.
func (db *DB) StoredQueries(ctx context.Context, name string) ([]cdr.StoredQuery, error) {
	var list []cdr.StoredQuery
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, queriesSQL, name)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanQuery)
		return err
	})
	return list, translate(ctx, err)
}

func scanQuery(row pgx.CollectableRow) (cdr.StoredQuery, error) {
	var q cdr.StoredQuery
	return q, row.Scan(&q.Name, &q.Version, &q.AQL, &q.Saved)
}

// PutStoredQuery stores a query; one of the name and version is replaced or a
// Conflict.
func (db *DB) PutStoredQuery(ctx context.Context, q cdr.StoredQuery, replace bool, audit cdr.Event) (cdr.StoredQuery, error) {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockQueriesSQL); err != nil {
			return err
		}
		var old cdr.StoredQuery
		err := tx.QueryRow(ctx, sameQuerySQL, q.Name, q.Version).Scan(&old.Name, &old.Version, &old.AQL, &old.Saved)
		statement := insertQuerySQL
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		case !replace:
			return fault.New(fault.Conflict, "query-exists", "a stored query of this name and version exists already")
		default:
			statement, q.Name = replaceQuerySQL, old.Name
		}
		if err := tx.QueryRow(ctx, statement, q.Name, q.Version, q.AQL).Scan(&q.Saved); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return q, translate(ctx, err)
}

// DeleteStoredQuery removes one version of a stored query.
func (db *DB) DeleteStoredQuery(ctx context.Context, name, version string, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		gone, err := tx.Exec(ctx, deleteQuerySQL, name, version)
		if err != nil {
			return err
		}
		if gone.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "query-unknown", "no such stored query")
		}
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return translate(ctx, err)
}
