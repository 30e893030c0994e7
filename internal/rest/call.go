package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Call is one request and its answer. All strings it gives are copies: Fiber
// uses its buffers again once the handler returns.
type Call struct {
	// Caller is the verified identity; zero on a Public route.
	Caller cdr.Caller
	// RequestID is echoed and logged.
	RequestID string

	ctx     *fiber.Ctx
	server  *server
	route   *Route
	context context.Context
	share   share
	started time.Time
	marks   []mark
}

// mark is a step of the request, for Server-Timing.
type mark struct {
	name string
	took time.Duration
}

// Context carries the deadline of the request.
func (call *Call) Context() context.Context { return call.context }

// Manners are the manners in force.
func (call *Call) Manners() *Manners { return &call.server.Manners }

// Zone is where times without an offset are read, and times of the server shown.
func (call *Call) Zone() *time.Location { return call.server.Zone }

// BodyLimit is the most bytes a body may have, packed and inflated.
func (call *Call) BodyLimit() int { return call.server.BodyLimit }

// Header gives a request header, "" where it is absent.
func (call *Call) Header(name string) string { return strings.Clone(call.ctx.Get(name)) }

func (call *Call) headers(name string) []string {
	var out []string
	for _, value := range call.ctx.Request().Header.PeekAll(name) {
		out = append(out, string(value))
	}
	return out
}

// Param gives a parameter of the path, decoded.
func (call *Call) Param(name string) string { return strings.Clone(call.ctx.Params(name)) }

// Query gives a parameter of the query string, decoded; "" where it is absent.
func (call *Call) Query(name string) string {
	return string(call.ctx.Context().QueryArgs().Peek(name))
}

// QueryAll gives all values of a parameter.
func (call *Call) QueryAll(name string) []string {
	var out []string
	for _, value := range call.ctx.Context().QueryArgs().PeekMulti(name) {
		out = append(out, string(value))
	}
	return out
}

// QueryEach visits every parameter of the query string in order.
func (call *Call) QueryEach(visit func(name, value string)) {
	call.ctx.Context().QueryArgs().VisitAll(func(name, value []byte) { visit(string(name), string(value)) })
}

// QueryInt gives a non-negative number; nil where the parameter is absent.
func (call *Call) QueryInt(name string) (*int, error) {
	text := call.Query(name)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return nil, fault.New(fault.Invalid, "query-parameter", "the query parameter %s must be a whole number, 0 or more", name)
	}
	return &n, nil
}

// FormQuery adds the parameters of a body in application/x-www-form-urlencoded to
// those of the query string, which come first.
func (call *Call) FormQuery() error {
	body, err := call.Content()
	if err != nil && fault.Of(err).Code != "body-missing" {
		return err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return fault.New(fault.Invalid, "query-parameter", "the body is no list of parameters")
	}
	args := call.ctx.Context().QueryArgs()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			args.Add(name, value)
		}
	}
	return nil
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// UUID gives a path parameter that must be a UUID, in lower case.
func (call *Call) UUID(name string) (string, error) {
	id := call.Param(name)
	if !uuidForm.MatchString(id) {
		return "", fault.New(call.server.Manners.MalformedID, "id-malformed", "the path parameter %s must be a UUID", name)
	}
	return strings.ToLower(id), nil
}

// VersionUID gives a path parameter that must be a version uid,
// object_id::system_id::version (BASE, OBJECT_VERSION_ID).
func (call *Call) VersionUID(name string) (string, error) {
	id := call.Param(name)
	if _, ok := cdr.ParseVersionUID(id); !ok {
		return "", fault.New(call.server.Manners.MalformedID, "id-malformed", "the path parameter %s is not a valid OBJECT_VERSION_ID: it must read object_id::system_id::version", name)
	}
	return id, nil
}

// Ref gives a uid_based_id: the uuid of a versioned object, or a version uid.
func (call *Call) Ref(name string) (cdr.VersionRef, error) {
	if strings.Contains(call.Param(name), "::") {
		uid, err := call.VersionUID(name)
		return cdr.VersionRef{VersionUID: uid}, err
	}
	object, err := call.UUID(name)
	return cdr.VersionRef{Object: object}, err
}

// Accept negotiates the media type of the answer; none that fits is 406.
func (call *Call) Accept(offers ...string) (string, error) {
	if best := negotiate(strings.Join(call.headers(fiber.HeaderAccept), ","), offers); best != "" {
		return best, nil
	}
	return "", fault.New(fault.NotAcceptable, "accept", "this resource is served as %s", strings.Join(offers, ", "))
}

// Set writes an answer header.
func (call *Call) Set(name, value string) { call.ctx.Set(name, value) }

// Empty answers without a body.
func (call *Call) Empty(status int) error {
	call.ctx.Status(status).Response().ResetBody()
	if status == http.StatusNotModified || status == http.StatusNoContent {
		call.ctx.Response().Header.SetNoDefaultContentType(true)
	}
	return nil
}

// Send answers with bytes, which are not copied and must not change any more.
func (call *Call) Send(status int, contentType string, body []byte) error {
	if contentType == JSON || contentType == XML || contentType == FHIRJSON || strings.HasPrefix(contentType, "text/") {
		contentType += "; charset=utf-8"
	}
	call.ctx.Status(status).Set(fiber.HeaderContentType, contentType)
	call.ctx.Response().SetBodyRaw(body)
	return nil
}

// JSON answers with a value of our own making; documents are sent as stored.
func (call *Call) JSON(status int, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	return call.Send(status, JSON, text.Bytes())
}

// Segment encodes one segment of a path; the colons of a version uid stay.
func Segment(s string) string {
	return strings.ReplaceAll(url.PathEscape(s), "%3A", ":")
}

// Mark notes how long a step took, for a client that asked for Server-Timing.
func (call *Call) Mark(name string, began time.Time) {
	call.marks = append(call.marks, mark{name, time.Since(began)})
}
