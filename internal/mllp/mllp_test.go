package mllp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func listen(t *testing.T, l *Listener) (address string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if l.Logger == nil {
		l.Logger = slog.New(slog.DiscardHandler)
	}
	if l.Allow == nil {
		l.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	l.Bytes, l.Connections, l.Idle, l.Message = 1000, 2, time.Second, time.Second
	ctx, cancel := context.WithCancel(context.Background())
	var g errgroup.Group
	g.Go(func() error { return l.Serve(ctx, ln) })
	stop = func() {
		cancel()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return ln.Addr().String(), stop
}

func TestThereAndBack(t *testing.T) {
	address, stop := listen(t, &Listener{Handler: func(_ context.Context, source string, m []byte) []byte {
		return append([]byte(source+" "), m...)
	}})
	c := NewClient(map[string]Peer{"a": {Address: address, Dial: time.Second}})
	defer c.Close()
	for _, text := range []string{"one", "two\rthree"} {
		got, err := c.Send(context.Background(), "a", []byte(text))
		if err != nil || string(got) != "127.0.0.1 "+text {
			t.Fatalf("%q %v", got, err)
		}
	}
	if _, err := c.Send(context.Background(), "b", nil); err == nil {
		t.Error("an unknown peer took a message")
	}
	stop()
	if _, err := c.Send(context.Background(), "a", []byte("x")); err == nil {
		t.Error("a message was taken after the end")
	}
}

func TestWhatIsNotAllowedIsClosed(t *testing.T) {
	address, _ := listen(t, &Listener{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Handler: func(context.Context, string, []byte) []byte { return []byte("no") }})
	c := NewClient(map[string]Peer{"a": {Address: address, Dial: time.Second}})
	defer c.Close()
	if got, err := c.Send(context.Background(), "a", []byte("x")); err == nil {
		t.Errorf("answered %q", got)
	}
}

// A peer that is slow, garbles, or breaks off gives an error in time, and its late
// answer is nobody's.
func TestBadPeers(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"breaks off": func(c net.Conn) { _, _ = c.Write([]byte{start, 'M'}) },
		"garbles":    func(c net.Conn) { _, _ = c.Write([]byte("MSH|^~")) },
		"is slow":    func(net.Conn) { time.Sleep(300 * time.Millisecond) },
		"floods":     func(c net.Conn) { _, _ = c.Write(append([]byte{start}, bytes.Repeat([]byte{'x'}, mostAnswer+10)...)) },
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			var g errgroup.Group
			g.Go(func() error {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return nil
					}
					_, _ = read(bufio.NewReader(conn), 1000)
					answer(conn)
					_ = conn.Close()
				}
			})
			c := NewClient(map[string]Peer{"a": {Address: ln.Addr().String(), Dial: time.Second}})
			defer c.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			if got, err := c.Send(ctx, "a", []byte("x")); err == nil {
				t.Errorf("answered %q", got)
			}
			_ = ln.Close()
			_ = g.Wait()
		})
	}
}

func TestFrames(t *testing.T) {
	for text, want := range map[string]string{
		"\x0bab\x1c\r": "ab", "\r\n\x0ba\rb\x1c\r": "a\rb", "\x0b\x1c\r": "",
		"x": "mllp: no frame", "\x0ba\x1cb": "mllp: no frame", "\x0ba\x0bb\x1c\r": "mllp: no frame", "\x0ba": "unexpected EOF", "": "EOF", "\x0b" + strings.Repeat("a", 20): "mllp: the frame is longer than the limit",
	} {
		got, err := read(bufio.NewReader(strings.NewReader(text)), 10)
		if err != nil && err.Error() != want || err == nil && string(got) != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x0bab\x1c\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		message, err := read(bufio.NewReader(bytes.NewReader(data)), 1<<16)
		if err != nil {
			return
		}
		again, err := read(bufio.NewReader(io.MultiReader(bytes.NewReader(frame(message)))), 1<<17)
		if err != nil || !bytes.Equal(again, message) {
			t.Fatalf("%q came back as %q: %v", message, again, err)
		}
	})
}
