package fhir

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
)

// responseSearch are the search parameters of responses this server applies.
var responseSearch = []string{"_id", "_lastUpdated", "_total", "_summary", "ehr", "subject", "patient", "questionnaire", "status", "authored", "author", "identifier", "based-on", "mode", "carry"}

// responses searches those of one person, the newest first.
func (h handlers) responses(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	s, none, err := responsesOf(call.Query, call.QueryAll)
	if err != nil {
		return err
	}
	if err := h.named(call, &s); err != nil {
		return err
	}
	if s.Count, s.Offset, err = window(call); err != nil {
		return err
	}
	counted := call.Query("_summary") == "count"
	if counted {
		s.Count = 0
	}
	s.Total = call.Query("_total") != "none"
	var page form.Page
	if !none {
		if page, err = h.service.Responses(call.Context(), call.Caller, s, v); err != nil {
			return err
		}
	}
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "searchset", Link: pages(call, "/QuestionnaireResponse", responseSearch, s.Count, s.Offset, page.More && !counted)}
	if s.Total {
		bundle.Total = &page.Total
	}
	withheld := page.Withheld
	for _, one := range page.Issued {
		withheld = withheld || one.Document.Withheld
		bundle.Entry = append(bundle.Entry, fhir.BundleEntry{FullURL: base(call) + "/QuestionnaireResponse/" + one.Response.ID, Resource: one.Resource(), Search: &fhir.BundleSearch{Mode: "match"}})
	}
	disclose(call, withheld)
	return send(call, http.StatusOK, contentType, bundle)
}

// named puts the canonical address of a form that somebody wrote for its id, since
// responses keep the address.
func (h handlers) named(call *rest.Call, s *form.Responses) error {
	id := strings.TrimPrefix(strings.TrimPrefix(s.Questionnaire, base(call)+"/"), "Questionnaire/")
	if id == "" || strings.ContainsAny(id, ":/|") {
		return nil
	}
	r, err := h.library.Read(call.Context(), call.Caller, library.Questionnaire, id, 0)
	if err == nil && r.About.URL != "" {
		s.Questionnaire = r.About.URL
	}
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// lifecycles are the states of the record that statuses of a search mean;
// amended is a complete version that amends another.
var lifecycles = map[string][]string{
	"completed": {cdr.Complete}, "amended": {cdr.Complete}, "in-progress": {cdr.Incomplete}, "stopped": {cdr.Inactive, cdr.Abandoned},
}

// responsesOf reads the parameters of a search; none says that nothing can match.
func responsesOf(query func(string) string, all func(string) []string) (s form.Responses, none bool, err error) {
	s = form.Responses{Person: form.Person{EHR: query("ehr")}, ID: query("_id"), Author: query("author")}
	for _, name := range []string{"subject", "patient"} {
		text := query(name)
		if text == "" {
			continue
		}
		if system, value, ok := strings.Cut(text, "|"); ok {
			s.Person.Subject = &fhir.Reference{Identifier: &fhir.Identifier{System: system, Value: value}}
			continue
		}
		if !strings.Contains(text, "/") {
			text = "Patient/" + text
		}
		s.Person.Subject = &fhir.Reference{Reference: text}
	}
	if text := query("subject:identifier"); text != "" {
		system, value, _ := strings.Cut(text, "|")
		s.Person.Subject = &fhir.Reference{Identifier: &fhir.Identifier{System: system, Value: value}}
	}
	if text := query("identifier"); text != "" {
		system, value, split := strings.Cut(text, "|")
		if !split {
			system, value = "", text
		}
		s.Identifier, s.IdentifierSystem = value, system
	}
	s.BasedOn = query("based-on")
	if text := query("based-on:identifier"); text != "" {
		_, s.BasedOn, _ = strings.Cut(text, "|")
	}
	s.Questionnaire = query("questionnaire")
	statuses := query("status")
	if statuses == "" {
		statuses = "completed,amended"
	}
	amended, completed := false, false
	for status := range strings.SplitSeq(statuses, ",") {
		s.Lifecycles = append(s.Lifecycles, lifecycles[status]...)
		amended, completed = amended || status == "amended", completed || status == "completed"
	}
	if amended != completed {
		s.Amended = &amended
	}
	for name, into := range map[string]*form.Span{"authored": &s.Authored, "_lastUpdated": &s.Updated} {
		for _, text := range all(name) {
			if err := span(into, name, text); err != nil {
				return s, none, err
			}
		}
	}
	return s, len(s.Lifecycles) == 0, nil
}

// exists answers a conditional create whose response is there already (FHIR R4,
// HTTP, Conditional create; DESIGN 5a rule 5). It is asked by identifier.
func (h handlers) exists(call *rest.Call, query string, v form.View) (bool, error) {
	values, err := url.ParseQuery(query[strings.IndexByte(query, '?')+1:])
	if err != nil || values.Get("identifier") == "" {
		return false, fault.New(fault.Invalid, "if-none-exist", "the header If-None-Exist of a response asks for an identifier")
	}
	if values.Get("subject") == "" && values.Get("patient") == "" && values.Get("subject:identifier") == "" {
		values.Set("ehr", call.Query("ehr"))
	}
	if values.Get("status") == "" {
		values.Set("status", "completed,amended,in-progress")
	}
	s, _, err := responsesOf(values.Get, func(name string) []string { return values[name] })
	if err != nil {
		return false, err
	}
	s.Count = 2
	page, err := h.service.Responses(call.Context(), call.Caller, s, v)
	if err != nil || len(page.Issued) == 0 {
		return false, err
	}
	if len(page.Issued) > 1 {
		return false, fault.New(fault.Precondition, "several-exist", "several responses are what If-None-Exist asks for")
	}
	contentType, err := format(call)
	if err != nil {
		return false, err
	}
	describe(call, page.Issued[0].Document)
	call.SetLocation(place(page.Issued[0].Document))
	if preference(call) == "minimal" {
		return true, call.Empty(http.StatusOK)
	}
	return true, send(call, http.StatusOK, contentType, page.Issued[0].Resource())
}

// span reads a date of a search: a prefix, and a year, month, day or instant
// (FHIR R4, Search, Prefixes). The span of a day is in UTC.
func span(into *form.Span, name, text string) error {
	prefix := "eq"
	if len(text) > 2 && text[0] >= 'a' {
		prefix, text = text[:2], text[2:]
	}
	begin, end, ok := library.Moment(text)
	if !ok {
		return fault.New(fault.Invalid, "query-parameter", "the query parameter %s is a date, or an instant with its offset", name)
	}
	switch prefix {
	case "eq":
		into.From, into.Until = begin, end
	case "ge":
		into.From = begin
	case "gt", "sa":
		into.From = end
	case "lt", "eb":
		into.Until = begin
	case "le":
		into.Until = end
	default:
		return fault.New(fault.Invalid, "query-parameter", "the prefixes of %s are eq, ge, gt, le, lt, sa and eb", name)
	}
	return nil
}

// remove deletes a response: a version says that it is gone, the others stay.
func (h handlers) remove(call *rest.Call) error {
	if _, err := format(call); err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	if err := h.service.Delete(call.Context(), call.Caller, call.Param("id"), call.VolunteeredIfMatch(), info); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}
