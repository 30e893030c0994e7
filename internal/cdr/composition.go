package cdr

import (
	"context"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// persistentCategory is the code of the group composition category for one
// living document.
const persistentCategory = "431"

// CreateComposition commits the first version of a composition. A uid in the
// body becomes the object's where it is free in the whole system.
func (s *Service) CreateComposition(ctx context.Context, caller Caller, ehr string, content Content, info CommitInfo) (Document, error) {
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
	c, err := s.firstComposition(ctx, p, ehr, content, d, info, s.judged)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "C", EHR: ehr}, err)
	}
	return s.commit(ctx, caller, p, c)
}

// firstComposition is the change that a first version is.
func (s *Service) firstComposition(ctx context.Context, p *access.Profile, ehr string, content Content, d details, info CommitInfo, judge verdict) (change, error) {
	v, err := s.compositionBy(ctx, p, content, d, info, judge)
	if err != nil {
		return change{}, err
	}
	v.Object = or(bodyObject(v.Tree), newUID())
	v.Persistent = s.manners.OnePersistent && persistent(v.Tree)
	c := change{action: "C", ehr: ehr, version: v, details: d, info: info, key: info.IdempotencyKey}
	if c.key != "" {
		c.request = fingerprint(v.Tree, ehr)
	}
	return c, nil
}

// UpdateComposition commits a new version of object over the version ifMatch
// names; a stale one is a Precondition with the latest uid.
func (s *Service) UpdateComposition(ctx context.Context, caller Caller, ehr, object, ifMatch string, content Content, info CommitInfo) (Document, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Document{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return Document{}, err
	}
	id, ok := objectUID(object)
	if !ok {
		return Document{}, s.malformed("versioned_object_uid", "a UUID")
	}
	preceding, err := s.matched(ctx, p, ehr, KindComposition, id, ifMatch)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "U", EHR: ehr, Object: id}, err)
	}
	d, err := s.modified(caller, info)
	if err != nil {
		return Document{}, err
	}
	v, err := s.composition(ctx, p, content, d, info)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "U", EHR: ehr, Object: id}, err)
	}
	if err := s.sameObject(v.Tree, id); err != nil {
		return Document{}, err
	}
	v.Object, v.Preceding = id, preceding
	return s.commit(ctx, caller, p, change{action: "U", ehr: ehr, version: v, details: d, info: info})
}

// sameObject refuses content whose uid names another object than the URL.
func (s *Service) sameObject(t *rm.Tree, id string) error {
	if named := bodyObject(t); named != "" && named != id {
		return fault.New(s.manners.BodyUIDMismatch, "uid-mismatch", "the uid of the composition names another object than the URL")
	}
	return nil
}

// verdict judges content; the issues are warnings.
type verdict func(ctx context.Context, t *rm.Tree, tpl *Template, lifecycle string) ([]fault.Issue, error)

// composition reads, validates and labels the content of a new version.
func (s *Service) composition(ctx context.Context, p *access.Profile, content Content, d details, info CommitInfo) (NewVersion, error) {
	return s.compositionBy(ctx, p, content, d, info, s.judged)
}

func (s *Service) compositionBy(ctx context.Context, p *access.Profile, content Content, d details, info CommitInfo, judge verdict) (NewVersion, error) {
	t, err := s.tree(content, rminfo.COMPOSITION, d.lifecycle)
	if err != nil {
		return NewVersion{}, err
	}
	tpl, err := s.templateOf(ctx, p, t, info.TemplateVersion)
	if err != nil {
		return NewVersion{}, err
	}
	warnings, err := judge(ctx, t, tpl, d.lifecycle)
	if err != nil {
		return NewVersion{}, err
	}
	labels, bits, err := s.labels(ctx, p, t, tpl, info.Labels)
	if err != nil {
		return NewVersion{}, err
	}
	v := NewVersion{Kind: KindComposition, Tree: t, Template: tpl, Labels: labels, Sens: bits, Warnings: warnings,
		Pinned: info.TemplateVersion != ""}
	if !s.manners.PeerRules {
		v.Persistence = new(persistent(t))
	}
	return v, nil
}

func persistent(t *rm.Tree) bool {
	return t.TextAt(t.Root(), rminfo.A_category, rminfo.A_defining_code, rminfo.A_code_string) == persistentCategory
}

// DeleteComposition deletes logically: the version uid of the path must be the
// latest (else a Conflict). ifMatch "" was not sent; a stale one is a
// Precondition. The document is the deleted version.
func (s *Service) DeleteComposition(ctx context.Context, caller Caller, ehr, versionUID, ifMatch string, info CommitInfo) (Document, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Document{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return Document{}, err
	}
	old, err := s.versionUID(versionUID)
	if err != nil {
		return Document{}, err
	}
	if tag := etag(ifMatch); tag != "" && !strings.EqualFold(tag, versionUID) {
		latest, err := s.store.Version(ctx, p, ehr, KindComposition, VersionRef{Object: old.Object, Lifecycle: Incomplete})
		if err != nil {
			return Document{}, s.missed(ctx, caller, p, Event{Action: "D", EHR: ehr, Object: old.String()}, err)
		}
		return Document{}, fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the version to delete").Latest(latest.UID)
	}
	d, err := s.removed(caller, info)
	if err != nil {
		return Document{}, err
	}
	v := NewVersion{Kind: KindComposition, Object: old.Object, Preceding: old.String(), StalePath: true}
	return s.commit(ctx, caller, p, change{action: "D", ehr: ehr, version: v, details: d})
}

// Composition reads a composition; a deleted one has no JSON.
func (s *Service) Composition(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	v, err := s.show(ctx, caller, ehr, KindComposition, ref)
	if err != nil {
		return Document{}, err
	}
	return document(v), nil
}

// VersionedComposition is the VERSIONED_COMPOSITION.
func (s *Service) VersionedComposition(ctx context.Context, caller Caller, ehr, object string) (Versioned, error) {
	p, list, err := s.history(ctx, caller, ehr, KindComposition, object)
	if err != nil {
		return Versioned{}, err
	}
	all := versioned(list)
	all.Withheld = s.withheld(ctx, p)
	return all, nil
}

// CompositionVersion is an ORIGINAL_VERSION: the JSON of the document is the
// version with its content inside, also where that is deleted.
func (s *Service) CompositionVersion(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	v, err := s.show(ctx, caller, ehr, KindComposition, ref)
	if err != nil {
		return Document{}, err
	}
	d := document(v)
	d.JSON = originalVersion(v)
	return d, nil
}

// CompositionHistory is the REVISION_HISTORY as canonical JSON.
func (s *Service) CompositionHistory(ctx context.Context, caller Caller, ehr, object string) ([]byte, error) {
	_, list, err := s.history(ctx, caller, ehr, KindComposition, object)
	if err != nil {
		return nil, err
	}
	return revisionHistory(list), nil
}
