package openehr

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/quire-cdr/quire/internal/rest"
)

// Smart is what apps are told of the issuer of their tokens; nil where there is none
// whose tokens carry scopes of SMART on openEHR.
type Smart interface {
	// Metadata are the members of the issuer's own metadata.
	Metadata(ctx context.Context) map[string]json.RawMessage
}

// SmartRoutes tell apps where the services are and where tokens come from (SMART on
// openEHR, Conformance; SMART App Launch 2.2, section 8.1). They need no identity.
func SmartRoutes(about About, smart Smart) []rest.Route {
	configuration := func(call *rest.Call) error {
		out := map[string]any{}
		capabilities := []string{}
		if smart != nil {
			for member, value := range smart.Metadata(call.Context()) {
				out[member] = value
			}
			capabilities = []string{"openehr-permission-v1", "context-openehr-ehr"}
		}
		out["capabilities"] = capabilities
		out["services"] = map[string]any{
			"org.openehr.rest": map[string]string{"baseUrl": call.BaseURL() + root, "version": "1.1.0", "description": "openEHR REST API of Quire " + about.Version},
			"org.fhir.rest":    map[string]string{"baseUrl": call.BaseURL() + "/fhir/r4", "version": "4.0.1", "description": "Forms as FHIR Questionnaires"},
		}
		return call.JSON(http.StatusOK, out)
	}
	const path = "/.well-known/smart-configuration"
	return []rest.Route{
		{Method: http.MethodGet, Path: path, Access: rest.Public, Handler: configuration},
		{Method: http.MethodGet, Path: "/fhir/r4" + path, Access: rest.Public, Handler: configuration},
	}
}
