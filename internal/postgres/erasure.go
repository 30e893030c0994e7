package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	holdsSQL = `select h.id::text, h.reason, h.until, h.set_by, h.set_at from ehr_hold h
where h.ehr_id = $1 and h.lifted is null and (h.until is null or h.until > clock_timestamp()) order by h.set_at`

	putHoldSQL = `insert into ehr_hold (ehr_id, id, reason, until, set_by, set_at) values ($1, $2, $3, $4, $5, $6)`

	liftHoldsSQL = `update ehr_hold set lifted = clock_timestamp(), lifted_by = $2 where ehr_id = $1 and lifted is null`

	certificateSQL = `insert into erasure_certificate (ehr_id, id, object, reason, requested_by, requested, confirmed_by, sha256, counts)
values ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8)`

	// A request waits a month for the second person.
	dropRequestSQL = `delete from destruction_request where ehr_id = $1 and object = $2 and requested < clock_timestamp() - interval '30 days'`

	requestSQL = `insert into destruction_request (ehr_id, object, reason, requested_by) values ($1, $2, $3, $4) on conflict do nothing`

	requestedSQL = `select reason, requested_by, requested from destruction_request where ehr_id = $1 and object = $2`
)

// lockErasable locks the row of the EHR and demands that no hold is in force.
func lockErasable(ctx context.Context, tx pgx.Tx, ehr string) error {
	tag, err := tx.Exec(ctx, fmt.Sprintf(lockPurgedSQL, everything(access.EHR, "e")), ehr)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
	}
	held, err := holds(ctx, tx, ehr)
	if err != nil || len(held) == 0 {
		return err
	}
	until := "it is lifted"
	for _, h := range held {
		if !h.Until.IsZero() && len(held) == 1 {
			until = h.Until.Format(time.RFC3339)
		}
	}
	return fault.New(fault.Conflict, "legal-hold", "the record is under a hold (%s) until %s; nothing of it is destroyed", held[0].Reason, until)
}

func holds(ctx context.Context, tx pgx.Tx, ehr string) ([]cdr.Hold, error) {
	rows, err := tx.Query(ctx, holdsSQL, ehr)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (cdr.Hold, error) {
		h := cdr.Hold{EHR: ehr}
		var until *time.Time
		err := r.Scan(&h.ID, &h.Reason, &until, &h.By, &h.Set)
		if h.Set = h.Set.UTC(); until != nil {
			h.Until = until.UTC()
		}
		return h, err
	})
}

// Holds lists the holds in force on an EHR.
func (db *DB) Holds(ctx context.Context, ehr string) (list []cdr.Hold, err error) {
	err = db.inTransaction(ctx, db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		list, err = holds(ctx, tx, ehr)
		return err
	})
	return list, translate(ctx, err)
}

// PutHold begins a hold.
func (db *DB) PutHold(ctx context.Context, h cdr.Hold, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		var until *time.Time
		if !h.Until.IsZero() {
			until = &h.Until
		}
		// Against a destruction that is under way.
		if _, err := tx.Exec(ctx, fmt.Sprintf(lockPurgedSQL, everything(access.EHR, "e")), h.EHR); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, putHoldSQL, h.EHR, h.ID, h.Reason, until, h.By, h.Set); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return translate(ctx, err)
}

// LiftHolds ends all holds of an EHR.
func (db *DB) LiftHolds(ctx context.Context, ehr, by string, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		lifted, err := tx.Exec(ctx, liftHoldsSQL, ehr, by)
		if err != nil {
			return err
		}
		if lifted.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "hold-unknown", "the record is under no hold")
		}
		_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return translate(ctx, err)
}

// RequestErasure keeps the first request and gives it.
func (db *DB) RequestErasure(ctx context.Context, e cdr.Erasure, audit cdr.Event) (cdr.Erasure, error) {
	first := e
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if err := lockErasable(ctx, tx, e.EHR); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropRequestSQL, e.EHR, e.Object); err != nil {
			return err
		}
		made, err := tx.Exec(ctx, requestSQL, e.EHR, e.Object, e.Reason, e.RequestedBy)
		if err != nil {
			return err
		}
		if made.RowsAffected() > 0 {
			if _, err := tx.Exec(ctx, auditInsertSQL, auditRow(audit)...); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, requestedSQL, e.EHR, e.Object).Scan(&first.Reason, &first.RequestedBy, &first.Requested)
	})
	return first, translate(ctx, err)
}

