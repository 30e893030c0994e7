package balp

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/quire-cdr/quire/internal/fhir"
)

// Row is an access as the audit has it.
type Row struct {
	ID                            string
	At                            time.Time
	Action                        string // C, R, U, D, E
	Outcome                       string // success, denied, unavailable, error
	Principal, Role, Organisation string
	EHR, Object                   string
	Purpose, Basis                string
	Source, RequestID             string
	QueryHash                     []byte
	Rows                          *int64
	Epoch                         int64
	// System is this server's id.
	System string
}

type event struct {
	ResourceType string                 `json:"resourceType"`
	ID           string                 `json:"id"`
	Meta         meta                   `json:"meta"`
	Type         fhir.Coding            `json:"type"`
	Subtype      []fhir.Coding          `json:"subtype"`
	Action       string                 `json:"action"`
	Recorded     string                 `json:"recorded"`
	Outcome      string                 `json:"outcome"`
	OutcomeDesc  string                 `json:"outcomeDesc,omitempty"`
	Purpose      []fhir.CodeableConcept `json:"purposeOfEvent,omitempty"`
	Agent        []agent                `json:"agent"`
	Source       source                 `json:"source"`
	Entity       []entity               `json:"entity,omitempty"`
}

type meta struct {
	Profile []string `json:"profile"`
}

type agent struct {
	Type      *fhir.CodeableConcept  `json:"type,omitempty"`
	Role      []fhir.CodeableConcept `json:"role,omitempty"`
	Who       who                    `json:"who"`
	Requestor bool                   `json:"requestor"`
	Network   *network               `json:"network,omitempty"`
}

type who struct {
	Identifier identifier `json:"identifier"`
}

type identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

type network struct {
	Address string `json:"address"`
	Type    string `json:"type"`
}

type source struct {
	Site     string        `json:"site"`
	Observer who           `json:"observer"`
	Type     []fhir.Coding `json:"type"`
}

type entity struct {
	What   *who         `json:"what,omitempty"`
	Type   fhir.Coding  `json:"type"`
	Role   *fhir.Coding `json:"role,omitempty"`
	Query  string       `json:"query,omitempty"`
	Detail []detail     `json:"detail,omitempty"`
}

type detail struct {
	Type  string `json:"type"`
	Value string `json:"valueString"`
}

const (
	profiles    = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
	interaction = "http://hl7.org/fhir/restful-interaction"
	entityType  = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	objectRole  = "http://terminology.hl7.org/CodeSystem/object-role"
	dicom       = "http://dicom.nema.org/resources/ontology/DCM"
)

// Profiles and codes of the actions; a row about a person has the patient's form.
var actions = map[string]struct{ profile, code, display string }{
	"C": {"Create", "create", "create"}, "R": {"Read", "read", "read"}, "U": {"Update", "update", "update"},
	"D": {"Delete", "delete", "delete"}, "E": {"Query", "search", "search"},
}

// Event is the resource as JSON.
func Event(r Row) []byte {
	a := actions[r.Action]
	e := event{
		ResourceType: "AuditEvent", ID: r.ID, Action: r.Action, Recorded: r.At.UTC().Format("2006-01-02T15:04:05.000000Z"),
		Type:    fhir.Coding{System: "http://terminology.hl7.org/CodeSystem/audit-event-type", Code: "rest", Display: "Restful Operation"},
		Subtype: []fhir.Coding{{System: interaction, Code: a.code, Display: a.display}},
	}
	profile := profiles + a.profile
	if r.EHR != "" {
		profile = profiles + "Patient" + a.profile
	}
	e.Meta.Profile = []string{profile}
	switch r.Outcome {
	case "success":
		e.Outcome = "0"
	case "denied":
		e.Outcome, e.OutcomeDesc = "4", "denied"
	case "unavailable":
		e.Outcome, e.OutcomeDesc = "8", "the decision was unavailable"
	default:
		e.Outcome, e.OutcomeDesc = "8", r.Outcome
	}
	if r.Purpose != "" {
		e.Purpose = []fhir.CodeableConcept{{Coding: []fhir.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-ActReason", Code: r.Purpose}}}}
	}
	e.Agent = agents(r)
	e.Source = source{Site: r.System, Observer: who{identifier{Value: r.System}},
		Type: []fhir.Coding{{System: "http://terminology.hl7.org/CodeSystem/security-source-type", Code: "4", Display: "Application Server"}}}
	e.Entity = entities(r)
	// Strings, numbers and slices of ours always encode.
	text, _ := json.Marshal(e)
	return text
}

func agents(r Row) []agent {
	person := agent{
		Type:      &fhir.CodeableConcept{Coding: []fhir.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", Code: "IRCP", Display: "information recipient"}}},
		Who:       who{identifier{Value: r.Principal}},
		Requestor: true,
	}
	if r.Role != "" {
		person.Role = []fhir.CodeableConcept{{Text: r.Role}}
	}
	if r.Source != "" {
		person.Network = &network{Address: r.Source, Type: "2"}
	}
	list := []agent{person, {
		Type: &fhir.CodeableConcept{Coding: []fhir.Coding{{System: dicom, Code: "110153", Display: "Source Role ID"}}},
		Who:  who{identifier{Value: r.System}},
	}}
	if r.Organisation != "" {
		list = append(list, agent{
			Type: &fhir.CodeableConcept{Coding: []fhir.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-RoleClass", Code: "PROV", Display: "healthcare provider"}}},
			Who:  who{identifier{System: "https://fhir.nhs.uk/Id/ods-organization-code", Value: r.Organisation}},
		})
	}
	return list
}

func entities(r Row) []entity {
	var list []entity
	object := func(code, display string) fhir.Coding {
		return fhir.Coding{System: entityType, Code: code, Display: display}
	}
	role := func(code, display string) *fhir.Coding {
		return &fhir.Coding{System: objectRole, Code: code, Display: display}
	}
	if r.EHR != "" {
		list = append(list, entity{What: &who{identifier{Value: r.EHR}}, Type: object("1", "Person"), Role: role("1", "Patient")})
	}
	var details []detail
	for _, d := range []detail{{"basis", r.Basis}, {"epoch", strconv.FormatInt(r.Epoch, 10)}} {
		if d.Value != "" {
			details = append(details, d)
		}
	}
	if r.Rows != nil {
		details = append(details, detail{"rows", strconv.FormatInt(*r.Rows, 10)})
	}
	switch {
	case r.Action == "E":
		q := entity{Type: object("2", "System Object"), Role: role("24", "Query"), Query: base64.StdEncoding.EncodeToString(r.QueryHash), Detail: details}
		if r.Object != "" {
			q.What = &who{identifier{Value: r.Object}}
		}
		list = append(list, q)
	case r.Object != "":
		list = append(list, entity{What: &who{identifier{Value: r.Object}}, Type: object("2", "System Object"), Role: role("4", "Domain Resource"), Detail: details})
	case len(list) > 0:
		list[0].Detail = details
	}
	if r.RequestID != "" {
		list = append(list, entity{What: &who{identifier{Value: r.RequestID}}, Type: fhir.Coding{System: "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", Code: "XrequestId"}})
	}
	return list
}
