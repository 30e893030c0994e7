package bulk

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Item is one document of a source.
type Item struct {
	// Where names the place in the source, such as "line 7".
	Where string
	// EHR is the record the document is of.
	EHR string
	// Make says that the item is a new EHR; Status is then its EHR_STATUS, nil for
	// the usual one. Absent makes it only where there is none of that id.
	Make, Absent bool
	Status       []byte
	Composition  []byte
	// Organisation recorded the document, and a new EHR gets a relationship with it.
	Organisation string
	// Err is what is wrong with the item as it stands in the source.
	Err error
}

// Source gives documents, the same in the same order each time.
type Source interface {
	// Fingerprint identifies the source with its content.
	Fingerprint() (string, error)
	// Each gives the items after the first skip of them.
	Each(ctx context.Context, skip int64, give func(Item) error) error
}

// State is how far a load has come.
type State struct {
	// Position counts the items that are dealt with: loaded, refused or found
	// there already.
	Position, Loaded, Refused int64
	// Bytes is the size of the documents loaded.
	Bytes    int64
	Finished *time.Time
}

// Prepared is a commit with what the store makes of it ahead of the transaction.
type Prepared struct {
	Commit cdr.Commit
	// Absent: see Item.
	Absent bool
	Rows   any
}

// Store keeps loads.
type Store interface {
	// OpenLoad begins a load or takes up one with the same fingerprint; event is the
	// audit row of its opening. One process at a time works on a load.
	OpenLoad(ctx context.Context, fingerprint string, event cdr.Event) (Session, error)
}

// Session is one process's work on a load. Only Prepare may be called from
// several goroutines.
type Session interface {
	State() State
	// Prepare does what needs no transaction.
	Prepare(c cdr.Commit) Prepared
	// Commit stores a batch and moves the position by items, all of it or nothing.
	// Before it ends tell hears, by place in the batch, of documents that the record
	// as it is refuses; all others are in. refused counts those that never got here.
	Commit(ctx context.Context, batch []Prepared, items, refused int64, tell func(map[int]error)) error
	// Finish says that all of the source is dealt with; event is the audit row of
	// the load's end.
	Finish(ctx context.Context, event cdr.Event) error
	Close()
}

// Refusal is a document that was not loaded.
type Refusal struct {
	// Position counts from 1.
	Position int64
	Where    string
	Err      error
}

// Loader loads.
type Loader struct {
	Act    cdr.Act
	Store  Store
	Caller cdr.Caller
	// Unjudged leaves out the judgement of content by template and reference model.
	Unjudged bool
	// Batch is how many items go in one transaction; 0 means 1,000.
	Batch int
	// Info says of all commits what a client says of one.
	Info cdr.CommitInfo
	// Refused is told of every document that is not loaded, Progress now and then.
	Refused  func(Refusal)
	Progress func(State)
}

// What of a source is in memory at a time: pieces under way or waiting, and what
// goes in one transaction.
const (
	pieceItems = 32
	pieceBytes = 2 << 20
	batchItems = 1000
	batchBytes = 24 << 20
)

// busyFor is how long a load waits for what it needs to judge documents.
const busyFor = time.Minute

// piece is a run of items, prepared by one goroutine.
type piece struct {
	first int64
	items []Item
	bytes int
	done  chan struct{}

	// ready has a commit for each item that has no error.
	ready  []Prepared
	errs   []error
	failed error
}

// Run loads the source from where an earlier run of the same load has stopped.
func (l *Loader) Run(ctx context.Context, source Source) (State, error) {
	print, err := source.Fingerprint()
	if err != nil {
		return State{}, err
	}
	p, err := l.Act.Profile(ctx, l.Caller)
	if err != nil {
		return State{}, err
	}
	event := cdr.Event{Action: "E", Object: "bulk-load"}
	session, err := l.Store.OpenLoad(ctx, print, l.Act.Event(l.Caller, p, event))
	if err != nil {
		return State{}, err
	}
	defer session.Close()
	if session.State().Finished != nil {
		return session.State(), nil
	}
	group, inner := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	work, ordered := make(chan *piece, workers), make(chan *piece, 2*workers)
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		return l.read(inner, source, session.State().Position, work, ordered)
	})
	for range workers {
		group.Go(func() error {
			for piece := range work {
				l.prepare(inner, session, p, piece)
			}
			return nil
		})
	}
	group.Go(func() error { return l.write(inner, session, ordered) })
	if err := group.Wait(); err != nil {
		return session.State(), err
	}
	rows := session.State().Loaded
	event.Rows = &rows
	err = session.Finish(ctx, l.Act.Event(l.Caller, p, event))
	return session.State(), err
}

