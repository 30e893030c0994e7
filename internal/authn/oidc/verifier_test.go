package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/issuer"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func rules(url string) Issuer {
	return Issuer{
		Name: "trust", URL: url, Audience: []string{"quire", "https://cdr.example.org"}, Organisation: "org.code", DisplayName: "name", Client: "client_id", EHR: "ehrId",
		Roles: []Rule{
			{Role: "clinician", When: []Condition{{Claim: "selected_role", In: []string{"R8000", "R8001"}}}},
			{Role: "analyst", When: []Condition{{Claim: "groups", In: []string{"analysts"}}, {Claim: "aal", In: []string{"3"}}}},
			{Role: "service", Service: true, When: []Condition{{Claim: "client_id", In: []string{"engine"}}}},
		},
	}
}

func setup(t *testing.T, change func(*Issuer)) (*Verifier, *issuer.Issuer, *clock) {
	t.Helper()
	i := issuer.New(t)
	of := rules(i.URL)
	if change != nil {
		change(&of)
	}
	if faults := of.check(); len(faults) > 0 {
		t.Fatal(faults)
	}
	c := &clock{now: time.Now()}
	return New([]Issuer{of}, &http.Client{}, c.Now), i, c
}

func nurse(more map[string]any) map[string]any {
	claims := map[string]any{"sub": "u1", "aud": "quire", "selected_role": "R8000", "org": map[string]any{"code": "RXX"}, "name": "A Nurse"}
	for k, v := range more {
		claims[k] = v
	}
	return claims
}

