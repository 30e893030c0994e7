package cdr

import (
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
)

// Kind says what a versioned object holds; the numbers stand in the database.
type Kind int16

// The kinds of versioned object.
const (
	KindComposition Kind = 1
	KindStatus      Kind = 2
	KindFolder      Kind = 3
	KindParty       Kind = 4
)

// Class is the class of the versions' data, such as "COMPOSITION".
func (k Kind) Class() string {
	switch k {
	case KindComposition:
		return "COMPOSITION"
	case KindStatus:
		return "EHR_STATUS"
	case KindFolder:
		return "FOLDER"
	}
	return "PARTY"
}

// Content is the new content of a version: a tree that a codec made, or
// canonical JSON that is read here. Tree wins where both are set.
type Content struct {
	Tree *rm.Tree
	JSON []byte
}

// CommitInfo is what a client says of its commit, by the headers openehr-version
// and openehr-audit-details or by an UPDATE_VERSION. Empty members take the
// defaults of the operation.
type CommitInfo struct {
	// Lifecycle is a code of the group version lifecycle state: "532" complete
	// (the default), "553" incomplete, "800" inactive, "801" abandoned.
	Lifecycle string
	// ChangeType is a code of the group audit change type; the default is 249,
	// 251 or 523 as the operation is a create, an update or a delete.
	ChangeType string
	// Description becomes AUDIT_DETAILS.description.
	Description string
	// Described is the description as a canonical DV_TEXT and wins over Description.
	Described []byte
	// Attested are the members that make the audit an ATTESTATION, as canonical
	// JSON; nil leaves it an AUDIT_DETAILS.
	Attested []byte
	// Committer is a PARTY_PROXY as canonical JSON and wins over the parts.
	Committer []byte
	// CommitterName and the parts of external_ref; where none is given the
	// committer is the caller.
	CommitterName, CommitterID, CommitterNamespace, CommitterType string
	// Labels are sensitivity labels to set besides those of the template.
	Labels []string
	// TemplateVersion names the version of the template to judge the content by; ""
	// is the one in use.
	TemplateVersion string
	// IdempotencyKey makes a repeated create give the first answer.
	IdempotencyKey string
	// ObjectTags and VersionTags are tags for the object and for the version that
	// is made; nil leaves them, an empty list clears.
	ObjectTags, VersionTags *[]Tag
}

// VersionRef names one version of a versioned object. Object or VersionUID is
// set; for EHR_STATUS both may be empty, since the EHR has only one.
type VersionRef struct {
	// Object is the uuid of the versioned object: the effective version is
	// meant, or the one at a time.
	Object string
	// VersionUID names exactly one version.
	VersionUID string
	// At picks the version that was extant at a time.
	At *time.Time
	// Lifecycle "incomplete" asks for the newest version even if it is a draft.
	Lifecycle string
	// Class is that of the party meant, such as "PERSON": one of another class is
	// not found. "" takes any; other kinds than KindParty do not look at it.
	Class string
}

// Document is one version of a versioned object with its content. JSON is the
// stored bytes and must not be changed; it is nil where Deleted.
type Document struct {
	VersionUID string
	ObjectID   string
	// EHR is the owner.
	EHR  string
	Kind Kind
	JSON []byte
	// Tree is the content as it was committed; set by writes only, so that they
	// can answer in other formats without reading again.
	Tree      *rm.Tree
	Committed time.Time
	// Lifecycle is the code, such as "532".
	Lifecycle string
	Deleted   bool
	// ChangeType is the code of the audit change type, such as "250"; set by reads.
	ChangeType string
	// Template is the template id, "" for other kinds than compositions;
	// TemplateRow is the version of it that the content was judged by.
	Template    string
	TemplateRow int32
	// TemplateEdition names that version; set by writes only.
	TemplateEdition string
	// Contribution is the id of the contribution that committed the version.
	Contribution string
	// Warnings are what validation remarked and did not refuse; set by writes.
	Warnings []fault.Issue
	// Repeated says that an idempotency key was seen before: the document is
	// the first answer, and nothing was written.
	Repeated bool
	// Withheld says that the caller may not have seen everything.
	Withheld bool
	// Amended says that attestations were added to the version, so that its uid
	// does not tell its state.
	Amended bool
}

// EHR is one electronic health record.
type EHR struct {
	ID       string
	SystemID string
	Created  time.Time
	// Status is the latest EHR_STATUS; StatusID its versioned object.
	Status   Document
	StatusID string
	// DirectoryID is the versioned object of the directory, "" without one.
	DirectoryID               string
	IsQueryable, IsModifiable bool
	// Merged are other records of the person that were merged into this one and
	// hold the rest of what is known; MergedInto is the one this was merged into,
	// "" for none.
	Merged     []string
	MergedInto string
}

// Versioned is a VERSIONED_OBJECT as canonical JSON.
type Versioned struct {
	ObjectID string
	Created  time.Time
	JSON     []byte
	// Latest is the newest version the caller may see.
	Latest Document
	// Withheld says that the caller may not have seen every version.
	Withheld bool
}

// ContributionView is a CONTRIBUTION as canonical JSON.
type ContributionView struct {
	ID        string
	Committed time.Time
	// Versions are the version uids it committed.
	Versions []string
	JSON     []byte
	// Withheld says that the caller may not have seen every version.
	Withheld bool
	// Warnings are what validation remarked of the versions; set by commits.
	Warnings []fault.Issue
	// Repeated says that an idempotency key was seen before.
	Repeated bool
}
