package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	// Changes take turns, so that each is judged on the policy it changes.
	lockPolicySQL = `select pg_advisory_xact_lock(hashtext('quire.policy'))`

	tuplesSQL = `select namespace, object, relation, subject from policy_tuple`

	policyLabelsSQL = `select name from sensitivity_label order by name`

	templateLabelsSQL = `select template_id, label from template_family`

	labelRulesSQL = `select label, terminology, code from label_rule`

	addTuplesSQL = `insert into policy_tuple (namespace, object, relation, subject, set_by, reason)
select n, o, r, s, $5, $6 from unnest($1::text[], $2::text[], $3::text[], $4::text[]) t (n, o, r, s) on conflict do nothing`

	dropTuplesSQL = `delete from policy_tuple p using unnest($1::text[], $2::text[], $3::text[], $4::text[]) t (n, o, r, s)
where p.namespace = n and p.object = o and p.relation = r and p.subject = s`

	pendTuplesSQL = `insert into policy_pending (namespace, object, relation, subject, wanted)
select n, o, r, s, $5 from unnest($1::text[], $2::text[], $3::text[], $4::text[]) t (n, o, r, s)
on conflict (namespace, object, relation, subject) do update set wanted = excluded.wanted, since = clock_timestamp()`

	// Bit 62 is of what was moved to another record.
	addLabelSQL = `insert into sensitivity_label (name, bit)
select $1, min(b) from generate_series(1, 61) b where not exists (select 1 from sensitivity_label l where l.bit = b)`

	labelTemplateSQL = `update template_family set label = $2 where template_id = $1`

	addRuleSQL = `insert into label_rule (label, terminology, code) values ($1, $2, $3) on conflict do nothing`

	dropRuleSQL = `delete from label_rule where label = $1 and terminology = $2 and code = $3`

	pendingSQL = `select exists (select 1 from policy_pending)`

	takePendingSQL = `delete from policy_pending returning namespace, object, relation, subject, wanted`
)

// Policy reads the recorded policy.
func (a *Access) Policy(ctx context.Context) (policy.State, error) {
	var s policy.State
	err := a.db.inSnapshot(ctx, a.db.record, access.System(), func(tx pgx.Tx) (err error) {
		s, err = readPolicy(ctx, tx)
		return err
	})
	return s, translate(ctx, err)
}

func readPolicy(ctx context.Context, tx pgx.Tx) (s policy.State, err error) {
	rows, err := tx.Query(ctx, tuplesSQL)
	if err != nil {
		return s, err
	}
	if s.Tuples, err = pgx.CollectRows(rows, pgx.RowToStructByPos[policy.Tuple]); err != nil {
		return s, err
	}
	if rows, err = tx.Query(ctx, policyLabelsSQL); err != nil {
		return s, err
	}
	if s.Labels, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return s, err
	}
	if rows, err = tx.Query(ctx, templateLabelsSQL); err != nil {
		return s, err
	}
	s.Templates = map[string]string{}
	var template, label string
	if _, err = pgx.ForEachRow(rows, []any{&template, &label}, func() error { s.Templates[template] = label; return nil }); err != nil {
		return s, err
	}
	if rows, err = tx.Query(ctx, labelRulesSQL); err != nil {
		return s, err
	}
	s.Rules, err = pgx.CollectRows(rows, pgx.RowToStructByPos[policy.Rule])
	return s, err
}

// ChangePolicy records what decide makes of the policy as it is, with its audit
// rows.
func (a *Access) ChangePolicy(ctx context.Context, decide func(policy.State) (policy.Change, []cdr.Event, error)) error {
	err := a.db.inTransaction(ctx, a.db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockPolicySQL); err != nil {
			return err
		}
		now, err := readPolicy(ctx, tx)
		if err != nil {
			return err
		}
		c, events, err := decide(now)
		if err != nil || c.Empty() {
			return err
		}
		var b pgx.Batch
		for _, label := range c.Labels {
			b.Queue(addLabelSQL, label)
		}
		if len(c.Added) > 0 {
			columns := tupleColumns(c.Added)
			b.Queue(addTuplesSQL, append(slices.Clone(columns), events[0].Principal, events[0].Basis)...)
			b.Queue(pendTuplesSQL, append(slices.Clone(columns), true)...)
		}
		if len(c.Removed) > 0 {
			columns := tupleColumns(c.Removed)
			b.Queue(dropTuplesSQL, columns...)
			b.Queue(pendTuplesSQL, append(slices.Clone(columns), false)...)
		}
		for template, label := range c.Templates {
			b.Queue(labelTemplateSQL, template, label)
		}
		for _, r := range c.AddedRules {
			b.Queue(addRuleSQL, r.Label, r.Terminology, r.Code)
		}
		for _, r := range c.EndedRules {
			b.Queue(dropRuleSQL, r.Label, r.Terminology, r.Code)
		}
		for _, e := range events {
			b.Queue(auditInsertSQL, auditRow(e)...)
		}
		err = tx.SendBatch(ctx, &b).Close()
		if violated(err) != "" {
			return fault.New(fault.Conflict, "policy", "the policy was changed at the same time, or there are no labels left").Because(err)
		}
		return err
	})
	return translate(ctx, err)
}

