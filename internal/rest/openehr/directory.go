package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

type directoryService interface {
	CreateDirectory(ctx context.Context, caller cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	UpdateDirectory(ctx context.Context, caller cdr.Caller, ehr, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	DeleteDirectory(ctx context.Context, caller cdr.Caller, ehr, ifMatch string, info cdr.CommitInfo) (cdr.Document, error)
	Directory(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef, path string) (cdr.Document, error)
}

func directoryRoutes(service directoryService) []rest.Route {
	h := directoryHandlers{service}
	at := root + "/ehr/:ehr_id/directory"
	return []rest.Route{
		{Method: http.MethodPost, Path: at, Access: rest.RecordWrite, Consumes: media, Handler: h.create},
		{Method: http.MethodGet, Path: at, Access: rest.RecordRead, Handler: h.atTime},
		{Method: http.MethodPut, Path: at, Access: rest.RecordWrite, Consumes: media, Handler: h.update},
		{Method: http.MethodDelete, Path: at, Access: rest.RecordWrite, Handler: h.delete},
		{Method: http.MethodGet, Path: at + "/:version_uid", Access: rest.RecordRead, Handler: h.byVersion},
	}
}

type directoryHandlers struct{ service directoryService }

func directoryPath(doc cdr.Document) string {
	return pathOf("ehr", doc.EHR, "directory", doc.VersionUID)
}

func (h directoryHandlers) create(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	content, info, want, err := commit(call)
	if err != nil {
		return err
	}
	doc, err := h.service.CreateDirectory(call.Context(), call.Caller, ehr, content, info)
	if err != nil {
		return err
	}
	return written(call, want, doc, directoryPath(doc), http.StatusCreated, call.Manners().MinimalCreate)
}

func (h directoryHandlers) atTime(call *rest.Call) error {
	ehr, ref, err := read(call)
	if err != nil {
		return err
	}
	return h.show(call, ehr, ref)
}

// byVersion shows the FOLDER of a version and no envelope.
func (h directoryHandlers) byVersion(call *rest.Call) error {
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

func (h directoryHandlers) show(call *rest.Call, ehr string, ref cdr.VersionRef) error {
	doc, err := h.service.Directory(call.Context(), call.Caller, ehr, ref, call.Query("path"))
	if err != nil {
		return err
	}
	return shown(call, doc, directoryPath(doc))
}

// update leaves a missing If-Match to the use case: without a directory the
// answer is 404 whatever the header says.
func (h directoryHandlers) update(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	content, info, want, err := commit(call)
	if err != nil {
		return err
	}
	doc, err := h.service.UpdateDirectory(call.Context(), call.Caller, ehr, call.VolunteeredIfMatch(), content, info)
	if err != nil {
		return err
	}
	return written(call, want, doc, directoryPath(doc), http.StatusOK, http.StatusNoContent)
}

func (h directoryHandlers) delete(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	doc, err := h.service.DeleteDirectory(call.Context(), call.Caller, ehr, call.VolunteeredIfMatch(), info)
	if err != nil {
		return err
	}
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
	return call.Empty(http.StatusNoContent)
}
