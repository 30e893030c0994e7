package cdr

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"
	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr/result"
	"github.com/quire-cdr/quire/internal/fault"
)

// QueryStore runs AQL. The Store of a Service implements it.
type QueryStore interface {
	// Query hands over the rows of a query that the profile may see. Before Begin
	// nothing is sent; an error after it ends the rows.
	Query(ctx context.Context, q StoreQuery, rows QueryRows) error
}

// StoreQuery is a query for the store; Options lack the dictionary, which is the
// store's.
type StoreQuery struct {
	Profile *access.Profile
	Query   *aql.Query
	Options plan.Options
	// WorkMemory is what each step of the database may take before it uses disk,
	// in bytes; 0 leaves the database's own setting.
	WorkMemory int64
	// Page asks for rows in a total order, from a row on; Key then takes the key of
	// each row before the row. nil does not.
	Page *plan.Keyset
	Key  func(key []byte)
}

// QueryRows takes the rows of a query.
type QueryRows interface {
	// Begin is called once, when the database has accepted the query.
	Begin() error
	// Row takes the cells of a row as JSON, and the EHR it shows or "". They are
	// good until it returns.
	Row(cells [][]byte, ehr string) error
	// Shown names EHRs that rows show which do not say so themselves.
	Shown(ehrs []string)
	// Units names units that the numbers of a column are in.
	Units(column int, units []string)
}

// QueryRequest is an AQL query as a caller sends it.
type QueryRequest struct {
	Text string
	// Name is that of a stored query with its version, "" for ad-hoc AQL.
	Name   string
	Params map[string]any
	// Texts says that Params came in a URL, as text.
	Texts bool
	// EHR fixes the query to one record.
	EHR string
	// Offset and Fetch are the window within the query's own LIMIT; Fetch 0 is no
	// bound.
	Offset, Fetch int64
	// Exact keeps archetypes and at-codes from matching specialisations.
	Exact bool
	// Explain asks how the query would be run instead of running it.
	Explain bool
	// Href is shown in the meta data of a query asked by GET.
	Href string
	// Format is how the result is written; its zero value is a RESULT_SET.
	Format result.Format
	// Paged asks for one page of Fetch rows in an order that is total, beginning
	// after Cursor, or with the first row where that is "".
	Paged  bool
	Cursor string
	// Spell writes an object of a cell in another format, nil for canonical JSON.
	Spell func(object []byte) ([]byte, error)
}

// ResultSet is a query that may run. WriteTo runs it; it must be run, or the
// opening row of its audit is not waited for.
type ResultSet struct {
	service *Service
	ctx     context.Context
	caller  Caller
	request QueryRequest
	query   *aql.Query
	profile *access.Profile
	opening string
	// opened is done when the opening row of the audit is durable; unopened is that
	// row while it waits to be written with the first that follows it.
	opened   errgroup.Group
	unopened *Event
	now      time.Time
	limits   QueryLimits
	// position is where a page begins, nil without pages.
	position *position
	outcome  QueryOutcome
	warnings []fault.Issue
	// estimates says that the caller may know how many rows a query would find.
	estimates bool
}

// Query checks, authorizes and audits a query without running it. Ad-hoc AQL
// over a population needs the right to it, for a service account with a stated
// purpose; a stored query may be run by who is allowed that query.
func (s *Service) Query(ctx context.Context, caller Caller, r QueryRequest) (*ResultSet, error) {
	query, err := aql.Parse(r.Text)
	if err != nil {
		return nil, err
	}
	if r.EHR != "" && !plan.IsUUID(r.EHR) {
		return nil, fault.New(fault.Invalid, "malformed-ehr-id", "the EHR id is no UUID")
	}
	if r.Format.New == nil {
		r.Format = result.Formats[0]
	}
	if r.Offset < 0 || r.Fetch < 0 {
		return nil, fault.New(fault.Invalid, "query-window", "offset and fetch are not negative")
	}
	warnings, err := r.bind(query)
	if err != nil {
		return nil, err
	}
	parties, err := r.aboutParties(query)
	if err != nil {
		return nil, err
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(r.Name, "/")
	if err := s.inScope(ctx, caller, p, access.Queries, 's', name); err != nil {
		return nil, err
	}
	p = p.Asking()
	now := s.clock.Now()
	rs := &ResultSet{service: s, ctx: ctx, caller: caller, request: r, query: query, profile: p, now: now,
		opening: uuid.Must(uuid.NewV7()).String(), estimates: p.MayQueryPopulation(), warnings: warnings}
	rs.limits = s.queryLimits.of(p)
	event := rs.event()
	ehr := plan.FixedEHR(query, r.Params, r.EHR)
	event.EHR = ehr
	if parties && !p.MayReadParties() {
		return nil, s.deny(ctx, caller, p, event)
	}
	if ehr == "" {
		if rs.profile = asks(p, caller, r.Name); rs.profile == nil {
			return nil, s.deny(ctx, caller, p, event)
		}
	}
	if r.EHR != "" && !parties {
		// An unknown scope is 404, an empty one no rows (ITS-REST 1.1, Query).
		if _, err := s.store.EHR(ctx, p, r.EHR); err != nil {
			return nil, s.missed(ctx, caller, p, event, err)
		}
	}
	if err := rs.paginate(); err != nil {
		return nil, err
	}
	if rs.query, err = aql.Resolve(ctx, query, r.Params, queryTerms{s, caller}); err != nil {
		return nil, err
	}
	opening := s.event(caller, p, event)
	if ehr != "" {
		// About one EHR, which this row names: it is answered soon, and one commit
		// with the closing row does for both. Nothing is sent before it either.
		rs.unopened = &opening
		return rs, nil
	}
	// The database may answer meanwhile; nothing is sent before the row is there,
	// and who leaves does not take it along.
	rs.opened.Go(func() error { return s.auditor.Record(context.WithoutCancel(ctx), opening) })
	return rs, nil
}

func (r *ResultSet) event() Event {
	hash := sha256.Sum256([]byte(r.request.Text))
	return Event{Action: "E", ID: r.opening, Object: r.request.Name, QueryHash: hash[:], Parameters: r.asked()}
}

// longestAsked bounds what of a query is kept for the audit, in bytes.
const longestAsked = 64 << 10

// asked is the text and the parameters of a query, encrypted: they may name people.
// Nil where there is no key, and where they are too long; the hash is always kept.
func (r *ResultSet) asked() []byte {
	if r.service.hider == nil {
		return nil
	}
	asked := map[string]any{"aql": r.request.Text}
	if len(r.request.Params) > 0 {
		asked["parameters"] = r.request.Params
	}
	if r.request.EHR != "" {
		asked["ehr_id"] = r.request.EHR
	}
	text, err := json.Marshal(asked)
	if err != nil || len(text) > longestAsked {
		return nil
	}
	return r.service.hider.Encrypt(text, r.opening)
}
