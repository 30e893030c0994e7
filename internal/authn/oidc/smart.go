package oidc

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// published are the members of an issuer's metadata that apps are told (SMART App
// Launch 2.2, section 8.1; OpenID Connect Discovery 1.0, section 3).
var published = []string{
	"jwks_uri", "authorization_endpoint", "token_endpoint", "grant_types_supported", "token_endpoint_auth_methods_supported",
	"scopes_supported", "response_types_supported", "code_challenge_methods_supported", "introspection_endpoint",
	"revocation_endpoint", "management_endpoint", "registration_endpoint",
}

// Smart tells apps where tokens come from.
type Smart struct {
	issuer *trusted
	now    func() time.Time

	mu    sync.Mutex
	known map[string]json.RawMessage
	asked time.Time
}

// Smart is about the first issuer whose tokens carry scopes of SMART on openEHR,
// nil where there is none. The order is that of the configuration.
func (v *Verifier) Smart(issuers []Issuer) *Smart {
	for n := range issuers {
		if issuers[n].Smart {
			return &Smart{issuer: v.issuers[issuers[n].URL], now: v.now}
		}
	}
	return nil
}

// Metadata is what an issuer publishes of itself, as far as apps need it. One that
// does not answer is named all the same, with what it said last.
func (s *Smart) Metadata(ctx context.Context) map[string]json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := fresh
	if s.known == nil {
		age = again
	}
	if s.asked.IsZero() || s.now().Sub(s.asked) >= age {
		s.asked = s.now()
		fetching, cancel := context.WithTimeout(ctx, fetchLimit)
		defer cancel()
		var about map[string]json.RawMessage
		var name string
		err := s.issuer.keys.get(fetching, strings.TrimSuffix(s.issuer.URL, "/")+"/.well-known/openid-configuration", &about)
		if err == nil && json.Unmarshal(about["issuer"], &name) == nil && name == s.issuer.URL {
			s.known = about
		}
	}
	out := map[string]json.RawMessage{}
	for _, member := range published {
		if value, ok := s.known[member]; ok {
			out[member] = value
		}
	}
	out["issuer"], _ = json.Marshal(s.issuer.URL)
	return out
}
