package populate

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
)

// answerOf writes a value as the answer of a question; an error says that it is
// none. Nothing is guessed: a text is no number, and a quantity with a comparator
// is no value.
func answerOf(q *question, v fhirpath.Value) (*fhir.Answer, error) {
	wrong := fmt.Errorf("the value is none a question of type %s takes", q.Type)
	text := func(kinds ...fhirpath.Kind) (string, bool) {
		for _, k := range kinds {
			if v.Kind == k {
				return v.String(), true
			}
		}
		return "", false
	}
	a := &fhir.Answer{}
	switch q.Type {
	case "boolean":
		if v.Kind != fhirpath.Boolean {
			return nil, wrong
		}
		yes := v.String() == "true"
		a.ValueBoolean = &yes
	case "integer", "decimal":
		s, ok := text(fhirpath.Integer)
		if !ok && q.Type == "decimal" {
			s, ok = text(fhirpath.Decimal)
		}
		if !ok {
			return nil, wrong
		}
		n := fhir.Decimal(s)
		if q.Type == "integer" {
			a.ValueInteger = &n
		} else {
			a.ValueDecimal = &n
		}
	case "date":
		s, ok := moment(v)
		if !ok {
			return nil, wrong
		}
		a.ValueDate, _, _ = strings.Cut(s, "T")
	case "dateTime":
		s, ok := moment(v)
		if !ok {
			return nil, wrong
		}
		a.ValueDateTime = s
	case "time":
		s, ok := text(fhirpath.Time, fhirpath.String)
		if !ok {
			return nil, wrong
		}
		a.ValueTime = s
	case "string", "text":
		if v.Kind == fhirpath.Object || v.Kind == fhirpath.Boolean {
			return nil, wrong
		}
		a.ValueString = v.String()
	case "url":
		s, ok := text(fhirpath.String)
		if !ok {
			return nil, wrong
		}
		a.ValueURI = s
	case "choice", "open-choice":
		return choice(q, v, wrong)
	case "quantity":
		var quantity fhir.Quantity
		switch {
		case v.Kind == fhirpath.Integer || v.Kind == fhirpath.Decimal:
			n := fhir.Decimal(v.String())
			quantity.Value = &n
		case v.Kind != fhirpath.Object && v.Kind != fhirpath.Quantity, json.Unmarshal(v.JSON(), &quantity) != nil, quantity.Value == nil:
			return nil, wrong
		}
		a.ValueQuantity = &quantity
	case "attachment":
		var attachment fhir.Attachment
		if v.Kind != fhirpath.Object || json.Unmarshal(v.JSON(), &attachment) != nil {
			return nil, wrong
		}
		a.ValueAttachment = &attachment
	default:
		return nil, wrong
	}
	return a, nil
}

func moment(v fhirpath.Value) (string, bool) {
	switch v.Kind {
	case fhirpath.Date, fhirpath.DateTime:
		return v.String(), true
	case fhirpath.String:
		m, ok := fhirpath.Moment(v.String())
		return v.String(), ok && m.Kind != fhirpath.Time
	}
	return "", false
}

// choice takes a Coding, the first of a CodeableConcept, or a code that is one of
// the options.
func choice(q *question, v fhirpath.Value, wrong error) (*fhir.Answer, error) {
	if v.Kind == fhirpath.Object {
		var concept struct {
			fhir.Coding
			List []fhir.Coding `json:"coding"`
		}
		if json.Unmarshal(v.JSON(), &concept) != nil {
			return nil, wrong
		}
		coding := concept.Coding
		if len(concept.List) > 0 {
			coding = concept.List[0]
		}
		if coding.Code == "" {
			return nil, wrong
		}
		return &fhir.Answer{ValueCoding: &coding}, nil
	}
	if v.Kind != fhirpath.String {
		return nil, wrong
	}
	for _, o := range q.AnswerOption {
		if o.ValueCoding != nil && o.ValueCoding.Code == v.String() {
			return &fhir.Answer{ValueCoding: o.ValueCoding}, nil
		}
	}
	if q.Type == "open-choice" {
		return &fhir.Answer{ValueString: v.String()}, nil
	}
	return nil, wrong
}

// recast is an answer of one of our forms as an answer of another question.
func recast(q *question, a fhir.Answer) (*fhir.Answer, error) {
	a.Extension = nil
	if n := a.ValueQuantity; n != nil && (q.Type == "decimal" || q.Type == "integer") {
		// A number without its unit could be read in another (DESIGN 5a rule 8).
		return nil, fmt.Errorf("the observation is a quantity in %s, and the question has no unit", n.Unit)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	holder, err := fhirpath.Read(text)
	if err != nil {
		return nil, err
	}
	e, err := fhirpath.Parse("value")
	if err != nil {
		return nil, err
	}
	values, err := e.Eval(fhirpath.Collection{holder}, &fhirpath.Context{})
	if err != nil || len(values) != 1 {
		return nil, fmt.Errorf("the observation has no value this question takes")
	}
	return answerOf(q, values[0])
}
