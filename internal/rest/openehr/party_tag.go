package openehr

import (
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

// partyTags is what the tags of parties need of the use cases.
type partyTags interface {
	partyService
	tagService
}

func partyTagRoutes(service partyTags) []rest.Route {
	routes := []rest.Route{{Method: http.MethodGet, Path: root + "/demographic/tags", Access: rest.PartyRead, Handler: partyTagHandlers{service: service}.list}}
	for _, class := range cdr.PartyClasses {
		h := partyTagHandlers{service, class}
		at := root + "/demographic/" + strings.ToLower(class) + "/:uid_based_id/tags"
		routes = append(routes,
			rest.Route{Method: http.MethodGet, Path: at, Access: rest.PartyRead, Handler: h.get},
			rest.Route{Method: http.MethodPut, Path: at, Access: rest.PartyWrite, Consumes: []string{rest.JSON}, Handler: h.put},
			rest.Route{Method: http.MethodDelete, Path: at + "/+", Access: rest.PartyWrite, Handler: h.delete})
	}
	return routes
}

// partyTagHandlers serve the tags of parties of one class.
type partyTagHandlers struct {
	service partyTags
	class   string
}

// list gives the tags of all parties, unpaged.
func (h partyTagHandlers) list(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	text, err := h.service.PartyTags(call.Context(), call.Caller, tagFilters(call))
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, rest.JSON, text)
}

func (h partyTagHandlers) get(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	ref, err := h.ref(call)
	if err != nil {
		return err
	}
	text, err := h.service.ItemTags(call.Context(), call.Caller, cdr.Demographics, cdr.KindParty, ref)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, rest.JSON, text)
}

func (h partyTagHandlers) put(call *rest.Call) error {
	ref, err := h.ref(call)
	if err != nil {
		return err
	}
	want, err := preferJSON(call)
	if err != nil {
		return err
	}
	tags, err := sentTags(call)
	if err != nil {
		return err
	}
	text, err := h.service.PutItemTags(call.Context(), call.Caller, cdr.Demographics, cdr.KindParty, ref, tags)
	if err != nil {
		return err
	}
	return putTags(call, want, text)
}

// delete takes the rest of the path as the key, which may hold slashes.
func (h partyTagHandlers) delete(call *rest.Call) error {
	ref, err := h.ref(call)
	if err != nil {
		return err
	}
	if err := h.service.DeleteItemTags(call.Context(), call.Caller, cdr.Demographics, cdr.KindParty, ref, call.Param("+")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h partyTagHandlers) ref(call *rest.Call) (cdr.VersionRef, error) {
	ref, err := call.Ref("uid_based_id")
	ref.Class = h.class
	return ref, err
}
