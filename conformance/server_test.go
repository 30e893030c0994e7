package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// target is a running server and the identities to speak as.
type target struct {
	BaseURL string            `json:"base_url"`
	OpenEHR string            `json:"openehr"`
	FHIR    string            `json:"fhir"`
	Admin   string            `json:"admin"`
	Ops     string            `json:"ops"`
	Tokens  map[string]string `json:"tokens"`

	process *exec.Cmd
	ended   chan struct{}
	output  *lockedBuffer
	data    string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var (
	binary     string
	binaryErr  error
	binaryOnce sync.Once
)

func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(dir)
}

// quire builds the server once a run.
func quire(t testing.TB) string {
	t.Helper()
	binaryOnce.Do(func() {
		dir, err := os.MkdirTemp("", "quire-conformance")
		if err != nil {
			binaryErr = err
			return
		}
		binary = filepath.Join(dir, "quire")
		build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./cmd/quire")
		build.Dir = root(t)
		if out, err := build.CombinedOutput(); err != nil {
			binaryErr = fmt.Errorf("%w: %s", err, out)
		}
	})
	if binaryErr != nil {
		t.Fatal(binaryErr)
	}
	return binary
}

// start runs `quire up` on a data directory until it is ready.
func start(t testing.TB, data string, flags ...string) *target {
	t.Helper()
	args := append([]string{"up", "--data", data, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"}, flags...)
	cmd := exec.Command(quire(t), args...)
	cmd.Env = append(os.Environ(), "QUIRE_KETO_BIN="+filepath.Join(root(t), "bin", "keto"))
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	access := filepath.Join(data, "access.json")
	_ = os.Remove(access)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &target{process: cmd, ended: make(chan struct{}), output: out, data: data}
	go func() { _ = cmd.Wait(); close(s.ended) }()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(access)
		if err == nil && json.Unmarshal(text, s) == nil && s.BaseURL != "" {
			return s
		}
		select {
		case <-s.ended:
			t.Fatalf("quire up ended before it was ready:\n%s", out)
		default:
		}
		if time.Now().After(deadline) {
			s.stop(t)
			t.Fatalf("quire up is not ready after a minute:\n%s", out)
		}
	}
}

// stop ends the server as an operator would.
func (s *target) stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(40 * time.Second):
		_ = s.process.Process.Kill()
		t.Errorf("quire did not end within 40 s of SIGTERM:\n%s", s.output)
	}
}

var (
	shared     *target
	sharedOnce sync.Once
	sharedDir  string
)

// running is the server the suites share; TestMain stops it.
func running(t testing.TB) *target {
	t.Helper()
	sharedOnce.Do(func() {
		if path := os.Getenv("QUIRE_ACCESS"); path != "" {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			shared = &target{}
			if err := json.Unmarshal(text, shared); err != nil {
				t.Fatal(err)
			}
			return
		}
		sharedDir = tempDir(t)
		shared = start(t, sharedDir)
	})
	if shared == nil {
		t.Fatal("the server did not start; see the first failure")
	}
	return shared
}

// tempDir is a data directory that children of another user may enter.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "quire-data")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range []*target{shared, peer} {
		if s != nil && s.process != nil {
			_ = s.process.Process.Signal(syscall.SIGTERM)
			<-s.ended
		}
	}
	for _, dir := range []string{sharedDir, peerDir} {
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}
	if binary != "" {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// answer is one HTTP answer, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("status %d, no JSON object: %v: %.300s", a.status, err, a.body)
	}
	return v
}

// at follows keys and list positions.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// call sends one request as an identity ("" is nobody). headers are pairs.
func (s *target) call(t testing.TB, who, method, url string, body []byte, headers ...string) answer {
	t.Helper()
	a, err := s.try(who, method, url, body, headers...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return a
}

func (s *target) try(who, method, url string, body []byte, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if who != "" {
		token, ok := s.Tokens[who]
		if !ok {
			return answer{}, errors.New("no token for " + who)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Timeout: 60 * time.Second}).Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text}, err
}

// want fails the test unless the status is one of those.
func (a answer) want(t testing.TB, statuses ...int) answer {
	t.Helper()
	for _, s := range statuses {
		if a.status == s {
			return a
		}
	}
	t.Fatalf("status %d, want %v: %.600s", a.status, statuses, a.body)
	return a
}

// uid is the version uid in the ETag.
func (a answer) uid(t testing.TB) string {
	t.Helper()
	uid := strings.Trim(strings.TrimPrefix(a.header.Get("ETag"), "W/"), `"`)
	if uid == "" {
		t.Fatalf("no ETag; status %d", a.status)
	}
	return uid
}

// children lists the server's child processes by name: pid and command.
func (s *target) children(t testing.TB) map[int]string {
	t.Helper()
	found := map[int]string{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
		fields := strings.Fields(string(text[end+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(s.process.Process.Pid) && fields[0] != "Z" {
			pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:open])))
			found[pid] = string(text[open+1 : end])
		}
	}
	return found
}

// child finds the one child whose command begins with name.
func (s *target) child(t testing.TB, name string) int {
	t.Helper()
	for pid, command := range s.children(t) {
		if strings.HasPrefix(command, name) {
			return pid
		}
	}
	t.Fatalf("no child %s among %v", name, s.children(t))
	return 0
}
