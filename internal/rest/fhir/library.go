package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
)

// Library is what the API needs of the use cases of authored resources.
type Library interface {
	Read(ctx context.Context, caller cdr.Caller, kind, id string, number int) (library.Resource, error)
	History(ctx context.Context, caller cdr.Caller, kind, id string) ([]library.Head, error)
	Search(ctx context.Context, caller cdr.Caller, kind string, wanted []library.Filter) ([]library.Head, error)
	Addressed(ctx context.Context, caller cdr.Caller, kind, canonical string) (library.Resource, error)
	Write(ctx context.Context, caller cdr.Caller, c library.Change) (library.Resource, bool, error)
	Delete(ctx context.Context, caller cdr.Caller, c library.Change) error
	Codes(ctx context.Context, caller cdr.Caller, r library.Resource, language string, known library.Known) ([]fhir.ValueSetContains, error)
}

// shelf is the handlers of one kind of authored resource.
type shelf struct {
	handlers
	kind string
	// derived are those made of templates; empty where there are none.
	derived derived
}

// derived is what answers for the resources of a kind that are made of templates.
type derived struct {
	read, history rest.Handler
	// list gives those that a search asks for, in their order.
	list func(call *rest.Call, s search) ([]listed, error)
}

// listed is one resource that a search found; text is written when it is shown.
type listed struct {
	url  string
	text func() ([]byte, error)
}

func (s shelf) routes(at string) []rest.Route {
	body := []string{rest.FHIRJSON, rest.JSON}
	return []rest.Route{
		{Method: http.MethodGet, Path: at, Access: rest.FormRead, Handler: s.search},
		searched(at, s.search),
		{Method: http.MethodPost, Path: at, Access: rest.DefinitionWrite, Consumes: body, Handler: s.write},
		{Method: http.MethodGet, Path: at + "/:id", Access: rest.FormRead, Handler: s.read},
		{Method: http.MethodPut, Path: at + "/:id", Access: rest.DefinitionWrite, Consumes: body, Handler: s.write},
		{Method: http.MethodDelete, Path: at + "/:id", Access: rest.DefinitionWrite, Handler: s.remove},
		{Method: http.MethodGet, Path: at + "/:id/_history", Access: rest.FormRead, Handler: s.history},
		{Method: http.MethodGet, Path: at + "/:id/_history/:vid", Access: rest.FormRead, Handler: s.read},
	}
}

func (s shelf) unknown() error {
	return fault.New(fault.NotFound, strings.ToLower(s.kind)+"-unknown", "no such %s", s.kind)
}

// read gives what is kept of an id, else what a template is made into.
func (s shelf) read(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	number := 0
	if vid := call.Param("vid"); vid != "" {
		if number, err = strconv.Atoi(vid); err != nil || number < 1 {
			number = -1 // a template's versions have other names
		}
	}
	r, err := s.library.Read(call.Context(), call.Caller, s.kind, call.Param("id"), number)
	if fault.Is(err, fault.NotFound) && fault.Of(err).Code != library.DeletedCode {
		if s.derived.read == nil {
			return s.unknown()
		}
		return s.derived.read(call)
	}
	if err != nil {
		return err
	}
	tag := strconv.Itoa(r.Number)
	label(call, r)
	if call.Unchanged(tag) {
		return call.Empty(http.StatusNotModified)
	}
	text, err := summary(call, s.kind, r.Text())
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, contentType, text)
}

// label writes the headers of an authored resource.
func label(call *rest.Call, r library.Resource) {
	call.Set("Vary", "Accept, Accept-Encoding, Authorization, Prefer")
	call.SetETag(strconv.Itoa(r.Number))
	call.SetLastModified(r.Committed)
}

// write creates a resource, or makes the next version of the one of an address.
func (s shelf) write(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	c := library.Change{Kind: s.kind, ID: call.Param("id"), Base: base(call)}
	if c.IfMatch, err = ifMatch(call); err != nil {
		return err
	}
	if c.Content, err = call.Content(); err != nil {
		return err
	}
	if query := call.Header("If-None-Exist"); query != "" && c.ID == "" {
		if found, err := s.existing(call, query); err != nil {
			return err
		} else if found != nil {
			return s.wrote(call, http.StatusOK, contentType, *found)
		}
	}
	made, created, err := s.library.Write(call.Context(), call.Caller, c)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return s.wrote(call, status, contentType, made)
}

