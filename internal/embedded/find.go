package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ErrNoPostgres says that no usable Postgres binaries were found on this machine.
var ErrNoPostgres = errors.New("no PostgreSQL 15 or later found: install the package postgresql, or set QUIRE_PG_BIN to the folder that holds initdb and postgres")

// ErrNoKeto says that the Keto binary was not found.
var ErrNoKeto = errors.New("no Keto found: run `make bin/keto`, or set QUIRE_KETO_BIN")

// oldestPostgres is the oldest major version whose features the schema uses.
const oldestPostgres = 15

// FindPostgres returns the folder that holds initdb and postgres: $QUIRE_PG_BIN if set (and then nothing else), else the
// newest of the one on PATH, the distribution's /usr/lib/postgresql/*/bin, and what an earlier start downloaded.
func FindPostgres() (bindir string, err error) { return findPostgres(0) }

// findPostgres prefers the binaries of one major version, that of an existing data directory. 0 is no preference.
func findPostgres(prefer int) (string, error) {
	if dir := os.Getenv("QUIRE_PG_BIN"); dir != "" {
		if major, err := postgresMajor(dir); err != nil {
			return "", fmt.Errorf("QUIRE_PG_BIN: %w", err)
		} else if major < oldestPostgres {
			return "", fmt.Errorf("QUIRE_PG_BIN: %s holds PostgreSQL %d; %d or later is needed", dir, major, oldestPostgres)
		}
		return dir, nil
	}
	best, bestMajor := "", 0
	for _, dir := range postgresFolders() {
		major, err := postgresMajor(dir)
		if err != nil || major < oldestPostgres {
			continue
		}
		if major == prefer {
			return dir, nil
		}
		if major > bestMajor {
			best, bestMajor = dir, major
		}
	}
	if best == "" {
		return "", ErrNoPostgres
	}
	return best, nil
}

func postgresFolders() []string {
	var dirs []string
	// Debian links only some tools into a folder on PATH; the link leads to the others.
	for _, tool := range []string{"postgres", "initdb", "pg_ctl"} {
		if p, err := exec.LookPath(tool); err == nil {
			if p, err = filepath.EvalSymlinks(p); err == nil {
				dirs = append(dirs, filepath.Dir(p))
			}
		}
	}
	patterns := []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"}
	if cache, err := cacheDir(); err == nil {
		patterns = append(patterns, filepath.Join(cache, unpackedPrefix+"*", "usr/lib/postgresql/*/bin"))
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // the patterns are constant and well formed
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	return slices.Compact(dirs)
}

var postgresVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func postgresMajor(bindir string) (int, error) {
	if _, err := os.Stat(filepath.Join(bindir, "initdb")); err != nil {
		return 0, err
	}
	cmd := exec.Command(filepath.Join(bindir, "postgres"), "--version")
	cmd.Env = append(baseEnv(), libraryPath(libraryFolders(bindir))...)
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s --version: %w", cmd.Path, err)
	}
	m := postgresVersion.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s --version: unexpected answer %q", cmd.Path, out)
	}
	return strconv.Atoi(string(m[1]))
}

// FindKeto returns the Keto server's binary: $QUIRE_KETO_BIN if set, else the one beside this program, else on PATH.
func FindKeto() (string, error) {
	if p := os.Getenv("QUIRE_KETO_BIN"); p != "" {
		if _, err := exec.LookPath(p); err != nil {
			return "", fmt.Errorf("QUIRE_KETO_BIN: %w", err)
		}
		return p, nil
	}
	if self, err := os.Executable(); err == nil {
		if p, err := exec.LookPath(filepath.Join(filepath.Dir(self), "keto")); err == nil {
			return p, nil
		}
	}
	if p, err := exec.LookPath("keto"); err == nil {
		return p, nil
	}
	return "", ErrNoKeto
}
