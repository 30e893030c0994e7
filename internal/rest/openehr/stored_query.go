package openehr

import (
	"context"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/aql/declare"
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
	// The members of this server follow: the SHA-256 of q, what to give for its
	// parameters and, where it is stored, what it may have got wrong.
	Hash       string              `json:"hash,omitzero"`
	Parameters []declare.Parameter `json:"parameters,omitzero"`
	Warnings   []warningJSON       `json:"warnings,omitzero"`
}

type warningJSON struct {
	Place    string `json:"place"`
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	Found    string `json:"found,omitempty"`
	Expected string `json:"expected,omitempty"`
}

func storedQueryOf(q cdr.StoredQuery) storedQueryJSON {
	out := storedQueryJSON{Name: q.Name, Type: "AQL", Version: q.Version, Saved: q.Saved.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Q: q.AQL}
	if q.Facts == nil {
		return out
	}
	out.Hash, out.Parameters = q.Facts.Hash, q.Facts.Parameters
	for _, w := range q.Facts.Warnings {
		out.Warnings = append(out.Warnings, warningJSON{w.Path, w.Rule, w.Message, w.Found, w.Expected})
	}
	return out
}

// tagged writes the entity tag of a stored query.
func tagged(call *rest.Call, q cdr.StoredQuery) {
	if tag := q.Tag(); tag != "" {
		call.SetETag(tag)
	}
}

// store answers without a body unless it is asked for; Location tells the version
// that was given.
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
	if stored.Facts != nil {
		warn(call, stored.Facts.Warnings)
	}
	if call.Prefer() == rest.Representation {
		return call.JSON(http.StatusOK, storedQueryOf(stored))
	}
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
	tagged(call, found)
	if tag := found.Tag(); tag != "" && call.Unchanged(tag) {
		return call.Empty(http.StatusNotModified)
	}
	return call.JSON(http.StatusOK, storedQueryOf(found))
}

func (h storedQueryHandlers) delete(call *rest.Call) error {
	if err := h.service.DeleteStoredQuery(call.Context(), call.Caller, call.Param("qualified_query_name"), call.Param("version")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
