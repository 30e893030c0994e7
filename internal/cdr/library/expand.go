package library

import (
	"context"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
)

// Known gives the codes of value sets that this library does not keep; NotFound
// of one that nobody knows.
type Known func(ctx context.Context, canonical string) ([]fhir.ValueSetContains, error)

// expansion is one value set on its way to its codes.
type expansion struct {
	library  *Library
	ctx      context.Context
	caller   cdr.Caller
	language string
	known    Known
	// open are the value sets that are being expanded, so that none holds itself.
	open []string
}

// Codes lists the codes of a value set that is kept here: those it names, those
// of whole code systems that are kept here, and those of other value sets. What
// needs a terminology server is refused by name. language is that of the words
// where the value set has them.
func (l *Library) Codes(ctx context.Context, caller cdr.Caller, r Resource, language string, known Known) ([]fhir.ValueSetContains, error) {
	e := &expansion{library: l, ctx: ctx, caller: caller, language: language, known: known}
	return e.all(r)
}

func (e *expansion) all(r Resource) ([]fhir.ValueSetContains, error) {
	key := r.ID
	if slices.Contains(e.open, key) || len(e.open) > 20 {
		return nil, cannot("ValueSet.compose.include.valueSet", r.About.URL, "the value set holds itself")
	}
	e.open = append(e.open, key)
	defer func() { e.open = e.open[:len(e.open)-1] }()
	text := gjson.ParseBytes(r.Content)
	if !text.Get("compose").Exists() {
		var out []fhir.ValueSetContains
		for _, c := range text.Get("expansion.contains").Array() {
			flat := func(c gjson.Result) {
				if c.Get("code").Exists() && !c.Get("abstract").Bool() {
					out = append(out, fhir.ValueSetContains{System: c.Get("system").String(), Code: c.Get("code").String(), Display: c.Get("display").String()})
				}
			}
			flat(c)
			each(c, "contains", flat)
		}
		return out, nil
	}
	var out, less []fhir.ValueSetContains
	for _, part := range text.Get("compose.exclude").Array() {
		codes, err := e.part(part)
		if err != nil {
			return nil, err
		}
		less = append(less, codes...)
	}
	for _, part := range text.Get("compose.include").Array() {
		codes, err := e.part(part)
		if err != nil {
			return nil, err
		}
		for _, c := range codes {
			if !holds(less, c) && !holds(out, c) {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

func holds(list []fhir.ValueSetContains, c fhir.ValueSetContains) bool {
	return slices.ContainsFunc(list, func(has fhir.ValueSetContains) bool { return has.Code == c.Code && has.System == c.System })
}

func cannot(path, found, message string) *fault.Error {
	return fault.New(fault.Unprocessable, "cannot-expand", "the value set cannot be expanded here").With(fault.Issue{Path: path, Rule: "cannot-expand", Found: found, Message: message})
}

// part is one include or exclude: the codes that its system and all its value
// sets have in common (FHIR R4, ValueSet, Composition Rules).
func (e *expansion) part(part gjson.Result) ([]fhir.ValueSetContains, error) {
	var out []fhir.ValueSetContains
	system := part.Get("system").String()
	begun := system != ""
	switch {
	case part.Get("filter").Exists():
		return nil, cannot("ValueSet.compose.include.filter", system, "codes chosen by a property need a terminology server")
	case part.Get("concept").Exists():
		for _, c := range part.Get("concept").Array() {
			out = append(out, fhir.ValueSetContains{System: system, Code: c.Get("code").String(), Display: e.words(c)})
		}
	case begun:
		whole, err := e.library.Addressed(e.ctx, e.caller, CodeSystem, strings.TrimSuffix(system+"|"+part.Get("version").String(), "|"))
		if fault.Is(err, fault.NotFound) {
			return nil, cannot("ValueSet.compose.include.system", system, "the code system is not kept here")
		}
		if err != nil {
			return nil, err
		}
		each(gjson.ParseBytes(whole.Content), "concept", func(c gjson.Result) {
			out = append(out, fhir.ValueSetContains{System: system, Code: c.Get("code").String(), Display: e.words(c)})
		})
	}
	for _, canonical := range part.Get("valueSet").Array() {
		codes, err := e.other(canonical.String())
		if err != nil {
			return nil, err
		}
		if !begun {
			out, begun = codes, true
			continue
		}
		out = slices.DeleteFunc(out, func(c fhir.ValueSetContains) bool { return !holds(codes, c) })
	}
	return out, nil
}

func (e *expansion) other(canonical string) ([]fhir.ValueSetContains, error) {
	r, err := e.library.Addressed(e.ctx, e.caller, ValueSet, canonical)
	if err == nil {
		return e.all(r)
	}
	if fault.Is(err, fault.NotFound) && e.known != nil {
		var codes []fhir.ValueSetContains
		if codes, err = e.known(e.ctx, canonical); err == nil {
			return slices.Clone(codes), nil
		}
	}
	if fault.Is(err, fault.NotFound) {
		return nil, cannot("ValueSet.compose.include.valueSet", canonical, "the value set is not kept here")
	}
	return nil, err
}

// words are the display of a concept, in the language asked for where it has it.
func (e *expansion) words(c gjson.Result) string {
	primary, _, _ := strings.Cut(e.language, "-")
	for _, d := range c.Get("designation").Array() {
		own, _, _ := strings.Cut(d.Get("language").String(), "-")
		if primary != "" && strings.EqualFold(own, primary) {
			return d.Get("value").String()
		}
	}
	return c.Get("display").String()
}
