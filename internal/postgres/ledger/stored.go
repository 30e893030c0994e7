package ledger

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/seal"
)

// Connect opens a connection that reads and seals the audit.
func Connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The cause would hold the address and with it the password.
		return nil, errors.New("the database's address is not valid")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 2 * time.Second
	}
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["application_name"] = "quire ledger"
	return pgx.ConnectConfig(ctx, config)
}

func text(xact uint64) string { return strconv.FormatUint(xact, 10) }

const sealSQL = `select seq, lo::text::bigint, hi::text::bigint, at, events, shown, root, before, chain, key, signature from audit_seal `

// last is the newest seal, nil where there is none.
func last(ctx context.Context, conn *pgx.Conn) (*seal.Seal, error) {
	return one(conn.Query(ctx, sealSQL+`order by seq desc limit 1`))
}

func one(rows pgx.Rows, err error) (*seal.Seal, error) {
	if err != nil {
		return nil, err
	}
	s, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return s, err
}

func scan(row pgx.CollectableRow) (*seal.Seal, error) {
	s := &seal.Seal{}
	err := row.Scan(&s.Seq, &s.Lo, &s.Hi, &s.At, &s.Events, &s.Shown, &s.Root, &s.Before, &s.Chain, &s.Key, &s.Signature)
	s.At = s.At.UTC()
	return s, err
}

// Head is the newest seal, nil before the first.
func Head(ctx context.Context, conn *pgx.Conn) (*seal.Seal, error) { return last(ctx, conn) }
