package authn

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// A source has lockBurst failures for one identity, then one every lockStep.
	lockBurst = 10
	lockStep  = 6 * time.Second
	// Over all identities it has more: many callers share the address of a proxy,
	// and one with an old key must not lock out the others.
	sourceBurst = 200
	sourceStep  = 200 * time.Millisecond
	maxLimits   = 50_000
)

// limits slows guessing: failures are counted per source and identity, and per
// source. Only failures count.
type limits struct {
	mu   sync.Mutex
	list map[limitKey]*rate.Limiter
}

type limitKey struct {
	source   netip.Addr
	identity string // "" is the source alone
}

// allow says whether the source may try the identity.
func (l *limits) allow(source netip.Addr, identity string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, k := range keys(source, identity) {
		if limiter := l.list[k]; limiter != nil && limiter.TokensAt(now) < 1 {
			return false
		}
	}
	return true
}

// failed counts a failure.
func (l *limits) failed(source netip.Addr, identity string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil || len(l.list) >= maxLimits {
		l.forget(time.Now())
	}
	for _, k := range keys(source, identity) {
		limiter := l.list[k]
		if limiter == nil {
			if limiter = rate.NewLimiter(rate.Every(lockStep), lockBurst); k.identity == "" {
				limiter = rate.NewLimiter(rate.Every(sourceStep), sourceBurst)
			}
			l.list[k] = limiter
		}
		limiter.Allow()
	}
}

// forget drops limiters that are full again; where none is, all but the sources
// alone, which are the fewer.
func (l *limits) forget(now time.Time) {
	kept := map[limitKey]*rate.Limiter{}
	for k, limiter := range l.list {
		if k.identity == "" && limiter.TokensAt(now) < sourceBurst {
			kept[k] = limiter
		}
	}
	if len(kept) >= maxLimits {
		kept = map[limitKey]*rate.Limiter{}
	}
	l.list = kept
}

func keys(source netip.Addr, identity string) []limitKey {
	source = source.Unmap()
	if source.Is6() {
		// One household has a /64.
		if p, err := source.Prefix(64); err == nil {
			source = p.Addr()
		}
	}
	if identity == "" {
		return []limitKey{{source, ""}}
	}
	return []limitKey{{source, ""}, {source, identity}}
}
