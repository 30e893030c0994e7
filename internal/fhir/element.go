package fhir

import (
	"encoding/json"
	"errors"
)

// Decimal is a FHIR decimal by its text: 1.50 stays 1.50.
type Decimal string

// MarshalJSON writes the text as a number.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if !json.Valid([]byte(d)) || d == "" || d[0] != '-' && (d[0] < '0' || d[0] > '9') {
		return nil, errors.New("fhir: a decimal is a JSON number")
	}
	return []byte(d), nil
}

// UnmarshalJSON keeps the text of a number.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return errors.New("a number is wanted")
	}
	*d = Decimal(text)
	return nil
}

// Coding is a code of a code system.
type Coding struct {
	Extension []Extension `json:"extension,omitempty"`
	System    string      `json:"system,omitempty"`
	Version   string      `json:"version,omitempty"`
	Code      string      `json:"code,omitempty"`
	Display   string      `json:"display,omitempty"`
	// DisplayElement holds the translations of Display.
	DisplayElement *Element `json:"_display,omitempty"`
}

// Element is what a primitive member carries beside its value.
type Element struct {
	Extension []Extension `json:"extension,omitempty"`
}

// Attachment is content of another format, by value or by address.
type Attachment struct {
	ContentType string   `json:"contentType,omitempty"`
	Language    string   `json:"language,omitempty"`
	Data        string   `json:"data,omitempty"`
	URL         string   `json:"url,omitempty"`
	Size        *Decimal `json:"size,omitempty"`
	// Hash is the SHA-1 of the content in base64.
	Hash  string `json:"hash,omitempty"`
	Title string `json:"title,omitempty"`
}

// Quantity is a measured amount.
type Quantity struct {
	Value      *Decimal `json:"value,omitempty"`
	Comparator string   `json:"comparator,omitempty"`
	Unit       string   `json:"unit,omitempty"`
	System     string   `json:"system,omitempty"`
	Code       string   `json:"code,omitempty"`
}

// Reference points to another resource.
type Reference struct {
	Reference  string      `json:"reference,omitempty"`
	Type       string      `json:"type,omitempty"`
	Identifier *Identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

// Identifier is a business identifier.
type Identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value,omitempty"`
}

// Extension is what the base resource has no member for.
type Extension struct {
	URL             string           `json:"url"`
	ValueBoolean    *bool            `json:"valueBoolean,omitempty"`
	ValueCode       string           `json:"valueCode,omitempty"`
	ValueID         string           `json:"valueId,omitempty"`
	ValueCodeable   *CodeableConcept `json:"valueCodeableConcept,omitempty"`
	ValueCoding     *Coding          `json:"valueCoding,omitempty"`
	ValueDecimal    *Decimal         `json:"valueDecimal,omitempty"`
	ValueInteger    *int             `json:"valueInteger,omitempty"`
	ValueQuantity   *Quantity        `json:"valueQuantity,omitempty"`
	ValueString     string           `json:"valueString,omitempty"`
	ValueURI        string           `json:"valueUri,omitempty"`
	ValueExpression *Expression      `json:"valueExpression,omitempty"`
	ValueDateTime   string           `json:"valueDateTime,omitempty"`
	Extension       []Extension      `json:"extension,omitempty"`
}

// Expression is a computable rule, in FHIRPath mostly.
type Expression struct {
	Language   string `json:"language"`
	Expression string `json:"expression"`
}

// CodeableConcept is a concept by codes and text.
type CodeableConcept struct {
	Coding []Coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

// Meta says of a resource which version it is.
type Meta struct {
	VersionID   string   `json:"versionId,omitempty"`
	LastUpdated string   `json:"lastUpdated,omitempty"`
	Profile     []string `json:"profile,omitempty"`
}
