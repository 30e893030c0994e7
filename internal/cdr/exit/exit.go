package exit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
)

// Records is what exits need of the use cases of records.
type Records interface {
	EHR(ctx context.Context, caller cdr.Caller, id string) (cdr.EHR, error)
	EHRBySubject(ctx context.Context, caller cdr.Caller, namespace, id string) (cdr.EHR, error)
	Composition(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	CreateComposition(ctx context.Context, caller cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	UpdateComposition(ctx context.Context, caller cdr.Caller, ehr, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	Template(ctx context.Context, caller cdr.Caller, id string) (*cdr.Template, error)
	Query(ctx context.Context, caller cdr.Caller, r cdr.QueryRequest) (*cdr.ResultSet, error)
	Act() cdr.Act
}

// Transport brings a message to a destination and gives the bytes of its answer.
// It returns an error where there was no answer.
type Transport interface {
	Send(ctx context.Context, destination string, message []byte) ([]byte, error)
}

// Destination is a receiver of messages.
type Destination struct {
	Name string
	// Mapping is the file that makes its messages.
	Mapping *mapping.File
	// From and To are applications and facilities, Processing MSH-11.
	From, To   [2]string
	Processing string
	// Caller is as whom compositions are read; what it may not see is never sent.
	Caller cdr.Caller
	// Identifiers says which namespaces of subjects go into PID-3, by assigning
	// authority and type.
	Identifiers map[string]mapping.Identifier
	// Timeout is how long to wait for an acknowledgement.
	Timeout time.Duration
}

// Source is a sender of results.
type Source struct {
	Name string
	// Caller stores what comes from it.
	Caller cdr.Caller
	// Namespaces are those of the assigning authorities of PID-3.4; an identifier of
	// any other says nothing.
	Namespaces map[string]string
	// Verified is the namespace of identifiers of which a person has one, VerifiedAt
	// fields besides PID-3 in which this sender writes them.
	Verified   string
	VerifiedAt []string
	// Zone is that of times without an offset, Charset that of messages without
	// MSH-18.
	Zone    *time.Location
	Charset string
	// Bytes bounds a message.
	Bytes int
}

// Document makes the file of a version that a document message brings: its bytes
// and its type, such as PDF.
type Document func(ctx context.Context, caller cdr.Caller, doc cdr.Document) (content []byte, kind string, err error)

// Exits is the use cases. It is safe for concurrent use.
type Exits struct {
	Records      Records
	Store        Store
	Transport    Transport
	Mappings     mapping.Set
	Destinations []Destination
	// Document may be nil: then messages that need one become dead letters.
	Document Document
	// Secret is the key that dead letters are encrypted with and names are hashed
	// with.
	Secret []byte
	Logger *slog.Logger

	locks  sync.Map // sender and number of a result that is being stored
	source sync.Map // sources by name, for messages that are tried again
}

// State is where a message on its way out stands.
type State int16

// The states of a message.
const (
	Waiting State = iota
	Sent
	Dead
	Closed
	None
)

// Message is one on its way out, by ids alone.
type Message struct {
	ID, EHR, Destination string
	Place                feed.Place
	VersionUID           string
	Lifecycle            string
	State                State
	Attempts             int
	Created, NextAt      time.Time
	// Reason is a word, Field the field at fault, Detail a sentence without content.
	Reason, Field, Detail string
}

// Letter is a message that is dead, in or out.
type Letter struct {
	ID string
	// Direction is in or out; Destination is of those out, Sender of those in.
	Direction, Destination, Sender string
	// Control is MSH-10, Kind MSH-9.
	Control, Kind         string
	EHR, VersionUID       string
	Reason, Field, Detail string
	Attempts              int
	Received, Changed     time.Time
	// Outcome of a letter that is closed: stored, discarded or sent.
	Outcome string
	Closed  time.Time
	// Content is the message itself where it was asked for.
	Content []byte
}

// Standing is how a destination does.
type Standing struct {
	Destination string
	Mapping     string
	After       feed.Place
	// Failing is since when it does not answer, LastSent when it last took something;
	// zero for never.
	Failing, LastSent, PausedUntil time.Time
	Failure                        string
	Waiting, Sent, Dead            int
}

// Received is a message that was stored before.
type Received struct {
	Digest     []byte
	EHR        string
	VersionUID string
}

// Store keeps queues and dead letters.
type Store interface {
	// Changes and Now are those of the feed.
	Changes(ctx context.Context, p *access.Profile, after feed.Place, f feed.Filter, limit int) (feed.Page, error)
	Now(ctx context.Context) (feed.Place, error)

	// LeaseExit gives a destination to one process for a while and says how far it
	// has read; it is made, at start, where it is new. false: another has it, or it is paused.
	LeaseExit(ctx context.Context, destination, process string, start feed.Place, length time.Duration) (feed.Place, bool, error)
	// Enqueue puts messages into the queue and moves the place, in one transaction.
	Enqueue(ctx context.Context, destination string, messages []Message, next feed.Place) error
	// DueExits are the messages whose time has come, of each EHR the first that waits.
	DueExits(ctx context.Context, destination string, limit int) ([]Message, error)
	// SettleExit writes down what came of a message.
	SettleExit(ctx context.Context, m Message) error
	// PauseExit says how a destination does: failure "" that it answers.
	PauseExit(ctx context.Context, destination, failure string, pause time.Duration) error
	// MendExit takes back a failure that is over.
	MendExit(ctx context.Context, destination, failure string) error
	// ReleaseExits gives back what a process has leased.
	ReleaseExits(ctx context.Context, process string) error
	// ExitStandings lists the destinations that ever were.
	ExitStandings(ctx context.Context) ([]Standing, error)

	// ReceivedExit finds a message that was stored; ok is false for none.
	ReceivedExit(ctx context.Context, sender, control string) (Received, bool, error)
	// PutReceived remembers a message that was stored, which result it is, and what
	// it says of the person; it closes the dead letter it may have been.
	PutReceived(ctx context.Context, sender, control, filler, object string, r Received, family, birth []byte) error
	// ResultObject is the composition of a result, "" for none.
	ResultObject(ctx context.Context, sender, filler string) (ehr, object string, err error)
	// ExitPerson is what messages said of a person before.
	ExitPerson(ctx context.Context, ehr string) (family, birth []byte, err error)

	// PutDead stores a message that could not be; one that is there already counts
	// another attempt.
	PutDead(ctx context.Context, l Letter, digest []byte) (id string, err error)
	// DeadLetters lists those in and out, the newest first; open ones only unless all.
	DeadLetters(ctx context.Context, destination string, all bool, limit int) ([]Letter, error)
	// DeadLetter reads one with its (encrypted) content; NotFound for none.
	DeadLetter(ctx context.Context, id string) (Letter, error)
	// CloseDead closes one, with its audit row in one transaction.
	CloseDead(ctx context.Context, id, outcome string, audit cdr.Event) error
	// RetryExit lets a dead message out wait again, with its audit row.
	RetryExit(ctx context.Context, id string, audit cdr.Event) error
}
