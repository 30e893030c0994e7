package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const auditRowColumns = `a.id, a.at, a.action, a.outcome, a.principal, a.role, a.org, coalesce(a.object, ''), coalesce(a.purpose, ''), coalesce(a.basis, ''),
    coalesce(a.request_id, ''), coalesce(a.ehr_id::text, ''), coalesce(a.source, ''), a.epoch, a.rows, a.query, a.parameters, coalesce(a.opening::text, '')`

func scanAuditRow(row pgx.CollectableRow) (cdr.AuditRow, error) {
	var r cdr.AuditRow
	return r, row.Scan(&r.ID, &r.At, &r.Action, &r.Outcome, &r.Principal, &r.Role, &r.Org, &r.Object, &r.Purpose, &r.Basis,
		&r.RequestID, &r.EHR, &r.Source, &r.Epoch, &r.Rows, &r.QueryHash, &r.Hidden, &r.Opening)
}

// AuditRows lists rows of the audit, newest first. The conditions are written out,
// so that each combination finds its index.
func (a *Access) AuditRows(ctx context.Context, f cdr.AuditFilter, before *cdr.Position, limit int) ([]cdr.AuditRow, error) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		places := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			places[i] = len(args)
		}
		where = append(where, fmt.Sprintf(condition, places...))
	}
	for column, value := range map[string]string{"principal": f.Principal, "role": f.Role, "object": f.Object, "action": f.Action, "outcome": f.Outcome, "purpose": f.Purpose} {
		if value != "" {
			add("a."+column+" = $%d", value)
		}
	}
	if f.EHR != "" {
		add("a.ehr_id = $%d", f.EHR)
	}
	if f.Opening != "" {
		add("(a.opening = $%d or a.id = $%[1]d)", f.Opening)
	}
	if f.Organisations != nil {
		add("a.org = any($%d)", f.Organisations)
	}
	if !f.From.IsZero() {
		add("a.at >= $%d", f.From)
	}
	if !f.To.IsZero() {
		add("a.at < $%d", f.To)
	}
	if before != nil {
		add("(a.at, a.id) < ($%d, $%d::uuid)", before.At, before.ID)
	}
	if len(where) == 0 {
		where = []string{"true"}
	}
	args = append(args, limit)
	sql := fmt.Sprintf("select %s from audit_event a where %s order by a.at desc, a.id desc limit $%d", auditRowColumns, strings.Join(where, " and "), len(args))
	var list []cdr.AuditRow
	err := a.db.with(ctx, a.db.query, a.db.queryWait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanAuditRow)
		return err
	})
	return list, translate(ctx, err)
}

// An id says when it was made (UUID version 7), which finds the partition; a row
// is inserted at most as long after as a statement may run.
const auditRowSQL = `select ` + auditRowColumns + `, (select count(*) from audit_query_ehr q where q.opening = a.id)
from audit_event a where a.id = $1 and a.at between $2 and $3 order by a.at limit 1`

const auditIDSlack = 10 * time.Minute

// AuditRow is one row and how many records it showed.
func (a *Access) AuditRow(ctx context.Context, id string) (cdr.AuditRow, int64, error) {
	made, err := uuid.TimestampFromV7(uuid.FromStringOrNil(id))
	unknown := fault.New(fault.NotFound, "unknown-access", "there is no such access")
	if err != nil {
		return cdr.AuditRow{}, 0, unknown
	}
	at, err := made.Time()
	if err != nil {
		return cdr.AuditRow{}, 0, unknown
	}
	var r cdr.AuditRow
	var shown int64
	err = a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, auditRowSQL, id, at.Add(-auditIDSlack), at.Add(auditIDSlack)).Scan(&r.ID, &r.At, &r.Action, &r.Outcome, &r.Principal, &r.Role, &r.Org,
			&r.Object, &r.Purpose, &r.Basis, &r.RequestID, &r.EHR, &r.Source, &r.Epoch, &r.Rows, &r.QueryHash, &r.Hidden, &r.Opening, &shown)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return r, 0, unknown
	}
	return r, shown, translate(ctx, err)
}

const auditShownRowsSQL = `select ehr_id::text from audit_query_ehr where opening = $1 and ($2::uuid is null or ehr_id > $2) order by ehr_id limit $3`

// AuditShown lists the EHRs a query showed.
func (a *Access) AuditShown(ctx context.Context, opening, after string, limit int) ([]string, error) {
	var list []string
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, auditShownRowsSQL, opening, null(after), limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return list, translate(ctx, err)
}
