package cdr

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// modelFolder is a directory as the test keeps it: plain and mutable.
type modelFolder struct {
	name, uid string
	items     []string
	folders   []*modelFolder
}

func (f *modelFolder) json() string {
	var b strings.Builder
	b.WriteString(`{"_type":"FOLDER"`)
	if f.uid != "" {
		b.WriteString(`,"uid":{"_type":"HIER_OBJECT_ID","value":"` + f.uid + `"}`)
	}
	b.WriteString(`,"name":{"_type":"DV_TEXT","value":"` + f.name + `"},"archetype_node_id":"openEHR-EHR-FOLDER.generic.v1"`)
	list := func(attr string, n int, write func(i int) string) {
		for i := range n {
			b.WriteString([]string{`,"` + attr + `":[`, ","}[min(i, 1)] + write(i))
		}
		if n > 0 {
			b.WriteByte(']')
		}
	}
	list("folders", len(f.folders), func(i int) string { return f.folders[i].json() })
	list("items", len(f.items), func(i int) string {
		return `{"id":{"_type":"HIER_OBJECT_ID","value":"` + f.items[i] + `"},"namespace":"local","type":"VERSIONED_COMPOSITION"}`
	})
	return b.String() + "}"
}

func read(t *testing.T, text string) *rm.Tree {
	t.Helper()
	tree, err := canon.ReadJSON([]byte(text), rminfo.FOLDER, canon.ReadOptions{Mandatory: true})
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return tree
}

func folderOf(t *rm.Tree, id rm.ID) *modelFolder {
	f := &modelFolder{name: t.Name(id), uid: folderUID(t, id)}
	for child := range t.Children(id, rminfo.A_folders) {
		f.folders = append(f.folders, folderOf(t, child))
	}
	for ref := range t.Children(id, rminfo.A_items) {
		f.items = append(f.items, itemObject(t, ref))
	}
	return f
}

// places lists the references as "uid-or-path item"; only those keep accepts.
func (f *modelFolder) places(at string, keep func(string) bool) []string {
	var list []string
	for _, item := range f.items {
		if keep(item) {
			list = append(list, at+" "+item)
		}
	}
	for _, sub := range f.folders {
		where := at + "/" + sub.name
		if sub.uid != "" {
			where = sub.uid
		}
		list = append(list, sub.places(where, keep)...)
	}
	return list
}

func (f *modelFolder) all() []*modelFolder {
	list := []*modelFolder{f}
	for _, sub := range f.folders {
		list = append(list, sub.all()...)
	}
	return list
}

// Random edits by an editor who sees half of the items: what is hidden is never
// shown, never lost, never somewhere else and never doubled; what the editor
// wrote is there as written.
func TestHiddenItemsSurviveRandomEdits(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	item := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	hidden := map[string]bool{}
	for n := range 40 {
		if n%2 == 1 {
			hidden[item(n)] = true
		}
	}
	isHidden := func(s string) bool { return hidden[s] }
	isSeen := func(s string) bool { return !hidden[s] }
	made := 0
	// Names are unique in the whole tree, so that a place has one name.
	folder := func() *modelFolder {
		made++
		f := &modelFolder{name: fmt.Sprintf("f%d", made)}
		if r.IntN(2) == 0 {
			f.uid = fmt.Sprintf("10000000-0000-4000-8000-%012d", made)
		}
		for range r.IntN(4) {
			f.items = append(f.items, item(r.IntN(40)))
		}
		return f
	}
	for round := range 300 {
		root := &modelFolder{name: "root", items: []string{item(1), item(2)}}
		for range 8 {
			all := root.all()
			in := all[r.IntN(len(all))]
			in.folders = append(in.folders, folder())
		}
		stored := read(t, root.json())
		for range 5 {
			seen, err := narrowed(stored, hidden)
			if err != nil {
				t.Fatal(err)
			}
			view := folderOf(seen, seen.Root())
			if leak := view.places("", isHidden); len(leak) > 0 {
				t.Fatalf("round %d: shown %v", round, leak)
			}
			edit(r, view, func() string { return item(2 * r.IntN(20)) }, folder, isSeen)
			next := read(t, view.json())
			merged, err := mergeHidden(stored, next, hidden)
			if err != nil {
				t.Fatal(err)
			}
			before, after := folderOf(stored, stored.Root()), folderOf(merged, merged.Root())
			if a, b := before.places("", isHidden), after.places("", isHidden); !sameList(a, b) {
				t.Fatalf("round %d: hidden before %v, after %v", round, a, b)
			}
			if a, b := view.places("", isSeen), after.places("", isSeen); !slices.Equal(a, b) {
				t.Fatalf("round %d: written %v, kept %v", round, a, b)
			}
			// What is stored reads back as it was.
			stored = read(t, string(canon.WriteJSON(nil, merged, merged.Root())))
		}
	}
}

// edit changes a view as an editor might: items come and go, folders come, go,
// and move where they have a uid to be known by.
func edit(r *rand.Rand, root *modelFolder, item func() string, folder func() *modelFolder, seen func(string) bool) {
	for range 3 {
		all := root.all()
		f := all[r.IntN(len(all))]
		switch r.IntN(5) {
		case 0:
			f.items = append(f.items, item())
		case 1:
			if len(f.items) > 0 {
				f.items = slices.Delete(f.items, 0, 1)
			}
		case 2:
			fresh := folder()
			fresh.items = slices.DeleteFunc(fresh.items, func(s string) bool { return !seen(s) })
			f.folders = append(f.folders, fresh)
		case 3:
			if len(f.folders) > 0 {
				f.folders = slices.Delete(f.folders, 0, 1)
			}
		case 4:
			if len(f.folders) > 0 && f.folders[0].uid != "" && f != root {
				moved := f.folders[0]
				f.folders = f.folders[1:]
				root.folders = append(root.folders, moved)
			}
		}
	}
}

// sameList compares places without order: a folder without a uid that was below
// a moved or removed one keeps the path from the last folder with a uid.
func sameList(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestHiddenItemsKeepTheirOrder(t *testing.T) {
	const a, b, c, d = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b", "00000000-0000-4000-8000-00000000000c", "00000000-0000-4000-8000-00000000000d"
	for _, x := range []struct{ old, hidden, next, want []string }{
		{[]string{a, b, c}, []string{b}, []string{a, c}, []string{a, b, c}},
		{[]string{b, a}, []string{b}, []string{a}, []string{b, a}},
		{[]string{a, b, c, d}, []string{b, d}, []string{c, a}, []string{c, d, a, b}},
		{[]string{b, d}, []string{b, d}, nil, []string{b, d}},
		{[]string{a, b, b}, []string{b}, []string{a}, []string{a, b, b}},
		// Who wrote it without having seen it does not double it.
		{[]string{a, b}, []string{b}, []string{b, a}, []string{b, a}},
	} {
		hidden := map[string]bool{}
		for _, h := range x.hidden {
			hidden[h] = true
		}
		merged, err := mergeHidden(read(t, (&modelFolder{name: "r", items: x.old}).json()), read(t, (&modelFolder{name: "r", items: x.next}).json()), hidden)
		if err != nil {
			t.Fatal(err)
		}
		if got := folderOf(merged, merged.Root()).items; !slices.Equal(got, x.want) {
			t.Errorf("%v without %v, then %v: %v, want %v", x.old, x.hidden, x.next, got, x.want)
		}
	}
}
