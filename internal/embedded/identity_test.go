package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/testkit"
)

func TestChildrenAreNotRoot(t *testing.T) {
	t.Parallel()
	c := testkit.Own(t, true, false)
	pg, keto := c.PIDs()
	for _, pid := range []int{pg, keto} {
		if uid := realUID(t, pid); uid == "0" {
			t.Errorf("process %d runs as root (%s)", pid, c.Mode())
		}
	}
}

// TestFolderOnlyRootReaches is a clone below /root: the children must work there all the same, and not as root.
func TestFolderOnlyRootReaches(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: an ordinary user's children are that user")
	}
	t.Parallel()
	outer := filepath.Join(filepath.Dir(folder(t)), "closed")
	if err := os.Mkdir(outer, 0o700); err != nil {
		t.Fatal(err)
	}
	opt := testkit.Options(filepath.Join(outer, "data"))
	opt.WithKeto = true
	c := start(t, opt)
	pg, keto := c.PIDs()
	switch c.Mode() {
	case "mount namespace":
		for _, pid := range []int{pg, keto} {
			if uid := realUID(t, pid); uid == "0" {
				t.Errorf("process %d runs as root", pid)
			}
		}
	case "user namespace":
		t.Log("no mount namespaces here: children run in a user namespace")
	default:
		t.Errorf("children run as %q", c.Mode())
	}
	stop(t, c)
	// The same data in a folder that can be reached: another way to run, another owner.
	moved := filepath.Join(filepath.Dir(outer), "moved")
	if err := os.Rename(opt.DataDir, moved); err != nil {
		t.Fatal(err)
	}
	opt.DataDir = moved
	if c := start(t, opt); c.Mode() != "dropped" {
		t.Errorf("in an open folder children run as %q", c.Mode())
	}
}

func TestForeignFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	_, err := embedded.Start(t.Context(), testkit.Options("/quire-of-root"))
	if err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("a folder that may not be made: %v", err)
	}
}

func realUID(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "Uid:"); ok {
			return strings.Fields(rest)[0]
		}
	}
	t.Fatalf("no Uid line for process %d", pid)
	return ""
}
