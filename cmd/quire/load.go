package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/quire-cdr/quire/internal/bench"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/bulk"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres"
)

type loadCommand struct {
	Store    store  `embed:""`
	Reindex  bool   `help:"Rebuild every row that AQL runs on. The server may go on working." xor:"what" required:""`
	Bulk     string `help:"Load compositions: a folder with a folder for each EHR, named by its id, of .json files (ehr_status.json makes the EHR), or a file with {\"ehr_id\", \"composition\"} or {\"ehr_id\", \"ehr_status\"} on each line. The same command goes on where it was stopped." xor:"what" required:"" placeholder:"PATH"`
	Generate int    `help:"Load so many synthetic compositions, for measuring." xor:"what" required:"" placeholder:"N"`

	CreateEHRs   bool   `name:"create-ehrs" help:"With --bulk: make EHRs that are not there."`
	Judge        string `help:"full judges every document as a commit does, except codes of value sets outside the template; none takes the content as it is, for documents that were judged where they come from." enum:"full,none" default:"full"`
	Organisation string `help:"Who recorded what names nobody; new EHRs get a relationship with it."`
	Committer    string `help:"Name of who commits." default:"Bulk load"`
	Refused      string `help:"Write what was refused to this file too, a line of JSON each." placeholder:"FILE"`
	EHRs         int    `name:"ehrs" help:"With --generate: how many records." default:"0"`
	Seed         uint64 `help:"With --generate: the same seed gives the same records." default:"1"`
}

// Run loads or rebuilds, and prints progress.
func (c loadCommand) Run(ctx context.Context) error {
	db, err := c.Store.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if !c.Reindex {
		return c.load(ctx, db)
	}
	err = db.Reindex(ctx, progress)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("the rows are rebuilt")
	return nil
}

// source is what is loaded.
func (c loadCommand) source() (bulk.Source, error) {
	if c.Bulk == "" {
		if c.EHRs == 0 {
			c.EHRs = max(1, c.Generate/10)
		}
		if c.Generate < c.EHRs || c.EHRs < 1 {
			return nil, errors.New("at least one EHR, and a composition for each")
		}
		return bench.Generated{Data: bench.Data{EHRs: c.EHRs, Compositions: c.Generate, Seed: c.Seed}}, nil
	}
	info, err := os.Stat(c.Bulk)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return bulk.Folder{FS: os.DirFS(c.Bulk), Create: c.CreateEHRs}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("the load must be able to begin anew, so its source is a file or a folder")
	}
	head := make([]byte, 256)
	open := func() (io.ReadCloser, error) { return os.Open(c.Bulk) }
	file, err := open()
	if err != nil {
		return nil, err
	}
	n, err := io.ReadFull(file, head)
	_ = file.Close()
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(head[:n], []byte(`{"ehr":{"format":`)) {
		return nil, errors.New("the file is an export with whole histories; bring it in with: quire import")
	}
	return bulk.Lines{Open: open, Size: info.Size(), Create: c.CreateEHRs}, nil
}

// load brings the source in. Documents that are refused are told one by one; at
// the end they make the command fail.
func (c loadCommand) load(ctx context.Context, db *postgres.DB) error {
	source, err := c.source()
	if err != nil {
		return err
	}
	system, err := db.Setting(ctx, postgres.SettingSystemID)
	if err != nil {
		return err
	}
	if system == "" {
		return errors.New("this database has never been served: start quire once, so that the system has its id")
	}
	refusals, err := c.refusals()
	if err != nil {
		return err
	}
	began, first := time.Now(), bulk.State{Position: -1}
	loader := bulk.Loader{
		Act:      cdr.New(cdr.Deps{Store: db, SystemID: system}).Act(),
		Store:    db,
		Caller:   cdr.Caller{Subject: "system:bulk-load", Role: "system", Name: c.Committer, Organisation: c.Organisation, All: true},
		Unjudged: c.Judge == "none",
		Refused:  refusals.tell,
		Progress: func(s bulk.State) {
			if first.Position < 0 {
				first = s
			}
			fmt.Fprintf(os.Stderr, "\r%d documents loaded, %d refused, %.0f a second ", s.Loaded, s.Refused, float64(s.Position-first.Position)/time.Since(began).Seconds())
		},
	}
	state, err := loader.Run(ctx, source)
	fmt.Fprintln(os.Stderr)
	if err := errors.Join(err, refusals.close()); err != nil {
		return fmt.Errorf("after %d of the source's documents: %w; the same command goes on there", state.Position, err)
	}
	fmt.Printf("%d documents (%d MiB) loaded, %d refused; finished %s\n", state.Loaded, state.Bytes>>20, state.Refused, state.Finished.UTC().Format(time.RFC3339))
	if state.Refused > 0 {
		return fmt.Errorf("%d documents were refused", state.Refused)
	}
	return nil
}

// refusals tells of documents that were not loaded.
type refusals struct{ file *os.File }

func (c loadCommand) refusals() (*refusals, error) {
	if c.Refused == "" {
		return &refusals{}, nil
	}
	file, err := os.OpenFile(c.Refused, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &refusals{file: file}, err
}

func (r *refusals) tell(refused bulk.Refusal) {
	f := fault.Of(refused.Err)
	fmt.Fprintf(os.Stderr, "\r%s: %s\n", refused.Where, message(refused.Err))
	if r.file == nil {
		return
	}
	line := struct {
		Position int64         `json:"position"`
		Where    string        `json:"where"`
		Error    string        `json:"error"`
		Message  string        `json:"message"`
		Issues   []fault.Issue `json:"issues,omitempty"`
	}{refused.Position, refused.Where, f.Code, message(refused.Err), f.Issues}
	_ = json.NewEncoder(r.file).Encode(line)
}

func (r *refusals) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
