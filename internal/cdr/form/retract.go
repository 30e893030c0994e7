package form

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
)

// enteredInError is the status of what should never have been stored; the record
// deletes it and keeps its versions.
const enteredInError = "entered-in-error"

// matches says whether an If-Match means a version: by its uid, or by its number
// as FHIR has it.
func matches(ifMatch, versionUID string) bool {
	uid, ok := cdr.ParseVersionUID(versionUID)
	return ifMatch == "" || strings.EqualFold(ifMatch, versionUID) || ok && ifMatch == strconv.Itoa(uid.Number)
}

// newest finds the newest version of a response, drafts and deletions included.
func (f *Forms) newest(ctx context.Context, caller cdr.Caller, object string) (cdr.Document, error) {
	ehr, id, unknown, err := f.home(ctx, caller, object)
	if err != nil {
		return cdr.Document{}, err
	}
	doc, err := f.Service.Composition(ctx, caller, ehr, cdr.VersionRef{Object: id, Lifecycle: cdr.Incomplete})
	return doc, hidden(err, unknown)
}

// Delete makes a version of a response that says it is gone. What is gone already
// is not deleted again.
func (f *Forms) Delete(ctx context.Context, caller cdr.Caller, object, ifMatch string, info cdr.CommitInfo) error {
	doc, err := f.newest(ctx, caller, object)
	if err != nil || doc.Deleted {
		return err
	}
	_, err = f.drop(ctx, caller, doc, ifMatch, info)
	return err
}

func (f *Forms) drop(ctx context.Context, caller cdr.Caller, doc cdr.Document, ifMatch string, info cdr.CommitInfo) (cdr.Document, error) {
	if !matches(ifMatch, doc.VersionUID) {
		return doc, fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the newest version").Latest(doc.VersionUID)
	}
	return f.Service.DeleteComposition(ctx, caller, doc.EHR, doc.VersionUID, "", info)
}

// retract deletes a response that comes back as entered in error. The address says
// which, and so whose; all else in the response must mean the same person.
func (f *Forms) retract(ctx context.Context, caller cdr.Caller, s Submission) (*Processed, error) {
	var e envelope
	if err := json.Unmarshal(s.Response, &e); err != nil {
		return nil, fault.New(fault.Invalid, "response-unreadable", "the QuestionnaireResponse cannot be read").With(fault.Issue{
			Path: "QuestionnaireResponse", Rule: "json", Message: err.Error()})
	}
	r, err := fhir.ReadResponse(s.Response)
	if err != nil {
		r = e.response() // what it answers does not matter any more
	}
	doc, err := f.newest(ctx, caller, s.Object)
	if err != nil {
		return nil, err
	}
	if r.ID != "" && !strings.EqualFold(r.ID, doc.ObjectID) {
		return nil, fault.New(fault.Conflict, "wrong-response", "the address and the response name different responses; nothing was written")
	}
	if s.Person.EHR == "" {
		s.Person.EHR = doc.EHR
	}
	c, err := f.bound(ctx, caller, s, r)
	if err != nil {
		return nil, err
	}
	if c.EHR != doc.EHR {
		return nil, f.deny(ctx, caller, cdr.Event{Action: "D", Object: doc.VersionUID}, wrongPerson(), doc.EHR, c.EHR)
	}
	out := &Processed{Document: doc, Retracted: true, DryRun: s.DryRun}
	if doc.Deleted || s.DryRun {
		return out, nil
	}
	if s.IfMatch == "" && c.Base != "" {
		s.IfMatch = c.Base
	}
	if s.Info.Description == "" {
		s.Info.Description = enteredInError
	}
	out.Document, err = f.drop(ctx, caller, doc, s.IfMatch, s.Info)
	return out, err
}
