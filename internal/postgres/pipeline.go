package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// pipeline collects the statements of one commit. Each condition stands in the
// statement that needs it and ends the pipeline by refuse(), so that all of it
// travels at once.
type pipeline struct {
	pgx.Batch
	commit cdr.Commit
	ids    dictionary.IDs
	at     time.Time
}

// everything scans without a predicate: the pipeline's own look at what it has
// locked or written. The verdict on the caller stands in lockSQL.
func everything(table access.Table, alias string) string {
	return access.NewScope(access.System(), access.Write, &access.Args{}, "").Scan(table, alias)
}

// send runs the commit as one pipeline.
func (db *DB) send(ctx context.Context, c cdr.Commit, cut [][]row.Row, ids dictionary.IDs) (cdr.Committed, error) {
	p := compose(ctx, c, cut, ids)
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, &p.Batch).Close()
	})
	if err != nil {
		return cdr.Committed{}, err
	}
	return cdr.Committed{Contribution: c.ID, Committed: p.at}, nil
}

// compose queues the statements of a commit.
func compose(ctx context.Context, c cdr.Commit, cut [][]row.Row, ids dictionary.IDs) *pipeline {
	p := &pipeline{commit: c, ids: ids}
	begin(ctx, &p.Batch, c.Profile, access.Write)
	if c.Create == nil {
		p.lock()
	}
	p.idempotency()
	for _, v := range c.Versions {
		if v.First() {
			p.home(v)
		} else {
			p.supersede(v)
		}
		if v.Status != nil {
			p.status(v)
		}
		if v.Kind == cdr.KindFolder {
			p.directory(v)
		}
	}
	p.contribution()
	if c.Create != nil {
		p.createEHR()
	}
	widened := p.widen()
	for i, v := range c.Versions {
		p.version(v)
		p.nodes(v, cut[i])
		p.folder(v)
		p.tags(v)
		p.attest(v.Object, int(following(v)), v.Attestations)
	}
	if widened {
		p.Queue(rowLabelsSQL, c.Profile.Settings(access.Write)[2])
	}
	p.attested()
	p.audit()
	return p
}

const rowLabelsSQL = `select set_config('quire.labels', $1, true)`

// widen lets the rows of versions see their own version where a code of its
// content seals it for who commits it: row security would hide it from the
// statements that follow. What is followed has been judged before.
func (p *pipeline) widen() bool {
	profile := *p.commit.Profile
	for _, v := range p.commit.Versions {
		profile.WriteLabels |= v.Sens
	}
	if profile.All || profile.WriteLabels == p.commit.Profile.WriteLabels {
		return false
	}
	p.Queue(rowLabelsSQL, profile.Settings(access.Write)[2])
	return true
}

// The row of the EHR is locked for update when EHR_STATUS changes or a rule
// about all its compositions is checked, else shared among writers of different
// objects. %[1]s is the EHR's row, %[2]s the verdict on the writer, %[3]s the
// lock.
const lockSQL = `select case
    when e.ehr_id is null or not %[2]s then refuse('denied')
    when %[4]s::boolean and not e.is_modifiable then refuse('not-modifiable')
end
from (select $1::uuid as id) i left join lateral (select * from %[1]s where e.ehr_id = i.id for %[3]s) e on true`

func (p *pipeline) lock() {
	if p.commit.EHR == access.Demographics {
		queuePartyGate(&p.Batch, p.commit.Profile)
		return
	}
	args := &access.Args{}
	ehr := args.Add(p.commit.EHR) + "::uuid"
	write := access.NewScope(p.commit.Profile, access.Write, args, ehr).Allows(ehr)
	// is_modifiable is judged once for all versions; EHR_STATUS is always
	// writable, and one that opens the record opens it for its companions.
	content, mode := false, "key share"
	opened := false
	for _, v := range p.commit.Versions {
		content = content || v.Kind != cdr.KindStatus
		opened = opened || v.Status != nil && v.Status.IsModifiable
		if v.Kind != cdr.KindComposition || v.Persistent {
			mode = "update"
		}
	}
	for _, a := range p.commit.Attested {
		content = content || a.Kind != cdr.KindStatus
	}
	must := args.Add(content && !opened)
	p.Queue(fmt.Sprintf(lockSQL, everything(access.EHR, "e"), write, mode, must), args.Values...)
}

const insertEHRSQL = `insert into ehr (ehr_id, system, created, status_id, is_queryable, is_modifiable)
select $1::uuid, $2::int, c.committed, $3::uuid, $4::boolean, $5::boolean from %s where c.ehr_id = $1 and c.contribution_id = $6`

const insertOrganisationSQL = `insert into ehr_organisation (ehr_id, org, relationship) values ($1, $2, 'registered')`

