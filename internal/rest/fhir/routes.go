package fhir

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// root is the API's place after the base path.
const root = "/fhir/r4"

// Service is what the API needs of the use cases of forms.
type Service interface {
	Edition(ctx context.Context, caller cdr.Caller, id, version string) (*form.Form, error)
	Editions(ctx context.Context, caller cdr.Caller, id string) ([]*form.Form, error)
	Search(ctx context.Context, caller cdr.Caller, s form.Search) (form.Found, error)
	Questionnaire(f *form.Form, v form.View, language string) ([]byte, error)
	Issue(ctx context.Context, caller cdr.Caller, object string, number int, v form.View) (*form.Issued, error)
	Responses(ctx context.Context, caller cdr.Caller, s form.Responses, v form.View) (form.Page, error)
	History(ctx context.Context, caller cdr.Caller, object string, count, offset int, v form.View) ([]form.Past, int, error)
	Provenance(ctx context.Context, caller cdr.Caller, object string, number int) (*fhir.Provenance, error)
	ValueSet(ctx context.Context, caller cdr.Caller, id string, wishes []string, v form.View) (*fhir.ValueSet, error)
	ValueSets(ctx context.Context, caller cdr.Caller, templateID string, wishes []string, v form.View) ([]fhir.ValueSet, error)
	Populate(ctx context.Context, caller cdr.Caller, id string, person form.Person, v form.View) (*form.Issued, error)
	PopulateAuthored(ctx context.Context, caller cdr.Caller, questionnaire []byte, person form.Person, contexts map[string]json.RawMessage, v form.View) (*form.AuthoredFilled, error)
	Assemble(ctx context.Context, caller cdr.Caller, questionnaire []byte, v form.View) ([]byte, []populate.Note, error)
	Process(ctx context.Context, caller cdr.Caller, s form.Submission) (*form.Processed, error)
	Delete(ctx context.Context, caller cdr.Caller, object, ifMatch string, info cdr.CommitInfo) error
}

// About is what the server says of itself.
type About struct {
	// Version is that of the program.
	Version string
}

