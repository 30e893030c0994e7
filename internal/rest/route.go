package rest

import (
	"fmt"
	"slices"
	"time"
)

// Access says what a route needs of its caller. It is a closed set: a route
// without an entry is refused at start. The use case makes the decision; the
// entry fixes whether an identity is demanded, which deadline holds and whether
// the answer is record data.
type Access string

// The accesses a route may need.
const (
	// Public needs no identity: status, the pages, the API description.
	Public Access = "public"
	// Identity needs a verified caller and nothing more.
	Identity Access = "identity"
	// RecordRead and RecordWrite concern one person's record.
	RecordRead  Access = "record-read"
	RecordWrite Access = "record-write"
	// RecordCreate makes a new EHR.
	RecordCreate Access = "record-create"
	// PartyRead and PartyWrite concern parties, which are in no person's record.
	PartyRead  Access = "party-read"
	PartyWrite Access = "party-write"
	// RecordPurge destroys a record physically.
	RecordPurge Access = "record-purge"
	// RecordTransfer takes a whole record out, brings it in, merges or moves.
	RecordTransfer Access = "record-transfer"
	// QueryRun executes AQL.
	QueryRun Access = "query-run"
	// DefinitionRead and DefinitionWrite concern templates and stored queries.
	DefinitionRead  Access = "definition-read"
	DefinitionWrite Access = "definition-write"
	// FormRead and FormWrite concern Questionnaires and their responses.
	FormRead  Access = "form-read"
	FormWrite Access = "form-write"
	// AccessRead and AccessWrite concern grants, roles, break-glass.
	AccessRead  Access = "access-read"
	AccessWrite Access = "access-write"
	// AuditRead looks at the audit trail.
	AuditRead Access = "audit-read"
)

// trait is what follows from an access entry.
type trait struct {
	identity bool // a verified caller is demanded
	record   bool // the answer is record data: Vary, Cache-Control
	query    bool // the longer deadline holds
}

var traits = map[Access]trait{
	Public:          {},
	Identity:        {identity: true},
	RecordRead:      {identity: true, record: true},
	RecordWrite:     {identity: true, record: true},
	RecordCreate:    {identity: true, record: true},
	PartyRead:       {identity: true, record: true},
	PartyWrite:      {identity: true, record: true},
	RecordPurge:     {identity: true, record: true},
	RecordTransfer:  {identity: true, record: true},
	QueryRun:        {identity: true, record: true, query: true},
	DefinitionRead:  {identity: true},
	DefinitionWrite: {identity: true},
	FormRead:        {identity: true, record: true},
	FormWrite:       {identity: true, record: true},
	AccessRead:      {identity: true, record: true},
	AccessWrite:     {identity: true, record: true},
	AuditRead:       {identity: true, record: true},
}

// Handler answers one request. It writes through the Call; an error becomes an
// answer by the table in fault.go.
type Handler func(call *Call) error

// Route is one operation. Path stands after the base path and names its
// parameters as /ehr/:ehr_id.
type Route struct {
	Method string
	Path   string
	Access Access
	// Consumes lists the media types of the request body; another is 415 before
	// the body is looked at. Empty: a body is ignored.
	Consumes []string
	// Optional allows the body to be absent.
	Optional bool
	// Deadline replaces the one the access entry implies.
	Deadline time.Duration
	// Errors is the shape of error bodies; the zero value is openEHR's.
	Errors  Shape
	Handler Handler
}

// Shape is a format of error bodies.
type Shape uint8

// The error shapes.
const (
	OpenEHR Shape = iota // DESIGN 4.3
	FHIR                 // OperationOutcome
)

// methods a route may have.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// check names the first route that is not fit to be served.
func check(routes []Route) error {
	seen := map[string]bool{}
	for _, r := range routes {
		at := r.Method + " " + r.Path
		switch {
		case !slices.Contains(methods, r.Method):
			return fmt.Errorf("route %s: unknown method", at)
		case len(r.Path) == 0 || r.Path[0] != '/':
			return fmt.Errorf("route %s: the path must begin with a slash", at)
		case r.Handler == nil:
			return fmt.Errorf("route %s: no handler", at)
		case seen[at]:
			return fmt.Errorf("route %s: registered twice", at)
		}
		if _, known := traits[r.Access]; !known {
			return fmt.Errorf("route %s: access %q is not in the closed set", at, r.Access)
		}
		seen[at] = true
	}
	return nil
}
