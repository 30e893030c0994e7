package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/fault"
)

// horizonSQL is what can change no more, and what has not begun yet. A row whose
// transaction is older than every running one will have no older neighbour.
const horizonSQL = `select pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text`

// changesSQL reads a stretch of the feed: a range of the index version_feed, and
// of that of erasures. %[1]s is version, %[2]s what else is demanded of it.
const changesSQL = `select * from (
    (select v.xact::text as x, v.position, v.ehr_id, false, v.kind, v.vo_id, v.ver, s.system_id, v.change_type, v.lifecycle,
            coalesce(f.template_id, ''), v.contribution_id, v.committed, v.attestations is not null, v.xact
     from %[1]s join system s on s.id = v.system left join template_family f on f.id = v.tmpl
     where (v.xact, v.position) > ($1::text::xid8, $2) and v.xact < $3::text::xid8%[2]s
     order by v.xact, v.position limit $4)
    union all
    (select c.xact::text as x, c.position, c.ehr_id, true, 0, case when c.object = '' then c.ehr_id else c.object::uuid end, 0, '', 0, 0, '', c.id, c.erased, false, c.xact
     from erasure_certificate c
     where (c.xact, c.position) > ($1::text::xid8, $2) and c.xact < $3::text::xid8
     order by c.xact, c.position limit $4)
) u order by u.xact, u.position limit $4`

// feedSettingsSQL leaves the planner the index in the feed's order: from the rows
// of all EHRs it would have to sort what a poll finds empty.
const feedSettingsSQL = settingsSQL + `, set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true)`

// Changes reads the feed in one round trip, in one snapshot.
func (db *DB) Changes(ctx context.Context, p *access.Profile, after feed.Place, filter feed.Filter, limit int) (feed.Page, error) {
	page := feed.Page{Next: after}
	err := db.snapshotRead(ctx, p, func(tx pgx.Tx) error {
		oldest, end, err := horizon(ctx, tx)
		if err != nil {
			return err
		}
		if after.Xact > end {
			return fault.New(fault.Invalid, "feed-place", "this place is not of this database; begin without after and read everything anew")
		}
		args := &access.Args{Values: []any{strconv.FormatUint(after.Xact, 10), after.Position, strconv.FormatUint(oldest, 10), limit + 1}}
		demand := ""
		if len(filter.Kinds) > 0 {
			demand += " and v.kind = any(" + args.Add(numbersOf(filter.Kinds)) + "::smallint[])"
		}
		if len(filter.Templates) > 0 {
			demand += " and f.template_id = any(" + args.Add(filter.Templates) + "::text[])"
		}
		versions := access.NewScope(p, access.Query, args, "").Scan(access.Version, "v")
		rows, err := tx.Query(ctx, fmt.Sprintf(changesSQL, versions, demand), args.Values...)
		if err != nil {
			return err
		}
		if page.Changes, err = pgx.CollectRows(rows, scanChange); err != nil {
			return err
		}
		if page.More = len(page.Changes) > limit; page.More {
			page.Changes = page.Changes[:limit]
			page.Next = page.Changes[limit-1].Place
		} else if all := (feed.Place{Xact: oldest - 1, Position: 1<<63 - 1}); oldest > after.Xact+1 {
			page.Next = all
		}
		return nil
	})
	return page, translate(ctx, err)
}

// Now is the place behind everything that has been committed for good.
func (db *DB) Now(ctx context.Context) (feed.Place, error) {
	var now feed.Place
	err := db.snapshotRead(ctx, access.System(), func(tx pgx.Tx) error {
		oldest, _, err := horizon(ctx, tx)
		now = feed.Place{Xact: oldest - 1, Position: 1<<63 - 1}
		return err
	})
	return now, translate(ctx, err)
}

// snapshotRead runs do in one snapshot of the feed, as the profile.
func (db *DB) snapshotRead(ctx context.Context, p *access.Profile, do func(pgx.Tx) error) error {
	return db.with(ctx, db.query, db.queryWait, func(conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, feedSettingsSQL, append(p.Settings(access.Query), statementTimeout(ctx))...); err != nil {
				return err
			}
			return do(tx)
		})
	})
}

func horizon(ctx context.Context, tx pgx.Tx) (oldest, end uint64, err error) {
	var from, to string
	if err = tx.QueryRow(ctx, horizonSQL).Scan(&from, &to); err != nil {
		return 0, 0, err
	}
	if oldest, err = strconv.ParseUint(from, 10, 64); err != nil {
		return 0, 0, err
	}
	end, err = strconv.ParseUint(to, 10, 64)
	return oldest, end, err
}

func scanChange(row pgx.CollectableRow) (feed.Change, error) {
	var c feed.Change
	var xact, system string
	var kind, change, lifecycle int16
	var number int
	err := row.Scan(&xact, &c.Place.Position, &c.EHR, &c.Erased, &kind, &c.Object, &number, &system, &change, &lifecycle,
		&c.Template, &c.Contribution, &c.Committed, &c.Attested, nil)
	if err != nil {
		return c, err
	}
	if c.Place.Xact, err = strconv.ParseUint(xact, 10, 64); err != nil {
		return c, err
	}
	if c.Erased {
		c.Contribution = ""
		if c.Object == c.EHR {
			c.Object = ""
		}
		return c, nil
	}
	c.Kind, c.ChangeType, c.Lifecycle = cdr.Kind(kind), strconv.Itoa(int(change)), strconv.Itoa(int(lifecycle))
	c.VersionUID = cdr.VersionUID{Object: c.Object, System: system, Number: number}.String()
	return c, nil
}

