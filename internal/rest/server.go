package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofrs/uuid/v5"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/valyala/fasthttp"
)

// Credentials are what a request says of its caller.
type Credentials struct {
	// Header looks up a request header: Authorization, the selected role.
	Header func(name string) string
	// Source is the client's address, by the word of trusted proxies only.
	Source netip.Addr
	// Purpose is the stated purpose of use, RequestID the request's id.
	Purpose, RequestID string
}

// PurposeHeader states the purpose of use.
const PurposeHeader = "Quire-Purpose"

// Verifier turns credentials into a caller. None or bad ones are
// fault.Unauthenticated, an outage fault.Unavailable.
type Verifier interface {
	Verify(ctx context.Context, c Credentials) (cdr.Caller, error)
}

// Metrics observes requests, by route pattern only.
type Metrics interface {
	Started()
	Finished(method, route string, status int, elapsed time.Duration, bytes int)
}

// Options are what a server is made of; zero members take the defaults named.
type Options struct {
	// Routes are the tables of the nouns, joined.
	Routes   []Route
	Verifier Verifier
	// Manners default to those of the specification.
	Manners Manners
	// BasePath stands before every route, such as "/ehrbase"; PublicURL before
	// it in Locations, where set.
	BasePath, PublicURL string
	// BodyLimit is in bytes, packed and inflated; default 20 MB. Budget is the
	// memory of all bodies and trees in flight; default 256 MiB.
	BodyLimit int
	Budget    int64
	// Deadline (10 s) and QueryDeadline (30 s) bound the work of a request.
	Deadline, QueryDeadline time.Duration
	// ReadTimeout (30 s), WriteTimeout (60 s) and IdleTimeout (75 s) bound the
	// connection; Connections (4,096) how many there are.
	ReadTimeout, WriteTimeout, IdleTimeout time.Duration
	Connections                            int
	// Rate bounds the requests of each principal in this process.
	Rate Rate
	// Origins are those whose pages may call from browsers, such as
	// https://forms.example.org; nil is none.
	Origins func() []string
	// TrustedProxies may speak X-Forwarded-*.
	TrustedProxies []netip.Prefix
	// Zone reads times without an offset; default Europe/London.
	Zone    *time.Location
	Logger  *slog.Logger
	Metrics Metrics
}

type server struct {
	Options
	budget *budget
	rates  rates
}

// unknownMethod stands for every method token HTTP does not know, so that it
// meets the ordinary 405 with Allow.
const unknownMethod = "UNKNOWN"

// callKey finds the Call in a Fiber context.
const callKey = "quire.call"

// New makes the server of all routes. A route that is not fit is an error.
func New(o Options) (*fiber.App, error) {
	if err := check(o.Routes); err != nil {
		return nil, err
	}
	if o.Verifier == nil {
		return nil, errors.New("rest: no verifier")
	}
	o.defaults()
	s := &server{Options: o, budget: newBudget(o.Budget), rates: rates{Rate: o.Rate}}
	app := fiber.New(fiber.Config{
		AppName: "quire", DisableStartupMessage: true, CaseSensitive: true, UnescapePath: true,
		ReadBufferSize: headerLimit, BodyLimit: o.BodyLimit, Concurrency: o.Connections,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, IdleTimeout: o.IdleTimeout,
		DisablePreParseMultipartForm: true,
		RequestMethods:               append(slices.Clone(fiber.DefaultMethods), unknownMethod),
		ErrorHandler: func(ctx *fiber.Ctx, err error) error {
			s.refuse(ctx, s.shapeOf(ctx), err)
			return nil
		},
	})
	next := app.Server().Handler
	app.Server().Handler = func(raw *fasthttp.RequestCtx) { normalise(raw); next(raw) }
	app.Use(s.outer)
	for _, route := range ordered(o.Routes) {
		handler := s.serve(route)
		app.Add(route.Method, o.BasePath+route.Path, handler)
		if route.Method == http.MethodGet && !slices.ContainsFunc(o.Routes, func(r Route) bool { return r.Method == http.MethodHead && r.Path == route.Path }) {
			app.Add(http.MethodHead, o.BasePath+route.Path, handler)
		}
	}
	return app, nil
}

