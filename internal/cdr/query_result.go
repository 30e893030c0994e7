package cdr

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr/result"
	"github.com/quire-cdr/quire/internal/fault"
)

// A chunk of rows is audited and written together: as many rows, or bytes.
const (
	chunk      = 1024
	chunkBytes = 128 << 10
)

// remembered is how many EHRs are known to be audited already; beyond it some are
// audited twice, so that a result may be of any size.
const remembered = 1 << 16

// QueryOutcome is what is known of a result when it has been written.
type QueryOutcome struct {
	Rows int64
	// Truncated is the row limit at which the server cut the result off, else 0.
	Truncated int64
	// Next is the cursor of the next page, "" on the last.
	Next string
	// Tag is the same for two results that hold the same, whenever they were made.
	Tag string
}

// Outcome says how the result came out, after WriteTo.
func (r *ResultSet) Outcome() QueryOutcome { return r.outcome }

// WriteTo runs the query and writes its result (ITS-REST 1.1, Query). Nothing
// is written before the database has accepted the query, and no row before the
// EHRs it shows are audited: an error with no bytes written can still be a status.
// An error after that leaves the result without its end.
func (r *ResultSet) WriteTo(w io.Writer) (int64, error) {
	return r.Run(r.ctx, w)
}

// Run is WriteTo with a context of its own, for a result that leaves after its
// request was answered.
func (r *ResultSet) Run(ctx context.Context, w io.Writer) (int64, error) {
	out := &resultWriter{set: r, ctx: ctx, w: w, encoder: r.request.Format.New(), digest: sha256.New(),
		shown: map[string]bool{}, units: map[int][]string{}}
	err := r.limited(out)
	if failed := r.opened.Wait(); failed != nil {
		return out.written, failed
	}
	closing := Event{Action: "E", Opening: r.opening, Object: r.request.Name, Rows: &out.rows}
	if err != nil {
		closing.Outcome = "error"
	} else {
		// Nobody sees the last chunk before the closing row is written: one commit.
		closing.Shown = out.pending
	}
	// Who left or was too slow has seen what was sent: that row is written anyway.
	auditErr := r.record(context.WithoutCancel(ctx), closing)
	if err == nil {
		err = auditErr
	}
	if err == nil {
		err = out.send()
	}
	return out.written, err
}

// limited runs the query within the limits of the role.
func (r *ResultSet) limited(out *resultWriter) error {
	store, ok := r.service.store.(QueryStore)
	if !ok {
		return fault.New(fault.NotImplemented, "query", "the store runs no queries")
	}
	end, err := r.service.running.begin(r.caller.Subject, r.limits.AtOnce)
	if err != nil {
		return err
	}
	defer end()
	outer := out.ctx
	if limit := r.limits.time(); limit > 0 {
		var cancel context.CancelFunc
		out.ctx, cancel = context.WithTimeout(outer, limit)
		defer cancel()
	}
	most := time.Duration(0)
	if deadline, ok := out.ctx.Deadline(); ok {
		most = time.Until(deadline).Round(time.Millisecond)
	}
	q, err := r.storeQuery(out)
	if err != nil {
		return err
	}
	if r.request.Explain {
		return out.explain(q)
	}
	err = store.Query(out.ctx, q, out)
	switch {
	case err == nil:
		return out.end()
	case fault.Is(err, fault.Timeout) && !errors.Is(outer.Err(), context.Canceled):
		return fault.New(fault.Timeout, "query-time", "the query took longer than its limit of %s; narrow it, or ask for fewer rows", most).Because(err)
	}
	return err
}

// storeQuery settles the window of the rows.
func (r *ResultSet) storeQuery(out *resultWriter) (StoreQuery, error) {
	q := StoreQuery{Profile: r.profile, Query: r.query, WorkMemory: r.limits.WorkMemory, Options: plan.Options{
		Params: r.request.Params, EHR: r.request.EHR, Exact: r.request.Exact,
		Offset: r.request.Offset, Fetch: -1, Now: r.now,
	}}
	out.most = -1
	if r.request.Fetch > 0 {
		q.Options.Fetch = r.request.Fetch
	}
	limit := r.limits.Rows
	if top := r.query.Top; top != nil && limit > 0 && top.Count > limit {
		return q, limitRefused("query-rows", "TOP %d asks for more than the %d rows that the role may have", top.Count, limit)
	}
	within := r.query.Top != nil || q.Options.Fetch >= 0 && q.Options.Fetch <= limit || r.query.Limit != nil && r.query.Limit.Count <= limit
	if limit > 0 && !within {
		// One more than may be shown tells whether there are more.
		q.Options.Fetch, out.most, out.cuts = limit+1, limit, true
	}
	if r.position != nil {
		r.position.apply(&q, out)
	}
	return q, nil
}

