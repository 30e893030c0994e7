package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/pprof"
	"github.com/quire-cdr/quire/internal/fault"
)

// Part is something the server needs to be ready: database, schema, sentinel,
// audit writer, draining. Check answers quickly; nil is ready.
type Part struct {
	Name  string
	Check func(ctx context.Context) error
}

// OpsOptions are what the operations listener shows. It has no authentication
// and belongs on loopback or a private network.
type OpsOptions struct {
	Parts []Part
	// Metrics writes the Prometheus text format.
	Metrics http.Handler
	Pprof   bool
	Logger  *slog.Logger
}

// readiness is how long all parts together may take to answer.
const readiness = 2 * time.Second

// Ops makes the operations server: /healthz (the process lives), /readyz (what
// is missing, by part), /metrics and /debug/pprof.
func Ops(o OpsOptions) *fiber.App {
	app := fiber.New(fiber.Config{
		AppName: "quire-ops", DisableStartupMessage: true, ReadTimeout: 10 * time.Second,
		IdleTimeout: 75 * time.Second, WriteTimeout: 2 * time.Minute, BodyLimit: 1 << 10,
		ErrorHandler: func(ctx *fiber.Ctx, err error) error {
			e := asFault(err)
			return ctx.Status(statuses[e.Kind]).JSON(openEHRBody(statuses[e.Kind], e))
		},
	})
	app.Get("/healthz", func(ctx *fiber.Ctx) error { return ctx.JSON(fiber.Map{"status": "alive"}) })
	app.Get("/readyz", func(ctx *fiber.Ctx) error {
		status, body := Ready(o.Parts)
		return ctx.Status(status).JSON(body)
	})
	if o.Metrics != nil {
		app.Get("/metrics", adaptor.HTTPHandler(o.Metrics))
	}
	if o.Pprof {
		app.Use(pprof.New())
	}
	return app
}

// Readiness is the body of /readyz: "ok" or the reason, by part.
type Readiness struct {
	Status string            `json:"status"`
	Parts  map[string]string `json:"parts"`
}

// Ready asks every part. Only a fault's own message is shown; another error's
// text is not for a page.
func Ready(parts []Part) (int, Readiness) {
	ctx, cancel := context.WithTimeout(context.Background(), readiness)
	defer cancel()
	status, body := http.StatusOK, Readiness{Status: "ready", Parts: map[string]string{}}
	for _, part := range parts {
		err := part.Check(ctx)
		if err == nil {
			body.Parts[part.Name] = "ok"
			continue
		}
		status, body.Status = http.StatusServiceUnavailable, "not ready"
		body.Parts[part.Name] = "does not answer"
		var known *fault.Error
		if errors.As(err, &known) && known.Kind != fault.Internal {
			body.Parts[part.Name] = known.Message
		}
	}
	return status, body
}
