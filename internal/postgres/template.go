package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const templateColumns = `t.id, t.family, f.template_id, coalesce(t.uid, ''), t.concept, t.root_archetype, t.language, t.created, f.label, coalesce(l.bit, 0),
       t.version, t.sha256, t.retired`

const templateJoins = `template t join template_family f on f.id = t.family join sensitivity_label l on l.name = f.label`

const (
	templatesSQL = `select ` + templateColumns + ` from ` + templateJoins + ` where t.retired is null order by f.template_id collate "C"`

	templateSQL = `select ` + templateColumns + `, t.opt from ` + templateJoins + ` where f.template_id = $1 and t.retired is null`

	templateRowsSQL = `select ` + templateColumns + `, t.opt from ` + templateJoins
)

// Templates lists the templates in use, by id.
func (db *DB) Templates(ctx context.Context) ([]cdr.TemplateInfo, error) {
	return db.listTemplates(ctx, templatesSQL)
}

func (db *DB) listTemplates(ctx context.Context, sql string, args ...any) ([]cdr.TemplateInfo, error) {
	var list []cdr.TemplateInfo
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cdr.TemplateInfo, error) {
			var t cdr.TemplateInfo
			return t, scanTemplate(row, &t)
		})
		return err
	})
	return list, translate(ctx, err)
}

// Template reads one template by its id, byte for byte.
func (db *DB) Template(ctx context.Context, id string) (cdr.StoredTemplate, error) {
	return db.oneTemplate(ctx, templateSQL, id)
}

func (db *DB) oneTemplate(ctx context.Context, sql string, key any) (cdr.StoredTemplate, error) {
	var t cdr.StoredTemplate
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return scanTemplate(conn.QueryRow(ctx, sql, key), &t.TemplateInfo, &t.OPT)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fault.New(fault.NotFound, "template-unknown", "no such template")
	}
	return t, translate(ctx, err)
}

func scanTemplate(row pgx.Row, t *cdr.TemplateInfo, more ...any) error {
	var bit int16
	var retired *time.Time
	to := append([]any{&t.Row, &t.Family, &t.ID, &t.UID, &t.Concept, &t.RootArchetype, &t.Language, &t.Created, &t.Label, &bit,
		&t.Version, &t.SHA256, &retired}, more...)
	if err := row.Scan(to...); err != nil {
		return err
	}
	if retired != nil {
		t.Retired = *retired
	}
	if bit > 0 {
		t.Sens = 1 << bit
	}
	return nil
}

const (
	// The family keeps its label: changing one is an act of its own. Its row is
	// locked either way, so that two uploads of one id take turns.
	putFamilySQL = `insert into template_family (template_id, label) values ($1, $2)
on conflict (template_id) do update set template_id = excluded.template_id returning id`

	currentTemplateSQL = `select id, sha256, version from template where family = $1 and retired is null`

	// A commit by the template has this lock shared: what comes after sees it used.
	fenceTemplateSQL = `select pg_advisory_xact_lock(%d, $1)`

	retireTemplateSQL = `update template set retired = clock_timestamp() where id = $1`

	templateUsedSQL = `select exists (select 1 from %[1]s where v.template = $1 and v.kind = 1) or exists (select 1 from %[1]s where v.template = $1 and v.kind = 4)`

	deleteTemplateSQL = `delete from template where id = $1`

	// A version that was retired may come back.
	insertTemplateSQL = `insert into template (family, sha256, uid, concept, root_archetype, language, opt, version)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (family, sha256) do update set retired = null, version = excluded.version`

	// Plans name template families, so that a new one makes readers replan.
	newTemplateEpochSQL = `update index_epoch set dictionary = dictionary + 1`

	labelSQL = `select exists (select 1 from sensitivity_label where name = $1)`
)

