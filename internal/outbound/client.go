package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// ErrHost refuses a host that is not on the list.
var ErrHost = errors.New("outbound: the host is not on the list of allowed hosts")

// Client makes a client for the hosts listed, each as host or host:port, as
// they stand in URLs. A proxy of the environment (HTTPS_PROXY) is used.
func Client(hosts ...string) *http.Client {
	allowed := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		allowed[strings.ToLower(h)] = true
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Transport: &listed{allowed: allowed, next: transport},
		// A redirect would lead past the list, and take the token along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// listed lets requests to the allowed hosts through.
type listed struct {
	allowed map[string]bool
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l *listed) RoundTrip(r *http.Request) (*http.Response, error) {
	if !l.allowed[strings.ToLower(r.URL.Host)] {
		return nil, fmt.Errorf("%w: %s", ErrHost, r.URL.Host)
	}
	return l.next.RoundTrip(r)
}
