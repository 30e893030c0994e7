package authn

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/google/go-cmp/cmp"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is keys in memory; epoch moves as the database's would.
type store struct {
	mu    sync.Mutex
	keys  map[string]cdr.APIKey
	epoch int64
	reads int
	down  bool
}

func (s *store) Key(_ context.Context, id string) (cdr.APIKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.down {
		return cdr.APIKey{}, fault.New(fault.Unavailable, "database", "down")
	}
	k, ok := s.keys[id]
	if !ok {
		return k, fault.New(fault.NotFound, "api-key", "no such key")
	}
	return k, nil
}

func (s *store) UsedKey(context.Context, string) error { return errors.New("never mind") }

func (s *store) Epoch(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return 0, fault.New(fault.Unavailable, "database", "down")
	}
	return s.epoch, nil
}

func (s *store) change(id string, do func(*cdr.APIKey)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[id]
	do(&k)
	s.keys[id] = k
	s.epoch++
}

var home = netip.MustParseAddr("10.1.2.3")

func setup(t *testing.T, of cdr.APIKey, more ...func(*Config)) (*Verifier, *store, string, string) {
	t.Helper()
	if of.Subject == "" {
		of.Subject, of.Roles, of.Organisation = "user:local:a", []string{"clinician", "analyst"}, "north"
	}
	if of.Expires.IsZero() {
		of.Expires = time.Now().Add(time.Hour)
	}
	text, key, err := NewKey("test", of)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{keys: map[string]cdr.APIKey{key.ID: key}}
	c := Config{Keys: s, Epoch: s.Epoch}
	for _, m := range more {
		m(&c)
	}
	return New(c), s, text, key.ID
}

func bearer(text string) Credentials {
	return Credentials{Authorization: "Bearer " + text, Source: home}
}

func TestBearer(t *testing.T) {
	v, s, text, _ := setup(t, cdr.APIKey{})
	c := bearer(text)
	c.Purpose, c.RequestID = "TREAT", "r1"
	got, err := v.Verify(t.Context(), c)
	want := cdr.Caller{Subject: "user:local:a", Role: "clinician", Organisation: "north", Purpose: "TREAT", Source: "10.1.2.3", RequestID: "r1"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	c.Role = "analyst"
	if got, err := v.Verify(t.Context(), c); err != nil || got.Role != "analyst" {
		t.Errorf("%+v, %v", got, err)
	}
	c.Role = "admin"
	if _, err := v.Verify(t.Context(), c); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a role of others: %v", err)
	}
	if s.reads != 1 {
		t.Errorf("%d reads for one key", s.reads)
	}
}

