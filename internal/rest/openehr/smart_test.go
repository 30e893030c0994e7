package openehr_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
)

type published map[string]json.RawMessage

func (s published) Metadata(context.Context) map[string]json.RawMessage { return s }

// strict refuses everybody: what is public is served all the same.
type strict struct{}

func (strict) Verify(context.Context, rest.Credentials) (cdr.Caller, error) {
	return cdr.Caller{}, fault.New(fault.Unauthenticated, "credentials", "nobody")
}

// TestSmartConfiguration: hint U-01.
func TestSmartConfiguration(t *testing.T) {
	type document struct {
		Services map[string]struct {
			BaseURL string `json:"baseUrl"`
		} `json:"services"`
		Capabilities []string `json:"capabilities"`
		Token        string   `json:"token_endpoint"`
	}
	for _, c := range []struct {
		smart openehr.Smart
		path  string
		want  []string
		token string
	}{
		{nil, "/.well-known/smart-configuration", []string{}, ""},
		{published{"token_endpoint": json.RawMessage(`"https://id.example/token"`)}, "/.well-known/smart-configuration", []string{"openehr-permission-v1", "context-openehr-ehr"}, "https://id.example/token"},
		{published{}, "/fhir/r4/.well-known/smart-configuration", []string{"openehr-permission-v1", "context-openehr-ehr"}, ""},
	} {
		app, err := rest.New(rest.Options{Routes: openehr.SmartRoutes(openehr.About{Version: "1"}, c.smart), Verifier: strict{}, PublicURL: "https://cdr.example", BasePath: "/base"})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := app.Test(httptest.NewRequest("GET", "/base"+c.path, nil))
		if err != nil {
			t.Fatal(err)
		}
		var got document
		if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != 200 || got.Services["org.openehr.rest"].BaseURL != "https://cdr.example/base/rest/openehr/v1" ||
			got.Services["org.fhir.rest"].BaseURL != "https://cdr.example/base/fhir/r4" || !slices.Equal(got.Capabilities, c.want) || got.Token != c.token {
			t.Errorf("%s: %d %+v", c.path, answer.StatusCode, got)
		}
	}
}
