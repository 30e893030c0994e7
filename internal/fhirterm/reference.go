package fhirterm

import (
	"net/url"
	"strings"

	"github.com/quire-cdr/quire/internal/terminology"
	"github.com/quire-cdr/quire/internal/validate"
)

// request is what is asked of the server for a question: the resource type and
// the parameters of its $validate-code.
type request struct {
	resource string
	query    url.Values
}

// requestOf resolves the reference of a template. Tools write it in several
// ways: a canonical URL; terminology://.../ValueSet/$expand?url=CANONICAL; the
// whole of a terminology (terminology:SNOMED-CT, terminology://snomed.info); an
// expression of SNOMED CT (?ecl=...). All else is a name that only the
// configuration can resolve.
func (s *Service) requestOf(q validate.Question) (request, bool) {
	system := terminology.System(q.Terminology)
	if system == "" {
		return request{}, false
	}
	member := func(valueSet string) (request, bool) {
		return request{"ValueSet", url.Values{"url": {valueSet}, "system": {system}, "code": {q.Code}}}, true
	}
	if known, ok := s.valueSets[q.ValueSet]; ok {
		return member(known)
	}
	if isCanonical(q.ValueSet) {
		return member(q.ValueSet)
	}
	rest, ok := strings.CutPrefix(q.ValueSet, "terminology:")
	if !ok {
		return request{}, false
	}
	rest, query, _ := strings.Cut(rest, "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return request{}, false
	}
	if canonical := parameters.Get("url"); isCanonical(canonical) {
		return member(canonical)
	}
	authority, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	whole := terminology.System(unescaped(authority))
	if authority == "snomed.info" {
		whole = snomed
	}
	switch ecl := parameters.Get("ecl"); {
	case whole == snomed && ecl != "":
		return member(snomed + "?fhir_vs=ecl/" + ecl)
	case whole != "" && path == "" && query == "":
		return request{"CodeSystem", url.Values{"url": {whole}, "code": {q.Code}}}, whole == system
	}
	return request{}, false
}

const snomed = "http://snomed.info/sct"

func isCanonical(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "urn:")
}

func unescaped(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}
