package cdr

import (
	"context"
	"time"

	"github.com/quire-cdr/quire/internal/access"
)

// Authorizer turns a verified caller into what it may see. Implemented on Keto.
// An outage is fault.Unavailable and never a denial.
type Authorizer interface {
	Profile(ctx context.Context, caller Caller) (*access.Profile, error)
	// Refresh makes a change of rights that this process has just made felt by
	// its next request; other processes feel it within a second.
	Refresh(ctx context.Context) error
}

// Auditor writes access events that belong to no write transaction: reads,
// denials, query openings and closings. Record returns when the row is durable;
// an answer must not leave before. It fails with fault.Unavailable.
type Auditor interface {
	Record(ctx context.Context, event Event) error
}

// AuditHider encrypts what belongs to the audit row of an id.
type AuditHider interface {
	Encrypt(plain []byte, id string) []byte
}

// Clock tells the time; tests set it.
type Clock interface{ Now() time.Time }

// Caller is a verified identity: who, in which role, by which means.
type Caller struct {
	// Subject is the Keto subject id, such as "user:local:clinician".
	Subject string
	// Role is the selected role ("" selects none), Organisation its home.
	Role, Organisation string
	// Service marks a service account.
	Service bool
	// Name is shown as committer where the client gives none.
	Name string
	// EHR pins the caller to one record; "" does not.
	EHR string
	// Scopes are those of the token, nil where nothing narrows it: they take away
	// from what the role may do and never widen it.
	Scopes *access.Scopes
	// Purpose is the stated purpose of use.
	Purpose string
	// Source is the address the request came from, RequestID its id.
	Source, RequestID string
	// All is --auth none: everything is allowed.
	All bool
}

// Event is one audit row; no clinical content, no query text.
type Event struct {
	Action     string // C, R, U, D, E (execute)
	Outcome    string // success, denied, unavailable, error
	Principal  string
	Role       string
	Org        string
	EHR        string
	Object     string // version uid, template id or query name
	Template   int32  // family
	QueryHash  []byte
	Parameters []byte // encrypted
	Purpose    string
	Basis      string
	Epoch      int64
	Rows       *int64
	Source     string
	RequestID  string
	// Opening links a closing row and shown EHRs to the opening of a query; ID
	// is set by who needs to refer to the row.
	ID, Opening string
	// Shown are the EHRs a chunk of a population answer showed.
	Shown []string
}