func tupleColumns(list []policy.Tuple) []any {
	columns := make([][]string, 4)
	for _, t := range list {
		for i, text := range []string{t.Namespace, t.Object, t.Relation, t.Subject} {
			columns[i] = append(columns[i], text)
		}
	}
	return []any{columns[0], columns[1], columns[2], columns[3]}
}

// TellPolicy gives what is pending to tell, and forgets it in the transaction that
// read it: what tell fails at stays.
func (a *Access) TellPolicy(ctx context.Context, tell func(add, remove []policy.Tuple) error) error {
	waiting := false
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, pendingSQL).Scan(&waiting)
	})
	if err != nil || !waiting {
		return translate(ctx, err)
	}
	err = a.db.inTransaction(ctx, a.db.work, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockPolicySQL); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, takePendingSQL)
		if err != nil {
			return err
		}
		var add, remove []policy.Tuple
		var t policy.Tuple
		var wanted bool
		_, err = pgx.ForEachRow(rows, []any{&t.Namespace, &t.Object, &t.Relation, &t.Subject, &wanted}, func() error {
			if wanted {
				add = append(add, t)
			} else {
				remove = append(remove, t)
			}
			return nil
		})
		if err != nil || len(add)+len(remove) == 0 {
			return err
		}
		return tell(add, remove)
	})
	return translate(ctx, err)
}

const keysSQL = `select id, subject, roles, org, service, demo, coalesce(cidrs, '{}'), created, expires_at, last_used
from api_key where revoked_at is null order by subject, created, id`

// Keys lists the keys that are not withdrawn.
func (a *Access) Keys(ctx context.Context) ([]policy.HeldKey, error) {
	var list []policy.HeldKey
	err := a.db.with(ctx, a.db.record, a.db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, keysSQL)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (policy.HeldKey, error) {
			var k policy.HeldKey
			var used *time.Time
			err := r.Scan(&k.ID, &k.Subject, &k.Roles, &k.Organisation, &k.Service, &k.Demo, &k.Networks, &k.Created, &k.Expires, &used)
			if used != nil {
				k.Used = *used
			}
			return k, err
		})
		return err
	})
	return list, translate(ctx, err)
}

const (
	liveRelationshipsSQL = `select org, relationship, valid_from, valid_to from ehr_organisation where ehr_id = $1 and ` + liveNow + ` order by org, relationship, valid_from`

	liveGrantsSQL = `select grantee, kind, may_write, valid_to from ehr_grant where ehr_id = $1 and ` + liveNow + ` order by grantee, valid_from`

	liveRestrictionsSQL = `select id::text, applies_to, spares, reason, valid_to from ehr_restriction where ehr_id = $1 and ` + liveNow + ` order by valid_from, id`

	liveBrokenSQL = `select id::text, principal, org, reason_code, expires_at from break_glass
where ehr_id = $1 and revoked_at is null and expires_at > clock_timestamp() order by expires_at, id`

	// The label of the template comes first, then those of the version that differ.
	sealsSQL = `select coalesce(f.label, '') || v.labels from %s left join template_family f on f.id = v.tmpl
where v.ehr_id = $1 and v.vo_id = $2 and ($3 = 0 and v.is_latest or v.ver = $3)`
)

// Ways reads what opens and closes a record now.
func (a *Access) Ways(ctx context.Context, ehr string) (policy.Ways, error) {
	var w policy.Ways
	end := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return t.UTC()
	}
	err := a.db.inSnapshot(ctx, a.db.record, access.System(), func(tx pgx.Tx) error {
		var to *time.Time
		rows, err := tx.Query(ctx, liveRelationshipsSQL, ehr)
		if err != nil {
			return err
		}
		r := cdr.Relationship{EHR: ehr}
		if _, err = pgx.ForEachRow(rows, []any{&r.Organisation, &r.Kind, &r.From, &to}, func() error {
			r.From, r.To = r.From.UTC(), end(to)
			w.Relationships = append(w.Relationships, r)
			return nil
		}); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, liveGrantsSQL, ehr); err != nil {
			return err
		}
		g := cdr.Grant{EHR: ehr}
		if _, err = pgx.ForEachRow(rows, []any{&g.Grantee, &g.Kind, &g.Write, &to}, func() error {
			g.To = end(to)
			w.Grants = append(w.Grants, g)
			return nil
		}); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, liveRestrictionsSQL, ehr); err != nil {
			return err
		}
		w.Restrictions, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cdr.Restriction, error) {
			x := cdr.Restriction{EHR: ehr}
			var to *time.Time
			err := row.Scan(&x.ID, &x.AppliesTo, &x.Spares, &x.Reason, &to)
			x.To = end(to)
			return x, err
		})
		if err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, liveBrokenSQL, ehr); err != nil {
			return err
		}
		w.Broken, err = pgx.CollectRows(rows, pgx.RowToStructByPos[policy.Broken])
		return err
	})
	return w, translate(ctx, err)
}

