package cdr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// updateContribution is the relaxed CONTRIBUTION that clients send (ITS-REST
// 1.1, EHR API, CONTRIBUTION): versions come with their content.
type updateContribution struct {
	Type     string          `json:"_type"`
	UID      *valued         `json:"uid"`
	Versions []updateVersion `json:"versions"`
	Audit    *updateAudit    `json:"audit"`
}

type updateVersion struct {
	Type         string          `json:"_type"`
	Preceding    *valued         `json:"preceding_version_uid"`
	Signature    string          `json:"signature"`
	Lifecycle    *coded          `json:"lifecycle_state"`
	Attestations json.RawMessage `json:"attestations"`
	Data         json.RawMessage `json:"data"`
	Audit        *updateAudit    `json:"commit_audit"`
	// The server gives a version its uid and its contribution.
	UID          json.RawMessage `json:"uid"`
	Contribution json.RawMessage `json:"contribution"`
}

type updateAudit struct {
	Type string `json:"_type"`
	// The system and the time are the server's, whatever is sent.
	SystemID  json.RawMessage `json:"system_id"`
	Committed json.RawMessage `json:"time_committed"`
	Change    *coded          `json:"change_type"`
	// Description is a DV_TEXT or its text.
	Description json.RawMessage `json:"description"`
	Committer   json.RawMessage `json:"committer"`
}

type valued struct {
	Type  string `json:"_type"`
	Value string `json:"value"`
}

// coded is a DV_CODED_TEXT or a TERMINOLOGY_CODE.
type coded struct {
	Defining *struct {
		Code string `json:"code_string"`
	} `json:"defining_code"`
	Code  string `json:"code_string"`
	Value string `json:"value"`
}

// UnmarshalJSON reads the members that matter and none else.
func (c *coded) UnmarshalJSON(b []byte) error {
	type plain coded
	return json.Unmarshal(b, (*plain)(c))
}

func (c *coded) code() string {
	switch {
	case c == nil:
		return ""
	case c.Defining != nil:
		return c.Defining.Code
	}
	return or(c.Code, c.Value)
}

// info is what an audit says of a commit.
func (a *updateAudit) info(lifecycle string) CommitInfo {
	info := CommitInfo{Lifecycle: lifecycle}
	if a == nil {
		return info
	}
	info.ChangeType = a.Change.code()
	if len(a.Committer) > 0 && string(a.Committer) != "null" {
		info.Committer = a.Committer
	}
	var text valued
	if json.Unmarshal(a.Description, &text) == nil {
		info.Description = text.Value
	} else {
		// A description that is neither is none.
		_ = json.Unmarshal(a.Description, &info.Description)
	}
	return info
}

func readContribution(body []byte) (updateContribution, error) {
	var c updateContribution
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(&c)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more text follows")
		}
	}
	if err != nil {
		return c, fault.New(fault.Invalid, "contribution-form", "the body is no CONTRIBUTION").Because(err)
	}
	if c.Type != "" && c.Type != "CONTRIBUTION" {
		return c, fault.New(fault.Invalid, "contribution-form", "the body is no CONTRIBUTION")
	}
	return c, nil
}

// maxMembers is the limit of versions in one contribution.
const maxMembers = 1000

// CommitContribution commits any mix of compositions, EHR_STATUS and FOLDER: all
// or none. A key seen before gives the contribution it made then. inline
// puts the versions themselves in the place of references to them.
func (s *Service) CommitContribution(ctx context.Context, caller Caller, ehr string, body []byte, key string, inline bool) (ContributionView, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return ContributionView{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return ContributionView{}, err
	}
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
		batch.Idempotency = &Idempotency{Key: key, Request: sum[:]}
	}
	event := Event{Action: "C", EHR: ehr, Object: batch.ID}
	reading := members{service: s, ctx: ctx, caller: caller, profile: p, ehr: ehr, whole: c.Audit}
	if batch.Versions, err = reading.read(c.Versions); err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, event, err)
	}
	batch.Event = s.event(caller, p, event)
	done, err := s.store.Commit(ctx, batch)
	if err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, event, err)
	}
	if done.Repeated != "" {
		return s.contributionAgain(ctx, caller, p, ehr, batch.Versions[0].Kind, done.Repeated, inline)
	}
	if inline {
		return s.contribution(ctx, p, ehr, done.Contribution, true)
	}
	stored := StoredContribution{ID: done.Contribution, Committed: done.Committed, AuditDetails: batch.AuditDetails}
	for _, v := range batch.Versions {
		stored.Versions = append(stored.Versions, Version{UID: following(v, s.systemID).String(), Kind: v.Kind})
	}
	return contributionView(stored, false), nil
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
	return s.details(caller, c.Audit.info(""), Creation)
}

