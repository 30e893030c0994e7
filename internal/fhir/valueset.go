package fhir

// ValueSet is a choice of codes.
type ValueSet struct {
	ResourceType string             `json:"resourceType"`
	ID           string             `json:"id,omitempty"`
	Meta         *Meta              `json:"meta,omitempty"`
	URL          string             `json:"url,omitempty"`
	Version      string             `json:"version,omitempty"`
	Name         string             `json:"name,omitempty"`
	Title        string             `json:"title,omitempty"`
	Status       string             `json:"status"`
	Compose      *ValueSetCompose   `json:"compose,omitempty"`
	Expansion    *ValueSetExpansion `json:"expansion,omitempty"`
}

// ValueSetCompose says which codes belong to a value set.
type ValueSetCompose struct {
	Include []ValueSetInclude `json:"include"`
}

// ValueSetInclude takes codes of one system.
type ValueSetInclude struct {
	System  string            `json:"system,omitempty"`
	Concept []ValueSetConcept `json:"concept,omitempty"`
}

// ValueSetConcept is one of them.
type ValueSetConcept struct {
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

// ValueSetExpansion lists the codes of a value set.
type ValueSetExpansion struct {
	Identifier string             `json:"identifier,omitempty"`
	Timestamp  string             `json:"timestamp"`
	Total      *int               `json:"total,omitempty"`
	Offset     *int               `json:"offset,omitempty"`
	Contains   []ValueSetContains `json:"contains,omitempty"`
}

// ValueSetContains is one code of an expansion.
type ValueSetContains struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}
