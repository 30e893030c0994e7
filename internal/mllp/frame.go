package mllp

import (
	"bufio"
	"errors"
	"io"
)

// The bytes of a frame: start, end, and the carriage return after the end.
const (
	start = 0x0B
	end   = 0x1C
	cr    = 0x0D
)

// errFrame is what is no frame.
var errFrame = errors.New("mllp: no frame")

// errTooLong is a frame beyond the limit.
var errTooLong = errors.New("mllp: the frame is longer than the limit")

// frame wraps a message.
func frame(message []byte) []byte {
	out := make([]byte, 0, len(message)+3)
	out = append(out, start)
	out = append(out, message...)
	return append(out, end, cr)
}

// read takes the next message of a connection. Line ends between frames are
// skipped, since some peers send them; io.EOF is a connection that ended between
// frames.
func read(r *bufio.Reader, limit int) ([]byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == start {
			break
		}
		if b != cr && b != '\n' {
			return nil, errFrame
		}
	}
	var message []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		switch {
		case b == start:
			return nil, errFrame
		case b == end:
			next, err := r.ReadByte()
			if err != nil {
				return nil, err
			}
			if next != cr {
				return nil, errFrame
			}
			return message, nil
		case len(message) >= limit:
			return nil, errTooLong
		}
		message = append(message, b)
	}
}
