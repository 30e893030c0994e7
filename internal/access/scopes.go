package access

import (
	"net/url"
	"slices"
	"strings"
)

// Noun is a kind of thing a scope is about (SMART on openEHR, Resource scopes).
type Noun string

// The nouns of the scope grammar. Everything else, such as EHR_STATUS, directory
// or administration, is outside it and stays with the roles.
const (
	Compositions Noun = "composition"
	Definitions  Noun = "template"
	Queries      Noun = "aql"
)

// Scopes are what a token allows (SMART on openEHR, Resource scopes): they take
// away from what the roles allow and give nothing.
type Scopes struct {
	list []scope
	// Person: all scopes are of the patient compartment, so that the token is for
	// one record alone. The broadest compartment decides.
	Person bool
}

type scope struct {
	noun    Noun
	pattern string
	letters string
}

// maximal are the letters there are for a noun, in the patient compartment and in
// the others; a letter beyond means nothing.
var maximal = map[Noun][2]string{
	Compositions: {"crud", "crud"},
	Definitions:  {"", "crud"},
	Queries:      {"rs", "cruds"},
}

// ReadScopes reads the words of a scope claim. narrowed says that one has the form
// of a resource scope, be it one that is not understood and so allows nothing.
// The FHIR scopes of QuestionnaireResponse and Questionnaire are those of
// compositions and templates.
func ReadScopes(words []string) (s *Scopes, narrowed bool) {
	s = &Scopes{Person: true}
	for _, word := range words {
		compartment, rest, ok := strings.Cut(word, "/")
		if !ok || compartment != "patient" && compartment != "user" && compartment != "system" {
			continue
		}
		narrowed = true
		person := compartment == "patient"
		s.Person = s.Person && person
		dot := strings.LastIndexByte(rest, '.')
		if dot < 0 {
			continue
		}
		read, ok := readResource(rest[:dot], rest[dot+1:])
		if !ok {
			continue
		}
		most := maximal[read.noun][1]
		if person {
			most = maximal[read.noun][0]
		}
		read.letters = strings.Map(func(r rune) rune {
			if strings.ContainsRune(most, r) {
				return r
			}
			return -1
		}, read.letters)
		s.list = append(s.list, read)
	}
	s.Person = s.Person && narrowed
	return s, narrowed
}

// readResource reads what stands between compartment and letters.
func readResource(resource, letters string) (scope, bool) {
	switch resource {
	case "QuestionnaireResponse":
		return scope{Compositions, "**", fhirLetters(letters)}, true
	case "Questionnaire":
		return scope{Definitions, "**", fhirLetters(letters)}, true
	}
	noun, id, ok := strings.Cut(resource, "-")
	// A template id may have blanks, which a scope cannot: it is percent-encoded.
	pattern, err := url.PathUnescape(id)
	if _, known := maximal[Noun(noun)]; !ok || !known || err != nil || pattern == "" || letters == "" || strings.Trim(letters, "cruds") != "" {
		return scope{}, false
	}
	return scope{Noun(noun), pattern, letters}, true
}

// fhirLetters reads the permissions of a FHIR scope, of version 1 or 2 of SMART App Launch.
func fhirLetters(s string) string {
	switch s {
	case "read":
		return "r"
	case "write":
		return "cud"
	case "*":
		return "crud"
	}
	if strings.Trim(s, "cruds") != "" {
		return ""
	}
	if strings.Contains(s, "s") {
		return s + "r" // a search shows what it finds
	}
	return s
}

// Allow says whether a scope has the letter for this id: a template id, or the
// name of a query, "" for AQL that has none.
func (s *Scopes) Allow(noun Noun, letter byte, id string) bool {
	return slices.ContainsFunc(s.list, func(c scope) bool {
		return c.noun == noun && strings.IndexByte(c.letters, letter) >= 0 && matches(c.pattern, id)
	})
}

