package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// Index is what the operations on promoted paths need of the use cases.
type Index interface {
	List(ctx context.Context, caller cdr.Caller) ([]promotion.Path, error)
	Add(ctx context.Context, caller cdr.Caller, at promotion.Place, force bool) (promotion.Path, error)
	Drop(ctx context.Context, caller cdr.Caller, at promotion.Place) error
	Advise(ctx context.Context, caller cdr.Caller) ([]promotion.Advice, []promotion.Slow, error)
}

// IndexRoutes is the table of the operations on promoted paths.
func IndexRoutes(service Index) []rest.Route {
	h := indexHandlers{service}
	const index = "/rest/admin/index"
	return []rest.Route{
		{Method: http.MethodGet, Path: index, Access: rest.DefinitionRead, Handler: h.list},
		{Method: http.MethodPost, Path: index, Access: rest.DefinitionWrite, Consumes: []string{rest.JSON}, Handler: h.add},
		{Method: http.MethodDelete, Path: index, Access: rest.DefinitionWrite, Handler: h.drop},
		{Method: http.MethodGet, Path: index + "/advice", Access: rest.DefinitionRead, Handler: h.advise},
	}
}

type indexHandlers struct{ service Index }

func (h indexHandlers) list(call *rest.Call) error {
	list, err := h.service.List(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	if list == nil {
		list = []promotion.Path{}
	}
	return call.JSON(http.StatusOK, map[string]any{"paths": list})
}

func (h indexHandlers) add(call *rest.Call) error {
	text, err := call.Content()
	if err != nil {
		return err
	}
	var body struct {
		promotion.Place
		Force bool `json:"force"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return fault.New(fault.Invalid, "index-body", "the body is a JSON object of archetype_id, path and, if it is to be promoted though no data have it, force")
	}
	made, err := h.service.Add(call.Context(), call.Caller, body.Place, body.Force)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusAccepted, made)
}

func (h indexHandlers) drop(call *rest.Call) error {
	err := h.service.Drop(call.Context(), call.Caller, promotion.Place{Archetype: call.Query("archetype_id"), Path: call.Query("path")})
	if err != nil {
		return err
	}
	return call.JSON(http.StatusAccepted, map[string]string{"state": "dropping"})
}

func (h indexHandlers) advise(call *rest.Call) error {
	list, slow, err := h.service.Advise(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	if slow == nil {
		slow = []promotion.Slow{}
	}
	return call.JSON(http.StatusOK, map[string]any{"advice": list, "slow_queries": slow})
}
