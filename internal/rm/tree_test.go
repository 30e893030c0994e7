package rm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// locatable adds the name and node id of the object that is open.
func locatable(b *rm.Builder, name, nodeID string) {
	b.Open(rminfo.A_name, rminfo.DV_TEXT)
	b.String(rminfo.A_value, rminfo.String, name)
	b.Close()
	b.String(rminfo.A_archetype_node_id, rminfo.String, nodeID)
}

// sample is a composition of two observations, the second with three elements,
// two of them of one kind.
func sample(t testing.TB) *rm.Tree {
	t.Helper()
	b := rm.NewBuilder(rm.Limits{}, 1000)
	b.Open(0, rminfo.COMPOSITION)
	locatable(b, "Report", "openEHR-EHR-COMPOSITION.report.v1")
	for i := range 2 {
		b.Open(rminfo.A_content, rminfo.OBSERVATION)
		locatable(b, "Pulse", "openEHR-EHR-OBSERVATION.pulse.v2")
		if i == 1 {
			b.Open(rminfo.A_protocol, rminfo.ITEM_TREE)
			locatable(b, "List", "at0003")
			for _, code := range []string{"at0004", "at0005", "at0004"} {
				b.Open(rminfo.A_items, rminfo.ELEMENT)
				locatable(b, "Rate", code)
				b.Open(rminfo.A_value, rminfo.DV_COUNT)
				b.Number(rminfo.A_magnitude, rminfo.Integer64, "71")
				b.Close()
				b.Close()
			}
			b.Close()
		}
		b.Close()
	}
	b.Close()
	tree, err := b.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// outline prints a tree as attribute:class or attribute=text, children in
// parentheses, by nothing but First and Next.
func outline(t *rm.Tree, id rm.ID) string {
	if t.Kind(id) != rm.Object {
		return t.Attr(id).Name() + "=" + t.Text(id)
	}
	var parts []string
	for c := t.First(id); c != rm.None; c = t.Next(c) {
		parts = append(parts, outline(t, c))
	}
	return t.Attr(id).Name() + ":" + t.Class(id).Name() + "(" + strings.Join(parts, " ") + ")"
}

// sound checks what must hold of every tree.
func sound(t interface{ Fatalf(string, ...any) }, tree *rm.Tree) {
	if tree.Parent(0) != rm.None || int(tree.End(0)) != tree.Len()-1 || tree.Attr(0) != 0 {
		t.Fatalf("the root has parent %d, end %d of %d nodes, attribute %v", tree.Parent(0), tree.End(0), tree.Len(), tree.Attr(0))
	}
	for id := rm.ID(0); int(id) < tree.Len(); id++ {
		at := id
		for c := range tree.All(id) {
			if c != at+1 || tree.Parent(c) != id {
				t.Fatalf("child %d of %d follows %d and has parent %d", c, id, at, tree.Parent(c))
			}
			at = tree.End(c)
		}
		if at != tree.End(id) {
			t.Fatalf("node %d ends at %d, its last child at %d", id, tree.End(id), at)
		}
		if want := tree.Class(id).Locatable() && strings.HasPrefix(tree.ArchetypeNodeID(id), "openEHR-"); tree.IsRoot(id) != want {
			t.Fatalf("node %d with %q is an archetype root: %v", id, tree.ArchetypeNodeID(id), !want)
		}
	}
}

func TestTreeIsSound(t *testing.T) { sound(t, sample(t)) }

func TestPaths(t *testing.T) {
	tree := sample(t)
	for _, tc := range []struct{ path, aql string }{
		{"/", "/"},
		{"/name", "/name"},
		{"/content[openEHR-EHR-OBSERVATION.pulse.v2, 1]", "/content[openEHR-EHR-OBSERVATION.pulse.v2]"},
		{"/content[openEHR-EHR-OBSERVATION.pulse.v2, 2]/protocol[at0003]/items[at0005]/value/magnitude",
			"/content[openEHR-EHR-OBSERVATION.pulse.v2]/protocol[at0003]/items[at0005]/value/magnitude"},
		{"/content[openEHR-EHR-OBSERVATION.pulse.v2, 2]/protocol[at0003]/items[at0004, 2]",
			"/content[openEHR-EHR-OBSERVATION.pulse.v2]/protocol[at0003]/items[at0004]"},
	} {
		ids := tree.Resolve(0, tc.path)
		if len(ids) != 1 {
			t.Errorf("%s finds %v", tc.path, ids)
			continue
		}
		if got := tree.Path(ids[0]); got != tc.path {
			t.Errorf("the path of %s is %s", tc.path, got)
		}
		if got := tree.AQLPath(ids[0]); got != tc.aql {
			t.Errorf("the AQL path of %s is %s", tc.path, got)
		}
		if !slices.Contains(tree.Resolve(0, tc.aql), ids[0]) {
			t.Errorf("%s does not find %s", tc.aql, tc.path)
		}
	}
	for path, want := range map[string]int{
		"/content": 2, "/content/protocol/items": 3, "/content/protocol/items[at0004]": 2,
		"/content/protocol/items[2]": 1, "/content[at0001]": 0, "/nothing": 0, "/content[1]/protocol": 0,
	} {
		if got := tree.Resolve(0, path); len(got) != want {
			t.Errorf("%s finds %d nodes, want %d", path, len(got), want)
		}
	}
}

// Every path that a tree prints leads back to its node.
func TestPathsLeadBack(t *testing.T) {
	tree := sample(t)
	for id := rm.ID(0); int(id) < tree.Len(); id++ {
		if got := tree.Resolve(0, tree.Path(id)); !slices.Equal(got, []rm.ID{id}) {
			t.Errorf("%s is node %d and finds %v", tree.Path(id), id, got)
		}
	}
}

func TestAccess(t *testing.T) {
	tree := sample(t)
	if got := tree.Name(0); got != "Report" {
		t.Errorf("name %q", got)
	}
	e := tree.Resolve(0, "/content/protocol/items[at0005]")[0]
	if got := tree.TextAt(e, rminfo.A_value, rminfo.A_magnitude); got != "71" {
		t.Errorf("magnitude %q", got)
	}
	if got := tree.TextAt(e, rminfo.A_value, rminfo.A_units); got != "" {
		t.Errorf("absent units %q", got)
	}
	if got := tree.Class(tree.ArchetypeRoot(e)); got != rminfo.OBSERVATION {
		t.Errorf("the archetype root is a %s", got)
	}
	if got := outline(tree.Sub(e), 0); got != ":ELEMENT(name:DV_TEXT(value=Rate) archetype_node_id=at0005 value:DV_COUNT(magnitude=71))" {
		t.Errorf("the subtree is %s", got)
	}
}

func TestBuilderLimits(t *testing.T) {
	for _, tc := range []struct {
		limits rm.Limits
		build  func(*rm.Builder)
		want   error
	}{
		{rm.Limits{Depth: 1}, func(b *rm.Builder) { b.Open(rminfo.A_name, rminfo.DV_TEXT); b.Close() }, rm.ErrTooDeep},
		{rm.Limits{Nodes: 1}, func(b *rm.Builder) { b.Bool(rminfo.A_is_queryable, true) }, rm.ErrTooMany},
		{rm.Limits{Bytes: 3}, func(b *rm.Builder) { b.String(rminfo.A_value, rminfo.String, "four") }, rm.ErrTooLong},
		{rm.Limits{Depth: 2, Nodes: 3, Bytes: 4}, func(b *rm.Builder) {
			b.Open(rminfo.A_name, rminfo.DV_TEXT)
			b.String(rminfo.A_value, rminfo.String, "four")
			b.Close()
		}, nil},
	} {
		b := rm.NewBuilder(tc.limits, 0)
		b.Open(0, rminfo.EHR_STATUS)
		tc.build(b)
		b.Close()
		if _, err := b.Tree(); err != tc.want || b.Err() != tc.want {
			t.Errorf("%+v: %v and %v, want %v", tc.limits, err, b.Err(), tc.want)
		}
	}
	b := rm.NewBuilder(rm.Limits{}, 0)
	if _, err := b.Tree(); err == nil {
		t.Error("a tree of nothing")
	}
	b.Open(0, rminfo.EHR_STATUS)
	if _, err := b.Tree(); err == nil {
		t.Error("a tree with an open object")
	}
}

// text is a small tree to bring into others.
func text(value string) *rm.Tree {
	b := rm.NewBuilder(rm.Limits{}, 0)
	b.Open(0, rminfo.DV_TEXT)
	b.String(rminfo.A_value, rminfo.String, value)
	b.Close()
	t, err := b.Tree()
	if err != nil {
		panic(err)
	}
	return t
}

func flat(t testing.TB) *rm.Tree {
	b := rm.NewBuilder(rm.Limits{}, 0)
	b.Open(0, rminfo.ISM_TRANSITION) // 0
	for _, s := range []string{"a", "b"} {
		b.Open(rminfo.A_reason, rminfo.DV_TEXT) // 1, 3
		b.String(rminfo.A_value, rminfo.String, s)
		b.Close()
	}
	b.Open(rminfo.A_current_state, rminfo.DV_TEXT) // 5
	b.String(rminfo.A_value, rminfo.String, "c")
	b.Close()
	b.Close()
	tree, err := b.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestSplice(t *testing.T) {
	for _, tc := range []struct {
		name  string
		edits []rm.Edit
		want  string
	}{
		{"replace", []rm.Edit{{At: 3, New: text("x")}}, "reason:DV_TEXT(value=a) reason:DV_TEXT(value=x) current_state:DV_TEXT(value=c)"},
		{"remove", []rm.Edit{{At: 1}, {At: 5}}, "reason:DV_TEXT(value=b)"},
		{"remove a leaf", []rm.Edit{{At: 2}}, "reason:DV_TEXT() reason:DV_TEXT(value=b) current_state:DV_TEXT(value=c)"},
		{"add to a list", []rm.Edit{{At: 0, Into: true, Attr: rminfo.A_reason, New: text("x")}},
			"reason:DV_TEXT(value=a) reason:DV_TEXT(value=b) reason:DV_TEXT(value=x) current_state:DV_TEXT(value=c)"},
		{"add what is new", []rm.Edit{{At: 0, Into: true, Attr: rminfo.A_transition, New: text("x")}},
			"reason:DV_TEXT(value=a) reason:DV_TEXT(value=b) current_state:DV_TEXT(value=c) transition:DV_TEXT(value=x)"},
		{"two additions", []rm.Edit{
			{At: 0, Into: true, Attr: rminfo.A_reason, New: text("x")}, {At: 0, Into: true, Attr: rminfo.A_reason, New: text("y")}},
			"reason:DV_TEXT(value=a) reason:DV_TEXT(value=b) reason:DV_TEXT(value=x) reason:DV_TEXT(value=y) current_state:DV_TEXT(value=c)"},
		{"after", []rm.Edit{{At: 1, After: true, Attr: rminfo.A_reason, New: text("x")}},
			"reason:DV_TEXT(value=a) reason:DV_TEXT(value=x) reason:DV_TEXT(value=b) current_state:DV_TEXT(value=c)"},
		{"outer and inner at one place", []rm.Edit{
			{At: 0, Into: true, Attr: rminfo.A_transition, New: text("x")}, {At: 5, Into: true, Attr: rminfo.A_language, New: text("y")}},
			"reason:DV_TEXT(value=a) reason:DV_TEXT(value=b) current_state:DV_TEXT(value=c language:DV_TEXT(value=y)) transition:DV_TEXT(value=x)"},
		{"replace behind an addition", []rm.Edit{{At: 5, New: text("z")}, {At: 0, Into: true, Attr: rminfo.A_reason, New: text("x")}},
			"reason:DV_TEXT(value=a) reason:DV_TEXT(value=b) reason:DV_TEXT(value=x) current_state:DV_TEXT(value=z)"},
		{"nothing", nil, "reason:DV_TEXT(value=a) reason:DV_TEXT(value=b) current_state:DV_TEXT(value=c)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			old := flat(t)
			before := outline(old, 0)
			got, err := old.Splice(tc.edits...)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, got)
			if got, want := outline(got, 0), ":ISM_TRANSITION("+tc.want+")"; got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if outline(old, 0) != before {
				t.Error("the old tree changed")
			}
		})
	}
}

