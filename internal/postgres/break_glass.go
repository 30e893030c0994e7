package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/emergency"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	brokenColumns = `b.id::text, b.ehr_id::text, b.principal, b.role, b.org, b.reason_code, b.reason, b.granted_at, b.expires_at, b.revoked_at,
    coalesce(b.ended_by, ''), b.alerted_at, b.reviewed_at, coalesce(b.reviewed_by, ''), coalesce(b.verdict, '')`

	// What was done under the access is what the principal did to the record in its time.
	brokenSQL = `select ` + brokenColumns + `,
    (select count(*) from audit_event a where a.ehr_id = b.ehr_id and a.principal = b.principal and a.outcome = 'success'
        and a.at between b.granted_at and least(b.expires_at, coalesce(b.revoked_at, b.expires_at)))
from break_glass b
where ($1 or b.reviewed_at is null) and ($2::uuid is null or b.ehr_id = $2) and ($3::text[] is null or b.org = any($3))
order by b.granted_at, b.id limit $4`

	brokenOneSQL = `select ` + brokenColumns + `, 0::bigint from break_glass b where b.ehr_id = $1 and b.id = $2`

	reviewSQL = `update break_glass set reviewed_at = clock_timestamp(), reviewed_by = $3, verdict = $4,
    ended_by = case when revoked_at is null and expires_at > clock_timestamp() then $3 else ended_by end,
    revoked_at = case when revoked_at is null and expires_at > clock_timestamp() then clock_timestamp() else revoked_at end
where ehr_id = $1 and id = $2 and reviewed_at is null`

	endBrokenSQL = `update break_glass set revoked_at = clock_timestamp(), ended_by = $3
where ehr_id = $1 and id = $2 and revoked_at is null and expires_at > clock_timestamp()`

	alertsSQL = `update break_glass b set alert_next = clock_timestamp() + $2 * interval '1 millisecond', alert_tries = alert_tries + 1
where (b.ehr_id, b.id) in (select ehr_id, id from break_glass where alerted_at is null and alert_next <= clock_timestamp()
    order by alert_next limit $1 for update skip locked)
returning ` + brokenColumns + `, 0::bigint`

	alertedSQL = `update break_glass set alerted_at = clock_timestamp() where ehr_id = $1 and id = $2`
)

func scanBroken(r pgx.CollectableRow) (emergency.Access, error) {
	var b emergency.Access
	var ended, alerted, reviewed *time.Time
	err := r.Scan(&b.ID, &b.EHR, &b.Principal, &b.Role, &b.Organisation, &b.ReasonCode, &b.Reason, &b.Granted, &b.Expires, &ended, &b.EndedBy, &alerted, &reviewed, &b.Reviewer, &b.Outcome, &b.Events)
	for from, to := range map[*time.Time]*time.Time{ended: &b.Ended, alerted: &b.Alerted, reviewed: &b.Reviewed} {
		if from != nil {
			*to = from.UTC()
		}
	}
	return b, err
}

func (a *Access) brokenBy(ctx context.Context, sql string, args ...any) (list []emergency.Access, err error) {
	err = a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanBroken)
		return err
	})
	return list, translate(ctx, err)
}

// Broken lists emergency accesses, the oldest first.
func (a *Access) Broken(ctx context.Context, q emergency.Queue) ([]emergency.Access, error) {
	return a.brokenBy(ctx, brokenSQL, q.All, null(q.EHR), q.Organisations, q.Limit)
}

// BrokenOne reads one emergency access.
func (a *Access) BrokenOne(ctx context.Context, ehr, id string) (emergency.Access, error) {
	list, err := a.brokenBy(ctx, brokenOneSQL, ehr, id)
	if err != nil {
		return emergency.Access{}, err
	}
	if len(list) == 0 {
		return emergency.Access{}, fault.New(fault.NotFound, "break-glass", "no such emergency access")
	}
	return list[0], nil
}

// Review closes an emergency access that nobody has reviewed.
func (a *Access) Review(ctx context.Context, ehr, id, reviewer, outcome string, audit cdr.Event) error {
	err := a.end(ctx, audit, "break-glass", "reviewed", reviewSQL, ehr, id, reviewer, outcome)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "reviewed", "this emergency access was reviewed already")
	}
	return err
}

// End ends an emergency access that is open.
func (a *Access) End(ctx context.Context, ehr, id, by string, audit cdr.Event) error {
	return a.end(ctx, audit, "break-glass", "this emergency access is over", endBrokenSQL, ehr, id, by)
}

// Alerts takes alerts that are due.
func (a *Access) Alerts(ctx context.Context, limit int, lease time.Duration) ([]emergency.Access, error) {
	return a.brokenBy(ctx, alertsSQL, limit, lease.Milliseconds())
}

// Alerted notes that an alert was sent.
func (a *Access) Alerted(ctx context.Context, ehr, id string) error {
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, alertedSQL, ehr, id)
		if err == nil && tag.RowsAffected() == 0 {
			err = errors.New("an alert of no access")
		}
		return err
	})
	return translate(ctx, err)
}
