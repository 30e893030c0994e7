package form

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
)

// Bindings keeps the binding files that were registered.
type Bindings interface {
	// Binding is the file of a foreign form by its canonical address without a
	// version, "" where none is registered.
	Binding(ctx context.Context, questionnaire string) (string, error)
	// PutBinding registers a file in place of the one before.
	PutBinding(ctx context.Context, questionnaire, template, text, by string, audit cdr.Event) error
}

// foreign is the binding of a form from elsewhere, nil where there is none: a
// registered one, else a shipped one.
func (f *Forms) foreign(ctx context.Context, caller cdr.Caller, questionnaire string) (*Form, *binding.Form, error) {
	if questionnaire == "" {
		return nil, nil, nil
	}
	if id, _ := canonicalID(questionnaire); id != "" {
		if _, ours := f.names.GetIfPresent(id); ours {
			return nil, nil, nil
		}
	}
	b := f.Shipped[questionnaire]
	if f.Bindings != nil {
		text, err := f.Bindings.Binding(ctx, questionnaire)
		if err != nil {
			return nil, nil, err
		}
		if text != "" {
			if b, err = binding.Read([]byte(text)); err != nil {
				return nil, nil, fault.New(fault.Internal, "stored-binding", "a registered binding cannot be read").Because(err)
			}
		}
	}
	if b == nil {
		return nil, nil, nil
	}
	form, err := f.ByTemplate(ctx, caller, b.Template)
	if err != nil {
		return nil, nil, err
	}
	bound, err := binding.Bind(b, form.SDC)
	return form, bound, err
}

// Bind registers a binding file. Its template must be there, and every path and
// code of the file must be the template's.
func (f *Forms) Bind(ctx context.Context, caller cdr.Caller, text []byte) (*binding.Form, error) {
	p, err := f.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if !p.MayUse(templatesArea) {
		return nil, f.deny(ctx, caller, cdr.Event{Action: "C"}, fault.New(fault.Forbidden, "binding-forbidden", "binding a form needs the right to manage templates"), "")
	}
	if f.Bindings == nil {
		return nil, fault.New(fault.NotImplemented, "bindings", "this server keeps no bindings")
	}
	b, err := binding.Read(text)
	if err != nil {
		return nil, err
	}
	form, err := f.ByTemplate(ctx, caller, b.Template)
	if err != nil {
		return nil, err
	}
	bound, err := binding.Bind(b, form.SDC)
	if err != nil {
		return nil, err
	}
	audit := cdr.Event{Action: "U", Object: b.Questionnaire, Template: form.Template.Family, Outcome: "success", Principal: p.Principal, Role: p.Role,
		Org: caller.Organisation, Purpose: caller.Purpose, Source: caller.Source, RequestID: caller.RequestID, Epoch: p.Epoch}
	return bound, f.Bindings.PutBinding(ctx, b.Questionnaire, b.Template, string(text), caller.Subject, audit)
}

// templatesArea is the administrative area of templates, whose managers bind forms.
const templatesArea = "templates"

// Binding is the file of a foreign form as it is in force, shown to who may use
// its template.
func (f *Forms) Binding(ctx context.Context, caller cdr.Caller, questionnaire string) ([]byte, error) {
	_, b, err := f.foreign(ctx, caller, questionnaire)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fault.New(fault.NotFound, "binding-unknown", "no form of this address is bound to a template")
	}
	return b.Write()
}

// envelope is what this server reads of a foreign response beside its answers.
type envelope struct {
	ID            string           `json:"id"`
	Identifier    *fhir.Identifier `json:"identifier"`
	Questionnaire string           `json:"questionnaire"`
	Status        string           `json:"status"`
	Subject       *fhir.Reference  `json:"subject"`
	Authored      string           `json:"authored"`
	Author        *fhir.Reference  `json:"author"`

	BasedOn   json.RawMessage `json:"basedOn"`
	Contained json.RawMessage `json:"contained"`
	Modifier  json.RawMessage `json:"modifierExtension"`
	Implicit  json.RawMessage `json:"implicitRules"`
}

