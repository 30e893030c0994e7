package admin_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/admin"
)

var _ admin.Feed = (*feed.Feed)(nil)

// changes answers one change and keeps what it was asked.
type changes struct {
	fake
	request feed.Request
	made    feed.NewWebhook
}

func (f *changes) Read(_ context.Context, _ cdr.Caller, r feed.Request) (feed.Page, error) {
	f.request = r
	return feed.Page{Next: feed.Place{Xact: 9, Position: 4}, Changes: []feed.Change{{
		Place: feed.Place{Xact: 9, Position: 4}, EHR: "e", Kind: cdr.KindComposition, Object: "o", VersionUID: "o::s::1",
		ChangeType: cdr.Creation, Lifecycle: cdr.Complete, Template: "T", Contribution: "c", Committed: time.Unix(0, 0),
	}}}, nil
}

func (f *changes) AddWebhook(_ context.Context, _ cdr.Caller, n feed.NewWebhook) (feed.Webhook, string, error) {
	f.made = n
	return feed.Webhook{ID: "7d44b88c-4199-4bad-97dc-d78268e01398", URL: n.URL, Filter: n.Filter}, "whsec_x", nil
}
func (f *changes) Webhooks(context.Context, cdr.Caller) ([]feed.Webhook, error) {
	return []feed.Webhook{{ID: "7d44b88c-4199-4bad-97dc-d78268e01398", Waiting: 3}}, nil
}
func (f *changes) DeleteWebhook(_ context.Context, _ cdr.Caller, id string) error {
	f.asked = "delete " + id
	return nil
}
func (f *changes) ResumeWebhook(_ context.Context, _ cdr.Caller, id string) error {
	f.asked = "resume " + id
	return nil
}

func TestChanges(t *testing.T) {
	const id = "7d44b88c-4199-4bad-97dc-d78268e01398"
	const line = `{"place":"9.4","event":"version","ehr_id":"e","type":"COMPOSITION","versioned_object_uid":"o","version_uid":"o::s::1",` +
		`"change_type":"creation","lifecycle_state":"complete","template_id":"T","contribution_uid":"c","time_committed":"1970-01-01T00:00:00.000Z"}`
	for _, c := range []struct {
		method, path, body, accept string
		status                     int
		answer                     string
	}{
		{"GET", "/rest/admin/changes?after=3.1&type=composition&template_id=T&limit=7&wait=2", "", "", 200, `{"changes":[` + line + `],"next":"9.4","more":false}`},
		{"GET", "/rest/admin/changes", "", "application/x-ndjson", 200, line},
		{"GET", "/rest/admin/changes", "", "text/html", 406, ""},
		{"GET", "/rest/admin/changes?after=x", "", "", 400, "feed-place"},
		{"GET", "/rest/admin/changes?type=EHR", "", "", 400, "EHR_STATUS"},
		{"GET", "/rest/admin/changes?limit=-1", "", "", 400, "limit"},
		{"POST", "/rest/admin/webhook", `{"url":"https://example.org/x","types":["COMPOSITION"],"after":"3.1"}`, "", 201, `"secret":"whsec_x"`},
		{"POST", "/rest/admin/webhook", `{"url":"https://example.org/x","secret":"mine"}`, "", 400, "url, types, template_ids"},
		{"GET", "/rest/admin/webhook", "", "", 200, `"waiting":3`},
		{"DELETE", "/rest/admin/webhook/" + id, "", "", 204, ""},
		{"POST", "/rest/admin/webhook/" + id + "/resume", "", "", 204, ""},
		{"DELETE", "/rest/admin/webhook/x", "", "", 400, ""},
	} {
		f := &changes{}
		app, err := rest.New(rest.Options{Verifier: f, Routes: admin.FeedRoutes(f), Manners: rest.MannersFor(false), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer x")
		if c.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if c.accept != "" {
			r.Header.Set("Accept", c.accept)
		}
		answer, err := app.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 4096)
		n, _ := answer.Body.Read(text)
		if answer.StatusCode != c.status || !strings.Contains(string(text[:n]), c.answer) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.method, c.path, answer.StatusCode, text[:n], c.status, c.answer)
		}
		if strings.Contains(c.path, "after=3.1") {
			if f.request.After != (feed.Place{Xact: 3, Position: 1}) || f.request.Limit != 7 || f.request.Wait != 2*time.Second || len(f.request.Filter.Kinds) != 1 {
				t.Errorf("asked for %+v", f.request)
			}
			if link := answer.Header.Get("Link"); !strings.Contains(link, "after=9.4") || !strings.Contains(link, "wait=2") {
				t.Errorf("Link %s", link)
			}
		}
	}
}
