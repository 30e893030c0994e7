package embedded

import (
	"slices"
	"strings"
	"testing"
)

func TestNeededPackages(t *testing.T) {
	const uris = `'http://mirror.example/pool/main/p/postgresql-15/postgresql-15_15.18-0+deb12u1_amd64.deb' postgresql-15_15.18-0+deb12u1_amd64.deb 16937388 SHA256:00
'http://mirror.example/pool/main/p/postgresql-15/postgresql-client-15_15.18-0+deb12u1_amd64.deb' postgresql-client-15_15.18-0+deb12u1_amd64.deb 1725348 SHA256:00
'http://mirror.example/pool/main/p/postgresql-15/libpq5_15.18-0+deb12u1_amd64.deb' libpq5_15.18-0+deb12u1_amd64.deb 192300 SHA256:00
'http://mirror.example/pool/main/p/postgresql-common/postgresql-common_248_all.deb' postgresql-common_248_all.deb 179132 SHA256:00
'http://mirror.example/pool/main/l/llvm/libllvm14_1%3a14.0.6-12_amd64.deb' libllvm14_1%3a14.0.6-12_amd64.deb 21800000 SHA256:00
`
	want := []string{"postgresql-15", "postgresql-client-15", "libpq5", "libllvm14"}
	if got := neededPackages(uris); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDependedMajor(t *testing.T) {
	for _, tc := range []struct {
		name, out string
		want      int
		fault     string
	}{
		{"Debian 12", "postgresql\n  Depends: postgresql-15\n  Suggests: postgresql-doc\n", 15, ""},
		{"too old", "postgresql\n  Depends: postgresql-13\n", 13, "15 or later"},
		{"unknown", "", 0, "no package"},
	} {
		got, err := dependedMajor(tc.out)
		if got != tc.want || (err == nil) != (tc.fault == "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
			t.Errorf("%s: %d, %v", tc.name, got, err)
		}
	}
}

func TestInstallRoot(t *testing.T) {
	for bindir, want := range map[string]string{
		"/usr/lib/postgresql/15/bin":                                 "/usr/lib/postgresql/15",
		"/home/a/.cache/quire/postgres-15/usr/lib/postgresql/15/bin": "/home/a/.cache/quire/postgres-15",
		"/opt/pg/bin": "/opt/pg",
	} {
		if got := installRoot(bindir); got != want {
			t.Errorf("installRoot(%q) = %q, want %q", bindir, got, want)
		}
	}
}

func TestPathInNamespace(t *testing.T) {
	id := identity{binds: []bind{{From: "/root/q/.quire", To: "/mnt/quire/0"}, {From: "/root/q/bin", To: "/mnt/quire/1"}}}
	for path, want := range map[string]string{
		"/root/q/.quire":      "/mnt/quire/0",
		"/root/q/.quire/pg":   "/mnt/quire/0/pg",
		"/root/q/.quire2/pg":  "/root/q/.quire2/pg",
		"/root/q/bin/keto":    "/mnt/quire/1/keto",
		"/usr/lib/postgresql": "/usr/lib/postgresql",
	} {
		if got := id.path(path); got != want {
			t.Errorf("path(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestContainerKeepsThePasswordOffTheCommandLine(t *testing.T) {
	c := container{engine: "/usr/bin/docker", volume: "quire-0123"}
	_, args, env := c.command(23456, "secret", true)
	if line := strings.Join(args, " "); strings.Contains(line, "secret") || !strings.Contains(line, "--publish 127.0.0.1:23456:5432") ||
		!strings.Contains(line, "--volume quire-0123:") || strings.Contains(line, "fsync=off") {
		t.Errorf("command line: %s", line)
	}
	if !slices.Contains(env, "POSTGRES_PASSWORD=secret") {
		t.Error("the password is not in the environment")
	}
}

func TestSetVariableIsNotOverridden(t *testing.T) {
	t.Setenv("QUIRE_PG_BIN", t.TempDir())
	if dir, err := FindPostgres(); err == nil {
		t.Errorf("an empty QUIRE_PG_BIN was passed over for %s", dir)
	}
	t.Setenv("QUIRE_KETO_BIN", "/nonexistent/keto")
	if p, err := FindKeto(); err == nil {
		t.Errorf("a wrong QUIRE_KETO_BIN was passed over for %s", p)
	}
}
