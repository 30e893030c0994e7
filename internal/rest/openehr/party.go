package openehr

import (
	"context"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type partyService interface {
	CreateParty(ctx context.Context, caller cdr.Caller, class string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	UpdateParty(ctx context.Context, caller cdr.Caller, class, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	DeleteParty(ctx context.Context, caller cdr.Caller, class, versionUID, ifMatch string, info cdr.CommitInfo) (cdr.Document, error)
	Party(ctx context.Context, caller cdr.Caller, ref cdr.VersionRef) (cdr.Document, error)
	VersionedParty(ctx context.Context, caller cdr.Caller, object string) (cdr.Versioned, error)
	PartyVersion(ctx context.Context, caller cdr.Caller, ref cdr.VersionRef) (cdr.Document, error)
	PartyHistory(ctx context.Context, caller cdr.Caller, object string) ([]byte, error)
	CommitPartyContribution(ctx context.Context, caller cdr.Caller, body []byte, key string, inline bool) (cdr.ContributionView, error)
	PartyContribution(ctx context.Context, caller cdr.Caller, id string, inline bool) (cdr.ContributionView, error)
	PartyTags(ctx context.Context, caller cdr.Caller, q cdr.TagQuery) ([]byte, error)
}

// partyRoutes is the demographic API (ITS-REST 1.1, Demographic).
func partyRoutes(service Service) []rest.Route {
	routes := append(versionedPartyRoutes(service), partyContributionRoutes(service)...)
	for _, class := range cdr.PartyClasses {
		h := partyHandlers{service, class, strings.ToLower(class)}
		at := root + "/demographic/" + h.noun
		routes = append(routes,
			rest.Route{Method: http.MethodPost, Path: at, Access: rest.PartyWrite, Consumes: media, Handler: h.create},
			rest.Route{Method: http.MethodGet, Path: at + "/:uid_based_id", Access: rest.PartyRead, Handler: h.get},
			rest.Route{Method: http.MethodPut, Path: at + "/:uid_based_id", Access: rest.PartyWrite, Consumes: media, Handler: h.update},
			rest.Route{Method: http.MethodDelete, Path: at + "/:uid_based_id", Access: rest.PartyWrite, Handler: h.delete})
	}
	return append(routes, partyTagRoutes(service)...)
}

// partyHandlers serve the parties of one class.
type partyHandlers struct {
	service     partyService
	class, noun string
}

func (h partyHandlers) path(doc cdr.Document) string {
	return pathOf("demographic", h.noun, doc.VersionUID)
}

func (h partyHandlers) create(call *rest.Call) error {
	content, info, want, err := commit(call)
	if err != nil {
		return err
	}
	doc, err := h.service.CreateParty(call.Context(), call.Caller, h.class, content, info)
	if err != nil {
		return err
	}
	return written(call, want, doc, h.path(doc), http.StatusCreated, call.Manners().MinimalCreate)
}

// get answers for a container the effective version, or the one at a time, or
// with lifecycle=incomplete the draft; for a version uid exactly that version.
func (h partyHandlers) get(call *rest.Call) error {
	if _, err := accepted(call); err != nil {
		return err
	}
	at, err := call.AtTime()
	if err != nil {
		return err
	}
	ref, err := call.Ref("uid_based_id")
	if err != nil {
		return err
	}
	ref.Class = h.class
	if ref.VersionUID == "" {
		ref.At = at
		switch lifecycle := call.Query("lifecycle"); lifecycle {
		case "", "incomplete":
			ref.Lifecycle = lifecycle
		default:
			return fault.New(fault.Invalid, "query-parameter", "the query parameter lifecycle may only be incomplete")
		}
	}
	doc, err := h.service.Party(call.Context(), call.Caller, ref)
	if err != nil {
		return err
	}
	return shown(call, doc, h.path(doc))
}

func (h partyHandlers) update(call *rest.Call) error {
	object, ifMatch, err := replaced(call)
	if err != nil {
		return err
	}
	content, info, want, err := commit(call)
	if err != nil {
		return err
	}
	doc, err := h.service.UpdateParty(call.Context(), call.Caller, h.class, object, ifMatch, content, info)
	if err != nil {
		return err
	}
	return written(call, want, doc, h.path(doc), http.StatusOK, http.StatusNoContent)
}

func (h partyHandlers) delete(call *rest.Call) error {
	uid, err := call.VersionUID("uid_based_id")
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	// RM Common IM, Logical Deletion: a deletion has one lifecycle state.
	if state, err := cdr.LifecycleCode(info.Lifecycle); info.Lifecycle != "" && (err != nil || state != cdr.Deleted) {
		return fault.New(fault.Invalid, "lifecycle-not-deleted", "a deletion can only have the lifecycle state 523, deleted")
	}
	doc, err := h.service.DeleteParty(call.Context(), call.Caller, h.class, uid, call.VolunteeredIfMatch(), info)
	if err != nil {
		return err
	}
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
	call.SetLocation(h.path(doc))
	return call.Empty(http.StatusNoContent)
}
