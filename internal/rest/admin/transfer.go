package admin

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// Transfers is what the acts on whole records need of the use cases.
type Transfers interface {
	Export(ctx context.Context, caller cdr.Caller, ehr string) (func(ctx context.Context, to io.Writer) error, error)
	SubjectAccess(ctx context.Context, caller cdr.Caller, ehr string) (func(ctx context.Context, to io.Writer) error, error)
	EHRs(ctx context.Context, caller cdr.Caller, after string) ([]string, error)
	Import(ctx context.Context, caller cdr.Caller, r transfer.Request) (transfer.Report, error)
	PutPart(ctx context.Context, caller cdr.Caller, ehr, upload string, n int, data []byte) error
	Uploaded(ctx context.Context, caller cdr.Caller, ehr, upload string) (func(ctx context.Context) io.Reader, error)
	Forget(ctx context.Context, ehr, upload string) error
	Merge(ctx context.Context, caller cdr.Caller, target, source, reason string) (transfer.Merged, error)
	Unmerge(ctx context.Context, caller cdr.Caller, target, source string) (transfer.Merged, error)
	Links(ctx context.Context, caller cdr.Caller, ehr string) ([]transfer.Linked, error)
	Move(ctx context.Context, caller cdr.Caller, ehr, object, target, reason string) (transfer.Moved, error)
	Unmove(ctx context.Context, caller cdr.Caller, ehr, object, reason string) (transfer.Moved, error)
}

// wholeRecord is how long a record may take to leave or to come in.
const wholeRecord = 30 * time.Minute

// TransferRoutes is the table of the acts on whole records.
func TransferRoutes(service Transfers) []rest.Route {
	h := transferHandlers{service}
	ehr := "/rest/admin/ehr/:ehr_id"
	lines, object := []string{rest.NDJSON}, []string{rest.JSON}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/rest/admin/ehr", Access: rest.RecordTransfer, Handler: h.ehrs},
		{Method: http.MethodGet, Path: ehr + "/export", Access: rest.RecordTransfer, Deadline: wholeRecord, Handler: h.export},
		{Method: http.MethodGet, Path: ehr + "/subject-access", Access: rest.RecordTransfer, Deadline: wholeRecord, Handler: h.subjectAccess},
		{Method: http.MethodPost, Path: "/rest/admin/ehr/import", Access: rest.RecordTransfer, Deadline: wholeRecord, Consumes: lines, Optional: true, Handler: h.importEHR},
		{Method: http.MethodPut, Path: ehr + "/import/:upload/:n", Access: rest.RecordTransfer, Consumes: lines, Handler: h.part},
		{Method: http.MethodGet, Path: ehr + "/merge", Access: rest.RecordTransfer, Handler: h.links},
		{Method: http.MethodPost, Path: ehr + "/merge", Access: rest.RecordTransfer, Consumes: object, Handler: h.merge},
		{Method: http.MethodDelete, Path: ehr + "/merge/:source_id", Access: rest.RecordTransfer, Handler: h.unmerge},
		{Method: http.MethodPost, Path: ehr + "/composition/:object_id/move-to", Access: rest.RecordTransfer, Consumes: object, Handler: h.move},
		{Method: http.MethodDelete, Path: ehr + "/composition/:object_id/move-to", Access: rest.RecordTransfer, Consumes: object, Handler: h.unmove},
	}
}

type transferHandlers struct{ service Transfers }

func (h transferHandlers) ehrs(call *rest.Call) error {
	list, err := h.service.EHRs(call.Context(), call.Caller, call.Query("after"))
	if err != nil {
		return err
	}
	if list == nil {
		list = []string{}
	}
	return call.JSON(http.StatusOK, map[string][]string{"ehr_ids": list})
}

func (h transferHandlers) export(call *rest.Call) error {
	return h.stream(call, h.service.Export, rest.NDJSON, "ndjson")
}

func (h transferHandlers) subjectAccess(call *rest.Call) error {
	return h.stream(call, h.service.SubjectAccess, "application/zip", "zip")
}

