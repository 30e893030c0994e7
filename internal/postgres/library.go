package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	libraryHead = `select kind, id, number, deleted, committed, about`

	libraryHeadsSQL    = libraryHead + `, '' from library_version where kind = $1 and newest and not deleted order by id`
	libraryVersionsSQL = libraryHead + `, '' from library_version where kind = $1 and id = $2 order by number desc`
	libraryReadSQL     = libraryHead + `, content from library_version where kind = $1 and id = $2 and (number = $3 or $3 = 0 and newest)`
	libraryAddressSQL  = libraryHead + `, content from library_version
where kind = $1 and url = $2 and newest and not deleted and (version = $3 or $3 = '') order by version desc, id limit 1`

	libraryRetireSQL = `update library_version set newest = false where kind = $1 and id = $2 and number = $3 and newest`
	libraryKeepSQL   = `
insert into library_version (kind, id, number, deleted, url, version, about, content, made_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning committed`
)

// Heads lists the resources of a kind that are there.
func (db *DB) Heads(ctx context.Context, kind string) ([]library.Head, error) {
	return db.libraryHeads(ctx, libraryHeadsSQL, kind)
}

// Versions lists those of one resource, the newest first.
func (db *DB) Versions(ctx context.Context, kind, id string) ([]library.Head, error) {
	return db.libraryHeads(ctx, libraryVersionsSQL, kind, id)
}

// Resource reads one version of a resource, 0 for the newest.
func (db *DB) Resource(ctx context.Context, kind, id string, number int) (library.Resource, error) {
	return db.libraryResource(ctx, libraryReadSQL, kind, id, number)
}

// Addressed reads the resource of a canonical address.
func (db *DB) Addressed(ctx context.Context, kind, url, version string) (library.Resource, error) {
	return db.libraryResource(ctx, libraryAddressSQL, kind, url, version)
}

func (db *DB) libraryHeads(ctx context.Context, sql string, args ...any) (list []library.Head, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (library.Head, error) {
			r, err := libraryRow(row)
			return r.Head, err
		})
		return err
	})
	return list, translate(ctx, err)
}

func (db *DB) libraryResource(ctx context.Context, sql string, args ...any) (r library.Resource, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) (err error) {
		r, err = libraryRow(conn.QueryRow(ctx, sql, args...))
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return r, fault.New(fault.NotFound, "library-unknown", "no such resource")
	}
	return r, translate(ctx, err)
}

func libraryRow(row pgx.Row) (r library.Resource, err error) {
	var about []byte
	var content string
	if err = row.Scan(&r.Kind, &r.ID, &r.Number, &r.Deleted, &r.Committed, &about, &content); err != nil {
		return r, err
	}
	r.Content = []byte(content)
	return r, json.Unmarshal(about, &r.About)
}

// Keep stores the next version of a resource with its audit row.
func (db *DB) Keep(ctx context.Context, r library.Resource, by string, audit cdr.Event) (committed time.Time, err error) {
	about, err := json.Marshal(r.About)
	if err != nil {
		return committed, err
	}
	stale := fault.New(fault.Precondition, "version-not-latest", "somebody else changed the %s meanwhile", r.Kind)
	err = db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if r.Number > 1 {
			tag, err := tx.Exec(ctx, libraryRetireSQL, r.Kind, r.ID, r.Number-1)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return stale
			}
		}
		if err := tx.QueryRow(ctx, libraryKeepSQL, r.Kind, r.ID, r.Number, r.Deleted, r.About.URL, r.About.Version, about, string(r.Content), by).Scan(&committed); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	switch violated(err) {
	case "library_address":
		return committed, fault.New(fault.Conflict, "address-taken", "another %s has this canonical address and version", r.Kind).With(fault.Issue{
			Path: r.Kind + ".url", Rule: "address-taken", Found: r.About.URL, Message: "the canonical address with its version is another resource's"})
	case "library_version_pkey", "library_newest":
		return committed, stale
	}
	return committed, translate(ctx, err)
}
