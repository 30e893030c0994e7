package keto

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Config is what an Authorizer needs.
type Config struct {
	// ReadURL and WriteURL are the base URLs of Keto's two APIs.
	ReadURL, WriteURL string
	// Sentinel is the object in AdminArea whose viewer is SentinelSubject
	// ("quire-sentinel" by default) and nobody else.
	Sentinel, SentinelSubject string
	Epochs                    Epochs
	Families                  Families
	// Timeout (250 ms) bounds a probe and the renewal of a profile, Cold (2 s)
	// the first gathering of one, Life (10 s) its use.
	Timeout, Cold, Life time.Duration
	// Every (1 s) is the pace of sentinel and epoch polls.
	Every  time.Duration
	Logger *slog.Logger
}

// Authorizer implements cdr.Authorizer. Run must be running for a long-lived
// one; without it profiles are still right, as epoch and sentinel are then asked
// by the callers themselves.
type Authorizer struct {
	config Config
	client *client
	log    *slog.Logger
	health health
	epochs epochs
	flight singleflight.Group
	renew  chan key

	// base ends with Close; gathering outlives the caller that began it.
	base  context.Context
	close context.CancelFunc
	live  sync.WaitGroup

	mu    sync.Mutex
	cache map[key]entry
}

// key is what a profile is of.
type key struct{ principal, role string }

type entry struct {
	profile *access.Profile
	epoch   int64
	// from is when gathering began: what Keto said after it may be older news.
	from time.Time
}

// maxCached bounds the profiles kept; beyond it the oldest go.
const maxCached = 20_000

// New makes an Authorizer; nothing is asked yet.
func New(c Config) *Authorizer {
	byDefault := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	byDefault(&c.Timeout, 250*time.Millisecond)
	byDefault(&c.Cold, 2*time.Second)
	byDefault(&c.Life, 10*time.Second)
	byDefault(&c.Every, time.Second)
	if c.SentinelSubject == "" {
		c.SentinelSubject = sentinelSubject
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	a := &Authorizer{
		config: c, client: newClient(c.ReadURL, c.WriteURL), log: c.Logger,
		// Two missed polls make a reading stale.
		epochs: epochs{source: c.Epochs, fresh: 2 * c.Every, limit: c.Every},
		renew:  make(chan key, 256),
		cache:  map[key]entry{},
	}
	a.base, a.close = context.WithCancel(context.Background())
	return a
}

// Run keeps sentinel, epoch and profiles fresh until ctx ends.
func (a *Authorizer) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	poke := make(chan struct{}, 1)
	group.Go(func() error { return a.watch(ctx) })
	group.Go(func() error { return a.epochs.follow(ctx, a.config.Every, poke) })
	group.Go(func() error { return a.epochs.listen(ctx, a.config.Every, poke) })
	for range 2 {
		group.Go(func() error { return a.renewing(ctx) })
	}
	return group.Wait()
}

// Close ends what is being gathered and the connections to Keto.
func (a *Authorizer) Close() {
	a.close()
	a.live.Wait()
	a.client.transport.CloseIdleConnections()
}

// Profile gives what the caller may see. It fails with fault.Unavailable while
// Keto or the database cannot be believed, and never mistakes that for "nothing".
func (a *Authorizer) Profile(ctx context.Context, caller cdr.Caller) (*access.Profile, error) {
	if caller.All {
		return &access.Profile{Principal: caller.Subject, Role: caller.Role, Purpose: caller.Purpose, Service: caller.Service,
			EHR: caller.EHR, All: caller.EHR == "", ValidUntil: time.Now().Add(a.config.Life)}, nil
	}
	who, ok := parseSubject(caller.Subject)
	if !ok || who.id == "" {
		return nil, fault.New(fault.Unauthenticated, "no-identity", "the caller has no identity")
	}
	epoch, err := a.epochs.current(ctx)
	if err != nil {
		return nil, unavailable("the access epoch cannot be read", err)
	}
	k := key{caller.Subject, caller.Role}
	e, ok := a.cached(k, epoch)
	if !ok {
		if e, err = a.gatherOnce(ctx, k, epoch); err != nil {
			return nil, err
		}
	} else if time.Since(e.from) > a.config.Life/2 {
		select {
		case a.renew <- k:
		default: // the caller that finds it expired will gather
		}
	}
	p := *e.profile
	p.EHR, p.Purpose = caller.EHR, caller.Purpose
	p.Service = caller.Service || who.kind() == aService
	p.Epoch, p.ValidUntil = e.epoch, e.from.Add(a.config.Life)
	return &p, nil
}

