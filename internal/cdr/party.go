package cdr

import (
	"context"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/validate"
)

// Demographics is the owner of all parties, in the place of an EHR id.
const Demographics = access.Demographics

// PartyClasses are the concrete classes of parties (RM 1.1.0, Demographic).
var PartyClasses = []string{"AGENT", "GROUP", "ORGANISATION", "PERSON", "ROLE"}

// demographic is the profile of a caller that may do the event's action to
// parties. Parties are of the whole system: who lacks the right is told so.
func (s *Service) demographic(ctx context.Context, caller Caller, e Event) (*access.Profile, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	may := p.MayWriteParties()
	if e.Action == "R" {
		may = p.MayReadParties()
	}
	if !may {
		return nil, s.deny(ctx, caller, p, e)
	}
	return p, nil
}

// CreateParty commits the first version of a party of a class. The server gives
// it its uid; that of the body is kept only where the party's own relationships
// name it as their source, which they could not otherwise.
func (s *Service) CreateParty(ctx context.Context, caller Caller, class string, content Content, info CommitInfo) (Document, error) {
	event := Event{Action: "C", EHR: Demographics}
	p, err := s.demographic(ctx, caller, event)
	if err != nil {
		return Document{}, err
	}
	d, err := s.created(caller, info)
	if err != nil {
		return Document{}, err
	}
	v, err := s.firstParty(ctx, p, class, content, d, info)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, event, err)
	}
	c := change{action: "C", ehr: Demographics, version: v, details: d, info: info, key: info.IdempotencyKey}
	if c.key != "" {
		c.request = fingerprint(v.Tree, Demographics)
	}
	return s.commit(ctx, caller, p, c)
}

// UpdateParty commits a new version of a party over the version ifMatch names. A
// party never becomes one of another class.
func (s *Service) UpdateParty(ctx context.Context, caller Caller, class, object, ifMatch string, content Content, info CommitInfo) (Document, error) {
	id, ok := objectUID(object)
	if !ok {
		return Document{}, s.malformed("versioned_object_uid", "a UUID")
	}
	event := Event{Action: "U", EHR: Demographics, Object: id}
	p, err := s.demographic(ctx, caller, event)
	if err != nil {
		return Document{}, err
	}
	if _, err := s.partyVersion(ctx, p, VersionRef{Object: id, Lifecycle: Incomplete, Class: class}); err != nil {
		return Document{}, s.missed(ctx, caller, p, event, err)
	}
	preceding, err := s.matched(ctx, p, Demographics, KindParty, id, ifMatch)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, event, err)
	}
	d, err := s.modified(caller, info)
	if err != nil {
		return Document{}, err
	}
	v, err := s.party(ctx, p, class, content, d, info)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, event, err)
	}
	if named := bodyObject(v.Tree); named != "" && named != id {
		return Document{}, fault.New(s.manners.BodyUIDMismatch, "uid-mismatch", "the uid of the party names another object than the URL")
	}
	if err := ownRelationships(v.Tree, id); err != nil {
		return Document{}, err
	}
	v.Object, v.Preceding = id, preceding
	return s.commit(ctx, caller, p, change{action: "U", ehr: Demographics, version: v, details: d, info: info})
}

// DeleteParty deletes logically: the version uid of the path must be the latest
// (else a Conflict). ifMatch "" was not sent; a stale one is a Precondition.
func (s *Service) DeleteParty(ctx context.Context, caller Caller, class, versionUID, ifMatch string, info CommitInfo) (Document, error) {
	old, err := s.versionUID(versionUID)
	if err != nil {
		return Document{}, err
	}
	event := Event{Action: "D", EHR: Demographics, Object: old.String()}
	p, err := s.demographic(ctx, caller, event)
	if err != nil {
		return Document{}, err
	}
	latest, err := s.partyVersion(ctx, p, VersionRef{Object: old.Object, Lifecycle: Incomplete, Class: class})
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, event, err)
	}
	if tag := etag(ifMatch); tag != "" && !strings.EqualFold(tag, versionUID) {
		return Document{}, fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the version to delete").Latest(latest.UID)
	}
	d, err := s.removed(caller, info)
	if err != nil {
		return Document{}, err
	}
	v := NewVersion{Kind: KindParty, Object: old.Object, Preceding: old.String(), StalePath: true}
	return s.commit(ctx, caller, p, change{action: "D", ehr: Demographics, version: v, details: d})
}

// firstParty is the first version of a party with the uid it gets.
func (s *Service) firstParty(ctx context.Context, p *access.Profile, class string, content Content, d details, info CommitInfo) (NewVersion, error) {
	v, err := s.party(ctx, p, class, content, d, info)
	if err != nil {
		return v, err
	}
	v.Object = newUID()
	if v.Tree.Child(v.Tree.Root(), rminfo.A_relationships) != rm.None {
		v.Object = or(bodyObject(v.Tree), v.Object)
	}
	return v, ownRelationships(v.Tree, v.Object)
}

// party reads, validates and labels the content of a new version.
func (s *Service) party(ctx context.Context, p *access.Profile, class string, content Content, d details, info CommitInfo) (NewVersion, error) {
	want, ok := rminfo.ClassByName(class)
	if !ok || !slices.Contains(PartyClasses, class) {
		return NewVersion{}, fault.New(fault.Unprocessable, "party-class", "a party is an AGENT, a GROUP, an ORGANISATION, a PERSON or a ROLE")
	}
	// A party of another class is well formed, and the wrong one.
	if found := memberClass(content.JSON); content.Tree == nil && found != class && slices.Contains(PartyClasses, found) {
		return NewVersion{}, fault.New(fault.Unprocessable, "party-class", "the content is of class %s and not %s", found, class)
	}
	t, err := s.tree(content, want, d.lifecycle)
	if err != nil {
		return NewVersion{}, err
	}
	tpl, err := s.partyTemplate(ctx, p, t)
	if err != nil {
		return NewVersion{}, err
	}
	if err := s.check(t, tpl, d.lifecycle); err != nil {
		return NewVersion{}, err
	}
	labels, bits, err := s.labels(ctx, p, t, tpl, info.Labels)
	if err != nil {
		return NewVersion{}, err
	}
	return NewVersion{Kind: KindParty, Tree: t, Template: tpl, Labels: labels, Sens: bits}, nil
}