func (h transferHandlers) stream(call *rest.Call, begin func(context.Context, cdr.Caller, string) (func(context.Context, io.Writer) error, error), contentType, extension string) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	write, err := begin(call.Context(), call.Caller, id)
	if err != nil {
		return err
	}
	call.Set("Content-Disposition", `attachment; filename="`+id+"."+extension+`"`)
	return call.Stream(contentType, write)
}

// importEHR reads the body, or what was uploaded in pieces for ehr_id.
func (h transferHandlers) importEHR(call *rest.Call) error {
	r := transfer.Request{Mode: transfer.Mode(call.Query("mode")), DryRun: call.Query("dry_run") == "true"}
	if upload := call.Query("upload"); upload != "" {
		ehr, okEHR := cdr.ObjectUID(call.Query("ehr_id"))
		upload, ok := cdr.ObjectUID(upload)
		if !ok || !okEHR {
			return fault.New(fault.Invalid, "upload", "upload and ehr_id are the UUIDs the pieces were sent with")
		}
		var err error
		if r.Open, err = h.service.Uploaded(call.Context(), call.Caller, ehr, upload); err != nil {
			return err
		}
		report, err := h.service.Import(call.Context(), call.Caller, r)
		if forgot := h.service.Forget(call.Context(), ehr, upload); err == nil {
			err = forgot
		}
		return imported(call, report, err)
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	if body == nil {
		return fault.New(fault.Invalid, "body-missing", "the body is an export, or upload names one that was sent in pieces")
	}
	r.Open = func(context.Context) io.Reader { return bytes.NewReader(body) }
	report, err := h.service.Import(call.Context(), call.Caller, r)
	return imported(call, report, err)
}

func imported(call *rest.Call, report transfer.Report, err error) error {
	switch {
	case err != nil:
		return err
	case report.DryRun:
		return call.JSON(http.StatusOK, report)
	}
	return call.JSON(http.StatusCreated, report)
}

func (h transferHandlers) part(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	upload, err := call.UUID("upload")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(call.Param("n"))
	if err != nil || n < 0 || n > 1<<20 {
		return fault.New(fault.Invalid, "part", "pieces are numbered from 0")
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	if err := h.service.PutPart(call.Context(), call.Caller, ehr, upload, n, body); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h transferHandlers) links(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	list, err := h.service.Links(call.Context(), call.Caller, id)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, map[string]any{"ehr_id": id, "linked": list})
}

func (h transferHandlers) merge(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var body struct {
		Source string `json:"source_ehr_id"`
		Reason string `json:"reason"`
	}
	if err := call.Decode(&body); err != nil {
		return err
	}
	done, err := h.service.Merge(call.Context(), call.Caller, id, body.Source, body.Reason)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, done)
}

func (h transferHandlers) unmerge(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	source, err := call.UUID("source_id")
	if err != nil {
		return err
	}
	done, err := h.service.Unmerge(call.Context(), call.Caller, id, source)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, done)
}

func (h transferHandlers) move(call *rest.Call) error {
	return h.moved(call, func(ehr, object, target, reason string) (transfer.Moved, error) {
		return h.service.Move(call.Context(), call.Caller, ehr, object, target, reason)
	})
}

func (h transferHandlers) unmove(call *rest.Call) error {
	return h.moved(call, func(ehr, object, _, reason string) (transfer.Moved, error) {
		return h.service.Unmove(call.Context(), call.Caller, ehr, object, reason)
	})
}

func (h transferHandlers) moved(call *rest.Call, act func(ehr, object, target, reason string) (transfer.Moved, error)) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	object, err := call.UUID("object_id")
	if err != nil {
		return err
	}
	var body struct {
		Target string `json:"ehr_id"`
		Reason string `json:"reason"`
	}
	if err := call.Decode(&body); err != nil {
		return err
	}
	done, err := act(ehr, object, strings.ToLower(body.Target), body.Reason)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, done)
}
