package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// intern gives the ids of all keys, allocating those that are new in a short
// transaction of their own before the commit (DESIGN section 3).
func (db *DB) intern(ctx context.Context, w *dictionary.Wanted) (dictionary.IDs, error) {
	known, missing := db.dict.Lookup(w)
	known.Zone = db.zone
	if missing.Empty() {
		return known, nil
	}
	for attempt := 1; ; attempt++ {
		var got *dictionary.Allocation
		err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) (err error) {
			got, err = db.dict.Allocate(ctx, tx, missing)
			return err
		})
		if err == nil {
			db.dict.Keep(got)
			got.Fill(known)
			return known, nil
		}
		if !transient(err) || attempt == maxAttempts {
			return dictionary.IDs{}, translate(ctx, err)
		}
	}
}

// reloadEpoch reads the epoch of promoted paths and the paths writers fill, after
// a fence refused.
func (db *DB) reloadEpoch(ctx context.Context) error {
	var promoted int64
	var paths []dictionary.Promoted
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
			promoted, paths, err = readPromoted(ctx, tx, filled)
			return err
		})
	})
	if err != nil {
		return translate(ctx, err)
	}
	db.dict.SetPromoted(promoted, paths)
	return nil
}
