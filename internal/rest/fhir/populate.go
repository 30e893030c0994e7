package fhir

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// asked is what $populate is asked for, by the address and by Parameters.
type asked struct {
	person    form.Person
	canonical string
	// questionnaire is one that was sent along.
	questionnaire []byte
	contexts      map[string]json.RawMessage
	// full: the answer is Parameters with the issues beside the response.
	full bool
}

func readAsked(call *rest.Call) (asked, error) {
	a := asked{person: form.Person{EHR: call.Query("ehr")}, canonical: call.Query("canonical"), contexts: map[string]json.RawMessage{}}
	if a.canonical == "" {
		a.canonical = call.Query("questionnaire")
	}
	if text := call.Query("subject"); text != "" {
		a.person.Subject = &fhir.Reference{Reference: text}
	}
	body, err := call.Content()
	if err != nil && fault.Of(err).Code != "body-missing" {
		return a, err
	}
	if len(body) == 0 {
		return a, nil
	}
	in, err := parameters(body)
	if err != nil {
		return a, err
	}
	a.full = true
	if err := in.person(&a.person); err != nil {
		return a, err
	}
	for _, one := range in.Parameter {
		switch one.Name {
		case "canonical", "questionnaire", "questionnaireRef":
			if len(one.Resource) > 0 {
				a.questionnaire = one.Resource
			}
			for _, text := range []string{one.ValueCanonical, one.ValueURI, one.ValueString} {
				if text != "" {
					a.canonical = text
				}
			}
			if one.ValueReference != nil {
				a.canonical = one.ValueReference.Reference
			}
		case "context", "launchContext":
			a.context(one.Part)
		}
	}
	return a, nil
}

// context keeps a resource that the caller gives for a name of the form.
func (a *asked) context(parts []fhir.Parameter) {
	name := ""
	var content json.RawMessage
	for _, part := range parts {
		switch part.Name {
		case "name":
			name = part.ValueString
		case "content":
			if content = part.Resource; content == nil && part.ValueReference != nil {
				content, _ = json.Marshal(part.ValueReference)
			}
		}
	}
	if name != "" && content != nil {
		a.contexts[name] = content
	}
}

// populate issues a form for a person, filled from the record (SDC 4, Form
// Population).
func (h handlers) populate(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	in, err := readAsked(call)
	if err != nil {
		return err
	}
	id := call.Param("id")
	if in.questionnaire == nil {
		if in.questionnaire, err = h.authored(call, id, in.canonical); err != nil {
			return err
		}
	}
	if in.questionnaire != nil {
		filled, err := h.service.PopulateAuthored(call.Context(), call.Caller, in.questionnaire, in.person, in.contexts, v)
		if err != nil {
			return err
		}
		disclose(call, filled.Withheld)
		return send(call, http.StatusOK, contentType, populated(json.RawMessage(filled.Response), filled.Notes, filled.Withheld))
	}
	if id == "" {
		canonical, _, _ := strings.Cut(in.canonical, "|")
		if id = canonical[strings.LastIndexByte(canonical, '/')+1:]; id == "" {
			return fault.New(fault.Invalid, "questionnaire-missing", "a parameter canonical or questionnaire must say which form")
		}
	}
	issued, err := h.service.Populate(call.Context(), call.Caller, id, in.person, v)
	if err != nil {
		return err
	}
	if !in.full {
		return show(call, contentType, issued)
	}
	text, err := json.Marshal(issued.Response)
	if err != nil {
		return err
	}
	describe(call, issued.Document)
	return send(call, http.StatusOK, contentType, populated(text, issued.Notes, issued.Document.Withheld))
}

// authored finds a form that somebody wrote and that is kept here, by its id or by
// its canonical address; nil where it is none of those.
func (h handlers) authored(call *rest.Call, id, canonical string) ([]byte, error) {
	found := func(r library.Resource, err error) ([]byte, error) {
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		return r.Text(), err
	}
	if id == "" && canonical != "" {
		text, err := found(h.library.Addressed(call.Context(), call.Caller, library.Questionnaire, canonical))
		if text != nil || err != nil {
			return text, err
		}
		local, ours := strings.CutPrefix(strings.TrimPrefix(canonical, base(call)+"/"), "Questionnaire/")
		if !ours {
			return nil, nil
		}
		id, _, _ = strings.Cut(local, "|")
	}
	if id == "" {
		return nil, nil
	}
	return found(h.library.Read(call.Context(), call.Caller, library.Questionnaire, id, 0))
}

// populated is the answer with what was not filled, and why.
func populated(response json.RawMessage, notes []populate.Note, withheld bool) fhir.Parameters {
	out := fhir.Parameters{ResourceType: "Parameters", Parameter: []fhir.Parameter{{Name: "response", Resource: response}}}
	issues := noted(notes)
	if withheld {
		issues = append(issues, fhir.OutcomeIssue{Severity: "information", Code: "suppressed", Details: &fhir.CodeableConcept{Text: "may-be-withheld"},
			Diagnostics: "the record may hold more than you may see; an empty answer does not mean that there is nothing"})
	}
	if len(issues) > 0 {
		// What this package makes can be written.
		text, _ := json.Marshal(fhir.OperationOutcome{ResourceType: "OperationOutcome", Issue: issues})
		out.Parameter = append(out.Parameter, fhir.Parameter{Name: "issues", Resource: text})
	}
	return out
}

func noted(notes []populate.Note) []fhir.OutcomeIssue {
	var out []fhir.OutcomeIssue
	for _, n := range notes {
		out = append(out, fhir.OutcomeIssue{Severity: "information", Code: "informational", Details: &fhir.CodeableConcept{Text: n.Code}, Diagnostics: n.Text,
			Extension: []fhir.Extension{{URL: sdc.ExtLinkID, ValueString: n.LinkID}}})
	}
	return out
}

// assemble puts a modular Questionnaire together (SDC 4, Modular Forms).
func (h handlers) assemble(call *rest.Call) error {
	contentType, v, err := shown(call)
	if err != nil {
		return err
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	if resourceType(body) == "Parameters" {
		in, err := parameters(body)
		if err != nil {
			return err
		}
		body = nil
		for _, one := range in.Parameter {
			if one.Name == "questionnaire" {
				body = one.Resource
			}
		}
	}
	if len(body) == 0 {
		return fault.New(fault.Invalid, "questionnaire-missing", "the parameter questionnaire holds no Questionnaire")
	}
	made, notes, err := h.service.Assemble(call.Context(), call.Caller, body, v)
	if err != nil {
		return err
	}
	if len(notes) == 0 {
		return send(call, http.StatusOK, contentType, json.RawMessage(made))
	}
	// What this package makes can be written.
	text, _ := json.Marshal(fhir.OperationOutcome{ResourceType: "OperationOutcome", Issue: noted(notes)})
	return send(call, http.StatusOK, contentType, fhir.Parameters{ResourceType: "Parameters", Parameter: []fhir.Parameter{
		{Name: "return", Resource: made}, {Name: "outcome", Resource: text}}})
}
