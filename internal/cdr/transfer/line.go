package transfer

import (
	"bytes"
	"encoding/json"
	"time"
)

// Format is the version of the export format.
const Format = 1

// Text is stored JSON text that must come back byte for byte. In a line it
// stands as the JSON it is where that keeps every byte, else as a string.
type Text []byte

// MarshalJSON writes the text as itself or as a string.
func (t Text) MarshalJSON() ([]byte, error) {
	var compact bytes.Buffer
	if json.Compact(&compact, t) == nil && bytes.Equal(compact.Bytes(), t) && t[0] != '"' {
		return t, nil
	}
	return json.Marshal(string(t))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		*t = Text(s)
		return err
	}
	*t = bytes.Clone(b)
	return nil
}

// Header is the first line of an export. It says nothing of when and by whom the
// export was made: exports of equal records are equal.
type Header struct {
	Format int `json:"format"`
	// SystemID is the system the export was made on, EHRSystem the one the EHR was
	// created on.
	SystemID  string    `json:"system_id"`
	EHR       string    `json:"ehr_id"`
	EHRSystem string    `json:"ehr_system_id"`
	Created   time.Time `json:"time_created"`
	StatusID  string    `json:"ehr_status"`
	Directory string    `json:"directory,omitempty"`
	Counts    Counts    `json:"counts"`
}

// Counts are the numbers of lines of each kind.
type Counts struct {
	Templates     int `json:"templates"`
	Contributions int `json:"contributions"`
	Versions      int `json:"versions"`
	Rows          int `json:"rows"`
}

// TemplateRef names the content of a template that versions of the EHR are of.
type TemplateRef struct {
	ID     string `json:"template_id"`
	SHA256 string `json:"sha256"`
}

// Contribution is one contribution; its versions follow it.
type Contribution struct {
	ID        string    `json:"uid"`
	System    string    `json:"system_id"`
	Committed time.Time `json:"time_committed"`
	Change    int16     `json:"change_type"`
	Audit     Text      `json:"audit"`
	// Attested are versions it attested and did not make.
	Attested []Attested `json:"attested,omitempty"`
}

// Attested names a version in the EHR.
type Attested struct {
	Object string `json:"object"`
	Number int32  `json:"version"`
}

// Version is one version of any versioned object.
type Version struct {
	Object    string `json:"object"`
	System    string `json:"system_id"`
	Number    int    `json:"version"`
	Kind      int16  `json:"kind"`
	Latest    bool   `json:"latest,omitempty"`
	Effective bool   `json:"effective,omitempty"`
	Lifecycle int16  `json:"lifecycle"`
	Change    int16  `json:"change_type"`
	// Contribution committed it.
	Contribution string `json:"contribution"`
	// Template is the SHA-256 of the template's content, "" without one.
	Template     string   `json:"template,omitempty"`
	Archetype    string   `json:"archetype,omitempty"`
	Organisation string   `json:"organisation,omitempty"`
	Labels       []string `json:"labels,omitempty"`
	Preceding    string   `json:"preceding,omitempty"`
	OtherInputs  []string `json:"other_inputs,omitempty"`
	Signature    string   `json:"signature,omitempty"`
	Audit        Text     `json:"audit"`
	Attestations Text     `json:"attestations,omitempty"`
	// Imported is the item of an IMPORTED_VERSION without its data.
	Imported Text `json:"imported,omitempty"`
	// Doc is absent where the version is a deletion.
	Doc Text `json:"doc,omitempty"`
}

// Row is a row beside the versions: a subject, a tag, a relationship of an
// organisation, a grant, a restriction, a hold, a link.
type Row struct {
	Table string `json:"table"`
	Data  Text   `json:"data"`
}

// End is the last line: without it an export is truncated.
type End struct {
	// Lines counts those before it, SHA256 is of their bytes.
	Lines  int    `json:"lines"`
	SHA256 string `json:"sha256"`
}

// Line is one line of an export; one member is set.
type Line struct {
	Header       *Header       `json:"ehr,omitempty"`
	Template     *TemplateRef  `json:"template,omitempty"`
	Contribution *Contribution `json:"contribution,omitempty"`
	Version      *Version      `json:"version,omitempty"`
	Row          *Row          `json:"row,omitempty"`
	End          *End          `json:"end,omitempty"`
}
