package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

type contributionService interface {
	CommitContribution(ctx context.Context, caller cdr.Caller, ehr string, body []byte, key string, inline bool) (cdr.ContributionView, error)
	Contribution(ctx context.Context, caller cdr.Caller, ehr, id string, inline bool) (cdr.ContributionView, error)
}

func contributionRoutes(service contributionService) []rest.Route {
	h := contributionHandlers{service}
	at := root + "/ehr/:ehr_id/contribution"
	return []rest.Route{
		{Method: http.MethodPost, Path: at, Access: rest.RecordWrite, Consumes: []string{rest.JSON}, Handler: h.create},
		{Method: http.MethodGet, Path: at + "/:contribution_uid", Access: rest.RecordRead, Handler: h.get},
	}
}

type contributionHandlers struct{ service contributionService }

// create commits what the body says; the headers of commit metadata belong to
// direct writes and are not read.
func (h contributionHandlers) create(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	want, err := prefer(call)
	if err != nil {
		return err
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	inline := want == rest.Representation && call.ResolveRefs()
	made, err := h.service.CommitContribution(call.Context(), call.Caller, ehr, body, call.Header("Idempotency-Key"), inline)
	if err != nil {
		return err
	}
	describeContribution(call, made)
	call.SetLocation(pathOf("ehr", ehr, "contribution", made.ID))
	switch want {
	case rest.Representation:
		return send(call, http.StatusCreated, made.JSON)
	case rest.Identifier:
		return call.JSON(http.StatusCreated, map[string]string{"uid": made.ID})
	}
	return call.Empty(call.Manners().MinimalCreate)
}

// get shows the CONTRIBUTION, or with resolve_refs one with its versions inside,
// which is no class of the model and has no XML.
func (h contributionHandlers) get(call *rest.Call) error {
	inline := call.ResolveRefs()
	if inline {
		if _, err := call.Accept(rest.JSON); err != nil {
			return err
		}
	}
	ehr, _, err := read(call)
	if err != nil {
		return err
	}
	id, err := call.UUID("contribution_uid")
	if err != nil {
		return err
	}
	found, err := h.service.Contribution(call.Context(), call.Caller, ehr, id, inline)
	if err != nil {
		return err
	}
	describeContribution(call, found)
	if inline {
		return send(call, http.StatusOK, found.JSON)
	}
	return send(call, http.StatusOK, found.JSON)
}

func describeContribution(call *rest.Call, c cdr.ContributionView) {
	call.SetETag(c.ID)
	call.SetLastModified(c.Committed)
	disclose(call, c.Withheld)
}