// partyTemplate is the template a party names, nil where it names none that is
// known: parties need no template.
func (s *Service) partyTemplate(ctx context.Context, p *access.Profile, t *rm.Tree) (*Template, error) {
	id := t.TextAt(t.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	if id == "" {
		return nil, nil
	}
	tpl, err := s.compiled(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !p.All && !slices.Contains(p.WriteTemplates, tpl.Family) {
		return nil, fault.New(fault.Forbidden, "template-forbidden", "writing parties of this template is not allowed")
	}
	return tpl, nil
}

// ownRelationships: a party holds the relationships that begin at it.
func ownRelationships(t *rm.Tree, object string) error {
	issues := validate.Relationships(t, object)
	if len(issues) == 0 {
		return nil
	}
	return fault.New(fault.Unprocessable, "validation", "%s: %s", issues[0].Path, issues[0].Message).With(issues...)
}

// partyVersion reads a version of a party of the class of the reference.
func (s *Service) partyVersion(ctx context.Context, p *access.Profile, ref VersionRef) (Version, error) {
	v, err := s.store.Version(ctx, p, Demographics, KindParty, ref)
	if err != nil || ref.Class == "" {
		return v, err
	}
	class, err := s.classOf(ctx, p, v)
	if err == nil && class != ref.Class {
		err = fault.New(fault.NotFound, "party-unknown", "no such %s", ref.Class)
	}
	return v, err
}

// classOf is the class of a version of a party: that of its content, for a
// deletion that of what it deleted.
func (s *Service) classOf(ctx context.Context, p *access.Profile, v Version) (string, error) {
	for v.Doc == nil && v.Preceding != "" {
		before, err := s.store.Version(ctx, p, Demographics, KindParty, VersionRef{VersionUID: v.Preceding})
		if err != nil {
			return "", err
		}
		v = before
	}
	return gjson.GetBytes(v.Doc, "_type").String(), nil
}

// showParty reads one version and audits it.
func (s *Service) showParty(ctx context.Context, caller Caller, ref VersionRef) (Version, error) {
	event := Event{Action: "R", EHR: Demographics, Object: or(ref.VersionUID, ref.Object)}
	p, err := s.demographic(ctx, caller, event)
	if err != nil {
		return Version{}, err
	}
	v, err := s.partyVersion(ctx, p, ref)
	if err != nil {
		return Version{}, s.missed(ctx, caller, p, event, err)
	}
	return v, s.read(ctx, caller, p, Demographics, v.UID, v.Family)
}

// Party reads a party; a deleted one has no JSON.
func (s *Service) Party(ctx context.Context, caller Caller, ref VersionRef) (Document, error) {
	v, err := s.showParty(ctx, caller, ref)
	if err != nil {
		return Document{}, err
	}
	return document(v), nil
}

// PartyVersion is an ORIGINAL_VERSION with the party inside, also where that is
// deleted.
func (s *Service) PartyVersion(ctx context.Context, caller Caller, ref VersionRef) (Document, error) {
	v, err := s.showParty(ctx, caller, ref)
	if err != nil {
		return Document{}, err
	}
	d := document(v)
	d.JSON = originalVersion(v)
	return d, nil
}

// VersionedParty is the VERSIONED_PARTY; its owner is this system.
func (s *Service) VersionedParty(ctx context.Context, caller Caller, object string) (Versioned, error) {
	p, list, err := s.partyHistory(ctx, caller, object)
	if err != nil {
		return Versioned{}, err
	}
	owner := `{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":` + string(quoted(s.systemID)) + `},"namespace":"local","type":"SYSTEM"}`
	all := versionedOf(list, owner)
	all.Withheld = s.withheld(ctx, p)
	return all, nil
}

// PartyHistory is the REVISION_HISTORY as canonical JSON.
func (s *Service) PartyHistory(ctx context.Context, caller Caller, object string) ([]byte, error) {
	_, list, err := s.partyHistory(ctx, caller, object)
	if err != nil {
		return nil, err
	}
	return revisionHistory(list), nil
}

func (s *Service) partyHistory(ctx context.Context, caller Caller, object string) (*access.Profile, []Version, error) {
	id, ok := objectUID(object)
	if !ok {
		return nil, nil, s.malformed("versioned_object_uid", "a UUID")
	}
	event := Event{Action: "R", EHR: Demographics, Object: id}
	p, err := s.demographic(ctx, caller, event)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.store.History(ctx, p, Demographics, KindParty, id)
	if err != nil {
		return nil, nil, s.missed(ctx, caller, p, event, err)
	}
	return p, list, s.read(ctx, caller, p, Demographics, id, list[0].Family)
}

// PartyTags lists the tags on parties that the caller may see, as canonical JSON.
func (s *Service) PartyTags(ctx context.Context, caller Caller, q TagQuery) ([]byte, error) {
	p, err := s.demographic(ctx, caller, Event{Action: "R", EHR: Demographics, Object: "tags"})
	if err != nil {
		return nil, err
	}
	q.EHR = Demographics
	list, err := s.store.Tags(ctx, p, q)
	if err != nil {
		return nil, err
	}
	return s.tagsJSON(Demographics, list), s.read(ctx, caller, p, Demographics, "tags", 0)
}
