package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/quire-cdr/quire/internal/fault"
)

// spoolSize is how much of an answer is held back until its end is known. What
// fits has a length, an ETag and, where it fails, a status; what does not leaves
// in pieces.
const spoolSize = 1 << 20

// Spool is an answer of any size.
type Spool struct {
	ContentType string
	// Write writes it, under the deadline of the route counted from the call and
	// until the client leaves.
	Write func(ctx context.Context, to io.Writer) error
	// Whole may set headers of an answer that is known to its end; true says that
	// the client has it already, and it is answered 304.
	Whole func() (unchanged bool)
	// Trailers are the fields told after the end of an answer in pieces, and Ended
	// what they are; a field without a value is not told.
	Trailers []string
	Ended    func() map[string]string
}

// Spool answers with what is written, in memory that does not grow with it. An
// error before the spool is full is given back; one after it ends the body
// without its last chunk and closes the connection, so that no client can take
// half an answer for all of it (RFC 9112, 8).
func (call *Call) Spool(s Spool) error {
	f := call.flow(s)
	var held []byte
	for len(held) <= spoolSize {
		piece, err := f.pull()
		if errors.Is(err, io.EOF) {
			f.end()
			if s.Whole != nil && s.Whole() {
				return call.Empty(http.StatusNotModified)
			}
			return call.Send(http.StatusOK, s.ContentType, held)
		}
		if err == nil && len(held)+len(piece) > cap(held) {
			err = call.share.grow(len(held) + len(piece))
		}
		if err != nil {
			f.end()
			return err
		}
		held = append(held, piece...)
	}
	if err := call.Send(http.StatusOK, s.ContentType, nil); err != nil || call.ctx.Method() == http.MethodHead {
		f.end()
		return err
	}
	response := call.ctx.Response()
	for _, name := range s.Trailers {
		if err := response.Header.AddTrailer(name); err != nil {
			f.end()
			return err
		}
	}
	f.held, f.ended = held, func() {
		for name, value := range s.Ended() {
			response.Header.Set(name, value)
		}
	}
	response.SetBodyStream(f, -1)
	return nil
}

// flow is an answer that is made as it is read: the writer waits while nobody
// reads. It is an io.ReadCloser of one reader.
type flow struct {
	next  func() ([]byte, error, bool)
	stop  func()
	leave func()
	held  []byte
	ended func()
	fail  func(err error)
}

func (call *Call) flow(s Spool) *flow {
	deadline := call.server.QueryDeadline
	if call.route.Deadline > 0 {
		deadline = call.route.Deadline
	}
	logger, pattern, id := call.server.Logger, call.pattern(), call.RequestID
	f := &flow{fail: func(err error) {
		logger.Warn("answer ended early", "route", pattern, "request_id", id, "code", asFault(err).Code)
	}}
	bounded, cancel := context.WithTimeout(context.Background(), deadline)
	conn := call.ctx.Context().Conn()
	ctx, unwatch := watching(bounded, conn, func() {
		// A reader that has stopped reading would hold its writer for ever.
		_ = conn.SetWriteDeadline(time.Now())
	})
	f.leave = func() { cancel(); unwatch() }
	f.next, f.stop = iter.Pull2(func(yield func([]byte, error) bool) {
		if err := s.Write(ctx, pieces(yield)); err != nil {
			yield(nil, err)
		}
	})
	return f
}

// pieces hands over each piece and waits until the next is wanted.
type pieces func([]byte, error) bool

func (yield pieces) Write(p []byte) (int, error) {
	if !yield(p, nil) {
		return 0, net.ErrClosed
	}
	return len(p), nil
}

func (f *flow) pull() ([]byte, error) {
	piece, err, more := f.next()
	if !more {
		return nil, io.EOF
	}
	return piece, err
}

func (f *flow) end() {
	// What waits for the database must see that nobody waits for it.
	f.leave()
	f.stop()
}

// Read gives the answer on; its error leaves the answer without an end.
func (f *flow) Read(p []byte) (n int, err error) {
	defer func() {
		// Nothing above this catches a panic.
		if value := recover(); value != nil {
			err = fault.New(fault.Internal, "internal", "panic").Because(fmt.Errorf("%T", value))
			f.fail(err)
		}
	}()
	for len(f.held) == 0 {
		if f.held, err = f.pull(); err != nil {
			if errors.Is(err, io.EOF) {
				f.ended()
				return 0, io.EOF
			}
			f.fail(err)
			return 0, err
		}
	}
	n = copy(p, f.held)
	f.held = f.held[n:]
	return n, nil
}

// Close is called by the server once, whatever became of the answer.
func (f *flow) Close() error {
	defer func() {
		if value := recover(); value != nil {
			f.fail(fault.New(fault.Internal, "internal", "panic"))
		}
	}()
	f.end()
	return nil
}

// ETagOf writes a weak entity tag of a result (RFC 9110, 8.8.1), which is not
// that of a version, where the method is GET or HEAD, and says whether the client has what it names.
func (call *Call) ETagOf(tag string) (unchanged bool) {
	if method := call.ctx.Method(); method != http.MethodGet && method != http.MethodHead {
		return false
	}
	call.ctx.Set(fiber.HeaderETag, `W/"`+tag+`"`)
	return call.Unchanged(tag)
}
