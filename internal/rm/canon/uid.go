package canon

import (
	"fmt"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// SetUID is the tree as a version of it is stored: its root carries versionUID
// as an OBJECT_VERSION_ID, in the place of the uid it had, else behind its name
// and archetype_node_id. The items of each list stand together in the result, so
// that what WriteJSON makes of it reads back with the same node ids. The tree is
// copied once. A root that cannot carry a uid is an error.
func SetUID(t *rm.Tree, versionUID string) (*rm.Tree, error) {
	declared, ok := t.Class(0).Attribute(rminfo.A_uid)
	if !ok || !rminfo.OBJECT_VERSION_ID.IsA(declared.Type) {
		return nil, fmt.Errorf("canon: a %s has no version uid", t.Class(0))
	}
	b := rm.NewBuilder(rm.Limits{}, 2*len(versionUID))
	b.Open(0, rminfo.OBJECT_VERSION_ID)
	b.String(rminfo.A_value, rminfo.String, versionUID)
	b.Close()
	uid, err := b.Tree()
	if err != nil {
		return nil, err
	}
	t, err = t.Splice(uidEdit(t, uid))
	if err != nil {
		return nil, err
	}
	return t.Grouped(), nil
}

// uidEdit says where the uid goes.
func uidEdit(t *rm.Tree, uid *rm.Tree) rm.Edit {
	if old := t.Child(0, rminfo.A_uid); old != rm.None {
		return rm.Edit{At: old, New: uid}
	}
	after := t.Child(0, rminfo.A_archetype_node_id)
	if name := t.Child(0, rminfo.A_name); after == rm.None || name != rm.None && name > after {
		after = name
	}
	if after == rm.None {
		return rm.Edit{At: 0, Into: true, Attr: rminfo.A_uid, New: uid}
	}
	return rm.Edit{At: after, After: true, Attr: rminfo.A_uid, New: uid}
}
