package openehr

import (
	"context"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type storedQueryService interface {
	StoreQuery(ctx context.Context, caller cdr.Caller, name, version, text string) (cdr.StoredQuery, error)
	StoredQuery(ctx context.Context, caller cdr.Caller, name, version string) (cdr.StoredQuery, error)
	StoredQueries(ctx context.Context, caller cdr.Caller, prefix string) ([]cdr.StoredQuery, error)
	DeleteStoredQuery(ctx context.Context, caller cdr.Caller, name, version string) error
}

func storedQueryRoutes(service storedQueryService) []rest.Route {
	h := storedQueryHandlers{service}
	all := root + "/definition/query"
	at := all + "/:qualified_query_name"
	text := []string{rest.Text}
	return []rest.Route{
		{Method: http.MethodGet, Path: all, Access: rest.DefinitionRead, Handler: h.list},
		{Method: http.MethodGet, Path: at, Access: rest.DefinitionRead, Handler: h.list},
		{Method: http.MethodPut, Path: at, Access: rest.DefinitionWrite, Consumes: text, Handler: h.store},
		{Method: http.MethodGet, Path: at + "/:version", Access: rest.DefinitionRead, Handler: h.get},
		{Method: http.MethodPut, Path: at + "/:version", Access: rest.DefinitionWrite, Consumes: text, Handler: h.store},
		{Method: http.MethodDelete, Path: at + "/:version", Access: rest.DefinitionWrite, Handler: h.delete},
	}
}

type storedQueryHandlers struct{ service storedQueryService }

// storedQueryJSON is StoredQuery of the API's definition.
type storedQueryJSON struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Version string `json:"version"`
	Saved   string `json:"saved"`
	Q       string `json:"q"`
}

func storedQueryOf(q cdr.StoredQuery) storedQueryJSON {
	return storedQueryJSON{q.Name, "AQL", q.Version, q.Saved.UTC().Format("2006-01-02T15:04:05.000Z07:00"), q.AQL}
}

// store answers without a body; Location tells the version that was given.
func (h storedQueryHandlers) store(call *rest.Call) error {
	if kind := call.Query("query_type"); kind != "" && !strings.EqualFold(kind, "AQL") {
		return fault.New(fault.Invalid, "query-type", "query_type may only be AQL")
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	stored, err := h.service.StoreQuery(call.Context(), call.Caller, call.Param("qualified_query_name"), call.Param("version"), string(body))
	if err != nil {
		return err
	}
	call.SetLocation(pathOf("definition", "query", stored.Name, stored.Version))
	return call.Empty(http.StatusOK)
}

func (h storedQueryHandlers) list(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	name := call.Param("qualified_query_name")
	found, err := h.service.StoredQueries(call.Context(), call.Caller, name)
	if err != nil {
		return err
	}
	path := pathOf("definition", "query")
	if name != "" {
		path = pathOf("definition", "query", name)
	}
	from, to, err := call.Page(path, len(found))
	if err != nil {
		return err
	}
	out := make([]storedQueryJSON, 0, to-from)
	for _, q := range found[from:to] {
		out = append(out, storedQueryOf(q))
	}
	return call.JSON(http.StatusOK, out)
}

func (h storedQueryHandlers) get(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	found, err := h.service.StoredQuery(call.Context(), call.Caller, call.Param("qualified_query_name"), call.Param("version"))
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, storedQueryOf(found))
}

func (h storedQueryHandlers) delete(call *rest.Call) error {
	if err := h.service.DeleteStoredQuery(call.Context(), call.Caller, call.Param("qualified_query_name"), call.Param("version")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
