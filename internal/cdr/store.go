package cdr

import (
	"context"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
)

// Store keeps the record. Implemented on Postgres. Errors are *fault.Error;
// what the profile may not see is fault.NotFound, like what does not exist.
type Store interface {
	// Commit is the only write path for record data: all of it or nothing.
	Commit(ctx context.Context, c Commit) (Committed, error)
	// JudgeCommit gives the error that Commit would give for the record as it is
	// now, and writes nothing.
	JudgeCommit(ctx context.Context, c Commit) error
	// Version reads one version.
	Version(ctx context.Context, p *access.Profile, ehr string, kind Kind, ref VersionRef) (Version, error)
	// History reads all versions of an object, oldest first, without content.
	History(ctx context.Context, p *access.Profile, ehr string, kind Kind, object string) ([]Version, error)
	// Contribution reads a contribution and the versions of it that the profile
	// may see, with their content where it is asked for.
	Contribution(ctx context.Context, p *access.Profile, ehr, id string, content bool) (StoredContribution, error)
	// EHR reads one EHR with its latest status.
	EHR(ctx context.Context, p *access.Profile, id string) (StoredEHR, error)
	// EHRBySubject finds the EHR of a subject.
	EHRBySubject(ctx context.Context, p *access.Profile, namespace, id string) (StoredEHR, error)
	// Sights says of the objects that are in the EHR whether the profile sees
	// them; what is elsewhere or nowhere is left out.
	Sights(ctx context.Context, p *access.Profile, ehr string, objects []string) (map[string]bool, error)

	TagStore
	StoredQueryStore
	PurgeStore
	ErasureStore
	ArchetypeStore

	// Labels gives the bit of each sensitivity label; 0 for "normal".
	Labels(ctx context.Context) (map[string]uint64, error)
	// LabelRules gives the labels that a code seals a composition with.
	LabelRules(ctx context.Context) (map[LabelCode][]string, error)
	// Templates lists the templates in use, by id.
	Templates(ctx context.Context) ([]TemplateInfo, error)
	// Template reads the version of a template that is in use, byte for byte.
	Template(ctx context.Context, id string) (StoredTemplate, error)
	TemplateVersionStore
	// PutTemplate stores a template: Identical, or Used with other content of no
	// newer version, writes nothing.
	PutTemplate(ctx context.Context, t StoredTemplate, audit Event) (PutOutcome, TemplateInfo, error)
}

// Commit is one contribution to one EHR.
type Commit struct {
	Profile *access.Profile
	EHR     string
	// Create makes the EHR; its status is then among the versions.
	Create *NewEHR
	// ID is the contribution's uuid, SystemID the committing system.
	ID         string
	SystemID   string
	ChangeType string
	// AuditDetails is AUDIT_DETAILS as canonical JSON without time_committed.
	AuditDetails []byte
	Versions     []NewVersion
	// Attested are attestations of versions that are there already.
	Attested []Attested
	// Event is the audit row of the write.
	Event Event
	// Organisation recorded the versions.
	Organisation string
	// Idempotency is empty or names a request whose answer must not change.
	Idempotency *Idempotency
}

// NewEHR is what a commit that makes an EHR says of it. The organisation of the
// commit gets a relationship, so that its people can see what they made.
type NewEHR struct {
	StatusID string
}

// Idempotency recognises a repeated request by its key; Request is a hash of it,
// Answer the id of what it made.
type Idempotency struct {
	Key     string
	Request []byte
	Answer  string
}

// Attested adds attestations to a version without making a new one (RM 1.1.0,
// Common, VERSIONED_OBJECT.commit_attestation).
type Attested struct {
	Kind    Kind
	Version VersionUID
	// Attestations are ATTESTATION as canonical JSON without time_committed.
	Attestations [][]byte
}

// Import is what a version that another system made keeps of it (RM 1.1.0,
// Common, IMPORTED_VERSION).
type Import struct {
	// UID is the version's own.
	UID VersionUID
	// First says that no version of the object is here; its number may still be
	// higher than one.
	First bool
	// Item is the ORIGINAL_VERSION as canonical JSON, as it was but for its data.
	Item        []byte
	OtherInputs []string
}

// NewVersion is a version to commit. Its number and uid are known before the
// transaction, since it follows Preceding and nothing else.
type NewVersion struct {
	Kind   Kind
	Object string
	// Preceding is the version uid this one follows, "" for the first.
	Preceding  string
	Lifecycle  string
	ChangeType string
	// Tree and Doc are the content, nil for a deletion; Doc is the canonical
	// JSON of Tree.
	Tree *rm.Tree
	Doc  []byte
	// Template is nil for kinds without one.
	Template *Template
	// Labels and Sens are the sensitivity labels and their bits.
	Labels []string
	Sens   uint64
	// AuditDetails is the commit audit without time_committed.
	AuditDetails []byte
	// Warnings are for the committer and are not stored.
	Warnings []fault.Issue
	// Signature is kept as it was sent.
	Signature string
	// Attestations are ATTESTATION as canonical JSON without time_committed.
	Attestations [][]byte
	// OtherInputs are the version uids from elsewhere that this one was made of.
	OtherInputs []string
	// Import is set for a version of another system.
	Import *Import
	// Pinned: the client named the version of the template, which may be retired.
	Pinned bool
	// Persistent refuses a second live object of the template in the EHR.
	Persistent bool
	// Persistence says whether a composition is persistent, which all its versions
	// are or none; nil asks neither for that nor for one archetype of all.
	Persistence *bool
	// Status is set for KindStatus.
	Status *StatusFacts
	// ObjectTags and VersionTags replace the tags of the object and set those of
	// this version; nil leaves them.
	ObjectTags, VersionTags *[]Tag
	// StalePath makes a stale Preceding a Conflict and no Precondition: the
	// version was named in the path.
	StalePath bool
}

