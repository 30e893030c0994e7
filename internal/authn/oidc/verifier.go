package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// life is how long a verified token is not verified again, at most.
const life = time.Minute

// maxKept bounds the tokens kept.
const maxKept = 10_000

// longest is the most bytes of a token that is looked at.
const longest = 16 << 10

// Identity is what a token says of its caller, by the rules of its issuer.
type Identity struct {
	Caller cdr.Caller
	// Roles are those the caller may select; the first is the default.
	Roles []string
	// Scopes are the words of the claim scope, as issued; what they allow stands in
	// Caller.Scopes where they narrow.
	Scopes []string
	// Expires is when the token ends.
	Expires time.Time
}

// Verifier verifies tokens of its issuers. It is safe for concurrent use.
type Verifier struct {
	issuers map[string]*trusted
	now     func() time.Time

	mu   sync.Mutex
	kept map[[sha256.Size]byte]kept
}

type trusted struct {
	*Issuer
	keys   *keySet
	tokens *oidc.IDTokenVerifier
}

type kept struct {
	identity Identity
	until    time.Time
}

// New makes a verifier that asks issuers through the client; nothing is asked
// before the first token. now is the clock, nil the wall clock.
func New(issuers []Issuer, client *http.Client, now func() time.Time) *Verifier {
	if now == nil {
		now = time.Now
	}
	v := &Verifier{issuers: map[string]*trusted{}, now: now, kept: map[[sha256.Size]byte]kept{}}
	for n := range issuers {
		i := &issuers[n]
		keys := &keySet{issuer: i, client: client, now: now}
		v.issuers[i.URL] = &trusted{i, keys, oidc.NewVerifier(i.URL, keys, &oidc.Config{
			// Audience and times are judged below, with the skew allowed.
			SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: i.Algorithms, Now: now,
		})}
	}
	return v
}

// IsToken says whether a bearer's text has the form of a JWT.
func IsToken(text string) bool {
	return strings.Count(text, ".") == 2 && strings.HasPrefix(text, "ey")
}

// Verify tells who a token is about. A token that is not good is
// fault.Unauthenticated, one answer for every cause; an issuer that cannot be
// asked for its keys is fault.Unavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (Identity, error) {
	if len(token) > longest {
		return Identity{}, refused(nil)
	}
	sum := sha256.Sum256([]byte(token))
	if id, ok := v.known(sum); ok {
		return id, nil
	}
	i := v.issuers[claimedIssuer(token)]
	if i == nil {
		return Identity{}, refused(errors.New("the issuer is not one of ours"))
	}
	// go-oidc makes a text of the key set's error, so the outage comes past it.
	var outage error
	verified, err := i.tokens.Verify(context.WithValue(ctx, outageKey{}, &outage), token)
	if err != nil && outage != nil {
		e := fault.New(fault.Unavailable, "issuer-unavailable", "the identity provider does not answer; nothing is decided without it").Because(outage)
		e.RetryAfter = again
		return Identity{}, e
	}
	if err != nil {
		return Identity{}, refused(err)
	}
	var claims json.RawMessage
	if err := verified.Claims(&claims); err != nil {
		return Identity{}, refused(err)
	}
	id, err := i.identity(verified, claims, v.now())
	if err != nil {
		return Identity{}, refused(err)
	}
	if err := i.narrow(&id); err != nil {
		return Identity{}, err
	}
	v.keep(sum, id)
	return id, nil
}

// narrow gives the caller the scopes of its token. One that is for a person and does
// not say whose record it is for is fault.Forbidden.
func (i *trusted) narrow(id *Identity) error {
	scopes, narrowed := access.ReadScopes(id.Scopes)
	if !narrowed && !i.Smart {
		return nil
	}
	id.Caller.Scopes = scopes
	switch {
	case scopes.Person && id.Caller.EHR == "":
		return fault.New(fault.Forbidden, "scope-record", "the scopes of this token are for one person's record, and it names none")
	case narrowed && i.Smart && !scopes.Person:
		id.Caller.EHR = ""
	}
	return nil
}

// claimedIssuer is what a token says before it is believed, to find who must have
// signed it.
func claimedIssuer(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	var claims struct {
		Issuer string `json:"iss"`
	}
	if text, err := decode(payload); err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// identity judges the claims of a signed token.
func (i *trusted) identity(token *oidc.IDToken, claims []byte, now time.Time) (Identity, error) {
	var times struct {
		NotBefore *float64 `json:"nbf"`
		IssuedAt  *float64 `json:"iat"`
		Expires   *float64 `json:"exp"`
	}
	if err := json.Unmarshal(claims, &times); err != nil {
		return Identity{}, err
	}
	later := func(t *float64) bool { return t != nil && now.Add(i.skew()).Before(time.Unix(int64(*t), 0)) }
	switch {
	case times.Expires == nil || !now.Before(token.Expiry.Add(i.skew())):
		return Identity{}, errors.New("it has ended")
	case later(times.NotBefore) || later(times.IssuedAt):
		return Identity{}, errors.New("it has not begun")
	case !meets(token.Audience, i.Audience):
		return Identity{}, errors.New("it is for another audience")
	case token.Subject == "" || len(token.Subject) > 200 || strings.ContainsAny(token.Subject, "#@\n\r\t "):
		return Identity{}, errors.New("its subject cannot be a subject here")
	case !all(i.Require, claims):
		return Identity{}, errors.New("a claim that is required is missing")
	}
	client := text(claims, i.Client)
	service := client != "" && client == token.Subject
	id := Identity{Expires: token.Expiry, Roles: i.roles(claims, service), Scopes: scopes(claims)}
	id.Caller = cdr.Caller{Subject: "user:" + i.Name + ":" + token.Subject, Service: service, Name: text(claims, i.DisplayName), Organisation: text(claims, i.Organisation)}
	if service {
		id.Caller.Subject = "svc:" + i.Name + ":" + client
	}
	if id.Caller.Organisation == "" {
		id.Caller.Organisation = i.Fixed
	}
	if ehr := text(claims, i.EHR); ehr != "" {
		pinned, err := uuid.FromString(ehr)
		if err != nil {
			return Identity{}, errors.New("the EHR it is for is no EHR id")
		}
		id.Caller.EHR = pinned.String()
	}
	return id, nil
}

func meets(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// scopes reads the claim scope, words in one text or an array (RFC 8693, section
// 4.2, and what issuers do).
func scopes(claims []byte) []string {
	var c struct {
		Scope json.RawMessage `json:"scope"`
	}
	if json.Unmarshal(claims, &c) != nil || len(c.Scope) == 0 {
		return nil
	}
	var one string
	if json.Unmarshal(c.Scope, &one) == nil {
		return strings.Fields(one)
	}
	var list []string
	_ = json.Unmarshal(c.Scope, &list) // another shape is no scope
	return list
}

func (v *Verifier) known(sum [sha256.Size]byte) (Identity, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, ok := v.kept[sum]
	if ok && !v.now().Before(k.until) {
		delete(v.kept, sum)
		ok = false
	}
	return k.identity, ok
}

func (v *Verifier) keep(sum [sha256.Size]byte, id Identity) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.kept) >= maxKept {
		clear(v.kept) // each is verified again once
	}
	until := v.now().Add(life)
	if id.Expires.Before(until) {
		until = id.Expires
	}
	v.kept[sum] = kept{id, until}
}

func refused(cause error) error {
	return fault.New(fault.Unauthenticated, "credentials", "the credentials are not valid, have expired, were withdrawn, or may not be used from this address").Because(cause)
}

func decode(segment string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(segment) }
