package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	insertLinkGrantSQL = `insert into ehr_grant (ehr_id, grantee, may_write, valid_from, valid_to, kind) values ($1, $2, false, clock_timestamp(), $3, 'link')`

	endLinkGrantSQL = `update ehr_grant set valid_to = clock_timestamp()
where ehr_id = $1 and grantee = $2 and kind = 'link' and valid_to > clock_timestamp()`

	// The tuple of a link goes when its key is good no more.
	sweepLinksSQL = `with gone as (delete from policy_tuple p where starts_with(p.subject, $1)
    and not exists (select 1 from api_key k where k.subject = p.subject and k.revoked_at is null and k.expires_at > clock_timestamp())
    returning namespace, object, relation, subject)
insert into policy_pending (namespace, object, relation, subject, wanted) select namespace, object, relation, subject, false from gone
on conflict (namespace, object, relation, subject) do update set wanted = false`
)

// OpenLink stores the key of a link, what it opens and what it may see of it.
func (a *Access) OpenLink(ctx context.Context, k cdr.APIKey, g cdr.Grant, t policy.Tuple, audit cdr.Event) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		var b pgx.Batch
		columns := tupleColumns([]policy.Tuple{t})
		b.Queue(lockPolicySQL)
		b.Queue(putKeySQL, k.ID, k.Hash, k.Subject, k.Roles, k.Organisation, k.Service, k.Demo, k.Networks, k.Expires)
		b.Queue(insertLinkGrantSQL, g.EHR, g.Grantee, g.To)
		b.Queue(addTuplesSQL, append(columns, audit.Principal, audit.Basis)...)
		b.Queue(pendTuplesSQL, append(tupleColumns([]policy.Tuple{t}), true)...)
		return tx.SendBatch(ctx, &b).Close()
	}))
}

// CloseLink ends a link of the record.
func (a *Access) CloseLink(ctx context.Context, ehr string, t policy.Tuple, audit cdr.Event) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		ended, err := tx.Exec(ctx, endLinkGrantSQL, ehr, t.Subject)
		if err != nil {
			return err
		}
		if ended.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "link", "the record has no such link")
		}
		var b pgx.Batch
		b.Queue(lockPolicySQL)
		b.Queue(revokeKeySQL, t.Subject[strings.LastIndexByte(t.Subject, '-')+1:])
		b.Queue(dropTuplesSQL, tupleColumns([]policy.Tuple{t})...)
		b.Queue(pendTuplesSQL, append(tupleColumns([]policy.Tuple{t}), false)...)
		return tx.SendBatch(ctx, &b).Close()
	}))
}

// SweepLinks takes away the tuples of links that have ended.
func (a *Access) SweepLinks(ctx context.Context, prefix string) error {
	return a.db.with(ctx, a.db.work, a.db.wait, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sweepLinksSQL, prefix)
		return translate(ctx, err)
	})
}
