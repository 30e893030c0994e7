package ecis

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

type compositionJSON struct {
	envelope
	UID         string          `json:"compositionUid,omitempty"`
	EHR         string          `json:"ehrId,omitempty"`
	Template    string          `json:"templateId,omitempty"`
	Format      string          `json:"format,omitempty"`
	Composition json.RawMessage `json:"composition,omitempty"`
}

func compositionPath(uid string) string { return "/composition/" + url.PathEscape(uid) }

func (h handlers) createComposition(call *rest.Call) error {
	ehr := call.Query("ehrId")
	if ehr == "" {
		return fault.New(fault.Invalid, "ehr-id-missing", "the query parameter ehrId must name the record")
	}
	content, of, err := h.submitted(call)
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	doc, err := h.service.CreateComposition(call.Context(), call.Caller, ehr, content, info)
	if err != nil {
		return explained(err, content, of)
	}
	call.SetETag(doc.VersionUID)
	call.SetLocation(root + compositionPath(doc.VersionUID))
	return call.JSON(http.StatusCreated, compositionJSON{envelope: enveloped(call, "CREATE", compositionPath(doc.VersionUID)), UID: doc.VersionUID})
}

// explained adds the keys to what the validator found in a simplified document.
func explained(err error, content cdr.Content, of *cdr.Template) error {
	if f := fault.Of(err); of != nil && len(f.Issues) > 0 {
		of.Simplified().Explain(content.Tree, f.Issues)
	}
	return err
}

func (h handlers) composition(call *rest.Call) error {
	name, err := format(call, "XML")
	if err != nil {
		return err
	}
	ref, err := call.Ref("uid")
	if err != nil {
		return err
	}
	doc, err := h.found(call, ref)
	if err != nil {
		return err
	}
	tree, err := canon.ReadStored(doc.JSON)
	if err != nil {
		return err
	}
	text, err := h.written(call, tree, nil, name)
	if err != nil {
		return err
	}
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
	return call.JSON(http.StatusOK, compositionJSON{
		envelope: enveloped(call, "RETRIEVE", compositionPath(doc.VersionUID)), UID: doc.VersionUID, EHR: doc.EHR,
		Template: doc.Template, Format: name, Composition: text,
	})
}

func (h handlers) updateComposition(call *rest.Call) error {
	ref, err := call.Ref("uid")
	if err != nil {
		return err
	}
	content, of, err := h.submitted(call)
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	before, err := h.found(call, ref)
	if err != nil {
		return err
	}
	doc, err := h.service.UpdateComposition(call.Context(), call.Caller, before.EHR, before.ObjectID, before.VersionUID, content, info)
	if err != nil {
		return explained(err, content, of)
	}
	call.SetETag(doc.VersionUID)
	return call.JSON(http.StatusOK, compositionJSON{envelope: enveloped(call, "UPDATE", compositionPath(doc.VersionUID)), UID: doc.VersionUID})
}

func (h handlers) deleteComposition(call *rest.Call) error {
	ref, err := call.Ref("uid")
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	before, err := h.found(call, ref)
	if err != nil {
		return err
	}
	if _, err := h.service.DeleteComposition(call.Context(), call.Caller, before.EHR, before.VersionUID, call.VolunteeredIfMatch(), info); err != nil {
		return err
	}
	return call.JSON(http.StatusOK, enveloped(call, "DELETE", compositionPath("")))
}

// noRecord is the id of no EHR: of no version and variant that is ever given out.
const noRecord = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// found reads a version of a composition in the record it is in. EhrScape names
// no record, so its answer to what does not exist, was deleted or is hidden from
// the caller is one and the same.
func (h handlers) found(call *rest.Call, ref cdr.VersionRef) (cdr.Document, error) {
	object := ref.Object
	if object == "" {
		object, _, _ = strings.Cut(ref.VersionUID, "::")
	}
	id, err := uuid.FromString(object)
	if err != nil || len(object) != 36 {
		return cdr.Document{}, unknown()
	}
	ehr, err := h.homes.Home(call.Context(), id.String())
	switch {
	case fault.Is(err, fault.NotFound):
		ehr = noRecord // the read refuses it and has it audited
	case err != nil:
		return cdr.Document{}, err
	}
	if named := call.Query("ehrId"); named != "" && !strings.EqualFold(named, ehr) {
		ehr = noRecord
	}
	doc, err := h.service.Composition(call.Context(), call.Caller, ehr, ref)
	if fault.Is(err, fault.NotFound) || err == nil && doc.Deleted {
		return cdr.Document{}, unknown()
	}
	return doc, err
}

func unknown() error {
	return fault.New(fault.NotFound, "composition", "there is no such composition")
}
