package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// Holder is what holds on records need of the use cases.
type Holder interface {
	PutHold(ctx context.Context, caller cdr.Caller, h cdr.Hold) (cdr.Hold, error)
	LiftHold(ctx context.Context, caller cdr.Caller, ehr string) error
	Holds(ctx context.Context, caller cdr.Caller, ehr string) ([]cdr.Hold, error)
}

// HoldRoutes is the table of what keeps records from destruction.
func HoldRoutes(service Holder) []rest.Route {
	h := holdHandlers{service}
	path := "/rest/admin/ehr/:ehr_id/hold"
	return []rest.Route{
		{Method: http.MethodGet, Path: path, Access: rest.RecordPurge, Handler: h.list},
		{Method: http.MethodPut, Path: path, Access: rest.RecordPurge, Consumes: []string{rest.JSON}, Handler: h.put},
		{Method: http.MethodDelete, Path: path, Access: rest.RecordPurge, Handler: h.lift},
	}
}

type holdHandlers struct{ service Holder }

// holdJSON is a hold as it is served; a legal hold has no until.
type holdJSON struct {
	ID     string     `json:"id"`
	EHR    string     `json:"ehr_id"`
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"`
	By     string     `json:"set_by"`
	Set    time.Time  `json:"set"`
}

func shown(h cdr.Hold) holdJSON {
	out := holdJSON{ID: h.ID, EHR: h.EHR, Reason: h.Reason, By: h.By, Set: h.Set}
	if !h.Until.IsZero() {
		out.Until = &h.Until
	}
	return out
}

func (h holdHandlers) list(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	list, err := h.service.Holds(call.Context(), call.Caller, id)
	if err != nil {
		return err
	}
	out := []holdJSON{}
	for _, one := range list {
		out = append(out, shown(one))
	}
	return call.JSON(http.StatusOK, map[string][]holdJSON{"holds": out})
}

func (h holdHandlers) put(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var body struct {
		Reason string `json:"reason"`
		Until  string `json:"until"`
	}
	if err := call.Decode(&body); err != nil {
		return err
	}
	hold := cdr.Hold{EHR: id, Reason: body.Reason}
	if body.Until != "" {
		if hold.Until, err = time.Parse(time.RFC3339, body.Until); err != nil {
			return fault.New(fault.Invalid, "until", "until is a date and time with its offset (RFC 3339), or is left out for a legal hold")
		}
	}
	if hold, err = h.service.PutHold(call.Context(), call.Caller, hold); err != nil {
		return err
	}
	return call.JSON(http.StatusOK, shown(hold))
}

func (h holdHandlers) lift(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	if err := h.service.LiftHold(call.Context(), call.Caller, id); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

// destroyed answers a destruction: done, or requested by the first of two
// persons.
func destroyed(call *rest.Call, err error) error {
	if waits, ok := errors.AsType[*cdr.AwaitsSecond](err); ok {
		return call.JSON(http.StatusAccepted, waits)
	}
	if err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
