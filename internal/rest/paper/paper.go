package paper

import (
	"bytes"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/pdf"
	"github.com/quire-cdr/quire/internal/rest"
)

// Send answers with a VERSION of a composition on paper, with the composition
// attached inside; status is the EHR_STATUS that names the person.
func Send(call *rest.Call, doc cdr.Document, status []byte) error {
	source, err := pdf.FromVersion(doc.JSON, status)
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
