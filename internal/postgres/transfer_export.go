package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
)

// sideTable is a table whose rows are exported as they are.
type sideTable struct {
	name, order string
	scan        access.Table
	// younger are columns that older exports have not, with their values there.
	younger string
}

var sideTables = []sideTable{
	{name: "ehr_subject", order: "t.namespace, t.subject_id", scan: access.Subject},
	{name: "ehr_organisation", order: `t.org, t.relationship collate "C", t.valid_from`},
	{name: "ehr_grant", order: "t.grantee, t.valid_from", younger: `{"kind": "staff"}`},
	{name: "ehr_restriction", order: "t.id", younger: `{"spares": []}`},
	{name: "ehr_hold", order: "t.id"},
	{name: "ehr_link", order: "t.id"},
	{name: "composition_move", order: "t.id"},
	{name: "item_tag", order: `t.target_vo, t.target_ver, t.key collate "C", t.target_path collate "C"`, scan: access.ItemTag},
}

func (t sideTable) from() string {
	if t.scan != "" {
		return everything(t.scan, "t")
	}
	return t.name + " t"
}

const (
	exportHeadSQL = `select s.system_id, e.created, e.status_id::text, coalesce(e.directory_id::text, ''),
    (select count(*) from %[2]s where c.ehr_id = $1), (select count(*) from %[3]s where v.ehr_id = $1),
    (select count(distinct t.template) from %[4]s where t.ehr_id = $1 and t.template <> 0)
from %[1]s join system s on s.id = e.system where e.ehr_id = $1`

	exportTemplatesSQL = `select f.template_id, t.sha256 from template t join template_family f on f.id = t.family
where t.id in (select v.template from %s where v.ehr_id = $1) order by f.template_id, t.sha256`

	// A contribution and its versions, a row each; one that only attests has none.
	exportVersionsSQL = `select c.contribution_id::text, cs.system_id, c.committed, c.change_type, c.audit, c.attested::text[], c.attested_ver,
    v.vo_id::text, s.system_id, v.ver, v.kind, v.is_latest, v.is_effective, v.lifecycle, v.change_type, t.sha256, a.archetype_id,
    v.recording_org, v.labels, v.preceding, v.other_inputs, v.signature, v.audit, v.attestations, v.imported, v.doc
from %[1]s join system cs on cs.id = c.system
left join %[2]s on v.ehr_id = c.ehr_id and v.contribution_id = c.contribution_id
left join system s on s.id = v.system left join template t on t.id = v.template left join arch a on a.id = v.arch
where c.ehr_id = $1
order by c.committed, c.contribution_id, v.position`
)

// Export gives one EHR as it was at one moment. Rows come from the connection as
// they are asked for, so that a line is all that is held of them.
func (db *DB) Export(ctx context.Context, systemID, ehr string, give func(transfer.Line) error) error {
	err := db.inSnapshot(ctx, db.work, access.System(), func(tx pgx.Tx) error {
		return export(ctx, tx, systemID, ehr, give)
	})
	return translate(ctx, err)
}