func TestRefused(t *testing.T) {
	v, _, text, id := setup(t, cdr.APIKey{})
	last := text[len(text)-1:]
	other := "0"
	if last == other {
		other = "1"
	}
	cases := map[string]string{
		"nothing":           "",
		"another scheme":    "Digest x",
		"basic, no users":   "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b")),
		"no key":            "Bearer",
		"not a key":         "Bearer eyJhbGciOiJub25lIn0.e30.",
		"one digit off":     "Bearer " + text[:len(text)-1] + other,
		"another id":        "Bearer " + strings.Replace(text, id, "aaaaaaaaaaaa", 1),
		"another env":       "Bearer " + strings.Replace(text, "_test_", "_live_", 1),
		"longer":            "Bearer " + text + "0",
		"upper case":        "Bearer " + strings.ToUpper(text),
		"the id alone":      "Bearer " + id,
		"the key as scheme": text,
	}
	for name, header := range cases {
		got, err := v.Verify(t.Context(), Credentials{Authorization: header, Source: home})
		if !fault.Is(err, fault.Unauthenticated) || got != (cdr.Caller{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if strings.Contains(err.Error(), id) || len(text) > 70 && strings.Contains(err.Error(), text[30:60]) {
			t.Errorf("%s: the error tells the key: %v", name, err)
		}
	}
	if got, err := v.Verify(t.Context(), Credentials{Authorization: "bearer  " + text + " ", Source: home}); err != nil || got.Subject == "" {
		t.Errorf("blanks and letter case of the scheme: %v", err)
	}
}

func TestKeyEnds(t *testing.T) {
	t.Run("revoked", func(t *testing.T) {
		v, s, text, id := setup(t, cdr.APIKey{})
		if _, err := v.Verify(t.Context(), bearer(text)); err != nil {
			t.Fatal(err)
		}
		s.change(id, func(k *cdr.APIKey) { k.Revoked = time.Now() })
		if _, err := v.Verify(t.Context(), bearer(text)); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a withdrawn key: %v", err)
		}
	})
	t.Run("expires while it is kept", func(t *testing.T) {
		v, _, text, _ := setup(t, cdr.APIKey{Subject: "svc:x", Expires: time.Now().Add(50 * time.Millisecond)})
		if _, err := v.Verify(t.Context(), bearer(text)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Millisecond)
		if _, err := v.Verify(t.Context(), bearer(text)); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("an expired key: %v", err)
		}
	})
	t.Run("kept for its life only", func(t *testing.T) {
		v, s, text, _ := setup(t, cdr.APIKey{}, func(c *Config) { c.Life = time.Millisecond })
		for range 2 {
			if _, err := v.Verify(t.Context(), bearer(text)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Millisecond)
		}
		if s.reads != 2 {
			t.Errorf("%d reads", s.reads)
		}
	})
	t.Run("another network", func(t *testing.T) {
		v, _, text, _ := setup(t, cdr.APIKey{Subject: "svc:x", Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32")}})
		for addr, good := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "2001:db8::1": true, "10.2.0.1": false, "::1": false} {
			c := bearer(text)
			c.Source = netip.MustParseAddr(addr)
			if _, err := v.Verify(t.Context(), c); (err == nil) != good {
				t.Errorf("from %s: %v", addr, err)
			}
		}
		c := bearer(text)
		c.Source = netip.Addr{}
		if _, err := v.Verify(t.Context(), c); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("from nowhere: %v", err)
		}
	})
	t.Run("database down", func(t *testing.T) {
		v, s, text, _ := setup(t, cdr.APIKey{})
		if _, err := v.Verify(t.Context(), bearer(text)); err != nil {
			t.Fatal(err)
		}
		s.down = true
		if _, err := v.Verify(t.Context(), bearer(text)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("an outage is no refusal: %v", err)
		}
	})
}

func TestBasic(t *testing.T) {
	v, _, _, _ := setup(t, cdr.APIKey{}, func(c *Config) {
		c.Basic = []BasicUser{{"ward", "pass:word", cdr.Caller{Subject: "user:basic:ward", Organisation: "north"}, []string{"clinician"}}}
	})
	cases := map[string]bool{"ward:pass:word": true, "ward:pass": false, "ward:": false, ":": false, "nobody:": false, "ward": false, "Ward:pass:word": false}
	for pair, good := range cases {
		got, err := v.Verify(t.Context(), Credentials{Authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), Source: home})
		if good != (err == nil) || good && got.Role != "clinician" {
			t.Errorf("%s: %+v, %v", pair, got, err)
		}
	}
	if !strings.Contains(v.Challenge(), "Basic") {
		t.Error(v.Challenge())
	}
}

func TestOpen(t *testing.T) {
	v, _, text, _ := setup(t, cdr.APIKey{}, func(c *Config) { c.Open = &cdr.Caller{Subject: "user:local:open", Role: "admin", All: true} })
	if got, err := v.Verify(t.Context(), Credentials{Role: "clinician"}); err != nil || !got.All {
		t.Errorf("%+v, %v", got, err)
	}
	// Who does say who he is, is that.
	if got, err := v.Verify(t.Context(), bearer(text)); err != nil || got.All {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := v.Verify(t.Context(), bearer("wrong")); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("wrong credentials: %v", err)
	}
}

