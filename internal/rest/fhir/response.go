package fhir

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
)

// response reads a stored composition as a QuestionnaireResponse: the effective
// version, or that of a number. It is never answered by 304: each answer carries
// a token of its own, and an old one runs out.
func (h handlers) response(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	number, err := versionOf(call)
	if err != nil {
		return err
	}
	v, err := view(call)
	if err != nil {
		return err
	}
	issued, err := h.service.Issue(call.Context(), call.Caller, call.Param("id"), number, v)
	if err != nil {
		return err
	}
	return show(call, contentType, issued)
}

// versionOf is the number of a version in the address, 0 without one.
func versionOf(call *rest.Call) (int, error) {
	vid := call.Param("vid")
	if vid == "" {
		return 0, nil
	}
	number, err := strconv.Atoi(vid)
	if err != nil || number < 1 {
		return 0, fault.New(fault.NotFound, "response-unknown", "no such version of the QuestionnaireResponse")
	}
	return number, nil
}

// show answers with a response that was issued.
func show(call *rest.Call, contentType string, issued *form.Issued) error {
	describe(call, issued.Document)
	return send(call, http.StatusOK, contentType, issued.Resource())
}

// disclose says whether what is shown may not be all there is (DESIGN 5a rule 7).
func disclose(call *rest.Call, withheld bool) {
	disclosure := "complete"
	if withheld {
		disclosure = "may-be-withheld"
	}
	call.Set("Quire-Disclosure", disclosure)
}

// describe writes the headers of a version; a blank form has none.
func describe(call *rest.Call, doc cdr.Document) {
	disclose(call, doc.Withheld)
	if doc.VersionUID == "" {
		return
	}
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
}

// store creates a response, or updates the one of an address: both are a submit
// like that of $process-response, answered with the stored response.
func (h handlers) store(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	s := form.Submission{Object: call.Param("id"), IfMatch: call.VolunteeredIfMatch()}
	if query := call.Header("If-None-Exist"); query != "" && s.Object == "" {
		if found, err := h.exists(call, query, v); found || err != nil {
			return err
		}
	}
	done, err := h.submit(call, s)
	if err != nil {
		return err
	}
	if done.Retracted {
		disclose(call, done.Document.Withheld)
		return send(call, http.StatusOK, contentType, informed("deleted", "the response was entered in error and is deleted; its versions stay in the history"))
	}
	if done.Document.VersionUID == "" {
		return send(call, http.StatusOK, contentType, outcome(done))
	}
	describe(call, done.Document)
	call.SetLocation(place(done.Document))
	status := http.StatusOK
	if uid, ok := cdr.ParseVersionUID(done.Document.VersionUID); ok && uid.Number == 1 && !done.Repeated && !done.Unchanged {
		status = http.StatusCreated
	}
	switch preference(call) {
	case "minimal":
		return call.Empty(status)
	case "OperationOutcome":
		return send(call, status, contentType, outcome(done))
	}
	uid, _ := cdr.ParseVersionUID(done.Document.VersionUID)
	issued, err := h.service.Issue(call.Context(), call.Caller, done.Document.ObjectID, uid.Number, v)
	if err != nil {
		return err
	}
	return send(call, status, contentType, issued.Resource())
}

// history lists the versions of a response, the newest first.
func (h handlers) history(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	count, offset, err := window(call)
	if err != nil {
		return err
	}
	id := call.Param("id")
	list, total, err := h.service.History(call.Context(), call.Caller, id, count, offset, v)
	if err != nil {
		return err
	}
	at := "/QuestionnaireResponse/" + id
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "history", Total: &total, Link: pages(call, at+"/_history", []string{"mode", "carry"}, count, offset, offset+count < total)}
	withheld := false
	for _, past := range list {
		entry := fhir.BundleEntry{FullURL: base(call) + at, Response: &fhir.BundleResponse{Status: "200 OK", LastModified: past.Committed, ETag: `W/"` + strconv.Itoa(past.Number) + `"`}}
		switch {
		case past.Issued == nil:
			entry.Request = &fhir.BundleRequest{Method: http.MethodDelete, URL: at[1:]}
			entry.Response.Status = "204 No Content"
		case past.Number == 1:
			entry.Request = &fhir.BundleRequest{Method: http.MethodPost, URL: "QuestionnaireResponse"}
			entry.Response.Status = "201 Created"
		default:
			entry.Request = &fhir.BundleRequest{Method: http.MethodPut, URL: at[1:]}
		}
		if past.Issued != nil {
			entry.Resource = past.Issued.Resource()
			withheld = withheld || past.Issued.Document.Withheld
		}
		bundle.Entry = append(bundle.Entry, entry)
	}
	disclose(call, withheld)
	return send(call, http.StatusOK, contentType, bundle)
}

// provenance reads who committed a version: its id is that of the response, a
// point and the number of the version.
func (h handlers) provenance(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	object, text, _ := strings.Cut(call.Param("id"), ".")
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return fault.New(fault.NotFound, "provenance-unknown", "no such Provenance")
	}
	found, err := h.service.Provenance(call.Context(), call.Caller, object, number)
	if err != nil {
		return err
	}
	return send(call, http.StatusOK, contentType, found)
}

// provenances searches by target, which is one version of a response.
func (h handlers) provenances(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	target := strings.TrimPrefix(strings.TrimPrefix(call.Query("target"), base(call)+"/"), "QuestionnaireResponse/")
	object, version, _ := strings.Cut(target, "/_history/")
	number, err := strconv.Atoi(version)
	if err != nil || number < 1 {
		return fault.New(fault.Invalid, "query-parameter", "the query parameter target is QuestionnaireResponse/{id}/_history/{version}")
	}
	total := 0
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "searchset", Total: &total, Link: pages(call, "/Provenance", []string{"target"}, defaultPage, 0, false)}
	found, err := h.service.Provenance(call.Context(), call.Caller, object, number)
	switch {
	case err == nil:
		total = 1
		bundle.Entry = []fhir.BundleEntry{{FullURL: base(call) + "/Provenance/" + found.ID, Resource: found, Search: &fhir.BundleSearch{Mode: "match"}}}
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return send(call, http.StatusOK, contentType, bundle)
}
