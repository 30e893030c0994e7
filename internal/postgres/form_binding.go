package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

const (
	bindingSQL = `select content from form_binding where questionnaire = $1`

	putBindingSQL = `
insert into form_binding (questionnaire, template, content, registered_by) values ($1, $2, $3, $4)
on conflict (questionnaire) do update set template = excluded.template, content = excluded.content,
    registered_by = excluded.registered_by, registered = clock_timestamp()`
)

// Binding is the file of a foreign form by its canonical address, "" where none
// is registered.
func (db *DB) Binding(ctx context.Context, questionnaire string) (text string, err error) {
	err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, bindingSQL, questionnaire).Scan(&text)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return text, translate(ctx, err)
}

// PutBinding registers a file in place of the one before.
func (db *DB) PutBinding(ctx context.Context, questionnaire, template, text, by string, audit cdr.Event) error {
	err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, putBindingSQL, questionnaire, template, text, by); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, auditInsertSQL, auditRow(audit)...)
		return err
	})
	return translate(ctx, err)
}
