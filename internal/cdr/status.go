package cdr

import "context"

// Status reads the EHR_STATUS; an empty ref means the latest.
func (s *Service) Status(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	panic("not yet")
}

// UpdateStatus commits a new EHR_STATUS over the version ifMatch names.
func (s *Service) UpdateStatus(ctx context.Context, caller Caller, ehr, ifMatch string, content Content, info CommitInfo) (Document, error) {
	panic("not yet")
}

// VersionedStatus is the VERSIONED_EHR_STATUS.
func (s *Service) VersionedStatus(ctx context.Context, caller Caller, ehr string) (Versioned, error) {
	panic("not yet")
}

// StatusVersion is an ORIGINAL_VERSION of the EHR_STATUS: the JSON of the
// document is the version with its content inside.
func (s *Service) StatusVersion(ctx context.Context, caller Caller, ehr string, ref VersionRef) (Document, error) {
	panic("not yet")
}

// StatusHistory is the REVISION_HISTORY of the EHR_STATUS as canonical JSON.
func (s *Service) StatusHistory(ctx context.Context, caller Caller, ehr string) ([]byte, error) {
	panic("not yet")
}