// resultWriter writes rows as they come, a chunk at a time.
type resultWriter struct {
	set     *ResultSet
	ctx     context.Context
	w       io.Writer
	encoder result.Encoder
	buf     []byte
	digest  hash.Hash
	rows    int64
	// most is how many rows are written, -1 for all; cuts says that it is a limit
	// of the role.
	most    int64
	cuts    bool
	more    bool
	waiting int
	written int64
	// total counts what is written and waits, for the limit on bytes.
	total int64
	// key is that of the row to come, last and ties those of the last one.
	key, last string
	ties      int64
	// pending are EHRs of the chunk that no earlier chunk showed.
	pending []string
	shown   map[string]bool
	// units are those of each column of quantities.
	units map[int][]string
}

// columnPath is the path a column is described by.
func (m *Manners) columnPath(q *aql.Query, p *aql.PathExpr) string {
	s := p.Path.Segments
	if c := q.Class(p.Variable); m.StatusVariable == "" || p.Predicate != nil || len(s) < 2 || s[0].Name != "ehr_status" || s[0].Predicate != nil ||
		c == nil || c.RMType() != "EHR" {
		return p.String()
	}
	below := *p
	below.Variable, below.Path = m.StatusVariable, aql.Path{Segments: s[1:]}
	return below.String()
}

// Begin writes the head of the result.
func (o *resultWriter) Begin() error {
	head := result.Head{Query: o.set.request.Text, Name: o.set.request.Name}
	for i, c := range o.set.query.Select {
		column := result.Column{Name: columnName(c, i), Kind: columnKind(c.Expr)}
		if p, ok := c.Expr.(*aql.PathExpr); ok {
			column.Path = o.set.service.manners.columnPath(o.set.query, p)
		}
		head.Columns = append(head.Columns, column)
	}
	o.buf = o.encoder.Head(o.buf, head)
	return nil
}

// columnKind is the type that the expression alone proves.
func columnKind(e aql.Expr) result.Kind {
	switch e := e.(type) {
	case *aql.Call:
		switch name := e.Function(); {
		case name == nil:
		case name.Name == "COUNT":
			return result.Whole
		case name.Name == "SUM", name.Name == "AVG":
			return result.Decimal
		}
	case *aql.PathExpr:
		if n := len(e.Path.Segments); n > 0 && slices.Contains([]string{"magnitude", "numerator", "denominator"}, e.Path.Segments[n-1].Name) {
			return result.Decimal
		}
	}
	return result.Any
}

func columnName(c *aql.Column, i int) string {
	if c.Alias != "" {
		return c.Alias
	}
	return "#" + strconv.Itoa(i)
}

// Key tells the key of the row that comes next, where pages are asked for.
func (o *resultWriter) Key(key []byte) { o.key = string(key) }

// Row writes one row.
func (o *resultWriter) Row(cells [][]byte, ehr string) error {
	if o.most >= 0 && o.rows >= o.most {
		// The store was asked for one row more and ends by itself.
		o.more = true
		return nil
	}
	o.rows++
	if o.key == o.last {
		o.ties++
	} else {
		o.last, o.ties = o.key, 1
	}
	if spell := o.set.request.Spell; spell != nil {
		for i, c := range cells {
			if len(c) > 0 && c[0] == '{' {
				var err error
				if cells[i], err = spell(c); err != nil {
					return err
				}
			}
		}
	}
	before := len(o.buf)
	var err error
	if o.buf, err = o.encoder.Row(o.buf, cells); err != nil {
		return err
	}
	o.total += int64(len(o.buf) - before)
	if limit := o.set.limits.Bytes; limit > 0 && o.total > limit {
		return limitRefused("query-bytes", "the result is over the %d bytes that the role may have; ask for a part of it by fetch and offset", limit)
	}
	if ehr != "" {
		o.Shown([]string{ehr})
	}
	if o.waiting++; o.waiting < chunk && len(o.buf) < chunkBytes {
		return nil
	}
	return o.flush()
}

