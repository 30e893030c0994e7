package fhir

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/rest"
)

// interactionOf is the interaction that a method at a place of a kind is (FHIR
// R4, HTTP), "" for those that have another name.
func interactionOf(method, rest string) string {
	return map[string]string{
		"GET": "search-type", "POST": "create", "POST /_search": "search-type", "GET /:id": "read", "PUT /:id": "update", "DELETE /:id": "delete",
		"GET /:id/_history": "history-instance", "GET /:id/_history/:vid": "vread",
	}[strings.TrimSpace(method+" "+rest)]
}

// TestTheStatementIsTheRoutes: what the CapabilityStatement says is routed, and
// what is routed it says.
func TestTheStatementIsTheRoutes(t *testing.T) {
	said, done := map[string]bool{}, map[string]bool{}
	side := capabilities(About{}, time.Now())["rest"].([]object)[0]
	for _, resource := range side["resource"].([]object) {
		kind := resource["type"].(string)
		for _, i := range resource["interaction"].([]object) {
			said[kind+" "+i["code"].(string)] = true
		}
		operations, _ := resource["operation"].([]object)
		for _, o := range operations {
			said[kind+" $"+o["name"].(string)] = true
		}
		if len(resource["searchParam"].([]object)) == 0 {
			t.Errorf("%s is searched by nothing", kind)
		}
	}
	operations, _ := side["operation"].([]object)
	for _, o := range operations {
		said["$"+o["name"].(string)] = true
	}
	for _, route := range slices.Concat(Routes(nil, nil, About{}), ExtractRoutes(nil), BindingRoutes(nil), PDFRoutes(nil, nil)) {
		path := strings.TrimPrefix(route.Path, root+"/")
		kind, below, _ := strings.Cut(path, "/")
		if below != "" {
			below = "/" + below
		}
		switch at := strings.LastIndex(path, "$"); {
		case path == "metadata":
			if route.Access != rest.Public {
				t.Error("metadata asks who is there")
			}
		case at == 0:
			done[path] = true
		case at > 0:
			done[kind+" "+path[at:]] = true
		default:
			i := interactionOf(route.Method, below)
			if i == "" {
				t.Errorf("%s %s is no interaction of FHIR", route.Method, route.Path)
			}
			done[kind+" "+i] = true
		}
	}
	for name := range said {
		if !done[name] {
			t.Errorf("the statement says %s, and no route does it", name)
		}
	}
	for name := range done {
		if !said[name] {
			t.Errorf("a route does %s, and the statement does not say it", name)
		}
	}
}

// TestEverySearchParameterIsRead: those that the statement lists for responses are
// those that are applied.
func TestEverySearchParameterIsRead(t *testing.T) {
	side := capabilities(About{}, time.Now())["rest"].([]object)[0]
	for _, resource := range side["resource"].([]object) {
		if resource["type"] != "QuestionnaireResponse" {
			continue
		}
		for _, p := range resource["searchParam"].([]object) {
			if name := p["name"].(string); !slices.Contains(responseSearch, name) {
				t.Errorf("%s is listed and not applied", name)
			}
		}
	}
}
