package keto

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

var errSentinel = errors.New("keto does not answer the sentinel as it must: its database is down, or it is another Keto")

// probe asks what must be allowed, what must be denied, and the reverse look-up
// profiles are made by. Only a Keto that answers all three rightly is believed.
func (a *Authorizer) probe(ctx context.Context) error {
	known := subject{id: a.config.SentinelSubject}
	group, ctx := errgroup.WithContext(ctx)
	check := func(id string, want bool) func() error {
		return func() error {
			got, err := a.client.allowed(ctx, "AdminArea", a.config.Sentinel, "view", id)
			if err == nil && got != want {
				err = errSentinel
			}
			return err
		}
	}
	group.Go(check(known.id, true))
	group.Go(check(known.id+"-no", false))
	group.Go(func() error {
		found, _, err := a.client.page(ctx, query{namespace: "AdminArea", object: a.config.Sentinel, who: &known}, "")
		if err == nil && len(found) == 0 {
			err = errSentinel
		}
		return err
	})
	return group.Wait()
}

// health is what the sentinel said last.
type health struct {
	mu      sync.Mutex
	asked   bool
	last    error
	misses  int
	believe error // nil: up
}

// note takes the outcome of a probe. A wrong answer or a refused connection
// counts at once; one slow answer may be a busy machine, two are an outage.
func (h *health) note(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.believe
	h.asked, h.last = true, err
	switch {
	case err == nil:
		h.misses, h.believe = 0, nil
	case errors.Is(err, context.DeadlineExceeded):
		if h.misses++; h.misses > 1 {
			h.believe = err
		}
	default:
		h.misses++
		h.believe = err
	}
	return (was == nil) != (h.believe == nil)
}

// down is nil while Keto may be asked.
func (h *health) down() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.believe
}

// Ready is nil when Keto answered the sentinel rightly the last time, and the
// database told the access epoch. /readyz asks it.
func (a *Authorizer) Ready(ctx context.Context) error {
	a.health.mu.Lock()
	asked, last := a.health.asked, a.health.last
	a.health.mu.Unlock()
	if !asked {
		return errors.New("keto has not been asked yet")
	}
	if last != nil {
		return last
	}
	_, err := a.epochs.current(ctx)
	return err
}

// watch probes until ctx ends.
func (a *Authorizer) watch(ctx context.Context) error {
	tick := time.NewTicker(a.config.Every)
	defer tick.Stop()
	for {
		probing, cancel := context.WithTimeout(ctx, a.config.Timeout)
		err := a.probe(probing)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if a.health.note(err) {
			if err != nil {
				a.log.Error("keto is down: callers without a profile get 503", "cause", err.Error())
			} else {
				a.log.Info("keto answers again")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
