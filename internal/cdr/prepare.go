package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
)

// NewComposition is the commit that CreateComposition would send, with the content
// read, judged and sealed; nothing is stored. unjudged leaves out the judgement by
// template and reference model of content that was judged where it comes from:
// what is no composition, or of no template known here, is refused all the same.
func (a Act) NewComposition(ctx context.Context, caller Caller, p *access.Profile, ehr string, content Content, info CommitInfo, unjudged bool) (Commit, error) {
	s := a.service
	ehr, err := s.ehrID(ehr)
	if err != nil {
		return Commit{}, err
	}
	d, err := s.created(caller, info)
	if err != nil {
		return Commit{}, err
	}
	judge := s.judged
	if unjudged {
		judge = pass
	}
	c, err := s.firstComposition(ctx, p, ehr, content, d, info, judge)
	if err != nil {
		return Commit{}, err
	}
	commit, _, err := s.batch(caller, p, c)
	return commit, err
}

// NewEHR is the commit that CreateEHR would send; nothing is stored.
func (a Act) NewEHR(caller Caller, p *access.Profile, id string, status *Content, info CommitInfo) (Commit, error) {
	c, err := a.service.newRecord(caller, id, status, info)
	if err != nil {
		return Commit{}, err
	}
	commit, _, err := a.service.batch(caller, p, c)
	return commit, err
}

// pass lets everything through.
func pass(context.Context, *rm.Tree, *Template, string) ([]fault.Issue, error) { return nil, nil }
