package rest

import (
	"bufio"
	"context"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"
)

// NDJSON is lines of JSON.
const NDJSON = "application/x-ndjson"

// Stream answers piece by piece with what write writes, in memory that does not
// grow with the answer. The status has left when write begins: a fault in the
// middle ends the body early, so that only formats that show where they end may
// be streamed. The context given to write has the deadline of the route, counted
// from now.
func (call *Call) Stream(contentType string, write func(ctx context.Context, to io.Writer) error) error {
	deadline := call.server.Deadline
	if call.route.Deadline > 0 {
		deadline = call.route.Deadline
	}
	logger, pattern, id := call.server.Logger, call.pattern(), call.RequestID
	call.ctx.Status(http.StatusOK).Set(fiber.HeaderContentType, contentType)
	if call.ctx.Method() == http.MethodHead {
		// The end of a stream is written even where its body is left out, and would
		// stand before the next answer on the connection.
		return nil
	}
	call.ctx.Response().SetBodyStreamWriter(func(w *bufio.Writer) {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		if err := write(ctx, w); err != nil {
			logger.Warn("stream ended early", "route", pattern, "request_id", id, "error", err.Error())
		}
	})
	return nil
}
