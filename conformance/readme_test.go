package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReadmeWorks runs every command of README.md as it stands there, in order,
// and looks for what it says the answers hold.
func TestReadmeWorks(t *testing.T) {
	if os.Getenv("QUIRE_ACCESS") != "" {
		t.Skip("the commands of README are for a fresh quire up of their own")
	}
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	// The commands stand in the checkout's folder, with the server's data in .quire.
	dir := tempDir(t)
	defer os.RemoveAll(dir)
	s := start(t, filepath.Join(dir, ".quire"))
	defer s.stop(t)
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"bin/quire": quire(t), "templates": filepath.Join(root(t), "templates")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var script strings.Builder
	var want []string
	script.WriteString("set -eu -o pipefail\n")
	blocks := 0
	for _, block := range strings.Split(string(text), "```sh\n")[1:] {
		code, _, _ := strings.Cut(block, "```")
		blocks++
		for _, line := range strings.SplitAfter(code, "\n") {
			if expected, ok := strings.CutPrefix(line, "#> "); ok {
				want = append(want, strings.TrimSpace(expected))
				continue
			}
			script.WriteString(strings.ReplaceAll(line, "/tmp/", dir+"/"))
		}
	}
	if blocks < 5 || len(want) < 10 {
		t.Fatalf("README has %d blocks with %d answers", blocks, len(want))
	}
	command := exec.Command("bash", "-c", script.String())
	command.Dir = dir
	out := &lockedBuffer{}
	command.Stdout, command.Stderr = out, out
	began := time.Now()
	err = command.Run()
	t.Logf("%d blocks took %v", blocks, time.Since(began).Round(time.Millisecond))
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	rest := out.String()
	for _, w := range want {
		_, after, found := strings.Cut(rest, w)
		if !found {
			t.Fatalf("the answers lack %q in what follows:\n%s", w, rest)
		}
		rest = after
	}
}