func TestGuessing(t *testing.T) {
	v, s, text, id := setup(t, cdr.APIKey{})
	warm, warmKey, err := NewKey("test", cdr.APIKey{Subject: "svc:warm", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s.keys[warmKey.ID] = warmKey
	if _, err := v.Verify(t.Context(), bearer(warm)); err != nil {
		t.Fatal(err)
	}
	guess := "quire_test_" + id + "_" + strings.Repeat("0", 64)
	for range lockBurst {
		if _, err := v.Verify(t.Context(), bearer(guess)); fault.Of(err).Code != "credentials" {
			t.Fatal(err)
		}
	}
	reads := s.reads
	if _, err := v.Verify(t.Context(), bearer(guess)); fault.Of(err).Code != "too-many-attempts" || fault.Of(err).RetryAfter <= 0 {
		t.Errorf("after %d guesses: %v", lockBurst, err)
	}
	if _, err := v.Verify(t.Context(), bearer(text)); fault.Of(err).Code != "too-many-attempts" {
		t.Errorf("the right key while locked: %v", err)
	}
	if s.reads != reads {
		t.Error("the database was asked while locked")
	}
	elsewhere := bearer(text)
	elsewhere.Source = netip.MustParseAddr("10.9.9.9")
	if _, err := v.Verify(t.Context(), elsewhere); err != nil {
		t.Errorf("the holder elsewhere is locked out: %v", err)
	}
	for range sourceBurst + 10 {
		_, _ = v.Verify(t.Context(), bearer("nonsense"))
	}
	if _, err := v.Verify(t.Context(), bearer("nonsense")); fault.Of(err).Code != "too-many-attempts" {
		t.Errorf("a source that only fails: %v", err)
	}
	if _, err := v.Verify(t.Context(), bearer(warm)); err != nil {
		t.Errorf("a verified neighbour is locked out: %v", err)
	}
}

func TestNewKey(t *testing.T) {
	good := cdr.APIKey{Subject: "svc:x", Expires: time.Now().Add(time.Hour)}
	seen := map[string]bool{}
	for range 100 {
		text, key, err := NewKey("demo", good)
		if err != nil || seen[text] || seen[key.ID] || keyID(text) != key.ID || len(key.Hash) != 32 {
			t.Fatalf("%v %v", key, err)
		}
		seen[text], seen[key.ID] = true, true
	}
	for env, of := range map[string]cdr.APIKey{"a_b": good, "": good, "demo": {Subject: "svc:x"}, "live": {Expires: good.Expires}} {
		if _, _, err := NewKey(env, of); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q %+v: %v", env, of, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	text, key, err := NewKey("test", cdr.APIKey{Subject: "svc:x", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	s := &store{keys: map[string]cdr.APIKey{key.ID: key}}
	v := New(Config{Keys: s, Epoch: s.Epoch, Basic: []BasicUser{{Name: "a", Password: "secret"}}})
	for _, h := range []string{"Bearer " + text[:len(text)-1], "Basic YTpi", "Basic !", "bearer", " ", "Bearer quire___"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if strings.Contains(header, text) {
			t.Skip("the header holds the right key")
		}
		if caller, err := v.Verify(t.Context(), Credentials{Authorization: header, Source: home}); err == nil {
			t.Errorf("%q became %+v", header, caller)
		}
	})
}

func BenchmarkVerifyKept(b *testing.B) {
	text, key, err := NewKey("test", cdr.APIKey{Subject: "svc:x", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		b.Fatal(err)
	}
	s := &store{keys: map[string]cdr.APIKey{key.ID: key}}
	v := New(Config{Keys: s, Epoch: s.Epoch})
	for b.Loop() {
		if _, err := v.Verify(b.Context(), bearer(text)); err != nil {
			b.Fatal(err)
		}
	}
}
