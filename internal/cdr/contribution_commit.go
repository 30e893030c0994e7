package cdr

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// maxMembers is the limit of versions in one contribution.
const maxMembers = 1000

// CommitContribution commits any mix of compositions, EHR_STATUS and FOLDER, and
// attestations of versions: all or none. A key seen before gives the contribution
// it made then. inline puts the versions themselves in the place of references
// to them.
func (s *Service) CommitContribution(ctx context.Context, caller Caller, ehr string, body []byte, key string, inline bool) (ContributionView, error) {
	return s.contribute(ctx, caller, ehr, body, key, inline, members{})
}

// CommitContributionBy is CommitContribution with every composition in it judged
// by the named version of its template.
func (s *Service) CommitContributionBy(ctx context.Context, caller Caller, ehr string, body []byte, version, key string, inline bool) (ContributionView, error) {
	return s.contribute(ctx, caller, ehr, body, key, inline, members{templateVersion: version})
}

// ImportContribution is CommitContribution for a client that means to bring in
// versions of other systems: members may be IMPORTED_VERSIONs. Who does not say
// so is refused (ITS-REST 1.1 has no import by contribution), since what is
// imported speaks for others than the committer.
func (s *Service) ImportContribution(ctx context.Context, caller Caller, ehr string, body []byte, key string, inline bool) (ContributionView, error) {
	return s.contribute(ctx, caller, ehr, body, key, inline, members{imports: true})
}

func (s *Service) contribute(ctx context.Context, caller Caller, ehr string, body []byte, key string, inline bool, reading members) (ContributionView, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return ContributionView{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return ContributionView{}, err
	}
	return s.commitAll(ctx, caller, p, ehr, body, key, inline, reading)
}

// commitAll is CommitContribution for a profile that may write there; the owner
// is an EHR, or Demographics. What the caller says of the members stands in
// reading.
func (s *Service) commitAll(ctx context.Context, caller Caller, p *access.Profile, ehr string, body []byte, key string, inline bool, reading members) (ContributionView, error) {
	c, err := readContribution(body)
	if err != nil {
		return ContributionView{}, err
	}
	batch := Commit{Profile: p, EHR: ehr, ID: newUID(), SystemID: s.systemID, Organisation: caller.Organisation}
	if c.UID != nil && c.UID.Value != "" {
		id, ok := objectUID(c.UID.Value)
		if !ok {
			return ContributionView{}, fault.New(fault.Invalid, "malformed-contribution-uid", "the uid of the contribution is not a UUID")
		}
		batch.ID = id
	}
	whole, err := s.envelope(caller, c)
	if err != nil {
		return ContributionView{}, err
	}
	batch.ChangeType, batch.AuditDetails = whole.change, whole.audit
	if key != "" {
		sum := sha256.Sum256(append([]byte(ehr), body...))
		batch.Idempotency = &Idempotency{Key: key, Request: sum[:], Answer: batch.ID}
	}
	event := Event{Action: "C", EHR: ehr, Object: batch.ID}
	reading.service, reading.ctx, reading.caller, reading.profile, reading.ehr, reading.whole = s, ctx, caller, p, ehr, c.Audit
	if batch.Versions, err = reading.read(c.Versions); err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, event, err)
	}
	batch.Attested = reading.attested
	if batch.Profile, err = changing(p, batch.Versions, batch.Attested); err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, event, err)
	}
	batch.Event = s.event(caller, p, event)
	done, err := s.store.Commit(ctx, batch)
	if err != nil {
		err = s.missed(ctx, caller, p, event, err)
		if f := fault.Of(err); f.Code == "version-unknown" {
			// The contribution's resource is there; what a member builds on is not.
			err = fault.New(fault.Precondition, f.Code, "a preceding_version_uid names no version of this record").Because(err)
		}
		return ContributionView{}, err
	}
	if done.Repeated != "" {
		return s.contributionAgain(ctx, caller, p, ehr, done.Repeated, inline)
	}
	if inline || ehr == Demographics {
		view, err := s.contribution(ctx, p, ehr, done.Contribution, inline)
		view.Warnings = remarks(batch.Versions)
		return view, err
	}
	stored := StoredContribution{ID: done.Contribution, Committed: done.Committed, AuditDetails: batch.AuditDetails}
	var classes []string
	for _, v := range batch.Versions {
		stored.Versions, classes = append(stored.Versions, Version{UID: v.UID(s.systemID).String()}), append(classes, v.Kind.Class())
	}
	for _, a := range batch.Attested {
		stored.Versions, classes = append(stored.Versions, Version{UID: a.Version.String()}), append(classes, a.Kind.Class())
	}
	view := contributionView(stored, classes)
	view.Warnings = remarks(batch.Versions)
	return view, nil
}