// UID is the version uid: the next one on the trunk by the committing system, or
// the one another system gave.
func (v NewVersion) UID(system string) VersionUID {
	if v.Import != nil {
		return v.Import.UID
	}
	uid := VersionUID{Object: v.Object, System: system, Number: 1}
	if old, ok := ParseVersionUID(v.Preceding); ok {
		uid.Number = old.Number + 1
	}
	return uid
}

// First says whether the version is the first of its object here.
func (v NewVersion) First() bool {
	return v.Preceding == "" || v.Import != nil && v.Import.First
}

// StatusFacts are what the ehr row mirrors of an EHR_STATUS.
type StatusFacts struct {
	IsQueryable, IsModifiable bool
	// SubjectNamespace and SubjectID are the normalised external reference, ""
	// without one.
	SubjectNamespace, SubjectID string
}

// Committed is the answer to a Commit.
type Committed struct {
	Contribution string
	Committed    time.Time
	// Repeated is the Answer of the request that this one repeats.
	Repeated string
}

// Version is a stored version.
type Version struct {
	UID, Object, EHR string
	Kind             Kind
	Number           int
	Lifecycle        string
	ChangeType       string
	Contribution     string
	Committed        time.Time
	Preceding        string
	OtherInputs      []string
	Signature        string
	// AuditDetails lacks time_committed; Attestations is a JSON list or nil.
	AuditDetails []byte
	Attestations []byte
	// Imported is the item of an IMPORTED_VERSION without its data, nil for a
	// version that was made here.
	Imported []byte
	// Template is the template id, TemplateRow its version.
	Template    string
	TemplateRow int32
	Family      int32
	// Latest and Effective are the marks of the version.
	Latest, Effective bool
	Doc               []byte
}

// StoredContribution is a contribution as stored.
type StoredContribution struct {
	ID           string
	Committed    time.Time
	AuditDetails []byte
	Versions     []Version
}

// StoredEHR is an ehr row with its latest status.
type StoredEHR struct {
	ID, SystemID, StatusID, DirectoryID string
	Created                             time.Time
	IsQueryable, IsModifiable           bool
	Status                              Version
	// Merged and MergedInto are as in EHR.
	Merged     []string
	MergedInto string
}

// TemplateInfo is a row of the list of templates.
type TemplateInfo struct {
	// Row is the id of this content, Family the id of the template id whatever
	// its content: access filters on the family.
	Row, Family   int32
	ID            string
	UID           string
	Concept       string
	RootArchetype string
	Language      string
	Created       time.Time
	// Label is the sensitivity label new versions get, Sens its bit set.
	Label string
	Sens  uint64
	// Version is the semantic version, "" without; SHA256 that of the OPT.
	Version string
	SHA256  []byte
	// Retired is when a newer version took its place, zero for the one in use.
	Retired time.Time
}

// TemplateVersionStore keeps the versions of templates.
type TemplateVersionStore interface {
	// TemplateVersions lists them, the one in use first, then the later retired
	// before the earlier.
	TemplateVersions(ctx context.Context, id string) ([]TemplateInfo, error)
	// TemplateRow reads one by its row.
	TemplateRow(ctx context.Context, row int32) (StoredTemplate, error)
	// TemplateUsed says whether something was committed by it.
	TemplateUsed(ctx context.Context, row int32) (bool, error)
	// TemplateDocuments reads effective compositions of a template family, those
	// after a place, in order.
	TemplateDocuments(ctx context.Context, p *access.Profile, family int32, after DocumentPlace, limit int) ([]TemplateDocument, error)
}

// DocumentPlace is a place in the order of all compositions; the zero value is
// before them.
type DocumentPlace struct{ EHR, Object string }

// TemplateDocument is an effective composition.
type TemplateDocument struct {
	EHR, Object, VersionUID string
	Doc                     []byte
}

// StoredTemplate is a template with its source.
type StoredTemplate struct {
	TemplateInfo
	OPT string
}

// PutOutcome says what PutTemplate did.
type PutOutcome uint8

// The outcomes of PutTemplate.
const (
	PutNew PutOutcome = iota
	PutReplaced
	// PutVersion has retired the version that was in use.
	PutVersion
	// PutIdentical is refused: the same content is stored already.
	PutIdentical
	// PutUsed is refused: other content is stored, and compositions use it.
	PutUsed
)
