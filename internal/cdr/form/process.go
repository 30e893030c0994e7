package form

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
	"github.com/quire-cdr/quire/internal/sdc/populate"
	"github.com/quire-cdr/quire/internal/validate"
)

// Submission is a filled form as it comes back.
type Submission struct {
	// Response is the QuestionnaireResponse as JSON.
	Response []byte
	// Questionnaire is the id in the address, "" without one; Person what the
	// parameters say of whom the response is about.
	Questionnaire string
	Person        Person
	// Object is the id of the response in the address, "" without one.
	Object string
	// IfMatch is the version of it that the client believes to be the newest, by
	// its uid or its number; "" is not said.
	IfMatch string
	// Info is what the client says of the commit. The lifecycle is the response's.
	Info cdr.CommitInfo
	// DryRun judges and writes nothing.
	DryRun bool
}

// Processed is what a submission came to.
type Processed struct {
	Form *Form
	// Document is the version that holds the answers now.
	Document cdr.Document
	// Changed counts nodes that differ from the base; Removed are the answers
	// that were deleted because the submission said so.
	Changed int
	Removed []string
	// Coarsened are items whose dates came back fuller than they were issued, and
	// count as unchanged.
	Coarsened []string
	// Kept are the questions of a foreign form whose answers are kept beside the
	// composition.
	Kept []string
	// DryRun: nothing was written. Unchanged: nothing had to be. Repeated: the
	// same submission was stored before.
	DryRun, Unchanged, Repeated bool
	// Retracted: the response was entered in error and is deleted.
	Retracted bool
	// Would is set for a dry run that was not Unchanged.
	Would *Would
}

// Would is what a dry run would have stored.
type Would struct {
	Tree *rm.Tree
	// EHR is whose record it is, Base the version it replaces, "" for none.
	EHR, Base string
	Lifecycle string
}

// lifecycles are the states that statuses of a response commit.
var lifecycles = map[string]string{"in-progress": cdr.Incomplete, "completed": cdr.Complete, "amended": cdr.Complete}

// Process makes a submitted response the next version of the composition it was
// issued from, or a new composition.
func (f *Forms) Process(ctx context.Context, caller cdr.Caller, s Submission) (*Processed, error) {
	if s.Object != "" && gjson.GetBytes(s.Response, "status").String() == enteredInError {
		return f.retract(ctx, caller, s)
	}
	outside, err := f.elsewhere(ctx, caller, gjson.GetBytes(s.Response, "questionnaire").String())
	if err != nil {
		return nil, err
	}
	if outside != nil {
		if outside, err = f.asStored(ctx, caller, s, outside); err != nil {
			return nil, err
		}
		return f.processForeign(ctx, caller, s, outside)
	}
	r, err := fhir.ReadResponse(s.Response)
	if err != nil {
		return nil, err
	}
	if err := readable(r); err != nil {
		return nil, err
	}
	c, err := f.bound(ctx, caller, s, r)
	if err != nil {
		return nil, err
	}
	if err := named(s, r, c); err != nil {
		return nil, err
	}
	if c.Template != "" && c.Base == "" && sdc.Carries(r) {
		return nil, fault.New(fault.Conflict, "wrong-form", "the form was issued blank and came back with the rest of another response; nothing was written")
	}
	form, err := f.answered(ctx, caller, s, r, c)
	if err != nil {
		return nil, err
	}
	w := work{forms: f, caller: caller, submission: s, response: r, claims: c, form: form}
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	return w.do(ctx)
}

// named checks that the address of a response means the one that was issued.
func named(s Submission, r *fhir.QuestionnaireResponse, c claims) error {
	if s.Object == "" {
		return nil
	}
	base, ok := cdr.ParseVersionUID(c.Base)
	switch {
	case !ok:
		return fault.New(fault.Conflict, "not-issued", "an update takes a response that was read here, with its token; a new one is created")
	case !strings.EqualFold(base.Object, s.Object) || r.ID != "" && !strings.EqualFold(r.ID, s.Object):
		return fault.New(fault.Conflict, "wrong-response", "the address, the token and the response name different responses; nothing was written")
	case !matches(s.IfMatch, c.Base):
		return fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the version the response was read as").Latest(c.Base)
	}
	return nil
}

