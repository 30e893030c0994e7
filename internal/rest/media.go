package rest

import (
	"mime"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// Media types this server reads or writes.
const (
	JSON     = "application/json"
	XML      = "application/xml"
	TextXML  = "text/xml"
	Text     = "text/plain"
	HTML     = "text/html"
	FHIRJSON = "application/fhir+json"
	PDF      = "application/pdf"
)

// mediaType gives type/subtype in lower case; charset other than UTF-8 is refused.
func mediaType(contentType string) (string, error) {
	base, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", fault.New(fault.UnsupportedMedia, "content-type", "the Content-Type cannot be read")
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return "", fault.New(fault.UnsupportedMedia, "charset", "the charset must be UTF-8")
	}
	return base, nil
}

// preference is one member of an Accept or Accept-Encoding header.
type preference struct {
	name string
	q    float64
}

// preferences splits such a header; a q that cannot be read counts as 1
// (RFC 9110, 12.4.2).
func preferences(header string) []preference {
	var out []preference
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		p := preference{name: strings.ToLower(strings.TrimSpace(name)), q: 1}
		for parameter := range strings.SplitSeq(parameters, ";") {
			key, value, found := strings.Cut(parameter, "=")
			if found && strings.EqualFold(strings.TrimSpace(key), "q") {
				if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
					p.q = q
				}
			}
		}
		if p.name != "" {
			out = append(out, p)
		}
	}
	return out
}

// negotiate picks the offer the client likes best, the first of equals; "" where
// it accepts none. Without a header the first offer is meant.
func negotiate(accept string, offers []string) string {
	list := preferences(accept)
	if len(list) == 0 {
		return offers[0]
	}
	best, bestQ := "", 0.0
	for _, offer := range offers {
		family, _, _ := strings.Cut(offer, "/")
		q, precision := 0.0, -1
		for _, p := range list {
			at := -1
			switch p.name {
			case offer:
				at = 2
			case family + "/*":
				at = 1
			case "*/*", "*":
				at = 0
			}
			if at > precision || at == precision && at >= 0 && p.q > q {
				q, precision = p.q, at
			}
		}
		if q > bestQ {
			best, bestQ = offer, q
		}
	}
	return best
}
