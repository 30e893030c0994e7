package openehr

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type ehrService interface {
	CreateEHR(ctx context.Context, caller cdr.Caller, id string, status *cdr.Content, info cdr.CommitInfo) (cdr.EHR, error)
	EHR(ctx context.Context, caller cdr.Caller, id string) (cdr.EHR, error)
	EHRBySubject(ctx context.Context, caller cdr.Caller, namespace, id string) (cdr.EHR, error)
}

func ehrRoutes(service ehrService) []rest.Route {
	h := ehrHandlers{service}
	return []rest.Route{
		{Method: http.MethodPost, Path: root + "/ehr", Access: rest.RecordCreate, Consumes: media, Optional: true, Handler: h.create},
		{Method: http.MethodGet, Path: root + "/ehr", Access: rest.RecordRead, Handler: h.bySubject},
		{Method: http.MethodPut, Path: root + "/ehr/:ehr_id", Access: rest.RecordCreate, Consumes: media, Optional: true, Handler: h.createWithID},
		{Method: http.MethodGet, Path: root + "/ehr/:ehr_id", Access: rest.RecordRead, Handler: h.get},
	}
}

type ehrHandlers struct{ service ehrService }

func (h ehrHandlers) create(call *rest.Call) error { return h.commit(call, "") }

func (h ehrHandlers) createWithID(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	return h.commit(call, id)
}

func (h ehrHandlers) commit(call *rest.Call, id string) error {
	content, info, want, err := commit(call)
	if err != nil {
		return err
	}
	var status *cdr.Content
	if content.JSON != nil {
		status = &content
	}
	ehr, err := h.service.CreateEHR(call.Context(), call.Caller, id, status, info)
	if err != nil {
		return err
	}
	call.SetETag(ehr.ID)
	call.SetLastModified(ehr.Status.Committed)
	call.SetLocation(pathOf("ehr", ehr.ID))
	switch want {
	case rest.Representation:
		return showEHR(call, http.StatusCreated, ehr)
	case rest.Identifier:
		return call.JSON(http.StatusCreated, map[string]string{"uid": ehr.ID})
	}
	return call.Empty(http.StatusCreated)
}

func (h ehrHandlers) get(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	return h.show(call, func() (cdr.EHR, error) { return h.service.EHR(call.Context(), call.Caller, id) })
}

func (h ehrHandlers) bySubject(call *rest.Call) error {
	namespace, id := call.Query("subject_namespace"), call.Query("subject_id")
	if namespace == "" || id == "" {
		return fault.New(fault.Invalid, "subject-missing", "subject_id and subject_namespace must both be given")
	}
	return h.show(call, func() (cdr.EHR, error) { return h.service.EHRBySubject(call.Context(), call.Caller, namespace, id) })
}

func (h ehrHandlers) show(call *rest.Call, read func() (cdr.EHR, error)) error {
	if _, err := accepted(call); err != nil {
		return err
	}
	ehr, err := read()
	if err != nil {
		return err
	}
	// The EHR has no version: its resource changes with its status and directory,
	// so the tag names it and answers no condition.
	call.SetETag(ehr.ID)
	if len(ehr.Merged) > 0 {
		call.Set("Quire-Merged", strings.Join(ehr.Merged, ", "))
	}
	if ehr.MergedInto != "" {
		call.Set("Quire-Merged-Into", ehr.MergedInto)
	}
	if call.Manners().LocationOnRead {
		call.SetLocation(pathOf("ehr", ehr.ID))
	}
	return showEHR(call, http.StatusOK, ehr)
}

type objectID struct {
	Type  string `json:"_type"`
	Value string `json:"value"`
}

type objectRef struct {
	Type      string   `json:"_type"`
	ID        objectID `json:"id"`
	Namespace string   `json:"namespace"`
	Class     string   `json:"type"`
}

func containerRef(id, class string) *objectRef {
	return &objectRef{Type: "OBJECT_REF", ID: objectID{"HIER_OBJECT_ID", id}, Namespace: "local", Class: class}
}

// ehrJSON is EHR (RM 1.1.0, EHR Information Model 4.3): the status is named by
// its container (invariant Ehr_status_valid).
type ehrJSON struct {
	Type      string     `json:"_type"`
	SystemID  objectID   `json:"system_id"`
	EHRID     objectID   `json:"ehr_id"`
	Status    any        `json:"ehr_status"`
	Directory *objectRef `json:"directory,omitempty"`
	Created   objectID   `json:"time_created"`
}

// showEHR answers with the resource. XML has a place for the reference only.
func showEHR(call *rest.Call, status int, ehr cdr.EHR) error {
	f, err := accepted(call)
	if err != nil {
		return err
	}
	within := call.Manners().StatusInEHR && ehr.Status.JSON != nil && f.media == rest.JSON
	return sendValue(call, f, status, ehrResource(ehr, within))
}

func ehrResource(ehr cdr.EHR, statusWithin bool) ehrJSON {
	out := ehrJSON{
		Type: "EHR", SystemID: objectID{"HIER_OBJECT_ID", ehr.SystemID}, EHRID: objectID{"HIER_OBJECT_ID", ehr.ID},
		Status:  containerRef(ehr.StatusID, "VERSIONED_EHR_STATUS"),
		Created: objectID{"DV_DATE_TIME", ehr.Created.UTC().Format("2006-01-02T15:04:05.000Z07:00")},
	}
	if statusWithin {
		out.Status = json.RawMessage(ehr.Status.JSON)
	}
	if ehr.DirectoryID != "" {
		out.Directory = containerRef(ehr.DirectoryID, "VERSIONED_FOLDER")
	}
	return out
}
