package form

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// Issued is a response as it leaves, bound to its person.
type Issued struct {
	Form     *Form
	Response *fhir.QuestionnaireResponse
	// Text is the response to a form from elsewhere that no template was bound to,
	// as it came in; nil of all others.
	Text json.RawMessage
	// Document is the version it shows; zero for a form that is not stored yet.
	Document cdr.Document
	// Notes say what was not filled and why, Copies what was filled.
	Notes  []populate.Note
	Copies []populate.Copy
}

// Resource is the response as it is shown.
func (i *Issued) Resource() any {
	if i.Text != nil {
		return i.Text
	}
	return i.Response
}

// statuses are the FHIR statuses of lifecycle states.
var statuses = map[string]string{
	cdr.Complete: "completed", cdr.Incomplete: "in-progress", cdr.Inactive: "stopped", cdr.Abandoned: "stopped",
}

// Issue writes a stored composition as a response: of an object the effective
// version, or the one of a number (0 asks for none).
func (f *Forms) Issue(ctx context.Context, caller cdr.Caller, object string, number int, v View) (*Issued, error) {
	doc, err := f.document(ctx, caller, object, number)
	if err != nil {
		return nil, err
	}
	return f.issue(ctx, caller, doc, v)
}

// document reads the version of a response.
func (f *Forms) document(ctx context.Context, caller cdr.Caller, object string, number int) (cdr.Document, error) {
	none := cdr.Document{}
	unknown := fault.New(fault.NotFound, "response-unknown", "no such QuestionnaireResponse")
	id, err := uuid.FromString(object)
	if err != nil || len(object) != 36 {
		return none, unknown
	}
	ref := cdr.VersionRef{Object: id.String()}
	ehr, err := f.Store.Home(ctx, ref.Object)
	if fault.Is(err, fault.NotFound) {
		return none, f.deny(ctx, caller, cdr.Event{Action: "R", Object: ref.Object}, unknown, "")
	}
	if err != nil {
		return none, err
	}
	if number > 0 {
		if ref, err = f.numbered(ctx, caller, ehr, ref.Object, number); err != nil {
			return none, hidden(err, unknown)
		}
	}
	doc, err := f.Service.Composition(ctx, caller, ehr, ref)
	if err != nil {
		return none, hidden(err, unknown)
	}
	if doc.Deleted {
		return none, fault.New(fault.NotFound, "deleted", "the composition of this response was deleted")
	}
	return doc, nil
}

// hidden gives all that is not there for the caller one face.
func hidden(err error, unknown *fault.Error) error {
	if fault.Is(err, fault.NotFound) {
		return unknown
	}
	return err
}

func (f *Forms) issue(ctx context.Context, caller cdr.Caller, doc cdr.Document, v View) (*Issued, error) {
	form, err := f.ByTemplate(ctx, caller, doc.Template)
	if err != nil {
		return nil, err
	}
	tree, err := stored(doc)
	if err != nil {
		return nil, err
	}
	if came, err := f.asItCame(ctx, caller, doc, tree); came != nil || err != nil {
		return came, err
	}
	token, err := f.sign(claims{EHR: doc.EHR, Template: form.Template.ID, Content: form.Content, Base: doc.VersionUID, Principal: caller.Subject})
	if err != nil {
		return nil, err
	}
	r := form.SDC.IssueAs(tree, sdc.Issuance{Token: token, Mode: v.Mode, Carry: v.Carry})
	r.ID, r.Status = doc.ObjectID, statuses[doc.Lifecycle]
	if r.Status == "completed" && doc.ChangeType == cdr.Amendment {
		r.Status = "amended"
	}
	r.Meta = &fhir.Meta{LastUpdated: instant(doc.Committed)}
	if uid, ok := cdr.ParseVersionUID(doc.VersionUID); ok {
		r.Meta.VersionID = strconv.Itoa(uid.Number)
	}
	// When the answers were given is not when they were committed.
	fed := sdc.FeederOf(tree)
	if r.Authored = fed.Time; r.Authored == "" {
		r.Authored = instant(doc.Committed)
	}
	var asked []fhir.Reference
	for _, i := range fed.Identifiers {
		switch {
		case i.Type == sdc.BasedOn && i.Issuer == "":
			asked = append(asked, fhir.Reference{Reference: i.ID})
		case i.Type == sdc.BasedOn:
			asked = append(asked, fhir.Reference{Identifier: &fhir.Identifier{System: i.Issuer, Value: i.ID}})
		case r.Identifier == nil:
			r.Identifier = &fhir.Identifier{System: i.Issuer, Value: i.ID}
		}
	}
	if asked != nil {
		text, err := json.Marshal(asked)
		if err != nil {
			return nil, err
		}
		r.Other = append(r.Other, fhir.UnknownMember{Name: "basedOn", Value: text})
	}
	if name := tree.TextAt(tree.Root(), rminfo.A_composer, rminfo.A_name); name != "" {
		r.Author = &fhir.Reference{Display: name}
	}
	f.address(r, form, doc.EHR, v.Base)
	return &Issued{Form: form, Response: r, Document: doc}, nil
}

// address says which form a response answers and whom it is about.
func (f *Forms) address(r *fhir.QuestionnaireResponse, form *Form, ehr, base string) {
	r.Questionnaire = form.Canonical(base) + "|" + form.Version
	r.Subject = subject(ehr)
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// stored reads the content of a stored version.
func stored(doc cdr.Document) (*rm.Tree, error) {
	tree, err := canon.ReadJSON(doc.JSON, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return nil, fault.New(fault.Internal, "stored-composition", "a stored composition cannot be read").Because(err)
	}
	return tree, nil
}

// numbered finds the uid of a version by its number: the system in it may differ
// along one trunk.
func (f *Forms) numbered(ctx context.Context, caller cdr.Caller, ehr, object string, number int) (cdr.VersionRef, error) {
	revisions, err := f.revisions(ctx, caller, ehr, object)
	if err != nil {
		return cdr.VersionRef{}, err
	}
	for _, r := range revisions {
		if r.number() == number {
			return cdr.VersionRef{VersionUID: r.VersionID.Value}, nil
		}
	}
	return cdr.VersionRef{}, fault.New(fault.NotFound, "response-unknown", "no such version of the QuestionnaireResponse")
}
