package fhir

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/sdc"
)

// questionnaire reads one form in the client's language.
func (h handlers) questionnaire(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	found, err := h.service.Form(call.Context(), call.Caller, call.Param("id"))
	if err != nil {
		return err
	}
	if vid := call.Param("vid"); vid != "" && vid != found.Version {
		return fault.New(fault.NotFound, "questionnaire-unknown", "no such version of the Questionnaire")
	}
	v, err := view(call)
	if err != nil {
		return err
	}
	language := found.Language(languages(call))
	call.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Authorization, Prefer")
	call.Set("Content-Language", language)
	tag := found.Version
	if language != found.Template.Compiled.Language {
		tag += "-" + language
	}
	if v.Mode != sdc.FormMode {
		tag += "-" + string(v.Mode)
	}
	call.SetETag(tag)
	if call.Unchanged(tag) {
		return call.Empty(http.StatusNotModified)
	}
	text, err := h.service.Questionnaire(found, v, language)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, contentType, text)
}

const (
	// templateParameter is the search parameter of the template id.
	templateParameter = "openehr-template"

	// The size of a page; forms are large.
	defaultPage = 10
	largestPage = 50
)

// searchable are the search parameters this server applies; others are ignored,
// and the self link says which were not (FHIR R4, Search, Handling errors).
var searchable = []string{"_id", "url", "version", "status", templateParameter, "mode"}

// search answers with a page of forms by template id.
func (h handlers) search(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	s, none, err := searchOf(call)
	if err != nil {
		return err
	}
	var found form.Found
	if !none {
		if found, err = h.service.Search(call.Context(), call.Caller, s); err != nil {
			return err
		}
	}
	v, err := view(call)
	if err != nil {
		return err
	}
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "searchset", Total: &found.Total, Link: links(call, s, found.Total)}
	for _, one := range found.Forms {
		text, err := h.service.Questionnaire(one, v, one.Language(languages(call)))
		if err != nil {
			return err
		}
		bundle.Entry = append(bundle.Entry, fhir.BundleEntry{FullURL: one.Canonical(base(call)), Resource: json.RawMessage(text), Search: &fhir.BundleSearch{Mode: "match"}})
	}
	call.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Authorization, Prefer")
	return send(call, http.StatusOK, contentType, bundle)
}

// searchOf reads the parameters; none says that nothing can match.
func searchOf(call *rest.Call) (s form.Search, none bool, err error) {
	s = form.Search{ID: call.Query("_id"), Template: call.Query(templateParameter), Version: call.Query("version"), Count: defaultPage}
	if canonical, version, _ := strings.Cut(call.Query("url"), "|"); canonical != "" {
		id, ours := strings.CutPrefix(canonical, base(call)+"/Questionnaire/")
		none = !ours || s.ID != "" && s.ID != id || version != "" && s.Version != "" && s.Version != version
		s.ID = id
		if version != "" {
			s.Version = version
		}
	}
	if status := call.Query("status"); status != "" && !slices.Contains(strings.Split(status, ","), "active") {
		none = true
	}
	s.Count, s.Offset, err = window(call)
	return s, none, err
}

// window reads which part of a list is wanted.
func window(call *rest.Call) (size, before int, err error) {
	size = defaultPage
	count, err := call.QueryInt("_count")
	if err != nil {
		return 0, 0, err
	}
	if count != nil {
		size = min(*count, largestPage)
	}
	offset, err := call.QueryInt("_offset")
	if err != nil {
		return 0, 0, err
	}
	if offset != nil {
		if *offset > 1<<20 {
			return 0, 0, fault.New(fault.Invalid, "query-parameter", "the query parameter _offset is out of range")
		}
		before = *offset
	}
	return size, before, nil
}

// links are those of a page of forms: itself, with the parameters that were
// applied, and its neighbours.
func links(call *rest.Call, s form.Search, total int) []fhir.BundleLink {
	return pages(call, "/Questionnaire", searchable, s.Count, s.Offset, s.Offset+s.Count < total)
}

func pages(call *rest.Call, at string, parameters []string, size, before int, more bool) []fhir.BundleLink {
	link := func(relation string, offset int) fhir.BundleLink {
		q := url.Values{}
		for _, name := range parameters {
			for _, value := range call.QueryAll(name) {
				q.Add(name, value)
			}
		}
		q.Set("_count", strconv.Itoa(size))
		if offset > 0 {
			q.Set("_offset", strconv.Itoa(offset))
		}
		return fhir.BundleLink{Relation: relation, URL: base(call) + at + "?" + q.Encode()}
	}
	out := []fhir.BundleLink{link("self", before)}
	if size > 0 && more {
		out = append(out, link("next", before+size))
	}
	if size > 0 && before > 0 {
		out = append(out, link("previous", max(0, before-size)))
	}
	return out
}
