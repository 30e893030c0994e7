package feed

import (
	"context"
	"log/slog"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Filter narrows a feed; the zero value does not.
type Filter struct {
	Kinds     []cdr.Kind
	Templates []string
}

// Page is a stretch of the feed. Next is the place to go on from, whether or not
// there were changes; More says that there are further ones already.
type Page struct {
	Changes []Change
	Next    Place
	More    bool
}

// Store reads the feed and keeps who is told of it.
type Store interface {
	// Changes reads at most limit changes after a place that the profile may see.
	// A place that this database has not reached yet is fault.Gone.
	Changes(ctx context.Context, p *access.Profile, after Place, f Filter, limit int) (Page, error)
	// Now is the end of the feed.
	Now(ctx context.Context) (Place, error)
	WebhookStore
}

// Feed is the use cases of the change feed and of webhooks. It is safe for
// concurrent use.
type Feed struct {
	Store  Store
	Act    cdr.Act
	Sender Sender
	// Secret is the key that the keys of webhooks are made from; all processes of
	// one system share it.
	Secret []byte
	Logger *slog.Logger
}

const (
	// pageDefault and pageLimit are numbers of changes.
	pageDefault = 100
	pageLimit   = 1000
	// longestWait is how long a reader may wait for the next change, and look how
	// often it looks.
	longestWait = 30 * time.Second
	look        = 200 * time.Millisecond
)

// Request asks for a page of the feed.
type Request struct {
	After  Place
	Filter Filter
	// Limit is at most 1000, 0 means 100.
	Limit int
	// Wait is how long to wait for a change where there is none yet, at most 30 s.
	Wait time.Duration
}

// Read gives the changes after a place. It needs the right to query a
// population, and each record that a page tells of stands in the audit.
func (f *Feed) Read(ctx context.Context, caller cdr.Caller, r Request) (Page, error) {
	switch {
	case r.Limit == 0:
		r.Limit = pageDefault
	case r.Limit < 0 || r.Limit > pageLimit:
		return Page{}, fault.New(fault.Invalid, "limit", "a page of the feed holds 1 to %d changes", pageLimit)
	}
	if r.Wait < 0 || r.Wait > longestWait {
		return Page{}, fault.New(fault.Invalid, "wait", "wait is at most %.0f seconds", longestWait.Seconds())
	}
	p, err := f.reader(ctx, caller)
	if err != nil {
		return Page{}, err
	}
	until := time.Now().Add(r.Wait)
	for {
		page, err := f.Store.Changes(ctx, p, r.After, r.Filter, r.Limit)
		if err != nil {
			return Page{}, err
		}
		if len(page.Changes) > 0 || time.Now().After(until) {
			return page, f.shown(ctx, caller, p, page.Changes)
		}
		r.After = page.Next
		select {
		case <-ctx.Done():
			return page, nil
		case <-time.After(look):
		}
		// Rights may end while one waits.
		if p, err = f.reader(ctx, caller); err != nil {
			return Page{}, err
		}
	}
}

// reader is the profile of who may read the feed.
func (f *Feed) reader(ctx context.Context, caller cdr.Caller) (*access.Profile, error) {
	p, err := f.Act.Profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if !mayRead(p) {
		return nil, f.Act.Deny(ctx, caller, p, cdr.Event{Action: "E", Object: "changes"})
	}
	return p, nil
}

func mayRead(p *access.Profile) bool { return p.MayQueryPopulation() && p.EHR == "" }

// shown audits whom changes are about, before they leave.
func (f *Feed) shown(ctx context.Context, caller cdr.Caller, p *access.Profile, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	rows := int64(len(changes))
	e := cdr.Event{ID: cdr.NewUID(), Action: "E", Object: "changes", Rows: &rows}
	seen := map[string]bool{}
	for _, c := range changes {
		if !seen[c.EHR] {
			seen[c.EHR] = true
			e.Shown = append(e.Shown, c.EHR)
		}
	}
	return f.Act.Record(ctx, f.Act.Event(caller, p, e))
}