// envelope judges what a contribution says of itself.
func (s *Service) envelope(caller Caller, c updateContribution) (details, error) {
	switch {
	case len(c.Versions) == 0:
		return details{}, fault.New(s.manners.EmptyContribution, "versions-empty", "Versions must not be empty")
	case len(c.Versions) > maxMembers:
		return details{}, fault.New(fault.Invalid, "versions-many", "the contribution has %d versions; the limit is %d", len(c.Versions), maxMembers)
	case c.Audit == nil || c.Audit.Change.code() == "":
		return details{}, fault.New(fault.Invalid, "change-type", "the audit of a contribution names its change_type")
	}
	info, err := c.Audit.info("")
	if err != nil {
		return details{}, err
	}
	return s.details(caller, info, Creation)
}

// contributionAgain is the answer to a repeated request.
func (s *Service) contributionAgain(ctx context.Context, caller Caller, p *access.Profile, ehr, id string, inline bool) (ContributionView, error) {
	view, err := s.contribution(ctx, p, ehr, id, inline)
	if err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: id}, err)
	}
	view.Repeated = true
	return view, s.read(ctx, caller, p, ehr, view.ID, 0)
}

// members reads the versions of one contribution.
type members struct {
	service *Service
	ctx     context.Context
	caller  Caller
	profile *access.Profile
	ehr     string
	whole   *updateAudit
	// beside are the objects of those read so far.
	beside map[string]bool
	// stored is the EHR, once it was asked for.
	stored *StoredEHR
	// imports allows members that are IMPORTED_VERSIONs.
	imports bool
	// templateVersion is the version of their templates that judges compositions;
	// "" is the one in use.
	templateVersion string
	// attested are the attestations of versions that are there already.
	attested []Attested
}

// read validates and seals every version. Directories come last, since they may
// refer to what the others make.
func (m *members) read(updates []updateVersion) ([]NewVersion, error) {
	made := make([]*NewVersion, len(updates))
	m.beside = map[string]bool{}
	for _, folders := range []bool{false, true} {
		for i := range updates {
			if (memberKind(updates[i].Data) == KindFolder) != folders {
				continue
			}
			v, err := m.member(&updates[i])
			if err != nil {
				return nil, m.refused(err, i, len(updates))
			}
			if v == nil {
				continue
			}
			if m.beside[v.Object] {
				return nil, fault.New(fault.Invalid, "object-twice", "two versions of one contribution address the same object")
			}
			m.beside[v.Object] = true
			located(v.Warnings, i)
			made[i] = v
		}
	}
	list := make([]NewVersion, 0, len(updates))
	for _, v := range made {
		if v != nil {
			list = append(list, *v)
		}
	}
	return list, nil
}

// located names the member that issues are about, counted from 1 like every
// position in a path.
func located(issues []fault.Issue, member int) {
	for i := range issues {
		issues[i].Path = memberPath(member) + strings.TrimSuffix(issues[i].Path, "/")
	}
}

func memberPath(member int) string { return "/versions[" + strconv.Itoa(member+1) + "]/data" }

