package fhir

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
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
	found, err := h.service.Edition(call.Context(), call.Caller, call.Param("id"), call.Param("vid"))
	if err != nil {
		return err
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
	if text, err = summary(call, library.Questionnaire, text); err != nil {
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

// forms lists the forms of templates that a search asks for, by template id. What
// needs no Questionnaire is asked first, since writing one takes its time.
func (h handlers) forms(call *rest.Call, s search) ([]listed, error) {
	v, err := view(call)
	if err != nil {
		return nil, err
	}
	wanted := form.Search{Template: s.template, Count: math.MaxInt32}
	var rest []library.Filter
	for _, f := range s.filters {
		switch {
		case f.Modifier == "" && f.Name == "_id" && len(f.Values) == 1 && wanted.ID == "":
			wanted.ID = f.Values[0]
		case f.Modifier == "" && f.Name == "version" && len(f.Values) == 1 && wanted.Version == "":
			wanted.Version = f.Values[0]
		case f.Modifier == "" && f.Name == "url" && len(f.Values) == 1 && wanted.ID == "":
			canonical, version, _ := strings.Cut(f.Values[0], "|")
			id, ours := strings.CutPrefix(canonical, base(call)+"/Questionnaire/")
			if !ours || version != "" && wanted.Version != "" && wanted.Version != version {
				return nil, nil
			}
			wanted.ID = id
			if version != "" {
				wanted.Version = version
			}
		case f.Modifier == "" && f.Name == "status":
			if !slices.Contains(f.Values, "active") {
				return nil, nil
			}
		default:
			rest = append(rest, f)
		}
	}
	whole := len(rest) > 0 || wanted.ID != "" || wanted.Template != "" || wanted.Version != ""
	if !whole {
		wanted.Count, wanted.Offset = s.count, s.offset
	}
	found, err := h.service.Search(call.Context(), call.Caller, wanted)
	if err != nil {
		return nil, err
	}
	var out []listed
	if !whole {
		// The page alone is looked at.
		out = make([]listed, min(s.offset, found.Total), found.Total)
	}
	for _, one := range found.Forms {
		text := func() ([]byte, error) { return h.service.Questionnaire(one, v, one.Language(languages(call))) }
		if len(rest) > 0 {
			written, err := text()
			if err != nil {
				return nil, err
			}
			head := library.Head{ID: one.ID, Committed: one.Template.Created, About: library.AboutOf(library.Questionnaire, written)}
			if !head.Matches(rest) {
				continue
			}
		}
		out = append(out, listed{one.Canonical(base(call)), text})
	}
	if !whole {
		out = out[:found.Total]
	}
	return out, nil
}

// editions lists the forms of all the contents a template has had: the id of a
// form names the content, so each is a resource of its own.
func (h handlers) editions(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	list, err := h.service.Editions(call.Context(), call.Caller, call.Param("id"))
	if err != nil {
		return err
	}
	count, offset, err := window(call)
	if err != nil {
		return err
	}
	total := len(list)
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "history", Total: &total,
		Link: pages(call, "/Questionnaire/"+call.Param("id")+"/_history", []string{"mode"}, count, offset, offset+count < total)}
	for _, one := range list[min(offset, total):min(offset+count, total)] {
		text, err := h.service.Questionnaire(one, v, one.Language(languages(call)))
		if err != nil {
			return err
		}
		bundle.Entry = append(bundle.Entry, fhir.BundleEntry{FullURL: one.Canonical(base(call)), Resource: json.RawMessage(text),
			Request: &fhir.BundleRequest{Method: http.MethodPut, URL: "Questionnaire/" + one.ID},
			Response: &fhir.BundleResponse{Status: "201 Created", LastModified: one.Template.Created.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
				ETag: `W/"` + one.Version + `"`}})
	}
	return send(call, http.StatusOK, contentType, bundle)
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

// pages are the links of a page: itself, with the parameters that were applied,
// and its neighbours.
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
