package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

// Purger is what the deletions below an EHR, and of definitions, need.
type Purger interface {
	DeleteEHRs(ctx context.Context, caller cdr.Caller, ids []string) error
	PurgeComposition(ctx context.Context, caller cdr.Caller, ehr, object, reason string) error
	PurgeContribution(ctx context.Context, caller cdr.Caller, ehr, id, reason string) error
	PurgeDirectory(ctx context.Context, caller cdr.Caller, ehr, object, reason string) error
	DeleteTemplate(ctx context.Context, caller cdr.Caller, id string) error
	DeleteTemplates(ctx context.Context, caller cdr.Caller) (int, error)
	ReplaceTemplate(ctx context.Context, caller cdr.Caller, id string, source []byte) (*cdr.Template, error)
	PurgeStoredQuery(ctx context.Context, caller cdr.Caller, name, version string) error
}

// manyEHRs is how long the deletion of many EHRs may take.
const manyEHRs = 10 * time.Minute

// PurgeRoutes is the table of the other deletions: of all or several EHRs, as
// the specification has it, and of single things, as EHRbase has them.
func PurgeRoutes(service Purger) []rest.Route {
	h := purgeHandlers{service}
	ehr, template := "/rest/admin/ehr/:ehr_id", "/rest/admin/template"
	return []rest.Route{
		{Method: http.MethodDelete, Path: "/rest/admin/ehr/all", Access: rest.RecordPurge, Deadline: manyEHRs, Handler: h.ehrs},
		{Method: http.MethodDelete, Path: "/rest/openehr/v1/admin/ehr/all", Access: rest.RecordPurge, Deadline: manyEHRs, Handler: h.ehrs},
		{Method: http.MethodDelete, Path: ehr + "/composition/:object_id", Access: rest.RecordPurge, Handler: h.below(service.PurgeComposition)},
		{Method: http.MethodDelete, Path: ehr + "/contribution/:object_id", Access: rest.RecordPurge, Handler: h.below(service.PurgeContribution)},
		{Method: http.MethodDelete, Path: ehr + "/directory/:object_id", Access: rest.RecordPurge, Handler: h.below(service.PurgeDirectory)},
		{Method: http.MethodDelete, Path: template + "/all", Access: rest.DefinitionWrite, Handler: h.templates},
		{Method: http.MethodDelete, Path: template + "/:template_id", Access: rest.DefinitionWrite, Handler: h.template},
		{Method: http.MethodPut, Path: template + "/:template_id", Access: rest.DefinitionWrite, Consumes: []string{rest.XML}, Handler: h.replace},
		{Method: http.MethodDelete, Path: "/rest/admin/query/:qualified_query_name/:version", Access: rest.DefinitionWrite, Handler: h.query},
	}
}

type purgeHandlers struct{ service Purger }

// ehrs deletes those that are named by repeated ehr_id, all without any.
func (h purgeHandlers) ehrs(call *rest.Call) error {
	if err := h.service.DeleteEHRs(call.Context(), call.Caller, call.QueryAll("ehr_id")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h purgeHandlers) below(purge func(ctx context.Context, caller cdr.Caller, ehr, object, reason string) error) rest.Handler {
	return func(call *rest.Call) error {
		ehr, err := call.UUID("ehr_id")
		if err != nil {
			return err
		}
		object, err := call.UUID("object_id")
		if err != nil {
			return err
		}
		return destroyed(call, purge(call.Context(), call.Caller, ehr, object, call.Query("reason")))
	}
}

func (h purgeHandlers) templates(call *rest.Call) error {
	n, err := h.service.DeleteTemplates(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, map[string]int{"deleted": n})
}

func (h purgeHandlers) template(call *rest.Call) error {
	if err := h.service.DeleteTemplate(call.Context(), call.Caller, call.Param("template_id")); err != nil {
		return err
	}
	return call.JSON(http.StatusOK, map[string]int{"deleted": 1})
}

func (h purgeHandlers) replace(call *rest.Call) error {
	body, err := call.Content()
	if err != nil {
		return err
	}
	stored, err := h.service.ReplaceTemplate(call.Context(), call.Caller, call.Param("template_id"), body)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, rest.XML, []byte(stored.OPT))
}

func (h purgeHandlers) query(call *rest.Call) error {
	if err := h.service.PurgeStoredQuery(call.Context(), call.Caller, call.Param("qualified_query_name"), call.Param("version")); err != nil {
		return err
	}
	return call.JSON(http.StatusOK, map[string]int{"deleted": 1})
}
