package form

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
)

// outside is a form from elsewhere, and where its answers go.
type outside struct {
	form  *Form
	bound *binding.Form
	// text is the Questionnaire where it is kept here.
	text []byte
}

// kept is the Questionnaire of a canonical address as it is kept here, that of
// another version where the one asked for is not; nil where there is none.
func (f *Forms) kept(ctx context.Context, caller cdr.Caller, canonical string) ([]byte, error) {
	if f.Library == nil || canonical == "" {
		return nil, nil
	}
	address, _, versioned := strings.Cut(canonical, "|")
	text, err := f.Library.Authored(ctx, caller, canonical)
	if fault.Is(err, fault.NotFound) && versioned {
		text, err = f.Library.Authored(ctx, caller, address)
	}
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return text, err
}

// elsewhere finds the form that a response answers, where it is one from
// elsewhere: bound to a template, or kept here and bound to none; nil of all
// others.
func (f *Forms) elsewhere(ctx context.Context, caller cdr.Caller, canonical string) (*outside, error) {
	address, version, _ := strings.Cut(canonical, "|")
	if id, _ := canonicalID(canonical); id == "" {
		return nil, nil
	} else if _, ours := f.names.GetIfPresent(id); ours {
		return nil, nil // most are: nothing is looked up
	}
	form, b, err := f.foreign(ctx, caller, address)
	if err != nil {
		return nil, err
	}
	text, err := f.kept(ctx, caller, canonical)
	switch {
	case err != nil:
		return nil, err
	case b != nil:
		return &outside{form, b, text}, nil
	case text == nil:
		return nil, nil
	}
	var head struct{ Version, Title, Name string }
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fault.New(fault.Internal, "stored-questionnaire", "a stored Questionnaire cannot be read").Because(err)
	}
	if head.Title == "" {
		head.Title = head.Name
	}
	if version == "" {
		version = head.Version
	}
	out, err := f.generic(ctx, caller, address, version, head.Title)
	if out != nil {
		out.text = text
	}
	return out, err
}

// generic is a form that nothing binds to a template.
func (f *Forms) generic(ctx context.Context, caller cdr.Caller, address, version, title string) (*outside, error) {
	form, err := f.ByTemplate(ctx, caller, binding.GenericTemplate)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "template-unknown", "no binding says what the answers to this form mean, and the template %s, which would keep them, is not there for you", binding.GenericTemplate)
	}
	if err != nil {
		return nil, err
	}
	bound, err := binding.Generic(form.SDC, address, version, title)
	return &outside{form: form, bound: bound}, err
}

// judged holds a response to a form that nothing binds to the form itself: no
// template will.
func (o *outside) judged(response []byte, status string) error {
	if !o.bound.IsGeneric() {
		return nil
	}
	if issues := binding.Judge(o.text, response, lifecycles[status] == cdr.Complete); len(issues) > 0 {
		return fault.New(fault.Unprocessable, "response-invalid", "the response does not fit the form").With(issues...)
	}
	return nil
}