// wrote answers a write as the client prefers it; without a wish it is shown what
// was made (FHIR R4, HTTP, create: the server's choice).
func (s shelf) wrote(call *rest.Call, status int, contentType string, r library.Resource) error {
	label(call, r)
	call.SetLocation(root + "/" + r.Kind + "/" + r.ID + "/_history/" + strconv.Itoa(r.Number))
	switch preference(call) {
	case "minimal":
		return call.Empty(status)
	case "OperationOutcome":
		return send(call, status, contentType, informed("stored", "version "+strconv.Itoa(r.Number)+" of the "+r.Kind+" is stored"))
	}
	return call.Send(status, contentType, r.Text())
}

func informed(code, text string) fhir.OperationOutcome {
	return fhir.OperationOutcome{ResourceType: "OperationOutcome", Issue: []fhir.OutcomeIssue{{Severity: "information", Code: "informational",
		Details: &fhir.CodeableConcept{Text: code}, Diagnostics: text}}}
}

// existing finds the one resource a conditional create means, nil where there is
// none (FHIR R4, HTTP, Conditional create).
func (s shelf) existing(call *rest.Call, query string) (*library.Resource, error) {
	values, err := url.ParseQuery(query[strings.IndexByte(query, '?')+1:])
	if err != nil {
		return nil, fault.New(fault.Invalid, "if-none-exist", "the header If-None-Exist is a search")
	}
	var filters []library.Filter
	for name, texts := range values {
		for _, text := range texts {
			f, known, err := library.ReadFilter(s.kind, name, text)
			if err != nil {
				return nil, err
			}
			if !known {
				return nil, fault.New(fault.Invalid, "if-none-exist", "the header If-None-Exist asks for %s, which this server does not search by", name)
			}
			filters = append(filters, f)
		}
	}
	if len(filters) == 0 {
		return nil, fault.New(fault.Invalid, "if-none-exist", "the header If-None-Exist is a search")
	}
	found, err := s.library.Search(call.Context(), call.Caller, s.kind, filters)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(found) > 1 {
		return nil, fault.New(fault.Precondition, "several-exist", "%d resources are what If-None-Exist asks for", len(found))
	}
	r, err := s.library.Read(call.Context(), call.Caller, s.kind, found[0].ID, found[0].Number)
	return &r, err
}

// remove deletes a resource; its versions stay.
func (s shelf) remove(call *rest.Call) error {
	if _, err := format(call); err != nil {
		return err
	}
	c := library.Change{Kind: s.kind, ID: call.Param("id")}
	var err error
	if c.IfMatch, err = ifMatch(call); err != nil {
		return err
	}
	if err := s.library.Delete(call.Context(), call.Caller, c); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

// ifMatch is the number of a version in If-Match, 0 without.
func ifMatch(call *rest.Call) (int, error) {
	tag := call.VolunteeredIfMatch()
	if tag == "" {
		return 0, nil
	}
	number, err := strconv.Atoi(tag)
	if err != nil || number < 1 {
		return 0, fault.New(fault.Precondition, "version-not-latest", "If-Match names no version of this resource")
	}
	return number, nil
}

// history lists the versions of a resource, the newest first.
func (s shelf) history(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	count, offset, err := window(call)
	if err != nil {
		return err
	}
	id := call.Param("id")
	list, err := s.library.History(call.Context(), call.Caller, s.kind, id)
	if fault.Is(err, fault.NotFound) && s.derived.history != nil {
		return s.derived.history(call)
	}
	if err != nil {
		return err
	}
	total, at := len(list), s.kind+"/"+id
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "history", Total: &total, Link: pages(call, "/"+at+"/_history", nil, count, offset, offset+count < total)}
	for n, head := range list[min(offset, total):min(offset+count, total)] {
		entry := fhir.BundleEntry{FullURL: base(call) + "/" + at, Response: &fhir.BundleResponse{Status: "200 OK",
			LastModified: head.Committed.UTC().Format("2006-01-02T15:04:05.000Z07:00"), ETag: `W/"` + strconv.Itoa(head.Number) + `"`}}
		before := min(offset, total) + n + 1
		switch {
		case head.Deleted:
			entry.Request, entry.Response.Status = &fhir.BundleRequest{Method: http.MethodDelete, URL: at}, "204 No Content"
		case before >= total || list[before].Deleted:
			entry.Request, entry.Response.Status = &fhir.BundleRequest{Method: http.MethodPut, URL: at}, "201 Created"
		default:
			entry.Request = &fhir.BundleRequest{Method: http.MethodPut, URL: at}
		}
		if !head.Deleted {
			r, err := s.library.Read(call.Context(), call.Caller, s.kind, id, head.Number)
			if err != nil {
				return err
			}
			entry.Resource = json.RawMessage(r.Text())
		}
		bundle.Entry = append(bundle.Entry, entry)
	}
	return send(call, http.StatusOK, contentType, bundle)
}

