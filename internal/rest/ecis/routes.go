package ecis

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

// root is the API's place after the base path.
const root = "/rest/ecis/v1"

// Service is what the routes need of the use cases.
type Service interface {
	CreateEHR(ctx context.Context, caller cdr.Caller, id string, status *cdr.Content, info cdr.CommitInfo) (cdr.EHR, error)
	EHR(ctx context.Context, caller cdr.Caller, id string) (cdr.EHR, error)
	EHRBySubject(ctx context.Context, caller cdr.Caller, namespace, id string) (cdr.EHR, error)
	UpdateStatus(ctx context.Context, caller cdr.Caller, ehr, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	CreateComposition(ctx context.Context, caller cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	UpdateComposition(ctx context.Context, caller cdr.Caller, ehr, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	DeleteComposition(ctx context.Context, caller cdr.Caller, ehr, versionUID, ifMatch string, info cdr.CommitInfo) (cdr.Document, error)
	Composition(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	UploadTemplate(ctx context.Context, caller cdr.Caller, opt []byte, up cdr.TemplateUpload) (*cdr.Template, error)
	Templates(ctx context.Context, caller cdr.Caller) ([]cdr.TemplateInfo, error)
	Template(ctx context.Context, caller cdr.Caller, id string) (*cdr.Template, error)
	Query(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest) (*cdr.ResultSet, error)
}

// Homes finds the record of a composition, which EhrScape's paths do not name.
type Homes interface {
	// Home is the EHR of a composition by its object's uuid, whoever asks: what
	// the caller may see is decided by the read that follows. NotFound where
	// there is none.
	Home(ctx context.Context, object string) (ehr string, err error)
}

// Routes is the table of the whole API.
func Routes(service Service, homes Homes) []rest.Route {
	h := handlers{service, homes}
	ehr, composition, template, query := root+"/ehr", root+"/composition", root+"/template", root+"/query"
	both := []string{rest.JSON, rest.XML, rest.TextXML}
	return []rest.Route{
		{Method: http.MethodPost, Path: ehr, Access: rest.RecordCreate, Consumes: []string{rest.JSON}, Optional: true, Handler: h.createEHR},
		{Method: http.MethodGet, Path: ehr, Access: rest.RecordRead, Handler: h.ehrBySubject},
		{Method: http.MethodGet, Path: ehr + "/:ehr_id", Access: rest.RecordRead, Handler: h.ehr},
		{Method: http.MethodPut, Path: ehr + "/:ehr_id/status", Access: rest.RecordWrite, Consumes: []string{rest.JSON}, Handler: h.updateStatus},
		{Method: http.MethodPut, Path: ehr + "/status/:ehr_id", Access: rest.RecordWrite, Consumes: []string{rest.JSON}, Handler: h.updateStatus},

		{Method: http.MethodPost, Path: composition, Access: rest.RecordWrite, Consumes: both, Handler: h.createComposition},
		{Method: http.MethodGet, Path: composition + "/:uid", Access: rest.RecordRead, Handler: h.composition},
		{Method: http.MethodPut, Path: composition + "/:uid", Access: rest.RecordWrite, Consumes: both, Handler: h.updateComposition},
		{Method: http.MethodDelete, Path: composition + "/:uid", Access: rest.RecordWrite, Handler: h.deleteComposition},

		{Method: http.MethodPost, Path: template, Access: rest.DefinitionWrite, Consumes: []string{rest.XML, rest.TextXML}, Handler: h.uploadTemplate},
		{Method: http.MethodGet, Path: template, Access: rest.DefinitionRead, Handler: h.templates},
		{Method: http.MethodGet, Path: template + "/:template_id", Access: rest.DefinitionRead, Handler: h.webTemplate},
		{Method: http.MethodGet, Path: template + "/:template_id/example", Access: rest.DefinitionRead, Handler: h.example},

		{Method: http.MethodGet, Path: query, Access: rest.QueryRun, Handler: h.query},
		{Method: http.MethodPost, Path: query, Access: rest.QueryRun, Consumes: []string{rest.JSON}, Handler: h.query},
	}
}

type handlers struct {
	service Service
	homes   Homes
}

// envelope is what all answers begin with.
type envelope struct {
	Meta   *meta  `json:"meta,omitempty"`
	Action string `json:"action"`
}

type meta struct {
	Href href `json:"href"`
}

type href struct {
	URL string `json:"url"`
}

func enveloped(call *rest.Call, action, path string) envelope {
	return envelope{&meta{href{call.BaseURL() + root + path}}, action}
}
