package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// profile is what the caller may see. --auth none makes everybody the system.
func (s *Service) profile(ctx context.Context, caller Caller) (*access.Profile, error) {
	if caller.All {
		p := access.System()
		p.Principal, p.Role, p.Purpose = or(caller.Subject, p.Principal), or(caller.Role, p.Role), caller.Purpose
		return p, nil
	}
	p, err := s.authorizer.Profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// event completes an audit row with who asked and how.
func (s *Service) event(caller Caller, p *access.Profile, e Event) Event {
	e.Outcome = or(e.Outcome, "success")
	e.Principal, e.Role, e.Org = p.Principal, or(p.Role, caller.Role), caller.Organisation
	e.Purpose, e.Source, e.RequestID, e.Epoch = caller.Purpose, caller.Source, caller.RequestID, p.Epoch
	return e
}

// read audits a read and is called before its answer leaves: without the row
// there is no answer.
func (s *Service) read(ctx context.Context, caller Caller, p *access.Profile, ehr, object string, family int32) error {
	return s.auditor.Record(ctx, s.event(caller, p, Event{Action: "R", EHR: ehr, Object: object, Template: family}))
}

// deny audits a denial and gives its error; that the audit fails comes first.
func (s *Service) deny(ctx context.Context, caller Caller, p *access.Profile, e Event) error {
	e.Outcome = "denied"
	if err := s.auditor.Record(ctx, s.event(caller, p, e)); err != nil {
		return err
	}
	return fault.New(fault.Forbidden, "forbidden", "this is not allowed")
}

// missed audits what a caller did not get, since unknown and invisible look the
// same to the caller and must not to who reads the audit; other errors pass.
func (s *Service) missed(ctx context.Context, caller Caller, p *access.Profile, e Event, err error) error {
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
		return err
	}
	e.Outcome = "denied"
	if auditErr := s.auditor.Record(ctx, s.event(caller, p, e)); auditErr != nil {
		return auditErr
	}
	return err
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}