// refused tells which of several members is at fault.
func (m *members) refused(err error, at, of int) error {
	f := fault.Of(err)
	if f.Kind == fault.Unprocessable {
		f.Kind = m.service.manners.ContributionContent
	}
	located(f.Issues, at)
	if of > 1 && f.Kind != fault.Internal && f.Kind != fault.Unavailable {
		f.Message = "versions[" + strconv.Itoa(at+1) + "]: " + f.Message
	}
	return f
}

// member reads one version to commit; nil where it attests one that is there.
func (m *members) member(u *updateVersion) (*NewVersion, error) {
	s := m.service
	if u.Type == "IMPORTED_VERSION" && m.imports {
		v, err := m.imported(u)
		return &v, err
	}
	switch {
	case u.Type == "IMPORTED_VERSION":
		return nil, fault.New(fault.Invalid, "version-form", "an IMPORTED_VERSION is committed only by a request that says import=true")
	case u.Type != "" && u.Type != "ORIGINAL_VERSION" && u.Type != "UPDATE_VERSION":
		return nil, fault.New(fault.Invalid, "version-form", "a member is an ORIGINAL_VERSION or an UPDATE_VERSION")
	case given(u.UID) && !s.manners.LaxMembers:
		return nil, fault.New(fault.Invalid, "version-form", "a member has no uid; the server gives it one")
	case given(u.Item):
		return nil, fault.New(fault.Invalid, "version-form", "only an IMPORTED_VERSION has an item")
	case given(u.OtherInputs):
		return nil, fault.New(fault.Invalid, "version-form", "other_input_version_uids are written by a merge and not by a client")
	}
	audit := u.Audit
	if audit == nil {
		audit = m.whole
	}
	info, err := audit.info(u.Lifecycle.code())
	if err != nil {
		return nil, err
	}
	if len(info.Committer) == 0 && given(m.whole.Committer) {
		info.Committer = m.whole.Committer
	}
	info.TemplateVersion = m.templateVersion
	change, err := ChangeTypeCode(info.ChangeType, Creation)
	if err != nil {
		return nil, err
	}
	if change == Attestation {
		return nil, m.attest(u, audit, info)
	}
	if u.Lifecycle.code() == "" {
		return nil, fault.New(fault.Invalid, "lifecycle-missing", "a member names its lifecycle_state")
	}
	v, err := m.version(u, change, info)
	return &v, err
}

// version reads a member that makes a new version.
func (m *members) version(u *updateVersion, change string, info CommitInfo) (NewVersion, error) {
	s := m.service
	content := Content{}
	if given(u.Data) {
		content.JSON = u.Data
	}
	preceding := ""
	if u.Preceding != nil {
		preceding = u.Preceding.Value
	}
	old, ok := ParseVersionUID(preceding)
	if !ok && (change == ChangeDeleted || preceding != "") {
		return NewVersion{}, fault.New(fault.Invalid, "preceding-form", "preceding_version_uid is not a valid OBJECT_VERSION_ID/UID")
	}
	if ok && old.Number == 0 {
		return NewVersion{}, branched(preceding)
	}
	var v NewVersion
	var d details
	var err error
	switch {
	case change == ChangeDeleted:
		v, d, err = m.deletion(old, content, info)
	case preceding == "":
		v, d, err = m.first(content, info)
	default:
		v, d, err = m.next(preceding, content, info)
	}
	if err != nil {
		return NewVersion{}, err
	}
	if preceding != "" {
		v.Object, v.Preceding = old.Object, preceding
	}
	v.Lifecycle, v.ChangeType, v.AuditDetails = d.lifecycle, d.change, d.audit
	if v.Signature = u.Signature; v.Signature != "" {
		if err := checkSignature(v.Signature); err != nil {
			return NewVersion{}, err
		}
	}
	if v.Attestations, err = m.attestations(u.Attestations, info); err != nil {
		return NewVersion{}, err
	}
	if v.Tree != nil {
		v.Tree, v.Doc, err = seal(v.Tree, v.UID(s.systemID))
	}
	return v, err
}

