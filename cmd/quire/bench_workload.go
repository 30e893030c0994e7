package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/bench"
	"github.com/quire-cdr/quire/internal/cdr/bulk"
)

// workloads measures the queries at each size, on a server of its own each, or on
// servers that run and are loaded.
func (c benchCommand) workloads(ctx context.Context) error {
	slices.Sort(c.Sizes)
	options := bench.WorkloadOptions{Span: seconds(c.Seconds), Rounds: c.Rounds, Seed: c.Seed, Progress: os.Stderr}
	if len(c.Data) > 0 {
		return c.running(ctx, options)
	}
	if len(c.Sizes) == 0 || c.Sizes[0] < 100 || c.Seconds <= 0 {
		return errors.New("--sizes are at least 100 compositions, and --seconds some time")
	}
	var all []*bench.Workloads
	for _, size := range c.Sizes {
		c.Compositions, c.EHRs, c.Bulk = size, size/10, true
		err := c.against(ctx, func(target bench.Target, dir string) error {
			target.Postmaster, _ = postmasterOf(filepath.Join(dir, "data"))
			measured, err := bench.RunWorkloads(ctx, target, options)
			all = append(all, measured)
			return err
		})
		if err != nil {
			return err
		}
	}
	return bench.PrintWorkloads(os.Stdout, all)
}

// running measures servers that quire up runs, smallest first.
func (c benchCommand) running(ctx context.Context, options bench.WorkloadOptions) error {
	var all []*bench.Workloads
	for _, dir := range c.Data {
		target, err := runningTarget(ctx, dir)
		if err != nil {
			return err
		}
		measured, err := bench.RunWorkloads(ctx, target, options)
		if err != nil {
			return err
		}
		all = append(all, measured)
	}
	slices.SortFunc(all, func(a, b *bench.Workloads) int { return a.Compositions - b.Compositions })
	return bench.PrintWorkloads(os.Stdout, all)
}

// runningTarget is the server of a data folder, with what it holds.
func runningTarget(ctx context.Context, dir string) (bench.Target, error) {
	server, err := remote{Data: dir, As: "analyst"}.connect()
	if err != nil {
		return bench.Target{}, err
	}
	base, err := url.Parse(server.BaseURL)
	if err != nil {
		return bench.Target{}, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "database.json"))
	if err != nil {
		return bench.Target{}, err
	}
	var d database
	if err := json.Unmarshal(text, &d); err != nil {
		return bench.Target{}, fmt.Errorf("%s/database.json: %w", dir, err)
	}
	// Where it cannot be read the processor time is not shown.
	postmaster, _ := postmasterOf(dir)
	loaded, err := bench.LoadedOf(ctx, d.Owner)
	if err != nil {
		return bench.Target{}, err
	}
	return bench.Target{API: base.Host, Postmaster: postmaster, Owner: d.Owner, Clinician: server.Tokens["clinician"], Analyst: server.Tokens["analyst"], Admin: server.Tokens["admin"], Loaded: loaded}, nil
}

// postmasterOf is the process of the database in a data folder.
func postmasterOf(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "pg", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// fill loads the data, by requests or in bulk.
func (c benchCommand) fill(ctx context.Context, p *parts, ownerDSN string) (bench.Loaded, error) {
	data := bench.Data{EHRs: c.EHRs, Compositions: c.Compositions, Seed: c.Seed}
	if !c.Bulk {
		return bench.Load(ctx, p.service, system, data, func(done, total int) {
			fmt.Fprintf(os.Stderr, "\r%d of %d compositions", done, total)
		})
	}
	began, source := time.Now(), bench.Generated{Data: data}
	loader := bulk.Loader{
		Act: p.service.Act(), Store: p.db, Caller: system(""),
		Refused: func(r bulk.Refusal) { fmt.Fprintf(os.Stderr, "\r%s: %s\n", r.Where, message(r.Err)) },
		Progress: func(s bulk.State) {
			fmt.Fprintf(os.Stderr, "\r%d of %d documents", s.Position, data.Compositions+data.EHRs)
		},
	}
	state, err := loader.Run(ctx, source)
	if err != nil {
		return bench.Loaded{}, err
	}
	if state.Refused > 0 {
		return bench.Loaded{}, fmt.Errorf("%d documents were refused", state.Refused)
	}
	loaded := bench.Loaded{Compositions: data.Compositions, Took: time.Since(began)}
	for n := range data.EHRs {
		loaded.EHRs = append(loaded.EHRs, source.EHR(n))
	}
	loaded.Sample, loaded.DocumentBytes, err = bench.SampleOf(ctx, ownerDSN)
	return loaded, err
}
