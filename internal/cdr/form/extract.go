package form

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc/binding"
	"github.com/quire-cdr/quire/internal/sdc/extract"
)

// Ways says which ways out a composition would take.
type Ways interface {
	// Judge tries the messages of a composition of a template.
	Judge(template string, tree *rm.Tree) []Way
}

// Way is one destination and what it would make of a composition.
type Way struct {
	Destination string
	// Kept: a message goes there. Where none can be made, Reason and Field say why.
	Kept          bool
	Reason, Field string
}

// Extractor makes FHIR resources of stored compositions and of responses.
type Extractor struct {
	Forms    *Forms
	Mappings extract.Mappings
	// Zone reads times without an offset.
	Zone *time.Location
	// Ways may be nil.
	Ways Ways
}

// Extracted is what a response or a composition came to.
type Extracted struct {
	extract.Result
	// Processed is what the submission came to, nil where nothing was submitted.
	Processed *Processed
	Ways      []Way
	// Withheld: access may hide some of the record from the caller.
	Withheld bool
}

// Stored extracts from a stored composition: the effective version of an object, or
// the one of a number (0 asks for none).
func (x *Extractor) Stored(ctx context.Context, caller cdr.Caller, object string, number int) (*Extracted, error) {
	ehr, id, unknown, err := x.Forms.home(ctx, caller, object)
	if err != nil {
		return nil, err
	}
	ref := cdr.VersionRef{Object: id}
	if number > 0 {
		if ref, err = x.Forms.numbered(ctx, caller, ehr, id, number); err != nil {
			return nil, hidden(err, unknown)
		}
	}
	doc, err := x.Forms.Service.Composition(ctx, caller, ehr, ref)
	if err != nil {
		return nil, hidden(err, unknown)
	}
	if doc.Deleted {
		return nil, fault.New(fault.NotFound, "deleted", "the composition of this response was deleted")
	}
	return x.document(ctx, caller, doc)
}

