package validate

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

const noNode = template.NoNode

// uri: DV_URI.Value_valid, the syntax of RFC 3986.
func (c *checker) uri(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_value)
	if at != rm.None && !isURI(c.tree.Text(at)) {
		c.broken(at, "DV_URI", "Value_valid", "a URI (RFC 3986)", c.tree.Text(at))
	}
}

// ehrURI: DV_EHR_URI.Scheme_valid.
func (c *checker) ehrURI(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_value)
	if at == rm.None {
		return
	}
	scheme, _, _ := strings.Cut(c.tree.Text(at), ":")
	if isURI(c.tree.Text(at)) && !strings.EqualFold(scheme, "ehr") {
		c.broken(at, "DV_EHR_URI", "Scheme_valid", "ehr", scheme)
	}
}

// isURI accepts a scheme and what may follow it. Brackets pass anywhere:
// openEHR paths stand in ehr: URIs as they are. Characters beyond ASCII pass
// too (RFC 3987), since real documents hold them.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || !isLetter(scheme[0]) {
		return false
	}
	for i := 1; i < len(scheme); i++ {
		if ch := scheme[i]; !isLetter(ch) && !isDigit(ch) && ch != '+' && ch != '-' && ch != '.' {
			return false
		}
	}
	for i := 0; i < len(rest); i++ {
		switch ch := rest[i]; {
		case ch <= ' ' || ch == 0x7f || strings.IndexByte("\"<>\\^`{|}", ch) >= 0:
			return false
		case ch == '%' && (i+2 >= len(rest) || !isHex(rest[i+1]) || !isHex(rest[i+2])):
			return false
		}
	}
	return true
}

func isLetter(ch byte) bool { return ch|0x20 >= 'a' && ch|0x20 <= 'z' }
func isDigit(ch byte) bool  { return ch >= '0' && ch <= '9' }
func isHex(ch byte) bool    { return isDigit(ch) || ch|0x20 >= 'a' && ch|0x20 <= 'f' }
