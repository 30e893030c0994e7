package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

type contributionService interface {
	Contribution(ctx context.Context, caller cdr.Caller, ehr, id string) (cdr.ContributionView, error)
}

func contributionRoutes(service contributionService) []rest.Route {
	get := func(call *rest.Call) error {
		ehr, _, err := read(call)
		if err != nil {
			return err
		}
		id, err := call.UUID("contribution_uid")
		if err != nil {
			return err
		}
		found, err := service.Contribution(call.Context(), call.Caller, ehr, id)
		if err != nil {
			return err
		}
		call.SetETag(found.ID)
		call.SetLastModified(found.Committed)
		return send(call, http.StatusOK, found.JSON)
	}
	return []rest.Route{
		{Method: http.MethodGet, Path: root + "/ehr/:ehr_id/contribution/:contribution_uid", Access: rest.RecordRead, Handler: get},
	}
}
