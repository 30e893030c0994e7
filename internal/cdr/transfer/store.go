package transfer

import (
	"context"
	"io"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

// Store is what the acts on whole records need of the database. The right to act
// has been judged by the use case.
type Store interface {
	// Export gives everything of one EHR as it was at one moment, line by line, in
	// the order of commits, without ever holding more than a line of it.
	Export(ctx context.Context, systemID, ehr string, give func(Line) error) error
	// EHRs lists some EHR ids in order, those after the given one.
	EHRs(ctx context.Context, after string) ([]string, error)
	// TemplateContent reads the content of a template that has the hash, whether it
	// is current or was replaced. NotFound without.
	TemplateContent(ctx context.Context, id string, sha256 []byte) (cdr.StoredTemplate, error)
	// Taken says what of an incoming record exists here already, each in words.
	Taken(ctx context.Context, h Header, objects []string, subjects [][2]string) ([]string, error)
	// Labels gives the bit of each sensitivity label; 0 for "normal".
	Labels(ctx context.Context) (map[string]uint64, error)
	// Import stores a record, all of it or nothing.
	Import(ctx context.Context, in Incoming) error

	// PutPart keeps one piece of an import, Parts reads them in order, DropParts
	// forgets them.
	PutPart(ctx context.Context, part Part) error
	Parts(ctx context.Context, ehr, upload, sender string) io.Reader
	DropParts(ctx context.Context, ehr, upload string) error

	// EHR and Version read as they do for everybody else.
	EHR(ctx context.Context, p *access.Profile, id string) (cdr.StoredEHR, error)
	Version(ctx context.Context, p *access.Profile, ehr string, kind cdr.Kind, ref cdr.VersionRef) (cdr.Version, error)
	// VersionLabels gives the sensitivity labels of a version.
	VersionLabels(ctx context.Context, v cdr.Version) ([]string, error)
	// Merge commits the closing EHR_STATUS of the source and links both records;
	// Unmerge commits the opening one and ends the link.
	Merge(ctx context.Context, c cdr.Commit, l Link) error
	Unmerge(ctx context.Context, c cdr.Commit, l Link) error
	// Links lists the live links of an EHR.
	Links(ctx context.Context, ehr string) ([]Link, error)
	// Persistent lists the persistent compositions that live in an EHR.
	Persistent(ctx context.Context, ehr string) ([]Living, error)

	// Move commits both sides of a move, or of its undo, in one transaction, with
	// the seal of what lies there.
	Move(ctx context.Context, from, to cdr.Commit, m Move) error
	Unmove(ctx context.Context, from, to cdr.Commit, m Move) error
	// Moved finds the live move of an object out of an EHR; NotFound without.
	Moved(ctx context.Context, ehr, object string) (Move, error)
}

// Part is one piece of an import.
type Part struct {
	EHR, Upload, Sender string
	N                   int
	Data                []byte
}

// Incoming is a record to store. Lines gives it from the beginning each time.
type Incoming struct {
	Mode     Mode
	Header   Header
	SystemID string
	// Organisation gets a relationship where those of the export stay behind.
	Organisation string
	// Audit is the commit audit of a copy.
	Audit []byte
	Event cdr.Event
	// Templates are by the hash of their content.
	Templates map[string]*cdr.Template
	Labels    map[string]uint64
	// Status reads the facts of an EHR_STATUS, Item writes the ORIGINAL_VERSION
	// that a copy wraps.
	Status func(doc []byte) (*cdr.StatusFacts, error)
	Item   func(c *Contribution, v *Version) []byte
	Lines  func(take func(Line) error) error
}

// Link joins two records of one person; Source was closed in favour of Target.
type Link struct {
	ID             string
	Target, Source string
	// Into says that the EHR the link was read of is the source.
	Into   bool
	Reason string
	By     string
	At     time.Time
	// Event is the audit row of the target; that of the source is the commit's.
	Event cdr.Event
}

// Living is a persistent composition that lives in an EHR.
type Living struct {
	Template   string `json:"template_id"`
	VersionUID string `json:"version_uid"`
	Family     int32  `json:"-"`
}

// Move is a composition that was filed in the wrong record: From and Object are
// where it lay, To and NewObject where it went.
type Move struct {
	ID            string
	From, Object  string
	To, NewObject string
	// Was is the version that was moved, Made the one that the move made.
	Was, Made string
	Reason    string
	By        string
	At        time.Time
}
