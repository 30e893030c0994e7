package fhir

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/rest"
)

// root is the API's place after the base path.
const root = "/fhir/r4"

// Service is what the API needs of the use cases of forms.
type Service interface {
	Form(ctx context.Context, caller cdr.Caller, id string) (*form.Form, error)
	Search(ctx context.Context, caller cdr.Caller, s form.Search) (form.Found, error)
	Questionnaire(f *form.Form, base, language string) ([]byte, error)
	Issue(ctx context.Context, caller cdr.Caller, object string, number int, base string) (*form.Issued, error)
	Populate(ctx context.Context, caller cdr.Caller, id string, person form.Person, base string) (*form.Issued, error)
	Process(ctx context.Context, caller cdr.Caller, s form.Submission) (*form.Processed, error)
}

// About is what the server says of itself.
type About struct {
	// Version is that of the program.
	Version string
}

// Routes is the table of the whole API.
func Routes(service Service, about About) []rest.Route {
	h := handlers{service}
	questionnaire, response := root+"/Questionnaire", root+"/QuestionnaireResponse"
	body := []string{rest.FHIRJSON, rest.JSON}
	routes := []rest.Route{
		{Method: http.MethodGet, Path: root + "/metadata", Access: rest.Public, Handler: metadata(about)},
		{Method: http.MethodGet, Path: questionnaire, Access: rest.FormRead, Handler: h.search},
		{Method: http.MethodGet, Path: questionnaire + "/:id", Access: rest.FormRead, Handler: h.questionnaire},
		{Method: http.MethodPost, Path: questionnaire + "/$process-response", Access: rest.FormWrite, Consumes: body, Handler: h.process},
		{Method: http.MethodPost, Path: questionnaire + "/:id/$process-response", Access: rest.FormWrite, Consumes: body, Handler: h.process},
		{Method: http.MethodGet, Path: questionnaire + "/:id/$populate", Access: rest.FormRead, Handler: h.populate},
		{Method: http.MethodPost, Path: questionnaire + "/:id/$populate", Access: rest.FormRead, Consumes: body, Optional: true, Handler: h.populate},
		{Method: http.MethodGet, Path: response + "/:id", Access: rest.FormRead, Handler: h.response},
		{Method: http.MethodGet, Path: response + "/:id/_history/:vid", Access: rest.FormRead, Handler: h.response},
	}
	for n := range routes {
		routes[n].Errors = rest.FHIR
	}
	return routes
}

type handlers struct{ service Service }

// base is the address of the API as the client sees it.
func base(call *rest.Call) string { return call.BaseURL() + root }
