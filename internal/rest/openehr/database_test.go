package openehr_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
	"github.com/quire-cdr/quire/internal/testkit/api"
)

// onDatabase is the API on a real database.
func onDatabase(t *testing.T) *fiber.App {
	t.Helper()
	service := cdr.New(cdr.Deps{Store: api.Open(t, 4), Authorizer: api.Anyone{}, Auditor: api.Anyone{}, SystemID: "test.quire"})
	app, err := rest.New(rest.Options{Routes: openehr.Routes(service, openehr.About{}), Verifier: api.Anyone{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func ask(t *testing.T, app *fiber.App, method, path, body string, headers h) (int, string, http.Header) {
	t.Helper()
	return api.Ask(t, app, method, "/rest/openehr/v1"+path, body, headers)
}
