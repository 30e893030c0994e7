package fhirpath

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// function is one function of the language.
type function struct {
	least, most int
	// types: the argument is the name of a type.
	types bool
	run   func(v *evaluator, n *node, on Collection, s *scope) (Collection, error)
}

func (f function) arity() string {
	if f.least == f.most {
		return fmt.Sprintf("%d arguments", f.least)
	}
	return fmt.Sprintf("%d to %d arguments", f.least, f.most)
}

// functions is the table of all there are.
var functions map[string]function

type run = func(v *evaluator, n *node, on Collection, s *scope) (Collection, error)

func init() {
	functions = map[string]function{
		"empty":  {0, 0, false, simple(func(on Collection) Collection { return truth(len(on) == 0) })},
		"exists": {0, 1, false, exists},
		"all":    {1, 1, false, all},
		"allTrue": {0, 0, false, truths(func(on Collection) bool {
			return !slices.ContainsFunc(on, func(v Value) bool { return !v.truth })
		})},
		"anyTrue": {0, 0, false, truths(func(on Collection) bool {
			return slices.ContainsFunc(on, func(v Value) bool { return v.truth })
		})},
		"allFalse": {0, 0, false, truths(func(on Collection) bool {
			return !slices.ContainsFunc(on, func(v Value) bool { return v.truth })
		})},
		"anyFalse": {0, 0, false, truths(func(on Collection) bool {
			return slices.ContainsFunc(on, func(v Value) bool { return !v.truth })
		})},
		"count":      {0, 0, false, simple(func(on Collection) Collection { return Collection{intValue(len(on))} })},
		"first":      {0, 0, false, simple(func(on Collection) Collection { return on[:min(1, len(on))] })},
		"last":       {0, 0, false, simple(func(on Collection) Collection { return on[max(0, len(on)-1):] })},
		"tail":       {0, 0, false, simple(func(on Collection) Collection { return on[min(1, len(on)):] })},
		"skip":       {1, 1, false, window(func(on Collection, n int) Collection { return on[min(max(n, 0), len(on)):] })},
		"take":       {1, 1, false, window(func(on Collection, n int) Collection { return on[:min(max(n, 0), len(on))] })},
		"single":     {0, 0, false, single},
		"distinct":   {0, 0, false, func(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) { return v.distinct(n, on) }},
		"isDistinct": {0, 0, false, isDistinct},
		"where":      {1, 1, false, where},
		"select":     {1, 1, false, selected},
		"repeat":     {1, 1, false, repeat},
		"aggregate":  {1, 2, false, aggregate},
		"ofType": {1, 1, true, func(_ *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
			return ofType(on, n.args[0].name), nil
		}},
		"as": {1, 1, true, func(_ *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
			return ofType(on, n.args[0].name), nil
		}},
		"is": {1, 1, true, func(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
			return v.one(n, on, func(x Value) (Collection, error) { return truth(x.isType(n.args[0].name)), nil })
		}},
		"iif": {2, 3, false, iif},
		"union": {1, 1, false, sets(func(v *evaluator, n *node, a, b Collection) (Collection, error) {
			return v.distinct(n, slices.Concat(a, b))
		})},
		"combine":     {1, 1, false, sets(func(_ *evaluator, _ *node, a, b Collection) (Collection, error) { return slices.Concat(a, b), nil })},
		"intersect":   {1, 1, false, sets(func(v *evaluator, n *node, a, b Collection) (Collection, error) { return v.among(n, a, b, true) })},
		"exclude":     {1, 1, false, sets(func(v *evaluator, n *node, a, b Collection) (Collection, error) { return v.among(n, a, b, false) })},
		"subsetOf":    {1, 1, false, sets(func(v *evaluator, n *node, a, b Collection) (Collection, error) { return v.subset(n, a, b) })},
		"supersetOf":  {1, 1, false, sets(func(v *evaluator, n *node, a, b Collection) (Collection, error) { return v.subset(n, b, a) })},
		"not":         {0, 0, false, not},
		"children":    {0, 0, false, simple(children)},
		"descendants": {0, 0, false, descendants},
		"extension":   {1, 1, false, extension},
		"hasValue":    {0, 0, false, simple(func(on Collection) Collection { return truth(len(on) == 1 && on[0].Kind != Object) })},
		"getValue": {0, 0, false, simple(func(on Collection) Collection {
			if len(on) == 1 && on[0].Kind != Object {
				return on
			}
			return nil
		})},
		"trace": {1, 2, false, simple(func(on Collection) Collection { return on })},
		"now": {0, 0, false, func(v *evaluator, _ *node, _ Collection, _ *scope) (Collection, error) {
			return v.moment("2006-01-02T15:04:05.000Z07:00")
		}},
		"today": {0, 0, false, func(v *evaluator, _ *node, _ Collection, _ *scope) (Collection, error) { return v.moment("2006-01-02") }},
		"timeOfDay": {0, 0, false, func(v *evaluator, _ *node, _ Collection, _ *scope) (Collection, error) {
			return v.moment("T15:04:05.000")
		}},
	}
	for _, table := range []map[string]function{texts(), conversions(), maths()} {
		for name, f := range table {
			functions[name] = f
		}
	}
}

