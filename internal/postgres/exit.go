package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/exit"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	makeExitSQL = `insert into exit_place (destination, after_xact, after_place) values ($1, $2::text::xid8, $3) on conflict do nothing`

	leaseExitSQL = `update exit_place set lease_by = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
where destination = $1 and (lease_by = $2 or lease_until is null or lease_until < clock_timestamp())
  and (paused_until is null or paused_until < clock_timestamp())
returning after_xact::text, after_place`

	// A lease that is long enough is not written again.
	leasedExitSQL = `select after_xact::text, after_place, lease_by is not distinct from $2::uuid and lease_until > clock_timestamp() + $3 * interval '0.5 millisecond',
       paused_until is not null and paused_until >= clock_timestamp()
from exit_place where destination = $1`

	enqueueExitSQL = `insert into exit_message (ehr_id, id, destination, xact, place, version_uid, lifecycle)
values ($1, $2, $3, $4::text::xid8, $5, $6, $7) on conflict do nothing`

	moveExitSQL = `update exit_place set after_xact = $2::text::xid8, after_place = $3 where destination = $1`

	// Of each record the first that waits: later ones stand behind it.
	dueExitSQL = `with first as (select distinct on (m.ehr_id) m.* from exit_message m where m.destination = $1 and m.state = 0 order by m.ehr_id, m.xact, m.place)
select ehr_id, id, destination, xact::text, place, version_uid, lifecycle, attempts, created
from first where next_at <= clock_timestamp() order by xact, place limit $2`

	settleExitSQL = `update exit_message set state = $3, attempts = $4, next_at = coalesce($5, next_at), reason = $6, field = $7, detail = $8, changed = clock_timestamp()
where ehr_id = $1 and id = $2`

	pauseExitSQL = `update exit_place set failure = $2, failing = case when $2 = '' then null else coalesce(failing, clock_timestamp()) end,
    last_sent = case when $2 = '' then clock_timestamp() else last_sent end,
    paused_until = case when $3 > 0 then clock_timestamp() + $3 * interval '1 millisecond' end
where destination = $1`

	mendExitSQL    = `update exit_place set failure = '', failing = null where destination = $1 and failure = $2`
	releaseExitSQL = `update exit_place set lease_until = null where lease_by = $1`

	standingsExitSQL = `select p.destination, p.after_xact::text, p.after_place, p.failing, p.last_sent, p.paused_until, p.failure, n.waiting, n.sent, n.dead
from exit_place p, lateral (select count(*) filter (where m.state = 0), count(*) filter (where m.state = 1), count(*) filter (where m.state = 2)
                            from exit_message m where m.destination = p.destination) n (waiting, sent, dead)
order by p.destination`
)

// LeaseExit gives a destination to one process.
func (db *DB) LeaseExit(ctx context.Context, destination, process string, start feed.Place, length time.Duration) (feed.Place, bool, error) {
	var after feed.Place
	mine := false
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		var xact string
		var held, paused bool
		err := conn.QueryRow(ctx, leasedExitSQL, destination, process, length.Milliseconds()).Scan(&xact, &after.Position, &held, &paused)
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err := conn.Exec(ctx, makeExitSQL, destination, strconv.FormatUint(start.Xact, 10), start.Position); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		if paused {
			return nil
		}
		if !held {
			err = conn.QueryRow(ctx, leaseExitSQL, destination, process, length.Milliseconds()).Scan(&xact, &after.Position)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		mine = true
		after.Xact, err = strconv.ParseUint(xact, 10, 64)
		return err
	})
	return after, mine, translate(ctx, err)
}

// Enqueue queues messages and moves the place in one transaction.
func (db *DB) Enqueue(ctx context.Context, destination string, messages []exit.Message, next feed.Place) error {
	return translate(ctx, db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			b := &pgx.Batch{}
			for _, m := range messages {
				lifecycle, err := strconv.Atoi(m.Lifecycle)
				if err != nil {
					return err
				}
				b.Queue(enqueueExitSQL, m.EHR, m.ID, destination, strconv.FormatUint(m.Place.Xact, 10), m.Place.Position, m.VersionUID, lifecycle)
			}
			b.Queue(moveExitSQL, destination, strconv.FormatUint(next.Xact, 10), next.Position)
			return tx.SendBatch(ctx, b).Close()
		})
	}))
}

