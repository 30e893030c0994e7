package fhir

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/paper"
)

// Versions is what printing needs of the use cases of records.
type Versions interface {
	CompositionVersion(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	EHR(ctx context.Context, caller cdr.Caller, id string) (cdr.EHR, error)
}

// Responses finds the version of a response.
type Responses interface {
	Issue(ctx context.Context, caller cdr.Caller, object string, number int, v form.View) (*form.Issued, error)
}

// PDFRoutes print responses: the composition on paper, with itself attached inside.
func PDFRoutes(responses Responses, versions Versions) []rest.Route {
	h := printing{responses, versions}
	at := root + "/QuestionnaireResponse/:id"
	routes := []rest.Route{
		{Method: http.MethodGet, Path: at + "/$pdf", Access: rest.FormRead, Handler: h.print},
		{Method: http.MethodGet, Path: at + "/_history/:vid/$pdf", Access: rest.FormRead, Handler: h.print},
	}
	for n := range routes {
		routes[n].Errors = rest.FHIR
		routes[n].Handler = gone(routes[n].Handler)
	}
	return routes
}

type printing struct {
	responses Responses
	versions  Versions
}

// print answers with the PDF that the openEHR API makes of the same version.
func (h printing) print(call *rest.Call) error {
	if _, err := call.Accept(rest.PDF); err != nil {
		return err
	}
	number, err := versionOf(call)
	if err != nil {
		return err
	}
	issued, err := h.responses.Issue(call.Context(), call.Caller, call.Param("id"), number, form.View{Base: base(call)})
	if err != nil {
		return err
	}
	doc, err := h.versions.CompositionVersion(call.Context(), call.Caller, issued.Document.EHR, cdr.VersionRef{VersionUID: issued.Document.VersionUID})
	if err != nil {
		return err
	}
	record, err := h.versions.EHR(call.Context(), call.Caller, doc.EHR)
	if err != nil {
		return err
	}
	describe(call, doc)
	return paper.Send(call, doc, record.Status.JSON)
}
