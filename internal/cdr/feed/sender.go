package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	// quiet is the time between rounds without anything to tell, idle the one where
	// nobody wants to be told.
	quiet = 200 * time.Millisecond
	idle  = time.Second
	// leaseLength is longer than a round: stretch messages of sendLimit each, those
	// of different EHRs next to each other.
	leaseLength = 2 * time.Minute
	sendLimit   = 10 * time.Second
	roundLimit  = 90 * time.Second
	stretch     = 100
	atOnce      = 8
	// farBehind is how many transactions without a change are worth writing down.
	farBehind = 1000
	// hooksAtOnce is how many receivers are told at a time.
	hooksAtOnce = 16
	// longestPause is how long a receiver that fails is left alone.
	longestPause = 5 * time.Minute
)

// Run tells receivers of changes until ctx ends. Any number of processes may
// run it; a webhook is one process's at a time.
func (f *Feed) Run(ctx context.Context) error {
	process := cdr.NewUID()
	for ctx.Err() == nil {
		wait := quiet
		hooks, err := f.Store.Webhooks(ctx, "")
		if err != nil || len(hooks) == 0 {
			wait = idle
		}
		var all errgroup.Group
		all.SetLimit(hooksAtOnce)
		for _, w := range hooks {
			all.Go(func() error {
				if err := f.round(ctx, process, w); err != nil && ctx.Err() == nil {
					f.Logger.Warn("a webhook could not be served", "webhook", w.ID, "error", fault.Of(err).Code)
				}
				return nil
			})
		}
		_ = all.Wait() // each round has logged its own
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// round tells one receiver what it has not been told, up to a stretch.
func (f *Feed) round(ctx context.Context, process string, w Webhook) error {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	after, mine, err := f.Store.Lease(ctx, w.ID, process, leaseLength)
	if err != nil || !mine {
		return err
	}
	p, err := f.Act.Profile(ctx, w.Caller)
	if err != nil {
		return err
	}
	if !mayRead(p) {
		return f.Store.Settle(ctx, w.ID, Outcome{Failure: "its principal may not read the feed", Pause: time.Minute})
	}
	due, err := f.Store.Due(ctx, p, w.ID, stretch)
	if err != nil {
		return err
	}
	page, err := f.Store.Changes(ctx, p, after, w.Filter, stretch)
	if err != nil {
		return err
	}
	if len(due) == 0 && len(page.Changes) == 0 {
		// Writing the place down is itself a transaction that moves the end.
		if page.Next.Xact < after.Xact+farBehind {
			return nil
		}
		return f.Store.Settle(ctx, w.ID, Outcome{Next: &page.Next})
	}
	fresh := page.Changes[:0:0]
	for _, c := range page.Changes {
		// A draft is nobody's business but its writers'.
		if c.Lifecycle != cdr.Incomplete {
			fresh = append(fresh, c)
		}
	}
	ehrs := make([]string, len(fresh))
	for i, c := range fresh {
		ehrs[i] = c.EHR
	}
	queued, err := f.Store.Queued(ctx, w.ID, ehrs)
	if err != nil {
		return err
	}
	o := Outcome{}
	var ready []Change
	for _, c := range fresh {
		if queued[c.EHR] {
			o.Late = append(o.Late, c)
		} else {
			ready = append(ready, c)
		}
	}
	if err := f.shown(ctx, w.Caller, p, append(due[:len(due):len(due)], ready...)); err != nil {
		return err
	}
	told, failures := f.tell(ctx, w, due)
	for _, c := range due {
		if told[c.Place] {
			o.Told = append(o.Told, c)
		} else {
			o.Refused = append(o.Refused, c)
		}
	}
	more, again := f.tell(ctx, w, ready)
	failures = append(failures, again...)
	o.Sent = len(told)+len(more) > 0
	if len(failures) > 0 {
		o.Failure = failures[0].Error()
	}
	if !o.Sent && down(failures) {
		// The receiver itself is away: nothing moves, and nothing piles up here.
		o.Late, o.Refused = nil, nil
		o.Pause = min(max(time.Since(w.Failing), time.Second), longestPause)
		if w.Failing.IsZero() {
			o.Pause = time.Second
		}
		return f.Store.Settle(ctx, w.ID, o)
	}
	for _, c := range ready {
		if !more[c.Place] {
			o.Late = append(o.Late, c)
		}
	}
	o.Next = &page.Next
	return f.Store.Settle(ctx, w.ID, o)
}

// errAway is a receiver that could not be reached or is in trouble, as opposed
// to one that refuses a message.
var errAway = errors.New("the receiver does not answer")

func down(failures []error) bool {
	for _, err := range failures {
		if !errors.Is(err, errAway) {
			return false
		}
	}
	return len(failures) > 0
}

// tell sends changes, those of one EHR in order and no further than the first
// that is not taken. It gives the places of those that were.
func (f *Feed) tell(ctx context.Context, w Webhook, changes []Change) (told map[Place]bool, failures []error) {
	told = map[Place]bool{}
	var order []string
	by := map[string][]Change{}
	for _, c := range changes {
		if by[c.EHR] == nil {
			order = append(order, c.EHR)
		}
		by[c.EHR] = append(by[c.EHR], c)
	}
	var mu sync.Mutex
	one := func(ehr string) {
		for _, c := range by[ehr] {
			err := f.send(ctx, w, c)
			mu.Lock()
			if err == nil {
				told[c.Place] = true
			} else {
				failures = append(failures, err)
			}
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i, ehr := range order {
		// One after the other until one is taken: a receiver that is away is not
		// asked a hundred times.
		if i < 3 {
			one(ehr)
			continue
		}
		if i == 3 && len(told) == 0 {
			break
		}
		all.Go(func() error { one(ehr); return nil })
	}
	_ = all.Wait() // failures are collected beside
	return told, failures
}

func (f *Feed) send(ctx context.Context, w Webhook, c Change) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	message, err := json.Marshal(c)
	if err != nil {
		return err
	}
	id, now := w.ID+"."+c.Place.String(), strconv.FormatInt(time.Now().Unix(), 10)
	status, err := f.Sender.Send(ctx, w.URL, map[string]string{
		"webhook-id": id, "webhook-timestamp": now, "webhook-signature": signature(f.key(w.ID), id, now, message),
	}, message)
	var refused *url.Error
	switch {
	case errors.As(err, &refused) && refused.Timeout():
		return fmt.Errorf("%w within %v", errAway, sendLimit)
	case err != nil:
		return errAway
	case status >= 200 && status < 300:
		return nil
	case status >= 500 || status == 408 || status == 410 || status == 429:
		return fmt.Errorf("%w: status %d", errAway, status)
	}
	return fmt.Errorf("the receiver refused it: status %d", status)
}