// read cuts the source into pieces, each to be prepared beside the others and
// written in its turn.
func (l *Loader) read(ctx context.Context, source Source, skip int64, work, ordered chan<- *piece) error {
	position := skip
	now := &piece{first: position, done: make(chan struct{})}
	send := func() error {
		for _, to := range []chan<- *piece{ordered, work} {
			select {
			case to <- now:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		now = &piece{first: position, done: make(chan struct{})}
		return nil
	}
	err := source.Each(ctx, skip, func(item Item) error {
		position++
		now.items = append(now.items, item)
		if now.bytes += len(item.Composition) + len(item.Status); len(now.items) < min(pieceItems, cmp.Or(l.Batch, pieceItems)) && now.bytes < pieceBytes {
			return nil
		}
		return send()
	})
	if err != nil || len(now.items) == 0 {
		return err
	}
	return send()
}

// prepare makes the commits of a piece.
func (l *Loader) prepare(ctx context.Context, session Session, p *access.Profile, piece *piece) {
	defer close(piece.done)
	piece.errs = make([]error, len(piece.items))
	for i, item := range piece.items {
		c, err := l.patiently(ctx, item, p)
		switch {
		case err == nil:
			prepared := session.Prepare(c)
			prepared.Absent = item.Absent
			piece.ready = append(piece.ready, prepared)
		case outage(err):
			piece.failed = err
			return
		default:
			piece.errs[i] = err
		}
	}
}

// outage tells what is wrong with the world from what is wrong with a document.
func outage(err error) bool {
	switch fault.Of(err).Kind {
	case fault.Internal, fault.Unavailable, fault.Timeout:
		return true
	}
	return errors.Is(err, context.Canceled)
}

// patiently waits where what judges documents, such as a terminology server, does
// not answer for a moment.
func (l *Loader) patiently(ctx context.Context, item Item, p *access.Profile) (cdr.Commit, error) {
	for began := time.Now(); ; {
		c, err := l.commit(ctx, item, p)
		if !fault.Is(err, fault.Unavailable) || time.Since(began) > busyFor {
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (l *Loader) commit(ctx context.Context, item Item, p *access.Profile) (cdr.Commit, error) {
	if item.Err != nil {
		return cdr.Commit{}, item.Err
	}
	caller := l.Caller
	if item.Organisation != "" {
		caller.Organisation = item.Organisation
	}
	if !item.Make {
		return l.Act.NewComposition(ctx, caller, p, item.EHR, cdr.Content{JSON: item.Composition}, l.Info, l.Unjudged)
	}
	var status *cdr.Content
	if item.Status != nil {
		status = &cdr.Content{JSON: item.Status}
	}
	return l.Act.NewEHR(caller, p, item.EHR, status, l.Info)
}

// write stores the pieces in their order, several in a transaction.
func (l *Loader) write(ctx context.Context, session Session, ordered <-chan *piece) error {
	var waiting []*piece
	items, bytes := 0, 0
	most := cmp.Or(l.Batch, batchItems)
	flush := func() error {
		if items == 0 {
			return nil
		}
		err := l.store(ctx, session, waiting)
		waiting, items, bytes = nil, 0, 0
		return err
	}
	for piece := range ordered {
		select {
		case <-piece.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if piece.failed != nil {
			return errors.Join(flush(), piece.failed)
		}
		waiting = append(waiting, piece)
		items, bytes = items+len(piece.items), bytes+piece.bytes
		if items >= most || bytes >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return flush()
}

// store is one transaction. What it refuses is told before it ends: a process that
// is killed in between makes the next one tell it again, and nobody misses it.
func (l *Loader) store(ctx context.Context, session Session, pieces []*piece) error {
	var batch []Prepared
	var places []Refusal
	var refusals []Refusal
	items := int64(0)
	for _, piece := range pieces {
		batch = append(batch, piece.ready...)
		for i, item := range piece.items {
			items++
			r := Refusal{Position: piece.first + int64(i) + 1, Where: item.Where, Err: piece.errs[i]}
			if r.Err != nil {
				refusals = append(refusals, r)
			} else {
				places = append(places, r)
			}
		}
	}
	err := session.Commit(ctx, batch, items, int64(len(refusals)), func(refused map[int]error) {
		for i, r := range places {
			if r.Err = refused[i]; r.Err != nil {
				refusals = append(refusals, r)
			}
		}
		slices.SortFunc(refusals, func(a, b Refusal) int { return cmp.Compare(a.Position, b.Position) })
		for _, r := range refusals {
			l.Refused(r)
		}
	})
	if err == nil {
		l.Progress(session.State())
	}
	return err
}
