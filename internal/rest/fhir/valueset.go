package fhir

import (
	"net/http"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
)

// named finds the value set of an address: by its id, or by url.
func (h handlers) named(call *rest.Call) (*fhir.ValueSet, error) {
	v, err := view(call)
	if err != nil {
		return nil, err
	}
	id := call.Param("id")
	if id == "" {
		canonical, _, _ := strings.Cut(call.Query("url"), "|")
		if canonical == "" {
			return nil, fault.New(fault.Invalid, "query-parameter", "the query parameter url names the value set")
		}
		if id = valueSetID(call, canonical); id == "" {
			return nil, fault.New(fault.NotFound, "valueset-unknown", "no such ValueSet")
		}
	}
	call.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Authorization, Prefer")
	return h.service.ValueSet(call.Context(), call.Caller, id, languages(call), v)
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

// valueSet reads the definition of one value set.
func (h handlers) valueSet(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	set, err := h.named(call)
	if err != nil {
		return err
	}
	set.Expansion = nil
	return send(call, http.StatusOK, contentType, set)
}

// valueSets searches by id, by canonical address, or by template.
func (h handlers) valueSets(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	count, offset, err := window(call)
	if err != nil {
		return err
	}
	var found []fhir.ValueSet
	id := call.Query("_id")
	if canonical, _, _ := strings.Cut(call.Query("url"), "|"); canonical != "" {
		id = valueSetID(call, canonical)
	}
	switch template := call.Query(templateParameter); {
	case id != "":
		set, err := h.service.ValueSet(call.Context(), call.Caller, id, languages(call), v)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil {
			found = append(found, *set)
		}
	case template != "":
		if found, err = h.service.ValueSets(call.Context(), call.Caller, template, languages(call), v); err != nil {
			return err
		}
	case call.Query("url") == "":
		return fault.New(fault.Invalid, "query-parameter", "a search of value sets needs _id, url or %s", templateParameter)
	}
	total := len(found)
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "searchset", Total: &total,
		Link: pages(call, "/ValueSet", []string{"_id", "url", templateParameter}, count, offset, offset+count < total)}
	for _, set := range found[min(offset, total):min(offset+count, total)] {
		set.Expansion = nil
		bundle.Entry = append(bundle.Entry, fhir.BundleEntry{FullURL: base(call) + "/ValueSet/" + set.ID, Resource: set, Search: &fhir.BundleSearch{Mode: "match"}})
	}
	return send(call, http.StatusOK, contentType, bundle)
}

// expand lists the codes of a value set, those with filter in their words.
func (h handlers) expand(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	set, err := h.named(call)
	if err != nil {
		return err
	}
	count, err := call.QueryInt("count")
	if err != nil {
		return err
	}
	offset, err := call.QueryInt("offset")
	if err != nil {
		return err
	}
	codes := set.Expansion.Contains
	if filter := strings.ToLower(call.Query("filter")); filter != "" {
		codes = slices.DeleteFunc(slices.Clone(codes), func(c fhir.ValueSetContains) bool {
			return !strings.Contains(strings.ToLower(c.Display), filter) && !strings.EqualFold(c.Code, filter)
		})
	}
	total := len(codes)
	if offset != nil {
		codes = codes[min(*offset, len(codes)):]
	}
	if count != nil {
		codes = codes[:min(*count, len(codes))]
	}
	set.Expansion.Total, set.Expansion.Offset, set.Expansion.Contains = &total, offset, codes
	return send(call, http.StatusOK, contentType, set)
}

// validateCode says whether a code belongs to a value set, and whether the words
// that were given are its own.
func (h handlers) validateCode(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	code, system, display := call.Query("code"), call.Query("system"), call.Query("display")
	if code == "" {
		return fault.New(fault.Invalid, "query-parameter", "the query parameter code is missing")
	}
	set, err := h.named(call)
	if err != nil {
		return err
	}
	result, message, words := false, "the value set does not hold the code", ""
	for _, c := range set.Expansion.Contains {
		if c.Code != code || system != "" && system != c.System {
			continue
		}
		if result, words, message = true, c.Display, ""; display != "" && display != c.Display {
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
