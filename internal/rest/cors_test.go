package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rest"
)

func TestPagesOfListedOrigins(t *testing.T) {
	const ours = "https://forms.example.org"
	asked := 0
	app := serve(t, func(o *rest.Options) { o.Origins = func() []string { return []string{ours} } },
		route("GET", "/x", func(call *rest.Call) error { asked++; return call.Empty(http.StatusNoContent) }))
	for name, c := range map[string]struct {
		method  string
		headers []string
		allowed string
		asked   int
	}{
		"ours":                     {"GET", []string{"Origin", ours}, ours, 1},
		"another":                  {"GET", []string{"Origin", "https://else.example.org"}, "", 1},
		"ours with another scheme": {"GET", []string{"Origin", "http://forms.example.org"}, "", 1},
		"null":                     {"GET", []string{"Origin", "null"}, "", 1},
		"none":                     {"GET", nil, "", 1},
		"a preflight of ours":      {"OPTIONS", []string{"Origin", ours, "Access-Control-Request-Method", "PUT", "Authorization", ""}, ours, 0},
		"a preflight of another":   {"OPTIONS", []string{"Origin", "https://else.example.org", "Access-Control-Request-Method", "PUT", "Authorization", ""}, "", 0},
	} {
		asked = 0
		answer, _ := ask(t, app, c.method, "/x", "", c.headers...)
		h := answer.Header
		if got := h.Get("Access-Control-Allow-Origin"); got != c.allowed || asked != c.asked {
			t.Errorf("%s: allowed %q, asked %d", name, got, asked)
		}
		if !strings.Contains(h.Get("Vary"), "Origin") || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", name, h)
		}
		if c.allowed != "" && c.method == "OPTIONS" && (answer.StatusCode != 204 || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PUT")) {
			t.Errorf("%s: %d %v", name, answer.StatusCode, h)
		}
	}
	plain := serve(t, nil, route("GET", "/x", func(call *rest.Call) error { return call.Empty(http.StatusNoContent) }))
	if answer, _ := ask(t, plain, "GET", "/x", "", "Origin", ours); answer.Header.Get("Access-Control-Allow-Origin") != "" || strings.Contains(answer.Header.Get("Vary"), "Origin") {
		t.Errorf("without a list: %v", answer.Header)
	}
}

func TestOneIdentityAsksTooMuch(t *testing.T) {
	app := serve(t, func(o *rest.Options) { o.Rate = rest.Rate{PerSecond: 0.01, Burst: 3} },
		route("GET", "/x", func(call *rest.Call) error { return call.Empty(http.StatusNoContent) }))
	for n := range 5 {
		answer, text := ask(t, app, "GET", "/x", "")
		switch {
		case n < 3 && answer.StatusCode != 204:
			t.Errorf("request %d: %d", n, answer.StatusCode)
		case n >= 3 && (answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" || !strings.Contains(text, "too-many-requests")):
			t.Errorf("request %d: %d %v %s", n, answer.StatusCode, answer.Header, text)
		}
	}
}
