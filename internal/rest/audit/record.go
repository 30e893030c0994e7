package audit

import (
	"context"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

// Service is what the operations need of the use cases.
type Service interface {
	WhoSaw(ctx context.Context, caller cdr.Caller, ehr string, page cdr.AuditPage) (cdr.Sightings, error)
}

type sightingJSON struct {
	ID           string    `json:"id"`
	At           time.Time `json:"at"`
	Action       string    `json:"action"`
	Outcome      string    `json:"outcome"`
	Principal    string    `json:"principal"`
	Role         string    `json:"role"`
	Organisation string    `json:"organisation"`
	Object       string    `json:"object"`
	Purpose      string    `json:"purpose"`
	Basis        string    `json:"basis"`
	RequestID    string    `json:"requestId"`
	Population   bool      `json:"population"`
}

// Routes is the table of /audit/v1.
func Routes(service Service) []rest.Route {
	whoSaw := func(call *rest.Call) error {
		ehr, err := call.UUID("ehr_id")
		if err != nil {
			return err
		}
		limit, err := call.QueryInt("limit")
		if err != nil {
			return err
		}
		page := cdr.AuditPage{After: call.Query("after")}
		if limit != nil {
			page.Limit = *limit
		}
		found, err := service.WhoSaw(call.Context(), call.Caller, ehr, page)
		if err != nil {
			return err
		}
		list := make([]sightingJSON, 0, len(found.List))
		for _, s := range found.List {
			list = append(list, sightingJSON{s.ID, s.At.UTC(), s.Action, s.Outcome, s.Principal, s.Role, s.Org, s.Object, s.Purpose, s.Basis, s.RequestID, s.Population})
		}
		return call.JSON(http.StatusOK, map[string]any{"accesses": list, "next": found.Next})
	}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/audit/v1/ehr/:ehr_id/accesses", Access: rest.AuditRead, Handler: whoSaw},
	}
}