func export(ctx context.Context, tx pgx.Tx, systemID, ehr string, give func(transfer.Line) error) error {
	h := transfer.Header{Format: transfer.Format, SystemID: systemID, EHR: ehr}
	err := tx.QueryRow(ctx, fmt.Sprintf(exportHeadSQL, everything(access.EHR, "e"), everything(access.Contribution, "c"),
		everything(access.Version, "v"), everything(access.Version, "t")), ehr).
		Scan(&h.EHRSystem, &h.Created, &h.StatusID, &h.Directory, &h.Counts.Contributions, &h.Counts.Versions, &h.Counts.Templates)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
	}
	if err != nil {
		return err
	}
	h.Created = h.Created.UTC()
	counts := make([]string, len(sideTables))
	for i, t := range sideTables {
		counts[i] = "(select count(*) from " + t.from() + " where t.ehr_id = $1)"
	}
	if err := tx.QueryRow(ctx, "select "+strings.Join(counts, " + "), ehr).Scan(&h.Counts.Rows); err != nil {
		return err
	}
	if err := give(transfer.Line{Header: &h}); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(exportTemplatesSQL, everything(access.Version, "v")), ehr)
	if err != nil {
		return err
	}
	var id string
	var sum []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &sum}, func() error {
		return give(transfer.Line{Template: &transfer.TemplateRef{ID: id, SHA256: hex.EncodeToString(sum)}})
	}); err != nil {
		return err
	}
	if err := exportVersions(ctx, tx, ehr, give); err != nil {
		return err
	}
	for _, t := range sideTables {
		rows, err := tx.Query(ctx, "select row_to_json(t)::text from "+t.from()+" where t.ehr_id = $1 order by "+t.order, ehr)
		if err != nil {
			return err
		}
		var text string
		if _, err := pgx.ForEachRow(rows, []any{&text}, func() error {
			return give(transfer.Line{Row: &transfer.Row{Table: t.name, Data: transfer.Text(text)}})
		}); err != nil {
			return err
		}
	}
	return nil
}

func exportVersions(ctx context.Context, tx pgx.Tx, ehr string, give func(transfer.Line) error) error {
	// After an import the planner may take the record for a small one and join it
	// row by row, each time through all of it.
	if _, err := tx.Exec(ctx, "set local enable_nestloop = off"); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(exportVersionsSQL, everything(access.Contribution, "c"), everything(access.Version, "v")), ehr)
	if err != nil {
		return err
	}
	defer rows.Close()
	last := ""
	for rows.Next() {
		var c transfer.Contribution
		var object, system, archetype, organisation, preceding, signature *string
		var number *int
		var kind, lifecycle, change *int16
		var latest, effective *bool
		var template, audit, attestations, doc []byte
		var v transfer.Version
		var attested []string
		var numbers []int32
		if err := rows.Scan(&c.ID, &c.System, &c.Committed, &c.Change, (*[]byte)(&c.Audit), &attested, &numbers,
			&object, &system, &number, &kind, &latest, &effective, &lifecycle, &change, &template, &archetype,
			&organisation, &v.Labels, &preceding, &v.OtherInputs, &signature, &audit, &attestations, (*[]byte)(&v.Imported), &doc); err != nil {
			return err
		}
		if c.ID != last {
			last, c.Committed = c.ID, c.Committed.In(time.UTC)
			for i := range attested {
				c.Attested = append(c.Attested, transfer.Attested{Object: attested[i], Number: numbers[i]})
			}
			if err := give(transfer.Line{Contribution: &c}); err != nil {
				return err
			}
		}
		if object == nil {
			continue
		}
		v.Object, v.System, v.Number, v.Kind, v.Latest, v.Effective = *object, *system, *number, *kind, *latest, *effective
		v.Lifecycle, v.Change, v.Contribution, v.Template = *lifecycle, *change, c.ID, hex.EncodeToString(template)
		v.Archetype, v.Organisation, v.Preceding, v.Signature = text(archetype), text(organisation), text(preceding), text(signature)
		v.Audit, v.Attestations, v.Doc = audit, attestations, doc
		if err := give(transfer.Line{Version: &v}); err != nil {
			return err
		}
	}
	return rows.Err()
}

// text is "" for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

const templateContentSQL = `select ` + templateColumns + `, t.opt from ` + templateJoins + ` where f.template_id = $1 and t.sha256 = $2`

// TemplateContent reads one content of a template, current or replaced.
func (db *DB) TemplateContent(ctx context.Context, id string, sha256 []byte) (cdr.StoredTemplate, error) {
	var t cdr.StoredTemplate
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return scanTemplate(conn.QueryRow(ctx, templateContentSQL, id, sha256), &t.TemplateInfo, &t.OPT)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fault.New(fault.NotFound, "template-unknown", "no such content of the template")
	}
	return t, translate(ctx, err)
}
