package canonxml_test

import (
	"fmt"
	"testing"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

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