func (x *Extractor) document(ctx context.Context, caller cdr.Caller, doc cdr.Document) (*Extracted, error) {
	tree, err := stored(doc)
	if err != nil {
		return nil, err
	}
	form, err := x.Forms.ByTemplate(ctx, caller, doc.Template)
	if err != nil {
		return nil, err
	}
	facts := extract.Facts{VersionUID: doc.VersionUID, Object: doc.ObjectID, Lifecycle: doc.Lifecycle, Recorded: instant(doc.Committed), Zone: x.Zone,
		Response: "QuestionnaireResponse/" + doc.ObjectID}
	if facts.Subject, err = x.subject(ctx, caller, doc.EHR); err != nil {
		return nil, err
	}
	if uid, ok := cdr.ParseVersionUID(doc.VersionUID); ok && uid.Number > 1 {
		uid.Number--
		// What stood in the version before and no more does is taken back.
		before, err := x.Forms.Service.Composition(ctx, caller, doc.EHR, cdr.VersionRef{VersionUID: uid.String()})
		switch {
		case err == nil && !before.Deleted && before.Lifecycle == cdr.Complete:
			if facts.Before, err = stored(before); err != nil {
				return nil, err
			}
		case err != nil && !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	out := &Extracted{Withheld: doc.Withheld}
	if out.Result, err = x.itself(ctx, caller, tree, facts); err != nil {
		return nil, err
	}
	if out.Bundle.ResourceType == "" {
		out.Result = extract.Extract(tree, form.Template.Compiled, x.Mappings, facts)
	}
	if x.Ways != nil && doc.Lifecycle == cdr.Complete {
		out.Ways = x.Ways.Judge(doc.Template, tree)
	}
	return out, nil
}

// itself extracts what a form from elsewhere says itself that its answers become;
// zero where it says nothing, and the archetypes speak.
func (x *Extractor) itself(ctx context.Context, caller cdr.Caller, tree *rm.Tree, facts extract.Facts) (none extract.Result, err error) {
	if _, ok := binding.Fed(tree); !ok {
		return none, nil
	}
	response, err := x.Forms.responded(ctx, caller, tree)
	if fault.Is(err, fault.Conflict) {
		return none, nil // bound in another way since
	}
	if err != nil {
		return none, err
	}
	questionnaire, err := x.Forms.kept(ctx, caller, gjson.GetBytes(response, "questionnaire").String())
	if err != nil || !extract.Says(questionnaire) {
		return none, err
	}
	shown := map[string]any{"id": facts.Object}
	if !gjson.GetBytes(response, "subject").Exists() {
		shown["subject"] = facts.Subject
	}
	if response, err = binding.Shown(response, shown); err != nil {
		return none, err
	}
	return extract.FromQuestionnaire(questionnaire, response, facts), nil
}

// subject names the person as receivers know them: by what the record's status
// says, beside the record's own id.
func (x *Extractor) subject(ctx context.Context, caller cdr.Caller, ehr string) (fhir.Reference, error) {
	ref := *subject(ehr)
	found, err := x.Forms.Service.EHR(ctx, caller, ehr)
	if err != nil {
		return ref, err
	}
	status, err := canon.ReadJSON(found.Status.JSON, rminfo.EHR_STATUS, canon.ReadOptions{})
	if err != nil {
		return ref, fault.New(fault.Internal, "stored-status", "a stored status cannot be read").Because(err)
	}
	at := status.Find(status.Root(), rminfo.A_subject, rminfo.A_external_ref)
	if at == rm.None {
		return ref, nil
	}
	if id := status.TextAt(at, rminfo.A_id, rminfo.A_value); id != "" {
		ref.Identifier = &fhir.Identifier{System: status.TextAt(at, rminfo.A_namespace), Value: id}
	}
	return ref, nil
}

// Posted extracts from a response that is not stored: the same checks as a submit,
// and nothing is written.
func (x *Extractor) Posted(ctx context.Context, caller cdr.Caller, s Submission) (*Extracted, error) {
	s.DryRun = true
	out, err := x.Process(ctx, caller, s)
	if err == nil {
		out.Processed = nil
	}
	return out, err
}

// Process is the whole way of a response in one call: it is judged, stored and
// extracted, and its ways out are told. With DryRun nothing is written.
func (x *Extractor) Process(ctx context.Context, caller cdr.Caller, s Submission) (*Extracted, error) {
	done, err := x.Forms.Process(ctx, caller, s)
	if err != nil {
		return nil, err
	}
	var out *Extracted
	if done.Would != nil {
		out, err = x.would(ctx, caller, s, done)
	} else {
		out, err = x.document(ctx, caller, done.Document)
	}
	if err != nil {
		return nil, err
	}
	out.Processed = done
	return out, nil
}

// would extracts from what was not stored: under the object it would be the next
// version of or, where there is none, under a name made of the response itself.
func (x *Extractor) would(ctx context.Context, caller cdr.Caller, s Submission, done *Processed) (*Extracted, error) {
	sum := sha256.Sum256(s.Response)
	object := uuid.NewV5(uuid.NamespaceURL, "urn:sha256:"+hex.EncodeToString(sum[:])).String()
	if base, ok := cdr.ParseVersionUID(done.Would.Base); ok {
		object = base.Object
	}
	facts := extract.Facts{Object: object, Lifecycle: done.Would.Lifecycle, Zone: x.Zone}
	var err error
	if facts.Subject, err = x.subject(ctx, caller, done.Would.EHR); err != nil {
		return nil, err
	}
	tpl := done.Form.Template
	out := &Extracted{Withheld: x.Forms.Service.MayWithhold(ctx, caller)}
	if out.Result, err = x.itself(ctx, caller, done.Would.Tree, facts); err != nil {
		return nil, err
	}
	if out.Bundle.ResourceType == "" {
		out.Result = extract.Extract(done.Would.Tree, tpl.Compiled, x.Mappings, facts)
	}
	if x.Ways != nil && facts.Lifecycle == cdr.Complete {
		out.Ways = x.Ways.Judge(tpl.ID, done.Would.Tree)
	}
	return out, nil
}
