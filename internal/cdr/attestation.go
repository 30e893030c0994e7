package cdr

import (
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// checkAttestation judges an ATTESTATION by its class: members, invariants, the
// group of its reason.
func (s *Service) checkAttestation(audit []byte) error {
	t, err := canon.ReadJSON(timed(audit, s.clock.Now()), rminfo.ATTESTATION, canon.ReadOptions{Mandatory: true})
	if err != nil {
		return err
	}
	return s.check(t, nil, Complete)
}

// attestations reads the attestations of a member. What one does not say of its
// committer is as of the commit; its change type is always attestation.
func (m *members) attestations(list []updateAudit, commit CommitInfo) ([][]byte, error) {
	if len(list) > maxMembers {
		return nil, fault.New(fault.Invalid, "attestations-many", "the version has %d attestations; the limit is %d", len(list), maxMembers)
	}
	var out [][]byte
	for i := range list {
		a := &list[i]
		switch a.Type {
		case "":
			a.Type = "ATTESTATION"
		case "ATTESTATION", "UPDATE_ATTESTATION":
		default:
			return nil, fault.New(fault.Unprocessable, "attestation-class", "attestations are of class ATTESTATION or UPDATE_ATTESTATION")
		}
		if _, err := ChangeTypeCode(a.Change.code(), Attestation); err != nil {
			return nil, err
		}
		info, err := a.info("")
		if err != nil {
			return nil, err
		}
		if len(info.Committer) == 0 {
			info.Committer = commit.Committer
		}
		text, err := m.attestation(info)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

func (m *members) attestation(info CommitInfo) ([]byte, error) {
	info.ChangeType, info.Lifecycle = Attestation, ""
	d, err := m.service.details(m.caller, info, Attestation)
	return d.audit, err
}

// attest reads a member that attests a version and makes none (RM 1.1.0, Common,
// Contributions): it names the version and has no content. Its commit audit is
// an attestation itself, or stands beside a list of them.
func (m *members) attest(u *updateVersion, audit *updateAudit, info CommitInfo) error {
	if given(u.Data) {
		return fault.New(fault.Unprocessable, "attestation-data", "an attestation of a version has no data")
	}
	if u.Signature != "" {
		return fault.New(fault.Invalid, "attestation-signature", "an attestation has a proof; the signature belongs to the version")
	}
	if u.Preceding == nil {
		return fault.New(fault.Invalid, "attestation-version", "an attestation names the version it attests as preceding_version_uid")
	}
	uid, ok := ParseVersionUID(u.Preceding.Value)
	if !ok {
		return fault.New(fault.Invalid, "preceding-form", "preceding_version_uid is not a valid OBJECT_VERSION_ID/UID")
	}
	list, err := m.attestations(u.Attestations, info)
	if err != nil {
		return err
	}
	if audit.isAttestation() {
		own, err := m.attestation(info)
		if err != nil {
			return err
		}
		list = append([][]byte{own}, list...)
	}
	if len(list) == 0 {
		return fault.New(fault.Invalid, "attestation-missing", "a member of change type attestation has attestations")
	}
	v, err := m.find(uid)
	if err != nil {
		return err
	}
	if state, err := LifecycleCode(or(u.Lifecycle.code(), v.Lifecycle)); err != nil || state != v.Lifecycle {
		return fault.New(fault.Unprocessable, "attestation-lifecycle", "an attestation does not change the lifecycle state")
	}
	if len(v.Imported) > 0 {
		return fault.New(fault.Conflict, "imported-attestation", "the version was made by another system and is never changed; it is attested there")
	}
	at, _ := ParseVersionUID(v.UID)
	m.attested = append(m.attested, Attested{Kind: v.Kind, Version: at, Attestations: list})
	return nil
}

// find reads a version of any kind that the member names; one that is unknown is
// a false precondition, as a stale one is.
func (m *members) find(uid VersionUID) (Version, error) {
	kinds := []Kind{KindComposition, KindStatus, KindFolder}
	if m.ehr == Demographics {
		kinds = []Kind{KindParty}
	}
	for _, kind := range kinds {
		v, err := m.service.store.Version(m.ctx, m.profile, m.ehr, kind, VersionRef{VersionUID: uid.String()})
		if !fault.Is(err, fault.NotFound) {
			return v, err
		}
	}
	if m.ehr != Demographics {
		if _, err := m.service.store.EHR(m.ctx, m.profile, m.ehr); err != nil {
			return Version{}, err
		}
	}
	return Version{}, fault.New(fault.Precondition, "version-unknown", "there is no version %s here", uid)
}
