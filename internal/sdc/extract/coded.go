package extract

import (
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
)

// flag is what an element says of the extraction of observations: true, false,
// component, member, "" for nothing. A code of the question may say it too.
func (a *authored) flag(o object) string {
	elements := append([]object{o}, list(o["code"])...)
	for _, element := range elements {
		for _, e := range extensions(element, extObservation) {
			if yes, ok := e["valueBoolean"].(bool); ok {
				if yes {
					return "true"
				}
				return "false"
			}
			switch code := said(e); code {
			case "component", "member":
				return code
			case "independent", "derived":
				return "true"
			}
		}
	}
	return ""
}

func (a *authored) categories(o object, inherited []any) []any {
	var own []any
	for _, e := range extensions(o, extCategory) {
		if concept, ok := e["valueCodeableConcept"].(map[string]any); ok {
			own = append(own, concept)
		}
	}
	if own == nil {
		return inherited
	}
	return own
}

// panel is an Observation with others below it.
type panel struct {
	observation object
	at          string
	components  []any
	members     []any
}

// codesOf are the codes a question is extracted by: those that say so, else all.
func (a *authored) codesOf(q object) (codes []any) {
	chosen := false
	for _, c := range list(q["code"]) {
		if a.has(c, extObservation) {
			chosen = true
		}
	}
	for _, c := range list(q["code"]) {
		if chosen && a.flag(object{"extension": c["extension"]}) != "true" && !a.partOf(c) {
			continue
		}
		plain := object{}
		for name, v := range c {
			if name != "extension" {
				plain[name] = v
			}
		}
		codes = append(codes, plain)
	}
	return codes
}

func (a *authored) partOf(code object) bool {
	f := a.flag(object{"extension": code["extension"]})
	return f == "component" || f == "member"
}

// observe makes the Observations of one question, and says what those below it
// inherit.
func (a *authored) observe(q, r object, at string, o observing) observing {
	flag := a.flag(q)
	below := observing{on: o.on, categories: a.categories(q, o.categories), panel: o.panel}
	switch flag {
	case "true":
		below.on = true
	case "false":
		below.on = false
	}
	codes := a.codesOf(q)
	part := flag == "component" || flag == "member"
	if len(codes) == 0 || !below.on && !part {
		return below
	}
	head := func() object {
		out := object{"resourceType": "Observation", "status": "final", "code": object{"coding": codes}, "subject": a.facts.Subject}
		if words := text(q["text"]); words != "" {
			out["code"].(object)["text"] = words
		}
		if len(below.categories) > 0 {
			out["category"] = below.categories
		}
		if at := text(a.response["authored"]); at != "" {
			out["effectiveDateTime"] = at
			if strings.Contains(at, "T") {
				out["issued"] = at
			}
		}
		if author := a.response["author"]; author != nil {
			out["performer"] = []any{author}
		}
		if a.facts.Response != "" {
			out["derivedFrom"] = []any{object{"reference": a.facts.Response}}
		}
		return out
	}
	if kind := text(q["type"]); kind == "group" {
		below.panel = &panel{observation: head(), at: at}
		return below
	}
	for n, answer := range list(r["answer"]) {
		name, value := observed(answer)
		if name == "" {
			a.refuse("type", "the answer to %s is of a type no Observation has", text(q["linkId"]))
			continue
		}
		if part && flag == "component" && o.panel != nil {
			component := object{"code": object{"coding": codes}, name: value}
			o.panel.components = append(o.panel.components, component)
			continue
		}
		made := head()
		made[name] = value
		here := at
		if n > 0 {
			here += fmt.Sprintf(".%d", n)
		}
		full := a.observation(made, here)
		if flag == "member" && o.panel != nil {
			o.panel.members = append(o.panel.members, object{"reference": full})
		}
	}
	return below
}

// panelled adds a panel that something was answered below.
func (a *authored) panelled(p *panel) {
	if len(p.components) == 0 && len(p.members) == 0 {
		return
	}
	if len(p.components) > 0 {
		p.observation["component"] = p.components
	}
	if len(p.members) > 0 {
		p.observation["hasMember"] = p.members
	}
	a.observation(p.observation, p.at)
}

func (a *authored) observation(o object, at string) (full string) {
	full = a.stable(at)
	a.entries = append(a.entries, fhir.BundleEntry{FullURL: full, Resource: o, Request: &fhir.BundleRequest{Method: "PUT", URL: a.identify(o, "Observation", at)}})
	return full
}

// observed is an answer as the value of an Observation (FHIR R4, Observation.value).
func observed(answer object) (string, any) {
	for name, value := range answer {
		switch name {
		case "valueBoolean", "valueInteger", "valueString", "valueTime", "valueDateTime", "valueQuantity":
			return name, value
		case "valueDate":
			return "valueDateTime", value
		case "valueDecimal":
			return "valueQuantity", object{"value": value}
		case "valueCoding":
			return "valueCodeableConcept", object{"coding": []any{value}}
		}
	}
	return "", nil
}
