package fhir

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
)

// wish is what $expand and $validate-code are asked, by the address or by
// Parameters.
type wish struct {
	id, url, version, filter, language string
	code, system, display              string
	count, offset                      *int
	// sent is a ValueSet that came with the request.
	sent []byte
}

func readWish(call *rest.Call) (w wish, err error) {
	w = wish{id: call.Param("id"), url: call.Query("url"), version: call.Query("valueSetVersion"), filter: call.Query("filter"), language: call.Query("displayLanguage"),
		code: call.Query("code"), system: call.Query("system"), display: call.Query("display")}
	if w.count, err = call.QueryInt("count"); err != nil {
		return w, err
	}
	if w.offset, err = call.QueryInt("offset"); err != nil {
		return w, err
	}
	if call.IsGet() || !call.HasBody() {
		return w, nil
	}
	body, err := call.Content()
	if err != nil {
		return w, err
	}
	in, err := parameters(body)
	if err != nil {
		return w, err
	}
	for _, one := range in.Parameter {
		if err := w.take(one); err != nil {
			return w, err
		}
	}
	return w, nil
}

// take reads one parameter of the body.
func (w *wish) take(p fhir.Parameter) error {
	text := cmp.Or(p.ValueString, p.ValueURI, p.ValueCanonical, p.ValueCode)
	number := func(into **int) error {
		if p.ValueInteger == nil || *p.ValueInteger < 0 {
			return fault.New(fault.Invalid, "parameters", "the parameter %s is a number that is not negative", p.Name)
		}
		*into = p.ValueInteger
		return nil
	}
	switch p.Name {
	case "url":
		w.url = text
	case "valueSetVersion":
		w.version = text
	case "filter":
		w.filter = text
	case "displayLanguage":
		w.language = text
	case "code":
		w.code = text
	case "system":
		w.system = text
	case "display":
		w.display = text
	case "count":
		return number(&w.count)
	case "offset":
		return number(&w.offset)
	case "coding":
		if p.ValueCoding != nil {
			w.code, w.system, w.display = p.ValueCoding.Code, p.ValueCoding.System, p.ValueCoding.Display
		}
	case "codeableConcept":
		if p.ValueCodeable != nil && len(p.ValueCodeable.Coding) > 0 {
			c := p.ValueCodeable.Coding[0]
			w.code, w.system, w.display = c.Code, c.System, c.Display
		}
	case "valueSet":
		w.sent = p.Resource
	}
	return nil
}

// expanded is a value set with its codes.
func (h handlers) expanded(call *rest.Call, w wish) (*fhir.ValueSet, error) {
	call.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Authorization, Prefer")
	wishes := languages(call)
	if w.language != "" {
		wishes = append([]string{w.language}, wishes...)
	}
	language := ""
	if len(wishes) > 0 {
		language = wishes[0]
	}
	known := func(_ context.Context, canonical string) ([]fhir.ValueSetContains, error) {
		set, err := h.derivedSet(call, "", canonical, wishes)
		if err != nil {
			return nil, err
		}
		return set.Expansion.Contains, nil
	}
	var r library.Resource
	var err error
	switch {
	case w.sent != nil:
		if r, err = library.Passing(library.ValueSet, w.sent); err != nil {
			return nil, err
		}
	case w.id != "":
		r, err = h.library.Read(call.Context(), call.Caller, library.ValueSet, w.id, 0)
	case w.url != "":
		canonical := w.url
		if w.version != "" {
			canonical, _, _ = strings.Cut(canonical, "|")
			canonical += "|" + w.version
		}
		r, err = h.library.Addressed(call.Context(), call.Caller, library.ValueSet, canonical)
	default:
		return nil, fault.New(fault.Invalid, "query-parameter", "the parameter url names the value set")
	}
	if fault.Is(err, fault.NotFound) && fault.Of(err).Code != library.DeletedCode {
		return h.derivedSet(call, w.id, w.url, wishes)
	}
	if err != nil {
		return nil, err
	}
	codes, err := h.library.Codes(call.Context(), call.Caller, r, language, known)
	if err != nil {
		return nil, err
	}
	a := r.About
	return &fhir.ValueSet{ResourceType: "ValueSet", ID: r.ID, URL: a.URL, Version: a.Version, Name: a.Name, Title: a.Title, Status: a.Status,
		Expansion: &fhir.ValueSetExpansion{Timestamp: r.Committed.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Contains: codes}}, nil
}

// derivedSet is a value set of a template or of the openEHR terminology, by its id
// or its canonical address.
func (h handlers) derivedSet(call *rest.Call, id, canonical string, wishes []string) (*fhir.ValueSet, error) {
	v, err := view(call)
	if err != nil {
		return nil, err
	}
	if id == "" {
		address, _, _ := strings.Cut(canonical, "|")
		if id = valueSetID(call, address); id == "" {
			return nil, fault.New(fault.NotFound, "valueset-unknown", "no such ValueSet")
		}
	}
	return h.service.ValueSet(call.Context(), call.Caller, id, wishes, v)
}

// openEHRGroups is where the groups of the openEHR terminology have their
// canonical addresses.
const openEHRGroups = "http://openehr.org/id/openehr/"

// valueSetID is the id within a canonical address, "" of one that is not ours.
func valueSetID(call *rest.Call, canonical string) string {
	if group, ok := strings.CutPrefix(canonical, openEHRGroups); ok {
		return "openehr-" + strings.ReplaceAll(group, "_", "-")
	}
	id, ok := strings.CutPrefix(canonical, base(call)+"/ValueSet/")
	if !ok {
		return ""
	}
	return id
}

