package form

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// Library keeps Questionnaires that somebody wrote.
type Library interface {
	// Authored finds one by its canonical address, with |version or without;
	// NotFound where there is none.
	Authored(ctx context.Context, caller cdr.Caller, canonical string) ([]byte, error)
}

// AuthoredFilled is an authored form, filled.
type AuthoredFilled struct {
	Response []byte
	Notes    []populate.Note
	Withheld bool
}

// authoredWork is one authored form being filled for a caller.
type authoredWork struct {
	*Forms
	ctx     context.Context
	caller  cdr.Caller
	profile *access.Profile
	ehr     string
	view    View
}

// PopulateAuthored fills a Questionnaire that somebody wrote from its own
// expressions, observation links and queries, with the caller's rights.
func (f *Forms) PopulateAuthored(ctx context.Context, caller cdr.Caller, questionnaire []byte, person Person, contexts map[string]json.RawMessage, v View) (*AuthoredFilled, error) {
	ehr, err := f.find(ctx, caller, person)
	if err != nil {
		return nil, err
	}
	found, err := f.Service.EHR(ctx, caller, ehr)
	if err != nil {
		return nil, err
	}
	p, err := f.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	w := &authoredWork{f, ctx, caller, p, ehr, v}
	a := &populate.Authored{Now: f.Clock.Now(), Context: map[string]fhirpath.Value{}, Fetch: w.fetch, Observed: w.observed, AQL: w.aql}
	for name, resource := range contexts {
		value, err := fhirpath.Read(resource)
		if err != nil {
			return nil, fault.New(fault.Invalid, "context", "the context %s cannot be read", name).Because(err)
		}
		a.Context[name] = value
	}
	for name, resource := range w.known(found) {
		if _, given := a.Context[name]; !given {
			if value, err := fhirpath.Read(resource); err == nil {
				a.Context[name] = value
			}
		}
	}
	r, notes, err := a.Fill(questionnaire)
	if err != nil {
		return nil, err
	}
	r.Subject = subject(ehr)
	text, err := json.Marshal(r)
	return &AuthoredFilled{Response: text, Notes: notes, Withheld: f.Service.MayWithhold(ctx, caller)}, err
}

// known are the contexts of the launch that this server can tell itself: the
// person by the identifiers of the record, and who asks.
func (w *authoredWork) known(ehr cdr.EHR) map[string][]byte {
	patient := map[string]any{"resourceType": "Patient", "id": w.ehr}
	var status struct {
		Subject struct {
			Ref struct {
				Namespace string `json:"namespace"`
				ID        struct {
					Value string `json:"value"`
				} `json:"id"`
			} `json:"external_ref"`
		} `json:"subject"`
	}
	if json.Unmarshal(ehr.Status.JSON, &status) == nil && status.Subject.Ref.ID.Value != "" {
		patient["identifier"] = []fhir.Identifier{{System: status.Subject.Ref.Namespace, Value: status.Subject.Ref.ID.Value}}
	}
	out := map[string][]byte{}
	// What this package makes can be written.
	out["patient"], _ = json.Marshal(patient)
	out["user"], _ = json.Marshal(map[string]any{"resourceType": "Practitioner", "name": []map[string]string{{"text": w.caller.Name}}})
	return out
}

// fetch answers the FHIR queries this server serves about the one person.
func (w *authoredWork) fetch(query string) (fhirpath.Collection, bool, error) {
	kind, text, _ := strings.Cut(query, "?")
	if kind == "Patient/"+w.ehr {
		ehr, err := w.Service.EHR(w.ctx, w.caller, w.ehr)
		if err != nil {
			return nil, true, err
		}
		value, err := fhirpath.Read(w.known(ehr)["patient"])
		return fhirpath.Collection{value}, true, err
	}
	if kind != "QuestionnaireResponse" {
		return nil, false, nil
	}
	parameters, err := url.ParseQuery(text)
	if err != nil {
		return nil, true, err
	}
	s := Responses{Person: Person{EHR: w.ehr}, Count: 20}
	for name, values := range parameters {
		switch name {
		case "subject", "patient":
			if strings.TrimPrefix(values[0], "Patient/") != w.ehr {
				return nil, true, wrongPerson()
			}
		case "questionnaire":
			s.Questionnaire = values[0]
		default:
			return nil, false, nil
		}
	}
	page, err := w.Responses(w.ctx, w.caller, s, w.view)
	if err != nil {
		return nil, true, err
	}
	bundle := fhir.Bundle{ResourceType: "Bundle", Type: "searchset"}
	for _, one := range page.Issued {
		bundle.Entry = append(bundle.Entry, fhir.BundleEntry{Resource: one.Resource()})
	}
	encoded, err := json.Marshal(bundle)
	if err != nil {
		return nil, true, err
	}
	value, err := fhirpath.Read(encoded)
	return fhirpath.Collection{value}, true, err
}

