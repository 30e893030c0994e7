package cdr

import (
	"context"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// CreateDirectory commits the first version of the EHR's directory; a live one
// is a Conflict.
func (s *Service) CreateDirectory(ctx context.Context, caller Caller, ehr string, content Content, info CommitInfo) (Document, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Document{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return Document{}, err
	}
	d, err := s.created(caller, info)
	if err != nil {
		return Document{}, err
	}
	v, err := s.folder(ctx, p, ehr, content, d, "", nil)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "C", EHR: ehr}, err)
	}
	doc, err := s.commit(ctx, caller, p, change{action: "C", ehr: ehr, version: v, details: d, info: info})
	if err != nil {
		return Document{}, s.folderExists(ctx, p, ehr, err)
	}
	doc.Withheld = s.withheld(ctx, p)
	return doc, nil
}

// folderExists words the refusal of a second directory as the manners have it,
// naming the first to who may read it.
func (s *Service) folderExists(ctx context.Context, p *access.Profile, ehr string, refusal error) error {
	if s.manners.FolderExists == "" || fault.Of(refusal).Code != "directory-exists" {
		return refusal
	}
	stored, err := s.store.EHR(ctx, p, ehr)
	if err != nil || stored.DirectoryID == "" {
		return refusal
	}
	if _, err := s.store.Version(ctx, p, ehr, KindFolder, VersionRef{Object: stored.DirectoryID}); err != nil {
		return refusal
	}
	return fault.New(fault.Conflict, "directory-exists", s.manners.FolderExists, stored.DirectoryID)
}

// UpdateDirectory commits a new version over the one ifMatch names; without a
// directory it is NotFound, whatever ifMatch says. References the caller cannot
// see stay where they are.
func (s *Service) UpdateDirectory(ctx context.Context, caller Caller, ehr, ifMatch string, content Content, info CommitInfo) (Document, error) {
	p, ehr, object, preceding, err := s.directory(ctx, caller, ehr, "U", ifMatch)
	if err != nil {
		return Document{}, err
	}
	d, err := s.modified(caller, info)
	if err != nil {
		return Document{}, err
	}
	v, err := s.folder(ctx, p, ehr, content, d, preceding, nil)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "U", EHR: ehr, Object: object}, err)
	}
	doc, err := s.commit(ctx, caller, p, change{action: "U", ehr: ehr, version: v, details: d, info: info})
	if err != nil {
		return Document{}, err
	}
	return s.disclosed(ctx, p, doc, "")
}

// DeleteDirectory deletes logically the version ifMatch names. Who cannot see
// all it refers to cannot delete it.
func (s *Service) DeleteDirectory(ctx context.Context, caller Caller, ehr, ifMatch string, info CommitInfo) (Document, error) {
	p, ehr, object, preceding, err := s.directory(ctx, caller, ehr, "D", ifMatch)
	if err != nil {
		return Document{}, err
	}
	d, err := s.removed(caller, info)
	if err != nil {
		return Document{}, err
	}
	if err := s.mayDeleteFolder(ctx, p, ehr, preceding); err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "D", EHR: ehr, Object: object}, err)
	}
	v := NewVersion{Kind: KindFolder, Object: object, Preceding: preceding}
	return s.commit(ctx, caller, p, change{action: "D", ehr: ehr, version: v, details: d, info: info})
}

// Directory reads the directory, one version or one time of it, and of it the
// folder at a path of names; "" is the root. A deleted one has no JSON.
func (s *Service) Directory(ctx context.Context, caller Caller, ehr string, ref VersionRef, path string) (Document, error) {
	v, err := s.show(ctx, caller, ehr, KindFolder, ref)
	if err != nil {
		return Document{}, err
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Document{}, err
	}
	return s.disclosed(ctx, p, document(v), path)
}

// directory opens a change of the directory: its object and the version that
// is replaced.
func (s *Service) directory(ctx context.Context, caller Caller, id, action, ifMatch string) (p *access.Profile, ehr, object, preceding string, err error) {
	if p, err = s.profile(ctx, caller); err != nil {
		return
	}
	if ehr, err = s.ehrID(id); err != nil {
		return
	}
	stored, err := s.store.EHR(ctx, p, ehr)
	if err == nil && stored.DirectoryID == "" {
		err = fault.New(fault.NotFound, "directory-unknown", "the EHR has no directory")
	}
	if err != nil {
		err = s.missed(ctx, caller, p, Event{Action: action, EHR: ehr}, err)
		return
	}
	object = stored.DirectoryID
	if preceding, err = s.matched(ctx, p, ehr, KindFolder, object, ifMatch); err != nil {
		err = s.missed(ctx, caller, p, Event{Action: action, EHR: ehr, Object: object}, err)
	}
	return
}

