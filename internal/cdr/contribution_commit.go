package cdr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

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

// CommitContribution commits compositions and EHR_STATUS together: all or none.
func (s *Service) CommitContribution(ctx context.Context, caller Caller, ehr string, body []byte) (ContributionView, error) {
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
	if len(c.Versions) == 0 {
		return ContributionView{}, fault.New(s.manners.EmptyContribution, "versions-empty", "Versions must not be empty")
	}
	batch := Commit{Profile: p, EHR: ehr, ID: newUID(), SystemID: s.systemID, Organisation: caller.Organisation}
	if c.UID != nil && c.UID.Value != "" {
		id, ok := objectUID(c.UID.Value)
		if !ok {
			return ContributionView{}, fault.New(fault.Invalid, "malformed-contribution-uid", "the uid of the contribution is not a UUID")
		}
		batch.ID = id
	}
	if c.Audit == nil || c.Audit.Change.code() == "" {
		return ContributionView{}, fault.New(fault.Invalid, "change-type", "the audit of a contribution names its change_type")
	}
	whole, err := s.details(caller, c.Audit.info(""), Creation)
	if err != nil {
		return ContributionView{}, err
	}
	batch.ChangeType, batch.AuditDetails = whole.change, whole.audit
	if batch.Versions, err = s.members(ctx, caller, p, ehr, c); err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, Event{Action: "C", EHR: ehr, Object: batch.ID}, err)
	}
	batch.Event = s.event(caller, p, Event{Action: "C", EHR: ehr, Object: batch.ID})
	done, err := s.store.Commit(ctx, batch)
	if err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, Event{Action: "C", EHR: ehr, Object: batch.ID}, err)
	}
	stored := StoredContribution{ID: done.Contribution, Committed: done.Committed, AuditDetails: batch.AuditDetails}
	for _, v := range batch.Versions {
		stored.Versions = append(stored.Versions, Version{UID: following(v, s.systemID).String(), Kind: v.Kind})
	}
	return contributionView(stored), nil
}

// following is the uid of a new version.
func following(v NewVersion, system string) VersionUID {
	uid := VersionUID{Object: v.Object, System: system, Number: 1}
	if old, ok := ParseVersionUID(v.Preceding); ok {
		uid.Number = old.Number + 1
	}
	return uid
}

// members reads, validates and seals every version.
func (s *Service) members(ctx context.Context, caller Caller, p *access.Profile, ehr string, c updateContribution) ([]NewVersion, error) {
	var list []NewVersion
	seen := map[string]bool{}
	for i := range c.Versions {
		v, err := s.member(ctx, caller, p, ehr, &c.Versions[i], c.Audit)
		if err != nil {
			f := fault.Of(err)
			if f.Kind == fault.Unprocessable {
				f.Kind = s.manners.ContributionContent
			}
			return nil, f
		}
		if seen[v.Object] {
			return nil, fault.New(fault.Invalid, "object-twice", "two versions of one contribution address the same object")
		}
		seen[v.Object] = true
		list = append(list, v)
	}
	return list, nil
}

func (s *Service) member(ctx context.Context, caller Caller, p *access.Profile, ehr string, u *updateVersion, whole *updateAudit) (NewVersion, error) {
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
		audit = whole
	}
	info := audit.info(u.Lifecycle.code())
	if len(info.Committer) == 0 {
		info.Committer = whole.info("").Committer
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
	var v NewVersion
	var d details
	switch {
	case change == ChangeDeleted:
		v, d, err = s.deletion(caller, content, info)
	case preceding == "":
		v, d, err = s.firstMember(ctx, caller, p, content, info)
	default:
		v, d, err = s.nextMember(ctx, caller, p, content, info)
	}
	if err != nil {
		return NewVersion{}, err
	}
	if change == ChangeDeleted || preceding != "" {
		old, ok := ParseVersionUID(preceding)
		if !ok {
			return NewVersion{}, fault.New(fault.Invalid, "preceding-form", "preceding_version_uid is not a valid OBJECT_VERSION_ID/UID")
		}
		v.Object, v.Preceding = old.Object, preceding
	}
	v.Lifecycle, v.ChangeType, v.AuditDetails = d.lifecycle, d.change, d.audit
	if v.Tree != nil {
		v.Tree, v.Doc, err = seal(v.Tree, following(v, s.systemID))
	}
	return v, err
}

// deletion is a member without content.
func (s *Service) deletion(caller Caller, content Content, info CommitInfo) (NewVersion, details, error) {
	if content.JSON != nil && !s.manners.LaxMembers {
		return NewVersion{}, details{}, fault.New(fault.Unprocessable, "deletion-data", "a deletion has no data")
	}
	d, err := s.removed(caller, info)
	return NewVersion{Kind: KindComposition}, d, err
}

func (s *Service) firstMember(ctx context.Context, caller Caller, p *access.Profile, content Content, info CommitInfo) (NewVersion, details, error) {
	d, err := s.created(caller, info)
	if err != nil {
		return NewVersion{}, d, err
	}
	if kind := memberKind(content.JSON); kind != KindComposition {
		return NewVersion{}, d, unsupportedMember(kind)
	}
	v, err := s.composition(ctx, p, content, d, info)
	if err != nil {
		return NewVersion{}, d, err
	}
	v.Object = or(bodyObject(v.Tree), newUID())
	v.Persistent = s.manners.OnePersistent && persistent(v.Tree)
	return v, d, nil
}

func (s *Service) nextMember(ctx context.Context, caller Caller, p *access.Profile, content Content, info CommitInfo) (NewVersion, details, error) {
	d, err := s.modified(caller, info)
	if err != nil {
		return NewVersion{}, d, err
	}
	switch kind := memberKind(content.JSON); kind {
	case KindComposition:
		v, err := s.composition(ctx, p, content, d, info)
		return v, d, err
	case KindStatus:
		v, err := s.status(content, d)
		return v, d, err
	default:
		return NewVersion{}, d, unsupportedMember(kind)
	}
}

// memberKind looks at the class a document names; 0 for none of ours.
func memberKind(data []byte) Kind {
	var head struct {
		Type string `json:"_type"`
	}
	if json.Unmarshal(data, &head) != nil {
		return 0
	}
	for _, k := range []Kind{KindComposition, KindStatus, KindFolder} {
		if head.Type == k.Class() {
			return k
		}
	}
	return 0
}

func unsupportedMember(kind Kind) error {
	switch kind {
	case KindFolder:
		return fault.New(fault.NotImplemented, "folder-member", "a FOLDER is not committed by a contribution yet")
	case KindStatus:
		return fault.New(fault.Conflict, "status-exists", "the EHR has its EHR_STATUS; a contribution modifies it")
	}
	return fault.New(fault.Invalid, "member-data", "the data of a member is a COMPOSITION or an EHR_STATUS")
}