// succeed makes a response from elsewhere the next version of the one it says it
// is. Such a response is whole: it takes the place of the one before, and what is
// not in it any more is gone. So the version it was read as must be named, and
// the composition must hold nothing that the response does not know of.
func (w *work) succeed(ctx context.Context, e *envelope) error {
	s := w.submission
	doc, err := w.forms.newest(ctx, w.caller, s.Object)
	if err != nil {
		return err
	}
	switch {
	case doc.Deleted:
		return fault.New(fault.Conflict, "deleted", "the composition of this response was deleted").Latest(doc.VersionUID)
	case doc.EHR != w.claims.EHR:
		return w.forms.deny(ctx, w.caller, cdr.Event{Action: "U", Object: doc.VersionUID}, wrongPerson(), doc.EHR, w.claims.EHR)
	case s.IfMatch == "":
		return fault.New(fault.Invalid, "if-match-missing", "a response to a form from elsewhere takes the place of the version it was read as; the header If-Match must name that")
	case !matches(s.IfMatch, doc.VersionUID):
		return fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the newest version").Latest(doc.VersionUID)
	}
	tree, err := stored(doc)
	if err != nil {
		return err
	}
	if fed, ok := binding.Fed(tree); !ok || fed != w.outside.bound.Questionnaire || doc.Template != w.outside.bound.Template {
		return fault.New(fault.Conflict, "other-form", "the stored response answers another form, or was stored by another binding")
	}
	before, err := w.outside.bound.Before(tree)
	if err != nil {
		return err
	}
	if e.ID != "" && !strings.EqualFold(e.ID, s.Object) && e.ID != before.ID {
		return fault.New(fault.Conflict, "wrong-response", "the address and the response name different responses; nothing was written")
	}
	if !before.Whole {
		return fault.New(fault.Conflict, "changed-otherwise", "the composition holds more than this form can say, since it was changed in another way; change it by the form of its template")
	}
	w.base, w.baseTree, w.claims.Base = doc, tree, doc.VersionUID
	w.filled, w.gone = before.Filled, binding.Gone(before.Text, s.Response)
	w.draft.Trim(doc.ObjectID, before.Text)
	if before.Filled != w.response.Authored {
		w.draft.FilledFirst(before.Filled)
	}
	return nil
}

// asStored is the form of an update as its response was stored: one that nothing
// bound then is amended as such, though a binding was registered since.
func (f *Forms) asStored(ctx context.Context, caller cdr.Caller, s Submission, o *outside) (*outside, error) {
	if s.Object == "" || o.text == nil || o.bound.IsGeneric() {
		return o, nil
	}
	doc, err := f.newest(ctx, caller, s.Object)
	if err != nil || doc.Template != binding.GenericTemplate {
		return o, err
	}
	var head struct{ Version, Title string }
	if err := json.Unmarshal(o.text, &head); err != nil {
		return nil, fault.New(fault.Internal, "stored-questionnaire", "a stored Questionnaire cannot be read").Because(err)
	}
	unbound, err := f.generic(ctx, caller, o.bound.Questionnaire, head.Version, head.Title)
	if unbound != nil {
		unbound.text = o.text
	}
	return unbound, err
}

// asItCame writes the response of a form that nothing binds, as it came in and
// as this server stores it; nil of all other compositions.
func (f *Forms) asItCame(ctx context.Context, caller cdr.Caller, doc cdr.Document, tree *rm.Tree) (*Issued, error) {
	address, fed := binding.Fed(tree)
	if !fed || doc.Template != binding.GenericTemplate {
		return nil, nil
	}
	o, err := f.generic(ctx, caller, address, "", "")
	if err != nil {
		return nil, err
	}
	text, err := o.bound.Respond(tree)
	if err != nil {
		return nil, err
	}
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fault.New(fault.Internal, "stored-response", "a stored response cannot be read").Because(err)
	}
	meta := map[string]any{"lastUpdated": instant(doc.Committed)}
	if uid, ok := cdr.ParseVersionUID(doc.VersionUID); ok {
		meta["versionId"] = strconv.Itoa(uid.Number)
	}
	shown := map[string]any{"id": doc.ObjectID, "meta": meta}
	if lifecycles[e.Status] != doc.Lifecycle {
		e.Status = statuses[doc.Lifecycle]
		shown["status"] = e.Status
	}
	if e.Subject == nil {
		e.Subject = subject(doc.EHR)
		shown["subject"] = e.Subject
	}
	if text, err = binding.Shown(text, shown); err != nil {
		return nil, err
	}
	r := &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", ID: doc.ObjectID, Questionnaire: e.Questionnaire, Status: e.Status, Subject: e.Subject,
		Authored: sdc.FeederOf(tree).Time, Author: e.Author, Identifier: e.Identifier}
	return &Issued{Form: o.form, Response: r, Text: text, Document: doc}, nil
}

// templateOf is the template of a composition.
func templateOf(tree *rm.Tree) string {
	return tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
}
