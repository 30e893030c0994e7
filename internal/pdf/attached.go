package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/md5" //nolint:gosec // the checksum that PDF defines for embedded files, no secret depends on it
	"encoding/hex"
	"io"
	"regexp"
	"strconv"

	"github.com/quire-cdr/quire/internal/fault"
)

// embedded is the head of an attached file as this package has it written (ISO
// 32000-1, 7.11.4). A PDF that other software has rewritten may hide it in an
// object stream, and is then refused.
var embedded = regexp.MustCompile(`<< /Type /EmbeddedFile /Length (\d{1,10}) /Filter /FlateDecode /Params << /CheckSum <([0-9a-f]{32})> /Size (\d{1,10}) >> >>\s{1,4}stream\r?\n`)

// Attached takes the composition out of a PDF that Print wrote: the very bytes
// that were attached, at most limit of them.
func Attached(file []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(file, []byte("%PDF-")) {
		return nil, fault.New(fault.Invalid, "pdf", "the body is no PDF")
	}
	found := embedded.FindAllSubmatchIndex(file, 2)
	switch len(found) {
	case 0:
		return nil, fault.New(fault.Invalid, "pdf-attachment", "the PDF has no composition attached; one that this server printed has, unless other software has rewritten it")
	case 2:
		return nil, fault.New(fault.Invalid, "pdf-attachment", "the PDF has several files attached, and it cannot be told which is meant")
	}
	m := found[0]
	number := func(n int) int {
		value, _ := strconv.Atoi(string(file[m[2*n]:m[2*n+1]])) // digits, by the expression
		return value
	}
	packed, size, sum := number(1), number(3), string(file[m[4]:m[5]])
	broken := fault.New(fault.Invalid, "pdf-attachment", "the composition attached to the PDF is damaged")
	switch {
	case size > limit:
		return nil, fault.New(fault.TooLarge, "pdf-attachment", "the composition attached to the PDF is over the limit of %d bytes", limit)
	case packed > len(file)-m[1]:
		return nil, broken
	}
	r, err := zlib.NewReader(bytes.NewReader(file[m[1] : m[1]+packed]))
	if err != nil {
		return nil, broken.Because(err)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, broken.Because(err)
	}
	if got := md5.Sum(text); len(text) != size || hex.EncodeToString(got[:]) != sum { //nolint:gosec // as above
		return nil, broken
	}
	return text, nil
}
