package fhir

import (
	"context"
	"net/http"
	"strconv"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/sdc/binding"
)

// Bindings is what the routes of foreign forms need of the use cases.
type Bindings interface {
	Bind(ctx context.Context, caller cdr.Caller, text []byte) (*binding.Form, error)
	Binding(ctx context.Context, caller cdr.Caller, questionnaire string) ([]byte, error)
	Submitted(ctx context.Context, caller cdr.Caller, object string, number int) ([]byte, cdr.Document, error)
}

// yaml is the media type of binding files (RFC 9512).
const yaml = "application/yaml"

// BindingRoutes register and show how forms from elsewhere fill templates, and
// give the responses back as they came in.
func BindingRoutes(service Bindings) []rest.Route {
	h := bindings{service}
	routes := []rest.Route{
		{Method: http.MethodPut, Path: root + "/Questionnaire/$binding", Access: rest.DefinitionWrite, Consumes: []string{yaml, rest.Text}, Handler: h.put},
		{Method: http.MethodGet, Path: root + "/Questionnaire/$binding", Access: rest.DefinitionRead, Handler: h.get},
		{Method: http.MethodGet, Path: root + "/QuestionnaireResponse/:id/$submitted", Access: rest.FormRead, Handler: h.submitted},
	}
	for n := range routes {
		routes[n].Errors = rest.FHIR
	}
	return routes
}

type bindings struct{ service Bindings }

// put registers a binding file in place of the one before.
func (h bindings) put(call *rest.Call) error {
	text, err := call.Content()
	if err != nil {
		return err
	}
	if _, err := h.service.Bind(call.Context(), call.Caller, text); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h bindings) get(call *rest.Call) error {
	if _, err := call.Accept(yaml, rest.Text); err != nil {
		return err
	}
	text, err := h.service.Binding(call.Context(), call.Caller, call.Query("questionnaire"))
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, yaml, text)
}

// submitted gives the response to a foreign form as it came in, with what was
// changed since.
func (h bindings) submitted(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	number := 0
	if text := call.Query("version"); text != "" {
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return fault.New(fault.Invalid, "query-parameter", "the query parameter version is the number of a version")
		}
	}
	text, doc, err := h.service.Submitted(call.Context(), call.Caller, call.Param("id"), number)
	if err != nil {
		return err
	}
	describe(call, doc)
	return call.Send(http.StatusOK, contentType, text)
}

var _ Bindings = (*form.Forms)(nil)
