package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// fetchLimit bounds one look at the issuer.
	fetchLimit = 3 * time.Second
	// again is the least time between looks: a token with an invented key id must
	// not make us ask the issuer.
	again = 10 * time.Second
	// fresh is how long keys are believed without a look, stale how long where the
	// issuer does not answer.
	fresh = 15 * time.Minute
	stale = 24 * time.Hour
	// most bytes of a document of the issuer.
	most = 1 << 20
)

// errIssuer means that the issuer's keys cannot be had: an outage and no denial.
var errIssuer = errors.New("the keys of the issuer cannot be read")

// outageKey is under which a context has the place for errIssuer.
type outageKey struct{}

// errSignature is a token that no key of the issuer signed.
var errSignature = errors.New("no key of the issuer has signed it")

// keySet is the keys an issuer publishes, found through its discovery document.
// It implements the key set of go-oidc.
type keySet struct {
	issuer *Issuer
	client *http.Client
	now    func() time.Time
	flight singleflight.Group

	mu     sync.Mutex
	keys   []jose.JSONWebKey
	got    time.Time // when the keys were read
	looked time.Time // when they were asked for last
}

// VerifySignature gives the payload of a token that a key of the issuer signed.
func (s *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	algorithms := make([]jose.SignatureAlgorithm, len(s.issuer.Algorithms))
	for i, a := range s.issuer.Algorithms {
		algorithms[i] = jose.SignatureAlgorithm(a)
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errSignature
	}
	keys, age := s.known()
	if payload := try(signed, keys); payload != nil && age < fresh {
		return payload, nil
	}
	// A key that is not known may be new; one that is known may have been withdrawn.
	err = s.look(ctx)
	keys, age = s.known()
	if payload := try(signed, keys); payload != nil && age < stale {
		return payload, nil
	}
	if err != nil || len(keys) == 0 || age >= stale {
		if outage, ok := ctx.Value(outageKey{}).(*error); ok {
			*outage = errIssuer
		}
		return nil, errIssuer
	}
	return nil, errSignature
}

// try verifies with the key that the token names, or with each where it names none.
func try(signed *jose.JSONWebSignature, keys []jose.JSONWebKey) []byte {
	header := signed.Signatures[0].Header
	for i := range keys {
		k := &keys[i]
		if header.KeyID != "" && k.KeyID != header.KeyID || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(k); err == nil {
			return payload
		}
	}
	return nil
}

func (s *keySet) known() ([]jose.JSONWebKey, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.now().Sub(s.got)
}

// look reads the keys again, unless that was just done; callers share one look.
func (s *keySet) look(ctx context.Context) error {
	s.mu.Lock()
	soon := s.now().Sub(s.looked) < again
	missing := len(s.keys) == 0
	s.mu.Unlock()
	if soon {
		if missing {
			return errIssuer
		}
		return nil
	}
	_, err, _ := s.flight.Do("", func() (any, error) {
		s.mu.Lock()
		s.looked = s.now()
		s.mu.Unlock()
		// One caller that leaves does not end the look of the others.
		fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLimit)
		defer cancel()
		keys, err := s.fetch(fetching)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.keys, s.got = keys, s.now()
		s.mu.Unlock()
		return nil, nil
	})
	return err
}

func (s *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.get(ctx, strings.TrimSuffix(s.issuer.URL, "/")+"/.well-known/openid-configuration", &about); err != nil {
		return nil, err
	}
	// OpenID Connect Discovery 1.0, section 4.3: it is the issuer itself that speaks.
	if about.Issuer != s.issuer.URL {
		return nil, errIssuer
	}
	var set jose.JSONWebKeySet
	if err := s.get(ctx, about.Keys, &set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, k := range set.Keys {
		// A shared or private key that is published is nobody's.
		if k.Valid() && k.IsPublic() {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errIssuer
	}
	return keys, nil
}

func (s *keySet) get(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errIssuer
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return errIssuer
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil || answer.StatusCode != http.StatusOK || len(body) > most || json.Unmarshal(body, into) != nil {
		return errIssuer
	}
	return nil
}