// response is the envelope without answers.
func (e *envelope) response() *fhir.QuestionnaireResponse {
	r := &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", ID: e.ID, Questionnaire: e.Questionnaire, Identifier: e.Identifier, Status: e.Status,
		Subject: e.Subject, Authored: e.Authored, Author: e.Author}
	for _, member := range []fhir.UnknownMember{{Name: "basedOn", Value: e.BasedOn}, {Name: "contained", Value: e.Contained}, {Name: "modifierExtension", Value: e.Modifier}, {Name: "implicitRules", Value: e.Implicit}} {
		if len(member.Value) > 0 {
			r.Other = append(r.Other, member)
		}
	}
	return r
}

// processForeign makes an answer to a form from elsewhere a composition. Such a
// form carries no token: the parameters say whose it is, and every identifier in
// it must agree.
func (f *Forms) processForeign(ctx context.Context, caller cdr.Caller, s Submission, o *outside) (*Processed, error) {
	draft, err := o.bound.Translate(s.Response, binding.Questions(o.text))
	if err != nil {
		return nil, err
	}
	var e envelope
	if err := json.Unmarshal(s.Response, &e); err != nil {
		return nil, fault.New(fault.Invalid, "response-unreadable", "the QuestionnaireResponse cannot be read").With(fault.Issue{
			Path: "QuestionnaireResponse", Rule: "json", Message: err.Error()})
	}
	r := e.response()
	r.Item = draft.Response.Item
	if err := readable(r); err != nil {
		return nil, err
	}
	if s.Object != "" && s.Person.EHR == "" && s.Person.Subject == nil {
		// The address says which response, and so whose.
		if s.Person.EHR, _, _, err = f.home(ctx, caller, s.Object); err != nil {
			return nil, err
		}
	}
	c, err := f.bound(ctx, caller, s, r)
	if err != nil {
		return nil, err
	}
	for _, i := range o.bound.Personal(s.Response) {
		v, err := f.identified(ctx, caller, &i, c.EHR)
		if err != nil {
			return nil, err
		}
		if v == other {
			return nil, f.deny(ctx, caller, cdr.Event{Action: "U", Object: c.EHR}, wrongPerson(), c.EHR)
		}
	}
	if err := o.judged(s.Response, r.Status); err != nil {
		return nil, err
	}
	if s.Info.IdempotencyKey == "" && (r.Identifier == nil || r.Identifier.Value == "") {
		sum := sha256.Sum256(s.Response)
		s.Info.IdempotencyKey = "content " + hex.EncodeToString(sum[:])
	}
	w := work{forms: f, caller: caller, submission: s, response: r, claims: c, form: o.form, draft: draft, outside: o}
	if s.Object != "" {
		if err := w.succeed(ctx, &e); err != nil {
			return nil, err
		}
	}
	done, err := w.do(ctx)
	if done != nil {
		done.Kept = draft.Kept
		if s.Object != "" && !done.Unchanged {
			done.Removed = w.gone
		}
	}
	return done, err
}

// Submitted is a response to a form from elsewhere as it came in, with what was
// changed in its composition since; number is that of a version, 0 the effective one.
func (f *Forms) Submitted(ctx context.Context, caller cdr.Caller, object string, number int) ([]byte, cdr.Document, error) {
	doc, err := f.document(ctx, caller, object, number)
	if err != nil {
		return nil, doc, err
	}
	tree, err := stored(doc)
	if err != nil {
		return nil, doc, err
	}
	text, err := f.responded(ctx, caller, tree)
	return text, doc, err
}

// responded is the response to a form from elsewhere that a composition was made of.
func (f *Forms) responded(ctx context.Context, caller cdr.Caller, tree *rm.Tree) ([]byte, error) {
	other := fault.New(fault.Conflict, "other-form", "the composition was not made of an answer to a form from elsewhere")
	questionnaire, ok := binding.Fed(tree)
	if !ok {
		return nil, other
	}
	if templateOf(tree) == binding.GenericTemplate {
		o, err := f.generic(ctx, caller, questionnaire, "", "")
		if err != nil {
			return nil, err
		}
		return o.bound.Respond(tree)
	}
	_, b, err := f.foreign(ctx, caller, questionnaire)
	if err != nil {
		return nil, err
	}
	if b == nil || b.Template != templateOf(tree) {
		return nil, other
	}
	return b.Respond(tree)
}

