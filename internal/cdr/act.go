package cdr

import (
	"context"
	"slices"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

// Act is the part of a Service on which use cases of packages beside this one
// stand: who acts, what the audit says of it, and how versions are made. They
// judge and audit as those here do.
type Act struct{ service *Service }

// Act gives it.
func (s *Service) Act() Act { return Act{s} }

// Begin finds the caller's profile and demands an administrative area; who lacks
// it, or whose token is for one record alone, is denied and audited.
func (a Act) Begin(ctx context.Context, caller Caller, area string, e Event) (*access.Profile, error) {
	p, err := a.service.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if !p.MayUse(area) || p.EHR != "" {
		return nil, a.service.deny(ctx, caller, p, e)
	}
	return p, nil
}

// Profile is what a caller may see.
func (a Act) Profile(ctx context.Context, caller Caller) (*access.Profile, error) {
	return a.service.profile(ctx, caller)
}

// Administrator is Profile for acts on access itself: what a program does with a
// token of scopes is care and no administration, whoever it does it for.
func (a Act) Administrator(ctx context.Context, caller Caller) (*access.Profile, error) {
	p, err := a.service.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	return administering(p), nil
}

func administering(p *access.Profile) *access.Profile {
	if !p.Narrowed() {
		return p
	}
	n := *p
	n.Areas, n.Views, n.PrivacyIn = nil, nil, nil
	return &n
}

// Deny audits a denial and gives its error.
func (a Act) Deny(ctx context.Context, caller Caller, p *access.Profile, e Event) error {
	return a.service.deny(ctx, caller, p, e)
}

// Event completes an audit row with who asked and how.
func (a Act) Event(caller Caller, p *access.Profile, e Event) Event {
	return a.service.event(caller, p, e)
}

// Record audits what is no write; without the row there is no answer.
func (a Act) Record(ctx context.Context, e Event) error { return a.service.auditor.Record(ctx, e) }

// AuditDetails is AUDIT_DETAILS of an act, without its time.
func (a Act) AuditDetails(caller Caller, change, description string) ([]byte, error) {
	d, err := a.service.details(caller, CommitInfo{Description: description}, change)
	return d.audit, err
}

// TemplateOf is the version of its template that a stored version was judged by,
// be it retired; nil where it has none.
func (a Act) TemplateOf(ctx context.Context, v Version) (*Template, error) {
	if v.TemplateRow == 0 {
		return nil, nil
	}
	return a.service.compiledRow(ctx, v.TemplateRow)
}

// Validate judges a stored document as it was judged when it came in; tpl is nil
// where its kind has none.
func (a Act) Validate(t *rm.Tree, tpl *Template, lifecycle string) error {
	return a.service.check(t, tpl, lifecycle)
}

// StatusFacts reads what the server goes by of an EHR_STATUS.
func (a Act) StatusFacts(doc []byte) (*StatusFacts, error) {
	t, err := canon.ReadStored(doc)
	if err != nil {
		return nil, err
	}
	return a.service.statusFacts(t)
}

// Verified says whether identifiers of the namespace are verified ones, of which
// a person has one.
func (a Act) Verified(namespace string) bool { return slices.Contains(a.service.nhs, namespace) }

// OnePersistent says whether a template has one living persistent composition in
// an EHR, and the tree is one.
func (a Act) OnePersistent(t *rm.Tree) bool {
	return a.service.manners.OnePersistent && persistent(t)
}

// Seal gives a tree the uid of its version and writes the bytes to store.
func Seal(t *rm.Tree, uid VersionUID) (*rm.Tree, []byte, error) { return seal(t, uid) }

// NewUID makes the uid of a new object.
func NewUID() string { return newUID() }

// ObjectUID reads a bare UUID in its canonical form.
func ObjectUID(s string) (string, bool) { return objectUID(s) }

// OriginalVersion is ORIGINAL_VERSION as canonical JSON, with the content inside.
func OriginalVersion(v Version) []byte { return originalVersion(v) }
