package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/quire-cdr/quire/internal/config"
)

func parse(t *testing.T, args ...string) config.Serve {
	t.Helper()
	var s config.Serve
	parser, err := kong.New(&s, kong.Configuration(config.File))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return s
}

// sound are the settings that have no default.
func sound(t *testing.T) []string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"--system-id=cdr.example", "--form-key-file=" + key, "--audit-key-file=" + key, "--database-url=postgres://quire_app@db/quire",
		"--keto-read-url=http://keto:4466", "--keto-write-url=http://keto:4467", "--keto-sentinel=s1",
	}
}

func TestSoundConfiguration(t *testing.T) {
	s := parse(t, append(sound(t), "--trusted-proxies=10.0.0.0/8,::1/128", "--compat=ehrbase")...)
	v, err := s.Check()
	if err != nil {
		t.Fatal(err)
	}
	if v.Zone.String() != "Europe/London" || len(v.TrustedProxies) != 2 || len(v.FormSecret) != 32 || !v.Compat || v.Certificate != nil {
		t.Errorf("%+v", v)
	}
}

// TestECIS: EhrScape's paths come with EHRbase's manners, unless it is said
// otherwise.
func TestECIS(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "--compat=ehrbase": true, "--ecis": true, "--no-ecis": false,
		"--compat=ehrbase --no-ecis": false, "--compat=ehrbase --ecis": true,
	} {
		s := parse(t, append(sound(t), strings.Fields(args)...)...)
		if v, err := s.Check(); err != nil || v.ECIS != want {
			t.Errorf("%q: %v, %v", args, v.ECIS, err)
		}
	}
}

