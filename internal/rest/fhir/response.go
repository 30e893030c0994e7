package fhir

import (
	"net/http"
	"strconv"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// response reads a stored composition as a QuestionnaireResponse: the effective
// version, or that of a number. It is never answered by 304: each answer carries
// a token of its own, and an old one runs out.
func (h handlers) response(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	number := 0
	if vid := call.Param("vid"); vid != "" {
		if number, err = strconv.Atoi(vid); err != nil || number < 1 {
			return fault.New(fault.NotFound, "response-unknown", "no such version of the QuestionnaireResponse")
		}
	}
	issued, err := h.service.Issue(call.Context(), call.Caller, call.Param("id"), number, base(call))
	if err != nil {
		return err
	}
	return show(call, contentType, issued)
}

// show answers with a response that was issued.
func show(call *rest.Call, contentType string, issued *form.Issued) error {
	describe(call, issued.Document)
	return send(call, http.StatusOK, contentType, issued.Response)
}

// describe writes the headers of a version; a blank form has none.
func describe(call *rest.Call, doc cdr.Document) {
	disclosure := "complete"
	if doc.Withheld {
		disclosure = "may-be-withheld"
	}
	call.Set("Quire-Disclosure", disclosure)
	if doc.VersionUID == "" {
		return
	}
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
}