func (p *pipeline) createEHR() {
	c := p.commit
	queryable, modifiable := true, true
	for _, v := range c.Versions {
		if v.Status != nil {
			queryable, modifiable = v.Status.IsQueryable, v.Status.IsModifiable
		}
	}
	p.Queue(fmt.Sprintf(insertEHRSQL, everything(access.Contribution, "c")),
		c.EHR, p.ids.System[c.SystemID], c.Create.StatusID, queryable, modifiable, c.ID)
	if c.Organisation != "" {
		p.Queue(insertOrganisationSQL, c.EHR, c.Organisation)
	}
}

const insertHomeSQL = `insert into object_home (vo_id, ehr_id, kind) values ($1, $2, $3)`

// A persistent composition is one living document: %s is version.
const onePersistentSQL = `select refuse('persistent:' || v.vo_id::text)
from %s where v.ehr_id = $1 and v.kind = 1 and v.is_latest and v.lifecycle <> 523 and v.tmpl = $2
  and v.doc::json #>> '{category,defining_code,code_string}' = '431' limit 1`

func (p *pipeline) home(v cdr.NewVersion) {
	p.Queue(insertHomeSQL, v.Object, p.commit.EHR, int16(v.Kind))
	if v.Persistent {
		p.Queue(fmt.Sprintf(onePersistentSQL, everything(access.Version, "v")), p.commit.EHR, v.Template.Family)
	}
}

// The version that is followed must be the latest, of this very uid. $6 are the
// lifecycle states it may be in, $7 the family of the new version or null, $8
// whether the new version ends its being effective. What another system made is
// followed by versions of its trunk only, and what is ours by ours: $11. All
// versions of a composition are of one archetype, $12, and one persistence, $13
// (RM 1.1.0, Composition 5.4.1, VERSIONED_COMPOSITION); null where none is asked.
const supersedeSQL = `with old as (
    update version v set is_latest = false, is_effective = v.is_effective and not $8::boolean
    where v.ehr_id = $1 and v.vo_id = $2 and v.ver = $3 and v.kind = $4 and v.is_latest
      and v.system in (select s.id from system s where lower(s.system_id) = lower($5))
    returning v.lifecycle, v.tmpl, v.arch, v.imported is not null as imported,
        case when $13::boolean is not null then v.doc::json #>> '{category,defining_code,code_string}' = '431' end as persistent)
select case
    when not exists (select 1 from old) then refuse('stale')
    when (select o.imported <> $11::boolean from old o) then refuse(case when $11 then 'own-trunk' else 'imported' end)
    when (select o.lifecycle = 523 from old o) and $9::boolean then refuse('already-deleted')
    when (select o.lifecycle = 523 from old o) and not $10::boolean then refuse('deleted')
    when (select o.lifecycle <> all ($6::smallint[]) from old o) then refuse('transition:' || (select o.lifecycle from old o))
    when (select o.tmpl <> $7::int from old o) then refuse('template-changed')
    when (select o.arch <> $12::int from old o where o.arch > 0) then refuse('archetype-changed')
    when (select o.persistent <> $13::boolean from old o) then refuse('persistence-changed')
end`

const endEffectiveSQL = `update version set is_effective = false where ehr_id = $1 and vo_id = $2 and is_effective`

// Rows of what is no longer latest nor effective go; a draft over a complete
// version leaves the rows of that one (DESIGN 5a rule 1).
const (
	deleteNodesSQL  = `delete from node where ehr_id = $1 and vo_id = $2`
	deleteDraftsSQL = `delete from node where ehr_id = $1 and vo_id = $2 and draft`
	deleteLeavesSQL = `delete from leaf where ehr_id = $1 and vo_id = $2`
)

func (p *pipeline) supersede(v cdr.NewVersion) {
	old, _ := cdr.ParseVersionUID(v.Preceding)
	imported := v.Import != nil
	allowed := []int16{}
	if imported {
		// Which states followed one another is the other system's to judge.
		allowed = everyState
	}
	for _, code := range cdr.Before(v.Lifecycle) {
		allowed = append(allowed, number(code))
	}
	var family *int32
	if v.Template != nil {
		family = &v.Template.Family
	}
	var arch *int32
	if v.Persistence != nil {
		arch = new(p.ids.Arch[v.Tree.ArchetypeNodeID(v.Tree.Root())])
	}
	ends := endsEffective(v.Lifecycle)
	p.Queue(supersedeSQL, p.commit.EHR, v.Object, old.Number, int16(v.Kind), old.System,
		allowed, family, ends, v.Lifecycle == cdr.Deleted && !imported, v.ChangeType == cdr.Restoration || imported, imported, arch, v.Persistence)
	if !ends {
		p.Queue(deleteDraftsSQL, p.commit.EHR, v.Object)
		return
	}
	p.Queue(endEffectiveSQL, p.commit.EHR, v.Object)
	p.Queue(deleteNodesSQL, p.commit.EHR, v.Object)
	p.Queue(deleteLeavesSQL, p.commit.EHR, v.Object)
}

