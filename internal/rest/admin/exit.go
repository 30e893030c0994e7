package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/exit"
	"github.com/quire-cdr/quire/internal/rest"
)

// Exits is the ways out and their dead letters.
type Exits interface {
	Standings(ctx context.Context, caller cdr.Caller) ([]exit.Standing, error)
	Letters(ctx context.Context, caller cdr.Caller, destination string, all bool) ([]exit.Letter, error)
	Letter(ctx context.Context, caller cdr.Caller, id string) (exit.Letter, error)
	Retry(ctx context.Context, caller cdr.Caller, id string) (exit.Letter, error)
	Discard(ctx context.Context, caller cdr.Caller, id, reason string) error
}

// ExitRoutes is the table of exits.
func ExitRoutes(x Exits) []rest.Route {
	h := exitHandlers{x}
	at := "/rest/admin/exit"
	return []rest.Route{
		{Method: http.MethodGet, Path: at, Access: rest.QueryRun, Handler: h.standings},
		{Method: http.MethodGet, Path: at + "/dead", Access: rest.QueryRun, Handler: h.letters},
		{Method: http.MethodGet, Path: at + "/dead/:letter_id", Access: rest.QueryRun, Handler: h.letter},
		{Method: http.MethodPost, Path: at + "/dead/:letter_id/retry", Access: rest.QueryRun, Handler: h.retry},
		{Method: http.MethodDelete, Path: at + "/dead/:letter_id", Access: rest.QueryRun, Handler: h.discard},
	}
}

type exitHandlers struct{ exits Exits }

type standingBody struct {
	Destination string     `json:"destination"`
	Mapping     string     `json:"mapping,omitempty"`
	After       string     `json:"after"`
	Waiting     int        `json:"waiting"`
	Sent        int        `json:"sent"`
	Dead        int        `json:"dead"`
	Failing     *time.Time `json:"failing_since,omitempty"`
	Failure     string     `json:"failure,omitempty"`
	LastSent    *time.Time `json:"last_sent,omitempty"`
}

type letterBody struct {
	ID          string     `json:"id"`
	Direction   string     `json:"direction"`
	Destination string     `json:"destination,omitempty"`
	Sender      string     `json:"sender,omitempty"`
	Control     string     `json:"control_id,omitempty"`
	Kind        string     `json:"message_type,omitempty"`
	EHR         string     `json:"ehr_id,omitempty"`
	VersionUID  string     `json:"version_uid,omitempty"`
	Reason      string     `json:"reason"`
	Field       string     `json:"field,omitempty"`
	Detail      string     `json:"detail,omitempty"`
	Attempts    int        `json:"attempts"`
	Received    *time.Time `json:"received,omitempty"`
	Changed     *time.Time `json:"changed,omitempty"`
	Closed      *time.Time `json:"closed,omitempty"`
	Outcome     string     `json:"outcome,omitempty"`
	Message     string     `json:"message,omitempty"`
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func letterOf(l exit.Letter) letterBody {
	return letterBody{ID: l.ID, Direction: l.Direction, Destination: l.Destination, Sender: l.Sender, Control: l.Control, Kind: l.Kind, EHR: l.EHR,
		VersionUID: l.VersionUID, Reason: l.Reason, Field: l.Field, Detail: l.Detail, Attempts: l.Attempts, Received: moment(l.Received),
		Changed: moment(l.Changed), Closed: moment(l.Closed), Outcome: l.Outcome}
}

func (h exitHandlers) standings(call *rest.Call) error {
	list, err := h.exits.Standings(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	out := make([]standingBody, len(list))
	for n, s := range list {
		out[n] = standingBody{s.Destination, s.Mapping, s.After.String(), s.Waiting, s.Sent, s.Dead, moment(s.Failing), s.Failure, moment(s.LastSent)}
	}
	return call.JSON(http.StatusOK, out)
}

func (h exitHandlers) letters(call *rest.Call) error {
	list, err := h.exits.Letters(call.Context(), call.Caller, call.Query("destination"), call.Query("all") == "true")
	if err != nil {
		return err
	}
	out := make([]letterBody, len(list))
	for n, l := range list {
		out[n] = letterOf(l)
	}
	return call.JSON(http.StatusOK, out)
}

// letter shows one with the message it holds.
func (h exitHandlers) letter(call *rest.Call) error {
	id, err := call.UUID("letter_id")
	if err != nil {
		return err
	}
	l, err := h.exits.Letter(call.Context(), call.Caller, id)
	if err != nil {
		return err
	}
	body := letterOf(l)
	body.Message = string(l.Content)
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, rest.JSON, text)
}

func (h exitHandlers) retry(call *rest.Call) error {
	id, err := call.UUID("letter_id")
	if err != nil {
		return err
	}
	if _, err := h.exits.Retry(call.Context(), call.Caller, id); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h exitHandlers) discard(call *rest.Call) error {
	id, err := call.UUID("letter_id")
	if err != nil {
		return err
	}
	if err := h.exits.Discard(call.Context(), call.Caller, id, call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
