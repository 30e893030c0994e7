package rest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/quire-cdr/quire/internal/fault"
)

// Return is what the client wants back from a write (ITS-REST overview,
// Representation details negotiation).
type Return uint8

// The returns; Minimal is what no Prefer header means.
const (
	Minimal Return = iota
	Identifier
	Representation
)

var returns = map[string]Return{"minimal": Minimal, "identifier": Identifier, "representation": Representation}

// Prefer reads the Prefer headers: tokens, separated by commas or semicolons;
// an unknown one is ignored (RFC 7240). What is applied is told.
func (call *Call) Prefer() Return {
	for _, line := range call.headers("Prefer") {
		for _, token := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' }) {
			name, value, _ := strings.Cut(token, "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			if !strings.EqualFold(strings.TrimSpace(name), "return") {
				continue
			}
			if want, ok := returns[strings.ToLower(value)]; ok {
				call.ctx.Set("Preference-Applied", "return="+strings.ToLower(value))
				return want
			}
		}
	}
	return Minimal
}

// IfMatch is the version uid the client believes to be the latest; missing is
// 400, since ITS-REST expects the header where this is asked. Quoted, weak and
// bare forms are read.
func (call *Call) IfMatch() (string, error) {
	uid := call.VolunteeredIfMatch()
	if uid == "" {
		return "", fault.New(fault.Invalid, "if-match-missing", "the header If-Match must name the latest version uid")
	}
	return uid, nil
}

// VolunteeredIfMatch is the same where the operation does not demand it; "" was
// not sent.
func (call *Call) VolunteeredIfMatch() string { return unquoteTag(call.Header(fiber.HeaderIfMatch)) }

func unquoteTag(tag string) string {
	tag = strings.TrimSpace(tag)
	if len(tag) > 2 && (tag[0] == 'W' || tag[0] == 'w') && tag[1] == '/' {
		tag = tag[2:]
	}
	return strings.Trim(tag, `"`)
}

// Unchanged says whether If-None-Match names the uid (RFC 9110, 13.1.2: weak
// comparison; uids compare without regard to case). Only a handler that has the
// access decision and the audit row asks it.
func (call *Call) Unchanged(uid string) bool {
	for _, line := range call.headers(fiber.HeaderIfNoneMatch) {
		for tag := range strings.SplitSeq(line, ",") {
			if t := unquoteTag(tag); t == "*" || strings.EqualFold(t, uid) {
				return true
			}
		}
	}
	return false
}

// SetETag and SetLastModified describe the version an answer is about.
func (call *Call) SetETag(uid string) {
	call.ctx.Set(fiber.HeaderETag, call.server.Manners.ETag(uid))
}

// SetLastModified writes commit_audit.time_committed; zero writes nothing.
func (call *Call) SetLastModified(t time.Time) {
	if !t.IsZero() {
		call.ctx.Set(fiber.HeaderLastModified, t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
}

// SetLocation writes an absolute Location of a path below the base path, whose
// parts are encoded already.
func (call *Call) SetLocation(path string) {
	call.ctx.Set(fiber.HeaderLocation, call.BaseURL()+path)
}

// BaseURL is scheme, host and base path as the client sees them: the configured
// public URL, else X-Forwarded-* of a trusted proxy, else the request's own.
func (call *Call) BaseURL() string {
	s := call.server
	if s.PublicURL != "" {
		return strings.TrimSuffix(s.PublicURL, "/") + s.BasePath
	}
	scheme, host := "http", call.Header(fiber.HeaderHost)
	if call.ctx.Context().IsTLS() {
		scheme = "https"
	}
	if s.Manners.ForwardedAlways || s.trusted(call.peer()) {
		if proto := strings.ToLower(firstOf(call.Header(fiber.HeaderXForwardedProto))); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := firstOf(call.Header(fiber.HeaderXForwardedHost)); hostLike(forwarded) {
			host = forwarded
		}
		if port := firstOf(call.Header("X-Forwarded-Port")); port != "" && len(port) <= 5 && strings.Trim(port, "0123456789") == "" {
			host = withPort(host, port, scheme)
		}
	}
	return scheme + "://" + host + s.BasePath
}

// withPort replaces the port of a host; the scheme's own is left out.
func withPort(host, port, scheme string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return host
	}
	return host + ":" + port
}

// hostLike says whether a forwarded host may stand in a URL.
func hostLike(host string) bool {
	return host != "" && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") == ""
}

func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}

// peer is the address of the connection.
func (call *Call) peer() netip.Addr {
	address, _ := netip.AddrFromSlice(call.ctx.Context().RemoteIP())
	return address.Unmap()
}

func (s *server) trusted(address netip.Addr) bool {
	for _, prefix := range s.TrustedProxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// source is the client's address: the last one in X-Forwarded-For that no
// trusted proxy wrote of itself.
func (call *Call) source() netip.Addr {
	address := call.peer()
	hops := strings.Split(strings.Join(call.headers(fiber.HeaderXForwardedFor), ","), ",")
	for i := len(hops) - 1; i >= 0 && call.server.trusted(address); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address
}

// layouts are the extended ISO 8601 forms of a time in a query parameter
// (ITS-REST, Resources, Datetime format); Go reads fractions with both signs.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z07", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02",
}

// AtTime reads the query parameter version_at_time; nil was not sent. A blank is
// a "+" that was not encoded; without an offset the clinical time zone holds.
func (call *Call) AtTime() (*time.Time, error) {
	text := call.Query("version_at_time")
	if text == "" {
		return nil, nil
	}
	text = strings.Replace(text, " ", "+", 1)
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, call.server.Zone); err == nil {
			return &t, nil
		}
	}
	return nil, fault.New(fault.Invalid, "version-at-time", "version_at_time must be an extended ISO 8601 date-time such as 2020-06-23T13:42:16.117+02:00")
}
