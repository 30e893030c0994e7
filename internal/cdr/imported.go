package cdr

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// branched refuses a version beside the trunk (RM 1.1.0, Common, Version
// Identification): this system keeps one line of versions of an object.
func branched(uid string) error {
	return fault.New(fault.Unprocessable, "branch", "%s is a version of a branch; this system keeps the trunk only", uid)
}

// importedVersion is IMPORTED_VERSION: the version as it was made elsewhere, and
// the contribution and audit of its coming here (RM 1.1.0, Common, 6.3.4).
func importedVersion(v Version) []byte {
	b := make([]byte, 0, len(v.Doc)+len(v.Imported)+len(v.AuditDetails)+512)
	b = append(append(b, `{"_type":"IMPORTED_VERSION","contribution":`...), objectRef("HIER_OBJECT_ID", v.Contribution, "CONTRIBUTION")...)
	if v.Signature != "" {
		b = append(append(b, `,"signature":`...), quoted(v.Signature)...)
	}
	b = append(append(b, `,"commit_audit":`...), timed(v.AuditDetails, v.Committed)...)
	b = append(append(b, `,"item":`...), bytes.TrimSuffix(v.Imported, []byte("}"))...)
	if len(v.Doc) > 0 {
		b = append(append(b, `,"data":`...), v.Doc...)
	}
	return append(b, "}}"...)
}

// appendAudits adds what the item of an imported version was audited by where it
// was made.
func appendAudits(b, item []byte) []byte {
	found := gjson.GetManyBytes(item, "commit_audit", "attestations")
	b = append(append(b, ','), found[0].Raw...)
	for _, a := range found[1].Array() {
		b = append(append(b, ','), a.Raw...)
	}
	return b
}

// imported reads an IMPORTED_VERSION. Its item stays as it is; an object comes
// with any of its versions first, and then with the next ones of its trunk.
func (m *members) imported(u *updateVersion) (NewVersion, error) {
	s := m.service
	switch {
	case !given(u.Item):
		return NewVersion{}, fault.New(fault.Invalid, "import-item", "an IMPORTED_VERSION has an item, which is an ORIGINAL_VERSION")
	case given(u.Data), given(u.UID), given(u.OtherInputs), u.Preceding != nil, u.Lifecycle != nil, len(u.Attestations) > 0:
		return NewVersion{}, fault.New(fault.Invalid, "import-form", "an IMPORTED_VERSION has an item, a commit_audit and a signature; all else stands in the item")
	}
	audit := u.Audit
	if audit == nil {
		audit = m.whole
	}
	info, err := audit.info("")
	if err != nil {
		return NewVersion{}, err
	}
	if len(info.Committer) == 0 && given(m.whole.Committer) {
		info.Committer = m.whole.Committer
	}
	if err := checkSignature(u.Signature); err != nil {
		return NewVersion{}, err
	}
	local, err := s.created(m.caller, info)
	if err != nil {
		return NewVersion{}, err
	}
	item, err := s.importItem(u.Item)
	if err != nil {
		return NewVersion{}, err
	}
	v := NewVersion{Kind: KindComposition, Signature: u.Signature, Import: &item.Import, Preceding: item.preceding}
	if err := m.follows(&v, item); err != nil {
		return NewVersion{}, err
	}
	if item.content != nil {
		d := details{lifecycle: item.lifecycle}
		held, err := s.composition(m.ctx, m.profile, Content{Tree: item.content}, d, CommitInfo{})
		if err != nil {
			return NewVersion{}, err
		}
		v.Tree, v.Template, v.Labels, v.Sens = held.Tree, held.Template, held.Labels, held.Sens
		v.Persistent = v.Import.First && s.manners.OnePersistent && persistent(v.Tree)
		v.Doc = canon.WriteJSON(make([]byte, 0, v.Tree.Bytes()), v.Tree, v.Tree.Root())
	}
	v.Object, v.Lifecycle, v.ChangeType, v.AuditDetails = item.UID.Object, item.lifecycle, local.change, local.audit
	return v, nil
}

// importItem is the ORIGINAL_VERSION inside an IMPORTED_VERSION.
type importItem struct {
	Import
	preceding, lifecycle string
	content              *rm.Tree
}

