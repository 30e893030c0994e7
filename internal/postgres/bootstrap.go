package postgres

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// Bootstrap makes the two roles with their passwords and a database that the
// owner owns, as a superuser; what exists is kept. It returns the owner's and
// the application's address.
func Bootstrap(ctx context.Context, superDSN, database, ownerPassword, appPassword string) (ownerDSN, appDSN string, err error) {
	conn, err := pgx.Connect(ctx, superDSN)
	if err != nil {
		return "", "", translate(ctx, err)
	}
	defer func() {
		if closeErr := conn.Close(ctx); err == nil && closeErr != nil {
			err = closeErr
		}
	}()
	if err := makeRoles(ctx, conn); err != nil {
		return "", "", fmt.Errorf("postgres: making the roles: %w", redact(err))
	}
	for role, password := range map[string]string{OwnerRole: ownerPassword, AppRole: appPassword} {
		// A utility statement takes no parameters; the server quotes the literal.
		var statement string
		if err := conn.QueryRow(ctx, "select format('alter role %I login password %L', $1::text, $2::text)", role, password).Scan(&statement); err != nil {
			return "", "", fmt.Errorf("postgres: setting a password: %w", redact(err))
		}
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", "", fmt.Errorf("postgres: setting a password: %w", redact(err))
		}
	}
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", database).Scan(&there); err != nil {
		return "", "", redact(err)
	}
	if !there {
		name := pgx.Identifier{database}.Sanitize()
		if _, err := conn.Exec(ctx, "create database "+name+" owner "+OwnerRole); err != nil {
			return "", "", fmt.Errorf("postgres: making the database: %w", redact(err))
		}
	}
	return address(superDSN, database, OwnerRole, ownerPassword), address(superDSN, database, AppRole, appPassword), nil
}

const makeRolesSQL = `
do $$ begin
    -- Two processes may do this at once.
    perform pg_advisory_xact_lock(hashtext('quire roles'));
    if not exists (select 1 from pg_roles where rolname = 'quire_owner') then
        create role quire_owner nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
    if not exists (select 1 from pg_roles where rolname = 'quire_app') then
        create role quire_app nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
end $$`

func makeRoles(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, makeRolesSQL)
	return err
}

// address is the server of dsn with another database, user and password; ""
// where dsn is no URL.
func address(dsn, database, user, password string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return ""
	}
	u.User = url.UserPassword(user, password)
	u.Path = "/" + database
	return u.String()
}
