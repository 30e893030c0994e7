package fhir

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/sdc"
)

// process commits a filled form.
func (h handlers) process(call *rest.Call) error {
	contentType, err := format(call)
	if err != nil {
		return err
	}
	done, err := h.submit(call, form.Submission{Questionnaire: call.Param("id")})
	if err != nil {
		return err
	}
	if done.Document.VersionUID != "" {
		describe(call, done.Document)
		call.SetLocation(place(done.Document))
	}
	return send(call, http.StatusOK, contentType, outcome(done))
}

// submit reads a submission and processes it.
func (h handlers) submit(call *rest.Call, s form.Submission) (*form.Processed, error) {
	var err error
	s.Person.EHR = call.Query("ehr")
	if s.DryRun, err = flag(call, "dry-run"); err != nil {
		return nil, err
	}
	if s.Info, err = call.CommitInfo(); err != nil {
		return nil, err
	}
	if s.Response, err = call.Content(); err != nil {
		return nil, err
	}
	if resourceType(s.Response) == "Parameters" {
		in, err := parameters(s.Response)
		if err != nil {
			return nil, err
		}
		if err := in.person(&s.Person); err != nil {
			return nil, err
		}
		if s.Response = in.response(); s.Response == nil {
			return nil, fault.New(fault.Invalid, "response-missing", "the Parameters hold no QuestionnaireResponse").With(fault.Issue{
				Path: "Parameters.parameter", Rule: "required", Expected: "a parameter in or response", Message: "the parameter with the QuestionnaireResponse is missing"})
		}
	}
	return h.service.Process(call.Context(), call.Caller, s)
}

// place is the address of a stored response below the base path.
func place(doc cdr.Document) string {
	at := root + "/QuestionnaireResponse/" + doc.ObjectID
	if uid, ok := cdr.ParseVersionUID(doc.VersionUID); ok {
		at += "/_history/" + strconv.Itoa(uid.Number)
	}
	return at
}

// outcome tells what a submission came to. What was removed is listed, each by
// its item (DESIGN 5a rule 4).
func outcome(done *form.Processed) fhir.OperationOutcome {
	note := func(code, text string) fhir.OutcomeIssue {
		return fhir.OutcomeIssue{Severity: "information", Code: "informational", Details: &fhir.CodeableConcept{Text: code}, Diagnostics: text}
	}
	var head fhir.OutcomeIssue
	switch {
	case done.Unchanged:
		head = note("unchanged", "the answers are those of the stored version; nothing was written")
	case done.DryRun:
		head = note("dry-run", "the response can be stored; nothing was written")
	case done.Repeated:
		head = note("repeated", "this submission was stored before; nothing was written")
	default:
		head = note("stored", "the response is stored")
	}
	if done.Document.VersionUID != "" {
		head.Extension = []fhir.Extension{{URL: sdc.ExtVersion, ValueString: done.Document.VersionUID}}
	}
	out := fhir.OperationOutcome{ResourceType: "OperationOutcome", Issue: []fhir.OutcomeIssue{head}}
	for _, linkID := range done.Removed {
		removed := note("removed", "the answer was deleted, as the submission says")
		removed.Extension = []fhir.Extension{{URL: sdc.ExtLinkID, ValueString: linkID}}
		out.Issue = append(out.Issue, removed)
	}
	for _, linkID := range done.Kept {
		kept := note("kept", "no node of the template takes the answer; it is kept with the composition and comes back with the response")
		kept.Extension = []fhir.Extension{{URL: sdc.ExtLinkID, ValueString: linkID}}
		out.Issue = append(out.Issue, kept)
	}
	for _, linkID := range done.Coarsened {
		fuller := note("coarsened", "the date was issued without day or month and came back with the first; it counts as unchanged")
		fuller.Extension = []fhir.Extension{{URL: sdc.ExtLinkID, ValueString: linkID}}
		out.Issue = append(out.Issue, fuller)
	}
	return out
}

// flag reads a query parameter that is true or false.
func flag(call *rest.Call, name string) (bool, error) {
	switch call.Query(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fault.New(fault.Invalid, "query-parameter", "the query parameter %s is true or false", name)
}

// resourceType peeks at the type; what cannot be read is a fault of the reader
// that comes after.
func resourceType(text []byte) string { return gjson.GetBytes(text, "resourceType").String() }

type input struct{ fhir.Parameters }

func parameters(text []byte) (input, error) {
	var in input
	if err := json.Unmarshal(text, &in.Parameters); err != nil || in.ResourceType != "Parameters" {
		return in, fault.New(fault.Invalid, "parameters", "the body is no Parameters resource this operation reads").With(fault.Issue{
			Path: "Parameters", Rule: "json", Expected: "Parameters", Found: in.ResourceType, Message: "the body cannot be read as Parameters"})
	}
	return in, nil
}

// person adds whom the parameters name to what the address says.
func (in input) person(p *form.Person) error {
	for _, one := range in.Parameter {
		switch one.Name {
		case "subject":
			if one.ValueReference == nil {
				return fault.New(fault.Invalid, "subject", "the parameter subject is a Reference")
			}
			p.Subject = one.ValueReference
		case "ehr":
			if p.EHR != "" && !strings.EqualFold(p.EHR, one.ValueString) {
				return fault.New(fault.Conflict, "wrong-person", "the address and the parameter ehr name different records")
			}
			p.EHR = one.ValueString
		}
	}
	return nil
}

// responseParameters are the names clients give the response (SDC 4, and before).
var responseParameters = []string{"in", "response", "questionnaire-response"}

func (in input) response() []byte {
	for _, one := range in.Parameter {
		if slices.Contains(responseParameters, one.Name) && len(one.Resource) > 0 {
			return one.Resource
		}
	}
	return nil
}
