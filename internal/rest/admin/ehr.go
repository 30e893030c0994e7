package admin

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

// Service is what the operations need of the use cases.
type Service interface {
	DeleteEHR(ctx context.Context, caller cdr.Caller, id, reason string) error
}

// Routes is the table of the administrative operations. Where destruction is
// off (DESIGN 5a rule 11) the use case answers 405 with no method allowed.
func Routes(service Service) []rest.Route {
	deleteEHR := func(call *rest.Call) error {
		id, err := call.UUID("ehr_id")
		if err != nil {
			return err
		}
		return destroyed(call, service.DeleteEHR(call.Context(), call.Caller, id, call.Query("reason")))
	}
	return []rest.Route{
		{Method: http.MethodDelete, Path: "/rest/admin/ehr/:ehr_id", Access: rest.RecordPurge, Handler: deleteEHR},
		{Method: http.MethodDelete, Path: "/rest/openehr/v1/admin/ehr/:ehr_id", Access: rest.RecordPurge, Handler: deleteEHR},
	}
}
