package admin_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/admin"
)

var (
	_ admin.Service = (*cdr.Service)(nil)
	_ admin.Purger  = (*cdr.Service)(nil)
)

// fake keeps what it was asked.
type fake struct{ asked string }

func (f *fake) Verify(context.Context, rest.Credentials) (cdr.Caller, error) {
	return cdr.Caller{Subject: "user:test:one"}, nil
}

func (f *fake) DeleteEHR(_ context.Context, _ cdr.Caller, id, _ string) error {
	f.asked = "ehr " + id
	return nil
}
func (f *fake) DeleteEHRs(_ context.Context, _ cdr.Caller, ids []string) error {
	f.asked = "ehrs " + strings.Join(ids, "+")
	return nil
}
func (f *fake) PurgeComposition(_ context.Context, _ cdr.Caller, ehr, object, _ string) error {
	f.asked = "composition " + ehr + " " + object
	return nil
}
func (f *fake) PurgeContribution(_ context.Context, _ cdr.Caller, ehr, id, _ string) error {
	f.asked = "contribution " + ehr + " " + id
	return nil
}
func (f *fake) PurgeDirectory(_ context.Context, _ cdr.Caller, ehr, object, _ string) error {
	f.asked = "directory " + ehr + " " + object
	return nil
}
func (f *fake) DeleteTemplate(_ context.Context, _ cdr.Caller, id string) error {
	f.asked = "template " + id
	return fault.New(fault.Conflict, "template-in-use", "the template is used by compositions")
}
func (f *fake) DeleteTemplates(context.Context, cdr.Caller) (int, error) {
	f.asked = "templates"
	return 3, nil
}
func (f *fake) ReplaceTemplate(_ context.Context, _ cdr.Caller, id string, source []byte) (*cdr.Template, error) {
	f.asked = "replace " + id
	return &cdr.Template{OPT: string(source)}, nil
}
func (f *fake) PurgeStoredQuery(_ context.Context, _ cdr.Caller, name, version string) error {
	f.asked = "query " + name + " " + version
	return fault.New(fault.MethodNotAllowed, "destruction-off", "off")
}

func TestDeletions(t *testing.T) {
	const id, other = "7d44b88c-4199-4bad-97dc-d78268e01398", "8849182c-82ad-4088-a07f-48ead4180515"
	for _, c := range []struct {
		method, path, body string
		compat             bool
		status             int
		asked              string
	}{
		{"DELETE", "/rest/admin/ehr/" + id, "", false, 204, "ehr " + id},
		{"DELETE", "/rest/admin/ehr/all", "", false, 204, "ehrs "},
		{"DELETE", "/rest/openehr/v1/admin/ehr/all?ehr_id=" + id + "&ehr_id=" + other, "", false, 204, "ehrs " + id + "+" + other},
		{"DELETE", "/rest/admin/ehr/" + id + "/composition/" + other, "", false, 204, "composition " + id + " " + other},
		{"DELETE", "/rest/admin/ehr/" + id + "/composition/x", "", false, 400, ""},
		{"DELETE", "/rest/admin/ehr/" + id + "/contribution/" + other, "", false, 204, "contribution " + id + " " + other},
		{"DELETE", "/rest/admin/ehr/" + id + "/directory/" + other, "", false, 204, "directory " + id + " " + other},
		{"DELETE", "/rest/admin/template/all", "", false, 200, "templates"},
		{"DELETE", "/rest/admin/template/A%20b.v1", "", false, 409, "template A b.v1"},
		{"DELETE", "/rest/admin/template/A%20b.v1", "", true, 422, "template A b.v1"},
		{"PUT", "/rest/admin/template/A%20b.v1", "<x/>", false, 200, "replace A b.v1"},
		{"DELETE", "/rest/admin/query/org::x/1.0.0", "", false, 405, "query org::x 1.0.0"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			f := &fake{}
			app, err := rest.New(rest.Options{Verifier: f, Logger: slog.New(slog.DiscardHandler), Manners: rest.MannersFor(c.compat),
				Routes: append(admin.Routes(f), admin.PurgeRoutes(f)...)})
			if err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			if c.body != "" {
				request.Header.Set("Content-Type", "application/xml")
			}
			response, err := app.Test(request, 5000)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != c.status || f.asked != c.asked {
				t.Errorf("%d, asked %q; want %d, %q", response.StatusCode, f.asked, c.status, c.asked)
			}
		})
	}
}