// contributionAgain is the answer to a repeated request.
func (s *Service) contributionAgain(ctx context.Context, caller Caller, p *access.Profile, ehr string, kind Kind, uid string, inline bool) (ContributionView, error) {
	v, err := s.store.Version(ctx, p, ehr, kind, VersionRef{VersionUID: uid})
	if err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: uid}, err)
	}
	view, err := s.contribution(ctx, p, ehr, v.Contribution, inline)
	if err != nil {
		return ContributionView{}, err
	}
	view.Repeated = true
	return view, s.read(ctx, caller, p, ehr, view.ID, 0)
}

// following is the uid of a new version.
func following(v NewVersion, system string) VersionUID {
	uid := VersionUID{Object: v.Object, System: system, Number: 1}
	if old, ok := ParseVersionUID(v.Preceding); ok {
		uid.Number = old.Number + 1
	}
	return uid
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
}

// read validates and seals every version. Directories come last, since they may
// refer to what the others make.
func (m *members) read(updates []updateVersion) ([]NewVersion, error) {
	list := make([]NewVersion, len(updates))
	m.beside = map[string]bool{}
	for _, folders := range []bool{false, true} {
		for i := range updates {
			if (memberKind(updates[i].Data) == KindFolder) != folders {
				continue
			}
			v, err := m.member(&updates[i])
			if err != nil {
				f := fault.Of(err)
				if f.Kind == fault.Unprocessable {
					f.Kind = m.service.manners.ContributionContent
				}
				return nil, f
			}
			if m.beside[v.Object] {
				return nil, fault.New(fault.Invalid, "object-twice", "two versions of one contribution address the same object")
			}
			m.beside[v.Object] = true
			list[i] = v
		}
	}
	return list, nil
}

func (m *members) member(u *updateVersion) (NewVersion, error) {
	s := m.service
	switch {
	case u.Type != "" && u.Type != "ORIGINAL_VERSION" && u.Type != "UPDATE_VERSION":
		return NewVersion{}, fault.New(fault.Invalid, "version-form", "a member is an ORIGINAL_VERSION or an UPDATE_VERSION")
	case u.UID != nil && !s.manners.LaxMembers:
		return NewVersion{}, fault.New(fault.Invalid, "version-form", "a member has no uid; the server gives it one")
	case u.Lifecycle.code() == "":
		return NewVersion{}, fault.New(fault.Invalid, "lifecycle-missing", "a member names its lifecycle_state")
	case len(u.Attestations) > 0 && string(u.Attestations) != "null":
		return NewVersion{}, fault.New(fault.NotImplemented, "attestations", "attestations are not committed by a contribution yet")
	}
	audit := u.Audit
	if audit == nil {
		audit = m.whole
	}
	info := audit.info(u.Lifecycle.code())
	if len(info.Committer) == 0 {
		info.Committer = m.whole.info("").Committer
	}
	content := Content{JSON: u.Data}
	if string(u.Data) == "null" {
		content.JSON = nil
	}
	preceding := ""
	if u.Preceding != nil {
		preceding = u.Preceding.Value
	}
	change, err := ChangeTypeCode(info.ChangeType, Creation)
	if err != nil {
		return NewVersion{}, err
	}
	old, ok := ParseVersionUID(preceding)
	if !ok && (change == ChangeDeleted || preceding != "") {
		return NewVersion{}, fault.New(fault.Invalid, "preceding-form", "preceding_version_uid is not a valid OBJECT_VERSION_ID/UID")
	}
	var v NewVersion
	var d details
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
	if v.Tree != nil {
		v.Tree, v.Doc, err = seal(v.Tree, following(v, s.systemID))
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

// parties are demographic and belong to no EHR.
var parties = []string{"AGENT", "GROUP", "ORGANISATION", "PERSON", "ROLE", "PARTY_RELATIONSHIP"}

func unsupportedMember(kind Kind, data []byte) error {
	switch {
	case kind == KindStatus:
		return fault.New(fault.Conflict, "status-exists", "the EHR has its EHR_STATUS; a contribution modifies it")
	case slices.Contains(parties, memberClass(data)):
		return fault.New(fault.Unprocessable, "member-class", "a party belongs to no EHR")
	}
	return fault.New(fault.Invalid, "member-data", "the data of a member is a COMPOSITION, an EHR_STATUS or a FOLDER")
}
