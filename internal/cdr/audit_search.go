package cdr

import (
	"context"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// AuditFilter chooses rows of the audit; empty members choose all.
type AuditFilter struct {
	// From and To are times of the rows, To excluded.
	From, To time.Time
	// EHR is the record accessed directly; population queries that showed it are
	// found by WhoSaw.
	EHR                               string
	Principal, Role, Object           string
	Action, Outcome, Purpose, Opening string
	// Organisations are those of the accesses, nil for all.
	Organisations []string
}

// AuditRow is a row of the audit.
type AuditRow struct {
	Sighting
	EHR       string
	Source    string
	Epoch     int64
	Rows      *int64
	QueryHash []byte
	// Hidden is what a query asked, encrypted.
	Hidden  []byte
	Opening string
}

// AuditRows is a page; Next is "" on the last.
type AuditRows struct {
	List []AuditRow
	Next string
}

// AuditDetail is one row with what it hides.
type AuditDetail struct {
	AuditRow
	// Asked is the JSON of a query's text and parameters, nil where none was kept
	// or the caller may not read it.
	Asked []byte
	// Shown is how many records a query showed.
	Shown int64
}

// AuditOpener reads what the audit holds encrypted.
type AuditOpener interface {
	Decrypt(hidden []byte, id string) ([]byte, error)
}

// AuditSearch reads rows of the audit.
type AuditSearch interface {
	// AuditRows lists rows, newest first; before is nil for the newest.
	AuditRows(ctx context.Context, f AuditFilter, before *Position, limit int) ([]AuditRow, error)
	// AuditRow is one row with the number of records it showed; NotFound without.
	AuditRow(ctx context.Context, id string) (AuditRow, int64, error)
	// AuditShown lists the EHRs a query showed, after the one named, by their ids.
	AuditShown(ctx context.Context, opening, after string, limit int) ([]string, error)
}

// Search lists accesses of all records. Those who administer the audit see all of
// it, those who view it and privacy officers what was done in their own
// organisations. Asking is an access to the audit and stands in it.
func (a *AuditTrail) Search(ctx context.Context, caller Caller, f AuditFilter, page AuditPage) (AuditRows, error) {
	if err := f.check(); err != nil {
		return AuditRows{}, err
	}
	limit, before, err := page.read()
	if err != nil {
		return AuditRows{}, err
	}
	p, event, err := a.mayAudit(ctx, caller)
	if err != nil {
		return AuditRows{}, err
	}
	f.Organisations = both(f.Organisations, auditedBy(caller, p))
	list, err := a.Rows.AuditRows(ctx, f, before, limit+1)
	if err != nil {
		return AuditRows{}, err
	}
	out := AuditRows{List: list[:min(limit, len(list))]}
	out.Next = after(limit, len(list), func(i int) Position { return Position{list[i].At, list[i].ID} })
	if err := a.told(ctx, event, len(out.List)); err != nil {
		return AuditRows{}, err
	}
	return out, nil
}

// Detail is one row. What a query asked is opened for those who administer the
// audit, since it may name people.
func (a *AuditTrail) Detail(ctx context.Context, caller Caller, id string) (AuditDetail, error) {
	d, p, event, err := a.row(ctx, caller, id)
	if err != nil {
		return AuditDetail{}, err
	}
	if len(d.Hidden) > 0 && a.Opener != nil && p.MayUse("audit") {
		of := d.ID
		if d.AuditRow.Opening != "" {
			of = d.AuditRow.Opening
		}
		if d.Asked, err = a.Opener.Decrypt(d.Hidden, of); err != nil {
			return AuditDetail{}, fault.New(fault.Internal, "audit-key", "what this query asked was encrypted to another key").Because(err)
		}
		event.Basis = "audit asked"
	}
	if err := a.Auditor.Record(ctx, event); err != nil {
		return AuditDetail{}, err
	}
	return d, nil
}

// Shown lists the records a query showed, by their ids; after is the last of the
// page before. Next is "" on the last page.
func (a *AuditTrail) Shown(ctx context.Context, caller Caller, id, after string, limit int) (ehrs []string, next string, err error) {
	if after != "" {
		if err := validEHR(after); err != nil {
			return nil, "", err
		}
	}
	if limit, _, err = (AuditPage{Limit: limit}).read(); err != nil {
		return nil, "", err
	}
	_, _, event, err := a.row(ctx, caller, id)
	if err != nil {
		return nil, "", err
	}
	if ehrs, err = a.Rows.AuditShown(ctx, id, after, limit+1); err != nil {
		return nil, "", err
	}
	if len(ehrs) > limit {
		ehrs = ehrs[:limit]
		next = ehrs[limit-1]
	}
	event.Basis = "audit shown"
	if err := a.told(ctx, event, len(ehrs)); err != nil {
		return nil, "", err
	}
	return ehrs, next, nil
}

// row finds a row that the caller may look at.
func (a *AuditTrail) row(ctx context.Context, caller Caller, id string) (d AuditDetail, p *access.Profile, event Event, err error) {
	if _, malformed := uuid.FromString(id); malformed != nil || len(id) != 36 {
		return d, nil, event, fault.New(fault.Invalid, "audit-id", "the id of an access is a UUID")
	}
	if p, event, err = a.mayAudit(ctx, caller); err != nil {
		return d, p, event, err
	}
	event.Object = id
	d.AuditRow, d.Shown, err = a.Rows.AuditRow(ctx, id)
	if err == nil && !within(auditedBy(caller, p), d.Org) {
		err = fault.New(fault.NotFound, "unknown-access", "there is no such access")
	}
	if err != nil {
		return AuditDetail{}, p, event, refuse(ctx, a.Auditor, event, err)
	}
	return d, p, event, nil
}

// mayAudit demands some right to the audit.
func (a *AuditTrail) mayAudit(ctx context.Context, caller Caller) (*access.Profile, Event, error) {
	p, err := a.Authorizer.Profile(ctx, caller)
	if err != nil {
		return nil, Event{}, err
	}
	event := accessEvent(caller, p, "R", "", "audit")
	if p.EHR != "" || !p.MayView("audit") && len(p.PrivacyIn) == 0 {
		return nil, event, refuse(ctx, a.Auditor, event, fault.New(fault.Forbidden, "not-auditor", "this needs the right to the audit"))
	}
	return p, event, nil
}

// auditedBy are the organisations whose accesses the caller may look at, nil for
// all.
func auditedBy(caller Caller, p *access.Profile) []string {
	if p.MayUse("audit") {
		return nil
	}
	list := append([]string{}, p.PrivacyIn...)
	if p.MayView("audit") && caller.Organisation != "" {
		list = append(list, caller.Organisation)
	}
	return list
}

// both are the organisations asked for among those allowed; nil is all.
func both(asked, allowed []string) []string {
	switch {
	case asked == nil:
		return allowed
	case allowed == nil:
		return asked
	}
	list := []string{}
	for _, s := range asked {
		if within(allowed, s) {
			list = append(list, s)
		}
	}
	return list
}

func within(list []string, one string) bool {
	if list == nil {
		return true
	}
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

var (
	auditActions  = []string{"C", "R", "U", "D", "E"}
	auditOutcomes = []string{"success", "denied", "unavailable", "error"}
)

func (f AuditFilter) check() error {
	one := func(what, value string, of []string) error {
		if value != "" && !within(of, value) {
			return fault.New(fault.Invalid, what, "%s is one of %v", what, of)
		}
		return nil
	}
	if err := one("action", f.Action, auditActions); err != nil {
		return err
	}
	if err := one("outcome", f.Outcome, auditOutcomes); err != nil {
		return err
	}
	for what, id := range map[string]string{"ehr_id": f.EHR, "opening": f.Opening} {
		if _, err := uuid.FromString(id); id != "" && (err != nil || len(id) != 36) {
			return fault.New(fault.Invalid, what, "%s is a UUID", what)
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return fault.New(fault.Invalid, "from", "from is before to")
	}
	return nil
}
