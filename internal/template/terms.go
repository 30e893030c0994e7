package template

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// scope is where an archetype begins: the terms and bindings of its codes.
type scope struct {
	archetype string
	// terms is language -> code -> term; languages are in lower case.
	terms    map[string]map[string]aom.Term
	bindings []aom.TermBindings
	// constraints are the terms of ac-codes.
	constraints        map[string]map[string]aom.Term
	constraintBindings []aom.ConstraintBindings
}

// Term finds the term of a code as seen from a node, in a language; the
// template's own language answers when lang is empty or has no such term.
func (c *Compiled) Term(id NodeID, code, lang string) (aom.Term, bool) {
	return c.find(c.scopes[c.nodes[id].Scope], code, lang)
}

// TermIn is Term for an archetype id instead of a node.
func (c *Compiled) TermIn(archetypeID, code, lang string) (aom.Term, bool) {
	return c.find(c.byArchetype[archetypeID], code, lang)
}

// TermExact is Term without the retreat to the template's own language.
func (c *Compiled) TermExact(id NodeID, code, lang string) (aom.Term, bool) {
	s := c.scopes[c.nodes[id].Scope]
	if s == nil {
		return aom.Term{}, false
	}
	t, ok := s.terms[strings.ToLower(lang)][code]
	return t, ok
}

func (c *Compiled) find(s *scope, code, lang string) (aom.Term, bool) {
	if s == nil {
		return aom.Term{}, false
	}
	lang = strings.ToLower(lang)
	for _, l := range [...]string{lang, primary(lang), strings.ToLower(c.Language)} {
		if t, ok := s.terms[l][code]; ok {
			return t, true
		}
		if t, ok := s.constraints[l][code]; ok {
			return t, true
		}
	}
	return aom.Term{}, false
}

// primary is the language without its region: en of en-gb.
func primary(lang string) string {
	base, _, _ := strings.Cut(lang, "-")
	return base
}

// Label is what to call a node in a language: the name the template fixes when
// the language is its own, its translation (tools keep it as an annotation
// L10n.<language>), else the term of its code.
func (c *Compiled) Label(id NodeID, lang string) string {
	n := &c.nodes[id]
	if n.NameFixed != "" && (lang == "" || strings.EqualFold(lang, c.Language)) {
		return n.NameFixed
	}
	for _, a := range n.Annotations {
		if l, ok := strings.CutPrefix(a.Key, "L10n."); ok && lang != "" && strings.EqualFold(l, lang) && a.Value != "" {
			return a.Value
		}
	}
	if n.NodeID != "" {
		if t, ok := c.TermExact(id, n.NodeID, lang); ok && lang != "" {
			return t.Text()
		}
		if n.NameFixed != "" {
			return n.NameFixed
		}
		if t, ok := c.Term(id, n.NodeID, lang); ok {
			return t.Text()
		}
	}
	return n.NameFixed
}

// Bindings lists the term bindings of the archetype a node belongs to. The
// caller must not change them.
func (c *Compiled) Bindings(id NodeID) []aom.TermBindings {
	if s := c.scopes[c.nodes[id].Scope]; s != nil {
		return s.bindings
	}
	return nil
}

// Binding gives the external codes bound to a code, one per terminology.
func (c *Compiled) Binding(id NodeID, code string) []aom.Code {
	var out []aom.Code
	for _, set := range c.Bindings(id) {
		for _, item := range set.Items {
			if item.Code == code {
				out = append(out, item.Target)
			}
		}
	}
	return out
}

// ConstraintBindings lists where the ac-codes of a node's archetype lead to.
func (c *Compiled) ConstraintBindings(id NodeID) []aom.ConstraintBindings {
	if s := c.scopes[c.nodes[id].Scope]; s != nil {
		return s.constraintBindings
	}
	return nil
}

func addTerms(into map[string]map[string]aom.Term, lang string, terms []aom.Term) {
	lang = strings.ToLower(lang)
	codes := into[lang]
	if codes == nil {
		codes = make(map[string]aom.Term, len(terms))
		into[lang] = codes
	}
	for _, t := range terms {
		if _, taken := codes[t.Code]; !taken {
			codes[t.Code] = t
		}
	}
}