func simple(f func(on Collection) Collection) run {
	return func(_ *evaluator, _ *node, on Collection, _ *scope) (Collection, error) { return f(on), nil }
}

// one runs on a single value; of none comes none.
func (v *evaluator) one(n *node, on Collection, f func(Value) (Collection, error)) (Collection, error) {
	switch len(on) {
	case 0:
		return nil, nil
	case 1:
		return f(on[0])
	}
	return nil, v.fail(n, "%s() takes one value, and there are %d", n.name, len(on))
}

func truths(f func(on Collection) bool) run {
	return func(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
		for _, one := range on {
			if one.Kind != Boolean {
				return nil, v.fail(n, "%s() takes Booleans", n.name)
			}
		}
		return truth(f(on)), nil
	}
}

func window(f func(on Collection, n int) Collection) run {
	return func(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
		i, known, err := v.integer(n.args[0], s)
		if err != nil || !known {
			return nil, err
		}
		return f(on, i), nil
	}
}

func single(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
	if len(on) > 1 {
		return nil, v.fail(n, "one value is wanted, and there are %d", len(on))
	}
	return on, nil
}

func isDistinct(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
	list, err := v.distinct(n, on)
	return truth(len(list) == len(on)), err
}

// each evaluates the argument for every value.
func (v *evaluator) each(n *node, on Collection, s *scope, visit func(one Value, got Collection) (bool, error)) error {
	for i, one := range on {
		got, err := v.eval(n.args[0], &scope{this: Collection{one}, index: i, total: s.total})
		if err != nil {
			return err
		}
		if more, err := visit(one, got); err != nil || !more {
			return err
		}
	}
	return nil
}

func where(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	var out Collection
	err := v.each(n, on, s, func(one Value, got Collection) (bool, error) {
		is, err := v.logical(n.args[0], got)
		if is == yes {
			out = append(out, one)
		}
		return true, err
	})
	return out, err
}

func exists(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	if len(n.args) == 0 {
		return truth(len(on) > 0), nil
	}
	found, err := where(v, n, on, s)
	return truth(len(found) > 0), err
}

func all(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	found, err := where(v, n, on, s)
	return truth(len(found) == len(on)), err
}

func selected(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	var out Collection
	err := v.each(n, on, s, func(_ Value, got Collection) (bool, error) {
		if out = append(out, got...); len(out) > mostValues {
			return false, v.fail(n, "the expression gives more than %d values", mostValues)
		}
		return true, nil
	})
	return out, err
}

