package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

// Open gives a migrated database of the test's own, with so many connections,
// as the server's role sees it.
func Open(t testing.TB, connections int32) *postgres.DB {
	t.Helper()
	dsn := testkit.Login(t, testkit.Database(t, migrations.FS, postgres.Prepare), postgres.AppRole)
	db, err := postgres.Open(context.Background(), postgres.Config{DSN: dsn, Record: connections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// Anyone verifies, authorizes and audits: whoever asks may do everything, and
// nothing is written down.
type Anyone struct{}

// Profile lets everybody see all and create in the own organisation.
func (Anyone) Profile(_ context.Context, c cdr.Caller) (*access.Profile, error) {
	return &access.Profile{Principal: c.Subject, All: true, CreateIn: []string{c.Organisation}}, nil
}

// Refresh does nothing.
func (Anyone) Refresh(context.Context) error { return nil }

// Record does nothing.
func (Anyone) Record(context.Context, cdr.Event) error { return nil }

// Verify takes no credentials.
func (Anyone) Verify(context.Context, rest.Credentials) (cdr.Caller, error) {
	return cdr.Caller{Subject: "system:test", Organisation: "north", All: true, Name: "Test"}, nil
}

// App is what can be asked: a *fiber.App.
type App interface {
	Test(request *http.Request, milliseconds ...int) (*http.Response, error)
}

// Ask sends one request and reads the whole answer.
func Ask(t testing.TB, app App, method, target, body string, header map[string]string) (status int, text string, answered http.Header) {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := app.Test(request, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read), response.Header
}
