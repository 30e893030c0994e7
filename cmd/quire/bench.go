package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/deploy"
	"github.com/quire-cdr/quire/internal/bench"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/telemetry"
)

type benchCommand struct {
	EHRs         int      `name:"ehrs" help:"How many records are made." default:"2000"`
	Compositions int      `help:"How many compositions are loaded into them." default:"20000"`
	Seed         uint64   `help:"The same seed gives the same compositions." default:"1"`
	Seconds      float64  `help:"How long each operation runs in each round." default:"1"`
	Rounds       int      `help:"How often everything takes its turn." default:"5"`
	Idle         float64  `help:"Seconds of rest before memory is looked at again." default:"20"`
	Profiles     string   `help:"Keep processor profiles of the server here, one an operation." placeholder:"DIR"`
	Workload     bool     `help:"Measure queries instead, at each of the sizes, with ten compositions to a record."`
	Sizes        []int    `help:"With --workload: how many compositions." default:"20000,200000"`
	Data         []string `name:"data" help:"With --workload: measure the quire up that runs on this folder, loaded before with quire load --generate, instead; given once for each size." placeholder:"DIR"`
	Bulk         bool     `help:"Load in bulk." hidden:""`
	Server       string   `help:"Be the server that is measured, in this folder." hidden:""`
}

// Run starts a server as a process of its own, in a folder that is gone
// afterwards, and measures it.
func (c benchCommand) Run(ctx context.Context) error {
	if c.Workload {
		return c.workloads(ctx)
	}
	if c.EHRs < 1 || c.Compositions < c.EHRs || c.Rounds < 1 || c.Seconds <= 0 {
		return errors.New("at least one EHR, a composition for each, one round and some time")
	}
	if c.Server != "" {
		return c.serve(ctx)
	}
	return c.against(ctx, func(target bench.Target, dir string) error {
		return bench.Run(ctx, target, bench.Options{
			Rounds: c.Rounds, Span: seconds(c.Seconds), Idle: seconds(c.Idle), Seed: c.Seed, Dir: dir, Profiles: c.Profiles, Progress: os.Stderr,
		}, os.Stdout)
	})
}

// against starts the server, has it measured, and stops it.
func (c benchCommand) against(ctx context.Context, measure func(target bench.Target, dir string) error) error {
	dir, err := os.MkdirTemp("", "quire-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The children run as another user where we are root.
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, self, "bench", "--server", dir, "--ehrs", strconv.Itoa(c.EHRs),
		"--compositions", strconv.Itoa(c.Compositions), "--seed", strconv.FormatUint(c.Seed, 10), "--bulk="+strconv.FormatBool(c.Bulk))
	server.Stderr = os.Stderr
	// The server stops when its standard input ends, so also when this process is killed.
	stop, err := server.StdinPipe()
	if err != nil {
		return err
	}
	server.Cancel, server.WaitDelay = stop.Close, time.Minute
	told, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	var target bench.Target
	if err = json.NewDecoder(told).Decode(&target); err == nil {
		target.PID = server.Process.Pid
		err = measure(target, dir)
	}
	return errors.Join(err, stop.Close(), server.Wait())
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// serve is the server that is measured: children with syncing on, data, the
// API with and without audit of reads, and the limit. It says where it is on
// standard output and stops when standard input ends.
func (c benchCommand) serve(ctx context.Context) error {
	file, err := os.Create(filepath.Join(c.Server, "server.log"))
	if err != nil {
		return err
	}
	defer file.Close()
	log, err := telemetry.NewLogger(file, "json", slog.LevelInfo)
	if err != nil {
		return err
	}
	cluster, err := embedded.Start(ctx, embedded.Options{
		DataDir: filepath.Join(c.Server, "data"), OPL: deploy.OPL, Durable: true, WithKeto: true, Logger: log, Ready: probes(),
	})
	if err != nil {
		return err
	}
	defer stopCluster(ctx, cluster, func(err error) { fmt.Fprintln(os.Stderr, "stopping the child processes:", err) })
	keep, err := loadSecrets(cluster.Dir())
	if err != nil {
		return err
	}
	ownerDSN, appDSN, err := openDatabase(ctx, cluster, keep)
	if err != nil {
		return err
	}
	w := wiring{
		Database: postgres.Config{DSN: appDSN}, Direct: appDSN, KetoRead: cluster.KetoRead(), KetoWrite: cluster.KetoWrite(), Sentinel: cluster.Sentinel(),
		SystemID: upSystemID, FormSecret: []byte(keep.FormSecret), AuditSecrets: [][]byte{[]byte(keep.AuditSecret)}, Log: log,
	}
	p, err := assemble(ctx, w)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.bootstrap(ctx, keep); err != nil {
		return err
	}
	if err := p.installTemplates(ctx); err != nil {
		return err
	}
	loaded, err := c.fill(ctx, p, ownerDSN)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	raw, err := bench.NewRaw(ctx, ownerDSN, int32(max(8, 4*runtime.GOMAXPROCS(0))), loaded.Sample)
	if err != nil {
		return err
	}
	defer raw.Close()
	return p.measured(ctx, raw, bench.Target{Owner: ownerDSN, Clinician: keep.Tokens["clinician"], Analyst: keep.Tokens["analyst"], Admin: keep.Tokens["admin"], Loaded: loaded})
}

// measured serves until standard input ends.
func (p *parts) measured(ctx context.Context, raw *bench.Raw, target bench.Target) error {
	var draining atomic.Bool
	options := listenOptions{
		Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", Verifier: verifier(p, false, false, nil),
		SystemID: upSystemID, Pprof: true, Draining: whether(&draining),
	}
	audited, err := p.listen(options)
	if err != nil {
		return err
	}
	silent := *p
	silent.service = cdr.New(cdr.Deps{Store: p.db, Authorizer: p.authorizer, Auditor: noAudit{}, SystemID: upSystemID, Logger: p.log})
	unaudited, err := silent.listen(options)
	if err != nil {
		return err
	}
	limit, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	target.API, target.Ops = audited.apiAddr.Addr().String(), audited.opsAddr.Addr().String()
	target.Unaudited, target.Limit = unaudited.apiAddr.Addr().String(), limit.Addr().String()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.run(ctx, audited, &draining) })
	group.Go(func() error { return served(unaudited.api.Listener(unaudited.apiAddr)) })
	group.Go(func() error { return served(raw.App.Listener(limit)) })
	group.Go(func() error {
		<-ctx.Done()
		return errors.Join(unaudited.opsAddr.Close(), unaudited.api.ShutdownWithTimeout(time.Second), raw.App.ShutdownWithTimeout(time.Second))
	})
	group.Go(func() error {
		defer stop()
		if err := ready(ctx, p); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(target); err != nil {
			return err
		}
		return untilEnd(ctx)
	})
	return group.Wait()
}

// untilEnd reads standard input to its end, or until ctx ends.
func untilEnd(ctx context.Context) error {
	// A pipe that does not block can be given up.
	if err := syscall.SetNonblock(0, true); err != nil {
		return err
	}
	in := os.NewFile(0, "standard input")
	defer context.AfterFunc(ctx, func() { _ = in.SetReadDeadline(time.Now()) })()
	if _, err := io.Copy(io.Discard, in); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// noAudit is the auditor of a server that is there for the difference alone.
type noAudit struct{}

// Record forgets.
func (noAudit) Record(context.Context, cdr.Event) error { return nil }
