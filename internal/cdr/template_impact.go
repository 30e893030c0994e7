package cdr

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/diff"
	"github.com/quire-cdr/quire/internal/validate"
)

// TemplateImpact is what an upload would do; nothing has been written.
type TemplateImpact struct {
	ID      string `json:"template_id"`
	Version string `json:"version"`
	// Outcome is new, identical, replaces (nothing uses the one in use), version (a
	// newer version beside it) or refused (it is used, and the version is not newer).
	Outcome string `json:"outcome"`
	// Against is the version in use that it was compared with.
	Against string        `json:"against"`
	Effect  diff.Effect   `json:"effect"`
	Changes []diff.Change `json:"changes"`
	// Stored says which stored compositions would not fit.
	Stored StoredImpact `json:"stored"`
}

// StoredImpact is a check of effective compositions against another version of
// their template.
type StoredImpact struct {
	// Checked of the compositions there are were judged; the rest was left out
	// when time or number ran out.
	Checked  int  `json:"checked"`
	Breaking int  `json:"breaking"`
	Complete bool `json:"complete"`
	// Faults groups the issues by place and rule, the most frequent first.
	Faults []ImpactFault `json:"faults"`
	// Compositions are some of those that break, where the caller may see them.
	Compositions []ImpactComposition `json:"compositions"`
}

// ImpactFault is one rule broken at one place.
type ImpactFault struct {
	AQLPath      string `json:"aqlPath"`
	Rule         string `json:"rule"`
	Message      string `json:"message"`
	Compositions int    `json:"compositions"`
}

// ImpactComposition is a composition that would break.
type ImpactComposition struct {
	EHR        string `json:"ehr_id"`
	VersionUID string `json:"version_uid"`
	AQLPath    string `json:"aqlPath"`
	Rule       string `json:"rule"`
}

const (
	impactDocuments = 50_000
	impactPage      = 200
	impactNamed     = 100
	impactFaults    = 100
	// impactReserve is left of a request's time for the answer.
	impactReserve = 2 * time.Second
)

// JudgeTemplate does all of UploadTemplate but the writing: it compares with the
// version in use, and judges what is stored. Which compositions would break is
// told to who may query the population; others get numbers and places.
func (s *Service) JudgeTemplate(ctx context.Context, caller Caller, source []byte, up TemplateUpload) (TemplateImpact, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return TemplateImpact{}, err
	}
	if !p.MayUse(templatesArea) {
		return TemplateImpact{}, s.deny(ctx, caller, p, Event{Action: "E", Object: "template dry-run"})
	}
	compiled, err := s.compileOPT(source)
	if err != nil {
		return TemplateImpact{}, err
	}
	if err := s.inScope(ctx, caller, p, access.Definitions, 'r', compiled.TemplateID); err != nil {
		return TemplateImpact{}, err
	}
	out := TemplateImpact{ID: compiled.TemplateID, Outcome: "new", Changes: []diff.Change{},
		Stored: StoredImpact{Complete: true, Faults: []ImpactFault{}, Compositions: []ImpactComposition{}}}
	if out.Version, err = versionOf(compiled, up.Version); err != nil {
		return TemplateImpact{}, err
	}
	old, err := s.store.Template(ctx, compiled.TemplateID)
	if fault.Is(err, fault.NotFound) {
		return out, s.auditor.Record(ctx, s.event(caller, p, Event{Action: "E", Object: compiled.TemplateID}))
	}
	if err != nil {
		return TemplateImpact{}, err
	}
	before, err := s.compiledRow(ctx, old.Row)
	if err != nil {
		return TemplateImpact{}, err
	}
	out.Against = old.Edition()
	if sum := sha256.Sum256(source); string(sum[:]) == string(old.SHA256) {
		out.Outcome = "identical"
		return out, s.auditor.Record(ctx, s.event(caller, p, Event{Action: "E", Object: compiled.TemplateID}))
	}
	out.Changes = append(out.Changes, diff.Compare(before.Compiled, compiled)...)
	out.Effect = diff.Worst(out.Changes)
	if out.Stored, err = s.storedImpact(ctx, caller, p, old.Family, compiled); err != nil {
		return TemplateImpact{}, err
	}
	used, err := s.store.TemplateUsed(ctx, old.Row)
	switch {
	case err != nil:
		return TemplateImpact{}, err
	case !used:
		out.Outcome = "replaces"
	case NewerTemplate(out.Version, old.Version):
		out.Outcome = "version"
	default:
		out.Outcome = "refused"
	}
	return out, nil
}

// storedImpact judges the effective compositions of a template family by another
// content: all of them, since what is filtered must not read as nothing (DESIGN
// 5a rule 7). Of the first that break those are named that the caller sees. Cost: linear in them, bounded by a number and the request's deadline.
func (s *Service) storedImpact(ctx context.Context, caller Caller, p *access.Profile, family int32, compiled *template.Compiled) (StoredImpact, error) {
	out := StoredImpact{Complete: true, Faults: []ImpactFault{}, Compositions: []ImpactComposition{}}
	event := Event{ID: newUID(), Action: "E", Object: compiled.TemplateID}
	faults := map[[2]string]*ImpactFault{}
	options := validate.Options{EHRbase: s.manners.PeerRules}
	for after := (DocumentPlace{}); ; {
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < impactReserve || out.Checked >= impactDocuments {
			out.Complete = false
			break
		}
		page, err := s.store.TemplateDocuments(ctx, access.System(), family, after, impactPage)
		if err != nil {
			return out, err
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			t, err := canon.ReadStored(d.Doc)
			if err != nil {
				return out, err
			}
			out.Checked++
			broken := false
			met := map[[2]string]bool{}
			for _, issue := range validate.Check(t, compiled, options) {
				key := [2]string{issue.AQLPath, issue.Rule}
				if issue.Warning || met[key] {
					continue
				}
				met[key] = true
				if faults[key] == nil {
					faults[key] = &ImpactFault{AQLPath: issue.AQLPath, Rule: issue.Rule, Message: "expected " + issue.Expected}
				}
				faults[key].Compositions++
				if !broken && out.Breaking < impactNamed && p.MayQueryPopulation() {
					seen, err := s.store.Sights(ctx, p, d.EHR, []string{d.Object})
					if err != nil {
						return out, err
					}
					if seen[d.Object] {
						out.Compositions = append(out.Compositions, ImpactComposition{d.EHR, d.VersionUID, issue.AQLPath, issue.Rule})
						event.Shown = append(event.Shown, d.EHR)
					}
				}
				broken = true
			}
			if broken {
				out.Breaking++
			}
		}
		last := page[len(page)-1]
		after = DocumentPlace{last.EHR, last.Object}
	}
	for _, f := range faults {
		out.Faults = append(out.Faults, *f)
	}
	slices.SortFunc(out.Faults, func(a, b ImpactFault) int {
		return cmp.Or(cmp.Compare(b.Compositions, a.Compositions), cmp.Compare(a.AQLPath, b.AQLPath), cmp.Compare(a.Rule, b.Rule))
	})
	out.Faults = out.Faults[:min(len(out.Faults), impactFaults)]
	return out, s.auditor.Record(ctx, s.event(caller, p, event))
}
