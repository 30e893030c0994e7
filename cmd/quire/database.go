package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quire-cdr/quire/internal/postgres"
)

// store is how a command finds a database: that of a running `up`, or by address.
type store struct {
	Data        string `help:"Data directory of a running quire up." default:".quire" placeholder:"DIR"`
	DatabaseURL string `help:"Address of the database as the application role, for a server that is no quire up." env:"QUIRE_DB_URL" placeholder:"URL"`
}

func (s store) open(ctx context.Context) (*postgres.DB, error) {
	dsn := s.DatabaseURL
	if dsn == "" {
		text, err := os.ReadFile(filepath.Join(s.Data, "database.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no quire up has run in %s; name a database with --database-url", s.Data)
		}
		if err != nil {
			return nil, err
		}
		var d database
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s/database.json: %w", s.Data, err)
		}
		dsn = d.App
	}
	return postgres.Open(ctx, postgres.Config{DSN: dsn})
}

type migrateCommand struct {
	DatabaseURL string `help:"Address of the database as quire_owner." env:"QUIRE_DB_OWNER_URL" required:"" placeholder:"URL"`
}

// Run brings the schema to this build's version.
func (c migrateCommand) Run(ctx context.Context) error {
	if err := postgres.Migrate(ctx, c.DatabaseURL); err != nil {
		return err
	}
	fmt.Println("the schema is up to date")
	return nil
}

type loadCommand struct {
	Store   store `embed:""`
	Reindex bool  `help:"Rebuild every row that AQL runs on. The server may go on working." required:""`
}

// Run rebuilds the rows and prints progress.
func (c loadCommand) Run(ctx context.Context) error {
	db, err := c.Store.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.Reindex(ctx, progress)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("the rows are rebuilt")
	return nil
}

func progress(done, total int) { fmt.Fprintf(os.Stderr, "\r%d of %d versions", done, total) }

type verifyCommand struct {
	Store store `embed:""`
}

// Run compares rows and documents and fails where they differ.
func (c verifyCommand) Run(ctx context.Context) error {
	db, err := c.Store.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	report, err := db.Verify(ctx, progress)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	fmt.Printf("%d versions with %d rows compared: %d differ, %d rows belong to no version\n", report.Versions, report.Rows, report.Differences, report.Orphans)
	for _, d := range report.Different {
		fmt.Printf("  %+v\n", d)
	}
	if !report.Sound() {
		return errors.New("rows and documents differ; rebuild with: quire load --reindex")
	}
	return nil
}
