package fhirpath

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/go-json-experiment/json/jsontext"
)

// Kind is the type of a value in the language.
type Kind uint8

// The kinds of value.
const (
	Object Kind = iota
	String
	Boolean
	Integer
	Decimal
	Date
	DateTime
	Time
	Quantity
)

var kindNames = map[Kind]string{Object: "Object", String: "String", Boolean: "Boolean", Integer: "Integer", Decimal: "Decimal", Date: "Date", DateTime: "DateTime", Time: "Time", Quantity: "Quantity"}

// Value is one value. A quantity of a resource is an Object until it is used as
// a Quantity.
type Value struct {
	Kind Kind
	// Type is the FHIR type where the resource tells it, such as Coding.
	Type string
	// text is that of a String.
	text    string
	truth   bool
	number  *apd.Decimal
	unit    string
	when    instant
	members []memberValue
	// beside are the members of "_name" of a primitive: its extensions.
	beside []memberValue
	// raw is the JSON an Object was read from.
	raw []byte
}

type memberValue struct {
	name   string
	values Collection
}

// Collection is an ordered list of values; empty is "not known".
type Collection []Value

func stringValue(s string) Value { return Value{Kind: String, text: s} }
func boolValue(b bool) Value     { return Value{Kind: Boolean, truth: b} }
func intValue(n int) Value       { return Value{Kind: Integer, number: apd.New(int64(n), 0)} }
func decimalValue(d *apd.Decimal) Value {
	return Value{Kind: Decimal, number: d}
}
func quantityValue(d *apd.Decimal, u string) Value { return Value{Kind: Quantity, number: d, unit: u} }

// Moment makes a value of a date, or date and time.
func Moment(s string) (Value, bool) { return parseMoment(s) }

// maxDigits bounds numbers: larger ones are not clinical and cost time.
const maxDigits = 60

func parseNumber(s string) (Value, bool) {
	if len(s) > maxDigits || strings.ContainsAny(s, "xX_ ") {
		return Value{}, false
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite || d.Exponent > maxDigits || d.Exponent < -maxDigits {
		return Value{}, false
	}
	if strings.ContainsAny(s, ".eE") {
		return decimalValue(d), true
	}
	return Value{Kind: Integer, number: d}, true
}

// Read makes a value of a resource, element or primitive in JSON. Lists at the
// top are not read.
func Read(text []byte) (Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	list, err := read(dec, 0)
	if err != nil {
		return Value{}, err
	}
	if len(list) != 1 {
		return Value{}, errors.New("fhirpath: one value is wanted")
	}
	if _, err := dec.ReadToken(); err == nil {
		return Value{}, errors.New("fhirpath: there is more than one value")
	}
	return list[0], nil
}

// deepestJSON bounds nested JSON.
const deepestJSON = 200

func read(dec *jsontext.Decoder, depth int) (Collection, error) {
	if depth > deepestJSON {
		return nil, errors.New("fhirpath: the resource is nested too deep")
	}
	switch dec.PeekKind() {
	case '[':
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		out := Collection{}
		for dec.PeekKind() != ']' {
			one, err := read(dec, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, one...)
		}
		_, err := dec.ReadToken()
		return out, err
	case '{':
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		v, err := readObject(bytes.Clone(raw), depth)
		return Collection{v}, err
	}
	t, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return Collection{boolValue(t.Bool())}, nil
	case '0':
		v, ok := parseNumber(t.String())
		if !ok {
			return nil, fmt.Errorf("fhirpath: the number %.20s is out of range", t.String())
		}
		return Collection{v}, nil
	}
	return Collection{stringValue(t.String())}, nil
}

func readObject(raw []byte, depth int) (Value, error) {
	v := Value{Kind: Object, raw: raw}
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.ReadToken(); err != nil {
		return v, err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return v, err
		}
		key := name.String()
		values, err := read(dec, depth+1)
		if err != nil {
			return v, err
		}
		if key == "resourceType" && len(values) == 1 {
			v.Type = values[0].text
		}
		v.members = append(v.members, memberValue{key, values})
	}
	for _, m := range v.members {
		if own, ok := strings.CutPrefix(m.name, "_"); ok && len(m.values) == 1 {
			for k := range v.members {
				if v.members[k].name == own && len(v.members[k].values) == 1 {
					v.members[k].values[0].beside = m.values[0].members
				}
			}
		}
	}
	return v, nil
}

