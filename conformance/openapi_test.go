package conformance

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// operation is one of the specification's, with what was seen of it.
type operation struct {
	key          string // file and operationId
	method, path string
	route        *routers.Route
	answers      int
	problems     []string
}

// contract is the official OpenAPI files.
type contract struct {
	operations []*operation
}

// apis are the files that have operations, in the order of the table.
var apis = []string{"system", "ehr", "definition", "query", "demographic", "admin"}

func loadContract(t testing.TB) *contract {
	t.Helper()
	dir := sharedFile(t, "spec", "openapi")
	openapi3filter.RegisterBodyDecoder("application/xml", openapi3filter.PlainBodyDecoder)
	c := &contract{}
	for _, api := range apis {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, api+"-validation.openapi.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				// A URI template stands where OpenAPI wants a path and a parameter.
				plain, _, _ := strings.Cut(path, "{?")
				c.operations = append(c.operations, &operation{
					key: api + " " + op.OperationID, method: method, path: plain,
					route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
				})
			}
		}
	}
	slices.SortFunc(c.operations, func(a, b *operation) int {
		if d := slices.Index(apis, strings.Fields(a.key)[0]) - slices.Index(apis, strings.Fields(b.key)[0]); d != 0 {
			return d
		}
		return strings.Compare(a.path+a.method, b.path+b.method)
	})
	return c
}

// find gives the operation of a request and its path parameters; a fixed
// segment goes before a parameter.
func (c *contract) find(method, path string) (*operation, map[string]string) {
	var best *operation
	var found map[string]string
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for _, op := range c.operations {
		template := strings.Split(strings.TrimSuffix(op.path, "/"), "/")
		if op.method != method || len(template) != len(segments) {
			continue
		}
		parameters, fits := map[string]string{}, true
		for i, part := range template {
			if name, is := strings.CutPrefix(part, "{"); is {
				parameters[strings.TrimSuffix(name, "}")], _ = url.PathUnescape(segments[i])
			} else if part != segments[i] {
				fits = false
			}
		}
		if fits && (best == nil || len(parameters) < len(found)) {
			best, found = op, parameters
		}
	}
	return best, found
}

// judge checks one exchange. The request is checked too where the server took
// it: what a file does not allow must not be what the suite calls success.
func (c *contract) judge(t testing.TB, base string, e *exchange, target string, sent []byte, headers []string, a answer) {
	t.Helper()
	request, err := http.NewRequest(e.method, target, bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(request.URL.EscapedPath(), mustPath(base))
	op, parameters := c.find(e.method, path)
	if op == nil {
		t.Errorf("%s %s is no operation of the specification", e.method, path)
		return
	}
	op.answers++
	if sent != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: op.route,
		Options: &openapi3filter.Options{SkipSettingDefaults: true},
	}
	note := func(where string, err error) {
		text, _, _ := strings.Cut(err.Error(), "\nSchema:")
		if problem := where + ": " + text; !slices.Contains(op.problems, problem) {
			op.problems = append(op.problems, problem)
		}
	}
	if a.status < 300 {
		// The file declares a list of objects in one header, which no style of
		// OpenAPI can write; the prose has the grammar that is sent.
		request.Header.Del("openehr-item-tag")
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			note("request", err)
		}
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: a.status, Header: a.header,
		Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			// The files say in prose that return=minimal has no body.
			ExcludeResponseBody: len(a.body) == 0 && a.status < 300,
		},
	})
	if err != nil {
		note(http.StatusText(a.status), err)
	}
}

func mustPath(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	return u.EscapedPath()
}
