package cdr

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// details is a CommitInfo with its defaults, checked.
type details struct {
	lifecycle, change string
	// audit is AUDIT_DETAILS without time_committed, which the database sets.
	audit []byte
}

// firstChanges are the change types a first version may have.
var firstChanges = map[string]bool{Creation: true, Synthesis: true, FormatChanged: true, ChangeUnknown: true}

// created reads the details of a first version: a final one or a draft.
func (s *Service) created(caller Caller, info CommitInfo) (details, error) {
	d, err := s.details(caller, info, Creation)
	switch {
	case err != nil:
		return d, err
	case !firstChanges[d.change]:
		return d, fault.New(fault.Invalid, "change-type", "a first version is no %s", changeRubric[d.change])
	case d.lifecycle != Complete && d.lifecycle != Incomplete:
		return d, fault.New(fault.Unprocessable, "lifecycle-transition", "a first version is complete or incomplete and not %s", lifecycleRubric[d.lifecycle])
	}
	return d, nil
}

// modified reads the details of a version that follows another.
func (s *Service) modified(caller Caller, info CommitInfo) (details, error) {
	d, err := s.details(caller, info, Modification)
	switch {
	case err != nil:
		return d, err
	case d.change == Creation:
		return d, fault.New(fault.Unprocessable, "change-type", "a version that follows another is no creation")
	case d.change == ChangeDeleted || d.lifecycle == Deleted:
		return d, fault.New(fault.Invalid, "change-type", "a deletion has no content")
	case d.change == Attestation:
		return d, fault.New(fault.Invalid, "change-type", "an attestation makes no new version")
	}
	return d, nil
}

// removed reads the details of a logical deletion.
func (s *Service) removed(caller Caller, info CommitInfo) (details, error) {
	if info.Lifecycle == "" {
		info.Lifecycle = Deleted
	}
	d, err := s.details(caller, info, ChangeDeleted)
	if err == nil && (d.change != ChangeDeleted || d.lifecycle != Deleted) {
		return d, fault.New(fault.Invalid, "change-type", "a deletion is committed as deleted")
	}
	return d, err
}

func (s *Service) details(caller Caller, info CommitInfo, change string) (details, error) {
	var d details
	var err error
	if d.lifecycle, err = LifecycleCode(info.Lifecycle); err != nil {
		return d, err
	}
	if d.change, err = ChangeTypeCode(info.ChangeType, change); err != nil {
		return d, err
	}
	committer, err := committer(caller, info)
	if err != nil {
		return d, err
	}
	class := "AUDIT_DETAILS"
	if info.Attested != nil {
		class = "ATTESTATION"
	}
	b := append([]byte(`{"_type":"`+class+`","system_id":`), quoted(s.systemID)...)
	changeType := codedText(d.change, changeRubric[d.change])
	if s.manners.PreferredTerms {
		changeType = append(changeType[:len(changeType)-2], `,"preferred_term":"`+changeRubric[d.change]+`"}}`...)
	}
	b = append(append(b, `,"change_type":`...), changeType...)
	if info.Described != nil {
		b = append(append(b, `,"description":`...), info.Described...)
	} else if info.Description != "" {
		b = append(append(append(b, `,"description":{"_type":"DV_TEXT","value":`...), quoted(info.Description)...), '}')
	}
	b = append(append(b, `,"committer":`...), committer...)
	if info.Attested == nil {
		d.audit = append(b, '}')
		return d, nil
	}
	d.audit = append(append(append(b, ','), info.Attested...), '}')
	return d, s.checkAttestation(d.audit)
}

// committer is the PARTY_PROXY the client states, else the caller.
func committer(caller Caller, info CommitInfo) ([]byte, error) {
	if len(info.Committer) > 0 {
		t, err := canon.ReadJSON(info.Committer, rminfo.PARTY_PROXY, canon.ReadOptions{Mandatory: true})
		if err != nil {
			return nil, err
		}
		// PARTY_IDENTIFIED, invariants Basic_validity and Name_valid.
		if t.Class(t.Root()) != rminfo.PARTY_SELF && t.TextAt(t.Root(), rminfo.A_name) == "" &&
			(t.Len() < 2 || t.Child(t.Root(), rminfo.A_name) != rm.None) {
			return nil, fault.New(fault.Unprocessable, "committer", "the committer has neither a name nor an identity")
		}
		return canon.WriteJSON(nil, t, t.Root()), nil
	}
	name, id, namespace, class := info.CommitterName, info.CommitterID, info.CommitterNamespace, info.CommitterType
	if name == "" && id == "" {
		name, id, namespace, class = or(caller.Name, caller.Subject), caller.Subject, "quire", "PERSON"
	}
	b := []byte(`{"_type":"PARTY_IDENTIFIED"`)
	if id != "" {
		b = append(append(b, `,"external_ref":{"_type":"PARTY_REF","id":{"_type":"GENERIC_ID","value":`...), quoted(id)...)
		b = append(append(b, `,"scheme":`...), quoted(or(namespace, "unknown"))...)
		b = append(append(b, `},"namespace":`...), quoted(or(namespace, "unknown"))...)
		b = append(append(append(b, `,"type":`...), quoted(or(class, "PARTY"))...), '}')
	}
	if name != "" {
		b = append(append(b, `,"name":`...), quoted(name)...)
	}
	return append(b, '}'), nil
}

// timed is AUDIT_DETAILS complete with its time.
func timed(audit []byte, at time.Time) []byte {
	b := bytes.TrimSuffix(bytes.Clone(audit), []byte("}"))
	b = append(b, `,"time_committed":`...)
	return append(append(b, dateTime(at)...), '}')
}

func dateTime(at time.Time) []byte {
	return append(append([]byte(`{"_type":"DV_DATE_TIME","value":"`), at.UTC().Format("2006-01-02T15:04:05.000Z07:00")...), `"}`...)
}

func codedText(code, rubric string) []byte {
	return []byte(`{"_type":"DV_CODED_TEXT","value":"` + rubric +
		`","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"` + code + `"}}`)
}

// quoted writes a JSON string.
func quoted(s string) []byte {
	// The error reports only that invalid UTF-8 was replaced.
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}
