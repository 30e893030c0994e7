package cdr

import (
	"context"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// defaultStatus is the EHR_STATUS of an EHR made without one (RM 1.1.0, EHR, EHR
// Creation).
const defaultStatus = `{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1",` +
	`"name":{"_type":"DV_TEXT","value":"EHR Status"},` +
	`"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-EHR-EHR_STATUS.generic.v1"},"rm_version":"1.1.0"},` +
	`"subject":{"_type":"PARTY_SELF"},"is_queryable":true,"is_modifiable":true}`

// Status reads the EHR_STATUS; an empty ref means the latest.
func (s *Service) Status(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	v, err := s.show(ctx, caller, ehr, KindStatus, ref)
	if err != nil {
		return Document{}, err
	}
	return document(v), nil
}

// UpdateStatus commits a new EHR_STATUS over the version ifMatch names. It is
// possible whatever is_modifiable says: it is the only way back.
func (s *Service) UpdateStatus(ctx context.Context, caller Caller, ehr, ifMatch string, content Content, info CommitInfo) (Document, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Document{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return Document{}, err
	}
	stored, err := s.store.EHR(ctx, p, ehr)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "U", EHR: ehr}, err)
	}
	preceding, err := s.matched(ctx, p, ehr, KindStatus, stored.StatusID, ifMatch)
	if err != nil {
		return Document{}, s.missed(ctx, caller, p, Event{Action: "U", EHR: ehr, Object: stored.StatusID}, err)
	}
	d, err := s.modified(caller, info)
	if err != nil {
		return Document{}, err
	}
	v, err := s.status(content, d)
	if err != nil {
		return Document{}, err
	}
	v.Object, v.Preceding = stored.StatusID, preceding
	return s.commit(ctx, caller, p, change{action: "U", ehr: ehr, version: v, details: d, info: info})
}

// status reads and validates an EHR_STATUS.
func (s *Service) status(content Content, d details) (NewVersion, error) {
	t, err := s.tree(content, rminfo.EHR_STATUS, d.lifecycle)
	if err != nil {
		return NewVersion{}, err
	}
	if err := s.check(t, nil, d.lifecycle); err != nil {
		return NewVersion{}, err
	}
	facts, err := s.statusFacts(t)
	if err != nil {
		return NewVersion{}, err
	}
	return NewVersion{Kind: KindStatus, Tree: t, Status: facts}, nil
}

func (s *Service) statusFacts(t *rm.Tree) (*StatusFacts, error) {
	root := t.Root()
	f := &StatusFacts{
		IsQueryable:  t.TextAt(root, rminfo.A_is_queryable) == "true",
		IsModifiable: t.TextAt(root, rminfo.A_is_modifiable) == "true",
	}
	ref := t.Find(root, rminfo.A_subject, rminfo.A_external_ref)
	if ref == rm.None {
		return f, nil
	}
	f.SubjectNamespace = t.TextAt(ref, rminfo.A_namespace)
	id := t.TextAt(ref, rminfo.A_id, rminfo.A_value)
	if f.SubjectNamespace == "" || id == "" {
		return nil, fault.New(fault.Invalid, "subject-empty", "the subject's reference has no id or no namespace").
			With(fault.Issue{Path: "/subject/external_ref", AQLPath: "/subject/external_ref", Rule: "subject-empty", Expected: "id and namespace", Message: "id or namespace is empty"})
	}
	var err error
	f.SubjectID, err = s.subject(f.SubjectNamespace, id)
	return f, err
}

// subject normalises the id of a subject (DESIGN 5a rule 10). An NHS number
// with a wrong check digit is nobody's; all other ids count byte for byte.
func (s *Service) subject(namespace, id string) (string, error) {
	if !slices.Contains(s.nhs, namespace) {
		return id, nil
	}
	digits := strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(id)
	if !nhsNumber(digits) {
		return "", fault.New(fault.Unprocessable, "nhs-number", "the subject's id is no valid NHS number")
	}
	return digits, nil
}

// nhsNumber checks ten digits by the modulus 11 algorithm.
func nhsNumber(s string) bool {
	if len(s) != 10 {
		return false
	}
	sum := 0
	for i := range 10 {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		if i < 9 {
			sum += int(s[i]-'0') * (10 - i)
		}
	}
	check := (11 - sum%11) % 11
	return check != 10 && check == int(s[9]-'0')
}

// VersionedStatus is the VERSIONED_EHR_STATUS.
func (s *Service) VersionedStatus(ctx context.Context, caller Caller, ehr string) (Versioned, error) {
	_, list, err := s.history(ctx, caller, ehr, KindStatus, "")
	if err != nil {
		return Versioned{}, err
	}
	return versioned(list), nil
}

// StatusVersion is an ORIGINAL_VERSION of the EHR_STATUS: the JSON of the
// document is the version with its content inside.
func (s *Service) StatusVersion(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	v, err := s.show(ctx, caller, ehr, KindStatus, ref)
	if err != nil {
		return Document{}, err
	}
	d := document(v)
	d.JSON = originalVersion(v)
	return d, nil
}

// StatusHistory is the REVISION_HISTORY of the EHR_STATUS as canonical JSON.
func (s *Service) StatusHistory(ctx context.Context, caller Caller, ehr string) ([]byte, error) {
	_, list, err := s.history(ctx, caller, ehr, KindStatus, "")
	if err != nil {
		return nil, err
	}
	return revisionHistory(list), nil
}
