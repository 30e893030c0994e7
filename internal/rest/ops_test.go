package rest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

func TestOps(t *testing.T) {
	part := func(name string, err error) rest.Part {
		return rest.Part{Name: name, Check: func(context.Context) error { return err }}
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("quire_x 1\n")) })
	for _, c := range []struct {
		name, target string
		parts        []rest.Part
		status       int
		text         string
	}{
		{"alive", "/healthz", []rest.Part{part("database", errors.New("down"))}, 200, "alive"},
		{"ready", "/readyz", []rest.Part{part("database", nil), part("keto", nil)}, 200, `"keto":"ok"`},
		{"not ready, and why", "/readyz", []rest.Part{part("database", nil), part("schema", fault.New(fault.Unavailable, "s", "run quire migrate"))}, 503, `"schema":"run quire migrate"`},
		{"not ready, without the error's text", "/readyz", []rest.Part{part("keto", errors.New("dial marker"))}, 503, `"keto":"does not answer"`},
		{"metrics", "/metrics", nil, 200, "quire_x 1"},
		{"profiles", "/debug/pprof/cmdline", nil, 200, ""},
		{"nothing else", "/rest/status", nil, 404, `"message"`},
	} {
		app := rest.Ops(rest.OpsOptions{Parts: c.parts, Metrics: metrics, Pprof: true})
		if response, text := ask(t, app, "GET", c.target, ""); response.StatusCode != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %s", c.name, response.StatusCode, text)
		}
	}
	if response, _ := ask(t, rest.Ops(rest.OpsOptions{}), "GET", "/debug/pprof/", ""); response.StatusCode != 404 {
		t.Errorf("profiles though they are off: %d", response.StatusCode)
	}
}
