package fhir

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
)

// formats are the values of _format that mean JSON, with the content type each
// gets (FHIR R4, HTTP, Content Types). A "+" may arrive as a blank.
var formats = map[string]string{
	"json": rest.FHIRJSON, "application/fhir+json": rest.FHIRJSON, "application/fhir json": rest.FHIRJSON,
	"application/json": rest.JSON, "text/json": rest.JSON,
}

// format is the content type of the answer: _format goes before Accept. It is
// decided before anything is done, so that nothing is written for an answer
// nobody reads.
func format(call *rest.Call) (string, error) {
	wish := call.Query("_format")
	if wish == "" {
		return call.Accept(rest.FHIRJSON, rest.JSON)
	}
	if contentType := formats[strings.ToLower(wish)]; contentType != "" {
		return contentType, nil
	}
	return "", fault.New(fault.NotAcceptable, "format", "this server writes JSON only: application/fhir+json")
}

// send answers with a resource.
func send(call *rest.Call, status int, contentType string, resource any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(resource); err != nil {
		return err
	}
	return call.Send(status, contentType, text.Bytes())
}

// languages are the client's wishes in their order: _language, then
// Accept-Language by quality (RFC 9110, 12.5.4).
func languages(call *rest.Call) []string {
	var out []string
	if wish := call.Query("_language"); wish != "" {
		out = append(out, wish)
	}
	type wish struct {
		tag string
		q   float64
	}
	var wishes []wish
	for part := range strings.SplitSeq(call.Header("Accept-Language"), ",") {
		tag, parameters, _ := strings.Cut(part, ";")
		w := wish{strings.TrimSpace(tag), 1}
		if q, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			if n, err := strconv.ParseFloat(q, 64); err == nil {
				w.q = n
			}
		}
		if w.tag != "" && w.tag != "*" && w.q > 0 {
			wishes = append(wishes, w)
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int {
		switch {
		case a.q > b.q:
			return -1
		case a.q < b.q:
			return 1
		}
		return 0
	})
	for _, w := range wishes {
		out = append(out, w.tag)
	}
	return out
}

// preference is what the client wants back from a write: minimal, representation
// or OperationOutcome, "" where it does not say (FHIR R4, HTTP, Managing Return
// Content). What is applied is told.
func preference(call *rest.Call) string {
	for _, token := range strings.FieldsFunc(call.Header("Prefer"), func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(token, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "return") {
			continue
		}
		for _, known := range []string{"minimal", "representation", "OperationOutcome"} {
			if strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), known) {
				call.Set("Preference-Applied", "return="+known)
				return known
			}
		}
	}
	return ""
}

// gone answers 410 for what was deleted (FHIR R4, HTTP, delete); the openEHR
// API's table has another status for it.
func gone(handler rest.Handler) rest.Handler {
	return func(call *rest.Call) error {
		err := handler(call)
		if !fault.Is(err, fault.NotFound) || fault.Of(err).Code != library.DeletedCode {
			return err
		}
		return send(call, http.StatusGone, rest.FHIRJSON, fhir.OperationOutcome{ResourceType: "OperationOutcome", Issue: []fhir.OutcomeIssue{{
			Severity: "error", Code: "deleted", Details: &fhir.CodeableConcept{Text: library.DeletedCode}, Diagnostics: fault.Of(err).Message}}})
	}
}
