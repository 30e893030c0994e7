package form

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
)

// uriSystem is the FHIR system of identifiers that are URIs; a person's record
// is named by its EHR id as urn:uuid.
const (
	uriSystem = "urn:ietf:rfc:3986"
	uuidURN   = "urn:uuid:"
	nhsSystem = "https://fhir.nhs.uk/Id/nhs-number"
)

// subject names the person of an EHR. This server has no Patient resources, so
// the reference is by identifier.
func subject(ehr string) *fhir.Reference {
	return &fhir.Reference{Type: "Patient", Identifier: &fhir.Identifier{System: uriSystem, Value: uuidURN + ehr}}
}

// verdict is what a name says of a person.
type verdict uint8

const (
	silent verdict = iota // nothing this server can tell
	same
	other
)

// literal judges a reference. Those to other servers say nothing.
func literal(reference, ehr string) verdict {
	id, ours := strings.CutPrefix(reference, "Patient/")
	if !ours {
		id, ours = strings.CutPrefix(strings.ToLower(reference), uuidURN)
	}
	if !ours {
		return silent
	}
	return isEHR(id, ehr)
}

func isEHR(id, ehr string) verdict {
	if parsed, err := uuid.FromString(id); err != nil {
		return silent
	} else if parsed.String() == ehr {
		return same
	}
	return other
}

// identified judges an identifier: an EHR id, or what the EHR_STATUS of some
// record gives its subject. An NHS number that is not this person's in our
// record is somebody else's until the record says so.
func (f *Forms) identified(ctx context.Context, caller cdr.Caller, i *fhir.Identifier, ehr string) (verdict, error) {
	if i == nil || i.System == "" || i.Value == "" {
		return silent, nil
	}
	if id, ok := strings.CutPrefix(strings.ToLower(i.Value), uuidURN); ok && i.System == uriSystem {
		return isEHR(id, ehr), nil
	}
	found, err := f.Service.EHRBySubject(ctx, caller, i.System, i.Value)
	switch {
	case err == nil && found.ID == ehr:
		return same, nil
	case err == nil:
		return other, nil
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Unprocessable), fault.Is(err, fault.Forbidden), fault.Is(err, fault.Invalid):
		if i.System == nhsSystem {
			return other, nil
		}
		return silent, nil
	}
	return other, err
}

// agrees says whether all that a response says of its person means the EHR. A
// subject that says nothing this server can tell does not confirm, and a subject
// that nothing confirms is refused: it may be anybody.
func (f *Forms) agrees(ctx context.Context, caller cdr.Caller, r *fhir.QuestionnaireResponse, ehr string) (bool, error) {
	confirmed, named := false, false
	if r.Subject != nil {
		v := literal(r.Subject.Reference, ehr)
		if v == other {
			return false, nil
		}
		named = r.Subject.Reference != "" || r.Subject.Identifier != nil
		confirmed = v == same
	}
	list, readable := identifiers(r)
	if !readable {
		return false, nil
	}
	for _, i := range list {
		v, err := f.identified(ctx, caller, i.Identifier, ehr)
		if err != nil || v == other {
			return false, err
		}
		confirmed = confirmed || v == same && i.ofSubject
	}
	return confirmed || !named, nil
}

type personal struct {
	*fhir.Identifier
	// ofSubject: the subject carries it, or refers to the Patient that does.
	ofSubject bool
}

// identifiers are those of the subject and of Patients within the response; not
// readable where something within could be anybody.
func identifiers(r *fhir.QuestionnaireResponse) (out []personal, readable bool) {
	if r.Subject != nil && r.Subject.Identifier != nil {
		out = append(out, personal{r.Subject.Identifier, true})
	}
	for _, member := range r.Other {
		if member.Name != "contained" {
			continue
		}
		var contained []struct {
			ResourceType string            `json:"resourceType"`
			ID           string            `json:"id"`
			Identifier   []fhir.Identifier `json:"identifier"`
		}
		if json.Unmarshal(member.Value, &contained) != nil {
			return nil, false
		}
		for _, c := range contained {
			if c.ResourceType != "Patient" {
				continue
			}
			for n := range c.Identifier {
				out = append(out, personal{&c.Identifier[n], r.Subject != nil && c.ID != "" && r.Subject.Reference == "#"+c.ID})
			}
		}
	}
	return out, true
}

