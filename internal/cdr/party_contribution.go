package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/fault"
)

// CommitPartyContribution commits any mix of parties, all or none: their
// creation, modification and deletion. What belongs to an EHR is refused.
func (s *Service) CommitPartyContribution(ctx context.Context, caller Caller, body []byte, key string, inline bool) (ContributionView, error) {
	p, err := s.demographic(ctx, caller, Event{Action: "C", EHR: Demographics})
	if err != nil {
		return ContributionView{}, err
	}
	return s.commitAll(ctx, caller, p, Demographics, body, key, inline, members{})
}

// PartyContribution reads a contribution to the parties.
func (s *Service) PartyContribution(ctx context.Context, caller Caller, id string, inline bool) (ContributionView, error) {
	uid, ok := objectUID(id)
	if !ok {
		return ContributionView{}, s.malformed("contribution_uid", "a UUID")
	}
	p, err := s.demographic(ctx, caller, Event{Action: "R", EHR: Demographics, Object: uid})
	if err != nil {
		return ContributionView{}, err
	}
	return s.showContribution(ctx, caller, p, Demographics, uid, inline)
}

// nextParty is a member that follows another version of the same party.
func (m *members) nextParty(preceding string, content Content, d details, info CommitInfo) (NewVersion, error) {
	s := m.service
	class := memberClass(content.JSON)
	v, err := s.party(m.ctx, m.profile, class, content, d, info)
	if err != nil {
		return v, err
	}
	old, _ := ParseVersionUID(preceding)
	if err := ownRelationships(v.Tree, old.Object); err != nil {
		return v, err
	}
	before, err := s.partyVersion(m.ctx, m.profile, VersionRef{Object: old.Object, Lifecycle: Incomplete})
	if fault.Is(err, fault.NotFound) {
		return v, nil // the commit finds no such version, and says so
	}
	if err != nil {
		return v, err
	}
	was, err := s.classOf(m.ctx, m.profile, before)
	if err == nil && was != class {
		err = fault.New(fault.Unprocessable, "party-class", "the party is of class %s and not %s", was, class)
	}
	return v, err
}
