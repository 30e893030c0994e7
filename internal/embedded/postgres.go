package embedded

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	postgresReadyLimit = 30 * time.Second
	postgresStopLimit  = 20 * time.Second
	postgresAttempts   = 5
)

// postgresSettings are given on the command line, not written to postgresql.conf, so that a newer Quire on an older data
// directory runs with the newer settings.
func postgresSettings(durable, lz4 bool) []string {
	s := []string{
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=", // a socket's path may not exceed 107 bytes, and data folders lie deep
		"timezone=UTC",
		"jit=off", // its compile time exceeds most of our queries
		// No record content in log files: neither the statement of an error nor its DETAIL line with key values.
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
		"log_line_prefix=%m [%p] ",
	}
	if lz4 {
		s = append(s, lz4Settings...)
	}
	if durable {
		s = append(s, parallelSettings(runtime.NumCPU())...)
		return append(s, append(memorySettings(machineMemory()), "max_connections=100")...)
	}
	// Many packages' tests share one test cluster, and what a crash of the machine would do to it is of no interest.
	return append(s, "shared_buffers=128MB", "max_connections=300", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
}

// parallelSettings keep one query to one processor where there are few: the server
// and other people's requests need the rest, and of two processors a second worker
// gains little.
func parallelSettings(processors int) []string {
	const few = 4
	if processors > few {
		return nil
	}
	return []string{"max_parallel_workers_per_gather=0"}
}

var lz4Settings = []string{"default_toast_compression=lz4", "wal_compression=lz4"}

func asFlags(settings []string) []string {
	var flags []string
	for _, s := range settings {
		flags = append(flags, "-c", s)
	}
	return flags
}

// SuperuserDSN is the address of a database for the superuser postgres, password included: never log it.
func (c *Cluster) SuperuserDSN(db string) string {
	if c.external != nil {
		u := *c.external
		u.Path = "/" + db
		return u.String()
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.pgPort)),
		Path:     "/" + db,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// initPostgres makes the database cluster on first use. It is made beside its final place and renamed when complete, so
// that a start killed in the middle leaves nothing a later start would take for a cluster.
func (c *Cluster) initPostgres(ctx context.Context) error {
	made := c.file("pg.new")
	if err := os.RemoveAll(made); err != nil {
		return err
	}
	if major, err := dataMajor(c.file("pg")); err == nil {
		if have, err := postgresMajor(c.pgBin); err == nil && have != major {
			return fmt.Errorf("%s was made by PostgreSQL %d and the binaries in %s are PostgreSQL %d: set QUIRE_PG_BIN, or use pg_upgrade", c.file("pg"), major, c.pgBin, have)
		}
		if err := c.as.ownAll(c.file("pg")); err != nil {
			return err
		}
		password, err := os.ReadFile(c.file("pg.password"))
		if err != nil {
			return fmt.Errorf("the data directory holds a database and no readable password for it: %w", err)
		}
		c.password = strings.TrimSpace(string(password))
		return nil
	}
	c.password = randomHex(24)
	if err := os.WriteFile(c.file("pg.password"), []byte(c.password+"\n"), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(made, 0o700); err != nil {
		return err
	}
	if err := c.as.own(made); err != nil {
		return err
	}
	// The child's user reads this copy; ours stays unreadable to it.
	handover := c.file("run", "initdb.password")
	if err := os.WriteFile(handover, []byte(c.password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(handover)
	if err := c.as.own(handover); err != nil {
		return err
	}
	args := []string{"-D", c.as.path(made), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
		"--auth=scram-sha-256", "--pwfile=" + c.as.path(handover), "--no-instructions"}
	if !c.opt.Durable {
		args = append(args, "--no-sync")
	}
	if err := c.runLogged(ctx, "initdb.log", c.pgEnv(), filepath.Join(c.pgBin, "initdb"), args...); err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	return os.Rename(made, c.file("pg"))
}

func dataMajor(pgdata string) (int, error) {
	b, err := os.ReadFile(filepath.Join(pgdata, "PG_VERSION"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// pgEnv is what the Postgres programs need in their environment beyond the base.
func (c *Cluster) pgEnv() []string {
	dirs := libraryFolders(c.pgBin)
	for i := range dirs {
		dirs[i] = c.as.path(dirs[i])
	}
	return libraryPath(dirs)
}

// haveLZ4 asks the server program itself whether it was built with lz4.
func (c *Cluster) haveLZ4() bool {
	args := append([]string{"-D", c.as.path(c.file("pg")), "-C", "wal_compression"}, asFlags(lz4Settings)...)
	cmd := c.as.command(syscall.SIGKILL, c.as.path(filepath.Join(c.pgBin, "postgres")), args...)
	cmd.Env = append(cmd.Env, c.pgEnv()...)
	return c.spawn.run(cmd) == nil
}

// StartPostgres starts the database after StopPostgres or its own death, on the port it had.
func (c *Cluster) StartPostgres(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.startPostgres(ctx)
}

func (c *Cluster) startPostgres(ctx context.Context) error {
	switch {
	case c.stopped:
		return errStopped
	case c.external != nil || c.pg.running():
		return nil
	}
	first := c.pgPort == 0
	var last error
	for range postgresAttempts {
		if first {
			ports, err := freePorts(1)
			if err != nil {
				return err
			}
			c.pgPort = ports[0]
		}
		err := c.tryPostgres(ctx)
		if err == nil {
			return nil
		}
		last = err
		var died *ChildDied
		if !errors.As(err, &died) {
			return err
		}
		// It ended at once: the port was taken meanwhile, or backends of a killed predecessor still hold its memory.
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return last
}

func (c *Cluster) tryPostgres(ctx context.Context) error {
	name, args, env := filepath.Join(c.pgBin, "postgres"), []string{"-D", c.as.path(c.file("pg")), "-p", strconv.Itoa(c.pgPort)}, c.pgEnv()
	args = append(args, asFlags(postgresSettings(c.opt.Durable, c.lz4))...)
	if c.container != nil {
		name, args, env = c.container.command(c.pgPort, c.password, c.opt.Durable)
	}
	var err error
	c.pg, err = c.serve("postgres", syscall.SIGINT, env, name, args...)
	if err != nil {
		return err
	}
	err = c.awaitReady(ctx, c.pg, postgresReadyLimit, func(ctx context.Context) error {
		return c.opt.Ready.Postgres(ctx, c.SuperuserDSN("postgres"))
	})
	if err != nil {
		_ = c.pg.stop(postgresStopLimit)
	}
	return err
}

// StopPostgres stops the database and leaves the rest running. Open connections are cut (a fast shutdown).
func (c *Cluster) StopPostgres() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pg.stop(postgresStopLimit)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// secret reads a random value from a file of the data directory, making it on first use.
func (c *Cluster) secret(name string, make func() string) (string, error) {
	b, err := os.ReadFile(c.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		value := make()
		return value, os.WriteFile(c.file(name), []byte(value+"\n"), 0o600)
	}
	return strings.TrimSpace(string(b)), err
}