func (o *Options) defaults() {
	if o.Manners.Name == "" {
		o.Manners = MannersFor(false)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Zone == nil {
		o.Zone = time.UTC
		if london, err := time.LoadLocation("Europe/London"); err == nil {
			o.Zone = london
		}
	}
	o.BasePath = strings.TrimSuffix(o.BasePath, "/")
	orDefault(&o.BodyLimit, 20<<20)
	orDefault(&o.Budget, 256<<20)
	orDefault(&o.Deadline, 10*time.Second)
	orDefault(&o.QueryDeadline, 30*time.Second)
	orDefault(&o.ReadTimeout, 30*time.Second)
	orDefault(&o.WriteTimeout, 60*time.Second)
	orDefault(&o.IdleTimeout, 75*time.Second)
	orDefault(&o.Connections, 4096)
}

func orDefault[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// ordered puts fixed segments before parameters, so that no table depends on
// its order: Fiber takes the first route that matches.
func ordered(routes []Route) []Route {
	out := slices.Clone(routes)
	slices.SortStableFunc(out, func(a, b Route) int {
		x, y := strings.Split(a.Path, "/"), strings.Split(b.Path, "/")
		for i := range min(len(x), len(y)) {
			xp, yp := strings.HasPrefix(x[i], ":"), strings.HasPrefix(y[i], ":")
			switch {
			case xp && !yp:
				return 1
			case yp && !xp:
				return -1
			case x[i] != y[i] && !xp:
				return strings.Compare(x[i], y[i])
			}
		}
		return len(x) - len(y)
	})
	return out
}

// normalise corrects what Fiber would get wrong: a method it does not know is
// answered 400 before any handler, and a "+" in a path is decoded as a blank,
// though it means that only in a query string.
func normalise(raw *fasthttp.RequestCtx) {
	if !slices.Contains(fiber.DefaultMethods, string(raw.Method())) {
		raw.Request.Header.SetMethod(unknownMethod)
	}
	uri := raw.Request.Header.RequestURI()
	path, query, asked := bytes.Cut(uri, []byte("?"))
	if bytes.IndexByte(path, '+') < 0 {
		return
	}
	fixed := bytes.ReplaceAll(path, []byte("+"), []byte("%2B"))
	if asked {
		fixed = append(append(fixed, '?'), query...)
	}
	raw.Request.SetRequestURIBytes(fixed)
}

// outer surrounds every request, matched or not.
func (s *server) outer(ctx *fiber.Ctx) error {
	call := &Call{ctx: ctx, server: s, started: time.Now(), context: context.Background(), share: share{of: s.budget}}
	defer call.share.release()
	call.RequestID = requestID(ctx.Get(fiber.HeaderXRequestID))
	ctx.Locals(callKey, call)
	if s.Metrics != nil {
		s.Metrics.Started()
	}
	for _, header := range secure {
		ctx.Set(header[0], header[1])
	}
	ctx.Set(fiber.HeaderXRequestID, call.RequestID)
	var err error
	if !s.cors(ctx) {
		err = s.guarded(ctx, call)
	}
	if err != nil {
		s.refuse(ctx, s.shapeOf(ctx), err)
	}
	if s.Origins != nil {
		ctx.Vary(fiber.HeaderOrigin)
	}
	pack(ctx)
	s.finish(call, err)
	return nil
}

// secure are the headers of every answer; a page replaces the policy.
var secure = [][2]string{
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
}

// requestID takes the client's id where it is harmless, else makes one.
func requestID(given string) string {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	if given != "" && len(given) <= 64 && strings.Trim(given, allowed) == "" {
		return strings.Clone(given)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "none"
	}
	return id.String()
}

// guarded runs what follows; a panic becomes an internal fault. Of the panic's
// value only a runtime error's text is kept: another could carry content.
func (s *server) guarded(ctx *fiber.Ctx, call *Call) (err error) {
	defer func() {
		if value := recover(); value != nil {
			text := fmt.Sprintf("%T", value)
			if known, ok := value.(runtime.Error); ok {
				text = known.Error()
			}
			s.Logger.Error("panic", "route", call.pattern(), "request_id", call.RequestID, "panic", text, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal", "panic")
		}
	}()
	if len(ctx.Request().Header.RequestURI()) > urlLimit {
		return fault.New(fault.TooLarge, urlCode, "the URL is over the limit of %d bytes", urlLimit)
	}
	return ctx.Next()
}

// serve makes the Fiber handler of a route: identity, deadline, headers of
// record data, then the route's own.
func (s *server) serve(route Route) fiber.Handler {
	needs := traits[route.Access]
	deadline := s.Deadline
	if needs.query {
		deadline = s.QueryDeadline
	}
	if route.Deadline > 0 {
		deadline = route.Deadline
	}
	return func(ctx *fiber.Ctx) error {
		call := ctx.Locals(callKey).(*Call)
		call.route = &route
		bounded, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		call.context = bounded
		if needs.record {
			ctx.Set(fiber.HeaderVary, "Accept, Accept-Encoding, Authorization, Prefer")
			ctx.Set(fiber.HeaderCacheControl, "private, no-cache")
		} else {
			ctx.Set(fiber.HeaderVary, "Accept, Accept-Encoding")
		}
		if needs.identity {
			began := time.Now()
			source := call.source()
			caller, err := s.Verifier.Verify(bounded, Credentials{
				Header: call.Header, Source: source, Purpose: call.Header(PurposeHeader), RequestID: call.RequestID,
			})
			if err != nil {
				return err
			}
			caller.Source, caller.RequestID = source.String(), call.RequestID
			if err := s.rates.take(caller.Subject, time.Now()); err != nil {
				return err
			}
			call.Caller = caller
			call.Mark("identity", began)
		}
		if !needs.query {
			return route.Handler(call)
		}
		return watched(bounded, ctx.Context().Conn(), func(bounded context.Context) error {
			call.context = bounded
			return route.Handler(call)
		})
	}
}

// shapeOf is the error shape of a request, also of one no route matched.
func (s *server) shapeOf(ctx *fiber.Ctx) Shape {
	if call, ok := ctx.Locals(callKey).(*Call); ok && call.route != nil {
		return call.route.Errors
	}
	if strings.HasPrefix(ctx.Path(), s.BasePath+"/fhir/") {
		return FHIR
	}
	return OpenEHR
}

// pattern names the route for logs and metrics: never the path itself.
func (call *Call) pattern() string {
	if call.route == nil {
		return "unmatched"
	}
	return call.route.Path
}

// finish tells what happened: Server-Timing where the client asked by the header
// of that name, the metrics, the access log.
func (s *server) finish(call *Call, err error) {
	elapsed := time.Since(call.started)
	response := call.ctx.Response()
	if call.ctx.Get("Server-Timing") != "" {
		var b strings.Builder
		for _, m := range append(call.marks, mark{"total", elapsed}) {
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s;dur=%.3f", m.name, float64(m.took.Microseconds())/1000)
		}
		call.ctx.Set("Server-Timing", b.String())
	}
	method, status, size := strings.Clone(call.ctx.Method()), response.StatusCode(), 0
	if !response.IsBodyStream() {
		size = len(response.Body())
	}
	if s.Metrics != nil {
		s.Metrics.Finished(method, call.pattern(), status, elapsed, size)
	}
	attributes := []any{"method", method, "route", call.pattern(), "status", status,
		"ms", float64(elapsed.Microseconds()) / 1000, "bytes", size, "request_id", call.RequestID}
	if err == nil {
		s.Logger.Info("request", attributes...)
		return
	}
	e := asFault(err)
	attributes = append(attributes, "code", e.Code)
	switch e.Kind {
	case fault.Internal:
		s.Logger.Error("request", append(attributes, "error", err.Error())...)
	case fault.Unavailable:
		s.Logger.Warn("request", append(attributes, "error", err.Error())...)
	default:
		s.Logger.Info("request", attributes...)
	}
}