func TestSpliceOfTheRoot(t *testing.T) {
	got, err := flat(t).Splice(rm.Edit{At: 0, New: text("x")})
	if err != nil || outline(got, 0) != ":DV_TEXT(value=x)" {
		t.Errorf("%v %v", outline(got, 0), err)
	}
	sound(t, got)
}

func TestSpliceMarksRoots(t *testing.T) {
	tree := sample(t)
	id := tree.Resolve(0, "/content[2]/archetype_node_id")[0]
	b := rm.NewBuilder(rm.Limits{}, 0)
	b.String(0, rminfo.String, "at0001")
	code, err := b.Tree()
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree.Splice(rm.Edit{At: id, New: code})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, got)
	if got.IsRoot(got.Parent(id)) || !tree.IsRoot(tree.Parent(id)) {
		t.Error("the flag follows not the node id")
	}
}

func TestSpliceRefuses(t *testing.T) {
	for name, edits := range map[string][]rm.Edit{
		"outside":              {{At: 99}},
		"none":                 {{At: rm.None}},
		"twice":                {{At: 3, New: text("x")}, {At: 3}},
		"within":               {{At: 3, New: text("x")}, {At: 4}},
		"into what is removed": {{At: 3}, {At: 3, Into: true, Attr: rminfo.A_language, New: text("x")}},
		"into a leaf":          {{At: 2, Into: true, Attr: rminfo.A_language, New: text("x")}},
		"beside the root":      {{At: 0, After: true, Attr: rminfo.A_language, New: text("x")}},
		"into a new root":      {{At: 0, New: text("x")}, {At: 0, Into: true, Attr: rminfo.A_reason, New: text("x")}},
		"no root":              {{At: 0}},
		"nothing into":         {{At: 0, Into: true, Attr: rminfo.A_reason}},
		"both":                 {{At: 1, Into: true, After: true, Attr: rminfo.A_reason, New: text("x")}},
	} {
		if got, err := flat(t).Splice(edits...); err == nil {
			t.Errorf("%s: %s", name, outline(got, 0))
		}
	}
}

