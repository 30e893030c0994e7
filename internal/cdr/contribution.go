package cdr

import "context"

// Contribution reads a CONTRIBUTION with references to the versions the caller
// may see.
func (s *Service) Contribution(ctx context.Context, caller Caller, ehr, id string) (ContributionView, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return ContributionView{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return ContributionView{}, err
	}
	uid, ok := objectUID(id)
	if !ok {
		return ContributionView{}, s.malformed("contribution_uid", "a UUID")
	}
	c, err := s.store.Contribution(ctx, p, ehr, uid)
	if err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: uid}, err)
	}
	return contributionView(c), s.read(ctx, caller, p, ehr, uid, 0)
}

// contributionView writes references of type COMPOSITION, EHR_STATUS or FOLDER
// (ITS-REST 1.1, CONTRIBUTION).
func contributionView(c StoredContribution) ContributionView {
	view := ContributionView{ID: c.ID, Committed: c.Committed.UTC()}
	b := append([]byte(`{"_type":"CONTRIBUTION","uid":{"_type":"HIER_OBJECT_ID","value":"`), c.ID...)
	b = append(b, `"},"versions":[`...)
	for i, v := range c.Versions {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, objectRef("OBJECT_VERSION_ID", v.UID, v.Kind.Class())...)
		view.Versions = append(view.Versions, v.UID)
	}
	b = append(append(b, `],"audit":`...), timed(c.AuditDetails, c.Committed)...)
	view.JSON = append(b, '}')
	return view
}