func numbersOf(kinds []cdr.Kind) []int16 {
	numbers := make([]int16, len(kinds))
	for i, k := range kinds {
		numbers[i] = int16(k)
	}
	return numbers
}

// dueSQL is the first waiting change of each EHR, where its time has come. What
// is not found beside it the profile does not see any more.
const dueSQL = `with first as materialized (
    select distinct on (w.ehr_id) w.ehr_id, w.xact, w.place, w.next_at from webhook_waiting w
    where w.webhook = $1 and w.given_up is null order by w.ehr_id, w.xact, w.place),
due as (select * from first where next_at <= clock_timestamp() order by xact, place limit $2)
select due.xact::text, due.place, due.ehr_id, c.id is not null, coalesce(v.kind, 0), coalesce(v.vo_id, case when c.object <> '' then c.object::uuid end, due.ehr_id),
       coalesce(v.ver, 0), coalesce(s.system_id, ''), coalesce(v.change_type, 0), coalesce(v.lifecycle, 0), coalesce(f.template_id, ''),
       coalesce(v.contribution_id, due.ehr_id), coalesce(v.committed, c.erased, now()), v.attestations is not null, v.ehr_id is not null or c.id is not null
from due left join (%s left join system s on s.id = v.system left join template_family f on f.id = v.tmpl)
         on v.ehr_id = due.ehr_id and v.xact = due.xact and v.position = due.place
     left join erasure_certificate c on c.ehr_id = due.ehr_id and c.xact = due.xact and c.position = due.place and v.ehr_id is null
order by due.xact, due.place`

// Due reads the waiting changes anew, with the rights of now.
func (db *DB) Due(ctx context.Context, p *access.Profile, id string, limit int) ([]feed.Change, error) {
	var due []feed.Change
	var gone []feed.Change
	err := db.snapshotRead(ctx, p, func(tx pgx.Tx) error {
		due, gone = nil, nil
		args := &access.Args{Values: []any{id, limit}}
		versions := access.NewScope(p, access.Query, args, "").Scan(access.Version, "v")
		rows, err := tx.Query(ctx, fmt.Sprintf(dueSQL, versions), args.Values...)
		if err != nil {
			return err
		}
		_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
			c, err := scanChange(row)
			if visible := row.RawValues()[14]; len(visible) == 1 && (visible[0] == 1 || visible[0] == 't') {
				due = append(due, c)
			} else {
				gone = append(gone, c)
			}
			return struct{}{}, err
		})
		return err
	})
	if err == nil && len(gone) > 0 {
		err = db.Settle(ctx, id, feed.Outcome{Told: gone})
	}
	return due, translate(ctx, err)
}

func placesOf(changes []feed.Change) (ehrs, xacts []string, places []int64) {
	for _, c := range changes {
		ehrs, xacts, places = append(ehrs, c.EHR), append(xacts, strconv.FormatUint(c.Place.Xact, 10)), append(places, c.Place.Position)
	}
	return ehrs, xacts, places
}

// The ends of a round. A change that was refused for a day is given up, and later
// ones of its EHR go on.
const (
	settleToldSQL = `delete from webhook_waiting w using unnest($2::uuid[], $3::text[], $4::bigint[]) t (e, x, n)
where w.webhook = $1 and w.ehr_id = t.e and w.xact = t.x::xid8 and w.place = t.n`

	settleRefusedSQL = `update webhook_waiting w set attempts = w.attempts + 1,
    next_at = clock_timestamp() + least(power(2, w.attempts), 3600) * interval '1 second',
    given_up = case when w.since < clock_timestamp() - interval '1 day' then clock_timestamp() end
from unnest($2::uuid[], $3::text[], $4::bigint[]) t (e, x, n)
where w.webhook = $1 and w.ehr_id = t.e and w.xact = t.x::xid8 and w.place = t.n`

	settleLateSQL = `insert into webhook_waiting (ehr_id, webhook, xact, place, next_at)
select t.e, $1, t.x::xid8, t.n, clock_timestamp() + interval '1 second' from unnest($2::uuid[], $3::text[], $4::bigint[]) t (e, x, n)
on conflict do nothing`

	settleSQL = `update webhook set after_xact = coalesce($2::text::xid8, after_xact), after_place = coalesce($3, after_place),
    last_told = case when $4 then clock_timestamp() else last_told end,
    failing = case when $5 <> '' and not $4 then coalesce(failing, clock_timestamp()) when $4 then null else failing end,
    failure = case when $5 <> '' then $5 when $4 then null else failure end,
    paused_until = case when $6 > 0 then clock_timestamp() + $6 * interval '1 millisecond' end
where id = $1`
)

// Settle writes a round down in one transaction: what was sent twice because of a
// crash before it carries the same id.
func (db *DB) Settle(ctx context.Context, id string, o feed.Outcome) error {
	b := &pgx.Batch{}
	for _, part := range []struct {
		sql     string
		changes []feed.Change
	}{{settleToldSQL, o.Told}, {settleRefusedSQL, o.Refused}, {settleLateSQL, o.Late}} {
		if len(part.changes) > 0 {
			ehrs, xacts, places := placesOf(part.changes)
			b.Queue(part.sql, id, ehrs, xacts, places)
		}
	}
	var xact *string
	var place *int64
	if o.Next != nil {
		text := strconv.FormatUint(o.Next.Xact, 10)
		xact, place = &text, &o.Next.Position
	}
	b.Queue(settleSQL, id, xact, place, o.Sent, strings.ToValidUTF8(o.Failure, ""), o.Pause.Milliseconds())
	return translate(ctx, db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	}))
}
