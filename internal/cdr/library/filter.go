package library

import (
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
)

// Filter is one parameter of a search: any of its values may match (FHIR R4,
// Search, Composite values). Filters beside one another must all match.
type Filter struct {
	Name, Modifier string
	Values         []string
}

type parameter struct {
	kind  string // token, string, uri or date
	value func(*Head) []string
}

func one(pick func(*Head) string) func(*Head) []string {
	return func(h *Head) []string { return []string{pick(h)} }
}

// parameters are those of all kinds; the ones of a kind are in Parameters.
var parameters = map[string]parameter{
	"_id":          {"token", one(func(h *Head) string { return h.ID })},
	"_lastUpdated": {"date", one(func(h *Head) string { return h.Committed.UTC().Format(time.RFC3339Nano) })},
	"url":          {"uri", func(h *Head) []string { return []string{h.About.URL, h.About.URL + "|" + h.About.Version} }},
	"version":      {"token", one(func(h *Head) string { return h.About.Version })},
	"status":       {"token", one(func(h *Head) string { return h.About.Status })},
	"name":         {"string", one(func(h *Head) string { return h.About.Name })},
	"title":        {"string", one(func(h *Head) string { return h.About.Title })},
	"publisher":    {"string", one(func(h *Head) string { return h.About.Publisher })},
	"description":  {"string", one(func(h *Head) string { return h.About.Description })},
	"date":         {"date", one(func(h *Head) string { return h.About.Date })},
	"identifier":   {"token", func(h *Head) []string { return h.About.Identifiers }},
	"code":         {"token", func(h *Head) []string { return h.About.Codes }},
	"context":      {"token", func(h *Head) []string { return h.About.Contexts }},
	"definition":   {"token", func(h *Head) []string { return h.About.Definitions }},
	"reference":    {"uri", func(h *Head) []string { return h.About.References }},
	"system":       {"uri", one(func(h *Head) string { return h.About.URL })},
}

// Parameters names the search parameters of each kind.
var Parameters = map[string][]string{
	Questionnaire: {"_id", "_lastUpdated", "url", "version", "status", "name", "title", "publisher", "description", "date", "identifier", "code", "context", "definition"},
	ValueSet:      {"_id", "_lastUpdated", "url", "version", "status", "name", "title", "publisher", "description", "date", "identifier", "context", "reference"},
	CodeSystem:    {"_id", "_lastUpdated", "url", "version", "status", "name", "title", "publisher", "description", "date", "identifier", "context", "code", "system"},
}

// ParameterType is the FHIR type of a parameter.
func ParameterType(name string) string { return parameters[name].kind }

// ReadFilter reads a parameter of a kind; known is false of one that the kind
// does not have.
func ReadFilter(kind, key, text string) (f Filter, known bool, err error) {
	f.Name, f.Modifier, _ = strings.Cut(key, ":")
	if !slices.Contains(Parameters[kind], f.Name) {
		return f, false, nil
	}
	f.Values = strings.Split(text, ",")
	p := parameters[f.Name]
	fits := f.Modifier == "" || p.kind == "string" && (f.Modifier == "exact" || f.Modifier == "contains") ||
		p.kind == "token" && f.Modifier == "not" || p.kind == "uri" && f.Modifier == "below"
	if !fits {
		return f, true, fault.New(fault.Invalid, "query-parameter", "the query parameter %s takes no modifier %s", f.Name, f.Modifier)
	}
	if p.kind == "date" {
		for _, v := range f.Values {
			if _, _, ok := Moment(strings.TrimLeft(v, "abcdefghijklmnopqrstuvwxyz")); !ok {
				return f, true, fault.New(fault.Invalid, "query-parameter", "the query parameter %s is a date or an instant, after eq, ne, gt, lt, ge, le, sa or eb", f.Name)
			}
		}
	}
	return f, true, nil
}

// Matches says whether a resource is what all filters ask for.
func (h *Head) Matches(filters []Filter) bool {
	for _, f := range filters {
		if !f.matches(h) {
			return false
		}
	}
	return true
}

func (f Filter) matches(h *Head) bool {
	p := parameters[f.Name]
	for _, has := range p.value(h) {
		for _, wish := range f.Values {
			if has != "" && p.says(has, wish, f.Modifier) {
				return f.Modifier != "not"
			}
		}
	}
	return f.Modifier == "not"
}

func (p parameter) says(has, wish, modifier string) bool {
	switch p.kind {
	case "string":
		low, wanted := strings.ToLower(has), strings.ToLower(wish)
		switch modifier {
		case "exact":
			return has == wish
		case "contains":
			return strings.Contains(low, wanted)
		}
		return strings.HasPrefix(low, wanted)
	case "uri":
		if modifier == "below" {
			return strings.HasPrefix(has, wish)
		}
		return has == wish
	case "date":
		return dated(has, wish)
	}
	system, code, split := strings.Cut(wish, "|")
	hasSystem, hasCode, tokens := strings.Cut(has, "|")
	switch {
	case !tokens:
		return has == wish
	case !split:
		return hasCode == wish
	case code == "":
		return hasSystem == system
	}
	return hasCode == code && hasSystem == system
}

// dated compares spans of time (FHIR R4, Search, Prefixes).
func dated(has, wish string) bool {
	prefix := "eq"
	if len(wish) > 2 && wish[0] >= 'a' {
		prefix, wish = wish[:2], wish[2:]
	}
	from, until, ok := Moment(wish)
	began, ended, known := Moment(has)
	if !ok || !known {
		return false
	}
	within := !began.Before(from) && !ended.After(until)
	switch prefix {
	case "eq":
		return within
	case "ne":
		return !within
	case "gt":
		return ended.After(until)
	case "lt":
		return began.Before(from)
	case "ge":
		return within || ended.After(until)
	case "le":
		return within || began.Before(from)
	case "sa":
		return !began.Before(until)
	case "eb":
		return !ended.After(from)
	}
	return false
}
