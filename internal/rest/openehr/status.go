package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

type statusService interface {
	Status(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	UpdateStatus(ctx context.Context, caller cdr.Caller, ehr, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	VersionedStatus(ctx context.Context, caller cdr.Caller, ehr string) (cdr.Versioned, error)
	StatusVersion(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	StatusHistory(ctx context.Context, caller cdr.Caller, ehr string) ([]byte, error)
	MayWithhold(ctx context.Context, caller cdr.Caller) bool
}

func statusRoutes(service statusService) []rest.Route {
	h := statusHandlers{service}
	at, versioned := root+"/ehr/:ehr_id/ehr_status", root+"/ehr/:ehr_id/versioned_ehr_status"
	return []rest.Route{
		{Method: http.MethodGet, Path: at, Access: rest.RecordRead, Handler: h.atTime},
		{Method: http.MethodPut, Path: at, Access: rest.RecordWrite, Consumes: media, Handler: h.update},
		{Method: http.MethodGet, Path: at + "/:version_uid", Access: rest.RecordRead, Handler: h.byVersion},
		{Method: http.MethodGet, Path: versioned, Access: rest.RecordRead, Handler: h.versioned},
		{Method: http.MethodGet, Path: versioned + "/revision_history", Access: rest.RecordRead, Handler: h.history},
		{Method: http.MethodGet, Path: versioned + "/version", Access: rest.RecordRead, Handler: h.versionAtTime},
		{Method: http.MethodGet, Path: versioned + "/version/:version_uid", Access: rest.RecordRead, Handler: h.version},
	}
}

type statusHandlers struct{ service statusService }

// read opens a GET: the format, the EHR and the time asked for.
func read(call *rest.Call) (ehr string, ref cdr.VersionRef, err error) {
	if _, err = accepted(call); err != nil {
		return
	}
	if ehr, err = call.UUID("ehr_id"); err != nil {
		return
	}
	ref.At, err = call.AtTime()
	return
}

func (h statusHandlers) atTime(call *rest.Call) error {
	ehr, ref, err := read(call)
	if err != nil {
		return err
	}
	return h.show(call, ehr, ref)
}

func (h statusHandlers) byVersion(call *rest.Call) error {
	ehr, _, err := read(call)
	if err != nil {
		return err
	}
	ref, err := versionOf(call, "")
	if err != nil {
		return err
	}
	return h.show(call, ehr, ref)
}

func (h statusHandlers) show(call *rest.Call, ehr string, ref cdr.VersionRef) error {
	doc, err := h.service.Status(call.Context(), call.Caller, ehr, ref)
	if err != nil {
		return err
	}
	return shown(call, doc, pathOf("ehr", ehr, "ehr_status", doc.VersionUID))
}

func (h statusHandlers) update(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	ifMatch, err := call.IfMatch()
	if err != nil {
		return err
	}
	content, info, want, err := commit(call)
	if err != nil {
		return err
	}
	doc, err := h.service.UpdateStatus(call.Context(), call.Caller, ehr, ifMatch, content, info)
	if err != nil {
		return err
	}
	return written(call, want, doc, pathOf("ehr", ehr, "ehr_status", doc.VersionUID), http.StatusOK, http.StatusNoContent)
}

func (h statusHandlers) versioned(call *rest.Call) error {
	ehr, _, err := read(call)
	if err != nil {
		return err
	}
	object, err := h.service.VersionedStatus(call.Context(), call.Caller, ehr)
	return container(call, object, err)
}

func (h statusHandlers) history(call *rest.Call) error {
	ehr, _, err := read(call)
	if err != nil {
		return err
	}
	text, err := h.service.StatusHistory(call.Context(), call.Caller, ehr)
	if err == nil {
		disclose(call, h.service.MayWithhold(call.Context(), call.Caller))
	}
	return history(call, text, err)
}

func (h statusHandlers) versionAtTime(call *rest.Call) error {
	ehr, ref, err := read(call)
	if err != nil {
		return err
	}
	doc, err := h.service.StatusVersion(call.Context(), call.Caller, ehr, ref)
	return enveloped(call, doc, err)
}

func (h statusHandlers) version(call *rest.Call) error {
	ehr, _, err := read(call)
	if err != nil {
		return err
	}
	ref, err := versionOf(call, "")
	if err != nil {
		return err
	}
	doc, err := h.service.StatusVersion(call.Context(), call.Caller, ehr, ref)
	return enveloped(call, doc, err)
}

// container answers a read of a VERSIONED_OBJECT.
func container(call *rest.Call, object cdr.Versioned, err error) error {
	if err != nil {
		return err
	}
	call.SetETag(object.ObjectID)
	call.SetLastModified(object.Latest.Committed)
	disclose(call, object.Withheld)
	// A container never changes: what it holds is not in it.
	if call.Unchanged(object.ObjectID) {
		return call.Empty(http.StatusNotModified)
	}
	return send(call, http.StatusOK, object.JSON)
}
