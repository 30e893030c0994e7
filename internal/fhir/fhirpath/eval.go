package fhirpath

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/ucum"
)

// Context is what an expression is evaluated in.
type Context struct {
	// Now is what now() and today() give; its zone is that of today.
	Now time.Time
	// Variables are the values of %names; resource and context among them.
	Variables map[string]Collection
	// Done ends an evaluation that nobody waits for any more; nil does not.
	Done context.Context
}

// mostSteps bounds the work of one evaluation.
const mostSteps = 2_000_000

// mostValues bounds a collection.
const mostValues = 200_000

type evaluator struct {
	*Context
	source string
	steps  int
}

// scope is what $this and its like mean.
type scope struct {
	this  Collection
	index int
	total Collection
}

// Eval evaluates an expression about some values. Errors are *Error.
func (e *Expr) Eval(about Collection, c *Context) (Collection, error) {
	v := &evaluator{Context: c, source: e.source}
	return v.eval(e.root, &scope{this: about})
}

func (v *evaluator) fail(n *node, format string, args ...any) error {
	return at(v.source, n.offset, format, args...)
}

func (v *evaluator) step(n *node, count int) error {
	if v.steps += count; v.steps > mostSteps {
		return v.fail(n, "the expression takes more than %d steps", mostSteps)
	}
	if v.Done != nil && v.steps%1024 < count && v.Done.Err() != nil {
		return v.fail(n, "the evaluation was ended")
	}
	return nil
}

func (v *evaluator) eval(n *node, s *scope) (Collection, error) {
	if err := v.step(n, 1); err != nil {
		return nil, err
	}
	switch n.kind {
	case literal:
		return n.value, nil
	case external:
		return v.external(n)
	case special:
		switch n.name {
		case "$index":
			return Collection{intValue(s.index)}, nil
		case "$total":
			return s.total, nil
		}
		return s.this, nil
	case member:
		return v.member(n, s)
	case call:
		on := s.this
		if n.on != nil {
			var err error
			if on, err = v.eval(n.on, s); err != nil {
				return nil, err
			}
		}
		out, err := functions[n.name].run(v, n, on, s)
		if err == nil && len(out) > mostValues {
			err = v.fail(n, "the expression gives more than %d values", mostValues)
		}
		return out, err
	case index:
		on, err := v.eval(n.on, s)
		if err != nil {
			return nil, err
		}
		i, known, err := v.integer(n.args[0], s)
		if err != nil || !known || i < 0 || i >= len(on) {
			return nil, err
		}
		return on[i : i+1], nil
	case unary:
		return v.signed(n, s)
	case typed:
		on, err := v.eval(n.on, s)
		if err != nil {
			return nil, err
		}
		operator, name, _ := strings.Cut(n.name, " ")
		if len(on) > 1 {
			return nil, v.fail(n, "one value is wanted before %s", operator)
		}
		if operator == "is" {
			if len(on) == 0 {
				return nil, nil
			}
			return truth(on[0].isType(name)), nil
		}
		return ofType(on, name), nil
	}
	return v.operate(n, s)
}

func (v *evaluator) external(n *node) (Collection, error) {
	switch n.name {
	case "ucum":
		return Collection{stringValue("http://unitsofmeasure.org")}, nil
	case "sct":
		return Collection{stringValue("http://snomed.info/sct")}, nil
	case "loinc":
		return Collection{stringValue("http://loinc.org")}, nil
	}
	out, ok := v.Variables[n.name]
	if !ok {
		return nil, v.fail(n, "there is no variable %%%s", n.name)
	}
	return out, nil
}

func (v *evaluator) member(n *node, s *scope) (Collection, error) {
	on := s.this
	if n.on != nil {
		var err error
		if on, err = v.eval(n.on, s); err != nil {
			return nil, err
		}
	}
	var out Collection
	for _, one := range on {
		// A path may begin with the type of the resource.
		if n.on == nil && one.Kind == Object && one.Type == n.name && one.Type != "" {
			out = append(out, one)
			continue
		}
		out = append(out, one.child(n.name)...)
	}
	if len(out) > mostValues {
		return nil, v.fail(n, "the expression gives more than %d values", mostValues)
	}
	return out, v.step(n, len(on))
}

func truth(b bool) Collection { return Collection{boolValue(b)} }

// logic is a value of three-valued logic.
type logic int8

const (
	unknown logic = iota
	no
	yes
)

func (l logic) collection() Collection {
	if l == unknown {
		return nil
	}
	return truth(l == yes)
}

func logicOf(b bool) logic {
	if b {
		return yes
	}
	return no
}

// logical reads a collection as a condition: one value that is no Boolean counts
// as true (FHIRPath 2.0, 4.5).
func (v *evaluator) logical(n *node, list Collection) (logic, error) {
	switch {
	case len(list) == 0:
		return unknown, nil
	case len(list) > 1:
		return unknown, v.fail(n, "one value is wanted as a condition, and there are %d", len(list))
	case list[0].Kind == Boolean:
		return logicOf(list[0].truth), nil
	}
	return yes, nil
}

