package postgres

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	archetypesSQL = `select id, coalesce(parent, ''), class, concept, language, uploaded from archetype order by id`

	archetypeSQL = `select id, coalesce(parent, ''), class, concept, language, uploaded, sha256, adl from archetype where id = $1`

	// Uploads and deletions take turns: whether an archetype is used depends on
	// rows that another upload may be writing.
	lockArchetypesSQL = `select pg_advisory_xact_lock(hashtext('quire.archetype'))`

	// A template names each of its archetypes as the whole text of an element.
	archetypeUsedSQL = `
select exists (select 1 from archetype where parent = $1 and id <> $1)
    or exists (select 1 from template t
               where t.retired is null and strpos(t.opt, $1) > 0
                 and t.opt ~ ('>\s*' || regexp_replace($1, '([.+])', '\\\1', 'g') || '\s*<'))`

	putArchetypeSQL = `
insert into archetype (id, parent, class, concept, language, sha256, adl) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do update set parent = excluded.parent, class = excluded.class, concept = excluded.concept,
    language = excluded.language, sha256 = excluded.sha256, adl = excluded.adl, uploaded = now()
returning uploaded`

	deleteArchetypeSQL = `delete from archetype where id = $1`
)

// Archetypes lists all archetypes, by id.
func (db *DB) Archetypes(ctx context.Context) ([]cdr.ArchetypeInfo, error) {
	var list []cdr.ArchetypeInfo
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, archetypesSQL)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cdr.ArchetypeInfo, error) {
			var a cdr.ArchetypeInfo
			return a, scanArchetype(row, &a)
		})
		return err
	})
	return list, translate(ctx, err)
}

func scanArchetype(row pgx.Row, a *cdr.ArchetypeInfo, more ...any) error {
	return row.Scan(append([]any{&a.ID, &a.Parent, &a.Class, &a.Concept, &a.Language, &a.Uploaded}, more...)...)
}

// Archetype reads one archetype by its id, byte for byte.
func (db *DB) Archetype(ctx context.Context, id string) (cdr.StoredArchetype, error) {
	var a cdr.StoredArchetype
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return scanArchetype(conn.QueryRow(ctx, archetypeSQL, id), &a.ArchetypeInfo, &a.SHA256, &a.ADL)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fault.New(fault.NotFound, "archetype-unknown", "no such archetype")
	}
	return a, translate(ctx, err)
}

// PutArchetype stores an archetype; other content replaces that of one that no
// template and no specialisation uses.
func (db *DB) PutArchetype(ctx context.Context, a cdr.StoredArchetype, audit cdr.Event) (cdr.PutOutcome, cdr.StoredArchetype, error) {
	outcome := cdr.PutNew
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockArchetypesSQL); err != nil {
			return err
		}
		var old cdr.StoredArchetype
		err := scanArchetype(tx.QueryRow(ctx, archetypeSQL, a.ID), &old.ArchetypeInfo, &old.SHA256, &old.ADL)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		case bytes.Equal(old.SHA256, a.SHA256):
			outcome, a = cdr.PutIdentical, old
			return nil
		default:
			outcome = cdr.PutReplaced
			var used bool
			if err := tx.QueryRow(ctx, archetypeUsedSQL, a.ID).Scan(&used); err != nil {
				return err
			}
			if used {
				outcome = cdr.PutUsed
				return nil
			}
		}
		row := tx.QueryRow(ctx, putArchetypeSQL, a.ID, null(a.Parent), a.Class, a.Concept, a.Language, a.SHA256, a.ADL)
		if err := row.Scan(&a.Uploaded); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return outcome, a, translate(ctx, err)
}

// DeleteArchetype removes an archetype that nothing uses.
func (db *DB) DeleteArchetype(ctx context.Context, id string, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockArchetypesSQL); err != nil {
			return err
		}
		var used bool
		if err := tx.QueryRow(ctx, archetypeUsedSQL, id).Scan(&used); err != nil {
			return err
		}
		gone, err := tx.Exec(ctx, deleteArchetypeSQL, id)
		if err != nil {
			return err
		}
		if gone.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "archetype-unknown", "no such archetype")
		}
		if used {
			// The transaction is given up, and with it the deletion.
			return fault.New(fault.Conflict, "archetype-used", "the archetype is used by templates or specialisations")
		}
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return translate(ctx, err)
}
