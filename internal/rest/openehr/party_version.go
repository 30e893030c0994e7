package openehr

import (
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

func versionedPartyRoutes(service partyService) []rest.Route {
	h := versionedPartyHandlers{service}
	at := root + "/demographic/versioned_party/:versioned_object_uid"
	return []rest.Route{
		{Method: http.MethodGet, Path: at, Access: rest.PartyRead, Handler: h.get},
		{Method: http.MethodGet, Path: at + "/revision_history", Access: rest.PartyRead, Handler: h.history},
		{Method: http.MethodGet, Path: at + "/version", Access: rest.PartyRead, Handler: h.versionAtTime},
		{Method: http.MethodGet, Path: at + "/version/:version_uid", Access: rest.PartyRead, Handler: h.version},
	}
}

// versionedPartyHandlers serve the containers of parties, whatever their class.
type versionedPartyHandlers struct{ service partyService }

// read opens a GET: the format, the object and the time asked for.
func (h versionedPartyHandlers) read(call *rest.Call) (object string, ref cdr.VersionRef, err error) {
	if _, err = accepted(call); err != nil {
		return
	}
	if object, err = call.UUID("versioned_object_uid"); err != nil {
		return
	}
	ref.At, err = call.AtTime()
	return
}

func (h versionedPartyHandlers) get(call *rest.Call) error {
	object, _, err := h.read(call)
	if err != nil {
		return err
	}
	found, err := h.service.VersionedParty(call.Context(), call.Caller, object)
	return container(call, found, err)
}

func (h versionedPartyHandlers) history(call *rest.Call) error {
	object, _, err := h.read(call)
	if err != nil {
		return err
	}
	text, err := h.service.PartyHistory(call.Context(), call.Caller, object)
	return history(call, text, err)
}

func (h versionedPartyHandlers) versionAtTime(call *rest.Call) error {
	object, ref, err := h.read(call)
	if err != nil {
		return err
	}
	ref.Object = object
	doc, err := h.service.PartyVersion(call.Context(), call.Caller, ref)
	if err == nil {
		call.SetLocation(pathOf("demographic", "versioned_party", object, "version", doc.VersionUID))
	}
	return enveloped(call, doc, err)
}

func (h versionedPartyHandlers) version(call *rest.Call) error {
	object, _, err := h.read(call)
	if err != nil {
		return err
	}
	ref, err := versionOf(call, object)
	if err != nil {
		return err
	}
	doc, err := h.service.PartyVersion(call.Context(), call.Caller, ref)
	return enveloped(call, doc, err)
}

func partyContributionRoutes(service partyService) []rest.Route {
	h := partyContributionHandlers{service}
	at := root + "/demographic/contribution"
	return []rest.Route{
		{Method: http.MethodPost, Path: at, Access: rest.PartyWrite, Consumes: media, Handler: h.create},
		{Method: http.MethodGet, Path: at + "/:contribution_uid", Access: rest.PartyRead, Handler: h.get},
	}
}

type partyContributionHandlers struct{ service partyService }

func (h partyContributionHandlers) create(call *rest.Call) error {
	want, err := prefer(call)
	if err != nil {
		return err
	}
	text, err := sentPartyContribution(call)
	if err != nil {
		return err
	}
	inline := want == rest.Representation && call.ResolveRefs()
	made, err := h.service.CommitPartyContribution(call.Context(), call.Caller, text, call.Header("Idempotency-Key"), inline)
	if err != nil {
		return err
	}
	describeContribution(call, made)
	call.SetLocation(pathOf("demographic", "contribution", made.ID))
	switch want {
	case rest.Representation:
		return send(call, http.StatusCreated, made.JSON)
	case rest.Identifier:
		return call.JSON(http.StatusCreated, map[string]string{"uid": made.ID})
	}
	return call.Empty(call.Manners().MinimalCreate)
}

// sentPartyContribution reads a contribution in JSON or XML: parties have no
// simplified form.
func sentPartyContribution(call *rest.Call) ([]byte, error) {
	text, err := call.Content()
	if err != nil {
		return nil, err
	}
	name, err := call.ContentType()
	if err != nil || name == rest.JSON {
		return text, err
	}
	return contributionXML(call, text)
}

// get shows the CONTRIBUTION, or with resolve_refs one with its versions inside.
func (h partyContributionHandlers) get(call *rest.Call) error {
	if _, err := accepted(call); err != nil {
		return err
	}
	id, err := call.UUID("contribution_uid")
	if err != nil {
		return err
	}
	found, err := h.service.PartyContribution(call.Context(), call.Caller, id, call.ResolveRefs())
	if err != nil {
		return err
	}
	describeContribution(call, found)
	return send(call, http.StatusOK, found.JSON)
}
