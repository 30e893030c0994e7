package cdr

import (
	"context"
	"errors"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/validate"
)

// judged validates a tree, codes of external value sets included. Where it
// passes, the issues are the warnings to tell the committer; else the error
// holds them all.
func (s *Service) judged(ctx context.Context, t *rm.Tree, tpl *Template, lifecycle string) ([]fault.Issue, error) {
	opts := validate.Options{Incomplete: lifecycle == Incomplete, EHRbase: s.manners.PeerRules, PassUnanswered: s.passUnanswered}
	var issues []fault.Issue
	if tpl == nil {
		issues = validate.Check(t, nil, opts)
	} else {
		issues = validate.CheckExternal(ctx, t, tpl.Compiled, opts, s.terminology)
	}
	if !validate.Refused(issues) {
		return issues, nil
	}
	kind := fault.Unprocessable
	if validate.Lexical(issues) {
		kind = s.manners.LexicalForm
	}
	message, unanswered := "the content is not valid", true
	for i := len(issues) - 1; i >= 0; i-- {
		if issue := &issues[i]; !issue.Warning {
			message = issue.Path + ": " + issue.Message
			unanswered = unanswered && issue.Rule == validate.RuleUnanswered
		}
	}
	if unanswered {
		// Nothing is wrong that is known: the same request may pass in a minute.
		return nil, fault.New(fault.Unavailable, "terminology", "the terminology service did not answer").With(issues...)
	}
	return nil, fault.New(kind, "validation", "%s", message).With(issues...)
}

// Judgement is the outcome of a dry run.
type Judgement struct {
	// Refusal is the error a commit would get for its content, nil where it would
	// be accepted; its issues hold the warnings too.
	Refusal *fault.Error
	// Warnings are what an accepted commit would be told.
	Warnings []fault.Issue
	// Template and Labels are those the version would have.
	Template string
	Labels   []string
	// Tree is the content as it was read, nil where it could not be; JSON is what
	// would be stored, without the uid that only a version has. It is nil where
	// the content is refused.
	Tree *rm.Tree
	JSON []byte
}

// JudgeComposition does all of CreateComposition but the writing: what is wrong
// with the content is the Judgement, what is wrong with the request, the record
// or the caller's rights is the error. It is audited.
func (s *Service) JudgeComposition(ctx context.Context, caller Caller, ehr string, content Content, info CommitInfo) (Judgement, error) {
	return s.judge(ctx, caller, ehr, info, content, s.created, func(_ *access.Profile, _ string, v *NewVersion) error {
		if v.Object = newUID(); v.Tree != nil {
			v.Object = or(bodyObject(v.Tree), v.Object)
			v.Persistent = s.manners.OnePersistent && persistent(v.Tree)
		}
		return nil
	})
}

// JudgeUpdate is JudgeComposition for UpdateComposition.
func (s *Service) JudgeUpdate(ctx context.Context, caller Caller, ehr, object, ifMatch string, content Content, info CommitInfo) (Judgement, error) {
	id, ok := objectUID(object)
	if !ok {
		return Judgement{}, s.malformed("versioned_object_uid", "a UUID")
	}
	return s.judge(ctx, caller, ehr, info, content, s.modified, func(p *access.Profile, ehr string, v *NewVersion) (err error) {
		if v.Object = id; v.Tree != nil {
			if err := s.sameObject(v.Tree, id); err != nil {
				return err
			}
		}
		v.Preceding, err = s.matched(ctx, p, ehr, KindComposition, id, ifMatch)
		return err
	})
}

// judge judges the content, and then the commit of the version that complete
// makes of it. Where the content is refused that version has none, and only the
// right to write is asked for.
func (s *Service) judge(ctx context.Context, caller Caller, ehr string, info CommitInfo, content Content,
	read func(Caller, CommitInfo) (details, error), complete func(p *access.Profile, ehr string, v *NewVersion) error) (Judgement, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Judgement{}, err
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return Judgement{}, err
	}
	event := Event{Action: "E", EHR: ehr, Object: "dry-run"}
	stored, err := s.store.EHR(ctx, p, ehr)
	if err != nil {
		return Judgement{}, s.missed(ctx, caller, p, event, err)
	}
	if !stored.IsModifiable {
		return Judgement{}, fault.New(fault.Conflict, "not-modifiable", "the EHR is not modifiable")
	}
	d, err := read(caller, info)
	if err != nil {
		return Judgement{}, err
	}
	j, v, err := s.judgement(ctx, p, content, d, info)
	if err == nil {
		err = complete(p, ehr, &v)
	}
	if err != nil {
		return Judgement{}, s.missed(ctx, caller, p, event, err)
	}
	batch, _, err := s.batch(caller, p, change{action: "E", ehr: ehr, version: v, details: d, info: info})
	if err != nil {
		return Judgement{}, err
	}
	if j.Refusal != nil {
		batch.Versions = nil
	}
	if err := s.store.JudgeCommit(ctx, batch); err != nil {
		return Judgement{}, s.missed(ctx, caller, p, event, err)
	}
	if v.Template != nil {
		event.Template = v.Template.Family
	}
	return j, s.auditor.Record(ctx, s.event(caller, p, event))
}

func (s *Service) judgement(ctx context.Context, p *access.Profile, content Content, d details, info CommitInfo) (j Judgement, v NewVersion, err error) {
	v, err = s.composition(ctx, p, content, d, info)
	if err == nil {
		j = Judgement{Warnings: v.Warnings, Template: v.Template.ID, Labels: v.Labels, Tree: v.Tree}
		j.JSON = canon.WriteJSON(make([]byte, 0, v.Tree.Bytes()), v.Tree, v.Tree.Root())
		return j, v, nil
	}
	var refusal *fault.Error
	if !errors.As(err, &refusal) || refusal.Kind != fault.Invalid && refusal.Kind != fault.Unprocessable && refusal.Code != "terminology" {
		return Judgement{}, v, err
	}
	j = Judgement{Refusal: refusal}
	if t, err := s.tree(content, rminfo.COMPOSITION, d.lifecycle); err == nil {
		j.Tree, j.Template = t, t.TextAt(t.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	}
	return j, v, nil
}

// remarks are the warnings of all versions of a contribution.
func remarks(versions []NewVersion) (out []fault.Issue) {
	for _, v := range versions {
		out = append(out, v.Warnings...)
	}
	return out
}
