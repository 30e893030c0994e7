package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// unpackedPrefix starts the name of a folder in the cache that holds unpacked Postgres packages.
const unpackedPrefix = "postgres-"

func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "quire"), err
}

// FetchPostgres downloads the distribution's Postgres packages and unpacks them into the user's cache folder. It needs
// apt-get, dpkg and the network, no root: nothing is installed, no system cluster is made. It returns the folder of the
// binaries, where FindPostgres finds them from then on.
func FetchPostgres(ctx context.Context, log *slog.Logger) (bindir string, err error) {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", errors.New("this machine has no apt")
		}
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	apt := aptFolder(filepath.Join(cache, "apt"))
	for _, d := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(string(apt), d), 0o755); err != nil {
			return "", err
		}
	}
	unlock, err := lockCache(cache)
	if err != nil {
		return "", err
	}
	defer unlock()
	log.Info("no PostgreSQL on this machine: downloading the distribution's packages", "into", cache)
	if _, err := apt.run(ctx, "apt-get", "update", "-qq"); err != nil {
		return "", err
	}
	out, err := apt.run(ctx, "apt-cache", "depends", "postgresql")
	if err != nil {
		return "", err
	}
	major, err := dependedMajor(out)
	if err != nil {
		return "", err
	}
	server := "postgresql-" + strconv.Itoa(major)
	// What an installation would fetch: the packages and those of their libraries this machine lacks.
	out, err = apt.run(ctx, "apt-get", "install", "--reinstall", "--print-uris", "-qq", "-y", "--no-install-recommends",
		server, "postgresql-client-"+strconv.Itoa(major), "libpq5")
	if err != nil {
		return "", err
	}
	packages := neededPackages(out)
	if !slices.Contains(packages, server) {
		return "", fmt.Errorf("apt does not offer %s", server)
	}
	archives := filepath.Join(string(apt), "cache", "archives")
	download := apt.command(ctx, "apt-get", append([]string{"download", "-qq"}, packages...)...)
	download.Dir = archives
	if out, err := download.CombinedOutput(); err != nil {
		return "", fmt.Errorf("apt-get download: %w: %s", err, lastLine(out))
	}
	root := filepath.Join(cache, unpackedPrefix+strconv.Itoa(major))
	made := root + ".new"
	for _, old := range []string{made, root} {
		if err := os.RemoveAll(old); err != nil {
			return "", err
		}
	}
	files, _ := filepath.Glob(filepath.Join(archives, "*.deb")) // a constant pattern
	for _, f := range files {
		if out, err := exec.CommandContext(ctx, "dpkg", "-x", f, made).CombinedOutput(); err != nil {
			return "", fmt.Errorf("unpacking %s: %w: %s", filepath.Base(f), err, lastLine(out))
		}
	}
	if err := os.Rename(made, root); err != nil {
		return "", err
	}
	if err := os.RemoveAll(string(apt)); err != nil {
		return "", err
	}
	bindir = filepath.Join(root, "usr/lib/postgresql", strconv.Itoa(major), "bin")
	if _, err := postgresMajor(bindir); err != nil {
		return "", fmt.Errorf("the downloaded PostgreSQL does not run: %w", err)
	}
	return bindir, nil
}

// aptFolder is where apt keeps lists and packages for us, apart from the system's own.
type aptFolder string

func (a aptFolder) command(ctx context.Context, tool string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, tool, append([]string{
		"-o", "Dir::State=" + filepath.Join(string(a), "state"),
		"-o", "Dir::State::status=/var/lib/dpkg/status",
		"-o", "Dir::Cache=" + filepath.Join(string(a), "cache"),
		"-o", "Debug::NoLocking=1",
		"-o", "APT::Sandbox::User=root", // as root apt would drop to a user who cannot reach the cache
	}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
	return cmd
}

func (a aptFolder) run(ctx context.Context, tool string, args ...string) (string, error) {
	cmd := a.command(ctx, tool, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", tool, err, lastLine([]byte(stderr.String())))
	}
	return string(out), nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

var dependsLine = regexp.MustCompile(`(?m)^\s*Depends: postgresql-(\d+)\s*$`)

// dependedMajor reads the version the metapackage postgresql stands for.
func dependedMajor(depends string) (int, error) {
	m := dependsLine.FindStringSubmatch(depends)
	if m == nil {
		return 0, errors.New("apt knows no package postgresql")
	}
	major, err := strconv.Atoi(m[1])
	if err == nil && major < oldestPostgres {
		err = fmt.Errorf("the distribution has PostgreSQL %d; %d or later is needed", major, oldestPostgres)
	}
	return major, err
}

var uriLine = regexp.MustCompile(`(?m)^'[^']*' (\S+?)_\S+\.deb `)

// neededPackages takes from apt's list of files those that hold Postgres and libraries. The rest (maintainer scripts' tools)
// is for installing.
func neededPackages(uris string) []string {
	var names []string
	for _, m := range uriLine.FindAllStringSubmatch(uris, -1) {
		name := m[1]
		if strings.HasPrefix(name, "lib") || regexp.MustCompile(`^postgresql-(client-)?\d+$`).MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// lockCache keeps two starts from unpacking into the same folder.
func lockCache(cache string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

var packagedBin = regexp.MustCompile(`^(.+)/usr/lib/postgresql/\d+/bin$`)

// unpackedRoot is the folder packages were unpacked into, or "" for an installation in its proper place.
func unpackedRoot(bindir string) string {
	if m := packagedBin.FindStringSubmatch(bindir); m != nil {
		return m[1]
	}
	return ""
}

// libraryFolders are the folders of libraries unpacked together with the binaries; none for installed ones.
func libraryFolders(bindir string) []string {
	root := unpackedRoot(bindir)
	if root == "" {
		return nil
	}
	var dirs []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // constant patterns
		dirs = append(dirs, found...)
	}
	return dirs
}

// libraryPath is the environment by which the dynamic linker finds libraries in the folders.
func libraryPath(dirs []string) []string {
	if len(dirs) == 0 {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + strings.Join(dirs, ":")}
}
