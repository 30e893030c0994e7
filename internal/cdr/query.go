package cdr

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
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
	// Spell writes an object of a cell in another format, nil for canonical JSON.
	Spell func(object []byte) ([]byte, error)
}

// ResultSet is a query that may run. WriteTo runs it.
type ResultSet struct {
	service *Service
	ctx     context.Context
	caller  Caller
	request QueryRequest
	query   *aql.Query
	profile *access.Profile
	opening string
	now     time.Time
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
	if r.Offset < 0 || r.Fetch < 0 {
		return nil, fault.New(fault.Invalid, "query-window", "offset and fetch are not negative")
	}
	parties, err := r.aboutParties(query)
	if err != nil {
		return nil, err
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	rs := &ResultSet{service: s, ctx: ctx, caller: caller, request: r, query: query, profile: p, now: now,
		opening: uuid.Must(uuid.NewV7()).String(), estimates: p.MayQueryPopulation()}
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
	if rs.query, err = aql.Resolve(ctx, query, r.Params, queryTerms{s, caller}); err != nil {
		return nil, err
	}
	if err := s.auditor.Record(ctx, s.event(caller, p, event)); err != nil {
		return nil, err
	}
	return rs, nil
}

func (r *ResultSet) event() Event {
	hash := sha256.Sum256([]byte(r.request.Text))
	return Event{Action: "E", ID: r.opening, Object: r.request.Name, QueryHash: hash[:]}
}

// chunk is how many rows are audited and written together.
const chunk = 256

// WriteTo runs the query and writes a RESULT_SET (ITS-REST 1.1, Query). Nothing
// is written before the database has accepted the query, and no row before the
// EHRs it shows are audited: an error with no bytes written can still be a status.
func (r *ResultSet) WriteTo(w io.Writer) (int64, error) {
	store, ok := r.service.store.(QueryStore)
	if !ok {
		return 0, fault.New(fault.NotImplemented, "query", "the store runs no queries")
	}
	fetch := r.request.Fetch
	if fetch == 0 {
		fetch = -1
	}
	out := &resultWriter{set: r, w: w, shown: map[string]bool{}, units: map[int][]string{}}
	q := StoreQuery{Profile: r.profile, Query: r.query, Options: plan.Options{
		Params: r.request.Params, EHR: r.request.EHR, Exact: r.request.Exact,
		Offset: r.request.Offset, Fetch: fetch, Now: r.now,
	}}
	var err error
	if r.request.Explain {
		err = out.explain(q)
	} else if err = store.Query(r.ctx, q, out); err == nil {
		err = out.end()
	}
	closing := Event{Action: "E", Opening: r.opening, Object: r.request.Name, Rows: &out.rows}
	if err != nil {
		closing.Outcome = "error"
	}
	if auditErr := r.service.auditor.Record(r.ctx, r.service.event(r.caller, r.profile, closing)); auditErr != nil && err == nil {
		err = auditErr
	}
	return out.written, err
}

// resultWriter writes rows as they come, a chunk at a time.
type resultWriter struct {
	set     *ResultSet
	w       io.Writer
	buf     []byte
	rows    int64
	waiting int
	written int64
	// pending are EHRs of the chunk that no earlier chunk showed.
	pending []string
	shown   map[string]bool
	// units are those of each column of quantities.
	units map[int][]string
}

// Begin writes the head of the result set.
func (o *resultWriter) Begin() error {
	o.buf = append(o.buf, `{"q":`...)
	o.buf = append(o.buf, quoted(o.set.request.Text)...)
	if name := o.set.request.Name; name != "" {
		o.buf = append(o.buf, `,"name":`...)
		o.buf = append(o.buf, quoted(name)...)
	}
	o.buf = append(o.buf, `,"columns":[`...)
	for i, c := range o.set.query.Select {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = append(o.buf, `{"name":`...)
		o.buf = append(o.buf, quoted(columnName(c, i))...)
		if p, ok := c.Expr.(*aql.PathExpr); ok {
			o.buf = append(o.buf, `,"path":`...)
			o.buf = append(o.buf, quoted(p.String())...)
		}
		o.buf = append(o.buf, '}')
	}
	o.buf = append(o.buf, `],"rows":[`...)
	return nil
}

// Row writes one row.
func (o *resultWriter) Row(cells [][]byte, ehr string) error {
	if o.rows > 0 {
		o.buf = append(o.buf, ',')
	}
	o.rows++
	o.buf = append(o.buf, '[')
	for i, c := range cells {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		if spell := o.set.request.Spell; spell != nil && len(c) > 0 && c[0] == '{' {
			var err error
			if c, err = spell(c); err != nil {
				return err
			}
		}
		o.buf = append(o.buf, c...)
	}
	o.buf = append(o.buf, ']')
	if ehr != "" {
		o.Shown([]string{ehr})
	}
	if o.waiting++; o.waiting < chunk {
		return nil
	}
	return o.flush()
}

// Shown keeps the EHRs for the audit of the next chunk.
func (o *resultWriter) Shown(ehrs []string) {
	for _, ehr := range ehrs {
		if !o.shown[ehr] {
			o.shown[ehr] = true
			o.pending = append(o.pending, ehr)
		}
	}
}

// mixedUnits is how many units are named of one column; more are as bad.
const mixedUnits = 20

// Units keeps the units of a column for the meta data.
func (o *resultWriter) Units(column int, units []string) {
	for _, unit := range units {
		if known := o.units[column]; len(known) < mixedUnits && !slices.Contains(known, unit) {
			o.units[column] = append(known, unit)
		}
	}
}

// warnings writes the columns whose numbers are in several units: nothing is
// converted, so that they cannot be read as one (DESIGN 5a rule 8).
func (o *resultWriter) warnings() {
	first := true
	for i, c := range o.set.query.Select {
		units := o.units[i]
		if len(units) < 2 {
			continue
		}
		slices.Sort(units)
		if first {
			o.buf = append(o.buf, `,"mixed_units":[`...)
		} else {
			o.buf = append(o.buf, ',')
		}
		first = false
		o.buf = append(o.buf, `{"column":`...)
		o.buf = append(o.buf, quoted(columnName(c, i))...)
		o.buf = append(o.buf, `,"units":[`...)
		for j, unit := range units {
			if j > 0 {
				o.buf = append(o.buf, ',')
			}
			o.buf = append(o.buf, quoted(unit)...)
		}
		o.buf = append(o.buf, `]}`...)
	}
	if !first {
		o.buf = append(o.buf, ']')
	}
}

func columnName(c *aql.Column, i int) string {
	if c.Alias != "" {
		return c.Alias
	}
	return "#" + strconv.Itoa(i)
}

// flush audits whom the chunk shows and then lets it go.
func (o *resultWriter) flush() error {
	if len(o.pending) > 0 {
		s, set := o.set.service, o.set
		e := Event{Action: "E", Opening: set.opening, Object: set.request.Name, Shown: o.pending}
		if err := s.auditor.Record(set.ctx, s.event(set.caller, set.profile, e)); err != nil {
			return err
		}
	}
	o.pending, o.waiting = nil, 0
	n, err := o.w.Write(o.buf)
	o.written += int64(n)
	o.buf = o.buf[:0]
	return err
}

// end writes the meta data, which hold the number of rows, and what is left.
func (o *resultWriter) end() error {
	set := o.set
	o.buf = append(o.buf, `],"meta":{"_type":"RESULTSET","_schema_version":"1.0.4","_created":`...)
	o.buf = append(o.buf, quoted(set.now.UTC().Format("2006-01-02T15:04:05.000Z07:00"))...)
	o.buf = append(o.buf, `,"_generator":"Quire","_executed_aql":`...)
	o.buf = append(o.buf, quoted(set.request.Text)...)
	if set.request.Href != "" {
		o.buf = append(o.buf, `,"_href":`...)
		o.buf = append(o.buf, quoted(set.request.Href)...)
	}
	o.buf = append(o.buf, `,"resultsize":`...)
	o.buf = strconv.AppendInt(o.buf, o.rows, 10)
	if set.request.Fetch > 0 {
		o.buf = append(o.buf, `,"fetch":`...)
		o.buf = strconv.AppendInt(o.buf, set.request.Fetch, 10)
	}
	if set.request.Fetch > 0 || set.request.Offset > 0 {
		o.buf = append(o.buf, `,"offset":`...)
		o.buf = strconv.AppendInt(o.buf, set.request.Offset, 10)
	}
	o.warnings()
	o.buf = append(o.buf, `}}`...)
	return o.flush()
}