// choiceTypes are the types whose names end a choice such as value[x].
var choiceTypes = map[string]string{
	"Boolean": "boolean", "Decimal": "decimal", "Integer": "integer", "Date": "date", "DateTime": "dateTime", "Time": "time", "String": "string", "Uri": "uri",
	"Code": "code", "Id": "id", "Instant": "instant", "Url": "url", "Canonical": "canonical", "Markdown": "markdown", "PositiveInt": "positiveInt", "UnsignedInt": "unsignedInt",
	"Coding": "Coding", "CodeableConcept": "CodeableConcept", "Quantity": "Quantity", "Reference": "Reference", "Attachment": "Attachment", "Identifier": "Identifier",
	"Period": "Period", "Range": "Range", "Ratio": "Ratio", "Age": "Age", "Duration": "Duration", "HumanName": "HumanName", "Expression": "Expression", "Timing": "Timing", "SampledData": "SampledData", "Annotation": "Annotation", "ContactPoint": "ContactPoint", "Address": "Address",
}

// child gives the values of a member, or of the choice of that name.
func (v Value) child(name string) Collection {
	if v.Kind == Quantity {
		switch name {
		case "value":
			return Collection{decimalValue(v.number)}
		case "unit", "code":
			return Collection{stringValue(v.unit)}
		}
	}
	members := v.members
	if v.Kind != Object {
		members = v.beside
	}
	for _, m := range members {
		if m.name == name {
			return m.values
		}
	}
	for _, m := range members {
		suffix, ok := strings.CutPrefix(m.name, name)
		if typ := choiceTypes[suffix]; ok && typ != "" {
			out := append(Collection(nil), m.values...)
			for n := range out {
				out[n].Type = typ
				if k, temporal := temporalTypes[typ]; temporal && out[n].Kind == String {
					if when, ok := parseMoment(out[n].text); ok {
						when.Type, when.beside = typ, out[n].beside
						when.Kind = k
						out[n] = when
					}
				}
			}
			return out
		}
	}
	return nil
}

var temporalTypes = map[string]Kind{"date": Date, "dateTime": DateTime, "instant": DateTime, "time": Time}

// children are the values of all members.
func (v Value) children() Collection {
	var out Collection
	for _, m := range v.members {
		if !strings.HasPrefix(m.name, "_") && m.name != "resourceType" {
			out = append(out, m.values...)
		}
	}
	return out
}

// quantity is a value as a Quantity, where it is one.
func (v Value) quantity() (Value, bool) {
	if v.Kind == Quantity {
		return v, true
	}
	if v.Kind != Object || v.Type != "" && v.Type != "Quantity" && v.Type != "Age" && v.Type != "Duration" {
		return Value{}, false
	}
	amount := v.child("value")
	if len(amount) != 1 || amount[0].number == nil || len(v.child("comparator")) > 0 {
		return Value{}, false
	}
	for _, name := range []string{"code", "unit"} {
		if unit := v.child(name); len(unit) == 1 && unit[0].Kind == String {
			return quantityValue(amount[0].number, unit[0].text), true
		}
	}
	return quantityValue(amount[0].number, "1"), true
}

// String is the value as toString() gives it; an Object is its JSON.
func (v Value) String() string {
	switch v.Kind {
	case Boolean:
		if v.truth {
			return "true"
		}
		return "false"
	case Integer, Decimal:
		return v.number.Text('f')
	case Quantity:
		if calendar[v.unit] != "" {
			return v.number.Text('f') + " " + v.unit
		}
		return v.number.Text('f') + " '" + v.unit + "'"
	case Date, DateTime, Time:
		return v.when.String()
	case Object:
		return string(v.raw)
	}
	return v.text
}

// JSON is the value as an element of a resource.
func (v Value) JSON() []byte {
	switch v.Kind {
	case Object:
		return v.raw
	case Boolean, Integer, Decimal:
		return []byte(v.String())
	case Quantity:
		unit, _ := json.Marshal(v.unit)
		return fmt.Appendf(nil, `{"value":%s,"unit":%s,"system":"http://unitsofmeasure.org","code":%s}`, v.number.Text('f'), unit, unit)
	}
	// A text can always be written.
	out, _ := json.Marshal(v.String())
	return out
}