// readable refuses what the response says and no composition can keep.
func readable(r *fhir.QuestionnaireResponse) error {
	if lifecycles[r.Status] == "" {
		return fault.New(fault.Unprocessable, "status", "a response is stored as in-progress, completed or amended").With(fault.Issue{
			Path: "QuestionnaireResponse.status", Rule: "status", Expected: "in-progress, completed or amended", Found: r.Status, Message: "a response of this status is not stored"})
	}
	for _, member := range r.Other {
		if member.Name == "modifierExtension" || member.Name == "implicitRules" {
			return fault.New(fault.Unprocessable, "modifier", "the response is modified in a way this server does not know").With(fault.Issue{
				Path: "QuestionnaireResponse." + member.Name, Rule: "unknown-member", Found: member.Name, Message: "the meaning of the response depends on this member, which is not known here"})
		}
	}
	return nil
}

// bound decides whose response it is. With a token it is the token's, and all
// else must agree; without one the parameters must say it.
func (f *Forms) bound(ctx context.Context, caller cdr.Caller, s Submission, r *fhir.QuestionnaireResponse) (claims, error) {
	token := sdc.Token(r)
	if token == "" {
		ehr, err := f.find(ctx, caller, s.Person)
		if err != nil {
			return claims{}, err
		}
		return claims{EHR: ehr}, f.mustAgree(ctx, caller, r, ehr, ehr)
	}
	c, err := f.verify(token)
	if err != nil {
		return c, f.deny(ctx, caller, cdr.Event{Action: "U"}, fault.Of(err), c.EHR)
	}
	event := cdr.Event{Action: "U", Object: c.Base}
	if s.Person.EHR != "" || s.Person.Subject != nil {
		ehr, err := f.find(ctx, caller, s.Person)
		if fault.Is(err, fault.NotFound) {
			return c, f.deny(ctx, caller, event, wrongPerson(), c.EHR)
		}
		if err != nil {
			return c, err
		}
		if ehr != c.EHR {
			return c, f.deny(ctx, caller, event, wrongPerson(), c.EHR, ehr)
		}
	}
	if c.Principal != caller.Subject {
		return c, f.deny(ctx, caller, event, fault.New(fault.Conflict, "wrong-principal", "the form was issued to somebody else; ask for it again"), c.EHR)
	}
	return c, f.mustAgree(ctx, caller, r, c.EHR, c.Base)
}

func (f *Forms) mustAgree(ctx context.Context, caller cdr.Caller, r *fhir.QuestionnaireResponse, ehr, object string) error {
	agreed, err := f.agrees(ctx, caller, r, ehr)
	if err == nil && !agreed {
		return f.deny(ctx, caller, cdr.Event{Action: "U", Object: object}, wrongPerson(), ehr)
	}
	return err
}

// answered finds the form a response answers, which the token, the address and
// the response must name alike.
func (f *Forms) answered(ctx context.Context, caller cdr.Caller, s Submission, r *fhir.QuestionnaireResponse, c claims) (*Form, error) {
	named, version := canonicalID(r.Questionnaire)
	wrong := fault.New(fault.Conflict, "wrong-form", "the token, the address and the response name different Questionnaires; nothing was written")
	if named != "" && s.Questionnaire != "" && named != s.Questionnaire {
		return nil, wrong
	}
	if named == "" {
		named = s.Questionnaire
	}
	if c.Template == "" {
		if named == "" {
			return nil, fault.New(fault.Invalid, "questionnaire-missing", "a response without a token must name its Questionnaire").With(fault.Issue{
				Path: "QuestionnaireResponse.questionnaire", Rule: "required", Expected: "the canonical address of a Questionnaire", Message: "the response names no Questionnaire"})
		}
		form, err := f.Form(ctx, caller, named)
		if err == nil && version != "" && version != form.Version {
			return nil, wrong
		}
		return form, err
	}
	form, err := f.ByTemplate(ctx, caller, c.Template)
	switch {
	case err != nil:
		return nil, err
	case form.Content != c.Content:
		return nil, fault.New(fault.Conflict, "form-changed", "the template of the form was replaced since it was issued; ask for it again")
	case named != "" && named != form.ID || version != "" && version != form.Version:
		return nil, wrong
	}
	return form, nil
}

