package fhirpath

import (
	"strings"
)

// temporal reads a text as a moment where the other side of an operator is one.
func (v Value) temporal(wanted bool) Value {
	if wanted && v.Kind == String {
		if when, ok := parseMoment(v.text); ok {
			return when
		}
	}
	return v
}

func (v Value) isMoment() bool { return v.Kind == Date || v.Kind == DateTime || v.Kind == Time }

// compare orders two values. comparable is false for values that have no order;
// known is false where it cannot be told.
func compare(a, b Value) (order int, known, comparable bool) {
	a, b = a.temporal(b.isMoment()), b.temporal(a.isMoment())
	if q, ok := a.quantity(); ok {
		a = q
	}
	if q, ok := b.quantity(); ok {
		b = q
	}
	switch {
	case a.isMoment() && b.isMoment():
		order, known = a.when.compare(b.when)
		return order, known, (a.Kind == Time) == (b.Kind == Time)
	case a.Kind == Quantity && b.Kind == Quantity:
		c, ok := convert(b, a.unit)
		if !ok {
			return 0, false, true
		}
		return a.number.Cmp(c.number), true, true
	case a.Kind == Quantity || b.Kind == Quantity:
		// A bare number is a quantity in the unit 1.
		if a.number == nil || b.number == nil || a.unit != "" && a.unit != "1" || b.unit != "" && b.unit != "1" {
			return 0, false, a.number != nil && b.number != nil
		}
		return a.number.Cmp(b.number), true, true
	case a.number != nil && b.number != nil:
		return a.number.Cmp(b.number), true, true
	case a.Kind == String && b.Kind == String:
		return strings.Compare(a.text, b.text), true, true
	}
	return 0, false, false
}

// equal compares two collections (FHIRPath 2.0, 6.1.1).
func equal(a, b Collection) logic {
	if len(a) == 0 || len(b) == 0 {
		return unknown
	}
	if len(a) != len(b) {
		return no
	}
	out := yes
	for n := range a {
		switch same(a[n], b[n]) {
		case no:
			return no
		case unknown:
			out = unknown
		}
	}
	return out
}

func same(a, b Value) logic {
	if a.Kind == Object && b.Kind == Object {
		return logicOf(sameMembers(a, b))
	}
	if a.Kind == Boolean || b.Kind == Boolean {
		return logicOf(a.Kind == b.Kind && a.truth == b.truth)
	}
	order, known, comparable := compare(a, b)
	switch {
	case !comparable:
		return no
	case !known:
		return unknown
	}
	return logicOf(order == 0)
}

func sameMembers(a, b Value) bool {
	if len(a.members) != len(b.members) {
		return false
	}
	for _, m := range a.members {
		found := false
		for _, other := range b.members {
			found = found || m.name == other.name && (len(m.values) == 0 && len(other.values) == 0 || equal(m.values, other.values) == yes)
		}
		if !found {
			return false
		}
	}
	return true
}

// equivalent compares without regard to order, case, spaces and precision
// (FHIRPath 2.0, 6.1.2).
func equivalent(a, b Collection) bool {
	if len(a) != len(b) {
		return false
	}
	used := make([]bool, len(b))
	for _, one := range a {
		found := false
		for n, other := range b {
			if !used[n] && alike(one, other) {
				used[n], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func alike(a, b Value) bool {
	switch {
	case a.Kind == String && b.Kind == String:
		fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
		return fold(a.text) == fold(b.text)
	case a.Kind == Object && b.Kind == Object:
		// Two codings mean the same by system and code alone.
		if code := a.child("code"); len(code) > 0 && len(a.child("coding")) == 0 && len(a.child("value")) == 0 && len(b.child("code")) > 0 {
			return equivalent(code, b.child("code")) && equivalent(a.child("system"), b.child("system"))
		}
		return sameMembers(a, b)
	case (a.Kind == Decimal || b.Kind == Decimal) && a.number != nil && b.number != nil && a.unit == b.unit:
		decimals := max(a.number.Exponent, b.number.Exponent)
		x, y := *a.number, *b.number
		if _, err := arithmetic.Quantize(&x, a.number, decimals); err != nil {
			return false
		}
		if _, err := arithmetic.Quantize(&y, b.number, decimals); err != nil {
			return false
		}
		return x.Cmp(&y) == 0
	}
	return same(a, b) == yes
}

func holds(list Collection, one Value) bool {
	for _, other := range list {
		if same(other, one) == yes {
			return true
		}
	}
	return false
}

// distinct keeps the first of equal values.
func (v *evaluator) distinct(n *node, list Collection) (Collection, error) {
	var out Collection
	for _, one := range list {
		if err := v.step(n, len(out)+1); err != nil {
			return nil, err
		}
		if !holds(out, one) {
			out = append(out, one)
		}
	}
	return out, nil
}

// isType says whether a value is of a type, as far as the resource tells.
func (v Value) isType(name string) bool {
	system := strings.HasPrefix(name, "System.")
	fhir := strings.HasPrefix(name, "FHIR.")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "System."), "FHIR.")
	if v.Type != "" && !system {
		return v.Type == name || name == "Resource" && v.members != nil && v.raw != nil && len(v.child("resourceType")) > 0 ||
			name == "string" && (v.Type == "code" || v.Type == "uri" || v.Type == "id" || v.Type == "markdown")
	}
	if fhir {
		return strings.EqualFold(kindNames[v.Kind], name) && name != kindNames[v.Kind]
	}
	if name == kindNames[v.Kind] {
		return v.Type == "" || system
	}
	// Without a model a primitive of a resource is of its FHIR type too.
	return !system && strings.EqualFold(kindNames[v.Kind], name) && v.Kind != Object && v.Kind != Quantity
}

func ofType(list Collection, name string) Collection {
	var out Collection
	for _, one := range list {
		if one.isType(name) {
			out = append(out, one)
		}
	}
	return out
}