// Person says whom a form is for: an EHR id, a subject, or both, which must agree.
type Person struct {
	EHR     string
	Subject *fhir.Reference
}

// find resolves the person that parameters name; content never does.
func (f *Forms) find(ctx context.Context, caller cdr.Caller, p Person) (string, error) {
	ehr := ""
	if p.EHR != "" {
		id, err := uuid.FromString(p.EHR)
		if err != nil || len(p.EHR) != 36 {
			return "", fault.New(fault.Invalid, "ehr-malformed", "the parameter ehr must be the id of an EHR")
		}
		ehr = id.String()
	}
	if p.Subject == nil {
		if ehr == "" {
			return "", fault.New(fault.Invalid, "person-missing", "the parameter ehr must say whose form this is; it is never taken from the content")
		}
		return ehr, nil
	}
	if ehr == "" {
		named, err := f.named(ctx, caller, p.Subject)
		if err != nil {
			return "", err
		}
		ehr = named
	}
	agreed, err := f.agrees(ctx, caller, &fhir.QuestionnaireResponse{Subject: p.Subject}, ehr)
	if err != nil {
		return "", err
	}
	if !agreed {
		return "", f.deny(ctx, caller, cdr.Event{Action: "R"}, wrongPerson(), ehr)
	}
	return ehr, nil
}

// named is the EHR of a subject parameter.
func (f *Forms) named(ctx context.Context, caller cdr.Caller, s *fhir.Reference) (string, error) {
	for _, text := range []string{strings.TrimPrefix(s.Reference, "Patient/"), s.Reference} {
		if id, err := uuid.FromString(strings.TrimPrefix(strings.ToLower(text), uuidURN)); err == nil {
			return id.String(), nil
		}
	}
	if i := s.Identifier; i != nil {
		if id, err := uuid.FromString(strings.TrimPrefix(strings.ToLower(i.Value), uuidURN)); err == nil && i.System == uriSystem {
			return id.String(), nil
		}
		found, err := f.Service.EHRBySubject(ctx, caller, i.System, i.Value)
		return found.ID, err
	}
	return "", fault.New(fault.Invalid, "subject-unknown", "the subject must be Patient/{ehr_id} or carry an identifier that an EHR_STATUS holds")
}

func wrongPerson() *fault.Error {
	return fault.New(fault.Conflict, "wrong-person", "the token, the address, the subject and the identifiers of the response do not all mean the same person; nothing was written")
}

// profile is what the caller may see.
func (f *Forms) profile(ctx context.Context, caller cdr.Caller) (*access.Profile, error) {
	if !caller.All {
		return f.Authorizer.Profile(ctx, caller)
	}
	p := access.System()
	if caller.Subject != "" {
		p.Principal = caller.Subject
	}
	return p, nil
}

// deny audits a refusal in the record of each person it touches, and returns it.
func (f *Forms) deny(ctx context.Context, caller cdr.Caller, e cdr.Event, refusal *fault.Error, ehrs ...string) error {
	p, err := f.profile(ctx, caller)
	if err != nil {
		return err
	}
	e.Outcome, e.Basis = "denied", refusal.Code
	e.Principal, e.Role, e.Org, e.Purpose = p.Principal, p.Role, caller.Organisation, caller.Purpose
	e.Source, e.RequestID, e.Epoch = caller.Source, caller.RequestID, p.Epoch
	if e.Role == "" {
		e.Role = caller.Role
	}
	done := map[string]bool{}
	for _, ehr := range ehrs {
		if done[ehr] {
			continue
		}
		done[ehr] = true
		e.EHR = ehr
		if err := f.Auditor.Record(ctx, e); err != nil {
			return err
		}
	}
	return refusal
}
