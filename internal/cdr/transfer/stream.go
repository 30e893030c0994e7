package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"github.com/quire-cdr/quire/internal/fault"
)

// Writer writes an export line by line and ends it with its hash.
type Writer struct {
	to    *bufio.Writer
	sum   hash.Hash
	lines int
}

// NewWriter begins an export.
func NewWriter(to io.Writer) *Writer {
	return &Writer{to: bufio.NewWriterSize(to, 32<<10), sum: sha256.New()}
}

// Write adds a line.
func (w *Writer) Write(l Line) error {
	text, err := encode(l)
	if err != nil {
		return err
	}
	w.sum.Write(text)
	w.lines++
	_, err = w.to.Write(text)
	return err
}

// Close writes the last line. The sum is of all lines before it.
func (w *Writer) Close() (sum []byte, err error) {
	sum = w.sum.Sum(nil)
	text, err := encode(Line{End: &End{Lines: w.lines, SHA256: hex.EncodeToString(sum)}})
	if err == nil {
		_, err = w.to.Write(text)
	}
	return sum, errors.Join(err, w.to.Flush())
}

func encode(l Line) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	// With it stored text would come out in other bytes.
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return b.Bytes(), err
}

// longestLine bounds the memory a line may take.
const longestLine = 64 << 20

// Reader reads one export and judges that it is whole.
type Reader struct {
	from  *bufio.Reader
	sum   hash.Hash
	lines int
	ended bool
}

// NewReader begins reading.
func NewReader(from io.Reader) *Reader {
	return &Reader{from: bufio.NewReaderSize(from, 64<<10), sum: sha256.New()}
}

// Line gives the number of the last line read, from 1.
func (r *Reader) Line() int { return r.lines }

// Next gives the next line but the last; io.EOF says that all of the export was
// read and that its hash is right.
func (r *Reader) Next() (Line, error) {
	text, err := r.line()
	if err != nil {
		return Line{}, err
	}
	if r.ended {
		if text == nil {
			return Line{}, io.EOF
		}
		return Line{}, fault.New(fault.Invalid, "export-more", "line %d: more follows the end of the export; records are imported one at a time", r.lines+1)
	}
	if text == nil {
		return Line{}, truncated(r.lines)
	}
	var l Line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil || l.members() != 1 {
		if text[len(text)-1] != '\n' {
			return Line{}, truncated(r.lines)
		}
		return Line{}, fault.New(fault.Invalid, "export-form", "line %d is no line of an export of format %d", r.lines+1, Format)
	}
	if l.End != nil {
		r.ended = true
		if sum := hex.EncodeToString(r.sum.Sum(nil)); l.End.Lines != r.lines || l.End.SHA256 != sum {
			e := fault.New(fault.Invalid, "export-damaged", "the export is not as it was written")
			return Line{}, e.With(fault.Issue{Rule: "sha256", Expected: l.End.SHA256, Found: sum, Message: "the hash of the lines is another"})
		}
		return r.Next()
	}
	r.sum.Write(text)
	r.lines++
	return l, nil
}

func truncated(lines int) error {
	return fault.New(fault.Invalid, "export-truncated", "the export ends after %d lines without its last line: it is truncated", lines)
}

// line reads one line with its end; nil at the end of all. Blank lines after the
// export are nothing.
func (r *Reader) line() ([]byte, error) {
	var line []byte
	for {
		piece, err := r.from.ReadSlice('\n')
		line = append(line, piece...)
		if len(line) > longestLine {
			return nil, fault.New(fault.TooLarge, "export-line", "line %d is longer than %d bytes", r.lines+1, longestLine)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && r.ended && len(bytes.TrimSpace(line)) == 0:
			line = line[:0]
			continue
		case errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0:
			return nil, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		return line, nil
	}
}

func (l Line) members() (n int) {
	for _, set := range []bool{l.Header != nil, l.Template != nil, l.Contribution != nil, l.Version != nil, l.Row != nil, l.End != nil} {
		if set {
			n++
		}
	}
	return n
}
