package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quire-cdr/quire/internal/authn/oidc"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// RoleHeader selects one of the caller's roles.
const RoleHeader = "Quire-Role"

// KeyStore finds keys. Implemented on Postgres.
type KeyStore interface {
	// Key reads a key by its id, or fault.NotFound.
	Key(ctx context.Context, id string) (cdr.APIKey, error)
	// UsedKey notes that it was used.
	UsedKey(ctx context.Context, id string) error
}

// BasicUser is a user of HTTP basic authentication.
type BasicUser struct {
	Name, Password string
	// Caller is who that is; Roles those it may select.
	Caller cdr.Caller
	Roles  []string
}

// Config is what a Verifier needs.
type Config struct {
	Keys KeyStore
	// Epoch is the access epoch; keys verified under an older one are read again.
	Epoch func(ctx context.Context) (int64, error)
	// Basic users, for compatibility on a loopback listener only.
	Basic []BasicUser
	// Tokens verifies tokens of OpenID Connect issuers; nil accepts none.
	Tokens Tokens
	// Open makes every caller without credentials the one returned: --auth none.
	Open *cdr.Caller
	// Life (60 s) is how long a verified key is not read again.
	Life   time.Duration
	Logger *slog.Logger
}

// Tokens verifies JWTs. Implemented by oidc.Verifier.
type Tokens interface {
	Verify(ctx context.Context, token string) (oidc.Identity, error)
}

// Verifier verifies credentials. It is safe for concurrent use.
type Verifier struct {
	config Config
	basic  map[string]basicUser
	limits limits

	mu       sync.Mutex
	verified map[[sha256.Size]byte]verified
}

type basicUser struct {
	password [sha256.Size]byte
	caller   cdr.Caller
	roles    []string
}

type verified struct {
	key   cdr.APIKey
	epoch int64
	until time.Time
}

// maxVerified bounds the keys kept.
const maxVerified = 10_000

// New makes a Verifier.
func New(c Config) *Verifier {
	if c.Life <= 0 {
		c.Life = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	v := &Verifier{config: c, basic: map[string]basicUser{}, verified: map[[sha256.Size]byte]verified{}}
	for _, u := range c.Basic {
		v.basic[u.Name] = basicUser{sha256.Sum256([]byte(u.Password)), u.Caller, u.Roles}
	}
	return v
}

// Challenge is the WWW-Authenticate header of an answer to fault.Unauthenticated.
func (v *Verifier) Challenge() string {
	if len(v.basic) > 0 {
		return `Bearer realm="quire", Basic realm="quire", charset="UTF-8"`
	}
	return `Bearer realm="quire"`
}

// Credentials are what a request says of its caller.
type Credentials struct {
	// Authorization and Role are the headers of that name; Role may be empty.
	Authorization, Role string
	// Source is the client's address, as far as it can be trusted.
	Source netip.Addr
	// Purpose and RequestID pass into the Caller.
	Purpose, RequestID string
}

// Verify tells who is calling. Bad or missing credentials are
// fault.Unauthenticated, one answer for every cause; a role the caller does not
// have is fault.Forbidden; a database that does not answer is fault.Unavailable.
func (v *Verifier) Verify(ctx context.Context, c Credentials) (cdr.Caller, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(c.Authorization), " ")
	rest = strings.TrimSpace(rest)
	var caller cdr.Caller
	var roles []string
	var err error
	switch {
	case scheme == "" && v.config.Open != nil:
		caller = *v.config.Open
	case scheme == "":
		return cdr.Caller{}, fault.New(fault.Unauthenticated, "credentials-missing", "this needs credentials: Authorization: Bearer <key>")
	case strings.EqualFold(scheme, "Bearer"):
		caller, roles, err = v.bearer(ctx, rest, c.Source)
	case strings.EqualFold(scheme, "Basic") && len(v.basic) > 0:
		caller, roles, err = v.basicAuth(rest, c.Source)
	default:
		return cdr.Caller{}, fault.New(fault.Unauthenticated, "credentials-scheme", "this authentication scheme is not accepted here")
	}
	if err != nil {
		return cdr.Caller{}, err
	}
	if c.Role != "" && !caller.All {
		if !slices.Contains(roles, c.Role) {
			return cdr.Caller{}, fault.New(fault.Forbidden, "role", "this identity does not have the role asked for")
		}
		caller.Role = c.Role
	} else if caller.Role == "" && len(roles) > 0 {
		caller.Role = roles[0]
	}
	caller.Purpose, caller.RequestID = c.Purpose, c.RequestID
	if c.Source.IsValid() {
		caller.Source = c.Source.Unmap().String()
	}
	return caller, nil
}

