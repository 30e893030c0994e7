package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type archetypeService interface {
	UploadArchetype(ctx context.Context, caller cdr.Caller, adl []byte) (cdr.StoredArchetype, bool, error)
	Archetypes(ctx context.Context, caller cdr.Caller) ([]cdr.ArchetypeInfo, error)
	Archetype(ctx context.Context, caller cdr.Caller, id string) (cdr.StoredArchetype, error)
	DeleteArchetype(ctx context.Context, caller cdr.Caller, id string) error
}

// archetypeRoutes extend the API: the specification's definition endpoints know
// templates and queries only.
func archetypeRoutes(service archetypeService) []rest.Route {
	h := archetypeHandlers{service}
	at := root + "/definition/archetype/adl1.4"
	return []rest.Route{
		{Method: http.MethodPost, Path: at, Access: rest.DefinitionWrite, Consumes: []string{rest.Text}, Handler: h.upload},
		{Method: http.MethodGet, Path: at, Access: rest.DefinitionRead, Handler: h.list},
		{Method: http.MethodGet, Path: at + "/:archetype_id", Access: rest.DefinitionRead, Handler: h.get},
		{Method: http.MethodDelete, Path: at + "/:archetype_id", Access: rest.DefinitionWrite, Handler: h.delete},
	}
}

type archetypeHandlers struct{ service archetypeService }

// upload answers 201 for a new archetype, 200 for one whose id is known.
func (h archetypeHandlers) upload(call *rest.Call) error {
	want := call.Prefer()
	if want == rest.Representation {
		if _, err := call.Accept(rest.Text); err != nil {
			return fault.New(fault.NotAcceptable, "archetype-upload-accept", "an uploaded archetype is shown as text/plain")
		}
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	stored, created, err := h.service.UploadArchetype(call.Context(), call.Caller, body)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	call.SetETag(stored.ID)
	call.SetLocation(pathOf("definition", "archetype", "adl1.4", stored.ID))
	switch want {
	case rest.Representation:
		return call.Send(status, rest.Text, []byte(stored.ADL))
	case rest.Identifier:
		return call.JSON(status, map[string]string{"uid": stored.ID})
	}
	return call.Empty(status)
}

type archetypeJSON struct {
	ID       string `json:"archetype_id"`
	Parent   string `json:"parent_archetype_id,omitempty"`
	Class    string `json:"rm_type_name"`
	Concept  string `json:"concept"`
	Language string `json:"original_language"`
	Uploaded string `json:"uploaded_timestamp"`
}

func (h archetypeHandlers) list(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	found, err := h.service.Archetypes(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	from, to, err := call.Page(root+"/definition/archetype/adl1.4", len(found))
	if err != nil {
		return err
	}
	out := make([]archetypeJSON, 0, to-from)
	for _, a := range found[from:to] {
		out = append(out, archetypeJSON{a.ID, a.Parent, a.Class, a.Concept, a.Language, a.Uploaded.UTC().Format("2006-01-02T15:04:05.000Z07:00")})
	}
	return call.JSON(http.StatusOK, out)
}

// get serves the archetype as it was uploaded, byte for byte.
func (h archetypeHandlers) get(call *rest.Call) error {
	if _, err := call.Accept(rest.Text); err != nil {
		return err
	}
	found, err := h.service.Archetype(call.Context(), call.Caller, call.Param("archetype_id"))
	if err != nil {
		return err
	}
	call.SetETag(found.ID)
	return call.Send(http.StatusOK, rest.Text, []byte(found.ADL))
}

func (h archetypeHandlers) delete(call *rest.Call) error {
	if err := h.service.DeleteArchetype(call.Context(), call.Caller, call.Param("archetype_id")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
