package rest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/quire-cdr/quire/internal/fault"
	"golang.org/x/sync/semaphore"
)

// The limits of a body. maxRatio bounds inflation: 612 KB of gzip once became
// 629 MB.
const (
	maxRatio    = 200
	ratioFloor  = 64 << 10 // below it the ratio says nothing
	treeFactor  = 2        // a body in flight costs itself and its tree
	growth      = 256 << 10
	headerLimit = 64 << 10
	urlLimit    = 32 << 10
)

// budget is the memory all bodies and trees in flight may take together.
type budget struct {
	all  *semaphore.Weighted
	size int64
}

func newBudget(size int64) *budget {
	return &budget{all: semaphore.NewWeighted(size), size: size}
}

// share is one request's part of the budget.
type share struct {
	of   *budget
	held int64
}

// grow takes what n more bytes of a body cost.
func (s *share) grow(n int) error {
	cost := int64(n) * treeFactor
	if !s.of.all.TryAcquire(cost) {
		return &fault.Error{Kind: fault.Unavailable, Code: "busy", Message: "too many large requests are in flight; try again", RetryAfter: time.Second}
	}
	s.held += cost
	return nil
}

func (s *share) release() {
	if s.held > 0 {
		s.of.all.Release(s.held)
		s.held = 0
	}
}

// Content is the request body, inflated, within the limits; the media type is
// one the route consumes. The bytes belong to the caller. A route whose body is
// optional gets nil where none was sent.
func (call *Call) Content() ([]byte, error) {
	raw := call.ctx.BodyRaw()
	if len(raw) == 0 {
		if call.route.Optional {
			return nil, nil
		}
		return nil, fault.New(fault.Invalid, "body-missing", "the request has no body")
	}
	if _, err := call.ContentType(); err != nil {
		return nil, err
	}
	limit := call.server.BodyLimit
	switch encoding := strings.ToLower(strings.TrimSpace(call.Header(fiber.HeaderContentEncoding))); encoding {
	case "", "identity":
		if err := call.share.grow(len(raw)); err != nil {
			return nil, err
		}
		return bytes.Clone(raw), nil
	case "gzip", "x-gzip":
		reader, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, fault.New(fault.Invalid, "content-encoding", "the body is not gzip")
		}
		return inflate(reader, len(raw), limit, &call.share)
	case "zstd":
		reader, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(limit)+growth), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, fault.New(fault.Invalid, "content-encoding", "the body is not zstd")
		}
		defer reader.Close()
		return inflate(reader, len(raw), limit, &call.share)
	default:
		call.ctx.Set(fiber.HeaderAcceptEncoding, "gzip, zstd, identity")
		return nil, fault.New(fault.UnsupportedMedia, "content-encoding", "the Content-Encoding must be gzip, zstd or identity")
	}
}

// Decode reads a JSON body of our own making into value; an unknown or repeated
// member is refused.
func (call *Call) Decode(value any) error {
	body, err := call.Content()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, value, json.RejectUnknownMembers(true)); err != nil {
		e := fault.New(fault.Invalid, "json", "the body is not the JSON object this operation reads")
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			e = e.With(fault.Issue{Path: string(semantic.JSONPointer), Rule: "json", Message: "the member is unknown or its value is of another type"})
		}
		return e.Because(err)
	}
	return nil
}

// ContentType is the media type of the body, without parameters: one of the
// route's, or 415. A body without the header counts as the route's first.
func (call *Call) ContentType() (string, error) {
	header := call.Header(fiber.HeaderContentType)
	if header == "" && len(call.route.Consumes) > 0 {
		return call.route.Consumes[0], nil
	}
	base, err := mediaType(header)
	if err != nil {
		return "", err
	}
	if !slices.Contains(call.route.Consumes, base) {
		return "", fault.New(fault.UnsupportedMedia, "content-type", "the Content-Type must be one of %s", strings.Join(call.route.Consumes, ", "))
	}
	return base, nil
}

// inflate reads a compressed body of packed bytes within limit and ratio.
func inflate(reader io.Reader, packed, limit int, memory *share) ([]byte, error) {
	out := make([]byte, 0, min(growth, limit))
	if err := memory.grow(cap(out)); err != nil {
		return nil, err
	}
	for {
		if len(out) == cap(out) {
			if err := memory.grow(cap(out)); err != nil {
				return nil, err
			}
			out = slices.Grow(out, cap(out))
		}
		n, err := reader.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if len(out) > limit {
			return nil, tooLarge(limit)
		}
		if len(out) > ratioFloor && len(out) > maxRatio*packed {
			return nil, fault.New(fault.TooLarge, "ratio", "the body inflates to more than %d times its size", maxRatio)
		}
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
			return nil, tooLarge(limit)
		case err != nil:
			return nil, fault.New(fault.Invalid, "content-encoding", "the compressed body is damaged")
		}
	}
}

func tooLarge(limit int) *fault.Error {
	return fault.New(fault.TooLarge, "body", "the request body is over the limit of %d bytes", limit)
}
