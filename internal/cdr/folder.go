package cdr

import (
	"strings"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// The limits of a directory.
const (
	maxFolderDepth = 20
	maxFolderItems = 10_000
)

// folderItem is a reference in a FOLDER.
type folderItem struct {
	ref rm.ID
	// object is the uuid the reference names, "" where its id is of another kind.
	object string
}

// itemsOf lists the references of a directory in document order.
func itemsOf(t *rm.Tree) []folderItem {
	var list []folderItem
	for id := range rm.ID(t.Len()) {
		if t.Class(id) != rminfo.FOLDER {
			continue
		}
		for ref := range t.Children(id, rminfo.A_items) {
			list = append(list, folderItem{ref, itemObject(t, ref)})
		}
	}
	return list
}

func itemObject(t *rm.Tree, ref rm.ID) string {
	value, _, _ := strings.Cut(t.TextAt(ref, rminfo.A_id, rminfo.A_value), "::")
	id, err := uuid.FromString(value)
	if err != nil || len(value) != 36 {
		return ""
	}
	return id.String()
}

// objectsOf are the objects the references name, each once.
func objectsOf(items []folderItem) []string {
	var list []string
	seen := map[string]bool{"": true}
	for _, item := range items {
		if !seen[item.object] {
			seen[item.object] = true
			list = append(list, item.object)
		}
	}
	return list
}

// checkFolderSize refuses what no directory needs.
func checkFolderSize(t *rm.Tree) error {
	if n := len(itemsOf(t)); n > maxFolderItems {
		return fault.New(fault.Invalid, "directory-items", "the directory has %d items; the limit is %d", n, maxFolderItems)
	}
	for id := range rm.ID(t.Len()) {
		if t.Class(id) != rminfo.FOLDER {
			continue
		}
		depth := 1
		for up := id; up != t.Root(); up = t.Parent(up) {
			depth++
		}
		if depth > maxFolderDepth {
			return fault.New(fault.Invalid, "directory-depth", "the folders of the directory are nested deeper than %d", maxFolderDepth)
		}
	}
	return nil
}

// narrowed is a directory without the references to hidden objects; the tree
// itself where there are none.
func narrowed(t *rm.Tree, hidden map[string]bool) (*rm.Tree, error) {
	var edits []rm.Edit
	for _, item := range itemsOf(t) {
		if hidden[item.object] {
			edits = append(edits, rm.Edit{At: item.ref})
		}
	}
	if len(edits) == 0 {
		return t, nil
	}
	return t.Splice(edits...)
}

// NarrowedFolder is a directory without the references to hidden objects of its
// EHR; any other document stays as it is.
func NarrowedFolder(t *rm.Tree, hidden []string) (*rm.Tree, error) {
	if len(hidden) == 0 {
		return t, nil
	}
	set := make(map[string]bool, len(hidden))
	for _, object := range hidden {
		set[object] = true
	}
	return narrowed(t, set)
}

// subfolder follows names down from the root, whose own name is not part of the
// path; empty segments count as none (ITS-REST 1.1, DIRECTORY, path).
func subfolder(t *rm.Tree, path string) (rm.ID, error) {
	at := t.Root()
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		next := rm.None
		for child := range t.Children(at, rminfo.A_folders) {
			if t.Name(child) == segment {
				next = child
				break
			}
		}
		if next == rm.None {
			if open := strings.LastIndexByte(segment, '('); open > 0 && strings.HasSuffix(segment, ")") && strings.Trim(segment[open+1:len(segment)-1], "0123456789") == "" {
				return rm.None, fault.New(fault.Invalid, "directory-path", "the path names folders by their names alone")
			}
			return rm.None, fault.New(fault.NotFound, "folder-unknown", "the directory has no folder at this path")
		}
		at = next
	}
	return at, nil
}

// folderMerge puts back into a new version of a directory what its editor could
// not see in the old one (DESIGN 5a rule 7). A folder of the old version is
// found again by its uid, else by its name among those of its parent; one that
// is gone and held something hidden stays, with that alone.
type folderMerge struct {
	old, next *rm.Tree
	hidden    map[string]bool
	// twin is the folder of next that a folder of old became, source the reverse.
	twin, source map[rm.ID]rm.ID
	// holds marks the folders of old that hold hidden references, themselves or
	// in a folder below that has no twin.
	holds map[rm.ID]bool
}

// mergeHidden is next with the hidden references of old, at their places.
func mergeHidden(old, next *rm.Tree, hidden map[string]bool) (*rm.Tree, error) {
	if len(hidden) == 0 {
		return next, nil
	}
	m := folderMerge{old: old, next: next, hidden: hidden, twin: map[rm.ID]rm.ID{}, source: map[rm.ID]rm.ID{}, holds: map[rm.ID]bool{}}
	m.pair()
	m.hold(old.Root())
	b := rm.NewBuilder(rm.Limits{}, next.Bytes())
	m.write(b, 0, next.Root())
	return b.Tree()
}

func (m *folderMerge) couple(old, next rm.ID) { m.twin[old], m.source[next] = next, old }