// canonicalID takes the id and version out of a canonical address.
func canonicalID(canonical string) (id, version string) {
	canonical, version, _ = strings.Cut(canonical, "|")
	return canonical[strings.LastIndexByte(canonical, '/')+1:], version
}

// work is one submission on its way, its person and form decided.
type work struct {
	forms      *Forms
	caller     cdr.Caller
	submission Submission
	response   *fhir.QuestionnaireResponse
	claims     claims
	form       *Form

	base     cdr.Document
	baseTree *rm.Tree
	// draft is the answer to a form from elsewhere, outside that form; filled is
	// when it was filled for the first time, gone what is not answered any more.
	// All are zero of other forms.
	draft   *binding.Draft
	outside *outside
	filled  string
	gone    []string
	// settled are the copies that came back; nil where the form was not filled.
	settled *populate.Settled
}

func (w *work) do(ctx context.Context) (*Processed, error) {
	facts, err := w.facts(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.readBase(ctx); err != nil {
		return nil, err
	}
	made, err := w.compose(facts)
	if err != nil {
		return nil, err
	}
	out := &Processed{Form: w.form, Changed: made.Changed, Removed: made.Removed, Coarsened: made.Coarsened, DryRun: w.submission.DryRun}
	lifecycle := lifecycles[w.response.Status]
	if w.baseTree != nil && lifecycle == w.base.Lifecycle && bytes.Equal(document(made.Tree), document(w.baseTree)) {
		// Nothing new was said: a version would only look like a new statement.
		out.Unchanged, out.Document = true, w.base
		return out, nil
	}
	unfed := made.Tree
	if w.draft == nil {
		if made.Tree, err = w.fed(made.Tree, facts.Authored); err != nil {
			return nil, err
		}
	}
	if out.DryRun {
		out.Would = &Would{Tree: made.Tree, EHR: w.claims.EHR, Base: w.claims.Base, Lifecycle: lifecycle}
		return out, w.judge(ctx, made.Tree, lifecycle)
	}
	out.Document, err = w.commit(ctx, made.Tree, lifecycle)
	if fault.Is(err, fault.Unprocessable) && fault.Of(err).Code == reusedKey && w.baseTree == nil && w.draft == nil {
		// The first time it was sent at once, and then nothing says when it was filled.
		if again, failed := w.atOnce(unfed); failed == nil {
			if first, failed := w.commit(ctx, again, lifecycle); failed == nil {
				out.Document, err = first, nil
			}
		}
	}
	if fault.Is(err, fault.Precondition) && w.baseTree != nil {
		if first, ok := w.repeated(ctx, made.Tree); ok {
			out.Document, out.Repeated = first, true
			return out, nil
		}
		return nil, w.changes(ctx, err)
	}
	out.Repeated = out.Document.Repeated
	return out, w.located(err)
}

// reusedKey is the code of a key that came with other content.
const reusedKey = "idempotency-key-reused"

// compose makes the composition of the answers. A response to a form from
// elsewhere is whole, and its composition says all of it before it is compared.
func (w *work) compose(facts sdc.Facts) (*sdc.Result, error) {
	if w.draft == nil {
		made, err := w.form.SDC.Compose(w.baseTree, w.response, facts)
		if err == nil {
			made.Tree, err = w.linked(made.Tree, facts)
		}
		return made, err
	}
	first := facts
	if w.filled != "" {
		first.Authored = w.filled // what the answers leave open stays as it was
	}
	made, err := w.form.SDC.Compose(nil, w.response, first)
	if err != nil {
		return nil, err
	}
	if made.Tree, err = w.fed(made.Tree, facts.Authored); err == nil && w.baseTree != nil {
		made.Tree, err = canon.SetUID(made.Tree, w.base.VersionUID)
	}
	return made, err
}

func document(t *rm.Tree) []byte { return canon.WriteJSON(nil, t, t.Root()) }

// facts are what the answers leave open. A time nobody gave is that of the
// filling, which cannot be before the form was issued: a renderer that returns
// the authored time of a stored response must not date new answers back.
func (w *work) facts(ctx context.Context) (facts sdc.Facts, err error) {
	facts = sdc.Facts{Territory: w.forms.Territory, Authored: w.response.Authored}
	if w.response.Author != nil {
		facts.Composer = w.response.Author.Display
	}
	if facts.Self, err = w.self(ctx); err != nil {
		return facts, err
	}
	if facts.Composer == "" && !facts.Self && w.caller.Service {
		return facts, fault.New(fault.Unprocessable, "composer-missing", "a service account must name the author of a response").With(fault.Issue{
			Path: "QuestionnaireResponse.author.display", Rule: "composer", Expected: "a name", Message: "the response names no author"})
	}
	for _, name := range []string{w.caller.Name, w.caller.Subject} {
		if facts.Composer == "" {
			facts.Composer = name
		}
	}
	authored, err := time.Parse(time.RFC3339Nano, w.response.Authored)
	switch issued := time.Unix(w.claims.Issued, 0); {
	case w.claims.Template != "" && (err != nil || authored.Before(issued)):
		facts.Authored = issued.UTC().Format(time.RFC3339)
	case err != nil:
		return facts, fault.New(fault.Unprocessable, "authored-missing", "a response without a token must say when it was authored").With(fault.Issue{
			Path: "QuestionnaireResponse.authored", Rule: "required", Expected: "a date and time with an offset", Found: w.response.Authored, Message: "the time is needed for what the answers leave open"})
	}
	return facts, nil
}

func (w *work) readBase(ctx context.Context) (err error) {
	if w.claims.Base == "" || w.baseTree != nil {
		return nil
	}
	w.base, err = w.forms.Service.Composition(ctx, w.caller, w.claims.EHR, cdr.VersionRef{VersionUID: w.claims.Base})
	if err != nil {
		return err
	}
	if w.base.Deleted {
		return fault.New(fault.Conflict, "deleted", "the composition of this response was deleted").Latest(w.base.VersionUID)
	}
	w.baseTree, err = stored(w.base)
	return err
}

// commit goes the way of every composition.
func (w *work) commit(ctx context.Context, tree *rm.Tree, lifecycle string) (cdr.Document, error) {
	info := w.submission.Info
	info.Lifecycle = lifecycle
	content := cdr.Content{Tree: tree}
	if w.baseTree != nil {
		if w.response.Status == "amended" && info.ChangeType == "" {
			info.ChangeType = cdr.Amendment
		}
		return w.forms.Service.UpdateComposition(ctx, w.caller, w.claims.EHR, w.base.ObjectID, w.base.VersionUID, content, info)
	}
	if info.IdempotencyKey == "" {
		info.IdempotencyKey = w.key()
	}
	return w.forms.Service.CreateComposition(ctx, w.caller, w.claims.EHR, content, info)
}

// key recognises a response that is sent twice: by its identifier, else by the
// form it was issued as. The client's Idempotency-Key goes before both.
func (w *work) key() string {
	if i := w.response.Identifier; i != nil && i.Value != "" {
		return "response " + i.System + "|" + i.Value
	}
	if w.claims.Nonce != "" {
		return "form " + w.claims.Nonce
	}
	return ""
}

// judge is the half of a commit that writes nothing.
func (w *work) judge(ctx context.Context, tree *rm.Tree, lifecycle string) error {
	ehr, err := w.forms.Service.EHR(ctx, w.caller, w.claims.EHR)
	if err != nil {
		return err
	}
	if !ehr.IsModifiable {
		return fault.New(fault.Conflict, "not-modifiable", "the EHR is not modifiable")
	}
	if w.baseTree != nil {
		latest, err := w.forms.Service.Composition(ctx, w.caller, w.claims.EHR, cdr.VersionRef{Object: w.base.ObjectID, Lifecycle: "incomplete"})
		if err != nil {
			return err
		}
		if latest.VersionUID != w.base.VersionUID {
			return w.changes(ctx, fault.New(fault.Precondition, "version-not-latest", "the version is not the latest; the latest is %s", latest.VersionUID).Latest(latest.VersionUID))
		}
	}
	issues := validate.Check(tree, w.form.Template.Compiled, validate.Options{Incomplete: lifecycle == cdr.Incomplete})
	if validate.Refused(issues) {
		return w.located(fault.New(fault.Unprocessable, "validation", "the content is not valid").With(issues...))
	}
	return nil
}

// repeated says whether the version after the base is what this very submission
// made: then it was sent twice.
func (w *work) repeated(ctx context.Context, tree *rm.Tree) (cdr.Document, bool) {
	base, ok := cdr.ParseVersionUID(w.base.VersionUID)
	if !ok {
		return cdr.Document{}, false
	}
	base.Number++
	next, err := w.forms.Service.Composition(ctx, w.caller, w.claims.EHR, cdr.VersionRef{VersionUID: base.String()})
	if err != nil || next.Deleted || next.Lifecycle != lifecycles[w.response.Status] {
		return cdr.Document{}, false
	}
	sealed, err := canon.SetUID(tree, next.VersionUID)
	if err != nil {
		return next, false
	}
	stored, err := canon.ReadJSON(next.JSON, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return next, false
	}
	// When it was filled is told only where that is not the time of the commit.
	a, errA := sdc.Unfed(sealed)
	b, errB := sdc.Unfed(stored)
	return next, errA == nil && errB == nil && bytes.Equal(document(a), document(b))
}

// changes adds to a stale base what changed meanwhile, by linkId and without the
// values.
func (w *work) changes(ctx context.Context, stale error) error {
	refusal := fault.Of(stale)
	if refusal.Current == "" {
		return stale
	}
	current, err := w.forms.Service.Composition(ctx, w.caller, w.claims.EHR, cdr.VersionRef{VersionUID: refusal.Current})
	if err != nil || current.Deleted {
		return stale
	}
	tree, err := stored(current)
	if err != nil {
		return stale
	}
	for _, item := range w.form.SDC.Differing(w.baseTree, tree) {
		refusal.Issues = append(refusal.Issues, fault.Issue{Path: w.form.SDC.Expression(item), FlatKey: item.LinkID, AQLPath: w.form.SDC.Path(item),
			Rule: "changed-meanwhile", Message: "this was changed after the form was issued"})
	}
	return refusal
}

// located names the items of a form that the issues of a composition are about.
func (w *work) located(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	for n := range f.Issues {
		issue := &f.Issues[n]
		if strings.HasPrefix(issue.Path, "QuestionnaireResponse") {
			continue
		}
		item := w.form.SDC.At(issue.AQLPath)
		issue.FlatKey, issue.Path = item.LinkID, w.form.SDC.Expression(item)
		if place := sdc.Place(w.response, item.LinkID); place != "" && w.draft == nil {
			issue.Path = place
		}
	}
	return err
}
