package openehr

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

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
	version := gjson.ParseBytes(doc.JSON)
	content := version
	if item := version.Get("item"); item.Exists() {
		content = item // an IMPORTED_VERSION is around the one it brought
	}
	data := content.Get("data").Raw
	if data == "" {
		return fault.New(fault.Internal, "stored-version", "a stored version has no content")
	}
	var out bytes.Buffer
	err = pdf.Print(&out, pdf.Source{
		Document: []byte(data), EHR: doc.EHR, Subject: subjectOf(record), VersionUID: doc.VersionUID, System: systemOf(doc.VersionUID),
		Lifecycle: content.Get("lifecycle_state.value").String(), Committed: doc.Committed,
		Committer: version.Get("commit_audit.committer.name").String(), Printed: time.Now(), Zone: call.Zone(),
	})
	if err != nil {
		return err
	}
	call.Set("Content-Disposition", `attachment; filename="`+doc.ObjectID+`.pdf"`)
	return call.Send(http.StatusOK, rest.PDF, out.Bytes())
}

// subjectOf is what a record calls its person, with the kind of the number.
func subjectOf(record cdr.EHR) string {
	ref := gjson.GetBytes(record.Status.JSON, "subject.external_ref")
	id := ref.Get("id.value").String()
	if ref.Get("namespace").String() == "https://fhir.nhs.uk/Id/nhs-number" && len(id) == 10 {
		return "NHS number " + id[:3] + " " + id[3:6] + " " + id[6:]
	}
	return id
}

// systemOf is the system that made a version: the middle of its uid.
func systemOf(versionUID string) string {
	parts := strings.Split(versionUID, "::")
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// sentPDF is the composition within a PDF.
func sentPDF(call *rest.Call) ([]byte, error) {
	file, err := call.Content()
	if err != nil {
		return nil, err
	}
	return pdf.Attached(file, call.BodyLimit())
}
