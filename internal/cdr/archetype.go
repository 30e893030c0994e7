package cdr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/fault"
)

// ArchetypeInfo is what lists say of a stored archetype.
type ArchetypeInfo struct {
	// ID is the archetype id, Parent that of the archetype it specialises, "" for
	// none.
	ID, Parent string
	// Class is the reference model class of the root.
	Class string
	// Concept is the text of the root's term in the archetype's own language.
	Concept  string
	Language string
	Uploaded time.Time
}

// StoredArchetype is an archetype with its source, byte for byte.
type StoredArchetype struct {
	ArchetypeInfo
	SHA256 []byte
	ADL    string
}

// ArchetypeStore keeps archetypes. An archetype is used by the templates that
// hold it and by the archetypes that specialise it.
type ArchetypeStore interface {
	// Archetypes lists all archetypes, by id.
	Archetypes(ctx context.Context) ([]ArchetypeInfo, error)
	// Archetype reads one archetype by its id.
	Archetype(ctx context.Context, id string) (StoredArchetype, error)
	// PutArchetype stores an archetype: Identical, or Used with other content,
	// writes nothing.
	PutArchetype(ctx context.Context, a StoredArchetype, audit Event) (PutOutcome, StoredArchetype, error)
	// DeleteArchetype removes an archetype; a used one is a Conflict.
	DeleteArchetype(ctx context.Context, id string, audit Event) error
}

// UploadArchetype checks and stores an archetype in ADL 1.4; created says whether
// its id is new. The same content again changes nothing; other content replaces
// an archetype that nothing uses and is a Conflict with the code archetype-used
// for one that is.
func (s *Service) UploadArchetype(ctx context.Context, caller Caller, source []byte) (a StoredArchetype, created bool, err error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return a, false, err
	}
	if !p.MayUse(templatesArea) {
		return a, false, s.deny(ctx, caller, p, Event{Action: "C"})
	}
	read, err := adl.Read(bytes.NewReader(source))
	if err != nil {
		return a, false, err
	}
	term, _ := read.Term(read.Concept, read.OriginalLanguage.Code)
	sum := sha256.Sum256(source)
	outcome, a, err := s.store.PutArchetype(ctx, StoredArchetype{
		ArchetypeInfo: ArchetypeInfo{ID: read.ID, Parent: read.ParentID, Class: adl.Class(read.ID),
			Concept: term.Text(), Language: read.OriginalLanguage.Code},
		SHA256: sum[:], ADL: string(source),
	}, s.event(caller, p, Event{Action: "C", Object: read.ID}))
	if err == nil && outcome == PutUsed {
		err = fault.New(fault.Conflict, "archetype-used", "the archetype %s is stored with other content and is used by templates or specialisations", read.ID)
	}
	return a, outcome == PutNew, err
}

// Archetypes lists the archetypes.
func (s *Service) Archetypes(ctx context.Context, caller Caller) ([]ArchetypeInfo, error) {
	p, err := s.profile(ctx, caller)
	if err != nil || !mayReadArchetypes(p) {
		return nil, err
	}
	return s.store.Archetypes(ctx)
}

// Archetype reads one archetype, byte for byte.
func (s *Service) Archetype(ctx context.Context, caller Caller, id string) (StoredArchetype, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return StoredArchetype{}, err
	}
	if !mayReadArchetypes(p) {
		return StoredArchetype{}, fault.New(fault.NotFound, "archetype-unknown", "no such archetype")
	}
	return s.store.Archetype(ctx, id)
}

// DeleteArchetype removes an archetype that nothing uses.
func (s *Service) DeleteArchetype(ctx context.Context, caller Caller, id string) error {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return err
	}
	if !p.MayUse(templatesArea) {
		return s.deny(ctx, caller, p, Event{Action: "D", Object: id})
	}
	return s.store.DeleteArchetype(ctx, id, s.event(caller, p, Event{Action: "D", Object: id}))
}

// mayReadArchetypes: archetypes hold no data and no sensitivity of their own;
// whoever works with any template may read them.
func mayReadArchetypes(p *access.Profile) bool {
	return p.MayView(templatesArea) || len(p.Templates) > 0 || len(p.WriteTemplates) > 0
}
