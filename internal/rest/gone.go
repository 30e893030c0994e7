package rest

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// glance is how often a long request looks whether its client is still there.
const glance = 250 * time.Millisecond

// watched runs work with a context that ends when the client closes its
// connection: fasthttp does not tell, and a query nobody waits for would hold a
// database connection until its deadline.
func watched(ctx context.Context, conn net.Conn, work func(context.Context) error) error {
	ctx, stop := watching(ctx, conn, nil)
	defer stop()
	return work(ctx)
}

// watching gives such a context; stop ends the watch and waits for its end. late,
// where given, is called when the deadline comes first.
func watching(ctx context.Context, conn net.Conn, late func()) (watched context.Context, stop func()) {
	socket := rawConn(conn)
	ctx, cancel := context.WithCancel(ctx)
	if socket == nil {
		return ctx, cancel
	}
	var watcher errgroup.Group
	watcher.Go(func() error {
		tick := time.NewTicker(glance)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				if late != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
					late()
				}
				return nil
			case <-tick.C:
				if gone(socket) {
					cancel()
				}
			}
		}
	})
	return ctx, func() {
		cancel()
		_ = watcher.Wait() // it returns nothing but nil
	}
}

// rawConn finds the socket below TLS; nil where there is none.
func rawConn(conn net.Conn) syscall.RawConn {
	if layer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = layer.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// gone looks at the socket without taking a byte from it: end of stream is a
// client that left (HTTP knows no half-closed ones), nothing to read one that
// waits.
func gone(socket syscall.RawConn) bool {
	left := false
	err := socket.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		left = n == 0 && err == nil || err == syscall.ECONNRESET
	})
	return left || err != nil
}
