package postgres

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/testkit"
)

// The roles are the cluster's and other tests log in by them, so this one takes
// their rights as it finds them and sets no password of its own choice twice.
func TestBootstrap(t *testing.T) {
	ctx := context.Background()
	super := testkit.Database(t, nil, nil)
	passwords := map[string]string{}
	for _, role := range []string{OwnerRole, AppRole} {
		if err := prepareRoles(ctx, super); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(testkit.Login(t, super, role))
		if err != nil {
			t.Fatal(err)
		}
		passwords[role], _ = u.User.Password()
	}
	u, err := url.Parse(super)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/") + "_boot"
	t.Cleanup(func() {
		conn, err := pgx.Connect(ctx, super)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(ctx) }()
		if _, err := conn.Exec(ctx, "drop database if exists "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	var app string
	for range 2 {
		owner, a, err := Bootstrap(ctx, super, name, passwords[OwnerRole], passwords[AppRole])
		if err != nil {
			t.Fatal(err)
		}
		if err := Migrate(ctx, owner); err != nil {
			t.Fatal(err)
		}
		app = a
	}
	if err := CheckSchema(ctx, app); err != nil {
		t.Error(err)
	}
	conn, err := pgx.Connect(ctx, app)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var owner string
	var strong bool
	err = conn.QueryRow(ctx, `select pg_get_userbyid(d.datdba), (select bool_or(rolbypassrls or rolsuper or rolcreaterole or rolcreatedb)
from pg_roles where rolname in ('quire_app', 'quire_owner')) from pg_database d where datname = current_database()`).Scan(&owner, &strong)
	if err != nil || owner != OwnerRole || strong {
		t.Errorf("owner %s, too strong %t, %v", owner, strong, err)
	}
}

func prepareRoles(ctx context.Context, super string) error {
	conn, err := pgx.Connect(ctx, super)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return makeRoles(ctx, conn)
}