// folder reads and validates a FOLDER that follows preceding, "" for none, and
// puts back what the caller could not see of that. beside are objects that the
// same contribution makes.
func (s *Service) folder(ctx context.Context, p *access.Profile, ehr string, content Content, d details, preceding string, beside map[string]bool) (NewVersion, error) {
	t, err := s.tree(content, rminfo.FOLDER, d.lifecycle)
	if err != nil {
		return NewVersion{}, err
	}
	if err := checkFolderSize(t); err != nil {
		return NewVersion{}, err
	}
	if err := s.check(t, nil, d.lifecycle); err != nil {
		return NewVersion{}, err
	}
	old, hidden, err := s.before(ctx, p, ehr, preceding)
	if err != nil {
		return NewVersion{}, err
	}
	if err := s.checkReferences(ctx, p, ehr, t, old, beside); err != nil {
		return NewVersion{}, err
	}
	if old != nil {
		if t, err = mergeHidden(old, t, hidden); err != nil {
			return NewVersion{}, fault.New(fault.Internal, "directory-merge", "the directory cannot be merged").Because(err)
		}
	}
	v := NewVersion{Kind: KindFolder, Tree: t, Preceding: preceding}
	if uid, ok := ParseVersionUID(preceding); ok {
		v.Object = uid.Object
	} else if v.Object = newUID(); s.manners.KeepFolderUID {
		v.Object = or(bodyObject(t), v.Object)
	}
	return v, nil
}

// before reads the version of the directory that is followed, and which of its
// references the caller cannot see; nil where there is none with content.
func (s *Service) before(ctx context.Context, p *access.Profile, ehr, preceding string) (*rm.Tree, map[string]bool, error) {
	if preceding == "" {
		return nil, nil, nil
	}
	v, err := s.store.Version(ctx, p, ehr, KindFolder, VersionRef{VersionUID: preceding})
	if fault.Is(err, fault.NotFound) || err == nil && len(v.Doc) == 0 {
		// A version that is unknown is refused as not the latest, with its uid.
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := canon.ReadStored(v.Doc)
	if err != nil {
		return nil, nil, err
	}
	hidden, err := s.hidden(ctx, p, ehr, t)
	return t, hidden, err
}

// hidden are the objects a directory refers to and the caller cannot see.
func (s *Service) hidden(ctx context.Context, p *access.Profile, ehr string, t *rm.Tree) (map[string]bool, error) {
	if p.All {
		return nil, nil
	}
	sights, err := s.store.Sights(ctx, p, ehr, objectsOf(itemsOf(t)))
	if err != nil {
		return nil, err
	}
	hidden := map[string]bool{}
	for object, visible := range sights {
		if !visible {
			hidden[object] = true
		}
	}
	return hidden, nil
}

// checkReferences refuses a new reference that claims to be of this system and
// leads to nothing in this EHR; one to what the caller cannot see looks the same.
func (s *Service) checkReferences(ctx context.Context, p *access.Profile, ehr string, t, old *rm.Tree, beside map[string]bool) error {
	known := map[string]bool{}
	if old != nil {
		for _, item := range itemsOf(old) {
			known[item.object] = true
		}
	}
	var ours []folderItem
	for _, item := range itemsOf(t) {
		namespace := t.TextAt(item.ref, rminfo.A_namespace)
		if (namespace == "local" || strings.EqualFold(namespace, s.systemID)) && item.object != "" && !beside[item.object] {
			ours = append(ours, item)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	sights, err := s.store.Sights(ctx, p, ehr, objectsOf(ours))
	if err != nil {
		return err
	}
	var issues []fault.Issue
	for _, item := range ours {
		if visible, there := sights[item.object]; there && visible || !there && known[item.object] {
			continue
		}
		issues = append(issues, fault.Issue{Path: t.Path(item.ref), AQLPath: t.AQLPath(item.ref), Rule: "directory-reference",
			Expected: "an object of this EHR", Message: "the reference leads to no object of this EHR"})
	}
	if len(issues) == 0 {
		return nil
	}
	return fault.New(fault.Unprocessable, "directory-reference", "an item of the directory leads to no object of this EHR").With(issues...)
}

// mayDeleteFolder refuses to delete what the caller does not see all of.
func (s *Service) mayDeleteFolder(ctx context.Context, p *access.Profile, ehr, preceding string) error {
	_, hidden, err := s.before(ctx, p, ehr, preceding)
	if err == nil && len(hidden) > 0 {
		err = fault.New(fault.Forbidden, "directory-withheld", "the directory can be deleted only by who may see all it refers to")
	}
	return err
}

// disclosed is a version of the directory as the caller may see it, or the
// folder of it at a path.
func (s *Service) disclosed(ctx context.Context, p *access.Profile, d Document, path string) (Document, error) {
	d.Withheld = s.withheld(ctx, p)
	path = strings.Trim(path, "/")
	if d.JSON == nil || p.All && path == "" {
		return d, nil
	}
	t, err := canon.ReadStored(d.JSON)
	if err != nil {
		return Document{}, err
	}
	hidden, err := s.hidden(ctx, p, d.EHR, t)
	if err != nil {
		return Document{}, err
	}
	seen, err := narrowed(t, hidden)
	if err != nil {
		return Document{}, fault.New(fault.Internal, "directory-narrow", "the directory cannot be narrowed").Because(err)
	}
	at, err := subfolder(seen, path)
	if err != nil {
		return Document{}, err
	}
	if seen != t || at != seen.Root() {
		d.JSON, d.Tree = canon.WriteJSON(nil, seen, at), nil
	}
	return d, nil
}
