package mllp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// Peer is where messages are sent. TLS nil is plain TCP.
type Peer struct {
	Address string
	TLS     *tls.Config
	// Dial is how long a connection may take.
	Dial time.Duration
}

// mostAnswer bounds an acknowledgement.
const mostAnswer = 1 << 20

// Client sends to named peers over one connection each, which is kept while it
// works. It is safe for concurrent use; messages to one peer go one after the other.
type Client struct {
	mu    sync.Mutex
	peers map[string]*line
}

// NewClient makes a client of its peers.
func NewClient(peers map[string]Peer) *Client {
	c := &Client{peers: map[string]*line{}}
	for name, p := range peers {
		c.peers[name] = &line{peer: p}
	}
	return c
}

type line struct {
	mu   sync.Mutex
	peer Peer
	conn net.Conn
	in   *bufio.Reader
}

// Send sends a message and gives the bytes of the answer. A connection on which
// anything went wrong is closed: a late answer must not be taken for the next
// message's.
func (c *Client) Send(ctx context.Context, destination string, message []byte) ([]byte, error) {
	c.mu.Lock()
	l := c.peers[destination]
	c.mu.Unlock()
	if l == nil {
		return nil, errors.New("mllp: no such peer")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	answer, err := l.exchange(ctx, message)
	if err != nil {
		l.drop()
	}
	return answer, err
}

func (l *line) exchange(ctx context.Context, message []byte) ([]byte, error) {
	if l.conn == nil {
		if err := l.connect(ctx); err != nil {
			return nil, err
		}
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(30 * time.Second)
	}
	if err := l.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	conn := l.conn // the line may have another, or none, when the context ends
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	// What was said before our message belongs to none of ours.
	if l.in.Buffered() > 0 {
		return nil, errFrame
	}
	if _, err := l.conn.Write(frame(message)); err != nil {
		return nil, err
	}
	return read(l.in, mostAnswer)
}

func (l *line) connect(ctx context.Context) error {
	dialer := &net.Dialer{Timeout: l.peer.Dial, KeepAlive: 30 * time.Second}
	var err error
	if l.peer.TLS != nil {
		l.conn, err = (&tls.Dialer{NetDialer: dialer, Config: l.peer.TLS}).DialContext(ctx, "tcp", l.peer.Address)
	} else {
		l.conn, err = dialer.DialContext(ctx, "tcp", l.peer.Address)
	}
	if err != nil {
		l.conn = nil
		return err
	}
	l.in = bufio.NewReader(l.conn)
	return nil
}

func (l *line) drop() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
	l.conn, l.in = nil, nil
}

// Close ends all connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.peers {
		l.mu.Lock()
		l.drop()
		l.mu.Unlock()
	}
}
