package testkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/quire-cdr/quire/deploy"
	"github.com/quire-cdr/quire/internal/embedded"
)

// The environment by which the runner tells tests of the servers they share.
const (
	EnvPostgres     = "QUIRE_TEST_PG_DSN"        // superuser's address of the database postgres
	EnvKetoRead     = "QUIRE_TEST_KETO_READ"     // base URL
	EnvKetoWrite    = "QUIRE_TEST_KETO_WRITE"    // base URL
	EnvKetoOPL      = "QUIRE_TEST_KETO_OPL"      // base URL
	EnvKetoSentinel = "QUIRE_TEST_KETO_SENTINEL" // object in AdminArea
)

// startLimit is ample: a cold start takes 2 s on an idle machine, and a test machine is not idle.
const startLimit = 2 * time.Minute

// KetoServer is a running Keto with Quire's access model.
type KetoServer struct {
	ReadURL, WriteURL, OPLURL string
	// Sentinel is the object that the readiness probe has written.
	Sentinel string
	// Prefix is this test's own: one Keto serves all tests, so objects and subjects must start with it.
	Prefix string
}

// shared is what this process started itself, in the absence of a runner.
var shared struct {
	sync.Mutex
	cluster *embedded.Cluster
	dir     string
}

func sharedCluster(ctx context.Context) (*embedded.Cluster, error) {
	if shared.cluster != nil {
		return shared.cluster, nil
	}
	dir, err := TempDir()
	if err != nil {
		return nil, err
	}
	c, err := embedded.Start(ctx, Options(dir))
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	shared.cluster, shared.dir = c, dir
	return c, nil
}

func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(shared.cluster.Stop(ctx), os.RemoveAll(shared.dir))
}

// TempDir makes a folder for a test cluster that every user may enter: as root, the children are another user.
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("", "quire-test-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// Options are those of a test cluster in a folder: nothing is synced, Keto's binary is the checkout's, and it is not
// started yet.
func Options(dir string) embedded.Options {
	opt := embedded.Options{DataDir: dir, OPL: deploy.OPL, Ready: Probes(), Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if os.Getenv("QUIRE_KETO_BIN") == "" {
		if root, err := Root(); err == nil {
			built := filepath.Join(root, "bin", "keto")
			if _, err := os.Stat(built); err == nil {
				opt.KetoBin = built
			}
		}
	}
	return opt
}

// Root is the checkout's top folder, found by its go.mod from the working directory upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

// superuser is the address of the test Postgres's database postgres.
func superuser(ctx context.Context) (string, error) {
	if dsn := os.Getenv(EnvPostgres); dsn != "" {
		return dsn, nil
	}
	shared.Lock()
	defer shared.Unlock()
	c, err := sharedCluster(ctx)
	if err != nil {
		return "", err
	}
	return c.SuperuserDSN("postgres"), nil
}

// Keto returns the test run's Keto, starting one if there is no runner. Tests that stop Keto use Own.
func Keto(t testing.TB) KetoServer {
	t.Helper()
	prefix := uniqueName() + "-"
	if read := os.Getenv(EnvKetoRead); read != "" {
		return KetoServer{ReadURL: read, WriteURL: os.Getenv(EnvKetoWrite), OPLURL: os.Getenv(EnvKetoOPL), Sentinel: os.Getenv(EnvKetoSentinel), Prefix: prefix}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	shared.Lock()
	defer shared.Unlock()
	c, err := sharedCluster(ctx)
	if err == nil {
		err = c.StartKeto(ctx)
	}
	if err != nil {
		t.Fatalf("testkit: no Keto for this test: %v", err)
	}
	return KetoServer{ReadURL: c.KetoRead(), WriteURL: c.KetoWrite(), OPLURL: c.KetoOPL(), Sentinel: c.Sentinel(), Prefix: prefix}
}

// Own starts a Postgres, and a Keto if wanted, for one test alone, which may stop and kill them. Durable ones sync to
// disk as in production. They are stopped and their folder is removed at the test's end.
func Own(t testing.TB, withKeto, durable bool) *embedded.Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	dir, err := TempDir()
	if err != nil {
		t.Fatal(err)
	}
	opt := Options(dir)
	opt.WithKeto, opt.Durable = withKeto, durable
	c, err := embedded.Start(ctx, opt)
	if err != nil {
		_ = os.RemoveAll(dir)
		t.Fatalf("testkit: no servers for this test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := errors.Join(c.Stop(ctx), os.RemoveAll(dir)); err != nil {
			t.Errorf("testkit: stopping this test's servers: %v", err)
		}
	})
	return c
}

// Environment is what the runner exports for a cluster that has Keto.
func Environment(c *embedded.Cluster) []string {
	return []string{
		fmt.Sprintf("%s=%s", EnvPostgres, c.SuperuserDSN("postgres")),
		fmt.Sprintf("%s=%s", EnvKetoRead, c.KetoRead()),
		fmt.Sprintf("%s=%s", EnvKetoWrite, c.KetoWrite()),
		fmt.Sprintf("%s=%s", EnvKetoOPL, c.KetoOPL()),
		fmt.Sprintf("%s=%s", EnvKetoSentinel, c.Sentinel()),
	}
}