// deletions empties every table that holds rows of an EHR, and rows of others
// that tell of it; the ehr row goes first, so that no commit can begin
// meanwhile, and versions before their rows, since who adds rows behind a commit
// holds the version. Audit and certificates stay.
var deletions = []string{
	`delete from ehr where ehr_id = $1`,
	`delete from version where ehr_id = $1`,
	`delete from leaf where ehr_id = $1`,
	`delete from node where ehr_id = $1`,
	`delete from contribution where ehr_id = $1`,
	`delete from object_home where ehr_id = $1`,
	`delete from folder_item where ehr_id = $1`,
	`delete from item_tag where ehr_id = $1`,
	`delete from webhook_waiting where ehr_id = $1`,
	`delete from idempotency where ehr_id = $1`,
	`delete from exit_message where ehr_id = $1`,
	`delete from exit_received where ehr_id = $1`,
	`delete from exit_result where ehr_id = $1`,
	`delete from exit_person where ehr_id = $1`,
	`delete from exit_dead where ehr_id = $1`,
	`delete from ehr_subject where ehr_id = $1`,
	`delete from ehr_organisation where ehr_id = $1`,
	`delete from ehr_grant where ehr_id = $1`,
	`delete from ehr_restriction where ehr_id = $1`,
	`delete from break_glass where ehr_id = $1`,
	`delete from ehr_hold where ehr_id = $1`,
	`delete from ehr_link where ehr_id = $1 or other = $1`,
	`delete from composition_move where ehr_id = $1 or other = $1`,
	`delete from destruction_request where ehr_id = $1`,
	`delete from import_part where ehr_id = $1`,
}

// DeleteEHR removes an EHR and all that is in it, and keeps a certificate: the
// hash is of the export it would have been.
func (db *DB) DeleteEHR(ctx context.Context, e cdr.Erasure, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if err := lockErasable(ctx, tx, e.EHR); err != nil {
			return err
		}
		w := transfer.NewWriter(io.Discard)
		var counts transfer.Counts
		if err := export(ctx, tx, e.SystemID, e.EHR, func(l transfer.Line) error {
			if l.Header != nil {
				counts = l.Header.Counts
			}
			return w.Write(l)
		}); err != nil {
			return err
		}
		sum, err := w.Close()
		if err != nil {
			return err
		}
		for _, statement := range deletions {
			if _, err := tx.Exec(ctx, statement, e.EHR); err != nil {
				return err
			}
		}
		return certify(ctx, tx, e, sum, counts, audit)
	})
	return translate(ctx, err)
}

func certify(ctx context.Context, tx pgx.Tx, e cdr.Erasure, sum []byte, counts transfer.Counts, audit cdr.Event) error {
	text, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, certificateSQL, e.EHR, e.Object, e.Reason, e.RequestedBy, e.Requested, e.ConfirmedBy, sum, string(text)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `delete from destruction_request where ehr_id = $1 and object = $2`, e.EHR, e.Object); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
	return err
}

const objectDocsSQL = `select v.vo_id::text, v.ver, coalesce(v.doc, '') from %s where v.ehr_id = $1 and v.vo_id = any ($2::uuid[]) order by v.vo_id, v.ver`

// digest is the hash of the documents of objects, each behind its id and number.
func digest(ctx context.Context, tx pgx.Tx, ehr string, objects []string) (sum []byte, counts transfer.Counts, err error) {
	rows, err := tx.Query(ctx, fmt.Sprintf(objectDocsSQL, everything(access.Version, "v")), ehr, objects)
	if err != nil {
		return nil, counts, err
	}
	h := sha256.New()
	var object, doc string
	var number int
	_, err = pgx.ForEachRow(rows, []any{&object, &number, &doc}, func() error {
		counts.Versions++
		_, err := fmt.Fprintf(h, "%s %d %d\n%s\n", object, number, len(doc), doc)
		return err
	})
	return h.Sum(nil), counts, errors.Join(err)
}
