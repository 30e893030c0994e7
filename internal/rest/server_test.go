package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// verifier knows one bearer token; "down" stands for an outage.
type verifier struct{}

func (verifier) Verify(_ context.Context, c rest.Credentials) (cdr.Caller, error) {
	switch c.Header("Authorization") {
	case "Bearer good":
		return cdr.Caller{Subject: "user:test:one"}, nil
	case "Bearer down":
		return cdr.Caller{}, fault.New(fault.Unavailable, "identity", "the identity provider does not answer")
	}
	return cdr.Caller{}, fault.New(fault.Unauthenticated, "token", "a bearer token is needed")
}

func serve(t *testing.T, change func(*rest.Options), routes ...rest.Route) *fiber.App {
	t.Helper()
	o := rest.Options{Routes: routes, Verifier: verifier{}, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	app, err := rest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func ask(t *testing.T, app *fiber.App, method, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		request = httptest.NewRequest(method, target, nil)
	}
	request.Header.Set("Authorization", "Bearer good")
	for i := 0; i+1 < len(headers); i += 2 {
		if request.Header.Del(headers[i]); headers[i+1] != "" {
			request.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := app.Test(request, 5000)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func route(method, path string, handler rest.Handler) rest.Route {
	return rest.Route{Method: method, Path: path, Access: rest.RecordRead, Consumes: []string{rest.JSON}, Handler: handler}
}

func fails(err error) rest.Handler { return func(*rest.Call) error { return err } }

func TestFaultsBecomeAnswers(t *testing.T) {
	issue := fault.Issue{Path: "/a", Message: "wrong", Rule: "r"}
	many := make([]fault.Issue, 1001)
	cases := []struct {
		name   string
		err    error
		status int
		check  func(t *testing.T, r *http.Response, body map[string]any)
	}{
		{"issues stand in both lists", fault.New(fault.Unprocessable, "x", "no").With(issue), 422, func(t *testing.T, _ *http.Response, b map[string]any) {
			if got := b["validationErrors"].([]any)[0]; got != "/a: wrong" {
				t.Errorf("validationErrors[0] = %v", got)
			}
			if got := b["issues"].([]any)[0].(map[string]any)["rule"]; got != "r" {
				t.Errorf("rule = %v", got)
			}
			if _, there := b["truncated"]; there {
				t.Error("truncated, though it is whole")
			}
		}},
		{"a thousand issues and no more", fault.New(fault.Unprocessable, "x", "no").With(many...), 422, func(t *testing.T, _ *http.Response, b map[string]any) {
			if len(b["issues"].([]any)) != 1000 || b["truncated"] != true {
				t.Errorf("%d issues, truncated %v", len(b["issues"].([]any)), b["truncated"])
			}
		}},
		{"a precondition names the latest", fault.New(fault.Precondition, "x", "no").Latest("u::s::2"), 412, func(t *testing.T, r *http.Response, _ map[string]any) {
			if got := r.Header.Get("ETag"); got != `W/"u::s::2"` {
				t.Errorf("ETag = %s", got)
			}
		}},
		{"an outage says when to come again", &fault.Error{Kind: fault.Unavailable, RetryAfter: 1500 * time.Millisecond}, 503, func(t *testing.T, r *http.Response, _ map[string]any) {
			if got := r.Header.Get("Retry-After"); got != "2" {
				t.Errorf("Retry-After = %s", got)
			}
		}},
		{"an unknown error is hidden", errors.New("password=secret"), 500, func(t *testing.T, _ *http.Response, b map[string]any) {
			if strings.Contains(b["message"].(string), "secret") {
				t.Error("the text of an internal error is shown")
			}
		}},
		{"a switched-off resource allows nothing", fault.New(fault.MethodNotAllowed, "off", "off"), 405, func(t *testing.T, r *http.Response, _ map[string]any) {
			if allow, there := r.Header["Allow"]; !there || allow[0] != "" {
				t.Errorf("Allow = %v", allow)
			}
		}},
		{"a deadline is a timeout", context.DeadlineExceeded, 408, nil},
		{"not found", fault.New(fault.NotFound, "x", "no"), 404, nil},
		{"conflict", fault.New(fault.Conflict, "x", "no"), 409, nil},
		{"forbidden", fault.New(fault.Forbidden, "x", "no"), 403, nil},
		{"not implemented", fault.New(fault.NotImplemented, "x", "no"), 501, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			app := serve(t, nil, route("GET", "/x", fails(c.err)))
			response, text := ask(t, app, "GET", "/x", "")
			if response.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %s", response.StatusCode, c.status, text)
			}
			var body map[string]any
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Fatal(err)
			}
			for _, member := range []string{"error", "message", "code", "errors", "validationErrors", "issues"} {
				if body[member] == nil {
					t.Errorf("member %s is missing", member)
				}
			}
			if c.check != nil {
				c.check(t, response, body)
			}
		})
	}
}

func TestFHIRFaultsAreOperationOutcomes(t *testing.T) {
	r := route("GET", "/fhir/r4/x", fails(fault.New(fault.Unprocessable, "x", "no").With(fault.Issue{Path: "QuestionnaireResponse.item[0]", FlatKey: "l1", AQLPath: "/a", Message: "wrong"})))
	r.Errors = rest.FHIR
	app := serve(t, nil, r)
	for _, target := range []string{"/fhir/r4/x", "/fhir/r4/unknown"} {
		response, text := ask(t, app, "GET", target, "")
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/fhir+json") || !strings.Contains(text, `"resourceType":"OperationOutcome"`) {
			t.Errorf("%s: %s %s", target, response.Header.Get("Content-Type"), text)
		}
	}
	if _, text := ask(t, app, "GET", "/fhir/r4/x", ""); !strings.Contains(text, `"expression":["QuestionnaireResponse.item[0]"]`) ||
		!strings.Contains(text, `"valueString":"l1"`) || !strings.Contains(text, `"valueString":"/a"`) {
		t.Errorf("FHIRPath, linkId or openEHR path are not named: %s", text)
	}
}

