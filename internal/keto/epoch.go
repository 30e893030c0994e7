package keto

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Epochs is the number that rises with every change of rights. Implemented on
// Postgres (access_epoch).
type Epochs interface {
	// Epoch reads the number.
	Epoch(ctx context.Context) (int64, error)
	// Raise adds one, durably, and notifies every process that listens.
	Raise(ctx context.Context) error
	// Listen calls changed for each notification, and once at its start, until
	// ctx ends or the connection fails.
	Listen(ctx context.Context, changed func()) error
}

// epochs follows the number. Without a fresh one no profile is valid.
type epochs struct {
	source Epochs
	// fresh is how long a reading counts, limit how long one may take.
	fresh, limit time.Duration

	reading sync.Mutex // readings do not overtake one another
	flight  singleflight.Group

	mu        sync.Mutex
	value     int64
	confirmed time.Time // zero: the last reading failed
}

// current is the epoch, read anew where the last reading is not fresh.
func (e *epochs) current(ctx context.Context) (int64, error) {
	if v, ok := e.known(); ok {
		return v, nil
	}
	done := e.flight.DoChan("epoch", func() (any, error) {
		if v, ok := e.known(); ok {
			return v, nil
		}
		return e.read(context.WithoutCancel(ctx))
	})
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case r := <-done:
		if r.Err != nil {
			return 0, r.Err
		}
		return r.Val.(int64), nil
	}
}

func (e *epochs) known() (int64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.value, !e.confirmed.IsZero() && time.Since(e.confirmed) < e.fresh
}

// read asks the database now: what was committed before the call is seen.
func (e *epochs) read(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, e.limit)
	defer cancel()
	e.reading.Lock()
	defer e.reading.Unlock()
	begun := time.Now()
	v, err := e.source.Epoch(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.confirmed = time.Time{}
		return 0, err
	}
	e.value, e.confirmed = v, begun
	return v, nil
}

// follow reads at every tick and at every notification until ctx ends.
func (e *epochs) follow(ctx context.Context, every time.Duration, poke <-chan struct{}) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		// A failure is kept as "not confirmed": the next caller tries itself.
		_, _ = e.read(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-poke:
		}
	}
}

// listen keeps a listener going until ctx ends. Notifications only make the
// news quicker: following by polls is right without them.
func (e *epochs) listen(ctx context.Context, every time.Duration, poke chan<- struct{}) error {
	changed := func() {
		select {
		case poke <- struct{}{}:
		default: // one is waiting already
		}
	}
	for {
		_ = e.source.Listen(ctx, changed)
		changed()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}
