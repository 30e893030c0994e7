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

// requestOf says what is asked for a question, of a terminology that FHIR names.
func (s *Service) requestOf(q validate.Question) (request, bool) {
	system := terminology.System(q.Terminology)
	valueSet, whole, ok := s.resolve(q.ValueSet)
	switch {
	case system == "" || !ok:
		return request{}, false
	case whole != "":
		return request{"CodeSystem", url.Values{"url": {whole}, "code": {q.Code}}}, whole == system
	}
	return request{"ValueSet", url.Values{"url": {valueSet}, "system": {system}, "code": {q.Code}}}, true
}

// resolve gives the canonical URL of a value set, or the whole code system, that
// a reference means. Tools write it in several ways: a canonical URL;
// terminology://.../ValueSet/$expand?url=CANONICAL; the whole of a terminology
// (terminology:SNOMED-CT, terminology://snomed.info); an expression of SNOMED CT
// (?ecl=...). All else is a name that only the configuration can resolve.
func (s *Service) resolve(reference string) (valueSet, whole string, ok bool) {
	if known, ok := s.valueSets[reference]; ok {
		return known, "", true
	}
	if isCanonical(reference) {
		return reference, "", true
	}
	rest, ok := strings.CutPrefix(reference, "terminology:")
	if !ok {
		return "", "", false
	}
	rest, query, _ := strings.Cut(rest, "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return "", "", false
	}
	if canonical := parameters.Get("url"); isCanonical(canonical) {
		return canonical, "", true
	}
	authority, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	whole = terminology.System(unescaped(authority))
	if authority == "snomed.info" {
		whole = snomed
	}
	switch ecl := parameters.Get("ecl"); {
	case whole == snomed && ecl != "":
		return snomed + "?fhir_vs=ecl/" + ecl, "", true
	case whole != "" && path == "" && query == "":
		return "", whole, true
	}
	return "", "", false
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
