package rest_test

import (
	"context"
	"io"
	"testing"

	"github.com/quire-cdr/quire/internal/rest"
)

// TestAStreamHasHead: HEAD has the headers of a stream and runs nothing.
func TestAStreamHasHead(t *testing.T) {
	ran := 0
	app := serve(t, nil, route("GET", "/lines", func(call *rest.Call) error {
		return call.Stream(rest.NDJSON, func(_ context.Context, to io.Writer) error {
			ran++
			_, err := to.Write([]byte("{}\n"))
			return err
		})
	}))
	if a, text := ask(t, app, "GET", "/lines", ""); a.StatusCode != 200 || text != "{}\n" || ran != 1 {
		t.Errorf("GET: %d, %q, ran %d times", a.StatusCode, text, ran)
	}
	if a, text := ask(t, app, "HEAD", "/lines", ""); a.StatusCode != 200 || text != "" || ran != 1 || a.Header.Get("Content-Type") != rest.NDJSON {
		t.Errorf("HEAD: %d, %q, ran %d times", a.StatusCode, text, ran)
	}
}
