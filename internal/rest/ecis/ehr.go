package ecis

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// statusJSON is an EHR_STATUS as EhrScape writes it: flat.
type statusJSON struct {
	SubjectID        string          `json:"subjectId,omitempty"`
	SubjectNamespace string          `json:"subjectNamespace,omitempty"`
	Queryable        *bool           `json:"queryable,omitempty"`
	Modifiable       *bool           `json:"modifiable,omitempty"`
	OtherDetails     json.RawMessage `json:"otherDetails,omitempty"`
}

type ehrJSON struct {
	envelope
	EHR    string     `json:"ehrId"`
	Status statusJSON `json:"ehrStatus"`
}

// statusOf reads the parts of a canonical EHR_STATUS.
func statusOf(text []byte) (statusJSON, error) {
	var in struct {
		Subject struct {
			Ref *struct {
				ID        struct{ Value string }
				Namespace string
			} `json:"external_ref"`
		}
		Queryable  bool            `json:"is_queryable"`
		Modifiable bool            `json:"is_modifiable"`
		Other      json.RawMessage `json:"other_details"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return statusJSON{}, err
	}
	out := statusJSON{Queryable: &in.Queryable, Modifiable: &in.Modifiable, OtherDetails: in.Other}
	if in.Subject.Ref != nil {
		out.SubjectID, out.SubjectNamespace = in.Subject.Ref.ID.Value, in.Subject.Ref.Namespace
	}
	return out, nil
}

// onto writes the parts over a canonical EHR_STATUS, of which the rest stays.
func (s statusJSON) onto(status map[string]any) ([]byte, error) {
	status["_type"] = "EHR_STATUS"
	status["subject"] = map[string]any{"_type": "PARTY_SELF", "external_ref": map[string]any{
		"_type": "PARTY_REF", "namespace": s.SubjectNamespace, "type": "PERSON",
		"id": map[string]any{"_type": "GENERIC_ID", "value": s.SubjectID, "scheme": "id_scheme"},
	}}
	for name, value := range map[string]*bool{"is_queryable": s.Queryable, "is_modifiable": s.Modifiable} {
		switch {
		case value != nil:
			status[name] = *value
		case status[name] == nil:
			status[name] = true
		}
	}
	if s.OtherDetails != nil {
		status["other_details"] = s.OtherDetails
	}
	return json.Marshal(status)
}

func (h handlers) createEHR(call *rest.Call) error {
	var s statusJSON
	if call.HasBody() {
		if err := call.Decode(&s); err != nil {
			return err
		}
	}
	if id := call.Query("subjectId"); id != "" {
		s.SubjectID = id
	}
	if namespace := call.Query("subjectNamespace"); namespace != "" {
		s.SubjectNamespace = namespace
	}
	if s.SubjectID == "" || s.SubjectNamespace == "" {
		return fault.New(fault.Invalid, "subject-missing", "subjectId and subjectNamespace must both be given")
	}
	text, err := s.onto(map[string]any{
		"archetype_node_id": "openEHR-EHR-EHR_STATUS.generic.v1", "name": map[string]any{"_type": "DV_TEXT", "value": "EHR Status"},
	})
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	info.CommitterName, info.CommitterID = call.Query("committerName"), call.Query("committerId")
	ehr, err := h.service.CreateEHR(call.Context(), call.Caller, "", &cdr.Content{JSON: text}, info)
	if err != nil {
		return err
	}
	call.SetLocation(root + "/ehr/" + url.PathEscape(ehr.ID))
	return h.showEHR(call, http.StatusCreated, "CREATE", ehr)
}

func (h handlers) showEHR(call *rest.Call, status int, action string, ehr cdr.EHR) error {
	s, err := statusOf(ehr.Status.JSON)
	if err != nil {
		return err
	}
	return call.JSON(status, ehrJSON{enveloped(call, action, "/ehr/"+url.PathEscape(ehr.ID)), ehr.ID, s})
}

// ehrBySubject answers 204 where the subject has no record, as clients expect.
func (h handlers) ehrBySubject(call *rest.Call) error {
	id, namespace := call.Query("subjectId"), call.Query("subjectNamespace")
	if id == "" || namespace == "" {
		return fault.New(fault.Invalid, "subject-missing", "subjectId and subjectNamespace must both be given")
	}
	ehr, err := h.service.EHRBySubject(call.Context(), call.Caller, namespace, id)
	if fault.Is(err, fault.NotFound) {
		return call.Empty(http.StatusNoContent)
	}
	if err != nil {
		return err
	}
	return h.showEHR(call, http.StatusOK, "RETRIEVE", ehr)
}

func (h handlers) ehr(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	ehr, err := h.service.EHR(call.Context(), call.Caller, id)
	if err != nil {
		return err
	}
	return h.showEHR(call, http.StatusOK, "RETRIEVE", ehr)
}

// updateStatus changes the subject and the two flags; the rest of the status
// stays as it is.
func (h handlers) updateStatus(call *rest.Call) error {
	id, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var s statusJSON
	if err := call.Decode(&s); err != nil {
		return err
	}
	ehr, err := h.service.EHR(call.Context(), call.Caller, id)
	if err != nil {
		return err
	}
	now, err := statusOf(ehr.Status.JSON)
	if err != nil {
		return err
	}
	if s.SubjectID == "" && s.SubjectNamespace == "" {
		s.SubjectID, s.SubjectNamespace = now.SubjectID, now.SubjectNamespace
	}
	if s.SubjectID == "" || s.SubjectNamespace == "" {
		return fault.New(fault.Invalid, "subject-missing", "subjectId and subjectNamespace must both be given")
	}
	status := map[string]any{}
	if err := json.Unmarshal(ehr.Status.JSON, &status); err != nil {
		return err
	}
	delete(status, "uid")
	text, err := s.onto(status)
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	if ehr.Status, err = h.service.UpdateStatus(call.Context(), call.Caller, id, ehr.Status.VersionUID, cdr.Content{JSON: text}, info); err != nil {
		return err
	}
	return h.showEHR(call, http.StatusOK, "UPDATE", ehr)
}
