package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

const findHomeSQL = `select ehr_id::text from object_home where vo_id = $1 and kind = 1`

// Home finds the EHR of a composition by its object's uuid. It shows nothing of
// the record and asks nobody's rights; the read that follows does.
func (db *DB) Home(ctx context.Context, object string) (ehr string, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, findHomeSQL, object).Scan(&ehr)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fault.New(fault.NotFound, "object-unknown", "no such object")
	}
	return ehr, translate(ctx, err)
}

// The persistent composition of a template family that lives in an EHR: %s is
// version.
const livingSQL = `select v.vo_id::text from %s
where v.ehr_id = $1 and v.kind = 1 and v.is_latest and v.lifecycle <> 523 and v.tmpl = $2
  and v.doc::json #>> '{category,defining_code,code_string}' = '431' limit 1`

// Living finds the persistent composition of a template family in an EHR, ""
// where the profile sees none.
func (db *DB) Living(ctx context.Context, p *access.Profile, ehr string, family int32) (object string, err error) {
	args := &access.Args{Values: []any{ehr, family}}
	text := fmt.Sprintf(livingSQL, access.NewScope(p, access.Read, args, "$1::uuid").Scan(access.Version, "v"))
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args.Values...).QueryRow(func(row pgx.Row) error { return row.Scan(&object) })
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return object, translate(ctx, err)
}