// everyState are the lifecycle states.
var everyState = []int16{number(cdr.Complete), number(cdr.Incomplete), number(cdr.Deleted), number(cdr.Inactive), number(cdr.Abandoned)}

// endsEffective says whether a version of the state takes the place of what was
// effective. A draft does not, nor does the abandoning of one: what was valid
// before it was begun still is.
func endsEffective(lifecycle string) bool {
	return lifecycle != cdr.Incomplete && lifecycle != cdr.Abandoned
}

const (
	mirrorStatusSQL  = `update ehr set is_queryable = $2, is_modifiable = $3 where ehr_id = $1`
	dropSubjectSQL   = `delete from ehr_subject where ehr_id = $1 and (namespace, subject_id) is distinct from ($2, $3)`
	insertSubjectSQL = `insert into ehr_subject (namespace, subject_id, ehr_id)
select $2::text, $3::text, $1::uuid where not exists (select 1 from %s where s.ehr_id = $1 and s.namespace = $2 and s.subject_id = $3)`
)

// status mirrors an EHR_STATUS in the row of the EHR and in the look-up of
// subjects. A draft is no status yet.
func (p *pipeline) status(v cdr.NewVersion) {
	if !endsEffective(v.Lifecycle) && p.commit.Create == nil {
		return
	}
	s := v.Status
	if p.commit.Create == nil {
		p.Queue(mirrorStatusSQL, p.commit.EHR, s.IsQueryable, s.IsModifiable)
		p.Queue(dropSubjectSQL, p.commit.EHR, s.SubjectNamespace, s.SubjectID)
	}
	if s.SubjectID != "" {
		p.Queue(fmt.Sprintf(insertSubjectSQL, everything(access.Subject, "s")), p.commit.EHR, s.SubjectNamespace, s.SubjectID)
	}
}

// The time is the database's, in milliseconds, and later than that of every
// version this contribution follows, so that version_at_time has one answer.
// A scalar subquery for each, so that no plan ever reads more than those rows.
const insertContributionSQL = `insert into contribution (ehr_id, contribution_id, system, committed, change_type, audit)
select $1::uuid, $2::uuid, $3::int, greatest(date_trunc('milliseconds', clock_timestamp()),
       (select max((select v.committed + interval '1 millisecond' from %s where v.ehr_id = $1 and v.vo_id = o.vo_id and v.ver = o.ver))
        from unnest($6::uuid[], $7::int[]) o (vo_id, ver))), $4::smallint, $5::text
returning committed`

// The same where nothing is followed.
const insertFirstContributionSQL = `insert into contribution (ehr_id, contribution_id, system, committed, change_type, audit)
values ($1, $2, $3, date_trunc('milliseconds', clock_timestamp()), $4, $5)
returning committed`

func (p *pipeline) contribution() {
	c := p.commit
	objects, numbers := []string{}, []int32{}
	for _, v := range c.Versions {
		if old, ok := cdr.ParseVersionUID(v.Preceding); ok {
			objects, numbers = append(objects, v.Object), append(numbers, int32(old.Number))
		}
	}
	args := []any{c.EHR, c.ID, p.ids.System[c.SystemID], number(c.ChangeType), string(c.AuditDetails)}
	text := insertFirstContributionSQL
	if len(objects) > 0 {
		text, args = fmt.Sprintf(insertContributionSQL, everything(access.Version, "v")), append(args, objects, numbers)
	}
	p.Queue(text, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&p.at) })
}

// The fence: rows were cut for the promoted paths of one epoch, and in another
// they are wrong. The template must still be the one they were cut by. Labels
// are never lost by an update, and a deletion stays of the template of what it
// deletes: whoever could not see that cannot see this.
const insertVersionSQL = `insert into version (ehr_id, vo_id, ver, kind, system, is_latest, is_effective, lifecycle,
    change_type, contribution_id, committed, template, tmpl, sens, arch, start_key, recording_org, labels, preceding, audit, doc,
    other_inputs, signature, imported)
select $1::uuid, $2::uuid, $3::int, $4::smallint, $5::int, true, $6::boolean, $7::smallint, $8::smallint, $9::uuid, c.committed,
       coalesce(nullif($10::int, 0), o.template, 0), coalesce(nullif($11::int, 0), o.tmpl, 0), $12::bigint | coalesce(o.sens, 0),
       coalesce(nullif($13::int, 0), o.arch, 0), $14::text::numeric, $15::text,
       array(select l from unnest($16::text[] || o.labels) l group by l order by l), $17::text, $18::text, $19::text,
       $21::text[], $22::text, $23::text
from index_epoch e, %s left join lateral (select * from %s where o.ehr_id = $1 and o.vo_id = $2 and o.ver = $3::int - 1 limit 1) o on true
where c.ehr_id = $1 and c.contribution_id = $9
  and (e.promoted = $20::bigint or refuse('epoch'))
  and ($10 = 0 or exists (select 1 from template t where t.id = $10 and (t.retired is null or $24)) or refuse('template-gone'))`

