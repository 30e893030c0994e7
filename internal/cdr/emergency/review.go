package emergency

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Access is one emergency access, from the glass to the review.
type Access struct {
	ID, EHR, Principal, Role, Organisation string
	ReasonCode, Reason                     string
	Granted, Expires                       time.Time
	// Ended is when it was ended before its time, by EndedBy; zero if not.
	Ended   time.Time
	EndedBy string
	// Alerted is when the privacy officer was told, zero if not yet.
	Alerted time.Time
	// Reviewed is zero while nobody has.
	Reviewed          time.Time
	Reviewer, Outcome string
	// Events is how often the record was accessed by the principal in that time.
	Events int64
}

// Outcomes of a review.
var Outcomes = []string{"justified", "not-justified", "escalated"}

// Queue asks for emergency accesses, the oldest first.
type Queue struct {
	// All includes those that were reviewed.
	All bool
	// EHR narrows to one record, "" does not.
	EHR string
	// Organisations narrows to these, nil does not.
	Organisations []string
	// Limit is at most 500.
	Limit int
}

// Store keeps emergency accesses.
type Store interface {
	Broken(ctx context.Context, q Queue) ([]Access, error)
	// BrokenOne reads one, or fault.NotFound.
	BrokenOne(ctx context.Context, ehr, id string) (Access, error)
	// Review closes one that nobody has reviewed, ending it; Conflict otherwise.
	Review(ctx context.Context, ehr, id, reviewer, outcome string, audit cdr.Event) error
	// End ends one that is open; NotFound without.
	End(ctx context.Context, ehr, id, by string, audit cdr.Event) error
	AlertStore
}

// Emergencies is the use cases after the glass is broken.
type Emergencies struct {
	Store Store
	Act   cdr.Act
	// Address is where privacy officers are alerted; "" leaves it to the queue.
	Address string
	Sender  Sender
	Log     func(code string)
}

const mostShown = 500

// Queue lists what waits for a review: to privacy officers of the organisations in
// whose name the glass was broken, and to the administration of users. The
// reasons are free text and for their eyes.
func (e *Emergencies) Queue(ctx context.Context, caller cdr.Caller, q Queue) ([]Access, error) {
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Limit < 0 || q.Limit > mostShown {
		return nil, fault.New(fault.Invalid, "limit", "a page holds 1 to %d accesses", mostShown)
	}
	p, err := e.Act.Administrator(ctx, caller)
	if err != nil {
		return nil, err
	}
	event := cdr.Event{Action: "R", Object: "break-glass reviews", EHR: q.EHR}
	if q.Organisations = nil; !p.MayUse("users") {
		q.Organisations = p.PrivacyIn
	}
	if p.EHR != "" || q.Organisations != nil && len(q.Organisations) == 0 || !p.MayUse("users") && len(p.PrivacyIn) == 0 {
		return nil, e.Act.Deny(ctx, caller, p, event)
	}
	list, err := e.Store.Broken(ctx, q)
	if err != nil {
		return nil, err
	}
	rows := int64(len(list))
	event.Rows = &rows
	return list, e.Act.Record(ctx, e.Act.Event(caller, p, event))
}

// Review closes an emergency access with its outcome, and ends it if it is still
// open. Nobody reviews their own.
func (e *Emergencies) Review(ctx context.Context, caller cdr.Caller, ehr, id, outcome string) error {
	if !slices.Contains(Outcomes, outcome) {
		return fault.New(fault.Invalid, "outcome", "the outcome of a review is one of %s", strings.Join(Outcomes, ", "))
	}
	p, err := e.Act.Administrator(ctx, caller)
	if err != nil {
		return err
	}
	event := cdr.Event{Action: "U", EHR: ehr, Object: id, Basis: "break-glass-review:" + outcome}
	if p.EHR != "" || !p.MayUse("users") && len(p.PrivacyIn) == 0 {
		return e.Act.Deny(ctx, caller, p, event)
	}
	one, err := e.Store.BrokenOne(ctx, ehr, id)
	if err == nil && !p.MayUse("users") && !slices.Contains(p.PrivacyIn, one.Organisation) {
		// Of another organisation, and none look the same.
		err = fault.New(fault.NotFound, "break-glass", "no such emergency access")
	}
	if err != nil {
		return err
	}
	if one.Principal == p.Principal {
		event.Outcome = "denied"
		if err := e.Act.Record(ctx, e.Act.Event(caller, p, event)); err != nil {
			return err
		}
		return fault.New(fault.Forbidden, "own-review", "nobody reviews their own emergency access")
	}
	return e.Store.Review(ctx, ehr, id, p.Principal, outcome, e.Act.Event(caller, p, event))
}

// End ends an emergency access before its time: the principal's own, or one of an
// organisation the caller is privacy officer of.
func (e *Emergencies) End(ctx context.Context, caller cdr.Caller, ehr, id string) error {
	p, err := e.Act.Profile(ctx, caller)
	if err != nil {
		return err
	}
	one, err := e.Store.BrokenOne(ctx, ehr, id)
	mine := one.Principal == p.Principal && (p.EHR == "" || strings.EqualFold(p.EHR, ehr))
	if err == nil && !mine && (p.EHR != "" || !p.MayUse("users") && !slices.Contains(p.PrivacyIn, one.Organisation)) {
		err = fault.New(fault.NotFound, "break-glass", "no such emergency access")
	}
	if err != nil {
		return err
	}
	return e.Store.End(ctx, ehr, id, p.Principal, e.Act.Event(caller, p, cdr.Event{Action: "D", EHR: ehr, Object: id, Basis: "break-glass:ended"}))
}
