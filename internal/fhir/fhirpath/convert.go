package fhirpath

import (
	"regexp"
	"strings"
)

// conversions are to… and convertsTo… (FHIRPath 2.0, 5.5).
func conversions() map[string]function {
	out := map[string]function{}
	for name, to := range map[string]func(Value) (Value, bool){
		"String": toText, "Integer": toInteger, "Decimal": toDecimal, "Boolean": toBoolean,
		"Quantity": toQuantity, "Date": toDate, "DateTime": toDateTime, "Time": toTime,
	} {
		out["to"+name] = function{0, 1, false, func(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
			return v.one(n, on, func(x Value) (Collection, error) {
				got, ok := to(x)
				if !ok {
					return nil, nil
				}
				if len(n.args) == 0 || got.Kind != Quantity {
					return Collection{got}, nil
				}
				unit, known, err := v.textArgument(n.args[0], s)
				if err != nil || !known {
					return nil, err
				}
				if got, ok = convert(got, unit); !ok {
					return nil, nil
				}
				return Collection{got}, nil
			})
		}}
		out["convertsTo"+name] = function{0, 0, false, func(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
			return v.one(n, on, func(x Value) (Collection, error) {
				_, ok := to(x)
				return truth(ok), nil
			})
		}}
	}
	return out
}

func toText(v Value) (Value, bool) { return stringValue(v.String()), v.Kind != Object }

var integerForm = regexp.MustCompile(`^[+-]?\d{1,18}$`)
var decimalForm = regexp.MustCompile(`^[+-]?\d+(\.\d+)?$`)

func toInteger(v Value) (Value, bool) {
	switch v.Kind {
	case Integer:
		return v, true
	case Boolean:
		if v.truth {
			return intValue(1), true
		}
		return intValue(0), true
	case String:
		if integerForm.MatchString(v.text) {
			return parseNumber(strings.TrimPrefix(v.text, "+"))
		}
	}
	return Value{}, false
}

func toDecimal(v Value) (Value, bool) {
	switch v.Kind {
	case Integer, Decimal:
		return decimalValue(v.number), true
	case Boolean:
		n, _ := toInteger(v)
		return decimalValue(n.number), true
	case String:
		if decimalForm.MatchString(v.text) {
			n, ok := parseNumber(strings.TrimPrefix(v.text, "+"))
			return decimalValue(n.number), ok
		}
	}
	return Value{}, false
}

func toBoolean(v Value) (Value, bool) {
	switch v.Kind {
	case Boolean:
		return v, true
	case Integer, Decimal:
		for n := range 2 {
			if v.number.Cmp(intValue(n).number) == 0 {
				return boolValue(n == 1), true
			}
		}
	case String:
		switch strings.ToLower(v.text) {
		case "true", "t", "yes", "y", "1", "1.0":
			return boolValue(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return boolValue(false), true
		}
	}
	return Value{}, false
}

var quantityForm = regexp.MustCompile(`^([+-]?\d+(?:\.\d+)?)(?:\s*'([^']+)'|\s+([a-zA-Z]+))?$`)

func toQuantity(v Value) (Value, bool) {
	switch v.Kind {
	case Integer, Decimal:
		return quantityValue(v.number, "1"), true
	case Boolean:
		n, _ := toInteger(v)
		return quantityValue(n.number, "1"), true
	case String:
		m := quantityForm.FindStringSubmatch(v.text)
		if m == nil || m[3] != "" && calendar[m[3]] == "" {
			return Value{}, false
		}
		n, ok := parseNumber(strings.TrimPrefix(m[1], "+"))
		unit := m[2] + m[3]
		if unit == "" {
			unit = "1"
		}
		return quantityValue(n.number, unit), ok
	}
	return v.quantity()
}

func toDate(v Value) (Value, bool) {
	v = v.temporal(true)
	if v.Kind != Date && v.Kind != DateTime {
		return Value{}, false
	}
	day, _, _ := strings.Cut(v.when.text, "T")
	out, ok := parseMoment(day)
	return out, ok
}

func toDateTime(v Value) (Value, bool) {
	v = v.temporal(true)
	if v.Kind != Date && v.Kind != DateTime {
		return Value{}, false
	}
	v.Kind = DateTime
	return v, true
}

func toTime(v Value) (Value, bool) {
	v = v.temporal(true)
	return v, v.Kind == Time
}
