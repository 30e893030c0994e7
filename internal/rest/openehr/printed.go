package openehr

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/pdf"
	"github.com/quire-cdr/quire/internal/rest"
)

// sentMedia are the types a composition may be sent in: a PDF that was printed
// here holds its composition.
var sentMedia = append(append([]string{}, compositionMedia...), rest.PDF)

// wantsPDF says whether the client likes a PDF best.
func wantsPDF(call *rest.Call) bool {
	best, err := call.Accept(sentMedia...)
	return err == nil && best == rest.PDF && call.Query("format") == "" || strings.EqualFold(call.Query("format"), "PDF")
}

// print answers with a composition as a PDF. It is a read like any other, of the
// VERSION, which says who committed it.
func (h compositionHandlers) print(call *rest.Call, ehr string, ref cdr.VersionRef) error {
	doc, err := h.service.CompositionVersion(call.Context(), call.Caller, ehr, ref)
	if err != nil {
		return err
	}
	describe(call, doc)
	if doc.Deleted {
		return call.Empty(http.StatusNoContent)
	}
	record, err := h.service.EHR(call.Context(), call.Caller, ehr)
	if err != nil {
		return err
	}
	source, err := pdf.FromVersion(doc.JSON, record.Status.JSON)
	if err != nil {
		return fault.New(fault.Internal, "stored-version", "a stored version has no content").Because(err)
	}
	source.EHR, source.VersionUID, source.Committed, source.Printed, source.Zone = doc.EHR, doc.VersionUID, doc.Committed, time.Now(), call.Zone()
	var out bytes.Buffer
	if err := pdf.Print(&out, source); err != nil {
		return err
	}
	call.Set("Content-Disposition", `attachment; filename="`+doc.ObjectID+`.pdf"`)
	return call.Send(http.StatusOK, rest.PDF, out.Bytes())
}

// sentPDF is the composition within a PDF.
func sentPDF(call *rest.Call) ([]byte, error) {
	file, err := call.Content()
	if err != nil {
		return nil, err
	}
	return pdf.Attached(file, call.BodyLimit())
}