// Seals gives the labels of a version, named by its uid or its object's.
func (a *Access) Seals(ctx context.Context, ehr, version string) ([]string, error) {
	missing := fault.New(fault.NotFound, "version-unknown", "no such version in this record")
	uid, ok := cdr.ParseVersionUID(version)
	if !ok {
		object, ok := cdr.ObjectUID(version)
		if !ok {
			return nil, fault.New(fault.Invalid, "version-uid", "a version is named by its uid, or by that of its object")
		}
		uid.Object = object
	}
	var labels []string
	err := a.db.inTransaction(ctx, a.db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(sealsSQL, everything(access.Version, "v")), ehr, uid.Object, uid.Number).Scan(&labels)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, missing
	}
	labels = slices.DeleteFunc(labels, func(l string) bool { return l == "" })
	for i := len(labels) - 1; i > 0; i-- {
		if slices.Contains(labels[:i], labels[i]) {
			labels = slices.Delete(labels, i, i+1)
		}
	}
	return labels, translate(ctx, err)
}

const writesSQL = `select exists (select 1 from %s where v.vo_id = $2 and v.is_latest)`

// Writes says whether the profile may write the newest version of an object.
func (a *Access) Writes(ctx context.Context, p *access.Profile, ehr, object string) (bool, error) {
	able := false
	err := a.db.inTransaction(ctx, a.db.record, p, access.Write, func(tx pgx.Tx) error {
		args := &access.Args{}
		place := args.Add(ehr) + "::uuid"
		args.Add(object)
		return tx.QueryRow(ctx, fmt.Sprintf(writesSQL, access.NewScope(p, access.Write, args, place).Scan(access.Version, "v")), args.Values...).Scan(&able)
	})
	return able, translate(ctx, err)
}

const (
	labelBitSQL = `select 1::bigint << bit from sensitivity_label where name = $1 and bit is not null`

	labelVersionsSQL = `update version v set sens = case when $4 then v.sens | $5 else v.sens & ~$5::bigint end,
    labels = case when $4 then array(select l from unnest(v.labels || $3::text) l group by l order by l) else array_remove(v.labels, $3::text) end
where v.ehr_id = $1 and v.vo_id = $2`

	labelNodesSQL = `update node n set sens = case when $3 then n.sens | $4 else n.sens & ~$4::bigint end where n.ehr_id = $1 and n.vo_id = $2`

	labelLeavesSQL = `update leaf l set sens = case when $3 then l.sens | $4 else l.sens & ~$4::bigint end where l.ehr_id = $1 and l.vo_id = $2`
)

// Seal puts a label on all versions of an object and on their rows, or takes it
// off. The EHR is locked as for a commit, which would else follow the old labels.
func (a *Access) Seal(ctx context.Context, ehr, object, label string, on bool, audit cdr.Event) error {
	return translate(ctx, a.change(ctx, audit, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(lockPurgedSQL, everything(access.EHR, "e")), ehr); err != nil {
			return err
		}
		var bits int64
		if err := tx.QueryRow(ctx, labelBitSQL, label).Scan(&bits); err != nil {
			return err
		}
		done, err := tx.Exec(ctx, labelVersionsSQL, ehr, object, label, on, bits)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "composition-unknown", "no such composition in this record")
		}
		for _, sql := range []string{labelNodesSQL, labelLeavesSQL} {
			if _, err := tx.Exec(ctx, sql, ehr, object, on, bits); err != nil {
				return err
			}
		}
		return nil
	}))
}

// LabelRules gives the labels that a code seals a composition with.
func (db *DB) LabelRules(ctx context.Context) (map[cdr.LabelCode][]string, error) {
	rules := map[cdr.LabelCode][]string{}
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, labelRulesSQL)
		if err != nil {
			return err
		}
		var label string
		var code cdr.LabelCode
		_, err = pgx.ForEachRow(rows, []any{&label, &code.Terminology, &code.Code}, func() error {
			code.Terminology = cdr.LabelTerminology(code.Terminology)
			rules[code] = append(rules[code], label)
			return nil
		})
		return err
	})
	return rules, translate(ctx, err)
}

// Record writes one audit row at once: for commands that work on the database
// with no server between. It implements cdr.Auditor.
func (a *Access) Record(ctx context.Context, e cdr.Event) error {
	return translate(ctx, a.change(ctx, e, func(pgx.Tx) error { return nil }))
}
