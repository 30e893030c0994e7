package fhir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
)

// QuestionnaireResponse is a filled form. Other keeps the members not listed.
type QuestionnaireResponse struct {
	ResourceType  string          `json:"resourceType"`
	ID            string          `json:"id,omitempty"`
	Meta          *Meta           `json:"meta,omitempty"`
	Language      string          `json:"language,omitempty"`
	Identifier    *Identifier     `json:"identifier,omitempty"`
	Questionnaire string          `json:"questionnaire,omitempty"`
	Status        string          `json:"status"`
	Subject       *Reference      `json:"subject,omitempty"`
	Authored      string          `json:"authored,omitempty"`
	Author        *Reference      `json:"author,omitempty"`
	Item          []ResponseItem  `json:"item,omitempty"`
	Other         []UnknownMember `json:"-"`
}

// ResponseItem answers one item of the Questionnaire; a group that repeats
// stands several times.
type ResponseItem struct {
	LinkID string         `json:"linkId"`
	Text   string         `json:"text,omitempty"`
	Answer []Answer       `json:"answer,omitempty"`
	Item   []ResponseItem `json:"item,omitempty"`
}

// Answer is one answer; exactly one value member is set.
type Answer struct {
	// Extension is written and passed over when read: renderers drop it.
	Extension     []Extension `json:"extension,omitempty"`
	ValueBoolean  *bool       `json:"valueBoolean,omitempty"`
	ValueDecimal  *Decimal    `json:"valueDecimal,omitempty"`
	ValueInteger  *Decimal    `json:"valueInteger,omitempty"`
	ValueDate     string      `json:"valueDate,omitempty"`
	ValueDateTime string      `json:"valueDateTime,omitempty"`
	ValueTime     string      `json:"valueTime,omitempty"`
	ValueString   string      `json:"valueString,omitempty"`
	ValueURI      string      `json:"valueUri,omitempty"`
	ValueCoding   *Coding     `json:"valueCoding,omitempty"`
	ValueQuantity *Quantity   `json:"valueQuantity,omitempty"`
	// ValueAttachment is content of another format.
	ValueAttachment *Attachment    `json:"valueAttachment,omitempty"`
	Item            []ResponseItem `json:"item,omitempty"`
}

// UnknownMember is a member kept as it was written.
type UnknownMember struct {
	Name  string
	Value json.RawMessage
}

// ReadResponse reads a QuestionnaireResponse. Members that carry answers must be
// ones this server can store: an unknown member of an item or answer is refused
// by its path, since dropping it would lose what somebody entered. Rendering
// extensions and element ids of items carry none and are passed over.
func ReadResponse(text []byte) (*QuestionnaireResponse, error) {
	r := &reader{dec: jsontext.NewDecoder(bytes.NewReader(text))}
	var q QuestionnaireResponse
	err := r.object("QuestionnaireResponse", func(name string) error {
		switch name {
		case "resourceType":
			return r.into(&q.ResourceType)
		case "id":
			return r.into(&q.ID)
		case "meta":
			return r.into(&q.Meta)
		case "language":
			return r.into(&q.Language)
		case "identifier":
			return r.into(&q.Identifier)
		case "questionnaire":
			return r.into(&q.Questionnaire)
		case "status":
			return r.into(&q.Status)
		case "subject":
			return r.into(&q.Subject)
		case "authored":
			return r.into(&q.Authored)
		case "author":
			return r.into(&q.Author)
		case "item":
			return r.items("QuestionnaireResponse", &q.Item)
		}
		value, err := r.dec.ReadValue()
		q.Other = append(q.Other, UnknownMember{name, append([]byte(nil), value...)})
		return err
	})
	if err != nil {
		return nil, fault.New(fault.Invalid, "response-unreadable", "the QuestionnaireResponse cannot be read").
			With(fault.Issue{Path: "QuestionnaireResponse", Rule: "json", Message: err.Error()})
	}
	if q.ResourceType != "QuestionnaireResponse" {
		r.issues = append(r.issues, fault.Issue{Path: "QuestionnaireResponse.resourceType", Rule: "resource-type",
			Expected: "QuestionnaireResponse", Found: q.ResourceType, Message: "this operation takes a QuestionnaireResponse"})
	}
	if len(r.issues) > 0 {
		return nil, fault.New(fault.Invalid, "response-unreadable", "the QuestionnaireResponse cannot be stored without loss").With(r.issues...)
	}
	return &q, nil
}

type reader struct {
	dec    *jsontext.Decoder
	issues []fault.Issue
	depth  int
}

