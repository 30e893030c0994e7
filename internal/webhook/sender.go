package webhook

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// Sender posts messages. Client must let the hosts through and no others.
type Sender struct {
	Client *http.Client
	// Hosts are those receivers may have, as host or host:port.
	Hosts []string
}

// longestAnswer is how much of an answer is read, so that the connection can be
// used again; nothing in it matters.
const longestAnswer = 64 << 10

// Fits demands https, except on this machine, and a host of the list.
func (s *Sender) Fits(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return fault.New(fault.Invalid, "webhook-url", "url must be an address such as https://example.org/changes")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())) {
		return fault.New(fault.Invalid, "webhook-url", "a receiver on another machine is told over https only")
	}
	if !slices.ContainsFunc(s.Hosts, func(host string) bool { return strings.EqualFold(host, u.Host) }) {
		return fault.New(fault.Invalid, "webhook-host", "the host of url is not among those this server may call; see its setting webhook-hosts")
	}
	return nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send posts one message.
func (s *Sender) Send(ctx context.Context, address string, header map[string]string, message []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(message))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Quire")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := s.Client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, longestAnswer)) // the status has been read
	return answer.StatusCode, nil
}