// valueSet reads the definition of a value set of a template.
func (h handlers) valueSet(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	call.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Authorization, Prefer")
	set, err := h.derivedSet(call, call.Param("id"), "", languages(call))
	if err != nil {
		return err
	}
	if vid := call.Param("vid"); vid != "" && vid != set.Version {
		return fault.New(fault.NotFound, "valueset-unknown", "no such version of the ValueSet")
	}
	defined := *set
	defined.Expansion = nil
	text, err := json.Marshal(defined)
	if err != nil {
		return err
	}
	if text, err = summary(call, library.ValueSet, text); err != nil {
		return err
	}
	return call.Send(http.StatusOK, contentType, text)
}

// valueSetEditions is the history of a value set made of a template: its id names
// the content of the template, so that it has one version.
func (h handlers) valueSetEditions(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	set, err := h.derivedSet(call, call.Param("id"), "", languages(call))
	if err != nil {
		return err
	}
	defined, total, at := *set, 1, library.ValueSet+"/"+call.Param("id")
	defined.Expansion = nil
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "history", Total: &total, Link: pages(call, "/"+at+"/_history", nil, defaultPage, 0, false),
		Entry: []fhir.BundleEntry{{FullURL: base(call) + "/" + at, Resource: defined, Request: &fhir.BundleRequest{Method: http.MethodPut, URL: at},
			Response: &fhir.BundleResponse{Status: "201 Created", ETag: `W/"` + set.Version + `"`}}}}
	return send(call, http.StatusOK, contentType, bundle)
}

// valueSets lists those of templates that a search asks for: by id, by canonical
// address, or by template. There are many more than anybody lists.
func (h handlers) valueSets(call *rest.Call, s search) ([]listed, error) {
	var found []fhir.ValueSet
	one := func(id, canonical string) error {
		set, err := h.derivedSet(call, id, canonical, languages(call))
		if err == nil {
			found = append(found, *set)
		} else if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	named := false
	for _, f := range s.filters {
		if named || s.template != "" || f.Modifier != "" || f.Name != "_id" && f.Name != "url" {
			continue
		}
		named = true
		for _, value := range f.Values {
			id, canonical := value, ""
			if f.Name == "url" {
				id, canonical = "", value
			}
			if err := one(id, canonical); err != nil {
				return nil, err
			}
		}
	}
	if s.template != "" {
		v, err := view(call)
		if err != nil {
			return nil, err
		}
		if found, err = h.service.ValueSets(call.Context(), call.Caller, s.template, languages(call), v); err != nil {
			return nil, err
		}
	}
	var out []listed
	for _, set := range found {
		set.Expansion = nil
		text, err := json.Marshal(set)
		if err != nil {
			return nil, err
		}
		head := library.Head{ID: set.ID, About: library.AboutOf(library.ValueSet, text)}
		if head.Matches(s.filters) {
			out = append(out, listed{base(call) + "/ValueSet/" + set.ID, func() ([]byte, error) { return text, nil }})
		}
	}
	return out, nil
}

// expand lists the codes of a value set, those with filter in their words.
func (h handlers) expand(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	w, err := readWish(call)
	if err != nil {
		return err
	}
	found, err := h.expanded(call, w)
	if err != nil {
		return err
	}
	// What the service gives is shared.
	set, expansion := *found, *found.Expansion
	codes := expansion.Contains
	if filter := strings.ToLower(w.filter); filter != "" {
		codes = slices.DeleteFunc(slices.Clone(codes), func(c fhir.ValueSetContains) bool {
			return !strings.Contains(strings.ToLower(c.Display), filter) && !strings.EqualFold(c.Code, filter)
		})
	}
	total := len(codes)
	if w.offset != nil {
		codes = codes[min(*w.offset, len(codes)):]
	}
	if w.count != nil {
		codes = codes[:min(*w.count, len(codes))]
	}
	expansion.Total, expansion.Offset, expansion.Contains = &total, w.offset, codes
	set.Expansion = &expansion
	return send(call, http.StatusOK, contentType, set)
}

// validateCode says whether a code belongs to a value set, and whether the words
// that were given are its own.
func (h handlers) validateCode(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	w, err := readWish(call)
	if err != nil {
		return err
	}
	if w.code == "" {
		return fault.New(fault.Invalid, "query-parameter", "the parameter code, coding or codeableConcept is missing")
	}
	set, err := h.expanded(call, w)
	if err != nil {
		return err
	}
	result, message, words := false, "the value set does not hold the code", ""
	for _, c := range set.Expansion.Contains {
		if c.Code != w.code || w.system != "" && w.system != c.System {
			continue
		}
		if result, words, message = true, c.Display, ""; w.display != "" && w.display != c.Display {
			result, message = false, "the code is called otherwise"
		}
		break
	}
	out := fhir.Parameters{ResourceType: "Parameters", Parameter: []fhir.Parameter{{Name: "result", ValueBoolean: &result}}}
	if message != "" {
		out.Parameter = append(out.Parameter, fhir.Parameter{Name: "message", ValueString: message})
	}
	if words != "" {
		out.Parameter = append(out.Parameter, fhir.Parameter{Name: "display", ValueString: words})
	}
	return send(call, http.StatusOK, contentType, out)
}