// atOnce is how far the time of filling may be from that of the commit to count
// as the same.
const atOnce = 60 * time.Second

// fed says in a composition when its form was filled, where that is not when it
// is committed, and what an answer to a foreign form says beside it.
func (w *work) fed(tree *rm.Tree, authored string) (*rm.Tree, error) {
	ids := identifiedBy(w.response, sdc.FeederOf(tree).Identifiers)
	if w.draft != nil {
		sealed, err := w.draft.Seal(tree, authored)
		if err != nil || len(ids) == 0 {
			return sealed, err
		}
		f := sdc.FeederOf(sealed)
		f.Identifiers = ids
		return sdc.Feed(sealed, f)
	}
	before := sdc.FeederOf(tree)
	if tree.Child(tree.Root(), rminfo.A_feeder_audit) != rm.None && before.System != sdc.FormSystem {
		return tree, nil // of a system that fed it; not ours to say otherwise
	}
	f := sdc.Feeder{System: sdc.FormSystem, Identifiers: ids}
	at, err := time.Parse(time.RFC3339Nano, authored)
	if apart := w.forms.Clock.Now().Sub(at); err == nil && (apart > atOnce || apart < -atOnce || len(ids) > 0) {
		f.Time = authored
	}
	if f.Time == "" && len(ids) == 0 {
		return sdc.Unfed(tree)
	}
	return sdc.Feed(tree, f)
}

// atOnce is the composition as it is fed when it is sent as soon as it was filled.
func (w *work) atOnce(tree *rm.Tree) (*rm.Tree, error) {
	ids := identifiedBy(w.response, sdc.FeederOf(tree).Identifiers)
	if len(ids) == 0 {
		return sdc.Unfed(tree)
	}
	return sdc.Feed(tree, sdc.Feeder{System: sdc.FormSystem, Identifiers: ids})
}

// identifiedBy are the identifiers of a response and of what it was asked for by;
// what it does not say is as it was before.
func identifiedBy(r *fhir.QuestionnaireResponse, before []sdc.FeederIdentifier) (ids []sdc.FeederIdentifier) {
	if i := r.Identifier; i != nil && i.Value != "" {
		ids = append(ids, sdc.FeederIdentifier{Issuer: i.System, ID: i.Value})
	}
	own, reasons := len(ids) > 0, basedOn(r)
	for _, i := range before {
		if asked := i.Type == sdc.BasedOn; asked && reasons == nil || !asked && !own {
			ids = append(ids, i)
		}
	}
	return append(ids, reasons...)
}

// basedOn are the references of a response to what it was asked for by, nil where
// it says nothing of that.
func basedOn(r *fhir.QuestionnaireResponse) (ids []sdc.FeederIdentifier) {
	for _, member := range r.Other {
		var list []fhir.Reference
		if member.Name != "basedOn" || json.Unmarshal(member.Value, &list) != nil {
			continue
		}
		for _, one := range list {
			if one.Reference != "" {
				ids = append(ids, sdc.FeederIdentifier{ID: one.Reference, Type: sdc.BasedOn})
			}
			if i := one.Identifier; i != nil && i.Value != "" {
				ids = append(ids, sdc.FeederIdentifier{Issuer: i.System, ID: i.Value, Type: sdc.BasedOn})
			}
		}
	}
	return ids
}

// self says whether the author of the response is the person it is about.
func (w *work) self(ctx context.Context) (bool, error) {
	a := w.response.Author
	if a == nil {
		return false, nil
	}
	if literal(a.Reference, w.claims.EHR) == same {
		return true, nil
	}
	if a.Identifier == nil {
		return false, nil
	}
	v, err := w.forms.identified(ctx, w.caller, a.Identifier, w.claims.EHR)
	return v == same, err
}
