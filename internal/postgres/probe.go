package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Probe says whether a database answers a statement, on a connection of its own.
func Probe(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return redact(err)
	}
	_, err = conn.Exec(ctx, "select 1")
	return errors.Join(redact(err), conn.Close(context.WithoutCancel(ctx)))
}

// CreateDatabase makes a database if it is not there, as a superuser.
func CreateDatabase(ctx context.Context, superDSN, name string) error {
	conn, err := pgx.Connect(ctx, superDSN)
	if err != nil {
		return redact(err)
	}
	_, err = conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize())
	var known *pgconn.PgError
	if errors.As(err, &known) && known.Code == "42P04" { // duplicate_database
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("postgres: making the database %s: %w", name, redact(err))
	}
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}