// AllowSome says whether a scope has one of the letters for any id at all.
func (s *Scopes) AllowSome(noun Noun, letters string) bool {
	return slices.ContainsFunc(s.list, func(c scope) bool { return c.noun == noun && strings.ContainsAny(c.letters, letters) })
}

// matches compares an id with a pattern: "*" stands for anything up to "::", "**"
// for that too, and a "*" alone for every id.
func matches(pattern, id string) bool {
	if pattern == "*" {
		return true
	}
	fixed, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == id
	}
	id, ok := strings.CutPrefix(id, fixed)
	if !ok {
		return false
	}
	rest, across := strings.CutPrefix(rest, "*")
	for i := 0; ; i++ {
		if matchesRest(rest, id[i:]) {
			return true
		}
		if i == len(id) || !across && strings.HasPrefix(id[i:], "::") {
			return false
		}
	}
}

// matchesRest is matches for what follows a wildcard, where "*" is not alone.
func matchesRest(pattern, id string) bool {
	if pattern == "*" {
		return !strings.Contains(id, "::")
	}
	return matches(pattern, id)
}

// Narrow is the profile of a caller whose token has scopes; ids names the template
// families. What the scope grammar has no noun for stays as it is.
func (p *Profile) Narrow(s *Scopes, ids map[int32]string) *Profile {
	n := *p
	n.scopes, n.whole, n.ids = s, p, ids
	n.Templates = n.families(p.Templates, "r")
	n.WriteTemplates = n.families(p.WriteTemplates, "cud")
	drop := func(area string) {
		n.Areas, n.Views = without(n.Areas, area), without(n.Views, area)
	}
	if !s.AllowSome(Definitions, "crud") {
		drop("templates")
	}
	if !s.AllowSome(Queries, "cruds") {
		drop("queries")
	}
	if s.Person {
		n.Queryable, n.CreateIn = nil, nil
	}
	return &n
}

// families are those of a list for whose id some scope has one of the letters.
func (p *Profile) families(list []int32, letters string) []int32 {
	kept := []int32{}
	for _, f := range list {
		for i := range len(letters) {
			if p.scopes.Allow(Compositions, letters[i], p.ids[f]) {
				kept = append(kept, f)
				break
			}
		}
	}
	return kept
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}

// Narrowed says whether a token's scopes took away from the profile.
func (p *Profile) Narrowed() bool { return p.scopes != nil }

// Allows says whether the scopes, if there are any, have the letter for an id.
func (p *Profile) Allows(noun Noun, letter byte, id string) bool {
	return p.scopes == nil || p.scopes.Allow(noun, letter, id)
}

// AllowsSome says whether the scopes, if there are any, have the letter for anything.
func (p *Profile) AllowsSome(noun Noun, letter byte) bool {
	return p.scopes == nil || p.scopes.AllowSome(noun, string(letter))
}

// Changing is the profile of a commit that needs all of the letters: its families
// to write are those that have each.
func (p *Profile) Changing(letters string) *Profile {
	if p.scopes == nil {
		return p
	}
	n := *p
	for i := range len(letters) {
		n.WriteTemplates = n.families(n.WriteTemplates, letters[i:i+1])
	}
	return &n
}

// Asking is the profile by which a query runs that the scopes allow: they are
// about the query then and not about the compositions it finds.
func (p *Profile) Asking() *Profile {
	if p.scopes == nil {
		return p
	}
	n := *p.whole
	n.scopes, n.whole, n.ids = p.scopes, p.whole, p.ids
	n.Areas, n.Views = p.Areas, p.Views
	if p.scopes.Person {
		n.Queryable, n.CreateIn = nil, nil
	}
	return &n
}

// UsesTemplate says whether the profile may look at a template: who reads or
// writes by it, or looks after templates.
func (p *Profile) UsesTemplate(family int32) bool {
	if !p.Allows(Definitions, 'r', p.ids[family]) {
		return false
	}
	of := p
	if p.whole != nil {
		of = p.whole
	}
	return of.MayView("templates") || slices.Contains(of.Templates, family) || slices.Contains(of.WriteTemplates, family)
}
