package rest

import (
	"bytes"
	"io"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// worthwhile is the size from which an answer is compressed.
const worthwhile = 1 << 10

type packer interface {
	io.WriteCloser
	Reset(io.Writer)
}

// packers hold state worth keeping: a zstd encoder is over a megabyte.
var packers = map[string]*sync.Pool{
	"gzip": {New: func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }},
	"zstd": {New: func() any {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(128<<10))
		return w
	}},
}

// pack compresses the answer as the client accepts it. gzip is preferred among
// equals only where zstd is not named: zstd is both smaller and quicker.
func pack(ctx *fiber.Ctx) {
	response := ctx.Response()
	// What is streamed is never here as a whole.
	if response.IsBodyStream() {
		return
	}
	text := response.Body()
	if len(text) < worthwhile || len(response.Header.Peek(fiber.HeaderContentEncoding)) > 0 {
		return
	}
	encoding := encodingFor(ctx.Get(fiber.HeaderAcceptEncoding))
	if encoding == "" {
		return
	}
	pool := packers[encoding]
	w := pool.Get().(packer)
	defer pool.Put(w)
	out := bytes.NewBuffer(make([]byte, 0, len(text)/3))
	w.Reset(out)
	if _, err := w.Write(text); err != nil {
		return
	}
	if err := w.Close(); err != nil || out.Len() >= len(text) {
		return
	}
	response.SetBodyRaw(out.Bytes())
	ctx.Set(fiber.HeaderContentEncoding, encoding)
}

// encodingFor picks zstd, gzip or nothing by Accept-Encoding.
func encodingFor(header string) string {
	if header == "" {
		return ""
	}
	q := map[string]float64{"gzip": -1, "zstd": -1}
	star := -1.0
	for _, p := range preferences(header) {
		switch p.name {
		case "gzip", "zstd":
			q[p.name] = p.q
		case "*":
			star = p.q
		}
	}
	for name, have := range q {
		if have < 0 {
			q[name] = star
		}
	}
	switch {
	case q["zstd"] > 0 && q["zstd"] >= q["gzip"]:
		return "zstd"
	case q["gzip"] > 0:
		return "gzip"
	}
	return ""
}
