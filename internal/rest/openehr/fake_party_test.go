package openehr_test

import (
	"context"

	"github.com/quire-cdr/quire/internal/cdr"
)

func (f *fake) CreateParty(_ context.Context, _ cdr.Caller, class string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	f.asked = class
	_, err := f.write(ehrID, "", content, info)
	return doc(first), err
}

func (f *fake) UpdateParty(_ context.Context, _ cdr.Caller, class, _, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	f.asked = class
	return f.write(ehrID, ifMatch, content, info)
}

func (f *fake) DeleteParty(_ context.Context, _ cdr.Caller, class, uid, ifMatch string, info cdr.CommitInfo) (cdr.Document, error) {
	f.asked, f.id, f.ifMatch, f.info = class, uid, ifMatch, info
	return doc(deleted), nil
}

func (f *fake) Party(_ context.Context, _ cdr.Caller, ref cdr.VersionRef) (cdr.Document, error) {
	return f.read(ehrID, ref)
}

func (f *fake) VersionedParty(_ context.Context, _ cdr.Caller, id string) (cdr.Versioned, error) {
	return cdr.Versioned{ObjectID: id, JSON: []byte(`{"_type":"VERSIONED_PARTY"}`), Latest: doc(second)}, nil
}

func (f *fake) PartyVersion(_ context.Context, _ cdr.Caller, ref cdr.VersionRef) (cdr.Document, error) {
	return f.read(ehrID, ref)
}

func (f *fake) PartyHistory(context.Context, cdr.Caller, string) ([]byte, error) {
	return []byte(`{"_type":"REVISION_HISTORY"}`), nil
}

func (f *fake) CommitPartyContribution(_ context.Context, _ cdr.Caller, body []byte, key string, inline bool) (cdr.ContributionView, error) {
	f.content.JSON, f.key, f.inline = body, key, inline
	return cdr.ContributionView{ID: object, Committed: committed, JSON: []byte(`{"_type":"CONTRIBUTION"}`)}, nil
}

func (f *fake) PartyContribution(_ context.Context, _ cdr.Caller, id string, inline bool) (cdr.ContributionView, error) {
	f.id, f.inline = id, inline
	return cdr.ContributionView{ID: id, Committed: committed, JSON: []byte(`{"_type":"CONTRIBUTION"}`)}, nil
}

func (f *fake) PartyTags(_ context.Context, _ cdr.Caller, q cdr.TagQuery) ([]byte, error) {
	f.tag = q
	return []byte(`[]`), nil
}
