package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
)

// The columns that COPY fills, in the order of loadStagesSQL.
var (
	stagedEHR = []string{"ehr_id", "system", "status_id", "is_queryable", "is_modifiable", "org", "namespace", "subject"}

	stagedVersion = []string{"ord", "ehr_id", "vo_id", "kind", "system", "is_effective", "lifecycle", "change_type", "contribution_id", "contributed",
		"contribution_audit", "template", "tmpl", "sens", "arch", "start_key", "org", "labels", "audit", "doc"}

	stagedNode = []string{"ehr_id", "vo_id", "num", "num_cap", "parent", "kind", "class", "arch", "shape", "tmpl", "sens", "draft", "data"}

	copiedAudit = []string{"id", "action", "outcome", "principal", "role", "org", "ehr_id", "object", "template", "query", "parameters", "purpose",
		"basis", "epoch", "rows", "source", "request_id", "opening"}
)

// stage fills the tables of the session. What a row holds is what the pipeline of
// a commit writes for a first version.
func (b *loading) stage() error {
	var ehrs, versions, nodes, audit [][]any
	b.each(func(i int, c *cdr.Commit, v *cdr.NewVersion) {
		if c.Create != nil {
			s := v.Status
			ehrs = append(ehrs, []any{c.EHR, b.ids.System[c.SystemID], c.Create.StatusID, s.IsQueryable, s.IsModifiable, null(c.Organisation), null(s.SubjectNamespace), null(s.SubjectID)})
		}
		var template, family int32
		if v.Template != nil {
			template, family = v.Template.Row, v.Template.Family
		}
		labels := slices.Compact(slices.Sorted(slices.Values(v.Labels)))
		if labels == nil {
			labels = []string{}
		}
		effective := v.Lifecycle == cdr.Complete
		b.bytes += int64(len(v.Doc))
		versions = append(versions, []any{len(versions), c.EHR, v.Object, int16(v.Kind), b.ids.System[c.SystemID], effective, number(v.Lifecycle),
			number(v.ChangeType), c.ID, number(c.ChangeType), string(c.AuditDetails), template, family, int64(v.Sens),
			b.ids.Arch[v.Tree.ArchetypeNodeID(v.Tree.Root())], startKey(v.Tree, b.ids.Zone), null(c.Organisation), labels, string(v.AuditDetails), string(v.Doc)})
		for _, r := range b.batch[i].Rows.([]row.Row) {
			nodes = append(nodes, []any{c.EHR, v.Object, r.Num, r.Cap, r.Parent, int16(v.Kind), int16(r.Class), b.ids.Arch[r.Archetype],
				b.ids.Shape[r.Shape.Hash], family, int64(v.Sens), !effective, r.Data})
		}
		audit = append(audit, auditRow(c.Event))
	})
	for _, to := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{{"bulk_ehr", stagedEHR, ehrs}, {"bulk_version", stagedVersion, versions}, {"bulk_node", stagedNode, nodes}, {"audit_event", copiedAudit, audit}} {
		if len(to.rows) == 0 {
			continue
		}
		if _, err := b.tx.CopyFrom(b.ctx, pgx.Identifier{to.table}, to.columns, pgx.CopyFromRows(to.rows)); err != nil {
			return err
		}
	}
	return nil
}

const (
	loadHomeSQL         = `insert into object_home (vo_id, ehr_id, kind) select b.vo_id, b.ehr_id, b.kind from bulk_version b order by b.ord`
	loadContributionSQL = `insert into contribution (ehr_id, contribution_id, system, committed, change_type, audit)
select b.ehr_id, b.contribution_id, b.system, $1::timestamptz, b.contributed, b.contribution_audit from bulk_version b order by b.ord`
	loadEHRSQL = `insert into ehr (ehr_id, system, created, status_id, is_queryable, is_modifiable)
select b.ehr_id, b.system, $1::timestamptz, b.status_id, b.is_queryable, b.is_modifiable from bulk_ehr b`
	loadOrganisationSQL = `insert into ehr_organisation (ehr_id, org, relationship) select b.ehr_id, b.org, 'registered' from bulk_ehr b where b.org is not null`
	loadSubjectSQL      = `insert into ehr_subject (namespace, subject_id, ehr_id) select b.namespace, b.subject, b.ehr_id from bulk_ehr b where b.subject is not null`

	// The fence of the promoted paths is as in insertVersionSQL.
	loadVersionSQL = `insert into version (ehr_id, vo_id, ver, kind, system, is_latest, is_effective, lifecycle, change_type, contribution_id, committed,
    template, tmpl, sens, arch, start_key, recording_org, labels, audit, doc)
select b.ehr_id, b.vo_id, 1, b.kind, b.system, true, b.is_effective, b.lifecycle, b.change_type, b.contribution_id, $1::timestamptz,
    b.template, b.tmpl, b.sens, b.arch, b.start_key, b.org, b.labels, b.audit, b.doc
from bulk_version b, index_epoch e where e.promoted = $2::bigint or refuse('epoch') order by b.ord`

	loadNodeSQL = `insert into node (ehr_id, vo_id, ver, num, num_cap, parent, kind, class, arch, shape, tmpl, sens, draft, data)
select b.ehr_id, b.vo_id, 1, b.num, b.num_cap, b.parent, b.kind, b.class, b.arch, b.shape, b.tmpl, b.sens, b.draft, b.data from bulk_node b`
)

// insert takes the rows over.
func (b *loading) insert() error {
	batch := &pgx.Batch{}
	batch.Queue(loadHomeSQL)
	batch.Queue(loadContributionSQL, b.at)
	batch.Queue(loadEHRSQL, b.at)
	batch.Queue(loadOrganisationSQL)
	batch.Queue(loadSubjectSQL)
	batch.Queue(loadVersionSQL, b.at, b.ids.Promoted)
	batch.Queue(loadNodeSQL)
	queueLoadedLeaves(batch, b.ids)
	if args, some := leafArgs(b.ids.Paths, b.ids.Arch); some {
		var ehrs, objects []string
		var numbers []int32
		b.each(func(_ int, c *cdr.Commit, v *cdr.NewVersion) {
			ehrs, objects, numbers = append(ehrs, c.EHR), append(objects, v.Object), append(numbers, 1)
		})
		batch.Queue(insertLeavesOfSQL, append(args, ehrs, objects, numbers)...)
	}
	return b.tx.SendBatch(b.ctx, batch).Close()
}
