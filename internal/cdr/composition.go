package cdr

import "context"

// CreateComposition commits the first version of a composition.
func (s *Service) CreateComposition(ctx context.Context, caller Caller, ehr string, content Content, info CommitInfo) (Document, error) {
	panic("not yet")
}

// UpdateComposition commits a new version of object over the version ifMatch
// names; a stale one is a Precondition with the latest uid.
func (s *Service) UpdateComposition(ctx context.Context, caller Caller, ehr, object, ifMatch string, content Content, info CommitInfo) (Document, error) {
	panic("not yet")
}

// DeleteComposition deletes logically: the version uid of the path must be the
// latest (else a Conflict). ifMatch "" was not sent; a stale one is a
// Precondition. The document is the deleted version.
func (s *Service) DeleteComposition(ctx context.Context, caller Caller, ehr, versionUID, ifMatch string, info CommitInfo) (Document, error) {
	panic("not yet")
}

// Composition reads a composition; a deleted one has no JSON.
func (s *Service) Composition(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	panic("not yet")
}

// VersionedComposition is the VERSIONED_COMPOSITION.
func (s *Service) VersionedComposition(ctx context.Context, caller Caller, ehr, object string) (Versioned, error) {
	panic("not yet")
}

// CompositionVersion is an ORIGINAL_VERSION: the JSON of the document is the
// version with its content inside, also where that is deleted.
func (s *Service) CompositionVersion(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	panic("not yet")
}

// CompositionHistory is the REVISION_HISTORY as canonical JSON.
func (s *Service) CompositionHistory(ctx context.Context, caller Caller, ehr, object string) ([]byte, error) {
	panic("not yet")
}
