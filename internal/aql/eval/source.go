package eval

import (
	"context"
	"iter"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
)

// DocumentKind is what a versioned object holds.
type DocumentKind uint8

// The kinds of document.
const (
	Composition DocumentKind = iota + 1
	EHRStatus
	Folder
	Party
)

// Coded is a code with its rubric.
type Coded struct{ Code, Text string }

// Audit is the commit audit of a version (RM 1.1.0, Common 6.3.2).
type Audit struct {
	SystemID      string
	TimeCommitted string
	ChangeType    Coded
	Description   string   // empty when none
	Committer     *rm.Tree // a PARTY_PROXY, nil when unknown
}

// Document is one version of one object.
type Document struct {
	// VersionUID is object_id::system_id::n.
	VersionUID string
	Kind       DocumentKind
	// Tree is the content, nil for a deletion.
	Tree       *rm.Tree
	TemplateID string
	// Latest marks the head of the trunk; Effective the newest version that is
	// complete and not deleted: what a query without VERSION sees.
	Latest, Effective bool
	Contribution      string
	Preceding         string // empty for a first version
	Lifecycle         Coded
	Audit             Audit
}

// EHR is one health record with the versions the caller may see. Demographic
// parties stand in one EHR without an id, which the class EHR does not match.
type EHR struct {
	ID, SystemID, TimeCreated string
	Documents                 []Document
}

// Need says what a query asks of a Source.
type Need struct {
	// EHRID is set when the query is fixed to one EHR.
	EHRID string
	// AllVersions says that superseded versions matter too.
	AllVersions bool
}

// Source yields EHRs, already narrowed to what the caller may see. It may yield
// more than Need asks for.
type Source interface {
	EHRs(ctx context.Context, need Need) iter.Seq2[*EHR, error]
}

// Options set what AQL leaves to the server. The zero value is usable.
type Options struct {
	// Now is the instant of the query; zero means the time of the call.
	Now time.Time
	// Zone reads times without an offset and writes CURRENT_DATE and the like;
	// nil means UTC.
	Zone *time.Location
	// ExactArchetypes keeps archetype ids and node codes from matching their
	// specialisations.
	ExactArchetypes bool
	// EHR fixes the query to one record, whatever its text says.
	EHR string
	// MaxRows bounds the rows before ORDER BY and LIMIT; 0 means no bound.
	MaxRows int
}
