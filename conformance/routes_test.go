package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/exit"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/rest"
	restaccess "github.com/quire-cdr/quire/internal/rest/access"
	"github.com/quire-cdr/quire/internal/rest/admin"
	restaudit "github.com/quire-cdr/quire/internal/rest/audit"
	"github.com/quire-cdr/quire/internal/rest/ecis"
	restfhir "github.com/quire-cdr/quire/internal/rest/fhir"
	"github.com/quire-cdr/quire/internal/rest/openehr"
	"github.com/quire-cdr/quire/internal/rest/web"
)

// nobody is a service none of whose methods is called.
var nobody *cdr.Service

// served are the tables of the server's routes, by the names under which
// cmd/quire joins them. Only methods and paths are read, so no service is there.
var served = map[string][]rest.Route{
	"openehr.Routes":             openehr.Routes(nobody, openehr.About{}),
	"openehr.SmartRoutes":        openehr.SmartRoutes(openehr.About{}, nil),
	"restfhir.PDFRoutes":         restfhir.PDFRoutes((*form.Forms)(nil), nobody),
	"restfhir.Routes":            restfhir.Routes((*form.Forms)(nil), (*library.Library)(nil), restfhir.About{}),
	"admin.Routes":               admin.Routes(nobody),
	"admin.PurgeRoutes":          admin.PurgeRoutes(nobody),
	"admin.HoldRoutes":           admin.HoldRoutes(nobody),
	"admin.TransferRoutes":       admin.TransferRoutes((*transfer.Transfers)(nil)),
	"admin.FeedRoutes":           admin.FeedRoutes((*feed.Feed)(nil)),
	"admin.ExitRoutes":           admin.ExitRoutes((*exit.Exits)(nil)),
	"admin.IndexRoutes":          admin.IndexRoutes(nil),
	"restfhir.BindingRoutes":     restfhir.BindingRoutes((*form.Forms)(nil)),
	"restfhir.ExtractRoutes":     restfhir.ExtractRoutes(nil),
	"restaccess.Routes":          restaccess.Routes(nil),
	"restaccess.PolicyRoutes":    restaccess.PolicyRoutes(nil),
	"restaccess.EmergencyRoutes": restaccess.EmergencyRoutes(nil),
	"audit.Routes":               restaudit.Routes(nil),
	"audit.EventRoutes":          restaudit.EventRoutes(nil, nil, ""),
	"web.Routes":                 web.Routes(web.About{}),
}

// peerOnly are the tables of the manners of EHRbase alone.
var peerOnly = map[string][]rest.Route{"ecis.Routes": ecis.Routes(nobody, nil)}

// TestEveryTableOfRoutesIsKnown compares the tables above with those that
// cmd/quire joins.
func TestEveryTableOfRoutesIsKnown(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "cmd", "quire", "wire.go"))
	if err != nil {
		t.Fatal(err)
	}
	joined := 0
	for _, found := range regexp.MustCompile(`\b(\w+\.\w*Routes)\(`).FindAllStringSubmatch(string(text), -1) {
		joined++
		name := found[1]
		if served[name] == nil && peerOnly[name] == nil {
			t.Errorf("%s is joined by the server and not tested here", name)
		}
	}
	if joined != len(served)+len(peerOnly) {
		t.Errorf("the server joins %d tables, %d are tested here", joined, len(served)+len(peerOnly))
	}
}

// TestMethods asks every path of the server with a method it does not have: 405
// with all it has in Allow; and with HEAD wherever it has GET: the answer to GET
// without its body.
func TestMethods(t *testing.T) {
	for name, suite := range map[string]struct {
		c      *scene
		tables []map[string][]rest.Route
	}{
		"default": {newScene(t, running(t)), []map[string][]rest.Route{served}},
		"ehrbase": {peerScene(t), []map[string][]rest.Route{served, peerOnly}},
	} {
		t.Run(name, func(t *testing.T) {
			var routes []rest.Route
			for _, tables := range suite.tables {
				for _, table := range tables {
					routes = append(routes, table...)
				}
			}
			methods := map[string][]string{}
			for _, route := range routes {
				methods[route.Path] = nil
			}
			suite.c.t = t
			for path := range methods {
				wanted := allowed(routes, path)
				asked := suite.c.s.BaseURL + concrete(suite.c, path)
				for _, method := range []string{"PATCH", "BREW"} {
					if slices.Contains(wanted, method) {
						continue
					}
					a := suite.c.do(request(method, asked, "").want(405))
					got := strings.Split(a.header.Get("Allow"), ", ")
					slices.Sort(got)
					if !slices.Equal(got, wanted) {
						t.Errorf("%s %s: Allow is %v, want %v", method, path, got, wanted)
					}
				}
				if slices.Contains(wanted, "GET") {
					headers := suite.c.do(request("HEAD", asked, "").as(reader(path)))
					body := suite.c.do(request("GET", asked, "").as(reader(path)))
					if headers.status != body.status || len(headers.body) > 0 {
						t.Errorf("HEAD %s: status %d with %d bytes, GET answers %d", path, headers.status, len(headers.body), body.status)
					}
					for _, header := range []string{"ETag", "Content-Type", "Last-Modified"} {
						if headers.header.Get(header) != body.header.Get(header) {
							t.Errorf("HEAD %s: %s is %q, GET has %q", path, header, headers.header.Get(header), body.header.Get(header))
						}
					}
				}
			}
			t.Logf("%d routes of %d paths", len(routes), len(methods))
		})
	}
}

// reader is who may read what stands at a path.
func reader(path string) string {
	if strings.HasSuffix(path, "/changes") {
		return "analyst"
	}
	for _, own := range []string{"/ehr/", "/fhir/", "/query/"} {
		if strings.Contains(path, own) && !strings.Contains(path, "/admin/") {
			return "clinician"
		}
	}
	return "admin"
}

// parameters stand for what is there, so that GET has something to show.
var parameters = map[string]string{
	":ehr_id": "{ehr}", ":versioned_object_uid": "{v1.object}", ":uid_based_id": "{v1.object}", ":version_uid": "{v1}", ":contribution_uid": "{set}",
	":template_id": "Vital%20signs%20observations.v1", ":qualified_query_name": "none::none", ":version": "1.0.0",
}

// concrete is a path with values for its parameters.
func concrete(c *scene, path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if part == "+" || part == "*" {
			parts[i] = "x"
		} else if strings.HasPrefix(part, ":") {
			value, known := parameters[part]
			if !known {
				value = "{uuid}"
			}
			parts[i] = c.fill(value)
		}
	}
	return strings.Join(parts, "/")
}

// allowed are the methods of every route that a path of this pattern meets.
func allowed(routes []rest.Route, path string) []string {
	var out []string
	for _, route := range routes {
		if !meets(strings.Split(route.Path, "/"), strings.Split(path, "/")) {
			continue
		}
		out = append(out, route.Method)
		if route.Method == "GET" {
			out = append(out, "HEAD")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func meets(pattern, path []string) bool {
	for i, part := range pattern {
		switch {
		case part == "+" || part == "*":
			return i < len(path)
		case i >= len(path):
			return false
		case part != path[i] && !strings.HasPrefix(part, ":"):
			return false
		}
	}
	return len(pattern) == len(path)
}