// Shown keeps the EHRs for the audit of the next chunk.
func (o *resultWriter) Shown(ehrs []string) {
	for _, ehr := range ehrs {
		if !o.shown[ehr] {
			if len(o.shown) >= remembered {
				clear(o.shown)
			}
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

// mixed are the columns whose numbers are in several units: nothing is
// converted, so that they cannot be read as one (DESIGN 5a rule 8).
func (o *resultWriter) mixed() (list []result.MixedUnits) {
	for i, c := range o.set.query.Select {
		if units := o.units[i]; len(units) > 1 {
			slices.Sort(units)
			list = append(list, result.MixedUnits{Column: columnName(c, i), Units: units})
		}
	}
	return list
}

// record writes a row of the query's audit, and with it the opening one where that
// has waited.
func (r *ResultSet) record(ctx context.Context, e Event) error {
	e = r.service.event(r.caller, r.profile, e)
	if r.unopened == nil {
		return r.service.auditor.Record(ctx, e)
	}
	first := *r.unopened
	r.unopened = nil
	if together, ok := r.service.auditor.(interface {
		RecordAll(ctx context.Context, events ...Event) error
	}); ok {
		return together.RecordAll(ctx, first, e)
	}
	if err := r.service.auditor.Record(ctx, first); err != nil {
		return err
	}
	return r.service.auditor.Record(ctx, e)
}

// flush audits whom the chunk shows and then lets it go.
func (o *resultWriter) flush() error {
	if err := o.audit(); err != nil {
		return err
	}
	o.waiting = 0
	o.note()
	return o.send()
}

func (o *resultWriter) audit() error {
	set := o.set
	switch {
	case len(o.pending) > 0:
	case set.unopened != nil:
		// Nobody is shown yet: the opening row alone.
		first := *set.unopened
		set.unopened = nil
		return set.service.auditor.Record(o.ctx, first)
	default:
		return nil
	}
	e := Event{Action: "E", Opening: set.opening, Object: set.request.Name, Shown: o.pending}
	o.pending = nil
	return set.record(o.ctx, e)
}

// note takes what waits into the tag; a result of some size has none.
func (o *resultWriter) note() {
	if o.written < tagged {
		o.digest.Write(o.buf)
	}
}

// tagged is the size from which a result has no tag.
const tagged = 4 << 20

func (o *resultWriter) send() error {
	if len(o.buf) == 0 {
		return nil
	}
	if err := o.set.opened.Wait(); err != nil {
		return err
	}
	n, err := o.w.Write(o.buf)
	o.written += int64(n)
	o.buf = o.buf[:0]
	return err
}

// end encodes what is known last; it leaves, and so do the rows that wait, when
// the closing row is written with the EHRs they show.
func (o *resultWriter) end() error {
	set := o.set
	foot := result.Foot{
		Created: set.now, Query: set.request.Text, Href: set.request.Href, Rows: o.rows,
		Fetch: set.request.Fetch, Offset: set.request.Offset, Mixed: o.mixed(),
	}
	if o.more && o.cuts {
		foot.Truncated = o.most
	}
	if o.more && set.position != nil {
		var err error
		if foot.Next, err = set.position.next(o); err != nil {
			return err
		}
	}
	o.note()
	var err error
	o.buf, err = o.encoder.Foot(o.buf, foot)
	set.outcome = QueryOutcome{Rows: o.rows, Truncated: foot.Truncated, Next: foot.Next}
	if o.written < tagged {
		// The time of the query is no part of what it found.
		same := foot
		same.Created, same.Next = time.Time{}, ""
		meta, footErr := result.Formats[0].New().Foot([]byte(set.request.Format.Name), same)
		if footErr != nil {
			return footErr
		}
		o.digest.Write(meta)
		set.outcome.Tag = base64.RawURLEncoding.EncodeToString(o.digest.Sum(nil)[:18])
	}
	return err
}