// deletion is a member without content: of the directory or a composition.
func (m *members) deletion(old VersionUID, content Content, info CommitInfo) (NewVersion, details, error) {
	s := m.service
	if content.JSON != nil && !s.manners.LaxMembers {
		return NewVersion{}, details{}, fault.New(fault.Unprocessable, "deletion-data", "a deletion has no data")
	}
	d, err := s.removed(m.caller, info)
	if err != nil {
		return NewVersion{}, d, err
	}
	if m.ehr == Demographics {
		return NewVersion{Kind: KindParty}, d, nil
	}
	if m.stored == nil {
		e, err := s.store.EHR(m.ctx, m.profile, m.ehr)
		if err != nil {
			return NewVersion{}, d, err
		}
		m.stored = &e
	}
	switch old.Object {
	case m.stored.StatusID:
		return NewVersion{}, d, fault.New(fault.Invalid, "status-deletion", "the EHR_STATUS of an EHR cannot be deleted")
	case m.stored.DirectoryID:
		err := s.mayDeleteFolder(m.ctx, m.profile, m.ehr, old.String())
		return NewVersion{Kind: KindFolder}, d, err
	}
	return NewVersion{Kind: KindComposition}, d, nil
}

func (m *members) first(content Content, info CommitInfo) (NewVersion, details, error) {
	s := m.service
	d, err := s.created(m.caller, info)
	if err != nil {
		return NewVersion{}, d, err
	}
	if m.ehr == Demographics {
		v, err := s.firstParty(m.ctx, m.profile, memberClass(content.JSON), content, d, info)
		return v, d, err
	}
	switch kind := memberKind(content.JSON); kind {
	case KindComposition:
		v, err := s.composition(m.ctx, m.profile, content, d, info)
		if err != nil {
			return NewVersion{}, d, err
		}
		v.Object = or(bodyObject(v.Tree), newUID())
		v.Persistent = s.manners.OnePersistent && persistent(v.Tree)
		return v, d, nil
	case KindFolder:
		v, err := s.folder(m.ctx, m.profile, m.ehr, content, d, "", m.beside)
		return v, d, err
	default:
		return NewVersion{}, d, unsupportedMember(kind, content.JSON)
	}
}

func (m *members) next(preceding string, content Content, info CommitInfo) (NewVersion, details, error) {
	s := m.service
	d, err := s.modified(m.caller, info)
	if err != nil {
		return NewVersion{}, d, err
	}
	if m.ehr == Demographics {
		v, err := m.nextParty(preceding, content, d, info)
		return v, d, err
	}
	switch kind := memberKind(content.JSON); kind {
	case KindComposition:
		v, err := s.composition(m.ctx, m.profile, content, d, info)
		return v, d, err
	case KindStatus:
		v, err := s.status(content, d)
		return v, d, err
	case KindFolder:
		v, err := s.folder(m.ctx, m.profile, m.ehr, content, d, preceding, m.beside)
		return v, d, err
	default:
		return NewVersion{}, d, unsupportedMember(kind, content.JSON)
	}
}

// memberKind looks at the class a document names; 0 for none of ours.
func memberKind(data []byte) Kind {
	class := memberClass(data)
	for _, k := range []Kind{KindComposition, KindStatus, KindFolder} {
		if class == k.Class() {
			return k
		}
	}
	return 0
}

// memberClass peeks at the class of a member before it is read as that class.
func memberClass(data []byte) string { return gjson.GetBytes(data, "_type").String() }

func unsupportedMember(kind Kind, data []byte) error {
	switch {
	case kind == KindStatus:
		return fault.New(fault.Conflict, "status-exists", "the EHR has its EHR_STATUS; a contribution modifies it")
	case slices.Contains(PartyClasses, memberClass(data)), memberClass(data) == "PARTY_RELATIONSHIP":
		return fault.New(fault.Unprocessable, "member-class", "a party belongs to no EHR")
	}
	return fault.New(fault.Invalid, "member-data", "the data of a member is a COMPOSITION, an EHR_STATUS or a FOLDER")
}