func (v *Verifier) bearer(ctx context.Context, text string, source netip.Addr) (cdr.Caller, []string, error) {
	if v.config.Tokens != nil && oidc.IsToken(text) {
		// Nobody guesses a signature, so failures are not counted, and who sends bad
		// ones does not lock out others behind the same address.
		id, err := v.config.Tokens.Verify(ctx, text)
		return id.Caller, id.Roles, err
	}
	id := keyID(text)
	if id == "" {
		if !v.limits.allow(source, "") {
			return cdr.Caller{}, nil, tooMany()
		}
		v.limits.failed(source, "")
		return cdr.Caller{}, nil, refused()
	}
	epoch, err := v.config.Epoch(ctx)
	if err != nil {
		return cdr.Caller{}, nil, err
	}
	sum := sha256.Sum256([]byte(text))
	key, ok := v.known(sum, epoch)
	if !ok {
		// Who holds a verified key is never locked out by others behind the same address.
		if !v.limits.allow(source, id) {
			return cdr.Caller{}, nil, tooMany()
		}
		key, err = v.config.Keys.Key(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
			key = cdr.APIKey{Hash: make([]byte, sha256.Size)} // compared all the same
		case err != nil:
			return cdr.Caller{}, nil, err
		}
		if subtle.ConstantTimeCompare(sum[:], key.Hash) != 1 || key.ID != id {
			v.limits.failed(source, id)
			return cdr.Caller{}, nil, refused()
		}
	}
	if !usable(key, time.Now(), source) {
		v.limits.failed(source, id)
		return cdr.Caller{}, nil, refused()
	}
	if !ok {
		v.keep(sum, verified{key, epoch, time.Now().Add(v.config.Life)})
		if err := v.config.Keys.UsedKey(ctx, id); err != nil {
			v.config.Logger.Warn("the use of a key was not noted", "cause", fault.Of(err).Code)
		}
	}
	return cdr.Caller{Subject: key.Subject, Organisation: key.Organisation, Service: key.Service}, key.Roles, nil
}

// usable is judged at each use, not only when the key is read.
func usable(k cdr.APIKey, now time.Time, source netip.Addr) bool {
	if !k.Revoked.IsZero() || !now.Before(k.Expires) {
		return false
	}
	if len(k.Networks) == 0 {
		return true
	}
	source = source.Unmap()
	return slices.ContainsFunc(k.Networks, func(n netip.Prefix) bool { return n.Contains(source) })
}

func (v *Verifier) basicAuth(encoded string, source netip.Addr) (cdr.Caller, []string, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	name, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		name = ""
	}
	// A name that does not exist shares the limit of the source.
	user, there := v.basic[name]
	if !there {
		name = ""
	}
	if !v.limits.allow(source, name) {
		return cdr.Caller{}, nil, tooMany()
	}
	sum := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(sum[:], user.password[:]) != 1 || !there {
		v.limits.failed(source, name)
		return cdr.Caller{}, nil, refused()
	}
	return user.caller, user.roles, nil
}

func (v *Verifier) known(sum [sha256.Size]byte, epoch int64) (cdr.APIKey, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, ok := v.verified[sum]
	if ok && (k.epoch != epoch || time.Now().After(k.until)) {
		delete(v.verified, sum)
		return cdr.APIKey{}, false
	}
	return k.key, ok
}

func (v *Verifier) keep(sum [sha256.Size]byte, k verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.verified) >= maxVerified {
		clear(v.verified) // each is read again once
	}
	v.verified[sum] = k
}

func refused() error {
	return fault.New(fault.Unauthenticated, "credentials", "the credentials are not valid, have expired, were withdrawn, or may not be used from this address")
}

func tooMany() error {
	e := fault.New(fault.Unauthenticated, "too-many-attempts", "too many failed attempts from this address; wait and try again")
	e.RetryAfter = lockStep
	return e
}
