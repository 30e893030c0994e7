package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/quire-cdr/quire/internal/fault"
)

// statuses is the one table from a kind of fault to an HTTP status (DESIGN 4.3).
var statuses = map[fault.Kind]int{
	fault.Internal:         http.StatusInternalServerError,
	fault.Invalid:          http.StatusBadRequest,
	fault.Unprocessable:    http.StatusUnprocessableEntity,
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.NotFound:         http.StatusNotFound,
	fault.MethodNotAllowed: http.StatusMethodNotAllowed,
	fault.NotAcceptable:    http.StatusNotAcceptable,
	fault.Conflict:         http.StatusConflict,
	fault.Precondition:     http.StatusPreconditionFailed,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia: http.StatusUnsupportedMediaType,
	fault.Timeout:          http.StatusRequestTimeout,
	fault.NotImplemented:   http.StatusNotImplemented,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.TooMany:          http.StatusTooManyRequests,
}

// maxIssues is how many issues an answer lists before it says truncated.
const maxIssues = 1000

// defaultRetry is the Retry-After of an outage that names none.
const defaultRetry = 2 * time.Second

// codedText is a DV_CODED_TEXT of the prose's error body (ITS-REST overview,
// HTTP status codes).
type codedText struct {
	Type     string     `json:"_type" xml:"-"`
	Value    string     `json:"value" xml:"value"`
	Defining codePhrase `json:"defining_code" xml:"defining_code"`
}

type codePhrase struct {
	Type        string `json:"_type" xml:"-"`
	Terminology struct {
		Type  string `json:"_type" xml:"-"`
		Value string `json:"value" xml:"value"`
	} `json:"terminology_id" xml:"terminology_id"`
	Code string `json:"code_string" xml:"code_string"`
}

// errorBody is a superset of the two error bodies the specification shows; all
// members are always there. In XML it is an element error of no namespace with
// the same members, lists by repetition.
type errorBody struct {
	XMLName          xml.Name    `json:"-" xml:"error"`
	Error            string      `json:"error" xml:"error"`
	Message          string      `json:"message" xml:"message"`
	Code             int         `json:"code" xml:"code"`
	Errors           []codedText `json:"errors" xml:"errors"`
	ValidationErrors []string    `json:"validationErrors" xml:"validationErrors"`
	Issues           []issueBody `json:"issues" xml:"issues"`
	Warnings         []issueBody `json:"warnings" xml:"warnings"`
	Truncated        bool        `json:"truncated,omitempty" xml:"truncated,omitempty"`
}

// issueBody is a fault.Issue with its names in both formats.
type issueBody struct {
	Path      string `json:"path" xml:"path"`
	AQLPath   string `json:"aqlPath" xml:"aqlPath"`
	FlatKey   string `json:"flatKey" xml:"flatKey"`
	Archetype string `json:"archetype" xml:"archetype"`
	Rule      string `json:"rule" xml:"rule"`
	Expected  string `json:"expected" xml:"expected"`
	Found     string `json:"found" xml:"found"`
	Message   string `json:"message" xml:"message"`
	Warning   bool   `json:"-" xml:"-"`
}

func openEHRBody(status int, e *fault.Error) errorBody {
	body := errorBody{
		Error: http.StatusText(status), Message: e.Message, Code: status,
		Errors: []codedText{}, ValidationErrors: []string{}, Issues: []issueBody{}, Warnings: []issueBody{},
	}
	if e.Code != "" {
		coded := codedText{Type: "DV_CODED_TEXT", Value: e.Message}
		coded.Defining.Type, coded.Defining.Code = "CODE_PHRASE", e.Code
		coded.Defining.Terminology.Type, coded.Defining.Terminology.Value = "TERMINOLOGY_ID", "quire"
		if coded.Value == "" {
			coded.Value = e.Code
		}
		body.Errors = append(body.Errors, coded)
	}
	for i, issue := range e.Issues {
		if i == maxIssues {
			body.Truncated = true
			break
		}
		if issue.Warning {
			body.Warnings = append(body.Warnings, issueBody(issue))
			continue
		}
		body.Issues = append(body.Issues, issueBody(issue))
		body.ValidationErrors = append(body.ValidationErrors, issue.Path+": "+issue.Message)
	}
	return body
}

// outcomeTypes is the FHIR IssueType of a kind (R4, ValueSet issue-type).
var outcomeTypes = map[fault.Kind]string{
	fault.Internal: "exception", fault.Invalid: "structure", fault.Unprocessable: "invariant",
	fault.Unauthenticated: "login", fault.Forbidden: "forbidden", fault.NotFound: "not-found",
	fault.MethodNotAllowed: "not-supported", fault.NotAcceptable: "not-supported", fault.Conflict: "conflict",
	fault.Precondition: "conflict", fault.TooLarge: "too-long", fault.UnsupportedMedia: "not-supported",
	fault.Timeout: "timeout", fault.NotImplemented: "not-supported", fault.Unavailable: "transient", fault.TooMany: "throttled",
}

type outcomeIssue struct {
	Extension   []outcomeExtension `json:"extension,omitempty"`
	Severity    string             `json:"severity"`
	Code        string             `json:"code"`
	Details     *outcomeDetails    `json:"details,omitempty"`
	Diagnostics string             `json:"diagnostics"`
	Expression  []string           `json:"expression,omitempty"`
}

type outcomeDetails struct {
	Text string `json:"text"`
}

type outcome struct {
	Resource string         `json:"resourceType"`
	Issue    []outcomeIssue `json:"issue"`
}