// search is what one asks for of a kind.
type search struct {
	filters []library.Filter
	// asked are the parameters that were applied, for the links.
	asked []string
	// template is the id of a template, "" without.
	template      string
	count, offset int
}

// common are the parameters of every search that are no filters.
var common = []string{"_count", "_offset", "_format", "_summary", "_elements", "_language", "mode", "_total"}

func (s shelf) asked(call *rest.Call) (out search, err error) {
	if out.count, out.offset, err = window(call); err != nil {
		return out, err
	}
	strict := strings.Contains(call.Header("Prefer"), "handling=strict")
	call.QueryEach(func(name, value string) {
		if err != nil || value == "" {
			return
		}
		f, known, wrong := library.ReadFilter(s.kind, name, value)
		switch {
		case wrong != nil:
			err = wrong
		case known:
			out.filters = append(out.filters, f)
		case name == templateParameter && s.kind != library.CodeSystem:
			out.template = value
		case slices.Contains(common, name):
		case strict:
			err = fault.New(fault.Invalid, "query-parameter", "this server does not search %s by %s", s.kind, name)
			return
		default:
			return
		}
		if !strings.HasPrefix(name, "_count") && name != "_offset" && !slices.Contains(out.asked, name) {
			out.asked = append(out.asked, name)
		}
	})
	return out, err
}

// search answers with a page: what is made of templates, then what was written.
func (s shelf) search(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	wanted, err := s.asked(call)
	if err != nil {
		return err
	}
	var found []listed
	if s.derived.list != nil {
		if found, err = s.derived.list(call, wanted); err != nil {
			return err
		}
	}
	if wanted.template == "" {
		authored, err := s.library.Search(call.Context(), call.Caller, s.kind, wanted.filters)
		if err != nil {
			return err
		}
		for _, head := range authored {
			found = append(found, listed{base(call) + "/" + s.kind + "/" + head.ID, func() ([]byte, error) {
				r, err := s.library.Read(call.Context(), call.Caller, s.kind, head.ID, head.Number)
				return r.Text(), err
			}})
		}
	}
	total := len(found)
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "searchset", Total: &total,
		Link: pages(call, "/"+s.kind, wanted.asked, wanted.count, wanted.offset, wanted.offset+wanted.count < total)}
	call.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Authorization, Prefer")
	if call.Query("_summary") == "count" {
		return send(call, http.StatusOK, contentType, bundle)
	}
	for _, one := range found[min(wanted.offset, total):min(wanted.offset+wanted.count, total)] {
		text, err := one.text()
		if err != nil {
			return err
		}
		if text, err = summary(call, s.kind, text); err != nil {
			return err
		}
		bundle.Entry = append(bundle.Entry, fhir.BundleEntry{FullURL: one.url, Resource: json.RawMessage(text), Search: &fhir.BundleSearch{Mode: "match"}})
	}
	return send(call, http.StatusOK, contentType, bundle)
}
