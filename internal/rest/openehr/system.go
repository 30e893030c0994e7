package openehr

import (
	"net/http"
	"runtime"

	"github.com/quire-cdr/quire/internal/rest"
)

// endpoints are the groups of the specification that are served.
var endpoints = []string{"/ehr", "/definition", "/query", "/demographic", "/admin"}

func systemRoutes(about About) []rest.Route {
	options := func(call *rest.Call) error {
		call.Set("Allow", "OPTIONS")
		return call.JSON(http.StatusOK, map[string]any{
			"solution": "Quire", "solution_version": about.Version, "vendor": "Quire",
			"restapi_specs_version": "1.1.0", "endpoints": endpoints,
		})
	}
	status := func(call *rest.Call) error {
		return call.JSON(http.StatusOK, map[string]string{
			"solution": "Quire", "version": about.Version, "system_id": about.SystemID, "go": runtime.Version(),
		})
	}
	return []rest.Route{
		{Method: http.MethodOptions, Path: root, Access: rest.Public, Handler: options},
		{Method: http.MethodGet, Path: "/rest/status", Access: rest.Public, Handler: status},
	}
}
