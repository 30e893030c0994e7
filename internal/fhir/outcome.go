package fhir

import "encoding/json"

// OperationOutcome says how an operation went.
type OperationOutcome struct {
	ResourceType string         `json:"resourceType"`
	ID           string         `json:"id,omitempty"`
	Issue        []OutcomeIssue `json:"issue"`
}

// OutcomeIssue is one thing that went wrong or is worth knowing. Expression is
// FHIRPath; where the openEHR path or the linkId is known it stands in an extension.
type OutcomeIssue struct {
	Extension   []Extension      `json:"extension,omitempty"`
	Severity    string           `json:"severity"`
	Code        string           `json:"code"`
	Details     *CodeableConcept `json:"details,omitempty"`
	Diagnostics string           `json:"diagnostics,omitempty"`
	Expression  []string         `json:"expression,omitempty"`
}

// Bundle is a list of resources.
type Bundle struct {
	ResourceType string        `json:"resourceType"`
	Type         string        `json:"type"`
	Total        *int          `json:"total,omitempty"`
	Link         []BundleLink  `json:"link,omitempty"`
	Entry        []BundleEntry `json:"entry,omitempty"`
}

// BundleLink is a page of a Bundle.
type BundleLink struct {
	Relation string `json:"relation"`
	URL      string `json:"url"`
}

// BundleEntry is one resource of a Bundle.
type BundleEntry struct {
	FullURL  string        `json:"fullUrl,omitempty"`
	Resource any           `json:"resource,omitempty"`
	Search   *BundleSearch `json:"search,omitempty"`
	// Request and Response say of an entry of a history how it came about.
	Request  *BundleRequest  `json:"request,omitempty"`
	Response *BundleResponse `json:"response,omitempty"`
}

// BundleRequest is the request an entry stands for.
type BundleRequest struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	// IfNoneExist is a search: what it finds is not made again.
	IfNoneExist string `json:"ifNoneExist,omitempty"`
	IfMatch     string `json:"ifMatch,omitempty"`
	IfNoneMatch string `json:"ifNoneMatch,omitempty"`
}

// BundleResponse is what it was answered.
type BundleResponse struct {
	Status       string `json:"status"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// BundleSearch says why a resource is in a searchset.
type BundleSearch struct {
	Mode string `json:"mode"`
}

// Parameters are what an operation is given.
type Parameters struct {
	ResourceType string      `json:"resourceType"`
	Parameter    []Parameter `json:"parameter"`
}

// Parameter is one of them.
type Parameter struct {
	Name           string          `json:"name"`
	Resource       json.RawMessage `json:"resource,omitempty"`
	ValueReference *Reference      `json:"valueReference,omitempty"`
	ValueURI       string          `json:"valueUri,omitempty"`
	ValueCanonical string          `json:"valueCanonical,omitempty"`
	Part           []Parameter     `json:"part,omitempty"`
	ValueString    string          `json:"valueString,omitempty"`
	ValueBoolean   *bool           `json:"valueBoolean,omitempty"`

	ValueCode     string           `json:"valueCode,omitempty"`
	ValueInteger  *int             `json:"valueInteger,omitempty"`
	ValueCoding   *Coding          `json:"valueCoding,omitempty"`
	ValueCodeable *CodeableConcept `json:"valueCodeableConcept,omitempty"`
}
