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
	"github.com/quire-cdr/quire/internal/cdr/emergency"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/access"
)

var (
	_ access.PolicyService    = (*policy.Policies)(nil)
	_ access.EmergencyService = (*emergency.Emergencies)(nil)
)

// policies keeps what it was asked, as a line.
type policies struct{ asked string }

func (p *policies) keep(parts ...string) { p.asked = strings.Join(parts, " ") }

func (p *policies) Apply(_ context.Context, _ cdr.Caller, text []byte, reason string, dry bool) (policy.Change, error) {
	p.keep("apply", string(text), reason, map[bool]string{true: "dry", false: "wet"}[dry])
	return policy.Change{Added: []policy.Tuple{{Namespace: "Role", Object: "a", Relation: "members", Subject: "user:x:y"}}}, nil
}
func (p *policies) Export(context.Context, cdr.Caller) ([]byte, error) {
	return []byte("version: 1\n"), nil
}
func (p *policies) Reconcile(_ context.Context, _ cdr.Caller, how, reason string) (policy.Drift, error) {
	p.keep("reconcile", how, reason)
	return policy.Drift{Foreign: []policy.Tuple{{Namespace: "Role", Object: "a", Relation: "members", Subject: "user:x:eve"}}}, nil
}
func (p *policies) Objects(_ context.Context, _ cdr.Caller, noun policy.Noun, object string) (map[string]map[string][]string, error) {
	p.keep("objects", noun.Namespace, object)
	return map[string]map[string][]string{"a": {"members": {"user:x:y"}}}, nil
}
func (p *policies) Set(_ context.Context, _ cdr.Caller, t policy.Tuple, given bool, reason string) (policy.Change, error) {
	p.keep(map[bool]string{true: "give", false: "take"}[given], t.String(), reason)
	return policy.Change{}, nil
}
func (p *policies) AddLabel(_ context.Context, _ cdr.Caller, label, reason string) (policy.Change, error) {
	p.keep("label", label, reason)
	return policy.Change{Labels: []string{label}}, nil
}
func (p *policies) LabelTemplate(_ context.Context, _ cdr.Caller, template, label, reason string) (policy.Change, error) {
	p.keep("template", template, label, reason)
	return policy.Change{}, nil
}
func (p *policies) MakeKey(_ context.Context, _ cdr.Caller, r policy.KeyRequest, reason string) (string, cdr.APIKey, error) {
	p.keep("key", r.Subject, strings.Join(r.Networks, ","), reason)
	return "quire_live_1_2", cdr.APIKey{ID: "1", Subject: r.Subject}, nil
}
func (p *policies) RevokeKey(_ context.Context, _ cdr.Caller, id, reason string) error {
	p.keep("revoke", id, reason)
	return nil
}
func (p *policies) ListKeys(context.Context, cdr.Caller) ([]policy.HeldKey, error) {
	return []policy.HeldKey{{APIKey: cdr.APIKey{ID: "1", Hash: []byte("secret")}}}, nil
}
func (p *policies) WhoCan(_ context.Context, _ cdr.Caller, q policy.Question) ([]policy.Able, error) {
	p.keep("who", q.EHR, q.Version, map[bool]string{true: "write", false: "read"}[q.Write])
	return []policy.Able{{Subject: "user:x:y", Role: "a", Through: []string{"edge"}}}, nil
}
func (p *policies) ExplainOther(_ context.Context, _ cdr.Caller, q policy.Question, subject, role string) (cdr.Explanation, error) {
	p.keep("explain", q.EHR, subject, role)
	return cdr.Explanation{Gates: []cdr.Gate{{Name: "grant", Detail: "missing"}}}, nil
}
func (p *policies) Overview(context.Context, cdr.Caller, string) (policy.Ways, error) {
	return policy.Ways{Restrictions: []cdr.Restriction{{ID: "r", AppliesTo: []string{"*"}, Spares: []string{"Team:x"}}}}, nil
}
func (p *policies) Seal(_ context.Context, _ cdr.Caller, _, object, label, reason string) error {
	p.keep("seal", object, label, reason)
	return nil
}
func (p *policies) Unseal(_ context.Context, _ cdr.Caller, _, object, label, reason string) error {
	p.keep("unseal", object, label, reason)
	return nil
}
func (p *policies) OpenLink(_ context.Context, _ cdr.Caller, _ string, ends time.Time, networks []string, reason string) (policy.Link, error) {
	p.keep("link", ends.Format(time.RFC3339), strings.Join(networks, ","), reason)
	return policy.Link{ID: "1", Key: "quire_link_1_2", Ends: ends}, nil
}
func (p *policies) CloseLink(_ context.Context, _ cdr.Caller, _, id, reason string) error {
	p.keep("unlink", id, reason)
	return nil
}
func (p *policies) Queue(_ context.Context, _ cdr.Caller, q emergency.Queue) ([]emergency.Access, error) {
	p.keep("queue", q.EHR, map[bool]string{true: "all", false: "open"}[q.All])
	return []emergency.Access{{ID: "1", Reason: "found"}}, nil
}
func (p *policies) Review(_ context.Context, _ cdr.Caller, _, id, outcome string) error {
	p.keep("review", id, outcome)
	return nil
}
func (p *policies) End(_ context.Context, _ cdr.Caller, _, id string) error {
	p.keep("end", id)
	return nil
}