func repeat(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	var out Collection
	for queue := on; len(queue) > 0; {
		var next Collection
		err := v.each(n, queue, s, func(_ Value, got Collection) (bool, error) {
			for _, one := range got {
				if err := v.step(n, len(out)+1); err != nil {
					return false, err
				}
				if !holds(out, one) {
					out, next = append(out, one), append(next, one)
				}
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		queue = next
	}
	return out, nil
}

func aggregate(v *evaluator, n *node, on Collection, s *scope) (total Collection, err error) {
	if len(n.args) > 1 {
		if total, err = v.eval(n.args[1], s); err != nil {
			return nil, err
		}
	}
	for i, one := range on {
		if total, err = v.eval(n.args[0], &scope{this: Collection{one}, index: i, total: total}); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func iif(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	inner := &scope{this: on, index: s.index, total: s.total}
	is, err := v.condition(n.args[0], inner)
	switch {
	case err != nil:
		return nil, err
	case is == yes:
		return v.eval(n.args[1], inner)
	case len(n.args) > 2:
		return v.eval(n.args[2], inner)
	}
	return nil, nil
}

func sets(f func(v *evaluator, n *node, a, b Collection) (Collection, error)) run {
	return func(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
		other, err := v.eval(n.args[0], s)
		if err != nil {
			return nil, err
		}
		return f(v, n, on, other)
	}
}

// among keeps what is, or is not, in another collection; an intersection has
// each value once.
func (v *evaluator) among(n *node, a, b Collection, in bool) (Collection, error) {
	var out Collection
	for _, one := range a {
		if err := v.step(n, len(b)+1); err != nil {
			return nil, err
		}
		if holds(b, one) == in {
			out = append(out, one)
		}
	}
	if in {
		return v.distinct(n, out)
	}
	return out, nil
}

func (v *evaluator) subset(n *node, a, b Collection) (Collection, error) {
	for _, one := range a {
		if err := v.step(n, len(b)+1); err != nil {
			return nil, err
		}
		if !holds(b, one) {
			return truth(false), nil
		}
	}
	return truth(true), nil
}

func not(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
	is, err := v.logical(n, on)
	if err != nil || is == unknown {
		return nil, err
	}
	return truth(is == no), nil
}

func children(on Collection) Collection {
	var out Collection
	for _, one := range on {
		out = append(out, one.children()...)
	}
	return out
}

func descendants(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
	var out Collection
	for level := children(on); len(level) > 0; level = children(level) {
		if err := v.step(n, len(level)); err != nil {
			return nil, err
		}
		if out = append(out, level...); len(out) > mostValues {
			return nil, v.fail(n, "the expression gives more than %d values", mostValues)
		}
	}
	return out, nil
}

func extension(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	url, known, err := v.textArgument(n.args[0], s)
	if err != nil || !known {
		return nil, err
	}
	var out Collection
	for _, one := range on {
		for _, e := range one.child("extension") {
			if u := e.child("url"); len(u) == 1 && u[0].text == url {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func (v *evaluator) moment(layout string) (Collection, error) {
	value, _ := parseMoment(v.Now.Format(layout))
	return Collection{value}, nil
}

func (v *evaluator) textArgument(n *node, s *scope) (string, bool, error) {
	list, err := v.eval(n, s)
	if err != nil || len(list) == 0 {
		return "", false, err
	}
	if len(list) > 1 || list[0].Kind != String {
		return "", false, v.fail(n, "one text is wanted")
	}
	return list[0].text, true, nil
}

// onText runs on a text with the text arguments there are.
func onText(f func(v *evaluator, n *node, s string, args []string) (Collection, error)) run {
	return func(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
		return v.one(n, on, func(x Value) (Collection, error) {
			if x.Kind == Object {
				return nil, v.fail(n, "%s() takes a text", n.name)
			}
			var args []string
			for _, a := range n.args {
				text, known, err := v.textArgument(a, s)
				if err != nil || !known {
					return nil, err
				}
				args = append(args, text)
			}
			return f(v, n, x.String(), args)
		})
	}
}

func texts() map[string]function {
	test := func(f func(s, arg string) bool) run {
		return onText(func(_ *evaluator, _ *node, s string, a []string) (Collection, error) { return truth(f(s, a[0])), nil })
	}
	change := func(f func(s string, a []string) string) run {
		return onText(func(v *evaluator, n *node, s string, a []string) (Collection, error) {
			out := f(s, a)
			if len(out) > longest {
				return nil, v.fail(n, "the text is longer than %d bytes", longest)
			}
			return Collection{stringValue(out)}, nil
		})
	}
	return map[string]function{
		"startsWith": {1, 1, false, test(strings.HasPrefix)},
		"endsWith":   {1, 1, false, test(strings.HasSuffix)},
		"contains":   {1, 1, false, test(strings.Contains)},
		"upper":      {0, 0, false, change(func(s string, _ []string) string { return strings.ToUpper(s) })},
		"lower":      {0, 0, false, change(func(s string, _ []string) string { return strings.ToLower(s) })},
		"trim":       {0, 0, false, change(func(s string, _ []string) string { return strings.TrimSpace(s) })},
		"replace":    {2, 2, false, change(func(s string, a []string) string { return strings.ReplaceAll(s, a[0], a[1]) })},
		"length": {0, 0, false, onText(func(_ *evaluator, _ *node, s string, _ []string) (Collection, error) {
			return Collection{intValue(len([]rune(s)))}, nil
		})},
		"indexOf": {1, 1, false, onText(func(_ *evaluator, _ *node, s string, a []string) (Collection, error) {
			n := strings.Index(s, a[0])
			if n > 0 {
				n = len([]rune(s[:n]))
			}
			return Collection{intValue(n)}, nil
		})},
		"matches": {1, 1, false, onText(func(v *evaluator, n *node, s string, a []string) (Collection, error) {
			form, err := pattern(v, n, a[0])
			if err != nil {
				return nil, err
			}
			return truth(form.MatchString(s)), nil
		})},
		"replaceMatches": {2, 2, false, onText(func(v *evaluator, n *node, s string, a []string) (Collection, error) {
			form, err := pattern(v, n, a[0])
			if err != nil {
				return nil, err
			}
			return Collection{stringValue(form.ReplaceAllString(s, a[1]))}, nil
		})},
		"split": {1, 1, false, onText(func(_ *evaluator, _ *node, s string, a []string) (Collection, error) {
			var out Collection
			for _, part := range strings.Split(s, a[0]) {
				out = append(out, stringValue(part))
			}
			return out, nil
		})},
		"toChars": {0, 0, false, onText(func(_ *evaluator, _ *node, s string, _ []string) (Collection, error) {
			var out Collection
			for _, r := range s {
				out = append(out, stringValue(string(r)))
			}
			return out, nil
		})},
		"join":      {0, 1, false, join},
		"substring": {1, 2, false, substring},
	}
}

func pattern(v *evaluator, n *node, text string) (*regexp.Regexp, error) {
	if len(text) > 1000 {
		return nil, v.fail(n, "the pattern is longer than 1000 bytes")
	}
	form, err := regexp.Compile("(?s)" + text)
	if err != nil {
		return nil, v.fail(n, "%q is no pattern", text)
	}
	return form, nil
}

func join(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	between := ""
	if len(n.args) > 0 {
		var err error
		if between, _, err = v.textArgument(n.args[0], s); err != nil {
			return nil, err
		}
	}
	var parts []string
	for _, one := range on {
		if one.Kind == Object {
			return nil, v.fail(n, "join() takes texts")
		}
		parts = append(parts, one.String())
	}
	return Collection{stringValue(strings.Join(parts, between))}, nil
}

func substring(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
	return v.one(n, on, func(x Value) (Collection, error) {
		runes := []rune(x.String())
		from, known, err := v.integer(n.args[0], s)
		if err != nil || !known || from < 0 || from >= len(runes) {
			return nil, err
		}
		to := len(runes)
		if len(n.args) > 1 {
			length, known, err := v.integer(n.args[1], s)
			if err != nil {
				return nil, err
			}
			if known {
				to = min(to, from+max(length, 0))
			}
		}
		return Collection{stringValue(string(runes[from:to]))}, nil
	})
}

func maths() map[string]function {
	rounding := func(r apd.Rounder) run {
		return func(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
			return v.one(n, on, func(x Value) (Collection, error) {
				if x.Kind != Integer && x.Kind != Decimal {
					return nil, v.fail(n, "%s() takes a number", n.name)
				}
				c := *arithmetic
				c.Rounding = r
				var d apd.Decimal
				if _, err := c.Quantize(&d, x.number, 0); err != nil {
					return nil, v.fail(n, "%s is out of range", x)
				}
				if d.IsZero() {
					d.Negative = false
				}
				return Collection{{Kind: Integer, number: &d}}, nil
			})
		}
	}
	return map[string]function{
		"ceiling":  {0, 0, false, rounding(apd.RoundCeiling)},
		"floor":    {0, 0, false, rounding(apd.RoundFloor)},
		"truncate": {0, 0, false, rounding(apd.RoundDown)},
		"abs": {0, 0, false, func(v *evaluator, n *node, on Collection, _ *scope) (Collection, error) {
			return v.one(n, on, func(x Value) (Collection, error) {
				if x.number == nil {
					return nil, v.fail(n, "abs() takes a number")
				}
				x.number = new(apd.Decimal).Abs(x.number)
				return Collection{x}, nil
			})
		}},
		"round": {0, 1, false, func(v *evaluator, n *node, on Collection, s *scope) (Collection, error) {
			decimals := 0
			if len(n.args) > 0 {
				var err error
				if decimals, _, err = v.integer(n.args[0], s); err != nil {
					return nil, err
				}
			}
			if decimals < 0 || decimals > 20 {
				return nil, v.fail(n, "round() takes 0 to 20 decimals")
			}
			return v.one(n, on, func(x Value) (Collection, error) {
				if x.Kind != Integer && x.Kind != Decimal {
					return nil, v.fail(n, "round() takes a number")
				}
				c := *arithmetic
				c.Rounding = apd.RoundHalfUp
				var d apd.Decimal
				if _, err := c.Quantize(&d, x.number, int32(-decimals)); err != nil {
					return nil, v.fail(n, "%s is out of range", x)
				}
				return Collection{decimalValue(trimmed(&d))}, nil
			})
		}},
	}
}
