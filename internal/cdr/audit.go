package cdr

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/fault"
)

// Sighting is one access to a person's record, for "who saw it".
type Sighting struct {
	ID        string
	At        time.Time
	Action    string // C, R, U, D, E (execute)
	Outcome   string
	Principal string
	Role      string
	Org       string
	Object    string
	Purpose   string
	Basis     string
	RequestID string
	// Population: the record was among those a population query showed; At is
	// when it was shown, the rest is of the query's opening.
	Population bool
}

// Position is a place in the audit of one record, newest first: the rows before it
// are older.
type Position struct {
	At time.Time
	ID string
}

// AuditPage asks for a page of the audit.
type AuditPage struct {
	// After is the Next of the page before, "" for the first.
	After string
	// Limit is at most 500; 0 means 100.
	Limit int
}

// Sightings is a page; Next is "" on the last.
type Sightings struct {
	List []Sighting
	Next string
}

// AuditStore reads the audit.
type AuditStore interface {
	// WhoSaw lists accesses to an EHR, newest first; before is nil for the newest.
	WhoSaw(ctx context.Context, ehr string, before *Position, limit int) ([]Sighting, error)
}

// AuditTrail is the use cases of asking who did what: who saw a record, and what
// somebody has looked at.
type AuditTrail struct {
	Store AuditStore
	Rows  AuditSearch
	// Opener reads what queries asked, nil where nothing was kept.
	Opener     AuditOpener
	Access     AccessStore
	Authorizer Authorizer
	Auditor    Auditor
}

// WhoSaw lists who accessed a record, population queries included. It is for
// those who administer the audit, and for its viewers and privacy officers in the
// organisations that look after the person; asking is an access to the audit and
// stands in it.
func (a *AuditTrail) WhoSaw(ctx context.Context, caller Caller, ehr string, page AuditPage) (Sightings, error) {
	if err := validEHR(ehr); err != nil {
		return Sightings{}, err
	}
	limit, before, err := page.read()
	if err != nil {
		return Sightings{}, err
	}
	p, err := a.Authorizer.Profile(ctx, caller)
	if err != nil {
		return Sightings{}, err
	}
	event := accessEvent(caller, p, "R", ehr, "audit")
	over := *p
	if !p.MayUse("audit") {
		over.PrivacyIn = auditedBy(caller, p)
	}
	if err := overRecord(ctx, a.Access, &over, ehr, "audit"); err != nil {
		return Sightings{}, refuse(ctx, a.Auditor, event, err)
	}
	list, err := a.Store.WhoSaw(ctx, ehr, before, limit+1)
	if err != nil {
		return Sightings{}, err
	}
	out := Sightings{List: list[:min(limit, len(list))]}
	out.Next = after(limit, len(list), func(i int) Position { return Position{list[i].At, list[i].ID} })
	if err := a.told(ctx, event, len(out.List)); err != nil {
		return Sightings{}, err
	}
	return out, nil
}

// after is the token of the page that follows one of limit rows, of which one more
// was read; "" where none was.
func after(limit, read int, at func(i int) Position) string {
	if read <= limit {
		return ""
	}
	return at(limit - 1).String()
}

// told audits that rows of the audit are shown, before they are.
func (a *AuditTrail) told(ctx context.Context, event Event, rows int) error {
	n := int64(rows)
	event.Rows = &n
	return a.Auditor.Record(ctx, event)
}

// read gives the limit and the place of a page.
func (page AuditPage) read() (int, *Position, error) {
	limit := page.Limit
	switch {
	case limit == 0:
		limit = 100
	case limit < 0 || limit > 500:
		return 0, nil, fault.New(fault.Invalid, "limit", "a page holds 1 to 500 rows")
	}
	before, err := parsePosition(page.After)
	return limit, before, err
}

// String writes a position as an opaque token.
func (p Position) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.At.UnixMicro(), 10) + "." + p.ID))
}

func parsePosition(token string) (*Position, error) {
	if token == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	micros, id, ok := strings.Cut(string(text), ".")
	at, notNumber := strconv.ParseInt(micros, 10, 64)
	if _, notUUID := uuid.FromString(id); err != nil || !ok || notNumber != nil || notUUID != nil || len(id) != 36 {
		return nil, fault.New(fault.Invalid, "page", "the page token is not one of ours")
	}
	return &Position{time.UnixMicro(at).UTC(), id}, nil
}
