package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// PurgeStore destroys physically. The audit stays.
type PurgeStore interface {
	// PurgeObject removes a versioned object with its history; none of the kind
	// in the EHR is NotFound.
	PurgeObject(ctx context.Context, e Erasure, audit Event) error
	// PurgeContribution removes a contribution and the objects it made; a
	// Conflict where a version of it is part of a longer history.
	PurgeContribution(ctx context.Context, e Erasure, audit Event) error
	// EHRs lists some EHR ids in order, those after the given one.
	EHRs(ctx context.Context, after string) ([]string, error)
	// DeleteTemplate removes a template; one in use is a Conflict.
	DeleteTemplate(ctx context.Context, id string, audit Event) error
}

// destroyer is the profile of who may destroy, on a server that may.
func (s *Service) destroyer(ctx context.Context, caller Caller, area string) (*access.Profile, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if !p.MayUse(area) || s.manners.AdminDestroys && !p.MayUse(purgeArea) {
		return nil, s.deny(ctx, caller, p, Event{Action: "D"})
	}
	if !s.destruction {
		return nil, fault.New(fault.MethodNotAllowed, "destruction-off", "physical deletion is off on this server")
	}
	return p, nil
}

// PurgeComposition removes a composition and all its versions, physically.
func (s *Service) PurgeComposition(ctx context.Context, caller Caller, ehr, object, reason string) error {
	return s.purge(ctx, caller, Erasure{EHR: ehr, Kind: KindComposition, Object: object, Reason: reason}, s.store.PurgeObject)
}

// PurgeDirectory removes the directory of an EHR and all its versions.
func (s *Service) PurgeDirectory(ctx context.Context, caller Caller, ehr, object, reason string) error {
	return s.purge(ctx, caller, Erasure{EHR: ehr, Kind: KindFolder, Object: object, Reason: reason}, s.store.PurgeObject)
}

// PurgeContribution removes a contribution and the objects it made.
func (s *Service) PurgeContribution(ctx context.Context, caller Caller, ehr, id, reason string) error {
	return s.purge(ctx, caller, Erasure{EHR: ehr, Object: id, Reason: reason}, s.store.PurgeContribution)
}

func (s *Service) purge(ctx context.Context, caller Caller, e Erasure, do func(ctx context.Context, e Erasure, audit Event) error) error {
	p, err := s.destroyer(ctx, caller, purgeArea)
	if err != nil {
		return err
	}
	if e.EHR, err = s.ehrID(e.EHR); err != nil {
		return err
	}
	uid, ok := objectUID(e.Object)
	if !ok {
		return s.malformed("object_id", "a UUID")
	}
	e.Object = uid
	return s.confirmed(ctx, caller, p, e, Event{Action: "D", EHR: e.EHR, Object: uid}, func(e Erasure, event Event) error { return do(ctx, e, event) })
}

// DeleteEHRs removes the EHRs of the ids physically, all for none. Unknown ids
// are skipped; a malformed one refuses them all.
func (s *Service) DeleteEHRs(ctx context.Context, caller Caller, ids []string) error {
	p, err := s.destroyer(ctx, caller, purgeArea)
	if err != nil {
		return err
	}
	for i, id := range ids {
		uid, ok := objectUID(id)
		if !ok {
			return fault.New(fault.Invalid, "malformed-ehr-id", "an ehr_id is not a UUID; nothing was deleted")
		}
		ids[i] = uid
	}
	if s.twoPersons {
		return fault.New(fault.Conflict, "two-persons", "this server asks for two persons: records are destroyed one at a time")
	}
	destroy := func(list []string) error {
		for _, id := range list {
			e := Erasure{EHR: id, Reason: "many-records", RequestedBy: p.Principal, ConfirmedBy: p.Principal, SystemID: s.systemID}
			err := s.store.DeleteEHR(ctx, e, s.event(caller, p, Event{Action: "D", EHR: id, Object: "ehr", Basis: "erasure:" + e.Reason}))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return nil
	}
	if len(ids) > 0 {
		return destroy(ids)
	}
	for after := ""; ; {
		list, err := s.store.EHRs(ctx, after)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := destroy(list); err != nil {
			return err
		}
		after = list[len(list)-1]
	}
}

// DeleteTemplate removes a template that no composition uses.
func (s *Service) DeleteTemplate(ctx context.Context, caller Caller, id string) error {
	p, err := s.destroyer(ctx, caller, templatesArea)
	if err != nil {
		return err
	}
	if err := s.inScope(ctx, caller, p, access.Definitions, 'd', id); err != nil {
		return err
	}
	if err := s.store.DeleteTemplate(ctx, id, s.event(caller, p, Event{Action: "D", Object: id})); err != nil {
		return err
	}
	s.templates.Invalidate(id)
	return nil
}

// DeleteTemplates removes all templates that no composition uses, and gives
// their number. One in use ends it.
func (s *Service) DeleteTemplates(ctx context.Context, caller Caller) (int, error) {
	if _, err := s.destroyer(ctx, caller, templatesArea); err != nil {
		return 0, err
	}
	list, err := s.store.Templates(ctx)
	if err != nil {
		return 0, err
	}
	for n, t := range list {
		if err := s.DeleteTemplate(ctx, caller, t.ID); err != nil {
			return n, err
		}
	}
	return len(list), nil
}

// PurgeStoredQuery removes one version of a stored query.
func (s *Service) PurgeStoredQuery(ctx context.Context, caller Caller, name, version string) error {
	if _, err := s.destroyer(ctx, caller, queriesArea); err != nil {
		return err
	}
	return s.DeleteStoredQuery(ctx, caller, name, version)
}

// ReplaceTemplate puts other content in the place of a template that no
// composition uses; the content must be of the same template id.
func (s *Service) ReplaceTemplate(ctx context.Context, caller Caller, id string, source []byte) (*Template, error) {
	p, err := s.destroyer(ctx, caller, templatesArea)
	if err != nil {
		return nil, err
	}
	if err := s.inScope(ctx, caller, p, access.Definitions, 'u', id); err != nil {
		return nil, err
	}
	old, err := s.store.Template(ctx, id)
	if err != nil {
		return nil, err
	}
	compiled, err := s.compileOPT(source)
	if err != nil {
		return nil, err
	}
	if compiled.TemplateID != id {
		return nil, fault.New(fault.Invalid, "template-id", "the content is of another template")
	}
	t, err := s.putTemplate(ctx, caller, p, compiled, source, TemplateUpload{Label: old.Label})
	if fault.Of(err).Code == "template-exists" {
		return s.compiled(ctx, id)
	}
	if fault.Of(err).Code == "template-used" {
		return nil, fault.New(fault.Conflict, "template-in-use", "the template %s is used by compositions", id)
	}
	return t, err
}