func (v *evaluator) condition(n *node, s *scope) (logic, error) {
	list, err := v.eval(n, s)
	if err != nil {
		return unknown, err
	}
	return v.logical(n, list)
}

func (v *evaluator) integer(n *node, s *scope) (int, bool, error) {
	list, err := v.eval(n, s)
	if err != nil || len(list) == 0 {
		return 0, false, err
	}
	if len(list) > 1 || list[0].Kind != Integer {
		return 0, false, v.fail(n, "one integer is wanted")
	}
	i, err := list[0].number.Int64()
	if err != nil || i > 1<<31 || i < -1<<31 {
		return 0, false, v.fail(n, "%s is out of range", list[0])
	}
	return int(i), true, nil
}

func (v *evaluator) signed(n *node, s *scope) (Collection, error) {
	list, err := v.eval(n.args[0], s)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if len(list) > 1 || list[0].number == nil {
		return nil, v.fail(n, "one number is wanted after %s", n.name)
	}
	out := list[0]
	if n.name == "-" {
		out.number = new(apd.Decimal).Neg(out.number)
	}
	return Collection{out}, nil
}

func (v *evaluator) operate(n *node, s *scope) (Collection, error) {
	left, err := v.eval(n.args[0], s)
	if err != nil {
		return nil, err
	}
	switch n.name {
	case "and", "or", "xor", "implies":
		return v.connect(n, s, left)
	}
	right, err := v.eval(n.args[1], s)
	if err != nil {
		return nil, err
	}
	if err := v.step(n, len(left)+len(right)); err != nil {
		return nil, err
	}
	switch n.name {
	case "=":
		return equal(left, right).collection(), nil
	case "!=":
		switch equal(left, right) {
		case yes:
			return truth(false), nil
		case no:
			return truth(true), nil
		}
		return nil, nil
	case "~":
		return truth(equivalent(left, right)), nil
	case "!~":
		return truth(!equivalent(left, right)), nil
	case "|":
		return v.distinct(n, append(append(Collection(nil), left...), right...))
	case "in", "contains":
		one, among := left, right
		if n.name == "contains" {
			one, among = right, left
		}
		switch {
		case len(one) == 0:
			return nil, nil
		case len(one) > 1:
			return nil, v.fail(n, "one value is wanted to be looked for")
		}
		return truth(holds(among, one[0])), nil
	case "&":
		a, err := v.joined(n, left)
		if err != nil {
			return nil, err
		}
		b, err := v.joined(n, right)
		return Collection{stringValue(a + b)}, err
	}
	if len(left) == 0 || len(right) == 0 {
		return nil, nil
	}
	if len(left) > 1 || len(right) > 1 {
		return nil, v.fail(n, "one value is wanted on both sides of %s", n.name)
	}
	switch n.name {
	case "<", ">", "<=", ">=":
		return v.ordered(n, left[0], right[0])
	}
	return v.calculate(n, left[0], right[0])
}

func (v *evaluator) joined(n *node, list Collection) (string, error) {
	switch {
	case len(list) == 0:
		return "", nil
	case len(list) > 1 || list[0].Kind == Object:
		return "", v.fail(n, "one text is wanted on both sides of &")
	}
	return list[0].String(), nil
}

// connect evaluates the three-valued connectives (FHIRPath 2.0, 6.5).
func (v *evaluator) connect(n *node, s *scope, left Collection) (Collection, error) {
	a, err := v.logical(n.args[0], left)
	if err != nil {
		return nil, err
	}
	// What follows from the left side alone is not asked of the right one.
	switch {
	case n.name == "and" && a == no:
		return truth(false), nil
	case n.name == "or" && a == yes, n.name == "implies" && a == no:
		return truth(true), nil
	}
	b, err := v.condition(n.args[1], s)
	if err != nil {
		return nil, err
	}
	out := unknown
	switch n.name {
	case "and":
		if b == no {
			out = no
		} else if a == yes && b == yes {
			out = yes
		}
	case "or":
		if b == yes {
			out = yes
		} else if a == no && b == no {
			out = no
		}
	case "xor":
		if a != unknown && b != unknown {
			out = logicOf(a != b)
		}
	case "implies":
		if b == yes {
			out = yes
		} else if a == yes {
			out = b
		}
	}
	return out.collection(), nil
}

func (v *evaluator) ordered(n *node, a, b Value) (Collection, error) {
	order, known, comparable := compare(a, b)
	if !comparable {
		return nil, v.fail(n, "%s and %s cannot be compared", a.describe(), b.describe())
	}
	if !known {
		return nil, nil
	}
	switch n.name {
	case "<":
		return truth(order < 0), nil
	case ">":
		return truth(order > 0), nil
	case "<=":
		return truth(order <= 0), nil
	}
	return truth(order >= 0), nil
}

