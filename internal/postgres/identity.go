package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Access keeps local identities, the access epoch, and the rights on single
// records that begin and end. It implements cdr.AccessStore and cdr.AuditStore,
// and the ports that internal/keto and internal/authn declare.
type Access struct {
	db *DB
	// epoch is one connection of its own: when the record's pools are busy, the
	// epoch must still be read, or load would look like an outage.
	epoch  *pgxpool.Pool
	direct *pgx.ConnConfig
}

// NewAccess works on the pools of db, and on connections of its own to the
// application role's direct address, past any pooler.
func NewAccess(ctx context.Context, db *DB, directDSN string) (*Access, error) {
	pool, err := open(ctx, Config{DSN: directDSN}, "access", 1)
	if err != nil {
		return nil, err
	}
	direct := pool.Config().ConnConfig.Copy()
	direct.RuntimeParams["application_name"] = "quire access listener"
	return &Access{db: db, epoch: pool, direct: direct}, nil
}

// Close ends the connections of its own.
func (a *Access) Close() { a.epoch.Close() }

// Epoch reads the access epoch.
func (a *Access) Epoch(ctx context.Context) (int64, error) {
	var epoch int64
	err := a.epoch.QueryRow(ctx, "select epoch from access_epoch").Scan(&epoch)
	return epoch, translate(ctx, err)
}

// Raise adds one to the access epoch and notifies every process that listens.
func (a *Access) Raise(ctx context.Context) error {
	_, err := a.epoch.Exec(ctx, "select raise_access_epoch()")
	return translate(ctx, err)
}

// Listen calls changed at each notification, and once when it listens, until ctx
// ends or the connection fails.
func (a *Access) Listen(ctx context.Context, changed func()) error {
	conn, err := pgx.ConnectConfig(ctx, a.direct)
	if err != nil {
		return translate(ctx, err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "listen quire_access"); err != nil {
		return translate(ctx, err)
	}
	for {
		changed()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return translate(ctx, err)
		}
	}
}

const familiesSQL = `select l.name, coalesce(l.bit, 0), coalesce(array_agg(f.id order by f.id) filter (where f.id is not null), '{}')
from sensitivity_label l left join template_family f on f.label = l.name group by l.name, l.bit`

// Families tells which template families carry which label, and each label's bit.
func (a *Access) Families(ctx context.Context) (byLabel map[string][]int32, bits map[string]uint64, err error) {
	rows, err := a.epoch.Query(ctx, familiesSQL)
	if err != nil {
		return nil, nil, translate(ctx, err)
	}
	byLabel, bits = map[string][]int32{}, map[string]uint64{}
	var label string
	var bit int16
	var families []int32
	_, err = pgx.ForEachRow(rows, []any{&label, &bit, &families}, func() error {
		byLabel[label] = append([]int32(nil), families...)
		if bit > 0 {
			bits[label] = 1 << bit
		}
		return nil
	})
	return byLabel, bits, translate(ctx, err)
}

const keySQL = `select id, hash, subject, roles, org, service, demo, coalesce(cidrs, '{}'), created, expires_at, revoked_at
from api_key where id = $1`

// Key reads an API key, or fault.NotFound.
func (a *Access) Key(ctx context.Context, id string) (cdr.APIKey, error) {
	var k cdr.APIKey
	var revoked *time.Time
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, keySQL, id).Scan(&k.ID, &k.Hash, &k.Subject, &k.Roles, &k.Organisation, &k.Service, &k.Demo, &k.Networks, &k.Created, &k.Expires, &revoked)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return k, fault.New(fault.NotFound, "api-key", "no such key")
	}
	if revoked != nil {
		k.Revoked = *revoked
	}
	return k, translate(ctx, err)
}

