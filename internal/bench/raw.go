package bench

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Raw is the physical limit: tables without anything around them, and an HTTP
// server that hands on what one statement gives.
type Raw struct {
	pool *pgxpool.Pool
	// App answers /document/:id with one read by primary key and /one with
	// "select 1".
	App *fiber.App
}

const makeRawSQL = `
drop schema if exists bench cascade;
create schema bench;
create table bench.document (id text primary key, doc text not null);
create table bench.inserted (id bigint generated always as identity primary key, doc text not null)`

// NewRaw makes the tables as the database's owner and fills the one that is read
// with the sample's documents, under their version uids.
func NewRaw(ctx context.Context, ownerDSN string, connections int32, sample []Sampled) (*Raw, error) {
	pool, err := openPool(ctx, ownerDSN, connections)
	if err != nil {
		return nil, err
	}
	r := &Raw{pool: pool, App: fiber.New(fiber.Config{DisableStartupMessage: true})}
	if _, err = pool.Exec(ctx, makeRawSQL); err == nil {
		_, err = pool.CopyFrom(ctx, pgx.Identifier{"bench", "document"}, []string{"id", "doc"},
			pgx.CopyFromSlice(len(sample), func(i int) ([]any, error) { return []any{sample[i].UID, string(sample[i].Bytes)}, nil }))
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	r.App.Get("/document/:id", r.document)
	r.App.Get("/one", r.one)
	return r, nil
}

// Close ends the connections.
func (r *Raw) Close() { r.pool.Close() }

func (r *Raw) document(c *fiber.Ctx) error {
	var doc []byte
	if err := r.pool.QueryRow(c.Context(), "select doc from bench.document where id = $1", c.Params("id")).Scan(&doc); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(doc)
}

func (r *Raw) one(c *fiber.Ctx) error {
	var one int
	if err := r.pool.QueryRow(c.Context(), "select 1").Scan(&one); err != nil {
		return err
	}
	return c.SendString("1")
}

func openPool(ctx context.Context, dsn string, connections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.MaxConns = connections
	// The tables here must not be faster than the server's own by a laxer commit.
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	return pgxpool.NewWithConfig(ctx, config)
}
