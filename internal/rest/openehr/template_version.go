package openehr

import (
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// templateVersionJSON is one version of a template.
type templateVersionJSON struct {
	Version string `json:"version"`
	UID     string `json:"uid,omitempty"`
	Created string `json:"created_timestamp"`
	Retired string `json:"retired_timestamp,omitempty"`
	InUse   bool   `json:"in_use"`
	Label   string `json:"sensitivity"`
}

// versions lists the versions of a template; not part of the specification.
func (h templateHandlers) versions(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	list, err := h.service.TemplateVersions(call.Context(), call.Caller, call.Param("template_id"))
	if err != nil {
		return err
	}
	out := make([]templateVersionJSON, len(list))
	for i, t := range list {
		out[i] = templateVersionJSON{Version: t.Edition(), UID: t.UID, Created: t.Created.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
			InUse: t.Retired.IsZero(), Label: t.Label}
		if !t.Retired.IsZero() {
			out[i].Retired = t.Retired.UTC().Format("2006-01-02T15:04:05.000Z07:00")
		}
	}
	return call.JSON(http.StatusOK, out)
}

// judge answers the dry run of an upload: 200 with what it would do.
// What is wrong with the template itself is answered as the upload would be.
func (h templateHandlers) judge(call *rest.Call, source []byte) error {
	impact, err := h.service.JudgeTemplate(call.Context(), call.Caller, source, upload(call))
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, impact)
}

// upload is what the query parameters say of an upload.
func upload(call *rest.Call) cdr.TemplateUpload {
	return cdr.TemplateUpload{Label: call.Query("label"), Version: call.Query("version")}
}

// pinned reads the version of a template that a client names: in the header
// openehr-template-version, or the query parameter version.
func pinned(call *rest.Call) (string, error) {
	header, parameter := call.Header("openehr-template-version"), call.Query("version")
	if header != "" && parameter != "" && header != parameter {
		return "", fault.New(fault.Invalid, "template-version", "the header openehr-template-version and the query parameter version differ")
	}
	if header != "" {
		return header, nil
	}
	return parameter, nil
}