// fenceSQL lets nobody replace or delete the template before the commit ends.
var fenceSQL = fmt.Sprintf(`select pg_advisory_xact_lock_shared(%d, $1)`, templateFence)

func (p *pipeline) version(v cdr.NewVersion) {
	c := p.commit
	var template, family, arch int32
	if v.Template != nil {
		template, family = v.Template.Row, v.Template.Family
		p.Queue(fenceSQL, template)
	}
	if v.Tree != nil {
		arch = p.ids.Arch[v.Tree.ArchetypeNodeID(v.Tree.Root())]
	}
	var doc, preceding *string
	if v.Doc != nil {
		text := string(v.Doc)
		doc = &text
	}
	if v.Preceding != "" {
		preceding = &v.Preceding
	}
	var imported *string
	others := v.OtherInputs
	system := c.SystemID
	if v.Import != nil {
		item := string(v.Import.Item)
		imported, others, system = &item, v.Import.OtherInputs, v.Import.UID.System
	}
	p.Queue(fmt.Sprintf(insertVersionSQL, everything(access.Contribution, "c"), everything(access.Version, "o")),
		c.EHR, v.Object, following(v), int16(v.Kind), p.ids.System[system], v.Lifecycle == cdr.Complete, number(v.Lifecycle),
		number(v.ChangeType), c.ID, template, family, int64(v.Sens), arch, startKey(v.Tree, p.ids.Zone), null(c.Organisation), v.Labels,
		preceding, string(v.AuditDetails), doc, p.ids.Promoted, others, null(v.Signature), imported, v.Pinned)
}

// following is the number of a new version.
func following(v cdr.NewVersion) int32 {
	return int32(v.UID("").Number)
}

const insertNodesSQL = `insert into node (ehr_id, vo_id, ver, num, num_cap, parent, kind, class, arch, shape, tmpl, sens, draft, data)
select v.ehr_id, v.vo_id, v.ver, n.num, n.num_cap, n.parent, v.kind, n.class, n.arch, n.shape, v.tmpl, v.sens, not v.is_effective, n.data::jsonb
from %s, unnest($4::int[], $5::int[], $6::int[], $7::smallint[], $8::int[], $9::int[], $10::text[])
  as n (num, num_cap, parent, class, arch, shape, data)
where v.ehr_id = $1 and v.vo_id = $2 and v.ver = $3`

func (p *pipeline) nodes(v cdr.NewVersion, cut []row.Row) {
	if len(cut) == 0 {
		return
	}
	p.Queue(nodesStatement, append([]any{p.commit.EHR, v.Object, following(v)}, columns(cut, p.ids).args()...)...)
	queueLeaves(&p.Batch, p.commit.EHR, v.Object, following(v), cut, p.ids)
}

var nodesStatement = fmt.Sprintf(insertNodesSQL, everything(access.Version, "v"))

// nodeColumns are rows of node, column by column.
type nodeColumns struct {
	num, upto, parent, arch, shape []int32
	class                          []int16
	data                           []string
}

func columns(cut []row.Row, ids dictionary.IDs) nodeColumns {
	var n nodeColumns
	for _, r := range cut {
		n.num = append(n.num, r.Num)
		n.upto = append(n.upto, r.Cap)
		n.parent = append(n.parent, r.Parent)
		n.class = append(n.class, int16(r.Class))
		n.arch = append(n.arch, ids.Arch[r.Archetype])
		n.shape = append(n.shape, ids.Shape[r.Shape.Hash])
		n.data = append(n.data, string(r.Data))
	}
	return n
}

func (n nodeColumns) args() []any {
	return []any{n.num, n.upto, n.parent, n.class, n.arch, n.shape, n.data}
}

const insertIdempotencySQL = `insert into idempotency (ehr_id, key, principal, request, version_uid) values ($1, $2, $3, $4, $5)`

func (p *pipeline) idempotency() {
	c := p.commit
	if c.Idempotency == nil {
		return
	}
	p.Queue(insertIdempotencySQL, c.EHR, c.Idempotency.Key, c.Profile.Principal, c.Idempotency.Request, c.Idempotency.Answer)
}

// audit adds the row of the write to its own transaction.
func (p *pipeline) audit() { p.Queue(auditInsertSQL, auditRow(p.commit.Event)...) }

// null is nil for the empty text.
func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number is a code of the openEHR terminology as it is stored; all are numbers.
func number(code string) int16 {
	n, err := strconv.ParseInt(code, 10, 16)
	if err != nil {
		return 0
	}
	return int16(n)
}
