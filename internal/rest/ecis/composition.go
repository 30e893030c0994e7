package ecis

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

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

// found reads a version of a composition. A deleted one is not found, as clients
// expect here.
func (h handlers) found(call *rest.Call, ref cdr.VersionRef) (cdr.Document, error) {
	ehr, err := h.ehrOf(call, ref)
	if err != nil {
		return cdr.Document{}, err
	}
	doc, err := h.service.Composition(call.Context(), call.Caller, ehr, ref)
	if err == nil && doc.Deleted {
		err = unknown()
	}
	return doc, err
}

func unknown() error {
	return fault.New(fault.NotFound, "composition", "there is no such composition")
}

// ehrOf finds the record that a composition is in: by the query parameter ehrId,
// which EhrScape does not have, else by a query that the caller must be allowed
// to run over all records.
func (h handlers) ehrOf(call *rest.Call, ref cdr.VersionRef) (string, error) {
	if ehr := call.Query("ehrId"); ehr != "" {
		return ehr, nil
	}
	object := ref.Object
	if object == "" {
		object, _, _ = strings.Cut(ref.VersionUID, "::")
	}
	found, err := h.service.Query(call.Context(), call.Caller, cdr.QueryRequest{
		Text:   "SELECT e/ehr_id/value FROM EHR e CONTAINS COMPOSITION c WHERE c/uid/value LIKE $uid LIMIT 1",
		Params: map[string]any{"uid": object + "::*"},
	})
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	if _, err := found.WriteTo(&text); err != nil {
		return "", err
	}
	var set struct {
		Rows [][]string `json:"rows"`
	}
	if err := json.Unmarshal(text.Bytes(), &set); err != nil {
		return "", err
	}
	if len(set.Rows) == 0 {
		return "", unknown()
	}
	return set.Rows[0][0], nil
}
