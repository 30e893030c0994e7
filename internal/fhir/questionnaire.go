package fhir

// Questionnaire is a form's definition.
type Questionnaire struct {
	ResourceType string      `json:"resourceType"`
	ID           string      `json:"id,omitempty"`
	Meta         *Meta       `json:"meta,omitempty"`
	Language     string      `json:"language,omitempty"`
	Contained    []ValueSet  `json:"contained,omitempty"`
	Extension    []Extension `json:"extension,omitempty"`
	URL          string      `json:"url,omitempty"`
	Version      string      `json:"version,omitempty"`
	Name         string      `json:"name,omitempty"`
	Title        string      `json:"title,omitempty"`
	TitleElement *Element    `json:"_title,omitempty"`
	Status       string      `json:"status"`
	SubjectType  []string    `json:"subjectType,omitempty"`
	Description  string      `json:"description,omitempty"`
	Item         []Item      `json:"item,omitempty"`
}

// Item is a question, a group of them, or a text between them.
type Item struct {
	Extension      []Extension    `json:"extension,omitempty"`
	LinkID         string         `json:"linkId"`
	Definition     string         `json:"definition,omitempty"`
	Code           []Coding       `json:"code,omitempty"`
	Text           string         `json:"text,omitempty"`
	TextElement    *Element       `json:"_text,omitempty"`
	Type           string         `json:"type"`
	EnableWhen     []EnableWhen   `json:"enableWhen,omitempty"`
	Required       bool           `json:"required,omitempty"`
	Repeats        bool           `json:"repeats,omitempty"`
	ReadOnly       bool           `json:"readOnly,omitempty"`
	AnswerValueSet string         `json:"answerValueSet,omitempty"`
	AnswerOption   []AnswerOption `json:"answerOption,omitempty"`
	Item           []Item         `json:"item,omitempty"`
}

// AnswerOption is one permitted answer.
type AnswerOption struct {
	Extension   []Extension `json:"extension,omitempty"`
	ValueCoding *Coding     `json:"valueCoding,omitempty"`
	ValueString string      `json:"valueString,omitempty"`
}

// EnableWhen is a condition on another answer for an item to be asked.
type EnableWhen struct {
	Question      string  `json:"question"`
	Operator      string  `json:"operator"`
	AnswerBoolean *bool   `json:"answerBoolean,omitempty"`
	AnswerCoding  *Coding `json:"answerCoding,omitempty"`
}
