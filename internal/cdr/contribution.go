package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

// Contribution reads a CONTRIBUTION with references to the versions the caller
// may see, or inline with those versions.
func (s *Service) Contribution(ctx context.Context, caller Caller, ehr, id string, inline bool) (ContributionView, error) {
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
	return s.showContribution(ctx, caller, p, ehr, uid, inline)
}

func (s *Service) showContribution(ctx context.Context, caller Caller, p *access.Profile, ehr, id string, inline bool) (ContributionView, error) {
	view, err := s.contribution(ctx, p, ehr, id, inline)
	if err != nil {
		return ContributionView{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: id}, err)
	}
	return view, s.read(ctx, caller, p, ehr, id, 0)
}

func (s *Service) contribution(ctx context.Context, p *access.Profile, ehr, id string, inline bool) (ContributionView, error) {
	// The class of a party is in its content.
	c, err := s.store.Contribution(ctx, p, ehr, id, inline || ehr == Demographics)
	if err != nil {
		return ContributionView{}, err
	}
	if inline {
		for i := range c.Versions {
			if err := s.narrowVersion(ctx, p, &c.Versions[i]); err != nil {
				return ContributionView{}, err
			}
		}
	}
	var classes []string
	if !inline {
		if classes, err = s.classes(ctx, p, c.Versions); err != nil {
			return ContributionView{}, err
		}
	}
	view := contributionView(c, classes)
	view.Withheld = s.withheld(ctx, p)
	return view, nil
}

// narrowVersion takes out of a directory what the caller may not see of it.
func (s *Service) narrowVersion(ctx context.Context, p *access.Profile, v *Version) error {
	if v.Kind != KindFolder || len(v.Doc) == 0 || p.All {
		return nil
	}
	t, err := canon.ReadStored(v.Doc)
	if err != nil {
		return err
	}
	hidden, err := s.hidden(ctx, p, v.EHR, t)
	if err != nil {
		return err
	}
	seen, err := narrowed(t, hidden)
	if err != nil {
		return fault.New(fault.Internal, "directory-narrow", "the directory cannot be narrowed").Because(err)
	}
	if seen != t {
		v.Doc = canon.WriteJSON(nil, seen, seen.Root())
	}
	return nil
}

// classes are those of the contents of versions.
func (s *Service) classes(ctx context.Context, p *access.Profile, list []Version) ([]string, error) {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.Kind.Class()
		if v.Kind != KindParty {
			continue
		}
		class, err := s.classOf(ctx, p, v)
		if err != nil {
			return nil, err
		}
		out[i] = or(class, out[i])
	}
	return out, nil
}

// contributionView writes references whose type is the class of the content
// (ITS-REST 1.1, CONTRIBUTION), or in their place the versions, where no classes
// are given.
func contributionView(c StoredContribution, classes []string) ContributionView {
	view := ContributionView{ID: c.ID, Committed: c.Committed.UTC()}
	b := append([]byte(`{"_type":"CONTRIBUTION","uid":{"_type":"HIER_OBJECT_ID","value":"`), c.ID...)
	b = append(b, `"},"versions":[`...)
	for i, v := range c.Versions {
		if i > 0 {
			b = append(b, ',')
		}
		if classes == nil {
			b = append(b, originalVersion(v)...)
		} else {
			b = append(b, objectRef("OBJECT_VERSION_ID", v.UID, classes[i])...)
		}
		view.Versions = append(view.Versions, v.UID)
	}
	b = append(append(b, `],"audit":`...), timed(c.AuditDetails, c.Committed)...)
	view.JSON = append(b, '}')
	return view
}