func (r *reader) object(path string, member func(name string) error) error {
	if kind := r.dec.PeekKind(); kind != '{' {
		if _, err := r.dec.ReadValue(); err != nil {
			return err
		}
		return fmt.Errorf("%s must be an object", path)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *reader) list(path string, each func(i int) error) error {
	if kind := r.dec.PeekKind(); kind != '[' {
		if _, err := r.dec.ReadValue(); err != nil {
			return err
		}
		return fmt.Errorf("%s must be a list", path)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		switch r.dec.PeekKind() {
		case ']':
			_, err := r.dec.ReadToken()
			return err
		case 0:
			_, err := r.dec.ReadToken()
			return err
		}
		if err := each(i); err != nil {
			return err
		}
	}
}

func (r *reader) into(v any) error {
	if text, ok := v.(*string); ok && r.dec.PeekKind() == '"' {
		// Most members are texts; they need no second reading.
		token, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		*text = token.String()
		if strings.ContainsRune(*text, 0) {
			return fmt.Errorf("%s: no text may hold U+0000", r.dec.StackPointer())
		}
		return nil
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	if holdsNUL(raw) {
		return fmt.Errorf("%s: no text may hold U+0000", r.dec.StackPointer())
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", r.dec.StackPointer(), err)
	}
	return nil
}

// holdsNUL says whether JSON text escapes U+0000, which no database text takes.
func holdsNUL(raw []byte) bool {
	for n := 0; n+1 < len(raw); n++ {
		if raw[n] != '\\' {
			continue
		}
		if bytes.HasPrefix(raw[n+1:], []byte("u0000")) {
			return true
		}
		n++
	}
	return false
}

// maxDepth bounds nested items; forms of real templates stay below 20.
const maxDepth = 60

func (r *reader) items(path string, out *[]ResponseItem) error {
	if r.depth++; r.depth > maxDepth {
		return fmt.Errorf("items are nested deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	return r.list(path+".item", func(i int) error {
		var item ResponseItem
		here := fmt.Sprintf("%s.item[%d]", path, i)
		err := r.object(here, func(name string) error {
			switch name {
			case "linkId":
				return r.into(&item.LinkID)
			case "text":
				return r.into(&item.Text)
			case "answer":
				return r.list(here+".answer", func(i int) error {
					return r.answer(fmt.Sprintf("%s.answer[%d]", here, i), &item.Answer)
				})
			case "item":
				return r.items(here, &item.Item)
			case "id", "extension", "definition", "_text", "_linkId":
				_, err := r.dec.ReadValue()
				return err
			}
			return r.refuse(here, name)
		})
		*out = append(*out, item)
		return err
	})
}

func (r *reader) answer(here string, out *[]Answer) error {
	var a Answer
	values := 0
	err := r.object(here, func(name string) error {
		if strings.HasPrefix(name, "value") {
			values++
		}
		switch name {
		case "valueBoolean":
			return r.into(&a.ValueBoolean)
		case "valueDecimal":
			return r.into(&a.ValueDecimal)
		case "valueInteger":
			return r.into(&a.ValueInteger)
		case "valueDate":
			return r.into(&a.ValueDate)
		case "valueDateTime":
			return r.into(&a.ValueDateTime)
		case "valueTime":
			return r.into(&a.ValueTime)
		case "valueString":
			return r.into(&a.ValueString)
		case "valueUri":
			return r.into(&a.ValueURI)
		case "valueCoding":
			return r.into(&a.ValueCoding)
		case "valueQuantity":
			return r.into(&a.ValueQuantity)
		case "valueAttachment":
			return r.into(&a.ValueAttachment)
		case "item":
			return r.items(here, &a.Item)
		case "id", "extension":
			_, err := r.dec.ReadValue()
			return err
		}
		return r.refuse(here, name)
	})
	if values > 1 {
		r.issues = append(r.issues, fault.Issue{Path: here, Rule: "one-value", Expected: "one value", Found: fmt.Sprint(values), Message: "an answer has one value"})
	}
	*out = append(*out, a)
	return err
}

func (r *reader) refuse(here, name string) error {
	r.issues = append(r.issues, fault.Issue{Path: here + "." + name, Rule: "unknown-member", Found: name,
		Message: "this server cannot store the member " + name})
	_, err := r.dec.ReadValue()
	return err
}

// MarshalJSON writes the known members and after them the others, by name.
func (q *QuestionnaireResponse) MarshalJSON() ([]byte, error) {
	type known QuestionnaireResponse
	text, err := json.Marshal((*known)(q))
	if err != nil || len(q.Other) == 0 {
		return text, err
	}
	others := append([]UnknownMember(nil), q.Other...)
	sort.Slice(others, func(i, j int) bool { return others[i].Name < others[j].Name })
	text = text[:len(text)-1]
	for _, o := range others {
		name, err := json.Marshal(o.Name)
		if err != nil {
			return nil, err
		}
		text = append(append(append(append(text, ','), name...), ':'), o.Value...)
	}
	return append(text, '}'), nil
}