// Routes is the table of the whole API.
func Routes(service Service, kept Library, about About) []rest.Route {
	h := handlers{service, kept}
	questionnaire, response, valueSet := root+"/Questionnaire", root+"/QuestionnaireResponse", root+"/ValueSet"
	body := []string{rest.FHIRJSON, rest.JSON}
	routes := []rest.Route{
		{Method: http.MethodGet, Path: root + "/metadata", Access: rest.Public, Handler: metadata(about)},
		{Method: http.MethodPost, Path: questionnaire + "/$process-response", Access: rest.FormWrite, Consumes: body, Handler: h.process},
		{Method: http.MethodPost, Path: questionnaire + "/:id/$process-response", Access: rest.FormWrite, Consumes: body, Handler: h.process},
		{Method: http.MethodGet, Path: questionnaire + "/$populate", Access: rest.FormRead, Handler: h.populate},
		{Method: http.MethodPost, Path: questionnaire + "/$populate", Access: rest.FormRead, Consumes: body, Optional: true, Handler: h.populate},
		{Method: http.MethodPost, Path: questionnaire + "/$assemble", Access: rest.FormRead, Consumes: body, Handler: h.assemble},
		{Method: http.MethodGet, Path: questionnaire + "/:id/$populate", Access: rest.FormRead, Handler: h.populate},
		{Method: http.MethodPost, Path: questionnaire + "/:id/$populate", Access: rest.FormRead, Consumes: body, Optional: true, Handler: h.populate},
		{Method: http.MethodGet, Path: response, Access: rest.FormRead, Handler: h.responses},
		{Method: http.MethodPost, Path: response, Access: rest.FormWrite, Consumes: body, Handler: h.store},
		{Method: http.MethodPut, Path: response + "/:id", Access: rest.FormWrite, Consumes: body, Handler: h.store},
		{Method: http.MethodDelete, Path: response + "/:id", Access: rest.FormWrite, Handler: h.remove},
		{Method: http.MethodGet, Path: response + "/:id/_history", Access: rest.FormRead, Handler: h.history},
		{Method: http.MethodGet, Path: response + "/:id", Access: rest.FormRead, Handler: h.response},
		{Method: http.MethodGet, Path: response + "/:id/_history/:vid", Access: rest.FormRead, Handler: h.response},
		{Method: http.MethodGet, Path: valueSet + "/$expand", Access: rest.FormRead, Handler: h.expand},
		{Method: http.MethodPost, Path: valueSet + "/$expand", Access: rest.FormRead, Consumes: body, Handler: h.expand},
		{Method: http.MethodPost, Path: valueSet + "/:id/$expand", Access: rest.FormRead, Consumes: body, Optional: true, Handler: h.expand},
		{Method: http.MethodPost, Path: valueSet + "/$validate-code", Access: rest.FormRead, Consumes: body, Handler: h.validateCode},
		{Method: http.MethodPost, Path: valueSet + "/:id/$validate-code", Access: rest.FormRead, Consumes: body, Handler: h.validateCode},
		{Method: http.MethodGet, Path: valueSet + "/$validate-code", Access: rest.FormRead, Handler: h.validateCode},
		{Method: http.MethodGet, Path: valueSet + "/:id/$expand", Access: rest.FormRead, Handler: h.expand},
		{Method: http.MethodGet, Path: valueSet + "/:id/$validate-code", Access: rest.FormRead, Handler: h.validateCode},
		{Method: http.MethodGet, Path: root + "/Provenance", Access: rest.FormRead, Handler: h.provenances},
		searched(root+"/Provenance", h.provenances),
		{Method: http.MethodGet, Path: root + "/Provenance/:id", Access: rest.FormRead, Handler: h.provenance},
	}
	routes = append(routes, searched(response, h.responses))
	forms := derived{h.questionnaire, h.editions, h.forms}
	sets := derived{h.valueSet, h.valueSetEditions, h.valueSets}
	routes = append(routes, shelf{h, library.Questionnaire, forms}.routes(questionnaire)...)
	routes = append(routes, shelf{h, library.ValueSet, sets}.routes(valueSet)...)
	routes = append(routes, shelf{h, library.CodeSystem, derived{}}.routes(root+"/CodeSystem")...)
	for n := range routes {
		routes[n].Errors = rest.FHIR
		routes[n].Handler = gone(routes[n].Handler)
	}
	return routes
}

// formed is the media type of searches by POST.
const formed = "application/x-www-form-urlencoded"

// searched is the search of a kind by POST (FHIR R4, Search, Introduction): its
// parameters stand in the body and in the address.
func searched(at string, search rest.Handler) rest.Route {
	return rest.Route{Method: http.MethodPost, Path: at + "/_search", Access: rest.FormRead, Consumes: []string{formed}, Optional: true, Handler: func(call *rest.Call) error {
		if err := call.FormQuery(); err != nil {
			return err
		}
		return search(call)
	}}
}

type handlers struct {
	service Service
	library Library
}

// base is the address of the API as the client sees it.
func base(call *rest.Call) string { return call.BaseURL() + root }

// shown is how a request wants its answer: in what format, and as which view.
func shown(call *rest.Call) (contentType string, v form.View, err error) {
	if contentType, err = format(call); err != nil {
		return "", form.View{}, err
	}
	v, err = view(call)
	return contentType, v, err
}

// view reads how forms are to be shown: mode is form, faithful or compact, and
// carry=full adds to a response all that no question asks for.
func view(call *rest.Call) (form.View, error) {
	mode, ok := sdc.ParseMode(call.Query("mode"))
	if !ok {
		return form.View{}, fault.New(fault.Invalid, "query-parameter", "the query parameter mode is form, faithful or compact")
	}
	v := form.View{Base: base(call), Mode: mode}
	switch call.Query("carry") {
	case "", "none":
	case "full":
		v.Carry = true
	default:
		return v, fault.New(fault.Invalid, "query-parameter", "the query parameter carry is full or none")
	}
	return v, nil
}
