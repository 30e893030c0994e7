package openehr

import (
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/pdf"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/paper"
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
	return paper.Send(call, doc, record.Status.JSON)
}

// sentPDF is the composition within a PDF.
func sentPDF(call *rest.Call) ([]byte, error) {
	file, err := call.Content()
	if err != nil {
		return nil, err
	}
	return pdf.Attached(file, call.BodyLimit())
}