// TestNothingSecretHasADefault: without settings every one that must be given is
// named, all at once.
func TestNothingSecretHasADefault(t *testing.T) {
	s := parse(t)
	_, err := s.Check()
	for _, flag := range []string{"system-id", "form-key-file", "database-url", "keto-read-url", "keto-write-url", "keto-sentinel"} {
		if err == nil || !strings.Contains(err.Error(), "--"+flag+": ") {
			t.Errorf("--%s is not named: %v", flag, err)
		}
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	for flag, value := range map[string]string{
		"listen": "8080", "ops-listen": "x", "base-path": "cdr/", "public-url": "cdr.example", "system-id": "a::b",
		"database-url": "host=db password=marker", "database-direct-url": "mysql://x/y", "keto-read-url": "keto:4466", "keto-write-url": "",
		"keto-sentinel": "", "body-limit": "1", "memory-budget": "1", "deadline": "0s", "query-deadline": "-1s",
		"connections": "0", "clinical-timezone": "Mars/Olympus", "trusted-proxies": "10.0.0.1", "form-key-file": "/nonexistent/key",
		"tls-cert": "/nonexistent/cert", "pool-record": "-1", "read-timeout": "0s",
		"terminology-url": "tx.example.org", "terminology-deadline": "0s", "terminology-keep": "-1s",
		"terminology-token-file": "/nonexistent/token", "terminology-value-sets-file": "/nonexistent/sets",
		"query-limits-file": "/nonexistent/limits",
	} {
		s := parse(t, append(sound(t), "--"+flag+"="+value)...)
		_, err := s.Check()
		if err == nil || !strings.Contains(err.Error(), "--"+flag+": ") {
			t.Errorf("--%s=%s: %v", flag, value, err)
		}
		if err != nil && strings.Contains(err.Error(), "marker") {
			t.Errorf("--%s: the fault repeats a secret", flag)
		}
	}
}

func TestQueryLimitsFile(t *testing.T) {
	for text, wrong := range map[string]string{
		`{"default": {"rows": 100, "seconds": 2.5}, "analyst": {"at_once": 2, "work_memory": 65536, "bytes": 7}}`: "",
		`{"default": {"lines": 100}}`:        "lines",
		`{"default": {"rows": -1}}`:          "each is 0 or more",
		`{"default": {"work_memory": 1024}}`: "work_memory 65536 or more",
		`[]`:                                 "limits by role",
	} {
		path := filepath.Join(t.TempDir(), "limits.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := parse(t, append(sound(t), "--query-limits-file="+path)...)
		v, err := s.Check()
		if wrong != "" {
			if err == nil || !strings.Contains(err.Error(), "--query-limits-file: ") || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil || v.QueryLimits["default"].Rows != 100 || v.QueryLimits["default"].Seconds != 2.5 || v.QueryLimits["analyst"].AtOnce != 2 || v.QueryLimits["analyst"].WorkMemory != 65536 {
			t.Errorf("%+v, %v", v.QueryLimits, err)
		}
	}
}

func TestFilesOfTheTerminologyServer(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token, sets := file("token", "a-token\n"), file("sets", `{"cardiac": "http://example.org/vs"}`)
	s := parse(t, append(sound(t), "--terminology-url=https://tx.example.org/fhir", "--terminology-token-file="+token, "--terminology-value-sets-file="+sets)...)
	v, err := s.Check()
	if err != nil || v.TerminologyToken != "a-token" || v.ValueSets["cardiac"] != "http://example.org/vs" {
		t.Errorf("%+v %v", v, err)
	}
	for _, wrong := range [][]string{
		{"--terminology-url=http://tx.example.org/fhir", "--terminology-token-file=" + token},
		{"--terminology-url=https://tx.example.org/fhir", "--terminology-token-file=" + file("two", "a b")},
		{"--terminology-url=https://tx.example.org/fhir", "--terminology-value-sets-file=" + file("list", `["x"]`)},
		{"--terminology-value-sets-file=" + sets},
	} {
		s := parse(t, append(sound(t), wrong...)...)
		if _, err := s.Check(); err == nil || !strings.Contains(err.Error(), "--terminology") {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

// TestEveryKeyIsDocumented: help, and an environment name that follows the flag's.
func TestEveryKeyIsDocumented(t *testing.T) {
	var s config.Serve
	parser, err := kong.New(&s)
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	for _, flag := range parser.Model.Flags {
		if flag.Name == "help" {
			continue
		}
		flags[flag.Name] = true
		if len(flag.Help) < 5 {
			t.Errorf("--%s has no help", flag.Name)
		}
		want := "QUIRE_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		if len(flag.Envs) != 1 || flag.Envs[0] != want {
			t.Errorf("--%s is read from %v, want %s", flag.Name, flag.Envs, want)
		}
	}
	if want := reflect.TypeOf(s).NumField(); len(flags) != want {
		t.Errorf("%d flags for %d members", len(flags), want)
	}
}

func TestFlagBeforeEnvironmentBeforeFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quire.json")
	if err := os.WriteFile(file, []byte(`{"system-id": "file", "log-level": "error", "body-limit": 4096, "trusted-proxies": ["10.0.0.0/8", "::1/128"], "pprof": true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUIRE_SYSTEM_ID", "environment")
	t.Setenv("QUIRE_LOG_LEVEL", "warn")
	t.Setenv("QUIRE_CONFIG", file)
	s := parse(t, "--system-id=flag")
	if s.SystemID != "flag" || s.LogLevel != "warn" || s.BodyLimit != 4096 || len(s.TrustedProxies) != 2 || !s.Profiles {
		t.Errorf("system id %q, log level %q, body limit %d", s.SystemID, s.LogLevel, s.BodyLimit)
	}
}

func TestTypingErrorsInTheFile(t *testing.T) {
	for name, text := range map[string]string{"unknown key": `{"sytem-id": "x"}`, "no object": `[]`, "rubbish": `{`} {
		path := filepath.Join(t.TempDir(), "quire.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var s config.Serve
		parser, err := kong.New(&s, kong.Configuration(config.File))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse([]string{"--config=" + path}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