// The result of random removals and additions is what a naive rebuilding makes.
func TestSpliceAgreesWithRebuilding(t *testing.T) {
	old := sample(t)
	rapid.Check(t, func(t *rapid.T) {
		var edits []rm.Edit
		removed := map[rm.ID]bool{}
		added := map[rm.ID][]string{}
		for i, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, old.Len()-1), 0, 6, rapid.ID).Draw(t, "nodes") {
			id := rm.ID(n)
			switch {
			case gone(old, removed, id):
			case rapid.Bool().Draw(t, "add"):
				word := fmt.Sprint("new", i)
				if old.Kind(id) == rm.Object {
					edits = append(edits, rm.Edit{At: id, Into: true, Attr: rminfo.A_transition, New: text(word)})
					added[id] = append(added[id], word)
				}
			case len(within(old, added, removed, id)) == 0:
				edits = append(edits, rm.Edit{At: id})
				removed[id] = true
			}
		}
		got, err := old.Splice(edits...)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, got)
		if got, want := outline(got, 0), rebuilt(old, 0, removed, added); got != want {
			t.Fatalf("\n got %s\nwant %s", got, want)
		}
	})
}

func gone(t *rm.Tree, removed map[rm.ID]bool, id rm.ID) bool {
	for ; id != rm.None; id = t.Parent(id) {
		if removed[id] {
			return true
		}
	}
	return false
}

