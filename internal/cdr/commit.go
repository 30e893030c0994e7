package cdr

import (
	"context"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// change is one direct POST, PUT or DELETE: a contribution of one version.
type change struct {
	action  string
	ehr     string
	version NewVersion
	details details
	create  *NewEHR
	// info gives tags; key and request recognise a repetition.
	info    CommitInfo
	key     string
	request []byte
}

// batch is the commit of a change: its only version is sealed.
func (s *Service) batch(caller Caller, p *access.Profile, c change) (Commit, Event, error) {
	v := c.version
	v.Lifecycle, v.ChangeType, v.AuditDetails = c.details.lifecycle, c.details.change, c.details.audit
	v.ObjectTags, v.VersionTags = c.info.ObjectTags, c.info.VersionTags
	uid := v.UID(s.systemID)
	var err error
	if v.Tree != nil {
		if v.Tree, v.Doc, err = seal(v.Tree, uid); err != nil {
			return Commit{}, Event{}, err
		}
	}
	event := Event{Action: c.action, EHR: c.ehr, Object: uid.String()}
	if v.Template != nil {
		event.Template = v.Template.Family
	}
	if p, err = changing(p, []NewVersion{v}, nil); err != nil {
		return Commit{}, Event{}, err
	}
	return Commit{
		Profile: p, EHR: c.ehr, Create: c.create, ID: newUID(), SystemID: s.systemID, ChangeType: v.ChangeType,
		AuditDetails: v.AuditDetails, Versions: []NewVersion{v}, Event: s.event(caller, p, event), Organisation: caller.Organisation,
	}, event, nil
}

// commit stores a change and shows the version it made.
func (s *Service) commit(ctx context.Context, caller Caller, p *access.Profile, c change) (Document, error) {
	batch, event, err := s.batch(caller, p, c)
	if err != nil {
		return Document{}, err
	}
	v := batch.Versions[0]
	uid := v.UID(s.systemID)
	if c.key != "" {
		batch.Idempotency = &Idempotency{Key: c.key, Request: c.request, Answer: uid.String()}
	}
	done, err := s.store.Commit(ctx, batch)
	if err != nil {
		if v.Template != nil && fault.Of(err).Code == "template-gone" {
			s.templates.Invalidate(v.Template.ID)
		}
		return Document{}, s.missed(ctx, caller, p, event, err)
	}
	if done.Repeated != "" {
		return s.again(ctx, caller, p, c.ehr, v.Kind, done.Repeated)
	}
	d := Document{
		VersionUID: uid.String(), ObjectID: v.Object, EHR: c.ehr, Kind: v.Kind, JSON: v.Doc, Tree: v.Tree,
		Committed: done.Committed.UTC(), Lifecycle: v.Lifecycle, Deleted: v.Lifecycle == Deleted, Contribution: done.Contribution, Warnings: v.Warnings,
	}
	if v.Template != nil {
		d.Template, d.TemplateRow, d.TemplateEdition = v.Template.ID, v.Template.Row, v.Template.Edition()
	}
	return d, nil
}

// again is the answer to a repeated request: what the first one made, as far as
// the caller may still see it.
func (s *Service) again(ctx context.Context, caller Caller, p *access.Profile, ehr string, kind Kind, uid string) (Document, error) {
	v, err := s.store.Version(ctx, p, ehr, kind, VersionRef{VersionUID: uid})
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: uid}, err)
	}
	d := document(v)
	d.Repeated = true
	return d, s.read(ctx, caller, p, ehr, v.UID, v.Family)
}

// matched reads If-Match for an object: the version uid in any of the forms a
// client may send, quoted, weak or bare. One that can name no version of the
// object is a false precondition like a stale one.
func (s *Service) matched(ctx context.Context, p *access.Profile, ehr string, kind Kind, object, ifMatch string) (string, error) {
	tag := etag(ifMatch)
	if tag == "" {
		return "", fault.New(fault.Invalid, "if-match-missing", "If-Match must name the version that is replaced")
	}
	if v, ok := ParseVersionUID(tag); ok && v.Object == object && v.Number > 0 {
		return tag, nil
	}
	latest, err := s.store.Version(ctx, p, ehr, kind, VersionRef{Object: object, Lifecycle: Incomplete})
	if err != nil {
		return "", err
	}
	return "", fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the latest version, which is %s", latest.UID).Latest(latest.UID)
}

// etag takes the uid out of W/"uid", "uid" or uid.
func etag(s string) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "W/"), `"`)
}
