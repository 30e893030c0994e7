package cdr

import (
	"context"
	"fmt"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// Erasure is one physical destruction (DESIGN 5a rule 11). What it says is kept
// when the record is gone, so that the reason is a code and no text.
type Erasure struct {
	EHR string
	// Kind and Object name one versioned object or contribution; "" is the whole
	// record.
	Kind   Kind
	Object string
	Reason string
	// RequestedBy asked for it and ConfirmedBy had it done: two persons, or one
	// where the server asks for no second.
	RequestedBy, ConfirmedBy string
	Requested                *time.Time
	// SystemID is this system's, as in the export the certificate's hash is of.
	SystemID string
}

// Hold keeps a record from destruction.
type Hold struct {
	ID, EHR string
	// Reason is a reason code.
	Reason string
	// Until is the end of a retention; zero is a legal hold, which somebody lifts.
	Until time.Time
	By    string
	Set   time.Time
}

// ErasureStore destroys physically and keeps what is known of it. A record under
// a hold is a Conflict with the code legal-hold.
type ErasureStore interface {
	// DeleteEHR removes an EHR and everything in it, and leaves a certificate.
	DeleteEHR(ctx context.Context, e Erasure, audit Event) error
	// RequestErasure keeps the first request for a destruction and gives it; an
	// older one that nobody confirmed in time is replaced.
	RequestErasure(ctx context.Context, e Erasure, audit Event) (Erasure, error)
	// PutHold begins a hold, LiftHolds ends all of an EHR (NotFound without), Holds
	// lists those in force.
	PutHold(ctx context.Context, h Hold, audit Event) error
	LiftHolds(ctx context.Context, ehr, by string, audit Event) error
	Holds(ctx context.Context, ehr string) ([]Hold, error)
}

// AwaitsSecond says that a destruction was requested, and that another person
// has to confirm it by asking for the same.
type AwaitsSecond struct {
	EHR         string    `json:"ehr_id"`
	Object      string    `json:"object,omitempty"`
	Reason      string    `json:"reason"`
	RequestedBy string    `json:"requested_by"`
	Requested   time.Time `json:"requested"`
}

// Error says what is awaited.
func (a *AwaitsSecond) Error() string {
	return fmt.Sprintf("the destruction is requested by %s and awaits a second person", a.RequestedBy)
}

// confirmed has a destruction done, or keeps it as a request: on a server that
// asks for two persons the second who asks for the same has it done.
func (s *Service) confirmed(ctx context.Context, caller Caller, p *access.Profile, e Erasure, event Event, do func(Erasure, Event) error) error {
	if e.Reason == "" && !s.twoPersons {
		e.Reason = "not-stated"
	}
	if !reasonCode.MatchString(e.Reason) {
		return fault.New(fault.Invalid, "reason", "destruction has a reason code: 3 to 40 lower-case letters, digits and hyphens")
	}
	e.RequestedBy, e.ConfirmedBy, e.SystemID = p.Principal, p.Principal, s.systemID
	if s.twoPersons {
		request := event
		request.Action, request.Basis = "U", "erasure-request:"+e.Reason
		first, err := s.store.RequestErasure(ctx, e, s.event(caller, p, request))
		if err != nil {
			return s.missed(ctx, caller, p, event, err)
		}
		if first.RequestedBy == p.Principal {
			return &AwaitsSecond{EHR: e.EHR, Object: e.Object, Reason: first.Reason, RequestedBy: first.RequestedBy, Requested: *first.Requested}
		}
		e.Reason, e.RequestedBy, e.Requested = first.Reason, first.RequestedBy, first.Requested
	}
	event.Basis = "erasure:" + e.Reason
	return s.missed(ctx, caller, p, event, do(e, s.event(caller, p, event)))
}

// DeleteEHR removes an EHR and everything in it, physically. It is off unless
// the server was told otherwise (DESIGN 5a rule 11). Where two persons are asked
// for, the first gets *AwaitsSecond. reason is a reason code.
func (s *Service) DeleteEHR(ctx context.Context, caller Caller, id, reason string) error {
	p, err := s.destroyer(ctx, caller, purgeArea)
	if err != nil {
		return err
	}
	if id, err = s.ehrID(id); err != nil {
		return err
	}
	return s.confirmed(ctx, caller, p, Erasure{EHR: id, Reason: reason}, Event{Action: "D", EHR: id, Object: "ehr"}, func(e Erasure, event Event) error {
		return s.store.DeleteEHR(ctx, e, event)
	})
}

// PutHold keeps a record from destruction: for ever, or until a day.
func (s *Service) PutHold(ctx context.Context, caller Caller, h Hold) (Hold, error) {
	p, id, err := s.holder(ctx, caller, h.EHR)
	if err != nil {
		return h, err
	}
	if !reasonCode.MatchString(h.Reason) {
		return h, fault.New(fault.Invalid, "reason", "a hold has a reason code: 3 to 40 lower-case letters, digits and hyphens")
	}
	if !h.Until.IsZero() && !h.Until.After(s.clock.Now()) {
		return h, fault.New(fault.Unprocessable, "until", "the retention ends in the past")
	}
	h.ID, h.EHR, h.By, h.Set = newUID(), id, p.Principal, s.clock.Now().UTC()
	return h, s.store.PutHold(ctx, h, s.event(caller, p, Event{Action: "C", EHR: id, Object: "hold", Basis: "hold:" + h.Reason}))
}

// LiftHold ends the holds of a record.
func (s *Service) LiftHold(ctx context.Context, caller Caller, ehr string) error {
	p, id, err := s.holder(ctx, caller, ehr)
	if err != nil {
		return err
	}
	return s.store.LiftHolds(ctx, id, p.Principal, s.event(caller, p, Event{Action: "D", EHR: id, Object: "hold"}))
}

// Holds lists what keeps a record from destruction.
func (s *Service) Holds(ctx context.Context, caller Caller, ehr string) ([]Hold, error) {
	p, id, err := s.holder(ctx, caller, ehr)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Holds(ctx, id)
	if err != nil {
		return nil, err
	}
	return list, s.read(ctx, caller, p, id, "hold", 0)
}

// holder is the profile of who may set and lift holds: who may destroy.
func (s *Service) holder(ctx context.Context, caller Caller, ehr string) (*access.Profile, string, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, "", err
	}
	if !p.MayUse(purgeArea) || p.EHR != "" {
		return nil, "", s.deny(ctx, caller, p, Event{Action: "U", EHR: ehr, Object: "hold"})
	}
	id, err := s.ehrID(ehr)
	if err != nil {
		return nil, "", err
	}
	_, err = s.store.EHR(ctx, access.System(), id)
	return p, id, s.missed(ctx, caller, p, Event{Action: "U", EHR: id, Object: "hold"}, err)
}
