package openehr_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
	"github.com/quire-cdr/quire/internal/testkit/api"
)

// TestStoredQueryOverHTTP: what an author and a caller of a stored query are told,
// in both manners.
func TestStoredQueryOverHTTP(t *testing.T) {
	store := api.Open(t, 4)
	for name, compat := range map[string]bool{"openehr": false, "ehrbase": true} {
		t.Run(name, func(t *testing.T) {
			service := cdr.New(cdr.Deps{Store: store, Authorizer: api.Anyone{}, Auditor: api.Anyone{}, SystemID: "test.quire", Compat: compat})
			app, err := rest.New(rest.Options{Routes: openehr.Routes(service, openehr.About{}), Verifier: api.Anyone{}, Manners: rest.MannersFor(compat), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			at, run := "/definition/query/"+name+"::over/1.0.0", "/query/"+name+"::over/1"
			const text = "-- @param $min number = 3 : least\n" +
				"SELECT COUNT(*) AS n FROM EHR e CONTAINS ELEMENT l WHERE l/value/magnitude > $min AND l/value/units matches {$units} AND l/value/events = $x"
			plain := h{"Content-Type": "text/plain"}
			got, _ := expect(t, app, 400, "PUT", at, strings.Replace(text, "SELECT", "SELEKT", 1), plain)
			if !strings.Contains(got, "line 2, column 1") || !strings.Contains(got, "SELECT") {
				t.Errorf("what was expected where? %s", got)
			}
			_, header := expect(t, app, 200, "PUT", at, text, plain)
			if w := header.Get("Quire-Warning"); w != `1; query-path-unknown "line 2, column 130"` {
				t.Errorf("%q", w)
			}
			_, header = expect(t, app, 200, "GET", at, "", nil)
			tag := header.Get("ETag")
			if strings.HasPrefix(tag, "W/") == compat || !strings.Contains(tag, `"1.0.0-`) {
				t.Errorf("%q", tag)
			}
			expect(t, app, 409, "PUT", at, text, plain)
			got, header = expect(t, app, 200, "GET", at, "", nil)
			if header.Get("ETag") != tag || !strings.Contains(got, `{"name":"min","type":"number","list":false,"required":false,"default":3,"description":"least","declared":true,"paths":["l/value/magnitude"]},`+
				`{"name":"units","type":"text","list":true,"required":true,"declared":false,"paths":["l/value/units"]}`) {
				t.Errorf("%q: %s", header.Get("ETag"), got)
			}
			expect(t, app, 304, "GET", at, "", h{"If-None-Match": tag})
			if got, _ = expect(t, app, 200, "GET", "/definition/query/"+name+"::ov", "", nil); strings.Count(got, `"parameters":[`) != 1 {
				t.Errorf("%s", got)
			}
			for _, c := range []struct {
				query  string
				status int
				has    []string
			}{
				{"?units=kg&x=1&min=2.5", 200, []string{`"rows":[[0]]`}},
				{"?units=kg&units=mg&x=1", 200, []string{`"rows":[[0]]`}},
				{"?units=kg&x=1&min=two", 400, []string{"the parameter $min must be a number"}},
				{"?min=1&min=2&units=kg&x=1", 400, []string{"the parameter $min must be a number"}},
				{"?min=2", 400, []string{"$units, $x has no value"}},
			} {
				got, _ := expect(t, app, c.status, "GET", run+c.query, "", nil)
				for _, word := range c.has {
					if !strings.Contains(got, word) {
						t.Errorf("%s: no %q in %s", c.query, word, got)
					}
				}
			}
			expect(t, app, 200, "POST", run, `{"query_parameters":{"units":["kg"],"x":"1"}}`, nil)
			expect(t, app, 400, "POST", run, `{"query_parameters":{"units":[1],"x":"1"}}`, nil)
			if _, header = expect(t, app, 200, "GET", run+"?units=kg&x=1&mim=2", "", nil); header.Get("Quire-Warning") != `1; query-parameter-unknown "$mim"` {
				t.Errorf("%q", header.Get("Quire-Warning"))
			}
			expect(t, app, 204, "DELETE", at, "", nil)
			expect(t, app, 404, "GET", at, "", nil)
		})
	}
}
