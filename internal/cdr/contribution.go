package cdr

import "context"

// Contribution reads a CONTRIBUTION with references to the versions the caller
// may see.
func (s *Service) Contribution(ctx context.Context, caller Caller, ehr, id string) (ContributionView, error) {
	panic("not yet")
}
