package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

const piece = 64 << 10

// spooled serves an answer of so many pieces, then the error.
func spooled(t *testing.T, pieces int, end error, ended chan<- error) string {
	t.Helper()
	r := route("GET", "/x", func(call *rest.Call) error {
		return call.Spool(rest.Spool{
			ContentType: rest.NDJSON,
			Write: func(ctx context.Context, to io.Writer) error {
				err := end
				for range pieces {
					if _, writeErr := to.Write(bytes.Repeat([]byte("a"), piece)); writeErr != nil {
						err = writeErr
						break
					}
				}
				if ended != nil {
					ended <- errors.Join(err, ctx.Err())
				}
				return err
			},
			Whole:    func() bool { return call.ETagOf("t") },
			Trailers: []string{"Quire-Truncated"},
			Ended:    func() map[string]string { return map[string]string{"Quire-Truncated": "rows=1"} },
		})
	})
	r.Access = rest.QueryRun
	return "http://" + listening(t, serve(t, nil, r)).String() + "/x"
}

func fetch(t *testing.T, method, url string, header http.Header) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if req.Header = header; header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Authorization", "Bearer good")
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

func TestSpoolThatFits(t *testing.T) {
	url := spooled(t, 3, nil, nil)
	res, body, err := fetch(t, "GET", url, nil)
	if err != nil || res.StatusCode != 200 || res.ContentLength != 3*piece || len(body) != 3*piece || res.Header.Get("ETag") != `W/"t"` {
		t.Errorf("%d of %d, ETag %q, %v", res.StatusCode, len(body), res.Header.Get("ETag"), err)
	}
	res, body, err = fetch(t, "GET", url, http.Header{"If-None-Match": {`W/"t"`}})
	if err != nil || res.StatusCode != 304 || len(body) != 0 {
		t.Errorf("%d of %d, %v", res.StatusCode, len(body), err)
	}
}

func TestSpoolThatOverflows(t *testing.T) {
	url := spooled(t, 400, nil, nil)
	res, body, err := fetch(t, "GET", url, nil)
	if err != nil || res.StatusCode != 200 || res.ContentLength != -1 || len(body) != 400*piece || res.Header.Get("ETag") != "" {
		t.Errorf("%d of %d, ETag %q, %v", res.StatusCode, len(body), res.Header.Get("ETag"), err)
	}
	if got := res.Trailer.Get("Quire-Truncated"); got != "rows=1" {
		t.Errorf("the trailer is %q", got)
	}
	if res, body, err = fetch(t, "HEAD", url, nil); err != nil || res.StatusCode != 200 || len(body) != 0 {
		t.Errorf("HEAD: %d of %d, %v", res.StatusCode, len(body), err)
	}
}

func TestSpoolThatFails(t *testing.T) {
	failure := fault.New(fault.Timeout, "query-time", "too long")
	res, body, err := fetch(t, "GET", spooled(t, 3, failure, nil), nil)
	if err != nil || res.StatusCode != 408 || !bytes.Contains(body, []byte("too long")) {
		t.Errorf("before a byte has left: %d %s, %v", res.StatusCode, body, err)
	}
	res, body, err = fetch(t, "GET", spooled(t, 40, failure, nil), nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) || res.StatusCode != 200 || len(body) != 40*piece {
		t.Errorf("after it: %d of %d, %v; the client must be able to tell", res.StatusCode, len(body), err)
	}
}

func TestSpoolOfAClientThatLeft(t *testing.T) {
	ended := make(chan error, 1)
	url := spooled(t, 1<<30, nil, ended)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/x"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n"))
	if _, err := io.CopyN(io.Discard, conn, 8<<20); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it is written on though nobody reads")
	}
}

// TestSpoolIsBounded: a gigabyte leaves in the memory of a few pieces.
func TestSpoolIsBounded(t *testing.T) {
	url := spooled(t, 1<<30/piece, nil, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	req, _ := http.NewRequest("GET", url, nil)
	req.Header.Set("Authorization", "Bearer good")
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.CopyN(io.Discard, res.Body, 96<<20)
	if err != nil {
		t.Fatal(err, n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes in the middle of it", grown)
	}
}