// PutTemplate stores a template and gives its family a label in the same
// transaction. Other content replaces that of an unused template under a new row
// id, so that a composition cut by the old content cannot be committed.
func (db *DB) PutTemplate(ctx context.Context, t cdr.StoredTemplate, audit cdr.Event) (cdr.PutOutcome, cdr.TemplateInfo, error) {
	outcome := cdr.PutNew
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		var known bool
		if err := tx.QueryRow(ctx, labelSQL, t.Label).Scan(&known); err != nil {
			return err
		}
		if !known {
			return fault.New(fault.Invalid, "label-unknown", "no such sensitivity label")
		}
		var family, old int32
		var sum []byte
		var version string
		if err := tx.QueryRow(ctx, putFamilySQL, t.ID, t.Label).Scan(&family); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, currentTemplateSQL, family).Scan(&old, &sum, &version)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		case bytes.Equal(sum, t.SHA256):
			outcome = cdr.PutIdentical
			return nil
		default:
			var used bool
			if _, err := tx.Exec(ctx, fmt.Sprintf(fenceTemplateSQL, templateFence), old); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, fmt.Sprintf(templateUsedSQL, everything(access.Version, "v")), old).Scan(&used); err != nil {
				return err
			}
			sql := deleteTemplateSQL
			switch {
			case !used:
				outcome = cdr.PutReplaced
			case cdr.NewerTemplate(t.Version, version):
				outcome, sql = cdr.PutVersion, retireTemplateSQL
			default:
				outcome = cdr.PutUsed
				return nil
			}
			if _, err := tx.Exec(ctx, sql, old); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, insertTemplateSQL, family, t.SHA256, null(t.UID), t.Concept, t.RootArchetype, t.Language, t.OPT, t.Version); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, newTemplateEpochSQL); err != nil {
			return err
		}
		audit.Template = family
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	if err != nil {
		return outcome, cdr.TemplateInfo{}, translate(ctx, err)
	}
	stored, err := db.Template(ctx, t.ID)
	return outcome, stored.TemplateInfo, err
}

// templateFence is the class of the advisory locks on template rows.
const templateFence = 7361

const (
	templateVersionsSQL = `select ` + templateColumns + ` from ` + templateJoins + ` where f.template_id = $1 order by t.retired desc nulls first, t.id desc`

	templateByRowSQL = templateRowsSQL + ` where t.id = $1`

	// The effective compositions of a family, by the primary key of version.
	templateDocumentsSQL = `select v.ehr_id, v.vo_id, v.ver, s.system_id, v.doc from %s join system s on s.id = v.system
where v.tmpl = $1 and v.kind = 1 and v.is_effective and (v.ehr_id, v.vo_id) > ($2::uuid, $3::uuid) order by v.ehr_id, v.vo_id limit $4`
)

// TemplateVersions lists the versions of a template.
func (db *DB) TemplateVersions(ctx context.Context, id string) ([]cdr.TemplateInfo, error) {
	return db.listTemplates(ctx, templateVersionsSQL, id)
}

// TemplateRow reads one version of a template.
func (db *DB) TemplateRow(ctx context.Context, row int32) (cdr.StoredTemplate, error) {
	return db.oneTemplate(ctx, templateByRowSQL, row)
}

// TemplateUsed says whether something was committed by a version of a template.
func (db *DB) TemplateUsed(ctx context.Context, row int32) (bool, error) {
	var used bool
	err := db.inTransaction(ctx, db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(templateUsedSQL, everything(access.Version, "v")), row).Scan(&used)
	})
	return used, translate(ctx, err)
}

// TemplateDocuments reads a page of effective compositions.
func (db *DB) TemplateDocuments(ctx context.Context, p *access.Profile, family int32, after cdr.DocumentPlace, limit int) ([]cdr.TemplateDocument, error) {
	var list []cdr.TemplateDocument
	ehr, object := after.EHR, after.Object
	if ehr == "" {
		ehr, object = access.Demographics, access.Demographics
	}
	args := &access.Args{Values: []any{family, ehr, object, limit}}
	versions := access.NewScope(p, access.Query, args, "").Scan(access.Version, "v")
	err := db.inTransaction(ctx, db.query, p, access.Query, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(templateDocumentsSQL, versions), args.Values...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cdr.TemplateDocument, error) {
			var d cdr.TemplateDocument
			var number int
			var system string
			err := row.Scan(&d.EHR, &d.Object, &number, &system, &d.Doc)
			d.VersionUID = cdr.VersionUID{Object: d.Object, System: system, Number: number}.String()
			return d, err
		})
		return err
	})
	return list, translate(ctx, err)
}

const labelsSQL = `select name, coalesce(bit, 0) from sensitivity_label`

// Labels gives the bit of each sensitivity label, 0 for "normal".
func (db *DB) Labels(ctx context.Context) (map[string]uint64, error) {
	labels := map[string]uint64{}
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, labelsSQL)
		if err != nil {
			return err
		}
		var name string
		var bit int16
		_, err = pgx.ForEachRow(rows, []any{&name, &bit}, func() error {
			labels[name] = 0
			if bit > 0 {
				labels[name] = 1 << bit
			}
			return nil
		})
		return err
	})
	return labels, translate(ctx, err)
}
