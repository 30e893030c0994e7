package rest_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/quire-cdr/quire/internal/rest"
	"github.com/valyala/fasthttp"
)

// BenchmarkRead is what this floor costs a point read: routing, identity,
// headers, log line, and the bytes of a document passed through.
func BenchmarkRead(b *testing.B) {
	text := make([]byte, 14<<10)
	app, err := rest.New(rest.Options{
		Verifier: verifier{}, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Routes: []rest.Route{{Method: "GET", Path: "/rest/openehr/v1/ehr/:ehr_id/composition/:uid", Access: rest.RecordRead, Handler: func(call *rest.Call) error {
			if _, err := call.UUID("ehr_id"); err != nil {
				return err
			}
			call.SetETag(call.Param("uid"))
			return call.Send(200, rest.JSON, text)
		}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	app.Handler() // builds the routing tree
	handler := app.Server().Handler
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod("GET")
		ctx.Request.SetRequestURI("/rest/openehr/v1/ehr/7d44b88c-4199-4bad-97dc-d78268e01398/composition/8849182c-82ad-4088-a07f-48ead4180515")
		ctx.Request.Header.Set("Authorization", "Bearer good")
		handler(&ctx)
		if ctx.Response.StatusCode() != 200 {
			b.Fatal(ctx.Response.StatusCode())
		}
	}
}