func TestPanicIsHidden(t *testing.T) {
	var log bytes.Buffer
	app := serve(t, func(o *rest.Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) },
		route("GET", "/x/:id", func(*rest.Call) error { panic("marker-4711") }))
	response, text := ask(t, app, "GET", "/x/marker-4712?q=marker-4713", "")
	if response.StatusCode != 500 || strings.Contains(text+log.String(), "marker-") {
		t.Errorf("status %d, body %s, log %s", response.StatusCode, text, log.String())
	}
	if !strings.Contains(log.String(), `"route":"/x/:id"`) {
		t.Errorf("the log does not name the route pattern: %s", log.String())
	}
}

func TestUnknownMethodsAndPaths(t *testing.T) {
	ok := func(call *rest.Call) error { return call.Empty(204) }
	app := serve(t, func(o *rest.Options) { o.BasePath = "/base/" }, route("GET", "/x", ok), route("PUT", "/x", ok))
	cases := []struct {
		method, target string
		status         int
		allow          string
	}{
		{"GET", "/base/x", 204, ""},
		{"HEAD", "/base/x", 204, ""},
		{"GET", "/x", 404, ""},
		{"GET", "/base/y", 404, ""},
		{"DELETE", "/base/x", 405, "GET, HEAD, PUT"},
		{"BREW", "/base/x", 405, "GET, HEAD, PUT"},
		{"BREW", "/base/y", 404, ""},
	}
	for _, c := range cases {
		response, text := ask(t, app, c.method, c.target, "")
		if response.StatusCode != c.status || response.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q: %s", c.method, c.target, response.StatusCode, response.Header.Get("Allow"), text)
		}
		if c.status >= 400 && !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s %s: Content-Type %s", c.method, c.target, response.Header.Get("Content-Type"))
		}
	}
}

func TestIdentity(t *testing.T) {
	called := 0
	app := serve(t, nil, route("GET", "/x", func(call *rest.Call) error {
		called++
		return call.JSON(200, call.Caller.Subject)
	}), rest.Route{Method: "GET", Path: "/open", Access: rest.Public, Handler: func(call *rest.Call) error { return call.Empty(204) }})
	for token, want := range map[string]int{"Bearer good": 200, "Bearer bad": 401, "Bearer down": 503} {
		response, _ := ask(t, app, "GET", "/x", "", "Authorization", token)
		if response.StatusCode != want || (want == 401) != (response.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d, WWW-Authenticate %q", token, response.StatusCode, response.Header.Get("WWW-Authenticate"))
		}
	}
	if called != 1 {
		t.Errorf("the handler ran %d times", called)
	}
	if response, _ := ask(t, app, "GET", "/open", "", "Authorization", ""); response.StatusCode != 204 {
		t.Errorf("public route: %d", response.StatusCode)
	}
}

