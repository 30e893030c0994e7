package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Probes decide whether a server is ready. Start calls them again and again until they return nil or time is up.
type Probes struct {
	// Postgres runs a statement on the database of the address.
	Postgres func(ctx context.Context, dsn string) error
	// CreateDatabase makes the database if it is not there yet.
	CreateDatabase func(ctx context.Context, adminDSN, name string) error
	// Keto makes sure that the tuple AdminArea:<sentinel>#viewers@quire-sentinel exists, that its permit `view` is true, and
	// that the same permit is false for quire-sentinel-no. Keto's own health address says ok without database and model.
	Keto func(ctx context.Context, readURL, writeURL, sentinel string) error
}

// Options say what to run and where.
type Options struct {
	DataDir string // made if absent; everything the children keep is below it
	PGBin   string // folder of initdb and postgres; empty: FindPostgres, else a download, else a container
	KetoBin string // empty: FindKeto
	OPL     []byte // Keto's access model
	// Durable is for data that matter. Without it nothing is ever synced to disk: a test cluster.
	Durable bool
	// External is the superuser's address of a Postgres that runs already; then none is started.
	External string
	Logger   *slog.Logger
	Ready    Probes
	WithKeto bool // start Keto too; without it StartKeto may do so later
}

// Cluster is a running Postgres, and Keto if asked for. Its methods are safe for concurrent use.
type Cluster struct {
	opt       Options
	dir       string
	log       *slog.Logger
	locks     *locks
	spawn     *spawner
	as        identity
	pgBin     string
	container *container
	external  *url.URL
	lz4       bool
	ketoBin   string
	password  string
	sentinel  string
	deaths    chan error

	mu        sync.Mutex // over starting and stopping
	pg, keto  *child
	pgPort    int
	ketoPorts ketoPorts
	stopped   bool
	stopErr   error
}

var errStopped = errors.New("the embedded servers have been stopped for good")

// Start brings the children up and returns when their probes say they are ready. A second start on the same folder finds
// the same data. On error everything that was started has been stopped. *InUse says that another process has the folder.
func Start(ctx context.Context, opt Options) (_ *Cluster, err error) {
	dir, err := filepath.Abs(opt.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("%w; use --data with a folder of your own", err)
		}
		return nil, err
	}
	c := &Cluster{
		opt:    opt,
		dir:    dir,
		log:    cmp.Or(opt.Logger, slog.New(slog.DiscardHandler)),
		deaths: make(chan error, 16),
	}
	if c.locks, err = acquire(ctx, dir); err != nil {
		return nil, err
	}
	c.spawn = newSpawner()
	defer func() {
		if err != nil {
			_ = c.Stop(context.WithoutCancel(ctx))
		}
	}()
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	if err := c.StartPostgres(ctx); err != nil {
		return nil, err
	}
	if opt.WithKeto {
		if err := c.StartKeto(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// prepare finds the binaries, chooses the children's user and makes the folders.
func (c *Cluster) prepare(ctx context.Context) (err error) {
	var folders, programs []string
	if c.opt.External != "" {
		if c.external, err = url.Parse(c.opt.External); err != nil {
			return errors.New("the address of the external Postgres is not a URL") // the cause would print its password
		}
	} else {
		if err := c.locatePostgres(ctx); err != nil {
			return err
		}
		if c.container == nil {
			folders = append(folders, installRoot(c.pgBin))
			programs = append(programs, filepath.Join(c.pgBin, "postgres"), filepath.Join(c.pgBin, "initdb"))
		}
	}
	c.ketoBin = c.opt.KetoBin
	if c.ketoBin == "" {
		if c.ketoBin, err = FindKeto(); err != nil && c.opt.WithKeto {
			return err
		}
	}
	if c.ketoBin != "" {
		if c.ketoBin, err = filepath.Abs(c.ketoBin); err != nil {
			return err
		}
		folders = append(folders, filepath.Dir(c.ketoBin))
		programs = append(programs, c.ketoBin)
	}
	if os.Geteuid() == 0 {
		// The children's user passes through to what it owns below; everything of ours there is closed to it.
		if err := os.Chmod(c.dir, 0o711); err != nil {
			return err
		}
	}
	if c.container != nil {
		// The engine's tool needs our own rights to reach the engine.
		c.as = identity{mode: modeSame, uid: os.Geteuid(), gid: os.Getegid()}
	} else if c.as, err = identify(c.spawn, append([]string{c.dir}, folders...), programs, c.log); err != nil {
		return err
	}
	c.log.Debug("children's identity", "mode", string(c.as.mode), "uid", c.as.uid)
	if err := os.MkdirAll(c.file("log"), 0o700); err != nil {
		return err
	}
	if err := os.RemoveAll(c.file("run")); err != nil {
		return err
	}
	if err := os.Mkdir(c.file("run"), 0o700); err != nil {
		return err
	}
	if err := c.as.own(c.file("run")); err != nil {
		return err
	}
	if c.sentinel, err = c.secret("keto.sentinel", func() string { return "sentinel-" + randomHex(12) }); err != nil {
		return err
	}
	switch {
	case c.external != nil:
		return nil
	case c.container != nil:
		c.password, err = c.secret("pg.password", func() string { return randomHex(24) })
		return err
	}
	if err := c.initPostgres(ctx); err != nil {
		return err
	}
	c.lz4 = c.haveLZ4()
	return nil
}

// locatePostgres settles which Postgres is run: given, found, downloaded, or a container's.
func (c *Cluster) locatePostgres(ctx context.Context) (err error) {
	if c.pgBin = c.opt.PGBin; c.pgBin != "" {
		c.pgBin, err = filepath.Abs(c.pgBin)
		return err
	}
	major, _ := dataMajor(c.file("pg")) // 0 when there is none yet
	if c.pgBin, err = findPostgres(major); !errors.Is(err, ErrNoPostgres) {
		return err
	}
	downloaded, downloadErr := FetchPostgres(ctx, c.log)
	if downloadErr == nil {
		c.pgBin = downloaded
		return nil
	}
	if c.container, err = findContainer(ctx, c.dir); err == nil {
		return nil
	}
	return fmt.Errorf("%w (download: %w; container: %w)", ErrNoPostgres, downloadErr, err)
}

// installRoot is the folder that holds the whole of an installation: postgres finds its share folder relative to its own.
func installRoot(bindir string) string {
	if root := unpackedRoot(bindir); root != "" {
		return root
	}
	return filepath.Dir(bindir)
}

func (c *Cluster) file(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// writeForChildren writes a file the children read.
func (c *Cluster) writeForChildren(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return c.as.own(path)
}

// Dir is the absolute path of the data directory.
func (c *Cluster) Dir() string { return c.dir }

// Done delivers a *ChildDied for each child that ends although nobody stopped it. StartPostgres and StartKeto bring it back.
func (c *Cluster) Done() <-chan error { return c.deaths }

func (c *Cluster) childDied(d *ChildDied) {
	c.log.Error("child process ended", "child", d.Name, "log", d.Log)
	select {
	case c.deaths <- d:
	default: // nobody has listened for sixteen deaths
	}
}

// Stop ends Keto, then Postgres, and gives the data directory free. Data stay. Calling it again is harmless.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return c.stopErr
	}
	c.stopped = true
	limit := postgresStopLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, max(time.Until(deadline), time.Second))
	}
	c.stopErr = errors.Join(c.keto.stop(min(ketoStopLimit, limit)), c.pg.stop(limit), c.spawn.close())
	c.locks.release()
	return c.stopErr
}