func (m *folderMerge) pair() {
	m.couple(m.old.Root(), m.next.Root())
	byUID := map[string]rm.ID{}
	for id := rm.ID(1); id < rm.ID(m.next.Len()); id++ {
		if uid := folderUID(m.next, id); uid != "" {
			byUID[uid] = id
		}
	}
	for id := rm.ID(1); id < rm.ID(m.old.Len()); id++ {
		if uid := folderUID(m.old, id); uid != "" {
			if at, ok := byUID[uid]; ok {
				delete(byUID, uid)
				m.couple(id, at)
			}
		}
	}
	// Parents come before what they hold.
	for id := rm.ID(1); id < rm.ID(m.old.Len()); id++ {
		if m.old.Class(id) != rminfo.FOLDER {
			continue
		}
		if _, done := m.twin[id]; done {
			continue
		}
		parent, ok := m.twin[m.old.Parent(id)]
		if !ok {
			continue
		}
		for child := range m.next.Children(parent, rminfo.A_folders) {
			if _, taken := m.source[child]; !taken && m.next.Name(child) == m.old.Name(id) {
				m.couple(id, child)
				break
			}
		}
	}
}

// folderUID is the uid of a FOLDER, "" for other nodes and folders without one.
func folderUID(t *rm.Tree, id rm.ID) string {
	if t.Class(id) != rminfo.FOLDER {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(t.TextAt(id, rminfo.A_uid, rminfo.A_value)))
}

func (m *folderMerge) hold(id rm.ID) bool {
	holds := false
	for ref := range m.old.Children(id, rminfo.A_items) {
		holds = holds || m.hidden[itemObject(m.old, ref)]
	}
	for child := range m.old.Children(id, rminfo.A_folders) {
		below := m.hold(child)
		if _, kept := m.twin[child]; !kept {
			holds = holds || below
		}
	}
	m.holds[id] = holds
	return holds
}

// write copies a folder of next.
func (m *folderMerge) write(b *rm.Builder, attr rminfo.Attr, id rm.ID) {
	from, paired := m.source[id]
	at := b.Open(attr, m.next.Class(id))
	if m.next.Implied(id) {
		b.Imply(at)
	}
	itemsDone, holds := false, paired && m.holds[from]
	for child := range m.next.All(id) {
		switch m.next.Attr(child) {
		case rminfo.A_folders:
			m.write(b, rminfo.A_folders, child)
		case rminfo.A_items:
			if !holds {
				b.Copy(rminfo.A_items, m.next, child)
			} else if !itemsDone {
				itemsDone = true
				m.items(b, from, id)
			}
		default:
			b.Copy(m.next.Attr(child), m.next, child)
		}
	}
	if holds {
		if !itemsDone {
			m.items(b, from, id)
		}
		m.orphans(b, from)
	}
	b.Close()
}

// placed is a reference and the tree it stands in.
type placed struct {
	tree *rm.Tree
	ref  rm.ID
	key  string
}

func place(t *rm.Tree, ref rm.ID) placed {
	return placed{t, ref, strings.Join([]string{strings.ToLower(t.TextAt(ref, rminfo.A_id, rminfo.A_value)),
		t.TextAt(ref, rminfo.A_namespace), t.TextAt(ref, rminfo.A_type)}, "\x00")}
}

// items writes the references of the new folder with the hidden ones of the old:
// each behind the nearest one that was before it and still is there.
func (m *folderMerge) items(b *rm.Builder, old, next rm.ID) {
	var list []placed
	for ref := range m.next.Children(next, rminfo.A_items) {
		list = append(list, place(m.next, ref))
	}
	find := func(key string) int {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].key == key {
				return i
			}
		}
		return -1
	}
	at := 0
	for ref := range m.old.Children(old, rminfo.A_items) {
		item := place(m.old, ref)
		if m.hidden[itemObject(m.old, ref)] && (find(item.key) < 0 || list[find(item.key)].tree == m.old) {
			list = append(list[:at], append([]placed{item}, list[at:]...)...)
			at++
		} else if i := find(item.key); i >= 0 {
			at = i + 1
		}
	}
	for _, item := range list {
		b.Copy(rminfo.A_items, item.tree, item.ref)
	}
}

// orphans writes what is left of the folders below an old one that are gone and
// held hidden references.
func (m *folderMerge) orphans(b *rm.Builder, old rm.ID) {
	for child := range m.old.Children(old, rminfo.A_folders) {
		if _, kept := m.twin[child]; kept || !m.holds[child] {
			continue
		}
		b.Open(rminfo.A_folders, m.old.Class(child))
		for part := range m.old.All(child) {
			switch m.old.Attr(part) {
			case rminfo.A_uid, rminfo.A_name, rminfo.A_archetype_node_id, rminfo.A_archetype_details:
				b.Copy(m.old.Attr(part), m.old, part)
			case rminfo.A_items:
				if m.hidden[itemObject(m.old, part)] {
					b.Copy(rminfo.A_items, m.old, part)
				}
			}
		}
		m.orphans(b, child)
		b.Close()
	}
}