func TestPolicyRoutes(t *testing.T) {
	const root, object = "/access/v1", "8d44b88c-4199-4bad-97dc-d78268e01398"
	at := root + "/ehr/" + ehr
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		text, asked              string
	}{
		{"export", "GET", root + "/policy", "", 200, "version: 1", ""},
		{"apply", "PUT", root + "/policy?reason=rota", "version: 1", 200, `"applied":true,"changes":["+ Role:a#members@user:x:y"]`, "apply version: 1 rota wet"},
		{"apply dry", "PUT", root + "/policy?reason=rota&dry-run=true", "version: 1", 200, `"applied":false`, "apply version: 1 rota dry"},
		{"apply, no boolean", "PUT", root + "/policy?dry-run=maybe", "version: 1", 400, "dry-run", ""},
		{"drift", "GET", root + "/policy/drift", "", 200, `"foreign":["Role:a#members@user:x:eve"],"inStep":false`, "reconcile  "},
		{"mend", "POST", root + "/policy/drift", `{"action":"mend","reason":"drift"}`, 200, "", "reconcile mend drift"},
		{"mend nothing", "POST", root + "/policy/drift", `{"reason":"drift"}`, 400, "action is mend or adopt", ""},
		{"roles", "GET", root + "/roles", "", 200, `{"roles":{"a":{"members":["user:x:y"]}}}`, "objects Role "},
		{"one organisation", "GET", root + "/organisations/R%20XX", "", 200, "", "objects Organisation R XX"},
		{"give", "PUT", root + "/areas/users/admins/Role:a", `{"reason":"rota"}`, 200, `"applied":false`, "give AdminArea:users#admins@Role:a rota"},
		{"take", "DELETE", root + "/queries/org::bp/owners/user:x:y?reason=left", "", 200, "", "take StoredQuery:org::bp#owners@user:x:y left"},
		{"give with a typing error", "PUT", root + "/roles/a/members/user:x:y", `{"raeson":"rota"}`, 400, "/raeson", ""},
		{"label", "PUT", root + "/labels/hiv", `{"reason":"new"}`, 200, "+ label hiv", "label hiv new"},
		{"label of a template", "PUT", root + "/templates/Vital%20signs/label", `{"label":"hiv","reason":"new"}`, 200, "", "template Vital signs hiv new"},
		{"key", "POST", root + "/keys", `{"subject":"svc:e","networks":["10.0.0.0/8"],"reason":"new"}`, 201, `"key":"quire_live_1_2"`, "key svc:e 10.0.0.0/8 new"},
		{"keys", "GET", root + "/keys", "", 200, `"id":"1"`, ""},
		{"revoke a key", "DELETE", root + "/keys/1?reason=old", "", 204, "", "revoke 1 old"},
		{"overview", "GET", at, "", 200, `"spares":["Team:x"]`, ""},
		{"who can", "GET", at + "/who-can?action=write&version_uid=v", "", 200, `{"principal":"user:x:y","role":"a","through":["edge"]}`, "who " + ehr + " v write"},
		{"who can do what", "GET", at + "/who-can?action=fly", "", 400, "action", ""},
		{"explain", "GET", at + "/explain/user:x:y?role=a", "", 200, `"allowed":false`, "explain " + ehr + " user:x:y a"},
		{"seal", "PUT", at + "/composition/" + object + "/labels/hiv", `{"reason":"asked"}`, 204, "", "seal " + object + " hiv asked"},
		{"unseal", "DELETE", at + "/composition/" + object + "/labels/hiv?reason=asked", "", 204, "", "unseal " + object + " hiv asked"},
		{"link", "POST", at + "/links", `{"ends":"2026-01-02T03:04:05Z","networks":["10.0.0.0/8"],"reason":"hospice"}`, 201, `"key":"quire_link_1_2"`, "link 2026-01-02T03:04:05Z 10.0.0.0/8 hospice"},
		{"close a link", "DELETE", at + "/links/1?reason=moved", "", 204, "", "unlink 1 moved"},
		{"queue", "GET", root + "/break-glass?all=true&ehr_id=" + ehr, "", 200, `"reason":"found"`, "queue " + ehr + " all"},
		{"queue of no record", "GET", root + "/break-glass?ehr_id=x", "", 400, "", ""},
		{"review", "POST", at + "/break-glass/" + object + "/review", `{"outcome":"justified"}`, 204, "", "review " + object + " justified"},
		{"end", "DELETE", at + "/break-glass/" + object, "", 204, "", "end " + object},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &policies{}
			app, err := rest.New(rest.Options{Verifier: &fake{}, Logger: slog.New(slog.DiscardHandler), Routes: append(append(
				access.PolicyRoutes(p), access.EmergencyRoutes(p)...), access.Routes(&fake{})...)})
			if err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			if c.body != "" {
				request.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/yaml"}[c.body[0] == '{'])
			}
			response, err := app.Test(request, 5000)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status || !strings.Contains(string(text), c.text) {
				t.Fatalf("%d, want %d: %s", response.StatusCode, c.status, text)
			}
			if strings.Contains(string(text), "secret") || strings.Contains(string(text), "c2VjcmV0") {
				t.Errorf("a hash left: %s", text)
			}
			if diff := cmp.Diff(c.asked, p.asked); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(string(text), "quire_li") && response.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("a key may be kept: %v", response.Header)
			}
		})
	}
}