// Epoch is the access epoch, at most two polls old; it fails while the database
// does not answer.
func (a *Authorizer) Epoch(ctx context.Context) (int64, error) {
	epoch, err := a.epochs.current(ctx)
	if err != nil {
		return 0, unavailable("the access epoch cannot be read", err)
	}
	return epoch, nil
}

// Refresh reads the epoch now, so that a change of rights made by this process
// is felt by its next request.
func (a *Authorizer) Refresh(ctx context.Context) error {
	if _, err := a.epochs.read(ctx); err != nil {
		return unavailable("the access epoch cannot be read", err)
	}
	return nil
}

func (a *Authorizer) cached(k key, epoch int64) (entry, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.cache[k]
	if ok && (e.epoch != epoch || time.Since(e.from) >= a.config.Life) {
		delete(a.cache, k)
		return entry{}, false
	}
	return e, ok
}

func (a *Authorizer) keep(k key, e entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.cache[k]; ok && old.epoch == e.epoch && old.from.After(e.from) {
		return
	}
	if len(a.cache) >= maxCached {
		for other, old := range a.cache {
			if time.Since(old.from) >= a.config.Life/2 || len(a.cache) >= maxCached {
				delete(a.cache, other)
			}
		}
	}
	a.cache[k] = e
}

// gatherOnce gathers for all callers that wait for the same profile.
func (a *Authorizer) gatherOnce(ctx context.Context, k key, epoch int64) (entry, error) {
	if err := a.health.down(); err != nil {
		return entry{}, unavailable("the access service does not answer", err)
	}
	name := k.principal + "\x00" + k.role + "\x00" + strconv.FormatInt(epoch, 10)
	done := a.flight.DoChan(name, func() (any, error) {
		if e, ok := a.cached(k, epoch); ok {
			return e, nil
		}
		return a.gatherNow(k, epoch, a.config.Cold)
	})
	select {
	case <-ctx.Done():
		return entry{}, unavailable("the access decision took too long", ctx.Err())
	case r := <-done:
		if r.Err != nil {
			return entry{}, r.Err
		}
		return r.Val.(entry), nil
	}
}

// gatherNow gathers a profile, and believes it once the sentinel was seen after
// the last look-up.
func (a *Authorizer) gatherNow(k key, epoch int64, limit time.Duration) (entry, error) {
	a.live.Add(1)
	defer a.live.Done()
	ctx, cancel := context.WithTimeout(a.base, limit)
	defer cancel()
	from := time.Now()
	p, err := gather(ctx, a.client, a.config.Families, k.principal, k.role)
	if errors.Is(err, errTooWide) {
		// A number instead of a name: logs carry no identities.
		sum := sha256.Sum256([]byte(k.principal))
		a.log.Error("an access profile is over the limit and was denied", "principal_sha256", hex.EncodeToString(sum[:8]))
		return entry{}, fault.New(fault.Forbidden, "access-profile-too-wide", "the rights of this identity are over the limit; nothing is allowed until that is corrected").Because(err)
	}
	if err == nil {
		err = a.probe(ctx)
	}
	if err != nil {
		return entry{}, unavailable("the access service does not answer", err)
	}
	e := entry{profile: p, epoch: epoch, from: from}
	a.keep(k, e)
	return e, nil
}

// renewing gathers profiles in use again before they expire.
func (a *Authorizer) renewing(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case k := <-a.renew:
			epoch, ok := a.epochs.known()
			if !ok || a.health.down() != nil {
				continue
			}
			if e, ok := a.cached(k, epoch); !ok || time.Since(e.from) <= a.config.Life/2 {
				continue // gone, or renewed by an earlier request
			}
			// A failure leaves the old profile until its end; the sentinel reports it.
			_, _ = a.gatherNow(k, epoch, a.config.Timeout)
		}
	}
}

func unavailable(message string, cause error) error {
	e := fault.New(fault.Unavailable, "access-unavailable", "%s; no decision was made", message).Because(cause)
	e.RetryAfter = 2 * time.Second
	return e
}
