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
	DatabaseURL string `help:"Address of the database as the application role, for a server that is no quire up." env:"QUIRE_DATABASE_URL" placeholder:"URL"`
}

func (s store) dsn() (string, error) {
	if s.DatabaseURL != "" {
		return s.DatabaseURL, nil
	}
	text, err := os.ReadFile(filepath.Join(s.Data, "database.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no quire up has run in %s; name a database with --database-url", s.Data)
	}
	if err != nil {
		return "", err
	}
	var d database
	if err := json.Unmarshal(text, &d); err != nil {
		return "", fmt.Errorf("%s/database.json: %w", s.Data, err)
	}
	return d.App, nil
}

func (s store) open(ctx context.Context) (*postgres.DB, error) {
	dsn, err := s.dsn()
	if err != nil {
		return nil, err
	}
	return postgres.Open(ctx, postgres.Config{DSN: dsn})
}

// identities opens the database for those who make keys and rights.
func (s store) identities(ctx context.Context) (_ *postgres.Access, end func(), err error) {
	dsn, err := s.dsn()
	if err != nil {
		return nil, nil, err
	}
	db, err := postgres.Open(ctx, postgres.Config{DSN: dsn})
	if err != nil {
		return nil, nil, err
	}
	access, err := postgres.NewAccess(ctx, db, dsn)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return access, func() { access.Close(); db.Close() }, nil
}

type migrateCommand struct {
	DatabaseURL string `help:"Address of the database as quire_owner." env:"QUIRE_DATABASE_OWNER_URL" required:"" placeholder:"URL"`
}

// Run brings the schema to this build's version.
func (c migrateCommand) Run(ctx context.Context) error {
	if err := postgres.Migrate(ctx, c.DatabaseURL); err != nil {
		return err
	}
	fmt.Println("the schema is up to date")
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