// importItem reads the item, and judges it without its content.
func (s *Service) importItem(text []byte) (importItem, error) {
	var x importItem
	t, err := canon.ReadJSON(text, rminfo.ORIGINAL_VERSION, canon.ReadOptions{Lenient: s.manners.LenientParty})
	if err != nil {
		return x, err
	}
	root := t.Root()
	if data := t.Child(root, rminfo.A_data); data != rm.None {
		if t.Class(data) != rminfo.COMPOSITION {
			return x, fault.New(fault.Unprocessable, "import-class", "compositions are imported one by one; the EHR_STATUS and the directory of another system come with the whole record")
		}
		b := rm.NewBuilder(rm.Limits{}, t.Bytes())
		b.Copy(0, t, data)
		if x.content, err = b.Tree(); err != nil {
			return x, fault.New(fault.Internal, "import-content", "the content cannot be taken out of the item").Because(err)
		}
		if t, err = t.Splice(rm.Edit{At: data}); err != nil {
			return x, fault.New(fault.Internal, "import-content", "the content cannot be taken out of the item").Because(err)
		}
	}
	x.Item = canon.WriteJSON(nil, t, t.Root())
	if t, err = canon.ReadJSON(x.Item, rminfo.ORIGINAL_VERSION, canon.ReadOptions{Mandatory: true}); err != nil {
		return x, err
	}
	if err := s.check(t, nil, Complete); err != nil {
		return x, err
	}
	uid := t.TextAt(root, rminfo.A_uid, rminfo.A_value)
	var ok bool
	if x.UID, ok = ParseVersionUID(uid); !ok {
		return x, fault.New(fault.Unprocessable, "import-uid", "the uid of the item is no version uid")
	}
	x.preceding = t.TextAt(root, rminfo.A_preceding_version_uid, rminfo.A_value)
	before, ok := ParseVersionUID(x.preceding)
	switch {
	case x.UID.Number == 0:
		return x, branched(uid)
	case strings.EqualFold(x.UID.System, s.systemID):
		return x, fault.New(fault.Unprocessable, "import-own", "the item is a version of this system, which imports none of its own")
	case x.preceding == "" && x.UID.Number > 1, x.preceding != "" && x.UID.Number == 1:
		return x, fault.New(fault.Unprocessable, "import-preceding", "a first version follows none, and every other one names what it follows")
	case x.preceding != "" && ok && before.Number == 0:
		return x, branched(x.preceding)
	case x.preceding != "" && (!ok || before.Object != x.UID.Object || before.Number != x.UID.Number-1):
		return x, fault.New(fault.Unprocessable, "import-preceding", "the item does not follow the version before it on the trunk")
	}
	for other := range t.Children(root, rminfo.A_other_input_version_uids) {
		x.OtherInputs = append(x.OtherInputs, t.TextAt(other, rminfo.A_value))
	}
	x.lifecycle, err = LifecycleCode(t.TextAt(root, rminfo.A_lifecycle_state, rminfo.A_defining_code, rminfo.A_code_string))
	switch {
	case err != nil:
		return x, err
	case (x.lifecycle == Deleted) != (x.content == nil):
		return x, fault.New(fault.Unprocessable, "import-content", "the item has content, or is deleted")
	case x.content == nil:
		return x, nil
	}
	return x, x.identify()
}

// identify judges the uid of the content: that of the version or of the object,
// or none, which becomes that of the version, by which queries find it.
func (x *importItem) identify() error {
	switch named := bodyObject(x.content); {
	case x.content.Child(x.content.Root(), rminfo.A_uid) == rm.None:
		t, err := canon.SetUID(x.content, x.UID.String())
		if err != nil {
			return fault.New(fault.Internal, "uid", "the version uid cannot be set").Because(err)
		}
		x.content = t
	case named != x.UID.Object:
		return fault.New(fault.Unprocessable, "import-uid", "the uid of the content names another object than that of the item")
	}
	return nil
}

// follows finds the place of an imported version behind those that are here.
func (m *members) follows(v *NewVersion, item importItem) error {
	latest, err := m.service.store.Version(m.ctx, m.profile, m.ehr, KindComposition, VersionRef{Object: item.UID.Object, Lifecycle: Incomplete})
	switch {
	case fault.Is(err, fault.NotFound):
		if item.content == nil {
			return fault.New(fault.Unprocessable, "import-content", "the item is a deletion of what was never here")
		}
		v.Import.First = true
		return nil
	case err != nil:
		return err
	case len(latest.Imported) == 0:
		return fault.New(fault.Conflict, "import-own", "the object is of this system; a version of another one would be a branch of it").Latest(latest.UID)
	case !strings.EqualFold(latest.UID, item.preceding):
		return fault.New(fault.Conflict, "import-order", "the item does not follow the latest version that is here, which is %s", latest.UID).Latest(latest.UID)
	}
	return nil
}