func TestRoutesNeedAnAccessEntry(t *testing.T) {
	ok := func(*rest.Call) error { return nil }
	for name, routes := range map[string][]rest.Route{
		"no access":      {{Method: "GET", Path: "/x", Handler: ok}},
		"unknown access": {{Method: "GET", Path: "/x", Access: "everything", Handler: ok}},
		"unknown method": {{Method: "BREW", Path: "/x", Access: rest.Public, Handler: ok}},
		"no handler":     {{Method: "GET", Path: "/x", Access: rest.Public}},
		"twice":          {route("GET", "/x", ok), route("GET", "/x", ok)},
		"relative":       {route("GET", "x", ok)},
	} {
		if _, err := rest.New(rest.Options{Routes: routes, Verifier: verifier{}}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFixedSegmentsWin(t *testing.T) {
	say := func(word string) rest.Handler {
		return func(call *rest.Call) error { return call.JSON(200, word+" "+call.Param("id")) }
	}
	app := serve(t, nil, route("GET", "/a/:id", say("any")), route("GET", "/a/aql", say("aql")), route("GET", "/a/:id/x", say("x")))
	for target, want := range map[string]string{"/a/aql": "aql ", "/a/b": "any b", "/a/b%20%20c+d": "any b  c+d", "/a/1::s.t::2/x": "x 1::s.t::2"} {
		if _, text := ask(t, app, "GET", target, ""); strings.TrimSpace(text) != `"`+want+`"` {
			t.Errorf("%s: %s", target, text)
		}
	}
}

func TestRequestIDAndHeaders(t *testing.T) {
	app := serve(t, nil, route("GET", "/x", func(call *rest.Call) error { return call.Empty(204) }))
	response, _ := ask(t, app, "GET", "/x", "", "X-Request-Id", "abc-1")
	for name, want := range map[string]string{
		"X-Request-Id": "abc-1", "Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding, Authorization, Prefer",
		"X-Content-Type-Options": "nosniff", "Server-Timing": "",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	response, _ = ask(t, app, "GET", "/x", "", "X-Request-Id", "a b<script>", "Server-Timing", "1")
	if got := response.Header.Get("X-Request-Id"); len(got) != 36 {
		t.Errorf("a hostile request id gave %q", got)
	}
	if got := response.Header.Get("Server-Timing"); !strings.Contains(got, "identity;dur=") || !strings.Contains(got, "total;dur=") {
		t.Errorf("Server-Timing = %q", got)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func zstded(text string) string {
	w, _ := zstd.NewWriter(nil)
	return string(w.EncodeAll([]byte(text), nil))
}

func TestBodies(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 600) // over 9 KB, compresses well within the ratio
	bomb := strings.Repeat("a", 900_000)
	cases := []struct {
		name, body string
		headers    []string
		status     int
		length     int
	}{
		{"plain", `{"a":1}`, []string{"Content-Type", "application/json"}, 200, 7},
		{"charset", `{"a":1}`, []string{"Content-Type", "Application/JSON; charset=UTF-8"}, 200, 7},
		{"no type", `{"a":1}`, nil, 200, 7},
		{"gzip", gzipped(long), []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 200, len(long)},
		{"zstd", zstded(long), []string{"Content-Type", "application/json", "Content-Encoding", "zstd"}, 200, len(long)},
		{"wrong type", `{}`, []string{"Content-Type", "text/plain"}, 415, 0},
		{"wrong charset", `{}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, 0},
		{"unreadable type", `{}`, []string{"Content-Type", ";;"}, 415, 0},
		{"wrong encoding", `{}`, []string{"Content-Type", "application/json", "Content-Encoding", "br"}, 415, 0},
		{"two encodings", gzipped(gzipped(long)), []string{"Content-Type", "application/json", "Content-Encoding", "gzip, gzip"}, 415, 0},
		{"damaged gzip", "\x1f\x8b\x08rubbish", []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 400, 0},
		{"damaged zstd", "\x28\xb5\x2f\xfdrubbish", []string{"Content-Type", "application/json", "Content-Encoding", "zstd"}, 400, 0},
		{"gzip bomb by ratio", gzipped(bomb), []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 413, 0},
		{"zstd bomb by ratio", zstded(bomb), []string{"Content-Type", "application/json", "Content-Encoding", "zstd"}, 413, 0},
		{"gzip over the limit", gzipped(bomb + bomb), []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 413, 0},
		{"missing", "", []string{"Content-Type", "application/json"}, 400, 0},
	}
	app := serve(t, func(o *rest.Options) { o.BodyLimit = 1 << 20 }, route("POST", "/x", func(call *rest.Call) error {
		body, err := call.Content()
		if err != nil {
			return err
		}
		return call.JSON(200, len(body))
	}))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response, text := ask(t, app, "POST", "/x", c.body, c.headers...)
			if response.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %s", response.StatusCode, c.status, text)
			}
			if want, _ := json.Marshal(c.length); c.status == 200 && strings.TrimSpace(text) != string(want) {
				t.Errorf("read %s bytes, want %s", text, want)
			}
		})
	}
}

func TestMemoryIsBudgeted(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	app := serve(t, func(o *rest.Options) { o.Budget = 10_000 }, route("POST", "/x", func(call *rest.Call) error {
		if _, err := call.Content(); err != nil {
			return err
		}
		if call.Header("X-Wait") != "" {
			close(inside)
			<-leave
		}
		return call.Empty(204)
	}))
	body := strings.Repeat("x", 4000)
	done := make(chan int)
	go func() {
		response, _ := ask(t, app, "POST", "/x", body, "Content-Type", "application/json", "X-Wait", "1")
		done <- response.StatusCode
	}()
	<-inside
	if response, _ := ask(t, app, "POST", "/x", body, "Content-Type", "application/json"); response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
		t.Errorf("beyond the budget: %d", response.StatusCode)
	}
	close(leave)
	if status := <-done; status != 204 {
		t.Errorf("within the budget: %d", status)
	}
	if response, _ := ask(t, app, "POST", "/x", body, "Content-Type", "application/json"); response.StatusCode != 204 {
		t.Errorf("after release: %d", response.StatusCode)
	}
}

func TestAnswersAreCompressed(t *testing.T) {
	long := strings.Repeat(`{"a":"some text"}`, 400)
	app := serve(t, nil, route("GET", "/long", func(call *rest.Call) error { return call.Send(200, rest.JSON, []byte(long)) }),
		route("GET", "/short", func(call *rest.Call) error { return call.Send(200, rest.JSON, []byte("{}")) }))
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "gzip, zstd": "zstd", "zstd;q=0.5, gzip": "gzip", "*": "zstd", "gzip;q=0": "", "br": "",
	} {
		response, text := ask(t, app, "GET", "/long", "", "Accept-Encoding", accept)
		if got := response.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", accept, got, want)
			continue
		}
		switch want {
		case "gzip":
			reader, err := gzip.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			plain, _ := io.ReadAll(reader)
			text = string(plain)
		case "zstd":
			reader, _ := zstd.NewReader(nil)
			plain, err := reader.DecodeAll([]byte(text), nil)
			if err != nil {
				t.Fatal(err)
			}
			reader.Close()
			text = string(plain)
		}
		if text != long {
			t.Errorf("Accept-Encoding %q: the text changed", accept)
		}
	}
	if response, _ := ask(t, app, "GET", "/short", "", "Accept-Encoding", "gzip"); response.Header.Get("Content-Encoding") != "" {
		t.Error("a short answer was compressed")
	}
}

func TestDeadlineReachesTheHandler(t *testing.T) {
	wait := func(call *rest.Call) error {
		<-call.Context().Done()
		return call.Context().Err()
	}
	slow := route("GET", "/q", wait)
	slow.Access = rest.QueryRun
	app := serve(t, func(o *rest.Options) { o.Deadline, o.QueryDeadline = 20*time.Millisecond, 60*time.Millisecond }, route("GET", "/x", wait), slow)
	for target, least := range map[string]time.Duration{"/x": 20 * time.Millisecond, "/q": 60 * time.Millisecond} {
		began := time.Now()
		response, _ := ask(t, app, "GET", target, "")
		if took := time.Since(began); response.StatusCode != 408 || took < least || took > least+500*time.Millisecond {
			t.Errorf("%s: %d after %v", target, response.StatusCode, took)
		}
	}
}

func TestBaseURL(t *testing.T) {
	handler := func(call *rest.Call) error { call.SetLocation("/r"); return call.Empty(201) }
	forwarded := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "cdr.example.org", "X-Forwarded-Port", "8443"}
	local := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	cases := []struct {
		name    string
		change  func(*rest.Options)
		headers []string
		want    string
	}{
		{"own host", nil, nil, "http://example.com/r"},
		{"stranger's word", nil, forwarded, "http://example.com/r"},
		{"trusted proxy", func(o *rest.Options) { o.TrustedProxies = local }, forwarded, "https://cdr.example.org:8443/r"},
		{"default port", func(o *rest.Options) { o.TrustedProxies = local }, append(forwarded[:4:4], "X-Forwarded-Port", "443"), "https://cdr.example.org/r"},
		{"hostile host", func(o *rest.Options) { o.TrustedProxies = local }, []string{"X-Forwarded-Host", "evil/../x"}, "http://example.com/r"},
		{"compat", func(o *rest.Options) { o.Manners = rest.MannersFor(true) }, forwarded, "https://cdr.example.org:8443/r"},
		{"public URL", func(o *rest.Options) { o.PublicURL = "https://public.example" }, forwarded, "https://public.example/r"},
	}
	for _, c := range cases {
		response, _ := ask(t, serve(t, c.change, route("GET", "/x", handler)), "GET", "/x", "", c.headers...)
		if got := response.Header.Get("Location"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// listening serves on a port of its own, for what needs a real connection.
func listening(t *testing.T, app *fiber.App) net.Addr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	t.Cleanup(func() {
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return listener.Addr()
}

func TestQueryOfAClientThatLeft(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	query := route("GET", "/q", func(call *rest.Call) error {
		close(began)
		<-call.Context().Done()
		ended <- call.Context().Err()
		return call.Context().Err()
	})
	query.Access = rest.QueryRun
	address := listening(t, serve(t, func(o *rest.Options) { o.QueryDeadline = 20 * time.Second }, query))
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("GET /q HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n"))
	<-began
	select {
	case err := <-ended:
		t.Fatalf("ended while the client waited: %v", err)
	case <-time.After(600 * time.Millisecond):
	}
	_ = conn.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the query runs on though nobody waits for it")
	}
}

// TestLimitsOfTheConnection needs a real listener: Fiber answers these before
// any handler.
func TestLimitsOfTheConnection(t *testing.T) {
	app := serve(t, func(o *rest.Options) { o.BodyLimit = 1 << 16 }, route("POST", "/x", func(call *rest.Call) error { return call.Empty(204) }))
	address := listening(t, app)
	for name, c := range map[string]struct {
		request string
		status  string
		limit   string
	}{
		"body over the limit":   {"POST /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\nContent-Length: 70000\r\n\r\n", "413", "65536"},
		"header over the limit": {"GET /x HTTP/1.1\r\nHost: h\r\nX-Long: " + strings.Repeat("a", 70<<10) + "\r\n\r\n", "431", "65536"},
		"URL over the limit":    {"POST /x?q=" + strings.Repeat("a", 40<<10) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n", "414", "32768"},
		"no HTTP":               {"GET\r\n\r\n", "400", ""},
	} {
		conn, err := net.Dial("tcp", address.String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = conn.Write([]byte(c.request))
		answer := make([]byte, 4096)
		n, _ := conn.Read(answer)
		_ = conn.Close()
		text := string(answer[:n])
		if !strings.HasPrefix(text, "HTTP/1.1 "+c.status) || !strings.Contains(text, `"message"`) || !strings.Contains(text, c.limit) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
