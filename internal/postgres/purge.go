package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// objectDeletions empties every table that holds rows of one versioned object.
// The contributions that are empty then go too. Audit stays. Versions go before
// their rows: who adds rows behind a commit holds the version meanwhile.
var objectDeletions = []string{
	`with gone as (delete from version where ehr_id = $1 and vo_id = $2 returning contribution_id)
delete from contribution c using gone g where c.ehr_id = $1 and c.contribution_id = g.contribution_id
  and not exists (select 1 from %[1]s where v.ehr_id = $1 and v.contribution_id = c.contribution_id and v.vo_id <> $2)`,
	`delete from leaf where ehr_id = $1 and vo_id = $2`,
	`delete from node where ehr_id = $1 and vo_id = $2`,
	`delete from folder_item where ehr_id = $1 and (folder_id = $2 or item_vo = $2)`,
	`delete from item_tag where ehr_id = $1 and target_vo = $2`,
	`delete from idempotency where ehr_id = $1 and starts_with(version_uid, $2::uuid::text)`,
	`delete from composition_move where ehr_id = $1 and vo_id = $2 or other = $1 and other_vo = $2`,
	`update ehr set directory_id = null where ehr_id = $1 and directory_id = $2`,
}

const purgeHomeSQL = `delete from object_home where vo_id = $2 and ehr_id = $1 and kind = $3`

const lockPurgedSQL = `select 1 from %s where e.ehr_id = $1 for update`

// PurgeObject removes a versioned object with its whole history, physically.
func (db *DB) PurgeObject(ctx context.Context, e cdr.Erasure, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if err := lockErasable(ctx, tx, e.EHR); err != nil {
			return err
		}
		sum, counts, err := digest(ctx, tx, e.EHR, []string{e.Object})
		if err != nil {
			return err
		}
		if err := purge(ctx, tx, e.EHR, e.Kind, e.Object); err != nil {
			return err
		}
		return certify(ctx, tx, e, sum, counts, audit)
	})
	return translate(ctx, err)
}

func purge(ctx context.Context, tx pgx.Tx, ehr string, kind cdr.Kind, object string) error {
	gone, err := tx.Exec(ctx, purgeHomeSQL, ehr, object, int16(kind))
	if err != nil {
		return err
	}
	if gone.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "object-unknown", "the EHR has no such object")
	}
	for _, statement := range objectDeletions {
		if strings.Contains(statement, "%[1]s") {
			statement = fmt.Sprintf(statement, everything(access.Version, "v"))
		}
		if _, err := tx.Exec(ctx, statement, ehr, object); err != nil {
			return err
		}
	}
	return nil
}

// What a contribution holds, and whether all versions of the object are its own.
const contributionObjectsSQL = `select v.vo_id::text, v.kind, not exists (
    select 1 from %[2]s where o.ehr_id = $1 and o.vo_id = v.vo_id and o.contribution_id <> $2)
from %[1]s where v.ehr_id = $1 and v.contribution_id = $2`

// PurgeContribution removes a contribution with the objects it made. One with
// versions that others follow or precede, or with an EHR_STATUS, is a Conflict:
// a version is never cut out of a history.
func (db *DB) PurgeContribution(ctx context.Context, e cdr.Erasure, audit cdr.Event) error {
	ehr, id := e.EHR, e.Object
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if err := lockErasable(ctx, tx, ehr); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(contributionObjectsSQL, everything(access.Version, "v"), everything(access.Version, "o")), ehr, id)
		if err != nil {
			return err
		}
		objects := map[string]cdr.Kind{}
		var object string
		var kind int16
		var whole bool
		if _, err := pgx.ForEachRow(rows, []any{&object, &kind, &whole}, func() error {
			if !whole || cdr.Kind(kind) == cdr.KindStatus {
				return fault.New(fault.Conflict, "contribution-in-history", "the contribution holds versions that belong to a longer history; delete the object or the EHR")
			}
			objects[object] = cdr.Kind(kind)
			return nil
		}); err != nil {
			return err
		}
		if len(objects) == 0 {
			return fault.New(fault.NotFound, "contribution-unknown", "no such contribution")
		}
		sum, counts, err := digest(ctx, tx, ehr, slices.Collect(maps.Keys(objects)))
		if err != nil {
			return err
		}
		for object, kind := range objects {
			if err := purge(ctx, tx, ehr, kind, object); err != nil {
				return err
			}
		}
		return certify(ctx, tx, e, sum, counts, audit)
	})
	return translate(ctx, err)
}

const someEHRsSQL = `select e.ehr_id::text from %s where e.ehr_id > $1::uuid order by e.ehr_id limit 500`

// EHRs lists EHR ids that follow the given one, a few at a time, whoever asks.
func (db *DB) EHRs(ctx context.Context, after string) ([]string, error) {
	var list []string
	err := db.inTransaction(ctx, db.work, access.System(), access.Read, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(someEHRsSQL, everything(access.EHR, "e")), or(after, "00000000-0000-0000-0000-000000000000"))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return list, translate(ctx, err)
}

const (
	lockFamilySQL = `select t.id, f.id from template t join template_family f on f.id = t.family where f.template_id = $1 and t.retired is null for update`

	fenceFamilySQL = `select pg_advisory_xact_lock(%d, t.id) from template t where t.family = $1 order by t.id`

	familyUsedSQL = `select exists (select 1 from %[1]s where v.template = any (array(select t.id from template t where t.family = $1)) and v.kind = 1)
    or exists (select 1 from %[1]s where v.template = any (array(select t.id from template t where t.family = $1)) and v.kind = 4)`

	deleteFamilySQL = `delete from template where family = $1`
)

// DeleteTemplate removes all versions of a template that no composition uses; where
// one is in use that is a Conflict. The family stays, since rights name it.
func (db *DB) DeleteTemplate(ctx context.Context, id string, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		var row int32
		err := tx.QueryRow(ctx, lockFamilySQL, id).Scan(&row, &audit.Template)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "template-unknown", "no such template")
		}
		if err != nil {
			return err
		}
		var used bool
		if _, err := tx.Exec(ctx, fmt.Sprintf(fenceFamilySQL, templateFence), audit.Template); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, fmt.Sprintf(familyUsedSQL, everything(access.Version, "v")), audit.Template).Scan(&used); err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "template-in-use", "the template %s is used by compositions or parties", id)
		}
		if _, err := tx.Exec(ctx, deleteFamilySQL, audit.Template); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, newTemplateEpochSQL); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return translate(ctx, err)
}
