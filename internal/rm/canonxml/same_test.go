package canonxml_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// shared finds a folder of shared test data; the test is skipped without it.
func shared(t testing.TB, folder string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", filepath.FromSlash(folder))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there", folder)
	}
	return path
}

// same compares two trees apart from the order of members: classes, kinds,
// texts, and the order within each list.
func same(t testing.TB, a, b *rm.Tree) {
	t.Helper()
	if a.Len() != b.Len() {
		t.Errorf("%d nodes became %d", a.Len(), b.Len())
	}
	if where := difference(a, 0, b, 0); where != "" {
		t.Error(where)
	}
}

func difference(a *rm.Tree, x rm.ID, b *rm.Tree, y rm.ID) string {
	if a.Class(x) != b.Class(y) || a.Kind(x) != b.Kind(y) || a.Text(x) != b.Text(y) {
		return fmt.Sprintf("%s: %s %q became %s %q", a.Path(x), a.Class(x), a.Text(x), b.Class(y), b.Text(y))
	}
	done := map[rminfo.Attr]bool{}
	for c := range a.All(x) {
		attr := a.Attr(c)
		if done[attr] {
			continue
		}
		done[attr] = true
		var left, right []rm.ID
		for i := range a.Children(x, attr) {
			left = append(left, i)
		}
		for i := range b.Children(y, attr) {
			right = append(right, i)
		}
		if len(left) != len(right) {
			return fmt.Sprintf("%s: %d %s became %d", a.Path(x), len(left), attr, len(right))
		}
		for i := range left {
			if d := difference(a, left[i], b, right[i]); d != "" {
				return d
			}
		}
	}
	for c := range b.All(y) {
		if !done[b.Attr(c)] {
			return fmt.Sprintf("%s: %s came", a.Path(x), b.Attr(c))
		}
	}
	return ""
}
