package declare

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// Bind gives each parameter its value: what was given, made one of its type, else
// the default. What is missing and what does not fit is Invalid and named. The
// names given that are none of the query are unknown, in order.
func Bind(parameters []Parameter, given map[string]any) (bound map[string]any, unknown []string, err error) {
	bound = make(map[string]any, len(parameters))
	var missing []fault.Issue
	for _, p := range parameters {
		v, ok := given[p.Name]
		switch {
		case !ok && p.Required:
			missing = append(missing, fault.Issue{Path: "$" + p.Name, Rule: "query-parameter-missing", Expected: p.expected(),
				Message: "the parameter $" + p.Name + " has no value"})
			continue
		case !ok:
			bound[p.Name] = p.Default
			continue
		}
		if bound[p.Name], err = p.value(v); err != nil {
			return nil, nil, err
		}
	}
	if len(missing) > 0 {
		names := make([]string, len(missing))
		for i, m := range missing {
			names[i] = m.Path
		}
		return nil, nil, fault.New(fault.Invalid, "aql-parameter", "AQL: the parameter %s has no value", strings.Join(names, ", ")).With(missing...)
	}
	for name := range given {
		if !slices.ContainsFunc(parameters, func(p Parameter) bool { return p.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return bound, unknown, nil
}

// Check refuses the texts and numbers that are no temporal value where one is
// compared. Everything else is taken as it was given: JSON says the type itself.
func Check(parameters []Parameter, given map[string]any) error {
	for _, p := range parameters {
		switch p.Type {
		case Date, Time, DateTime, Duration:
		default:
			continue
		}
		list, many := given[p.Name].([]any)
		if !many {
			list = []any{given[p.Name]}
		}
		for _, v := range list {
			if _, ok := convert(p.Type, v); !ok {
				return p.misfit(v)
			}
		}
	}
	return nil
}

func (p Parameter) expected() string {
	if p.List {
		return "a list, each " + words[p.Type]
	}
	return words[p.Type]
}

func (p Parameter) value(v any) (any, error) {
	list, many := v.([]any)
	if !many {
		out, ok := convert(p.Type, v)
		if !ok {
			return nil, p.misfit(v)
		}
		return out, nil
	}
	if !p.List {
		return nil, p.misfit("a list")
	}
	out := make([]any, len(list))
	for i, v := range list {
		var ok bool
		if out[i], ok = convert(p.Type, v); !ok {
			return nil, p.misfit(v)
		}
	}
	return out, nil
}

// longestFound bounds what an error quotes of a value.
const longestFound = 60

func (p Parameter) misfit(v any) error {
	found, ok := v.(string)
	if !ok {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte("what is no JSON")
		}
		found = string(text)
	}
	if runes := []rune(found); len(runes) > longestFound {
		found = string(runes[:longestFound]) + "..."
	}
	return fault.New(fault.Invalid, "query-parameter", "the parameter $%s must be %s", p.Name, p.expected()).With(
		fault.Issue{Path: "$" + p.Name, Rule: "query-parameter-type", Expected: p.expected(), Found: found,
			Message: "the value of $" + p.Name + " does not fit"})
}

// number is a number of JSON (RFC 8259, 6), leading zeros and a plus let in.
var number = regexp.MustCompile(`^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$`)

// convert gives a value as its type has it: a text that says a number is one.
// NULL is of every type.
func convert(t Type, v any) (any, bool) {
	if v == nil || t == Any {
		return v, true
	}
	s, isText := v.(string)
	switch t {
	case Boolean:
		if b, is := v.(bool); is {
			return b, true
		}
		return s == "true", isText && (s == "true" || s == "false")
	case Text:
		return v, isText
	case Number, Integer:
		return numeral(t, v)
	case Ordered:
		if n, is := numeral(Number, v); is {
			return n, true
		}
		return v, isText
	}
	return v, isText && fits(t, s)
}

func numeral(t Type, v any) (any, bool) {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	case float64, int, int64:
		written, err := json.Marshal(v)
		if err != nil {
			return nil, false
		}
		text = string(written)
	default:
		return nil, false
	}
	if !number.MatchString(text) || t == Integer && strings.ContainsAny(text, ".eE") {
		return nil, false
	}
	sign := ""
	if text[0] == '-' {
		sign = "-"
	}
	text = strings.TrimLeft(text, "+-")
	for len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9' {
		text = text[1:]
	}
	return json.Number(sign + text), true
}

// fits says whether a text is a temporal value of the type. A date and time may
// be partial.
func fits(t Type, s string) bool {
	var err error
	switch t {
	case Time:
		_, err = temporal.ParseTime(s)
	case Duration:
		_, err = temporal.ParseDuration(s)
	default:
		if _, err = temporal.ParseDateTime(s); err != nil {
			_, err = temporal.ParseDate(s)
		}
	}
	return err == nil
}
