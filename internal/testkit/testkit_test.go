package testkit

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { Main(m) }

func TestDatabaseIsAFreshClone(t *testing.T) {
	var migrated atomic.Int32
	files := fstest.MapFS{"1.sql": {Data: []byte("create table thing (id int); -- " + uniqueName())}}
	migrate := func(ctx context.Context, dsn string) error {
		migrated.Add(1)
		return withConn(ctx, dsn, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, string(files["1.sql"].Data))
			return err
		})
	}
	ctx := context.Background()
	for range 3 {
		dsn := Database(t, files, migrate)
		err := withConn(ctx, dsn, func(conn *pgx.Conn) error {
			var n int
			if err := conn.QueryRow(ctx, "select count(*) from thing").Scan(&n); err != nil {
				return err
			}
			if n != 0 {
				t.Errorf("a clone holds %d rows of another test", n)
			}
			_, err := conn.Exec(ctx, "insert into thing values (1)")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := migrated.Load(); n != 1 {
		t.Errorf("migrated %d times, want once", n)
	}
}

func TestLogin(t *testing.T) {
	ctx := context.Background()
	dsn := Database(t, nil, nil)
	role := uniqueName()
	if err := withConn(ctx, dsn, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "create role "+role)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	err := withConn(ctx, Login(t, dsn, role), func(conn *pgx.Conn) error {
		var user, db string
		if err := conn.QueryRow(ctx, "select current_user, current_database()").Scan(&user, &db); err != nil {
			return err
		}
		if user != role || "/"+db != mustPath(t, dsn) {
			t.Errorf("logged in as %s on %s", user, db)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = withConn(ctx, onDatabase(dsn, "postgres"), func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "drop role "+role)
			return err
		})
	})
}

func TestKetoAnswersItsSentinel(t *testing.T) {
	k := Keto(t)
	if err := probeKeto(context.Background(), k.ReadURL, k.WriteURL, k.Sentinel); err != nil {
		t.Fatal(err)
	}
}

func mustPath(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}
