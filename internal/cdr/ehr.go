package cdr

import "context"

// CreateEHR makes an EHR with its EHR_STATUS in one contribution. id "" lets the
// server choose; status nil means modifiable, queryable, PARTY_SELF. A used id
// or subject is a Conflict.
func (s *Service) CreateEHR(ctx context.Context, caller Caller, id string, status *Content, info CommitInfo) (EHR, error) {
	panic("not yet")
}

// EHR reads one EHR by id.
func (s *Service) EHR(ctx context.Context, caller Caller, id string) (EHR, error) {
	panic("not yet")
}

// EHRBySubject finds the EHR of a subject.
func (s *Service) EHRBySubject(ctx context.Context, caller Caller, namespace, id string) (EHR, error) {
	panic("not yet")
}

// DeleteEHR removes an EHR and everything in it, physically.
func (s *Service) DeleteEHR(ctx context.Context, caller Caller, id string) error {
	panic("not yet")
}