// openLog opens a log file as the parent, who passes it on: the children's user need not be able to.
func (c *Cluster) openLog(name string) (*os.File, error) {
	path := c.file("log", name)
	if info, err := os.Stat(path); err == nil && info.Size() > 16<<20 {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// prepared is a command with its log, environment and the lock that every child holds.
func (c *Cluster) prepared(log *os.File, death syscall.Signal, env []string, name string, args []string) *exec.Cmd {
	cmd := c.as.command(death, c.as.path(name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(cmd.Env, env...)
	cmd.ExtraFiles = []*os.File{c.locks.children}
	return cmd
}

// serve starts a server.
func (c *Cluster) serve(name string, signal syscall.Signal, env []string, program string, args ...string) (*child, error) {
	log, err := c.openLog(name + ".log")
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	return c.spawn.startChild(name, log.Name(), signal, c.prepared(log, signal, env, program, args), c.childDied)
}

// runLogged runs a program to its end.
func (c *Cluster) runLogged(ctx context.Context, logName string, env []string, program string, args ...string) error {
	log, err := c.openLog(logName)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.spawn.run(c.prepared(log, syscall.SIGKILL, env, program, args)); err != nil {
		return fmt.Errorf("%s: %w; see %s", filepath.Base(program), err, log.Name())
	}
	return nil
}

// awaitReady probes until the child is ready, has ended, or time is up.
func (c *Cluster) awaitReady(ctx context.Context, ch *child, limit time.Duration, probe func(context.Context) error) error {
	began := time.Now()
	for {
		probing, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := probe(probing)
		cancel()
		if err == nil {
			ch.ready.Store(true)
		}
		// Looked at after ready is set: a death before is an error of this start, one after is told by Done.
		if err == nil && ch.running() {
			c.log.Debug("child ready", "child", ch.name, "pid", ch.cmd.Process.Pid, "took", time.Since(began).Round(time.Millisecond))
			return nil
		}
		if !ch.running() {
			return &ChildDied{Name: ch.name, Log: ch.log, Err: ch.err}
		}
		if time.Since(began) > limit {
			return fmt.Errorf("%s was not ready after %s: %w; see %s", ch.name, limit, err, ch.log)
		}
		if err := pause(ctx, 15*time.Millisecond); err != nil {
			return err
		}
	}
}
