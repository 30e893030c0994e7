package form

import (
	"context"
	"encoding/json"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
)

// revision is one item of a REVISION_HISTORY.
type revision struct {
	VersionID struct {
		Value string `json:"value"`
	} `json:"version_id"`
	Audits []struct {
		TimeCommitted struct {
			Value string `json:"value"`
		} `json:"time_committed"`
		ChangeType struct {
			Value        string `json:"value"`
			DefiningCode struct {
				Code string `json:"code_string"`
			} `json:"defining_code"`
		} `json:"change_type"`
		Description struct {
			Value string `json:"value"`
		} `json:"description"`
		Committer struct {
			Name string `json:"name"`
		} `json:"committer"`
	} `json:"audits"`
}

// number is that of the version on its trunk, 0 of one that is no version's uid.
func (r revision) number() int {
	uid, ok := cdr.ParseVersionUID(r.VersionID.Value)
	if !ok {
		return 0
	}
	return uid.Number
}

func (f *Forms) revisions(ctx context.Context, caller cdr.Caller, ehr, object string) ([]revision, error) {
	text, err := f.Service.CompositionHistory(ctx, caller, ehr, object)
	if err != nil {
		return nil, err
	}
	var history struct {
		Items []revision `json:"items"`
	}
	if err := json.Unmarshal(text, &history); err != nil {
		return nil, err
	}
	return history.Items, nil
}

// Past is one version of a response.
type Past struct {
	Number int
	// Issued is nil for a version that deleted the composition.
	Issued *Issued
	// Committed is ISO 8601.
	Committed string
}

// home finds the record of a response, whoever asks.
func (f *Forms) home(ctx context.Context, caller cdr.Caller, object string) (ehr, id string, unknown *fault.Error, err error) {
	unknown = fault.New(fault.NotFound, "response-unknown", "no such QuestionnaireResponse")
	parsed, err := uuid.FromString(object)
	if err != nil || len(object) != 36 {
		return "", "", unknown, unknown
	}
	id = parsed.String()
	ehr, err = f.Store.Home(ctx, id)
	if fault.Is(err, fault.NotFound) {
		err = f.deny(ctx, caller, cdr.Event{Action: "R", Object: id}, unknown, "")
	}
	return ehr, id, unknown, err
}

// History lists the versions of a response that the caller may see, newest
// first, count of them after offset; total counts all.
func (f *Forms) History(ctx context.Context, caller cdr.Caller, object string, count, offset int, v View) (list []Past, total int, err error) {
	ehr, id, unknown, err := f.home(ctx, caller, object)
	if err != nil {
		return nil, 0, err
	}
	revisions, err := f.revisions(ctx, caller, ehr, id)
	if err != nil {
		return nil, 0, hidden(err, unknown)
	}
	for n := len(revisions) - 1 - offset; n >= 0 && len(list) < count; n-- {
		r := revisions[n]
		past := Past{Number: r.number()}
		if len(r.Audits) > 0 {
			past.Committed = r.Audits[0].TimeCommitted.Value
		}
		doc, err := f.Service.Composition(ctx, caller, ehr, cdr.VersionRef{VersionUID: r.VersionID.Value})
		switch {
		case fault.Is(err, fault.NotFound):
			continue
		case err != nil:
			return nil, 0, err
		case !doc.Deleted:
			if past.Issued, err = f.issue(ctx, caller, doc, v); err != nil {
				return nil, 0, err
			}
		}
		list = append(list, past)
	}
	return list, len(revisions), nil
}

// changeTypes are the activities of FHIR for the change types of openEHR
// (openEHR terminology, audit change type; FHIR, v3 DataOperation).
var changeTypes = map[string]string{"249": "CREATE", "250": "UPDATE", "251": "UPDATE", "252": "UPDATE", "523": "DELETE"}

const dataOperation = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"

// Provenance says who committed a version of a response, and when.
func (f *Forms) Provenance(ctx context.Context, caller cdr.Caller, object string, number int) (*fhir.Provenance, error) {
	ehr, id, unknown, err := f.home(ctx, caller, object)
	if err != nil {
		return nil, err
	}
	revisions, err := f.revisions(ctx, caller, ehr, id)
	if err != nil {
		return nil, hidden(err, unknown)
	}
	for _, r := range revisions {
		if r.number() != number || len(r.Audits) == 0 {
			continue
		}
		audit := r.Audits[0]
		p := &fhir.Provenance{
			ResourceType: "Provenance", ID: ProvenanceID(id, number), Recorded: audit.TimeCommitted.Value,
			Target:   []fhir.Reference{{Reference: versionReference(id, number)}},
			Activity: &fhir.CodeableConcept{Text: audit.ChangeType.Value},
			Agent:    []fhir.ProvenanceAgent{{Type: &fhir.CodeableConcept{Text: "committer"}, Who: fhir.Reference{Display: audit.Committer.Name}}},
		}
		if code := changeTypes[audit.ChangeType.DefiningCode.Code]; code != "" {
			p.Activity.Coding = []fhir.Coding{{System: dataOperation, Code: code}}
		}
		if audit.Description.Value != "" {
			p.Reason = []fhir.CodeableConcept{{Text: audit.Description.Value}}
		}
		if number > 1 {
			p.Entity = []fhir.ProvenanceEntity{{Role: "revision", What: fhir.Reference{Reference: versionReference(id, number-1)}}}
		}
		return p, nil
	}
	return nil, unknown
}