func (v Value) describe() string {
	if v.Type != "" {
		return "a " + v.Type
	}
	return "a " + kindNames[v.Kind]
}

// arithmetic works with more digits than any answer has.
var arithmetic = apd.BaseContext.WithPrecision(34)

func (v *evaluator) calculate(n *node, a, b Value) (Collection, error) {
	wrong := func() error {
		return v.fail(n, "%s %s %s cannot be calculated", a.describe(), n.name, b.describe())
	}
	if a.Kind == String && b.Kind == String && n.name == "+" {
		return Collection{stringValue(a.text + b.text)}, nil
	}
	b2, isQuantity := b.quantity()
	a = a.temporal(isQuantity)
	if (a.Kind == Date || a.Kind == DateTime || a.Kind == Time) && isQuantity && (n.name == "+" || n.name == "-") {
		sign := 1
		if n.name == "-" {
			sign = -1
		}
		out, err := a.add(b2, sign)
		if err != nil {
			return nil, v.fail(n, "%v", err)
		}
		return Collection{out}, nil
	}
	if q, ok := a.quantity(); ok {
		a = q
	}
	if isQuantity {
		b = b2
	}
	if a.number == nil || b.number == nil {
		return nil, wrong()
	}
	unit := ""
	if a.Kind == Quantity || b.Kind == Quantity {
		switch n.name {
		case "+", "-":
			if a.Kind != b.Kind {
				return nil, wrong()
			}
			converted, ok := convert(b, a.unit)
			if !ok {
				return nil, nil
			}
			b, unit = converted, a.unit
		case "*", "/":
			switch {
			case b.Kind != Quantity || b.unit == "1":
				unit = a.unit
			case a.Kind != Quantity && n.name == "*":
				unit = b.unit
			case n.name == "/":
				converted, ok := convert(b, a.unit)
				if !ok {
					return nil, nil
				}
				b, unit = converted, "1"
			default:
				return nil, wrong()
			}
		default:
			return nil, wrong()
		}
	}
	out, err := compute(n.name, a, b)
	if err != nil {
		return nil, v.fail(n, "%v", err)
	}
	if out == nil {
		return nil, nil
	}
	if unit != "" {
		return Collection{quantityValue(out.number, unit)}, nil
	}
	return Collection{*out}, nil
}

// compute calculates with two numbers; nil is no result, as of a division by 0.
func compute(operator string, a, b Value) (*Value, error) {
	var d apd.Decimal
	var err error
	kind := Decimal
	if a.Kind == Integer && b.Kind == Integer && operator != "/" {
		kind = Integer
	}
	switch operator {
	case "+":
		_, err = arithmetic.Add(&d, a.number, b.number)
	case "-":
		_, err = arithmetic.Sub(&d, a.number, b.number)
	case "*":
		_, err = arithmetic.Mul(&d, a.number, b.number)
	default:
		if b.number.IsZero() {
			return nil, nil
		}
		switch operator {
		case "/":
			if _, err = arithmetic.Quo(&d, a.number, b.number); err == nil {
				d = *trimmed(&d)
			}
		case "div":
			kind = Integer
			_, err = arithmetic.QuoInteger(&d, a.number, b.number)
		case "mod":
			_, err = arithmetic.Rem(&d, a.number, b.number)
		}
	}
	if err != nil || d.Exponent > maxDigits || d.NumDigits() > maxDigits {
		return nil, fmt.Errorf("the result of %s is out of range", operator)
	}
	return &Value{Kind: kind, number: &d}, nil
}

// trimmed is a number without the zeros behind it, and to 20 decimals.
func trimmed(d *apd.Decimal) *apd.Decimal {
	var out apd.Decimal
	if d.Exponent < -20 {
		if _, err := arithmetic.Quantize(&out, d, -20); err != nil {
			return d
		}
		d = &out
	}
	var short apd.Decimal
	short.Reduce(d)
	if short.Exponent > 0 {
		var whole apd.Decimal
		if _, err := arithmetic.Quantize(&whole, &short, 0); err == nil {
			return &whole
		}
	}
	return &short
}

// convert gives a quantity in another unit.
func convert(q Value, unit string) (Value, bool) {
	if q.unit == unit {
		return q, true
	}
	from, to := ucumOf(q.unit), ucumOf(unit)
	if from == "" || to == "" {
		return Value{}, calendar[q.unit] != "" && calendar[q.unit] == calendar[unit]
	}
	n, ok := ucum.Convert(q.number, from, to)
	if !ok {
		return Value{}, false
	}
	return quantityValue(n, unit), true
}

// ucumOf is the UCUM code of a unit; a year and a month of the calendar have
// none that lasts as long.
func ucumOf(unit string) string {
	switch calendar[unit] {
	case "":
		return unit
	case "week":
		return "wk"
	case "day":
		return "d"
	case "hour":
		return "h"
	case "minute":
		return "min"
	case "second":
		return "s"
	case "millisecond":
		return "ms"
	}
	return ""
}
