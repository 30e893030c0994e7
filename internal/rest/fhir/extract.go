package fhir

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/sdc"
)

// Extractor is what $extract and the system's $process-response need.
type Extractor interface {
	Stored(ctx context.Context, caller cdr.Caller, object string, number int) (*form.Extracted, error)
	Posted(ctx context.Context, caller cdr.Caller, s form.Submission) (*form.Extracted, error)
	Process(ctx context.Context, caller cdr.Caller, s form.Submission) (*form.Extracted, error)
}

// ExtractRoutes is the table of what makes resources of responses.
func ExtractRoutes(x Extractor) []rest.Route {
	h := extractHandlers{x}
	body := []string{rest.FHIRJSON, rest.JSON}
	at := root + "/QuestionnaireResponse"
	routes := []rest.Route{
		{Method: http.MethodPost, Path: at + "/$extract", Access: rest.FormRead, Consumes: body, Handler: h.posted},
		{Method: http.MethodGet, Path: at + "/:id/$extract", Access: rest.FormRead, Handler: h.stored},
		{Method: http.MethodPost, Path: at + "/:id/$extract", Access: rest.FormRead, Consumes: body, Optional: true, Handler: h.stored},
		{Method: http.MethodGet, Path: at + "/:id/_history/:vid/$extract", Access: rest.FormRead, Handler: h.stored},
		{Method: http.MethodPost, Path: root + "/$process-response", Access: rest.FormWrite, Consumes: body, Handler: h.process},
	}
	for n := range routes {
		routes[n].Errors = rest.FHIR
	}
	return routes
}

type extractHandlers struct{ extractor Extractor }

// through reads a submission as every submit does, and sends it another way.
type through struct {
	Service
	do   func(context.Context, cdr.Caller, form.Submission) (*form.Extracted, error)
	done *form.Extracted
}

// Process keeps what came of it.
func (t *through) Process(ctx context.Context, caller cdr.Caller, s form.Submission) (_ *form.Processed, err error) {
	if t.done, err = t.do(ctx, caller, s); err != nil {
		return nil, err
	}
	return t.done.Processed, nil
}

// stored extracts from a stored response, which any stored composition can be
// read as.
func (h extractHandlers) stored(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	number, err := versionOf(call)
	if err != nil {
		return err
	}
	done, err := h.extractor.Stored(call.Context(), call.Caller, call.Param("id"), number)
	if err != nil {
		return err
	}
	return answer(call, contentType, done)
}

// posted extracts from a response in the body; nothing is written.
func (h extractHandlers) posted(call *rest.Call) error {
	return h.submitted(call, h.extractor.Posted)
}

// process judges, stores and extracts a response, and tells its ways out; with
// dry-run=true it writes nothing.
func (h extractHandlers) process(call *rest.Call) error {
	return h.submitted(call, h.extractor.Process)
}

func (h extractHandlers) submitted(call *rest.Call, do func(context.Context, cdr.Caller, form.Submission) (*form.Extracted, error)) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	way := &through{do: do}
	if _, err := (handlers{service: way}).submit(call, form.Submission{}); err != nil {
		return err
	}
	done := way.done
	if p := done.Processed; p != nil && p.Document.VersionUID != "" {
		describe(call, p.Document)
		call.SetLocation(place(p.Document))
	}
	return answer(call, contentType, done)
}

// answer writes the parameters of the operation: return is the Bundle, issues what
// became no resource, by name; of a submission also what it came to and which
// destinations its messages go to.
func answer(call *rest.Call, contentType string, done *form.Extracted) error {
	disclose(call, done.Withheld)
	out := fhir.Parameters{ResourceType: "Parameters"}
	add := func(name string, resource any) error {
		text, err := json.Marshal(resource)
		if err != nil {
			return err
		}
		out.Parameter = append(out.Parameter, fhir.Parameter{Name: name, Resource: text})
		return nil
	}
	if done.Processed != nil {
		if err := add("outcome", outcome(done.Processed)); err != nil {
			return err
		}
	}
	if err := add("return", done.Bundle); err != nil {
		return err
	}
	issues := fhir.OperationOutcome{ResourceType: "OperationOutcome", Issue: []fhir.OutcomeIssue{}}
	note := func(severity, code, text string, extensions ...fhir.Extension) {
		issues.Issue = append(issues.Issue, fhir.OutcomeIssue{Extension: extensions, Severity: severity, Code: "informational", Details: &fhir.CodeableConcept{Text: code}, Diagnostics: text})
	}
	for _, r := range done.Refusals {
		var at []fhir.Extension
		if r.AQLPath != "" {
			at = []fhir.Extension{{URL: sdc.ExtPath, ValueString: r.AQLPath}}
		}
		note("warning", r.Reason, r.Message, at...)
	}
	for _, w := range done.Ways {
		switch {
		case w.Kept:
			note("information", "exit", "a message goes to "+w.Destination)
		case w.Reason != "":
			note("warning", "exit-"+w.Reason, "no message can be made for "+w.Destination+": "+w.Field)
		}
	}
	if len(issues.Issue) > 0 {
		if err := add("issues", issues); err != nil {
			return err
		}
	}
	return send(call, http.StatusOK, contentType, out)
}
