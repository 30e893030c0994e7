package rest

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/quire-cdr/quire/internal/fault"
)

// Rate bounds the requests of one principal. The zero value is no bound.
type Rate struct {
	// PerSecond is how many a second in the long run, Burst how many at once.
	PerSecond float64
	Burst     int
}

// maxRated bounds the principals remembered.
const maxRated = 50_000

// rates counts the requests of each principal in this process.
type rates struct {
	Rate
	mu   sync.Mutex
	list map[string]*rate.Limiter
}

// take counts a request; beyond the bound it is fault.TooMany, with how long to
// wait.
func (r *rates) take(principal string, now time.Time) error {
	if r.PerSecond <= 0 {
		return nil
	}
	r.mu.Lock()
	limiter := r.list[principal]
	if limiter == nil {
		if len(r.list) >= maxRated {
			r.forget(now)
		}
		if r.list == nil {
			r.list = map[string]*rate.Limiter{}
		}
		limiter = rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))
		r.list[principal] = limiter
	}
	r.mu.Unlock()
	taken := limiter.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	taken.CancelAt(now)
	e := fault.New(fault.TooMany, "too-many-requests", "this identity has made more than %g requests a second; wait and try again", r.PerSecond)
	e.RetryAfter = max(wait, time.Second)
	return e
}

// forget drops the principals that have not asked for long enough to have their
// whole burst again; where none has, all of them.
func (r *rates) forget(now time.Time) {
	for p, limiter := range r.list {
		if limiter.TokensAt(now) >= float64(limiter.Burst()) {
			delete(r.list, p)
		}
	}
	if len(r.list) >= maxRated {
		clear(r.list)
	}
}
