package cdr

import (
	"context"
	"slices"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// purgeArea is the administrative area of physical deletion.
const purgeArea = "ehr-purge"

// CreateEHR makes an EHR with its EHR_STATUS in one contribution. id "" lets the
// server choose; status nil means modifiable, queryable, PARTY_SELF. A used id
// or subject is a Conflict.
func (s *Service) CreateEHR(ctx context.Context, caller Caller, id string, status *Content, info CommitInfo) (EHR, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return EHR{}, err
	}
	if !p.All && !slices.Contains(p.CreateIn, caller.Organisation) {
		return EHR{}, s.deny(ctx, caller, p, Event{Action: "C"})
	}
	c, err := s.newRecord(caller, id, status, info)
	if err != nil {
		return EHR{}, err
	}
	doc, err := s.commit(ctx, caller, p, c)
	if err != nil {
		return EHR{}, err
	}
	v := c.version
	return EHR{
		ID: c.ehr, SystemID: s.systemID, Created: doc.Committed, Status: doc, StatusID: v.Object,
		IsQueryable: v.Status.IsQueryable, IsModifiable: v.Status.IsModifiable,
	}, nil
}

// newRecord is the change that the making of an EHR is.
func (s *Service) newRecord(caller Caller, id string, status *Content, info CommitInfo) (_ change, err error) {
	if id == "" {
		id = newUID()
	} else if id == access.Demographics {
		return change{}, fault.New(fault.Invalid, "ehr-id-reserved", "the nil UUID is the id of no EHR")
	} else if id, err = s.ehrID(id); err != nil {
		return change{}, err
	}
	d, err := s.created(caller, info)
	if err != nil {
		return change{}, err
	}
	if status == nil {
		status = &Content{JSON: []byte(defaultStatus)}
	}
	v, err := s.status(*status, d)
	if err != nil {
		return change{}, err
	}
	v.Object = newUID()
	return change{action: "C", ehr: id, version: v, details: d, info: info, create: &NewEHR{StatusID: v.Object}}, nil
}

// EHR reads one EHR by id.
func (s *Service) EHR(ctx context.Context, caller Caller, id string) (EHR, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return EHR{}, err
	}
	if id, err = s.ehrID(id); err != nil {
		return EHR{}, err
	}
	e, err := s.store.EHR(ctx, p, id)
	if err != nil {
		return EHR{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: id}, err)
	}
	return ehrOf(e), s.read(ctx, caller, p, id, e.Status.UID, 0)
}

// EHRBySubject finds the EHR of a subject.
func (s *Service) EHRBySubject(ctx context.Context, caller Caller, namespace, id string) (EHR, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return EHR{}, err
	}
	if namespace == "" || id == "" {
		return EHR{}, fault.New(fault.Invalid, "subject-missing", "subject_id and subject_namespace are required")
	}
	if id, err = s.subject(namespace, id); err != nil {
		return EHR{}, err
	}
	e, err := s.store.EHRBySubject(ctx, p, namespace, id)
	if err != nil {
		return EHR{}, s.missed(ctx, caller, p, Event{Action: "R"}, err)
	}
	return ehrOf(e), s.read(ctx, caller, p, e.ID, e.Status.UID, 0)
}

func ehrOf(e StoredEHR) EHR {
	return EHR{
		ID: e.ID, SystemID: e.SystemID, Created: e.Created, Status: document(e.Status), StatusID: e.StatusID,
		DirectoryID: e.DirectoryID, IsQueryable: e.IsQueryable, IsModifiable: e.IsModifiable,
		Merged: e.Merged, MergedInto: e.MergedInto,
	}
}
