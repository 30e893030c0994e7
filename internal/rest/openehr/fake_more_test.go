package openehr_test

import (
	"context"

	"github.com/quire-cdr/quire/internal/aql/declare"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

func (f *fake) CreateDirectory(_ context.Context, _ cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	if _, err := f.write(ehr, "", content, info); err != nil {
		return cdr.Document{}, err
	}
	return doc(first), nil
}

// UpdateDirectory knows no directory: a missing If-Match must reach it.
func (f *fake) UpdateDirectory(_ context.Context, _ cdr.Caller, ehr, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error) {
	if ifMatch == "" {
		return cdr.Document{}, fault.New(fault.NotFound, "directory-unknown", "no directory")
	}
	d, err := f.write(ehr, ifMatch, content, info)
	d.JSON, d.Withheld = []byte(document), true
	return d, err
}

func (f *fake) DeleteDirectory(_ context.Context, _ cdr.Caller, ehr, ifMatch string, info cdr.CommitInfo) (cdr.Document, error) {
	if _, err := f.write(ehr, ifMatch, cdr.Content{}, info); err != nil {
		return cdr.Document{}, err
	}
	return doc(deleted), nil
}

func (f *fake) Directory(_ context.Context, _ cdr.Caller, ehr string, ref cdr.VersionRef, path string) (cdr.Document, error) {
	f.path = path
	d, err := f.read(ehr, ref)
	d.Withheld = true
	return d, err
}

func (f *fake) CommitContribution(_ context.Context, _ cdr.Caller, ehr string, body []byte, key string, inline bool) (cdr.ContributionView, error) {
	f.content.JSON, f.key, f.inline = body, key, inline
	return cdr.ContributionView{ID: object, Committed: committed, JSON: []byte(`{"_type":"CONTRIBUTION"}`)}, f.known(ehr)
}

func (f *fake) CommitContributionBy(ctx context.Context, caller cdr.Caller, ehr string, body []byte, version, key string, inline bool) (cdr.ContributionView, error) {
	f.info.TemplateVersion = version
	return f.CommitContribution(ctx, caller, ehr, body, key, inline)
}
func (f *fake) ImportContribution(ctx context.Context, caller cdr.Caller, ehr string, body []byte, key string, inline bool) (cdr.ContributionView, error) {
	f.imported = true
	return f.CommitContribution(ctx, caller, ehr, body, key, inline)
}

func (f *fake) MayWithhold(context.Context, cdr.Caller) bool { return true }

func (f *fake) Tags(_ context.Context, _ cdr.Caller, q cdr.TagQuery) ([]byte, error) {
	f.tag = q
	return []byte(`[{"key":"a"},{"key":"b<"},{"key":"c"}]`), f.known(q.EHR)
}

func (f *fake) ItemTags(_ context.Context, _ cdr.Caller, ehr string, kind cdr.Kind, ref cdr.VersionRef) ([]byte, error) {
	f.kind, f.ref = kind, ref
	return []byte(`[]`), f.known(ehr)
}

func (f *fake) PutItemTags(_ context.Context, _ cdr.Caller, ehr string, kind cdr.Kind, ref cdr.VersionRef, tags []cdr.Tag) ([]byte, error) {
	f.kind, f.ref, f.tags = kind, ref, tags
	if _, err := cdr.CheckTags(tags); err != nil {
		return nil, err
	}
	return []byte(`[{"_type":"ITEM_TAG"}]`), f.known(ehr)
}

func (f *fake) DeleteItemTags(_ context.Context, _ cdr.Caller, ehr string, kind cdr.Kind, ref cdr.VersionRef, key string) error {
	f.kind, f.ref, f.asked = kind, ref, key
	return f.known(ehr)
}

func (f *fake) StoreQuery(_ context.Context, _ cdr.Caller, name, version, text string) (cdr.StoredQuery, error) {
	f.query = cdr.StoredQuery{Name: name, Version: version, AQL: text}
	stored := cdr.StoredQuery{Name: "ns::" + name, Version: "1.0.0", AQL: text, Saved: committed}
	if text == "SELECT 2" {
		stored.Facts = facts()
	}
	return stored, nil
}

// facts are those of a query with a parameter and a mistake.
func facts() *cdr.QueryFacts {
	return &cdr.QueryFacts{Hash: "abc",
		Parameters: []declare.Parameter{{Name: "min", Type: declare.Number, Default: 140, Description: "lowest", Declared: true, Paths: []string{"l/value/magnitude"}}},
		Warnings:   []fault.Issue{{Path: "line 1, column 8", Rule: "query-path-unknown", Message: "nothing here", Found: "o/x", Expected: "o/y"}}}
}

func (f *fake) StoredQuery(_ context.Context, _ cdr.Caller, name, version string) (cdr.StoredQuery, error) {
	f.query = cdr.StoredQuery{Name: name, Version: version}
	if version == "2" {
		stored := facts()
		stored.Warnings = nil
		return cdr.StoredQuery{Name: name, Version: "2.0.0", AQL: "SELECT 2", Saved: committed, Facts: stored}, nil
	}
	return cdr.StoredQuery{Name: name, Version: "1.2.3", AQL: "SELECT \"x\"", Saved: committed}, nil
}

func (f *fake) StoredQueries(_ context.Context, _ cdr.Caller, prefix string) ([]cdr.StoredQuery, error) {
	f.asked = prefix
	return []cdr.StoredQuery{{Name: "org.x::y", Version: "1.0.0"}, {Name: "org.x::y", Version: "1.0.1"}}, nil
}

func (f *fake) DeleteStoredQuery(_ context.Context, _ cdr.Caller, name, version string) error {
	f.asked = name + "/" + version
	return nil
}

func (f *fake) ExecuteStoredQuery(context.Context, cdr.Caller, string, string, cdr.QueryRequest) (*cdr.ResultSet, error) {
	return nil, fault.New(fault.NotImplemented, "fake", "not asked")
}