// DueExits are the first waiting messages of each record.
func (db *DB) DueExits(ctx context.Context, destination string, limit int) ([]exit.Message, error) {
	var list []exit.Message
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, dueExitSQL, destination, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (exit.Message, error) {
			var m exit.Message
			var xact string
			var lifecycle int16
			if err := row.Scan(&m.EHR, &m.ID, &m.Destination, &xact, &m.Place.Position, &m.VersionUID, &lifecycle, &m.Attempts, &m.Created); err != nil {
				return m, err
			}
			m.Lifecycle = strconv.Itoa(int(lifecycle))
			m.Place.Xact, err = strconv.ParseUint(xact, 10, 64)
			return m, err
		})
		return err
	})
	return list, translate(ctx, err)
}

func (db *DB) exec(ctx context.Context, sql string, args ...any) error {
	return translate(ctx, db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	}))
}

// SettleExit writes down what came of a message.
func (db *DB) SettleExit(ctx context.Context, m exit.Message) error {
	var next *time.Time
	if !m.NextAt.IsZero() {
		next = &m.NextAt
	}
	return db.exec(ctx, settleExitSQL, m.EHR, m.ID, int16(m.State), m.Attempts, next, m.Reason, m.Field, m.Detail)
}

// PauseExit says how a destination does.
func (db *DB) PauseExit(ctx context.Context, destination, failure string, pause time.Duration) error {
	return db.exec(ctx, pauseExitSQL, destination, failure, pause.Milliseconds())
}

// MendExit takes back a failure that is over.
func (db *DB) MendExit(ctx context.Context, destination, failure string) error {
	return db.exec(ctx, mendExitSQL, destination, failure)
}

// ReleaseExits gives back what a process has leased.
func (db *DB) ReleaseExits(ctx context.Context, process string) error {
	return db.exec(ctx, releaseExitSQL, process)
}

// ExitStandings lists destinations.
func (db *DB) ExitStandings(ctx context.Context) ([]exit.Standing, error) {
	var list []exit.Standing
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, standingsExitSQL)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (exit.Standing, error) {
			var s exit.Standing
			var xact string
			var failing, sent, paused *time.Time
			if err := row.Scan(&s.Destination, &xact, &s.After.Position, &failing, &sent, &paused, &s.Failure, &s.Waiting, &s.Sent, &s.Dead); err != nil {
				return s, err
			}
			for _, t := range []struct {
				from *time.Time
				to   *time.Time
			}{{failing, &s.Failing}, {sent, &s.LastSent}, {paused, &s.PausedUntil}} {
				if t.from != nil {
					*t.to = *t.from
				}
			}
			s.After.Xact, err = strconv.ParseUint(xact, 10, 64)
			return s, err
		})
		return err
	})
	return list, translate(ctx, err)
}

// row runs a query of one row; false is none.
func (db *DB) row(ctx context.Context, sql string, args []any, to ...any) (bool, error) {
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, sql, args...).Scan(to...)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, translate(ctx, err)
}

// ReceivedExit finds a message that was stored.
func (db *DB) ReceivedExit(ctx context.Context, sender, control string) (exit.Received, bool, error) {
	var r exit.Received
	ok, err := db.row(ctx, `select digest, ehr_id::text, version_uid from exit_received where sender = $1 and control_id = $2`,
		[]any{sender, control}, &r.Digest, &r.EHR, &r.VersionUID)
	return r, ok, err
}

// ResultObject is the composition of a result.
func (db *DB) ResultObject(ctx context.Context, sender, filler string) (ehr, object string, err error) {
	_, err = db.row(ctx, `select ehr_id::text, object::text from exit_result where sender = $1 and filler = $2`, []any{sender, filler}, &ehr, &object)
	return ehr, object, err
}

// ExitPerson is what messages said of a person before.
func (db *DB) ExitPerson(ctx context.Context, ehr string) (family, birth []byte, err error) {
	_, err = db.row(ctx, `select family, birth from exit_person where ehr_id = $1`, []any{ehr}, &family, &birth)
	return family, birth, err
}

// PutReceived remembers a message that was stored.
func (db *DB) PutReceived(ctx context.Context, sender, control, filler, object string, r exit.Received, family, birth []byte) error {
	return translate(ctx, db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			b := &pgx.Batch{}
			b.Queue(`insert into exit_received (sender, control_id, digest, ehr_id, version_uid) values ($1, $2, $3, $4, $5) on conflict do nothing`,
				sender, control, r.Digest, r.EHR, r.VersionUID)
			b.Queue(`insert into exit_result (sender, filler, ehr_id, object) values ($1, $2, $3, $4) on conflict do nothing`, sender, filler, r.EHR, object)
			b.Queue(`insert into exit_person (ehr_id, family, birth) values ($1, $2, $3)
on conflict (ehr_id) do update set family = coalesce(exit_person.family, excluded.family), birth = coalesce(exit_person.birth, excluded.birth)`, r.EHR, family, birth)
			b.Queue(`update exit_dead set closed = clock_timestamp(), outcome = 'stored', changed = clock_timestamp() where control_id = $1 and digest = $2 and closed is null`,
				control, r.Digest)
			return tx.SendBatch(ctx, b).Close()
		})
	}))
}

