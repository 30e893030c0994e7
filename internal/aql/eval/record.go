package eval

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// record is an EHR under evaluation, with the trees that stand for what has no
// document: the EHR object and each VERSION. They are built when first asked.
type record struct {
	*EHR
	tree     *rm.Tree
	versions map[*Document]*rm.Tree
}

// effective is the first effective document of a kind, nil when there is none.
func (r *record) effective(kind DocumentKind) *Document {
	for i := range r.Documents {
		if d := &r.Documents[i]; d.Kind == kind && d.Effective && d.Tree != nil {
			return d
		}
	}
	return nil
}

// queryable is EHR_STATUS.is_queryable (RM 1.1.0, EHR 4.4), true when not said.
func (r *record) queryable() bool {
	d := r.effective(EHRStatus)
	return d == nil || d.Tree.TextAt(d.Tree.Root(), rminfo.A_is_queryable) != "false"
}

// object is the EHR as ITS-REST shows it: with its status and directory in
// place of references.
func (r *record) object() (*rm.Tree, error) {
	if r.tree != nil {
		return r.tree, nil
	}
	b := rm.NewBuilder(rm.Limits{}, 1<<10)
	b.Open(0, rminfo.EHR)
	identifier(b, rminfo.A_system_id, rminfo.HIER_OBJECT_ID, r.SystemID)
	identifier(b, rminfo.A_ehr_id, rminfo.HIER_OBJECT_ID, r.ID)
	if d := r.effective(EHRStatus); d != nil {
		b.Copy(rminfo.A_ehr_status, d.Tree, d.Tree.Root())
	}
	if d := r.effective(Folder); d != nil {
		b.Copy(rminfo.A_directory, d.Tree, d.Tree.Root())
	}
	dateTime(b, rminfo.A_time_created, r.TimeCreated)
	b.Close()
	var err error
	r.tree, err = b.Tree()
	return r.tree, err
}

// version is the ORIGINAL_VERSION of a document.
func (r *record) version(d *Document) (*rm.Tree, error) {
	if t := r.versions[d]; t != nil {
		return t, nil
	}
	b := rm.NewBuilder(rm.Limits{}, 1<<10)
	b.Open(0, rminfo.ORIGINAL_VERSION)
	if d.Contribution != "" {
		b.Open(rminfo.A_contribution, rminfo.OBJECT_REF)
		identifier(b, rminfo.A_id, rminfo.HIER_OBJECT_ID, d.Contribution)
		b.String(rminfo.A_namespace, rminfo.String, "local")
		b.String(rminfo.A_type, rminfo.String, "CONTRIBUTION")
		b.Close()
	}
	audit(b, &d.Audit)
	identifier(b, rminfo.A_uid, rminfo.OBJECT_VERSION_ID, d.VersionUID)
	identifier(b, rminfo.A_preceding_version_uid, rminfo.OBJECT_VERSION_ID, d.Preceding)
	coded(b, rminfo.A_lifecycle_state, d.Lifecycle)
	if d.Tree != nil {
		b.Copy(rminfo.A_data, d.Tree, d.Tree.Root())
	}
	b.Close()
	t, err := b.Tree()
	if err != nil {
		return nil, err
	}
	if r.versions == nil {
		r.versions = map[*Document]*rm.Tree{}
	}
	r.versions[d] = t
	return t, nil
}

func audit(b *rm.Builder, a *Audit) {
	b.Open(rminfo.A_commit_audit, rminfo.AUDIT_DETAILS)
	if a.SystemID != "" {
		b.String(rminfo.A_system_id, rminfo.String, a.SystemID)
	}
	dateTime(b, rminfo.A_time_committed, a.TimeCommitted)
	coded(b, rminfo.A_change_type, a.ChangeType)
	if a.Description != "" {
		b.Open(rminfo.A_description, rminfo.DV_TEXT)
		b.String(rminfo.A_value, rminfo.String, a.Description)
		b.Close()
	}
	if a.Committer != nil {
		b.Copy(rminfo.A_committer, a.Committer, a.Committer.Root())
	}
	b.Close()
}

func identifier(b *rm.Builder, attr rminfo.Attr, class rminfo.Class, value string) {
	if value == "" {
		return
	}
	b.Open(attr, class)
	b.String(rminfo.A_value, rminfo.String, value)
	b.Close()
}

func dateTime(b *rm.Builder, attr rminfo.Attr, value string) {
	identifier(b, attr, rminfo.DV_DATE_TIME, value)
}

// coded writes a code of the openEHR terminology.
func coded(b *rm.Builder, attr rminfo.Attr, c Coded) {
	if c.Code == "" {
		return
	}
	b.Open(attr, rminfo.DV_CODED_TEXT)
	b.String(rminfo.A_value, rminfo.String, c.Text)
	b.Open(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	identifier(b, rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID, "openehr")
	b.String(rminfo.A_code_string, rminfo.String, c.Code)
	b.String(rminfo.A_preferred_term, rminfo.String, c.Text)
	b.Close()
	b.Close()
}

// objectID is the part of a version uid before the first "::".
func objectID(uid string) string {
	id, _, _ := strings.Cut(uid, "::")
	return id
}
