package mllp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// Handler takes a message and gives its acknowledgement. source is the address it
// came from.
type Handler func(ctx context.Context, source string, message []byte) []byte

// Listener takes messages from the addresses it allows.
type Listener struct {
	// Allow lists networks that may connect; others are closed at once.
	Allow []netip.Prefix
	// TLS nil is plain TCP.
	TLS *tls.Config
	// Bytes bounds a message, Connections how many are open at once.
	Bytes, Connections int
	// Idle is how long a connection may be silent, Message how long a message may
	// take to arrive and be answered.
	Idle, Message time.Duration
	Handler       Handler
	Logger        *slog.Logger
}

// Serve takes messages until ctx ends; those under way are answered.
func (l *Listener) Serve(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	var all errgroup.Group
	all.SetLimit(l.Connections + 1)
	slots := make(chan struct{}, l.Connections)
	for {
		conn, err := ln.Accept()
		if err != nil {
			_ = all.Wait() // connections end by themselves
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if !l.allowed(conn.RemoteAddr()) {
			l.Logger.Warn("a connection of an address that is not allowed was closed", "address", host(conn.RemoteAddr()))
			_ = conn.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		all.Go(func() error {
			defer func() { <-slots }()
			l.converse(ctx, conn)
			return nil
		})
	}
}

func (l *Listener) allowed(address net.Addr) bool {
	ip, err := netip.ParseAddr(host(address))
	if err != nil {
		return false
	}
	for _, p := range l.Allow {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

func host(address net.Addr) string {
	name, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return name
}

// converse answers the messages of one connection, one after the other.
func (l *Listener) converse(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	if l.TLS != nil {
		secure := tls.Server(conn, l.TLS)
		shaking, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := secure.HandshakeContext(shaking)
		cancel()
		if err != nil {
			return
		}
		conn = secure
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	in := bufio.NewReader(conn)
	for ctx.Err() == nil {
		if err := conn.SetReadDeadline(time.Now().Add(l.Idle)); err != nil {
			return
		}
		if _, err := in.Peek(1); err != nil || ctx.Err() != nil {
			return
		}
		if err := conn.SetReadDeadline(time.Now().Add(l.Message)); err != nil {
			return
		}
		message, err := read(in, l.Bytes)
		if err != nil {
			// There is no way to find the next frame in what is none.
			return
		}
		working, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Message)
		answer := l.Handler(working, host(conn.RemoteAddr()), message)
		cancel()
		if err := conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return
		}
		if _, err := conn.Write(frame(answer)); err != nil {
			return
		}
	}
}
