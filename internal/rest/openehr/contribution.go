package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type contributionService interface {
	templateReader
	CommitContribution(ctx context.Context, caller cdr.Caller, ehr string, body []byte, key string, inline bool) (cdr.ContributionView, error)
	CommitContributionBy(ctx context.Context, caller cdr.Caller, ehr string, body []byte, version, key string, inline bool) (cdr.ContributionView, error)
	ImportContribution(ctx context.Context, caller cdr.Caller, ehr string, body []byte, key string, inline bool) (cdr.ContributionView, error)
	Contribution(ctx context.Context, caller cdr.Caller, ehr, id string, inline bool) (cdr.ContributionView, error)
}

func contributionRoutes(service contributionService) []rest.Route {
	h := contributionHandlers{service}
	at := root + "/ehr/:ehr_id/contribution"
	return []rest.Route{
		{Method: http.MethodPost, Path: at, Access: rest.RecordWrite, Consumes: compositionMedia, Handler: h.create},
		{Method: http.MethodGet, Path: at + "/:contribution_uid", Access: rest.RecordRead, Handler: h.get},
	}
}

type contributionHandlers struct{ service contributionService }

// create commits what the body says; the headers of commit metadata belong to
// direct writes and are not read, but the one that names the version of its
// template that judges each composition is.
func (h contributionHandlers) create(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	commit := h.service.CommitContribution
	switch call.Query("import") {
	case "", "false":
	case "true":
		commit = h.service.ImportContribution
	default:
		return fault.New(fault.Invalid, "query-parameter", "the query parameter import is true or false")
	}
	if version := call.Header("openehr-template-version"); version != "" {
		if call.Query("import") == "true" {
			return fault.New(fault.Invalid, "template-version", "a request that imports versions names no version of their templates")
		}
		commit = func(ctx context.Context, caller cdr.Caller, ehr string, body []byte, key string, inline bool) (cdr.ContributionView, error) {
			return h.service.CommitContributionBy(ctx, caller, ehr, body, version, key, inline)
		}
	}
	sent, err := sentContribution(call, h.service)
	if err != nil {
		return err
	}
	inline := sent.want == rest.Representation && call.ResolveRefs()
	made, err := commit(call.Context(), call.Caller, ehr, sent.body, call.Header("Idempotency-Key"), inline)
	if err != nil {
		return sent.explained(err)
	}
	describeContribution(call, made)
	warn(call, made.Warnings)
	call.SetLocation(pathOf("ehr", ehr, "contribution", made.ID))
	switch sent.want {
	case rest.Representation:
		return sendVersions(call, h.service, http.StatusCreated, made.JSON, sent.answer)
	case rest.Identifier:
		return call.JSON(http.StatusCreated, map[string]string{"uid": made.ID})
	}
	return call.Empty(call.Manners().MinimalCreate)
}

// get shows the CONTRIBUTION, or with resolve_refs one with its versions inside.
func (h contributionHandlers) get(call *rest.Call) error {
	as, err := asked(call, spelling{})
	if err != nil {
		return err
	}
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	id, err := call.UUID("contribution_uid")
	if err != nil {
		return err
	}
	inline := call.ResolveRefs()
	found, err := h.service.Contribution(call.Context(), call.Caller, ehr, id, inline)
	if err != nil {
		return err
	}
	describeContribution(call, found)
	// A contribution never changes; the versions in it may be attested later.
	if !inline && call.Unchanged(found.ID) {
		return call.Empty(http.StatusNotModified)
	}
	return sendVersions(call, h.service, http.StatusOK, found.JSON, as)
}

func describeContribution(call *rest.Call, c cdr.ContributionView) {
	call.SetETag(c.ID)
	call.SetLastModified(c.Committed)
	disclose(call, c.Withheld)
}