const (
	putKeySQL = `insert into api_key (id, hash, subject, roles, org, service, demo, cidrs, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	revokeKeySQL = `update api_key set revoked_at = clock_timestamp() where id = $1 and revoked_at is null`

	usedKeySQL = `update api_key set last_used = clock_timestamp() where id = $1`

	demoKeysSQL = `select exists (select 1 from api_key where demo and revoked_at is null)`

	dropDemoKeysSQL = `delete from api_key where demo`
)

// PutKey stores a new key; a used id is a Conflict.
func (a *Access) PutKey(ctx context.Context, k cdr.APIKey, audit cdr.Event) error {
	err := a.change(ctx, audit, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, putKeySQL, k.ID, k.Hash, k.Subject, k.Roles, k.Organisation, k.Service, k.Demo, k.Networks, k.Expires)
		return err
	})
	if violated(err) != "" {
		return fault.New(fault.Conflict, "api-key", "a key with this id exists")
	}
	return translate(ctx, err)
}

// RevokeKey withdraws a key now; NotFound without a good one.
func (a *Access) RevokeKey(ctx context.Context, id string, audit cdr.Event) error {
	return a.end(ctx, audit, "api-key", "no such key is in use", revokeKeySQL, id)
}

// UsedKey notes the use of a key.
func (a *Access) UsedKey(ctx context.Context, id string) error {
	return a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, usedKeySQL, id)
		return translate(ctx, err)
	})
}

// HasDemoKeys says whether the database holds keys that were printed; a
// production server refuses such a database.
func (a *Access) HasDemoKeys(ctx context.Context) (bool, error) {
	var there bool
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, demoKeysSQL).Scan(&there)
	})
	return there, translate(ctx, err)
}

// DropDemoKeys removes the keys of an earlier start.
func (a *Access) DropDemoKeys(ctx context.Context) error {
	return a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, dropDemoKeysSQL)
		return translate(ctx, err)
	})
}

// EHRExists says whether there is such an EHR, whoever asks.
func (a *Access) EHRExists(ctx context.Context, ehr string) (bool, error) {
	var there bool
	err := a.db.inTransaction(ctx, a.db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select exists (select 1 from "+everything(access.EHR, "e")+" where e.ehr_id = $1)", ehr).Scan(&there)
	})
	return there, translate(ctx, err)
}

// liveNow is the test of a validity period; access.Scan carries the same.
const liveNow = `valid_from <= clock_timestamp() and (valid_to is null or valid_to > clock_timestamp())`

const relatedSQL = `select exists (select 1 from ehr_organisation where ehr_id = $1 and org = any($2::text[]) and ` + liveNow + `)`

// Related says whether one of the organisations has a live relationship.
func (a *Access) Related(ctx context.Context, ehr string, organisations []string) (bool, error) {
	var related bool
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, relatedSQL, ehr, organisations).Scan(&related)
	})
	return related, translate(ctx, err)
}

const (
	relateSQL = `insert into ehr_organisation (ehr_id, org, relationship, valid_from, valid_to)
select $1, $2, $3, coalesce($4, clock_timestamp()), $5
where not exists (select 1 from ehr_organisation where ehr_id = $1 and org = $2 and relationship = $3
    and (valid_to is null or valid_to > clock_timestamp()) and valid_from <= coalesce($4, clock_timestamp()) and valid_to is not distinct from $5)`

	// What has not begun ends too; a period cannot end before it began.
	endRelationshipSQL = `update ehr_organisation set valid_to = greatest(clock_timestamp(), valid_from)
where ehr_id = $1 and org = $2 and relationship = $3 and (valid_to is null or valid_to > clock_timestamp())`

	insertGrantSQL = `insert into ehr_grant (ehr_id, grantee, may_write, valid_from, valid_to, kind) values ($1, $2, $3, clock_timestamp(), $4, $5)`

	endGrantSQL = `update ehr_grant set valid_to = greatest(clock_timestamp(), valid_from)
where ehr_id = $1 and grantee = $2 and (valid_to is null or valid_to > clock_timestamp())`

	insertRestrictionSQL = `insert into ehr_restriction (ehr_id, id, applies_to, reason, valid_from, valid_to, spares) values ($1, $2, $3, $4, clock_timestamp(), $5, $6)`

	endRestrictionSQL = `update ehr_restriction set valid_to = greatest(clock_timestamp(), valid_from)
where ehr_id = $1 and id = $2 and (valid_to is null or valid_to > clock_timestamp())`

	insertBreakGlassSQL = `insert into break_glass (ehr_id, id, principal, org, reason_code, reason, expires_at, role)
values ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(mins => $7), $8) returning expires_at`
)

// Relate begins a relationship; one like it that lives already is left.
func (a *Access) Relate(ctx context.Context, r cdr.Relationship, audit cdr.Event) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, relateSQL, r.EHR, r.Organisation, r.Kind, moment(r.From), moment(r.To))
		return err
	}))
}

// EndRelationship ends the live ones of the organisation and kind.
func (a *Access) EndRelationship(ctx context.Context, r cdr.Relationship, audit cdr.Event) error {
	return a.end(ctx, audit, "relationship", "no such relationship is live", endRelationshipSQL, r.EHR, r.Organisation, r.Kind)
}

// PutGrant replaces the grantee's live grant.
func (a *Access) PutGrant(ctx context.Context, g cdr.Grant, audit cdr.Event) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, endGrantSQL, g.EHR, g.Grantee); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertGrantSQL, g.EHR, g.Grantee, g.Write, moment(g.To), or(g.Kind, "staff"))
		return err
	}))
}

// EndGrant ends the grantee's live grant.
func (a *Access) EndGrant(ctx context.Context, ehr, grantee string, audit cdr.Event) error {
	return a.end(ctx, audit, "grant", "no such grant is live", endGrantSQL, ehr, grantee)
}

// Restrict denies an EHR to principals and groups, or to everybody.
func (a *Access) Restrict(ctx context.Context, r cdr.Restriction, audit cdr.Event) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insertRestrictionSQL, r.EHR, r.ID, r.AppliesTo, r.Reason, moment(r.To), append([]string{}, r.Spares...))
		return err
	}))
}

// EndRestriction ends a restriction now.
func (a *Access) EndRestriction(ctx context.Context, ehr, id string, audit cdr.Event) error {
	return a.end(ctx, audit, "restriction", "no such restriction is live", endRestrictionSQL, ehr, id)
}

// OpenBreakGlass begins emergency access and returns its end.
func (a *Access) OpenBreakGlass(ctx context.Context, b cdr.BreakGlass, audit cdr.Event) (time.Time, error) {
	var ends time.Time
	err := a.change(ctx, audit, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, insertBreakGlassSQL, b.EHR, b.ID, b.Principal, b.Organisation, b.ReasonCode, b.Reason, b.Minutes, audit.Role).Scan(&ends)
	})
	return ends, translate(ctx, err)
}

// gatesSQL reads the facts behind a decision; the two verdicts are the very
// predicates that every statement carries. $1 ehr, $2 readable, $3 writable,
// $4 grantees, $5 principal.
const gatesSQL = `select
    array(select distinct org from ehr_organisation where ehr_id = $1 and org = any($2::text[]) and ` + liveNow + ` order by org),
    array(select distinct org from ehr_organisation where ehr_id = $1 and org = any($3::text[]) and ` + liveNow + ` order by org),
    array(select distinct grantee from ehr_grant where ehr_id = $1 and grantee = any($4::text[]) and ` + liveNow + ` order by grantee),
    (select max(expires_at) from break_glass where ehr_id = $1 and principal = $5 and revoked_at is null and expires_at > clock_timestamp()),
    exists (select 1 from ehr_restriction where ehr_id = $1 and (applies_to && $4::text[] or '*' = any(applies_to)) and not spares && $4::text[] and ` + liveNow + `)`

// Gates reads the facts behind a decision about an EHR.
func (a *Access) Gates(ctx context.Context, p *access.Profile, ehr string) (cdr.Gates, error) {
	verdict := func(tx pgx.Tx, action access.Action) (allowed bool, err error) {
		args := &access.Args{}
		place := args.Add(ehr) + "::uuid"
		sql := "select coalesce(" + access.NewScope(p, action, args, place).Allows(place) + ", false)"
		if p.All {
			return true, nil
		}
		err = tx.QueryRow(ctx, sql, args.Values...).Scan(&allowed)
		return allowed, err
	}
	var g cdr.Gates
	var open *time.Time
	err := a.db.inTransaction(ctx, a.db.record, p, access.Read, func(tx pgx.Tx) (err error) {
		if g.Read, err = verdict(tx, access.Read); err != nil {
			return err
		}
		if g.Write, err = verdict(tx, access.Write); err != nil {
			return err
		}
		grantees := append([]string{p.Principal}, p.Groups...)
		return tx.QueryRow(ctx, gatesSQL, ehr, p.Readable, p.Writable, grantees, p.Principal).Scan(&g.ReadThrough, &g.WriteThrough, &g.Grants, &open, &g.Restricted)
	})
	if open != nil {
		g.BreakGlass = *open
	}
	if pinned, ours := uuid.FromStringOrNil(p.EHR), uuid.FromStringOrNil(ehr); p.EHR != "" && pinned != ours {
		g.Pinned = true
	}
	return g, translate(ctx, err)
}

// change runs do and writes the audit row in one transaction.
func (a *Access) change(ctx context.Context, audit cdr.Event, do func(pgx.Tx) error) error {
	return a.db.inTransaction(ctx, a.db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
}

// end runs an update that must meet a row.
func (a *Access) end(ctx context.Context, audit cdr.Event, code, missing, sql string, args ...any) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, code, "%s", missing)
		}
		return err
	}))
}

// moment is nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
