package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/migrations"
)

// The roles: the owner of the schema, and the role the server works as, which
// row-level security binds.
const (
	OwnerRole = "quire_owner"
	AppRole   = "quire_app"
)

// Migrate brings the schema to its newest version, as the owner. Running it
// again does nothing.
func Migrate(ctx context.Context, ownerDSN string) error {
	return withSchema(ownerDSN, "", func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		if err != nil {
			return fmt.Errorf("postgres: migrating: %w", err)
		}
		return nil
	})
}

// CheckSchema fails when the schema is not the one this build needs. It reads
// only, as any role.
func CheckSchema(ctx context.Context, dsn string) error {
	return withSchema(dsn, "", func(p *goose.Provider) error {
		current, target, err := p.GetVersions(ctx)
		if err != nil {
			return fault.New(fault.Unavailable, "schema", "the schema cannot be read; run: quire migrate").Because(redact(err))
		}
		pending, err := p.HasPending(ctx)
		if err != nil {
			return fault.New(fault.Unavailable, "schema", "the schema cannot be read; run: quire migrate").Because(redact(err))
		}
		if pending || current > target {
			return fault.New(fault.Unavailable, "schema", "the schema is at %d and this build needs %d; run: quire migrate", current, target)
		}
		return nil
	})
}

// Prepare makes the roles, without passwords, and migrates as the owner over a
// superuser's connection: for tests, and for clusters whose passwords are
// managed elsewhere.
func Prepare(ctx context.Context, superDSN string) error {
	conn, err := pgx.Connect(ctx, superDSN)
	if err != nil {
		return translate(ctx, err)
	}
	err = makeRoles(ctx, conn)
	if err == nil {
		_, err = conn.Exec(ctx, "grant create, usage on schema public to "+OwnerRole)
	}
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("postgres: making the roles: %w", redact(err))
	}
	return withSchema(superDSN, OwnerRole, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// withSchema opens the migrations on a connection of their own, as role where
// one is named.
func withSchema(dsn, role string, do func(*goose.Provider) error) (err error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("postgres: the address is not valid")
	}
	if role != "" {
		config.RuntimeParams["role"] = role
	}
	var db *sql.DB = stdlib.OpenDB(*config)
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("postgres: the migrations: %w", err)
	}
	return do(provider)
}
