package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// One EHR with its status: %[1]s is ehr, %[2]s version, %[3]s the test that
// picks the EHR.
const ehrSQL = `select h.system_id, e.created, e.directory_id, e.is_queryable, e.is_modifiable,
       array(select l.other::text from ehr_link l where l.ehr_id = e.ehr_id and l.kind = 'merged' and l.ended is null order by l.linked),
       coalesce((select l.other::text from ehr_link l where l.ehr_id = e.ehr_id and l.kind = 'merged-into' and l.ended is null limit 1), ''), ` + versionColumns + `, v.doc
from %[1]s
join system h on h.id = e.system
join %[2]s on v.ehr_id = e.ehr_id and v.vo_id = e.status_id and (v.is_effective or v.is_latest) ` + versionJoins + `
where %[3]s
order by v.is_effective desc limit 1`

// EHR reads one EHR with its status.
func (db *DB) EHR(ctx context.Context, p *access.Profile, id string) (cdr.StoredEHR, error) {
	args := &access.Args{Values: []any{id}}
	scope := access.NewScope(p, access.Read, args, "$1::uuid")
	text := fmt.Sprintf(ehrSQL, scope.Scan(access.EHR, "e"), scope.Scan(access.Version, "v"), "e.ehr_id = $1")
	return db.ehr(ctx, p, text, args.Values)
}

// EHRBySubject finds the EHR of a subject by its normalised id.
func (db *DB) EHRBySubject(ctx context.Context, p *access.Profile, namespace, id string) (cdr.StoredEHR, error) {
	args := &access.Args{Values: []any{namespace, id}}
	scope := access.NewScope(p, access.Read, args, "")
	pick := "e.ehr_id = (select x.ehr_id from " + scope.Scan(access.Subject, "x") + " where x.namespace = $1 and x.subject_id = $2)"
	text := fmt.Sprintf(ehrSQL, scope.Scan(access.EHR, "e"), scope.Scan(access.Version, "v"), pick)
	return db.ehr(ctx, p, text, args.Values)
}

func (db *DB) ehr(ctx context.Context, p *access.Profile, text string, args []any) (cdr.StoredEHR, error) {
	var e cdr.StoredEHR
	var directory *string
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args...).QueryRow(func(row pgx.Row) error {
		return scanAfter(row, []any{&e.SystemID, &e.Created, &directory, &e.IsQueryable, &e.IsModifiable, &e.Merged, &e.MergedInto}, &e.Status, &e.Status.Doc)
	})
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return e, fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
	}
	if err != nil {
		return e, translate(ctx, err)
	}
	e.ID, e.StatusID = e.Status.EHR, e.Status.Object
	e.Created = e.Created.In(time.UTC)
	if directory != nil {
		e.DirectoryID = *directory
	}
	return e, nil
}

// prefixed scans columns that stand before versionColumns.
type prefixed struct {
	pgx.Row
	first []any
}

func (r prefixed) Scan(to ...any) error { return r.Row.Scan(append(r.first, to...)...) }

func scanAfter(row pgx.Row, first []any, v *cdr.Version, more ...any) error {
	return scanVersion(prefixed{row, first}, v, more...)
}