func within(t *rm.Tree, added map[rm.ID][]string, removed map[rm.ID]bool, id rm.ID) (ids []rm.ID) {
	for d := id; d <= t.End(id); d++ {
		if removed[d] || len(added[d]) > 0 {
			ids = append(ids, d)
		}
	}
	return ids
}

func rebuilt(t *rm.Tree, id rm.ID, removed map[rm.ID]bool, added map[rm.ID][]string) string {
	if t.Kind(id) != rm.Object {
		return t.Attr(id).Name() + "=" + t.Text(id)
	}
	var parts []string
	for c := range t.All(id) {
		if !removed[c] {
			parts = append(parts, rebuilt(t, c, removed, added))
		}
	}
	for _, word := range added[id] {
		parts = append(parts, "transition:DV_TEXT(value="+word+")")
	}
	return t.Attr(id).Name() + ":" + t.Class(id).Name() + "(" + strings.Join(parts, " ") + ")"
}

func TestGrouped(t *testing.T) {
	b := rm.NewBuilder(rm.Limits{}, 0)
	b.Open(0, rminfo.ISM_TRANSITION)
	for i, a := range []rminfo.Attr{rminfo.A_reason, rminfo.A_transition, rminfo.A_reason} {
		b.Open(a, rminfo.DV_TEXT)
		b.String(rminfo.A_value, rminfo.String, fmt.Sprint(i))
		b.Close()
	}
	b.Close()
	tree, err := b.Tree()
	if err != nil {
		t.Fatal(err)
	}
	got := tree.Grouped()
	sound(t, got)
	if got, want := outline(got, 0), ":ISM_TRANSITION(reason:DV_TEXT(value=0) reason:DV_TEXT(value=2) transition:DV_TEXT(value=1))"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if s := sample(t); s.Grouped() != s {
		t.Error("a grouped tree was copied")
	}
}
