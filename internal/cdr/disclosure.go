package cdr

import (
	"context"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/access"
)

// allThereIs are the labels and template families of the system, as they were.
type allThereIs struct {
	labels   uint64
	families []int32
	read     time.Time
}

// disclosureAge is how long they are believed. A label or template that is newer
// marks no answer before, and no version had it before either but for so long.
const disclosureAge = 10 * time.Second

// withheld says whether access may have narrowed what the caller sees of one
// person (DESIGN 5a rule 7). It looks at rights and never at what was narrowed,
// so that the answer is the same for every record and tells of none. In doubt,
// something may be withheld.
func (s *Service) withheld(ctx context.Context, p *access.Profile) bool {
	if p.All {
		return false
	}
	all := s.everything.Load()
	if now := s.clock.Now(); all == nil || now.Sub(all.read) > disclosureAge {
		labels, err := s.store.Labels(ctx)
		if err != nil {
			return true
		}
		templates, err := s.store.Templates(ctx)
		if err != nil {
			return true
		}
		all = &allThereIs{read: now}
		for _, bit := range labels {
			all.labels |= bit
		}
		for _, t := range templates {
			all.families = append(all.families, t.Family)
		}
		s.everything.Store(all)
	}
	if all.labels&^p.Labels != 0 {
		return true
	}
	return slices.ContainsFunc(all.families, func(family int32) bool { return !slices.Contains(p.Templates, family) })
}

// MayWithhold is the same for an answer that has no place to say it, such as a
// REVISION_HISTORY.
func (s *Service) MayWithhold(ctx context.Context, caller Caller) bool {
	p, err := s.profile(ctx, caller)
	return err != nil || s.withheld(ctx, p)
}

// Withheld says whether rows of this query may have been withheld from the
// caller.
func (r *ResultSet) Withheld() bool { return r.service.withheld(r.ctx, r.profile) }