// fhirBody is an OperationOutcome: one issue a fault, or the message alone.
func fhirBody(e *fault.Error) outcome {
	out := outcome{Resource: "OperationOutcome"}
	for i, issue := range e.Issues {
		if i == maxIssues {
			out.Issue = append(out.Issue, outcomeIssue{Severity: "information", Code: "informational",
				Diagnostics: strconv.Itoa(len(e.Issues)-maxIssues) + " more issues are not shown"})
			break
		}
		severity := "error"
		if issue.Warning {
			severity = "warning"
		}
		found := outcomeIssue{Severity: severity, Code: outcomeTypes[e.Kind], Diagnostics: issue.Message,
			Details: &outcomeDetails{Text: issue.Rule}}
		found.Expression, found.Extension = locate(issue)
		if issue.Rule == "" {
			found.Details = nil
		}
		out.Issue = append(out.Issue, found)
	}
	if len(out.Issue) == 0 {
		out.Issue = []outcomeIssue{{Severity: "error", Code: outcomeTypes[e.Kind], Diagnostics: e.Message,
			Details: &outcomeDetails{Text: e.Code}}}
	}
	return out
}

// asFault makes a *fault.Error of what a handler, a context or Fiber returned.
func asFault(err error) *fault.Error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Timeout, "deadline", "the request took longer than its deadline").Because(err)
	}
	if errors.Is(err, context.Canceled) {
		return fault.New(fault.Timeout, "client-gone", "the client closed the connection").Because(err)
	}
	var routed *fiber.Error
	if errors.As(err, &routed) {
		switch routed.Code {
		case http.StatusNotFound:
			return fault.New(fault.NotFound, "unknown-path", "no resource has this path")
		case http.StatusMethodNotAllowed:
			return fault.New(fault.MethodNotAllowed, "method", "this resource has no such method; see Allow")
		case http.StatusRequestEntityTooLarge:
			return fault.New(fault.TooLarge, "body", "the request body is over the limit")
		case http.StatusRequestHeaderFieldsTooLarge:
			return fault.New(fault.TooLarge, "header", "the request header is over the limit of %d bytes", headerLimit)
		case http.StatusRequestTimeout:
			return fault.New(fault.Timeout, "slow-request", "the request did not arrive in time")
		case http.StatusBadRequest:
			return fault.New(fault.Invalid, "http", "the request is not well-formed HTTP")
		}
	}
	return fault.Of(err)
}

// urlCode marks the one thing that is too large and is no body.
const urlCode = "url"

// statusOf is the status of an error; the statuses only Fiber knows stay.
func (s *server) statusOf(err error, e *fault.Error) int {
	if e.Kind == fault.TooLarge && e.Code == urlCode {
		return http.StatusRequestURITooLong
	}
	var routed *fiber.Error
	if errors.As(err, &routed) && routed.Code == http.StatusRequestHeaderFieldsTooLarge {
		return routed.Code
	}
	return s.Manners.Status(e)
}

// refuse writes an error answer. It never carries the text of an internal fault.
func (s *server) refuse(ctx *fiber.Ctx, shape Shape, err error) int {
	e := asFault(err)
	status := s.statusOf(err, e)
	message := e
	var routed *fiber.Error
	if errors.As(err, &routed) && routed.Code == http.StatusRequestEntityTooLarge {
		message = tooLarge(s.BodyLimit)
	}
	if e.Kind == fault.Internal {
		message = fault.New(fault.Internal, "internal", "the server failed; the fault is logged under the request id")
	}
	response := ctx.Response()
	response.ResetBody()
	for _, name := range []string{fiber.HeaderLocation, fiber.HeaderLastModified, fiber.HeaderContentEncoding, fiber.HeaderETag} {
		response.Header.Del(name)
	}
	if e.Current != "" {
		ctx.Set(fiber.HeaderETag, s.Manners.ETag(e.Current))
	}
	switch e.Kind {
	case fault.Unauthenticated:
		ctx.Set(fiber.HeaderWWWAuthenticate, s.Manners.Challenge)
	case fault.Unavailable, fault.TooMany:
		retry := e.RetryAfter
		if retry <= 0 {
			retry = defaultRetry
		}
		ctx.Set(fiber.HeaderRetryAfter, strconv.Itoa(int((retry+time.Second-1)/time.Second)))
	case fault.MethodNotAllowed:
		// Fiber has written Allow where no route matched; a resource switched off
		// has an empty one (RFC 9110, 15.5.6).
		if len(response.Header.Peek(fiber.HeaderAllow)) == 0 {
			ctx.Set(fiber.HeaderAllow, strings.Join(e.Allow, ", "))
		}
	}
	ctx.Set(fiber.HeaderCacheControl, "no-store")
	ctx.Status(status)
	contentType, value := JSON, any(openEHRBody(status, message))
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encode := encoder.Encode
	if shape == FHIR {
		contentType, value = FHIRJSON, fhirBody(message)
	} else if name := onlyXML(ctx.Request().Header.PeekAll(fiber.HeaderAccept)); name != "" {
		contentType, encode = name, xml.NewEncoder(&text).Encode
	}
	if err := encode(value); err != nil {
		s.Logger.Error("error body", "error", err)
	}
	ctx.Set(fiber.HeaderContentType, contentType+"; charset=utf-8")
	response.SetBodyRaw(text.Bytes())
	return status
}

// onlyXML gives the type of XML a client accepts that takes no JSON, "" for all
// others: what cannot be negotiated is answered in JSON.
func onlyXML(accept [][]byte) string {
	header := string(bytes.Join(accept, []byte(",")))
	if header == "" || negotiate(header, []string{JSON}) != "" {
		return ""
	}
	return negotiate(header, []string{XML, TextXML})
}
