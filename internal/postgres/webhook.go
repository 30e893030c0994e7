package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	insertWebhookSQL = `insert into webhook (id, url, principal, role, organisation, service, purpose, kinds, templates, after_xact, after_place)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::xid8, $11)`

	webhooksSQL = `select w.id, w.url, w.principal, w.role, w.organisation, w.service, w.purpose, w.kinds, w.templates, w.created,
       w.after_xact::text, w.after_place, w.last_told, w.failing, w.paused_until, coalesce(w.failure, ''), n.waiting, n.given_up
from webhook w, lateral (select count(*) filter (where x.given_up is null), count(*) filter (where x.given_up is not null)
                         from webhook_waiting x where x.webhook = w.id) n (waiting, given_up)
where $1 = '' or w.principal = $1 order by w.created, w.id`

	// A lease that is long enough is not written again.
	leaseSQL = `with mine as (select id, after_xact, after_place from webhook
    where id = $1 and lease_by = $2 and lease_until > clock_timestamp() + $3 * interval '0.5 millisecond'
      and (paused_until is null or paused_until < clock_timestamp())),
taken as (update webhook set lease_by = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
    where id = $1 and (lease_by = $2 or lease_until is null or lease_until < clock_timestamp())
      and (paused_until is null or paused_until < clock_timestamp()) and not exists (select from mine)
    returning id, after_xact, after_place)
select after_xact::text, after_place from mine union all select after_xact::text, after_place from taken`

	queuedSQL = `select distinct ehr_id::text from webhook_waiting where webhook = $1 and ehr_id = any($2::uuid[]) and given_up is null`
)

// PutWebhook stores a new webhook.
func (db *DB) PutWebhook(ctx context.Context, w feed.Webhook, audit cdr.Event) error {
	templates := w.Filter.Templates
	if templates == nil {
		templates = []string{}
	}
	c := w.Caller
	_, err := db.webhookAct(ctx, audit, insertWebhookSQL, w.ID, w.URL, c.Subject, c.Role, c.Organisation, c.Service, c.Purpose,
		numbersOf(w.Filter.Kinds), templates, strconv.FormatUint(w.After.Xact, 10), w.After.Position)
	return err
}

// webhookAct is one statement and its audit row in one transaction.
func (db *DB) webhookAct(ctx context.Context, audit cdr.Event, sql string, args ...any) (int64, error) {
	var n int64
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			done, err := tx.Exec(ctx, sql, args...)
			if err != nil {
				return err
			}
			if n = done.RowsAffected(); n == 0 {
				return nil
			}
			_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
			return err
		})
	})
	return n, translate(ctx, err)
}

// Webhooks lists them.
func (db *DB) Webhooks(ctx context.Context, principal string) ([]feed.Webhook, error) {
	var list []feed.Webhook
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, webhooksSQL, principal)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanWebhook)
		return err
	})
	return list, translate(ctx, err)
}

func scanWebhook(row pgx.CollectableRow) (feed.Webhook, error) {
	var w feed.Webhook
	var kinds []int16
	var xact string
	var told, failing, paused *time.Time
	c := &w.Caller
	err := row.Scan(&w.ID, &w.URL, &c.Subject, &c.Role, &c.Organisation, &c.Service, &c.Purpose, &kinds, &w.Filter.Templates, &w.Created,
		&xact, &w.After.Position, &told, &failing, &paused, &w.Failure, &w.Waiting, &w.GivenUp)
	if err != nil {
		return w, err
	}
	for _, k := range kinds {
		w.Filter.Kinds = append(w.Filter.Kinds, cdr.Kind(k))
	}
	for _, t := range []struct {
		from *time.Time
		to   *time.Time
	}{{told, &w.LastTold}, {failing, &w.Failing}, {paused, &w.PausedUntil}} {
		if t.from != nil {
			*t.to = *t.from
		}
	}
	w.After.Xact, err = strconv.ParseUint(xact, 10, 64)
	return w, err
}

// DeleteWebhook ends one; its waiting changes go with it.
func (db *DB) DeleteWebhook(ctx context.Context, id, principal string, audit cdr.Event) error {
	return db.onWebhook(ctx, audit, `with gone as (delete from webhook where id = $1 and ($2 = '' or principal = $2) returning id),
waiting as (delete from webhook_waiting where webhook in (select id from gone))
select from gone`, id, principal)
}

// ResumeWebhook lets it go on at once.
func (db *DB) ResumeWebhook(ctx context.Context, id, principal string, audit cdr.Event) error {
	return db.onWebhook(ctx, audit, `with on_again as (update webhook set paused_until = null, failing = null, failure = null
    where id = $1 and ($2 = '' or principal = $2) returning id),
waiting as (update webhook_waiting set given_up = null, since = clock_timestamp(), next_at = clock_timestamp(), attempts = 0
    where webhook in (select id from on_again))
select from on_again`, id, principal)
}

func (db *DB) onWebhook(ctx context.Context, audit cdr.Event, sql, id, principal string) error {
	n, err := db.webhookAct(ctx, audit, sql, id, principal)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "webhook-unknown", "no such webhook")
	}
	return err
}

// Lease gives a webhook to one process.
func (db *DB) Lease(ctx context.Context, id, process string, length time.Duration) (feed.Place, bool, error) {
	var after feed.Place
	var xact string
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, leaseSQL, id, process, length.Milliseconds()).Scan(&xact, &after.Position)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return after, false, nil
	}
	if err != nil {
		return after, false, translate(ctx, err)
	}
	after.Xact, err = strconv.ParseUint(xact, 10, 64)
	return after, err == nil, err
}

// Queued says for which of the EHRs something waits.
func (db *DB) Queued(ctx context.Context, id string, ehrs []string) (map[string]bool, error) {
	queued := map[string]bool{}
	if len(ehrs) == 0 {
		return queued, nil
	}
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, queuedSQL, id, ehrs)
		if err != nil {
			return err
		}
		var ehr string
		_, err = pgx.ForEachRow(rows, []any{&ehr}, func() error { queued[ehr] = true; return nil })
		return err
	})
	return queued, translate(ctx, err)
}
