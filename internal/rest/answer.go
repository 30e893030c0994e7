package rest

import (
	"net/http"

	"github.com/quire-cdr/quire/internal/fault"
)

// maxAnswer is the size of a result that is made here before it is sent. It is
// made whole so that a fault in the middle still has a status: a client must
// never take half a result for all of it.
const maxAnswer = 64 << 20

// Answer collects a body within the limit and the memory budget. It is an
// io.Writer.
type Answer struct {
	call *Call
	text []byte
}

// Answer begins one.
func (call *Call) Answer() *Answer { return &Answer{call: call} }

// Write keeps a piece.
func (a *Answer) Write(piece []byte) (int, error) {
	size := len(a.text) + len(piece)
	if size > maxAnswer {
		return 0, fault.New(fault.Invalid, "answer-too-large", "the result is over %d bytes; ask for a part of it by fetch and offset", maxAnswer)
	}
	if size > cap(a.text) {
		room := max(size, 2*cap(a.text), 4096)
		if err := a.call.share.grow(room - cap(a.text)); err != nil {
			return 0, err
		}
		text := make([]byte, len(a.text), room)
		copy(text, a.text)
		a.text = text
	}
	a.text = append(a.text, piece...)
	return len(piece), nil
}

// Send answers with what was written.
func (a *Answer) Send(contentType string) error {
	return a.call.Send(http.StatusOK, contentType, a.text)
}
