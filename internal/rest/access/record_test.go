package access_test

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/access"
	"github.com/quire-cdr/quire/internal/rest/admin"
	"github.com/quire-cdr/quire/internal/rest/audit"
	"github.com/quire-cdr/quire/internal/rest/web"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

var (
	_ access.Service = (*cdr.AccessControl)(nil)
	_ audit.Service  = (*cdr.AuditTrail)(nil)
	_ admin.Service  = (*cdr.Service)(nil)
)

const ehr = "7d44b88c-4199-4bad-97dc-d78268e01398"

var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fake keeps what it was asked.
type fake struct {
	asked  any
	reason string
}

func (f *fake) Relate(_ context.Context, _ cdr.Caller, r cdr.Relationship, reason string) error {
	f.asked, f.reason = r, reason
	return nil
}
func (f *fake) EndRelationship(_ context.Context, _ cdr.Caller, r cdr.Relationship, reason string) error {
	f.asked, f.reason = r, reason
	return nil
}
func (f *fake) Grant(_ context.Context, _ cdr.Caller, g cdr.Grant, reason string) error {
	f.asked, f.reason = g, reason
	return nil
}
func (f *fake) Revoke(_ context.Context, _ cdr.Caller, ehr, grantee, reason string) error {
	f.asked, f.reason = ehr+" "+grantee, reason
	return nil
}
func (f *fake) Restrict(_ context.Context, _ cdr.Caller, r cdr.Restriction) (string, error) {
	f.asked, f.reason = r, r.Reason
	return "a-restriction", nil
}
func (f *fake) LiftRestriction(_ context.Context, _ cdr.Caller, ehr, id, reason string) error {
	f.asked, f.reason = ehr+" "+id, reason
	return nil
}
func (f *fake) BreakGlass(_ context.Context, _ cdr.Caller, b cdr.BreakGlass) (time.Time, error) {
	f.asked = b
	return moment, nil
}
func (f *fake) Explain(context.Context, cdr.Caller, string) (cdr.Explanation, error) {
	return cdr.Explanation{Read: true, Gates: []cdr.Gate{{Name: "grant", Holds: true, Detail: "user:x"}}}, nil
}
func (f *fake) WhoSaw(_ context.Context, _ cdr.Caller, _ string, page cdr.AuditPage) (cdr.Sightings, error) {
	f.asked = page
	return cdr.Sightings{List: []cdr.Sighting{{ID: "1", At: moment, Action: "R", Principal: "user:x"}}, Next: "n"}, nil
}
func (f *fake) DeleteEHR(_ context.Context, _ cdr.Caller, id, _ string) error {
	f.asked = id
	if id != ehr {
		return fault.New(fault.NotFound, "ehr", "no such EHR")
	}
	return nil
}
func (f *fake) Verify(context.Context, rest.Credentials) (cdr.Caller, error) {
	return cdr.Caller{Subject: "user:test:one"}, nil
}

func TestRecordAccess(t *testing.T) {
	at := "/access/v1/ehr/" + ehr
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		text, reason             string
		asked                    any
	}{
		{"relate", "PUT", at + "/relationships/referred/north%20trust", `{"to":"2026-01-02T03:04:05Z","reason":"referral"}`, 204, "", "referral",
			cdr.Relationship{EHR: ehr, Organisation: "north trust", Kind: "referred", To: moment}},
		{"end a relationship", "DELETE", at + "/relationships/referred/north?reason=moved-away", "", 204, "", "moved-away",
			cdr.Relationship{EHR: ehr, Organisation: "north", Kind: "referred"}},
		{"grant", "PUT", at + "/grants/user:local:x", `{"write":true,"reason":"second-opinion"}`, 204, "", "second-opinion",
			cdr.Grant{EHR: ehr, Grantee: "user:local:x", Write: true}},
		{"grant with a typing error", "PUT", at + "/grants/user:local:x", `{"wirte":true}`, 400, "/wirte", "", nil},
		{"revoke", "DELETE", at + "/grants/user:local:x?reason=done", "", 204, "", "done", ehr + " user:local:x"},
		{"restrict", "POST", at + "/restrictions", `{"appliesTo":["Team:x"],"reason":"objection"}`, 201, `"id":"a-restriction"`, "objection",
			cdr.Restriction{EHR: ehr, AppliesTo: []string{"Team:x"}, Reason: "objection"}},
		{"lift a restriction", "DELETE", at + "/restrictions/1?reason=withdrawn", "", 204, "", "withdrawn", ehr + " 1"},
		{"break glass", "POST", at + "/break-glass", `{"organisation":"north","reasonCode":"emergency","reason":"collapsed at home","minutes":30}`, 201, `"ends":"2026-01-02T03:04:05Z"`, "",
			cdr.BreakGlass{EHR: ehr, Organisation: "north", ReasonCode: "emergency", Reason: "collapsed at home", Minutes: 30}},
		{"explain", "GET", at + "/explain", "", 200, `"gates":[{"name":"grant","holds":true,"detail":"user:x"}],"mayBreakGlassIn":[]`, "", nil},
		{"malformed EHR", "GET", "/access/v1/ehr/x/explain", "", 400, "", "", nil},
		{"who saw it", "GET", "/audit/v1/ehr/" + ehr + "/accesses?limit=5&after=n", "", 200, `"next":"n"`, "", cdr.AuditPage{After: "n", Limit: 5}},
		{"who saw it, no number", "GET", "/audit/v1/ehr/" + ehr + "/accesses?limit=x", "", 400, "", "", nil},
		{"purge", "DELETE", "/rest/admin/ehr/" + ehr, "", 204, "", "", ehr},
		{"purge, as specified", "DELETE", "/rest/openehr/v1/admin/ehr/" + ehr, "", 204, "", "", ehr},
		{"purge of none", "DELETE", "/rest/admin/ehr/00000000-0000-4000-8000-000000000000", "", 404, "", "", "00000000-0000-4000-8000-000000000000"},
		{"page", "GET", "/", "", 200, "DEMO", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{}
			app, err := rest.New(rest.Options{Verifier: f, Logger: slog.New(slog.DiscardHandler), Routes: append(append(append(
				access.Routes(f), audit.Routes(f)...), admin.Routes(f)...), web.Routes(web.About{Version: "1", Demo: true})...)})
			if err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			if c.body != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			response, err := app.Test(request, 5000)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status || !strings.Contains(string(text), c.text) {
				t.Fatalf("%d, want %d: %s", response.StatusCode, c.status, text)
			}
			if diff := cmp.Diff(c.asked, f.asked); diff != "" {
				t.Error(diff)
			}
			if f.reason != c.reason {
				t.Errorf("reason %q", f.reason)
			}
			if c.path == "/" && (response.Header.Get("Cache-Control") != "no-store" || !strings.Contains(response.Header.Get("Content-Security-Policy"), "sha256-")) {
				t.Errorf("the page's headers: %v", response.Header)
			}
		})
	}
}
