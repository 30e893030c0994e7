package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/testkit"
)

// parentEnv makes the test binary a parent to be killed: it starts both children on the folder and waits.
const parentEnv = "QUIRE_EMBEDDED_TEST_PARENT"

func TestMain(m *testing.M) {
	if embedded.ChildMain(os.Args) {
		return
	}
	if dir := os.Getenv(parentEnv); dir != "" {
		beParent(dir)
		return
	}
	testkit.Main(m)
}

func beParent(dir string) {
	opt := testkit.Options(dir)
	opt.WithKeto, opt.Durable = true, true
	c, err := embedded.Start(context.Background(), opt)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	pg, keto := c.PIDs()
	fmt.Println("ready", pg, keto, c.SuperuserDSN("postgres"))
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or the test that started us is gone
}

func start(t *testing.T, opt embedded.Options) *embedded.Cluster {
	t.Helper()
	c, err := embedded.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *embedded.Cluster) {
	t.Helper()
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// folder is a data folder that every user can reach, unlike t.TempDir's, not made yet.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := testkit.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "with a blank")
}

func exec1(t *testing.T, dsn, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}

func query1(t *testing.T, dsn, sql string) (answer string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, sql).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestSecondStartFindsTheData(t *testing.T) {
	t.Parallel()
	opt := testkit.Options(folder(t))
	opt.WithKeto, opt.Durable = true, true
	c := start(t, opt)
	exec1(t, c.SuperuserDSN("postgres"), "create table kept as select 'still here' as note")
	sentinel := c.Sentinel()
	stop(t, c)

	again := start(t, opt)
	if got := query1(t, again.SuperuserDSN("postgres"), "select note from kept"); got != "still here" {
		t.Errorf("after the second start: %q", got)
	}
	if again.Sentinel() != sentinel {
		t.Errorf("sentinel changed from %s to %s", sentinel, again.Sentinel())
	}
	if err := again.StopKeto(); err != nil {
		t.Error(err)
	}
	stop(t, again)
	if err := again.StartPostgres(t.Context()); err == nil {
		t.Error("a stopped cluster started a child")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	opt := testkit.Options(folder(t))
	c := start(t, opt)
	for setting, want := range map[string]string{
		"jit": "off", "log_error_verbosity": "terse", "TimeZone": "UTC", "listen_addresses": "127.0.0.1", "data_checksums": "on",
		"server_encoding": "UTF8", "password_encryption": "scram-sha-256", "fsync": "off", "log_min_error_statement": "panic",
	} {
		if got := query1(t, c.SuperuserDSN("postgres"), "show "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	const lz4 = "select (('lz4' = any(enumvals)) = (setting = 'lz4'))::text from pg_settings where name = 'default_toast_compression'"
	if query1(t, c.SuperuserDSN("postgres"), lz4) != "true" {
		t.Error("the server knows lz4 and does not use it")
	}
}

func TestDataDirectoryInUse(t *testing.T) {
	t.Parallel()
	opt := testkit.Options(folder(t))
	start(t, opt)
	_, err := embedded.Start(t.Context(), opt)
	var inUse *embedded.InUse
	if !errors.As(err, &inUse) || inUse.PID != strconv.Itoa(os.Getpid()) || !strings.Contains(err.Error(), opt.DataDir) {
		t.Fatalf("second start on the same folder: %v", err)
	}
}

func TestHalfMadeClusterIsThrownAway(t *testing.T) {
	t.Parallel()
	opt := testkit.Options(folder(t))
	half := filepath.Join(opt.DataDir, "pg.new")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, opt)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pg.new: %v", err)
	}
}

func TestStopAndStartKeepsAddresses(t *testing.T) {
	t.Parallel()
	c := testkit.Own(t, true, false)
	dsn, read := c.SuperuserDSN("postgres"), c.KetoRead()
	if err := errors.Join(c.StopKeto(), c.StopPostgres()); err != nil {
		t.Fatal(err)
	}
	if err := testkit.Probes().Postgres(t.Context(), dsn); err == nil {
		t.Error("postgres answers after its stop")
	}
	if err := errors.Join(c.StartPostgres(t.Context()), c.StartKeto(t.Context())); err != nil {
		t.Fatal(err)
	}
	if c.SuperuserDSN("postgres") != dsn || c.KetoRead() != read {
		t.Error("addresses changed")
	}
	select {
	case err := <-c.Done():
		t.Errorf("a stop on request was reported as a death: %v", err)
	default:
	}
}

func TestDeathIsToldAndMended(t *testing.T) {
	t.Parallel()
	c := testkit.Own(t, true, false)
	pg, keto := c.PIDs()
	for _, tc := range []struct {
		name    string
		pid     int
		restart func(context.Context) error
	}{{"keto", keto, c.StartKeto}, {"postgres", pg, c.StartPostgres}} {
		if err := syscall.Kill(tc.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-c.Done():
			var died *embedded.ChildDied
			if !errors.As(err, &died) || died.Name != tc.name {
				t.Errorf("death of %s told as %v", tc.name, err)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("death of %s was not told", tc.name)
		}
		if err := tc.restart(t.Context()); err != nil {
			t.Fatalf("restart of %s: %v", tc.name, err)
		}
	}
}

func TestModelFaultIsNotReady(t *testing.T) {
	embedded.ShortenKetoReadyLimit(t, time.Second)
	opt := testkit.Options(folder(t))
	opt.WithKeto = true
	opt.OPL = []byte("class AdminArea implements Namespace { this is no model }")
	if c, err := embedded.Start(t.Context(), opt); err == nil {
		stop(t, c)
		t.Fatal("started with a faulty access model")
	}
	opt.WithKeto = false // the failed start has given the folder free
	start(t, opt)
}

func TestKetoOnATakenPortIsTriedAgain(t *testing.T) {
	embedded.ShortenKetoReadyLimit(t, time.Second)
	opt := testkit.Options(folder(t))
	opt.WithKeto = true
	probe, ports := opt.Ready.Keto, map[string]bool{}
	opt.Ready.Keto = func(ctx context.Context, read, write, sentinel string) error {
		ports[read] = true
		if len(ports) == 1 {
			return errors.New("somebody else answers here")
		}
		return probe(ctx, read, write, sentinel)
	}
	start(t, opt)
	if len(ports) != 2 {
		t.Errorf("%d sets of ports tried, want 2", len(ports))
	}
}

// TestKillOfTheParent kills a parent with SIGKILL again and again, at once starting another on the same folder: no child
// outlives its parent for longer than the next start waits, and no acknowledged row is lost.
func TestKillOfTheParent(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for round := range 3 {
		pids, dsn, kill := startParent(t, dir)
		if round == 0 {
			exec1(t, dsn, "create table acked (round int primary key)")
		}
		exec1(t, dsn, fmt.Sprintf("insert into acked values (%d)", round))
		if got, want := query1(t, dsn, "select count(*)::text from acked"), strconv.Itoa(round+1); got != want {
			t.Errorf("round %d: %s rows, want %s", round, got, want)
		}
		kill()
		for _, pid := range pids {
			awaitGone(t, pid)
		}
	}
	opt := testkit.Options(dir)
	opt.Durable = true
	c := start(t, opt)
	if got := query1(t, c.SuperuserDSN("postgres"), "select count(*)::text from acked"); got != "3" {
		t.Errorf("%s acknowledged rows of 3", got)
	}
}

// TestKillDuringStart kills the parent at moments of its first start; the next start must work whatever was left.
func TestKillDuringStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, after := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond} {
		cmd := parent(dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	_, _, kill := startParent(t, dir)
	kill()
}

func parent(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentEnv+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func startParent(t *testing.T, dir string) (pids []int, dsn string, kill func()) {
	t.Helper()
	cmd := parent(dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var pg, keto int
	if _, scanErr := fmt.Sscanf(line, "ready %d %d %s", &pg, &keto, &dsn); scanErr != nil {
		kill()
		t.Fatalf("the parent said %q (%v)", line, err)
	}
	t.Cleanup(kill)
	return []int{pg, keto}, dsn, kill
}

// awaitGone waits until a process has ended. A zombie has: it is for somebody else's init to reap.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest, "Z") {
			return
		}
	}
	t.Errorf("process %d outlives its parent", pid)
}