func TestClaimsBecomeACaller(t *testing.T) {
	v, i, _ := setup(t, nil)
	for name, c := range map[string]struct {
		claims map[string]any
		caller cdr.Caller
		roles  []string
		scopes []string
	}{
		"a nurse":             {nurse(nil), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX"}, []string{"clinician"}, nil},
		"several audiences":   {nurse(map[string]any{"aud": []string{"other", "quire"}}), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX"}, []string{"clinician"}, nil},
		"two roles":           {nurse(map[string]any{"groups": []string{"staff", "analysts"}, "aal": 3}), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX"}, []string{"clinician", "analyst"}, nil},
		"half a rule":         {nurse(map[string]any{"groups": []string{"analysts"}, "aal": 2}), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX"}, []string{"clinician"}, nil},
		"no rule":             {nurse(map[string]any{"selected_role": "R1"}), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX"}, nil, nil},
		"a program":           {nurse(map[string]any{"sub": "engine", "client_id": "engine"}), cdr.Caller{Subject: "svc:trust:engine", Service: true, Name: "A Nurse", Organisation: "RXX"}, []string{"service"}, nil},
		"a person by one":     {nurse(map[string]any{"client_id": "engine"}), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX"}, []string{"clinician"}, nil},
		"pinned, with scopes": {nurse(map[string]any{"ehrId": "7D44B88C-4199-4BAD-97DC-D78268E01398", "scope": "openid fhirUser"}), cdr.Caller{Subject: "user:trust:u1", Name: "A Nurse", Organisation: "RXX", EHR: "7d44b88c-4199-4bad-97dc-d78268e01398"}, []string{"clinician"}, []string{"openid", "fhirUser"}},
	} {
		id, err := v.Verify(t.Context(), i.Token(t, c.claims))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.caller, id.Caller) + cmp.Diff(c.roles, id.Roles) + cmp.Diff(c.scopes, id.Scopes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if n := i.Asked.Load(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

func TestTokensThatAreNotGood(t *testing.T) {
	v, i, _ := setup(t, func(o *Issuer) { o.Require = []Condition{{Claim: "tenant", In: []string{"a"}}} })
	good := nurse(map[string]any{"tenant": "a"})
	with := func(more map[string]any) map[string]any {
		all := nurse(map[string]any{"tenant": "a"})
		for k, x := range more {
			all[k] = x
		}
		return all
	}
	signed := i.Token(t, good)
	if _, err := v.Verify(t.Context(), signed); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(signed, ".")
	encoded := func(x any) string {
		text, _ := json.Marshal(x)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public := i.Public()
	der, _ := x509.MarshalPKIXPublicKey(public.Key)
	full := with(map[string]any{"iss": i.URL, "exp": time.Now().Add(time.Hour).Unix()})
	for name, token := range map[string]string{
		"empty":                    "",
		"no algorithm":             encoded(map[string]any{"alg": "none"}) + "." + encoded(full) + ".",
		"signature cut":            parts[0] + "." + parts[1] + ".",
		"claims changed":           parts[0] + "." + encoded(with(map[string]any{"iss": i.URL, "sub": "admin", "exp": time.Now().Add(time.Hour).Unix()})) + "." + parts[2],
		"another's key":            issuer.Sign(t, jose.JSONWebKey{Key: stranger, KeyID: "k1"}, jose.ES256, full),
		"the public key as secret": issuer.Sign(t, jose.JSONWebKey{Key: der, KeyID: "k1"}, jose.HS256, full),
		"another issuer":           i.Token(t, with(map[string]any{"iss": "https://else.example.org"})),
		"another audience":         i.Token(t, with(map[string]any{"aud": "other"})),
		"no audience":              i.Token(t, with(map[string]any{"aud": nil})),
		"ended":                    i.Token(t, with(map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()})),
		"without an end":           i.Token(t, with(map[string]any{"exp": nil})),
		"not begun":                i.Token(t, with(map[string]any{"nbf": time.Now().Add(2 * time.Minute).Unix()})),
		"of the future":            i.Token(t, with(map[string]any{"iat": time.Now().Add(2 * time.Minute).Unix()})),
		"no subject":               i.Token(t, with(map[string]any{"sub": nil})),
		"a subject set as subject": i.Token(t, with(map[string]any{"sub": "Role:admin#members"})),
		"without a required claim": i.Token(t, nurse(nil)),
		"pinned to no EHR":         i.Token(t, with(map[string]any{"ehrId": "x"})),
		"very long":                i.Token(t, with(map[string]any{"x": strings.Repeat("x", longest)})),
	} {
		id, err := v.Verify(t.Context(), token)
		if !fault.Is(err, fault.Unauthenticated) || id.Caller != (cdr.Caller{}) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	for name, claims := range map[string]map[string]any{
		"ended within the skew":     with(map[string]any{"exp": time.Now().Add(-30 * time.Second).Unix()}),
		"not begun within the skew": with(map[string]any{"nbf": time.Now().Add(30 * time.Second).Unix()}),
	} {
		if _, err := v.Verify(t.Context(), i.Token(t, claims)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestScopesNarrow: a token with scopes is for what they say, and one for a person
// is for a record.
func TestScopesNarrow(t *testing.T) {
	const ehr = "7d44b88c-4199-4bad-97dc-d78268e01398"
	for _, c := range []struct {
		smart    bool
		scope    any
		ehr      string
		code     string // of the refusal
		narrowed bool
		pinned   bool
	}{
		{false, "openid", "", "", false, false},
		{true, "openid", "", "", true, false},
		{false, "openid user/composition-x.crud", "", "", true, false},
		{false, []string{"openid", "system/aql-*.rs"}, "", "", true, false},
		{false, "patient/*.rs", "", "scope-record", false, false},
		{false, "patient/*.rs", ehr, "", true, true},
		{true, "patient/composition-*.rs", ehr, "", true, true},
		// The claim is the context of a launch, and the user's scopes are wider.
		{true, "patient/composition-*.rs user/composition-*.rs", ehr, "", true, false},
		// Of other issuers it holds every token.
		{false, "user/composition-*.rs", ehr, "", true, true},
		{true, "openid", ehr, "", true, true},
	} {
		v, i, _ := setup(t, func(o *Issuer) { o.Smart = c.smart })
		claims := map[string]any{"scope": c.scope}
		if c.ehr != "" {
			claims["ehrId"] = c.ehr
		}
		id, err := v.Verify(t.Context(), i.Token(t, nurse(claims)))
		if c.code != "" {
			if fault.Of(err).Code != c.code || id.Caller != (cdr.Caller{}) {
				t.Errorf("%v: %+v, %v", c, id, err)
			}
			continue
		}
		if err != nil || (id.Caller.Scopes != nil) != c.narrowed || (id.Caller.EHR != "") != c.pinned {
			t.Errorf("%v: %+v, %v", c, id.Caller, err)
		}
	}
}

func TestSmartMetadata(t *testing.T) {
	v, i, _ := setup(t, func(o *Issuer) { o.Smart = true })
	s := v.Smart([]Issuer{{URL: i.URL, Smart: true}})
	i.Away.Store(true)
	if about := s.Metadata(t.Context()); len(about) != 1 || string(about["issuer"]) != `"`+i.URL+`"` {
		t.Errorf("while it is away: %s", about)
	}
	i.Away.Store(false)
	s = v.Smart([]Issuer{{URL: "http://127.0.0.1:1"}, {URL: i.URL, Smart: true}})
	if about := s.Metadata(t.Context()); len(about["jwks_uri"]) == 0 || string(about["issuer"]) != `"`+i.URL+`"` {
		t.Errorf("%s", about)
	}
	if v.Smart([]Issuer{{URL: i.URL}}) != nil {
		t.Error("an issuer without scopes")
	}
}

func TestKeysChange(t *testing.T) {
	v, i, c := setup(t, nil)
	old := i.Token(t, nurse(nil))
	if _, err := v.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	i.Rotate(t)
	fresh := i.Token(t, nurse(nil))
	if _, err := v.Verify(t.Context(), fresh); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a new key within seconds of the last look: %v", err)
	}
	c.Move(11 * time.Second)
	for range 2 {
		if _, err := v.Verify(t.Context(), i.Token(t, nurse(nil))); err != nil {
			t.Errorf("a new key: %v", err)
		}
	}
	if n := i.Asked.Load(); n != 2 {
		t.Errorf("the keys were asked for %d times", n)
	}
	i.Withdraw()
	c.Move(16 * time.Minute)
	if _, err := v.Verify(t.Context(), old); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a withdrawn key: %v", err)
	}
	for range 100 {
		stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		_, _ = v.Verify(t.Context(), issuer.Sign(t, jose.JSONWebKey{Key: stranger, KeyID: rand.Text()}, jose.ES256, nurse(map[string]any{"iss": i.URL})))
	}
	if n := i.Asked.Load(); n != 3 {
		t.Errorf("invented key ids had the issuer asked %d times", n-3)
	}
}

func TestAnIssuerThatIsAway(t *testing.T) {
	v, i, c := setup(t, nil)
	i.Away.Store(true)
	if _, err := v.Verify(t.Context(), i.Token(t, nurse(nil))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("keys were never read: %v", err)
	}
	i.Away.Store(false)
	c.Move(11 * time.Second)
	if _, err := v.Verify(t.Context(), i.Token(t, nurse(nil))); err != nil {
		t.Fatal(err)
	}
	i.Away.Store(true)
	c.Move(20 * time.Minute)
	if _, err := v.Verify(t.Context(), i.Token(t, nurse(map[string]any{"iat": nil}))); err != nil {
		t.Errorf("keys of 20 minutes ago: %v", err)
	}
	c.Move(25 * time.Hour)
	if _, err := v.Verify(t.Context(), i.Token(t, nurse(map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("keys of yesterday: %v", err)
	}
}

func TestAKeptTokenEnds(t *testing.T) {
	v, i, c := setup(t, nil)
	token := i.Token(t, nurse(map[string]any{"exp": time.Now().Add(20 * time.Second).Unix()}))
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	c.Move(81 * time.Second) // its end and the skew
	if _, err := v.Verify(t.Context(), token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("%v", err)
	}
}

func TestManyAskOnce(t *testing.T) {
	v, i, _ := setup(t, nil)
	var all sync.WaitGroup
	for range 32 {
		token := i.Token(t, nurse(nil))
		all.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := i.Asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestReadNamesEveryFault(t *testing.T) {
	sound, _ := json.Marshal([]Issuer{rules("https://id.example.org")})
	if list, err := Read(strings.NewReader(string(sound))); err != nil || len(list) != 1 || list[0].SkewSeconds != 60 || len(list[0].Algorithms) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	for text, wants := range map[string][]string{
		`{}`:            {"no JSON array"},
		`[{"nam":"x"}]`: {"unknown field"},
		`[{}]`:          {"name is", "issuer is a URL", "audience", "without roles"},
		`[{"name":"a","issuer":"http://id.example.org","audience":["x"],"algorithms":["HS256","none"],"skew_seconds":999,"roles":[{"role":"x"}]}]`:                                                                       {"https", `"HS256"`, `"none"`, "skew_seconds", "at least one condition"},
		`[{"name":"a","issuer":"https://i","audience":["x"],"roles":[{"role":"x","when":[{"claim":"a"}]}]},{"name":"a","issuer":"https://i","audience":["x"],"roles":[{"role":"x","when":[{"claim":"a","in":["b"]}]}]}]`: {"its values", "used once"},
	} {
		_, err := Read(strings.NewReader(text))
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", text, err, want)
			}
		}
	}
}

func FuzzClaims(f *testing.F) {
	f.Add(`{"selected_role":"R8000","groups":["a"],"scope":"x y"}`)
	f.Add(`{"scope":["a"],"org":{"code":1}}`)
	i := rules("https://id.example.org")
	f.Fuzz(func(t *testing.T, claims string) {
		if !json.Valid([]byte(claims)) {
			return
		}
		_ = scopes([]byte(claims))
		for _, role := range i.roles([]byte(claims), false) {
			if role == "clinician" && !strings.Contains(claims, "R800") && !strings.Contains(claims, `\u`) {
				t.Errorf("%s confers %s", claims, role)
			}
		}
	})
}
