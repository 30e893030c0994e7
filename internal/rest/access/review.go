package access

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/emergency"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// EmergencyService is what the operations on broken glass need of the use cases.
type EmergencyService interface {
	Queue(ctx context.Context, caller cdr.Caller, q emergency.Queue) ([]emergency.Access, error)
	Review(ctx context.Context, caller cdr.Caller, ehr, id, outcome string) error
	End(ctx context.Context, caller cdr.Caller, ehr, id string) error
}

// EmergencyRoutes is the table of what follows broken glass.
func EmergencyRoutes(service EmergencyService) []rest.Route {
	h := emergencyHandlers{service}
	one := "/access/v1/ehr/:ehr_id/break-glass/:glass_id"
	return []rest.Route{
		{Method: http.MethodGet, Path: "/access/v1/break-glass", Access: rest.AccessRead, Handler: h.queue},
		{Method: http.MethodDelete, Path: one, Access: rest.AccessWrite, Handler: h.end},
		{Method: http.MethodPost, Path: one + "/review", Access: rest.AccessWrite, Consumes: []string{rest.JSON}, Handler: h.review},
	}
}

type emergencyHandlers struct{ service EmergencyService }

type brokenJSON struct {
	ID           string     `json:"id"`
	EHR          string     `json:"ehrId"`
	Principal    string     `json:"principal"`
	Role         string     `json:"role"`
	Organisation string     `json:"organisation"`
	ReasonCode   string     `json:"reasonCode"`
	Reason       string     `json:"reason"`
	Granted      time.Time  `json:"granted"`
	Ends         time.Time  `json:"ends"`
	Ended        *time.Time `json:"ended,omitempty"`
	EndedBy      string     `json:"endedBy,omitempty"`
	Alerted      *time.Time `json:"alerted,omitempty"`
	Reviewed     *time.Time `json:"reviewed,omitempty"`
	Reviewer     string     `json:"reviewer,omitempty"`
	Outcome      string     `json:"outcome,omitempty"`
	Accesses     int64      `json:"accesses"`
}

func (h emergencyHandlers) queue(call *rest.Call) error {
	q := emergency.Queue{All: call.Query("all") == "true", EHR: strings.ToLower(call.Query("ehr_id"))}
	if q.EHR != "" {
		if _, ok := cdr.ObjectUID(q.EHR); !ok {
			return fault.New(fault.Invalid, "ehr-id", "ehr_id must be a UUID")
		}
	}
	limit, err := call.QueryInt("limit")
	if err != nil {
		return err
	}
	if limit != nil {
		q.Limit = *limit
	}
	list, err := h.service.Queue(call.Context(), call.Caller, q)
	if err != nil {
		return err
	}
	out := make([]brokenJSON, 0, len(list))
	for _, b := range list {
		out = append(out, brokenJSON{b.ID, b.EHR, b.Principal, b.Role, b.Organisation, b.ReasonCode, b.Reason, b.Granted.UTC(), b.Expires.UTC(),
			until(b.Ended), b.EndedBy, until(b.Alerted), until(b.Reviewed), b.Reviewer, b.Outcome, b.Events})
	}
	return call.JSON(http.StatusOK, map[string]any{"breakGlass": out})
}

// glass reads which access is meant.
func glass(call *rest.Call) (ehr, id string, err error) {
	if ehr, err = call.UUID("ehr_id"); err == nil {
		id, err = call.UUID("glass_id")
	}
	return ehr, id, err
}

func (h emergencyHandlers) review(call *rest.Call) error {
	ehr, id, err := glass(call)
	if err != nil {
		return err
	}
	var in struct {
		Outcome string `json:"outcome"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	if err := h.service.Review(call.Context(), call.Caller, ehr, id, in.Outcome); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h emergencyHandlers) end(call *rest.Call) error {
	ehr, id, err := glass(call)
	if err != nil {
		return err
	}
	if err := h.service.End(call.Context(), call.Caller, ehr, id); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
