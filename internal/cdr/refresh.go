package cdr

import "context"

// Refresher is an Authorizer that keeps profiles: Refresh makes a change of
// rights that was just committed count for the next request here, where other
// processes learn of it a moment later.
type Refresher interface {
	Refresh(ctx context.Context) error
}

// rightsChanged refreshes. A failure changes nothing for who asked: without a
// database no profile is valid anyway.
func (s *Service) rightsChanged(ctx context.Context) {
	if r, ok := s.authorizer.(Refresher); ok {
		if err := r.Refresh(ctx); err != nil {
			s.log.Warn("a change of rights will be felt at the next poll", "cause", err.Error())
		}
	}
}