// PutDead stores a dead letter that came in, or counts it once more.
func (db *DB) PutDead(ctx context.Context, l exit.Letter, digest []byte) (string, error) {
	var id string
	_, err := db.row(ctx, `insert into exit_dead (id, sender, control_id, digest, message, kind, reason, field, detail, ehr_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, '')::uuid)
on conflict (sender, control_id, digest) do update set attempts = exit_dead.attempts + 1, changed = clock_timestamp(),
    reason = excluded.reason, field = excluded.field, detail = excluded.detail, closed = null, outcome = '', ehr_id = excluded.ehr_id
returning id::text`, []any{l.ID, l.Sender, l.Control, digest, l.Content, l.Kind, l.Reason, l.Field, l.Detail, l.EHR}, &id)
	return id, err
}

// deadSQL lists letters of both directions alike. $1 is a destination or sender,
// $2 asks for closed ones too, $3 for one.
const deadSQL = `select * from (
    select id::text, 'in', '', sender, control_id, kind, coalesce(ehr_id::text, ''), '', reason, field, detail, attempts, received, changed, closed, outcome,
           case when $3 = '' then null else message end
    from exit_dead where ($2 or closed is null) and ($1 in ('', sender)) and ($3 in ('', id::text))
    union all
    select id::text, 'out', destination, '', id::text, '', ehr_id::text, version_uid, reason, field, detail, attempts, created, changed,
           case when state <> 2 then changed end, case state when 1 then 'sent' when 3 then 'discarded' when 0 then 'waiting' else '' end, null
    from exit_message where (state = 2 or $2 and state = 3 or $3 = id::text) and ($1 in ('', destination)) and ($3 in ('', id::text))
) l order by 14 desc limit $4`

func (db *DB) dead(ctx context.Context, destination string, all bool, id string, limit int) ([]exit.Letter, error) {
	var list []exit.Letter
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, deadSQL, destination, all, id, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (exit.Letter, error) {
			var l exit.Letter
			var closed *time.Time
			err := row.Scan(&l.ID, &l.Direction, &l.Destination, &l.Sender, &l.Control, &l.Kind, &l.EHR, &l.VersionUID, &l.Reason, &l.Field, &l.Detail,
				&l.Attempts, &l.Received, &l.Changed, &closed, &l.Outcome, &l.Content)
			if closed != nil {
				l.Closed = *closed
			}
			return l, err
		})
		return err
	})
	return list, translate(ctx, err)
}

// DeadLetters lists those in and out.
func (db *DB) DeadLetters(ctx context.Context, destination string, all bool, limit int) ([]exit.Letter, error) {
	return db.dead(ctx, destination, all, "", limit)
}

// DeadLetter reads one.
func (db *DB) DeadLetter(ctx context.Context, id string) (exit.Letter, error) {
	list, err := db.dead(ctx, "", true, id, 1)
	if err != nil {
		return exit.Letter{}, err
	}
	if len(list) == 0 {
		return exit.Letter{}, fault.New(fault.NotFound, "dead-letter-unknown", "no such dead letter")
	}
	return list[0], nil
}

// CloseDead closes one of either direction.
func (db *DB) CloseDead(ctx context.Context, id, outcome string, audit cdr.Event) error {
	return db.onLetter(ctx, audit, `with inward as (update exit_dead set closed = clock_timestamp(), changed = clock_timestamp(), outcome = $2
    where id = $1 and (closed is null or outcome = $2) returning id),
outward as (update exit_message set state = 3, changed = clock_timestamp() where id = $1 and state = 2 returning id)
select from inward union all select from outward`, id, outcome)
}

// RetryExit lets a dead message wait again.
func (db *DB) RetryExit(ctx context.Context, id string, audit cdr.Event) error {
	return db.onLetter(ctx, audit, `update exit_message set state = 0, attempts = 0, next_at = clock_timestamp(), changed = clock_timestamp() where id = $1 and state = 2`, id)
}

func (db *DB) onLetter(ctx context.Context, audit cdr.Event, sql string, args ...any) error {
	n, err := db.webhookAct(ctx, audit, sql, args...)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "dead-letter-unknown", "no such open dead letter")
	}
	return err
}