// aql gives the first column of a query that is fixed to the record.
func (w *authoredWork) aql(query string) (fhirpath.Collection, error) {
	set, err := w.Service.Query(w.ctx, w.caller, cdr.QueryRequest{Text: query, EHR: w.ehr, Fetch: 200, Params: map[string]any{"ehr_id": w.ehr}})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if _, err := set.WriteTo(&out); err != nil {
		return nil, err
	}
	var result struct {
		Rows [][]json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return nil, err
	}
	var values fhirpath.Collection
	for _, row := range result.Rows {
		if len(row) == 0 || string(row[0]) == "null" {
			continue
		}
		value, err := fhirpath.Read(row[0])
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// observed finds the newest observation with a code: the code is that of an
// answer in some template, and the entry of its archetype is searched for.
func (w *authoredWork) observed(code fhir.Coding, since time.Time) (*populate.Observed, error) {
	templates, err := w.Service.Templates(w.ctx, w.caller)
	if err != nil {
		return nil, err
	}
	var tried []string
	for _, t := range templates {
		form, err := w.ByTemplate(w.ctx, w.caller, t.ID)
		if err != nil {
			return nil, err
		}
		for _, of := range form.SDC.Coded(code.System, code.Code) {
			want := populate.Want{Item: of.Entry, Archetype: form.SDC.Template.Node(of.Entry.Node).Archetype}
			key := want.Archetype + of.Path
			if slices.Contains(tried, key) || !want.Item.Class.IsA(rminfo.OBSERVATION) {
				continue
			}
			tried = append(tried, key)
			want.Rule = populate.Rule{Of: want.Archetype, Window: w.Clock.Now().Sub(since)}
			sources, err := w.sources(w.ctx, w.caller, w.profile, w.ehr, t.Family, []populate.Want{want})
			if err != nil {
				return nil, err
			}
			chosen, _ := populate.Choose(form.SDC, []populate.Want{want}, sources, populate.Moment{Now: w.Clock.Now(), Zone: w.Zone})
			filled, err := populate.Fill(form.SDC, chosen, sdc.FormMode)
			if err != nil {
				return nil, err
			}
			if a := answered(filled.Items, of.Item.LinkID); a != nil {
				event := cdr.Event{Action: "R", EHR: w.ehr, Object: chosen[0].Source.Version, Template: t.Family, Basis: "populate"}
				if err := w.audited(w.ctx, w.caller, w.profile, event); err != nil {
					return nil, err
				}
				return &populate.Observed{Answer: *a, Source: a.Extension[0]}, nil
			}
		}
	}
	return nil, nil
}

// answered is the first answer of a linkId.
func answered(items []fhir.ResponseItem, linkID string) *fhir.Answer {
	for n := range items {
		if i := &items[n]; i.LinkID == linkID && len(i.Answer) > 0 && len(i.Answer[0].Extension) > 0 {
			return &i.Answer[0]
		}
		if a := answered(items[n].Item, linkID); a != nil {
			return a
		}
	}
	return nil
}

// Assemble puts a modular Questionnaire together from forms that are kept here.
func (f *Forms) Assemble(ctx context.Context, caller cdr.Caller, questionnaire []byte, v View) ([]byte, []populate.Note, error) {
	return populate.Assemble(questionnaire, func(canonical string) ([]byte, error) {
		if f.Library != nil {
			text, err := f.Library.Authored(ctx, caller, canonical)
			if err == nil || !fault.Is(err, fault.NotFound) {
				return text, err
			}
		}
		id, version := canonicalID(canonical)
		form, err := f.Form(ctx, caller, id)
		if err != nil {
			return nil, err
		}
		if version != "" && version != form.Version {
			return nil, fault.New(fault.NotFound, "questionnaire-unknown", "no such version of the Questionnaire")
		}
		return f.Questionnaire(form, v, form.Language(nil))
	})
}
