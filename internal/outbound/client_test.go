package outbound_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/outbound"
)

func TestOnlyListedHostsAreAsked(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}
	}))
	defer server.Close()
	client := outbound.Client(strings.TrimPrefix(server.URL, "http://"))
	if answer, err := client.Get(server.URL); err != nil || answer.StatusCode != 200 {
		t.Errorf("a listed host: %v", err)
	}
	if answer, err := client.Get(server.URL + "/away"); err != nil || answer.StatusCode != http.StatusFound {
		t.Errorf("a redirect is not the answer: %v", err)
	}
	if _, err := client.Get(other.URL); !errors.Is(err, outbound.ErrHost) {
		t.Errorf("another host: %v", err)
	}
	if _, err := outbound.Client().Get(server.URL); !errors.Is(err, outbound.ErrHost) {
		t.Errorf("an empty list: %v", err)
	}
	if asked != 0 {
		t.Errorf("the other host was asked %d times", asked)
	}
}
