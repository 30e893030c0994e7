package fhir

// Provenance says who made a version of a resource, when and how.
type Provenance struct {
	ResourceType string             `json:"resourceType"`
	ID           string             `json:"id,omitempty"`
	Target       []Reference        `json:"target"`
	Recorded     string             `json:"recorded"`
	Activity     *CodeableConcept   `json:"activity,omitempty"`
	Reason       []CodeableConcept  `json:"reason,omitempty"`
	Agent        []ProvenanceAgent  `json:"agent"`
	Entity       []ProvenanceEntity `json:"entity,omitempty"`
}

// ProvenanceAgent is somebody who took part.
type ProvenanceAgent struct {
	Type *CodeableConcept `json:"type,omitempty"`
	Who  Reference        `json:"who"`
}

// ProvenanceEntity is what the version was made from.
type ProvenanceEntity struct {
	Role string    `json:"role"`
	What Reference `json:"what"`
}
