package validate

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the specification's code set has it; it proves no origin here
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// multimedia states the invariants of DV_MULTIMEDIA (RM 1.1.0, Data Types,
// Encapsulated).
func (c *checker) multimedia(id rm.ID) {
	if c.tree.Child(id, rminfo.A_uri) == rm.None && c.tree.Child(id, rminfo.A_data) == rm.None {
		c.broken(id, "DV_MULTIMEDIA", "Not_empty", "data or a uri", "neither")
	}
	if at := c.tree.Child(id, rminfo.A_size); at != rm.None && compareDecimal(c.tree.Text(at), "0") < 0 {
		c.broken(at, "DV_MULTIMEDIA", "Size_valid", "at least 0", c.tree.Text(at))
	}
	check := c.tree.Child(id, rminfo.A_integrity_check)
	if check == rm.None {
		return
	}
	if c.tree.Child(id, rminfo.A_integrity_check_algorithm) == rm.None {
		c.broken(check, "DV_MULTIMEDIA", "Integrity_check_validity", "integrity_check_algorithm", "none")
		return
	}
	c.integrity(id, check)
}

// digests are the algorithms of the openEHR code set that are computed here.
var digests = map[string]func() hash.Hash{
	"SHA-1": sha1.New, "SHA-224": sha256.New224, "SHA-256": sha256.New, "SHA-384": sha512.New384, "SHA-512": sha512.New,
}

// integrity compares the check of inline data with the data. Whether it is of
// the packed or the unpacked bytes is not said, so packed ones are left alone,
// and a difference is a warning: the data may be whole and the check wrong.
func (c *checker) integrity(id, check rm.ID) {
	data := c.tree.Child(id, rminfo.A_data)
	digest := digests[strings.ToUpper(c.tree.TextAt(id, rminfo.A_integrity_check_algorithm, rminfo.A_code_string))]
	if data == rm.None || digest == nil || c.tree.Child(id, rminfo.A_compression_algorithm) != rm.None {
		return
	}
	bytesOf := func(at rm.ID) ([]byte, error) { return base64.StdEncoding.DecodeString(c.tree.Text(at)) }
	content, err1 := bytesOf(data)
	stated, err2 := bytesOf(check)
	if err1 != nil || err2 != nil {
		return // the codecs refuse what is no base64
	}
	h := digest()
	h.Write(content)
	if !bytes.Equal(h.Sum(nil), stated) {
		c.warn(check, "DV_MULTIMEDIA", "Integrity_check_validity", "the check of the data", "another")
	}
}
