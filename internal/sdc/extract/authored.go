package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
)

// Extensions by which a Questionnaire says what its answers become (SDC 4, Form
// Data Extraction: observation-based and template-based).
const (
	sdcExtension    = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
	extObservation  = sdcExtension + "observationExtract"
	extCategory     = sdcExtension + "observation-extract-category"
	extTemplate     = sdcExtension + "templateExtract"
	extBundle       = sdcExtension + "templateExtractBundle"
	extContext      = sdcExtension + "templateExtractContext"
	extValue        = sdcExtension + "templateExtractValue"
	extAllocate     = sdcExtension + "extractAllocateId"
	extDefinition   = sdcExtension + "definitionExtract"
	extStructureMap = sdcExtension + "targetStructureMap"
)

// authored is one response to a Questionnaire that says itself what it becomes.
type authored struct {
	facts         Facts
	questionnaire object
	response      object
	// variables are those of expressions.
	variables map[string]fhirpath.Collection
	contained map[string]object
	entries   []fhir.BundleEntry
	refused   []Refusal
}

// Says reports whether a Questionnaire says itself what its answers become.
func Says(questionnaire []byte) bool {
	for _, url := range []string{extObservation, extTemplate, extBundle, extDefinition, extStructureMap} {
		if bytes.Contains(questionnaire, []byte(`"`+url+`"`)) {
			return true
		}
	}
	return false
}

// FromQuestionnaire extracts from a response what its Questionnaire says:
// Observations of coded questions, and resources of the templates it contains.
func FromQuestionnaire(questionnaire, response []byte, facts Facts) Result {
	out := Result{Bundle: fhir.Bundle{ResourceType: "Bundle", Type: "transaction"}}
	if facts.Lifecycle != "" && facts.Lifecycle != complete {
		out.Refusals = []Refusal{{Reason: "draft", AQLPath: "/", Message: "only a complete version is extracted: a draft, a deleted or an abandoned one states nothing"}}
		return out
	}
	a := &authored{facts: facts, questionnaire: members(questionnaire), response: members(response), variables: map[string]fhirpath.Collection{}, contained: map[string]object{}}
	for name, text := range map[string][]byte{"resource": response, "questionnaire": questionnaire} {
		value, err := fhirpath.Read(text)
		if err != nil {
			out.Refusals = []Refusal{{Reason: "expression", Message: "the " + name + " cannot be read"}}
			return out
		}
		a.variables[name] = fhirpath.Collection{value}
	}
	a.variables["context"] = a.variables["resource"]
	for _, c := range list(a.questionnaire["contained"]) {
		if id, _ := c["id"].(string); id != "" {
			a.contained[id] = c
		}
	}
	if a.has(a.questionnaire, extStructureMap) || bytes.Contains(questionnaire, []byte(`"`+extDefinition+`"`)) {
		a.refuse("unsupported", "extraction by StructureMap and by definitions is not done here")
	}
	a.allocate(a.questionnaire, "")
	for _, e := range extensions(a.questionnaire, extBundle) {
		a.bundle(e)
	}
	for n, e := range extensions(a.questionnaire, extTemplate) {
		a.template(e, a.variables["resource"], fmt.Sprint("#", n), a.variables)
	}
	a.items(list(a.questionnaire["item"]), list(a.response["item"]), "", observing{on: a.flag(a.questionnaire) == "true", categories: a.categories(a.questionnaire, nil)})
	out.Bundle.Entry, out.Refusals = a.entries, a.refused
	return out
}

func (a *authored) refuse(reason, format string, args ...any) {
	a.refused = append(a.refused, Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func members(text []byte) object {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var out object
	_ = dec.Decode(&out) // what cannot be read has no members
	return out
}

func list(v any) (out []object) {
	values, _ := v.([]any)
	for _, one := range values {
		if o := within(one); o != nil {
			out = append(out, o)
		}
	}
	return out
}

// within is a value as an object, nil of all others.
func within(v any) object {
	switch o := v.(type) {
	case object:
		return o
	case map[string]any:
		return o
	}
	return nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// extensions are those of an element with an address.
func extensions(o object, address string) (out []object) {
	for _, e := range list(o["extension"]) {
		if text(e["url"]) == address {
			out = append(out, e)
		}
	}
	return out
}

func (a *authored) has(o object, address string) bool { return len(extensions(o, address)) > 0 }

// said is the text of an extension: a string, a code, or an expression.
func said(e object) string {
	for _, name := range []string{"valueString", "valueCode", "valueId"} {
		if s := text(e[name]); s != "" {
			return s
		}
	}
	if x, ok := e["valueExpression"].(map[string]any); ok {
		return text(x["expression"])
	}
	return ""
}

// stable is an id that another extraction of the same response gives again.
func (a *authored) stable(part string) string {
	return "urn:uuid:" + uuid.NewV5(uuid.NamespaceURL, IdentifierSystem+"|"+a.facts.Object+"#"+part).String()
}

// allocate names the ids that several resources of one scope share.
func (a *authored) allocate(o object, at string) {
	for _, e := range extensions(o, extAllocate) {
		name := said(e)
		if value, err := fhirpath.Read([]byte(`"` + a.stable(at+"%"+name) + `"`)); err == nil && name != "" {
			a.variables[name] = fhirpath.Collection{value}
		}
	}
}

// observing is what an item inherits of the extraction of observations.
type observing struct {
	on         bool
	categories []any
	// panel takes the components and members below it.
	panel *panel
}

// items walks the questions with their answers.
func (a *authored) items(questions, answers []object, at string, o observing) {
	for _, q := range questions {
		linkID := text(q["linkId"])
		n := 0
		for _, r := range answers {
			if text(r["linkId"]) != linkID {
				continue
			}
			here := fmt.Sprintf("%s/%s:%d", at, linkID, n)
			n++
			before := a.variables
			a.variables = map[string]fhirpath.Collection{}
			for name, v := range before {
				a.variables[name] = v
			}
			a.allocate(q, here)
			for k, e := range extensions(q, extTemplate) {
				encoded, err := json.Marshal(r)
				if err != nil {
					continue
				}
				if value, err := fhirpath.Read(encoded); err == nil {
					a.template(e, fhirpath.Collection{value}, fmt.Sprintf("%s#%d", here, k), a.variables)
				}
			}
			below := a.observe(q, r, here, o)
			a.items(list(q["item"]), list(r["item"]), here, below)
			for k, answer := range list(r["answer"]) {
				a.items(list(q["item"]), list(answer["item"]), fmt.Sprintf("%s.%d", here, k), below)
			}
			if below.panel != nil && below.panel != o.panel {
				a.panelled(below.panel)
			}
			a.variables = before
		}
	}
}

// template makes a resource of one that the Questionnaire contains.
func (a *authored) template(e object, about fhirpath.Collection, at string, variables map[string]fhirpath.Collection) {
	parts := map[string]object{}
	for _, p := range list(e["extension"]) {
		parts[text(p["url"])] = p
	}
	reference, _ := parts["template"]["valueReference"].(map[string]any)
	id := strings.TrimPrefix(text(reference["reference"]), "#")
	resource, there := a.contained[id]
	if !there {
		a.refuse("template", "the Questionnaire contains no template %q", id)
		return
	}
	t := &templater{variables: variables, now: a.facts.Recorded}
	made := t.object(resource, about)
	kind := text(made["resourceType"])
	delete(made, "id")
	request := &fhir.BundleRequest{Method: "POST", URL: kind}
	full := a.stable(at)
	if given := t.one(said(parts["fullUrl"]), about); given != "" {
		full = given
	}
	if own := t.one(said(parts["resourceId"]), about); own != "" {
		made["id"], request.Method, request.URL = own, "PUT", kind+"/"+own
	}
	request.IfNoneExist = t.one(said(parts["ifNoneExist"]), about)
	if t.failed != "" {
		a.refuse("expression", "the template %s: %s", id, t.failed)
		return
	}
	if len(made) < 2 {
		return // nothing was answered that it takes
	}
	if request.Method == "POST" && request.IfNoneExist == "" && identified[kind] && made["identifier"] == nil {
		request.Method, request.URL = "PUT", a.identify(made, kind, at)
	}
	a.entries = append(a.entries, fhir.BundleEntry{FullURL: full, Resource: made, Request: request})
}

// identified are the resources that are known again by an identifier of ours.
var identified = map[string]bool{"Observation": true, "Condition": true, "AllergyIntolerance": true, "ServiceRequest": true, "MedicationStatement": true,
	"MedicationRequest": true, "Procedure": true, "Immunization": true, "Goal": true, "CarePlan": true, "DiagnosticReport": true, "Specimen": true,
	"Flag": true, "FamilyMemberHistory": true, "ClinicalImpression": true, "RelatedPerson": true, "Task": true, "Encounter": true}

// identify gives a resource our identifier, and its conditional address.
func (a *authored) identify(o object, kind, at string) string {
	value := a.facts.Object + "#" + at
	o["identifier"] = []any{object{"system": IdentifierSystem, "value": value}}
	return kind + "?identifier=" + url.QueryEscape(IdentifierSystem+"|"+value)
}

// bundle makes the entries of a Bundle that the Questionnaire contains.
func (a *authored) bundle(e object) {
	reference, _ := e["valueReference"].(map[string]any)
	id := strings.TrimPrefix(text(reference["reference"]), "#")
	template, there := a.contained[id]
	if !there {
		a.refuse("template", "the Questionnaire contains no template %q", id)
		return
	}
	t := &templater{variables: a.variables, now: a.facts.Recorded}
	made := t.object(template, a.variables["resource"])
	if t.failed != "" {
		a.refuse("expression", "the template %s: %s", id, t.failed)
		return
	}
	for n, entry := range list(made["entry"]) {
		resource := within(entry["resource"])
		if len(resource) < 2 {
			continue
		}
		out := fhir.BundleEntry{FullURL: text(entry["fullUrl"]), Resource: resource, Request: &fhir.BundleRequest{Method: "POST", URL: text(resource["resourceType"])}}
		if request := within(entry["request"]); request != nil {
			encoded, _ := json.Marshal(request)
			_ = json.Unmarshal(encoded, out.Request) // members of other types say nothing
		}
		if out.FullURL == "" {
			out.FullURL = a.stable(fmt.Sprint("bundle.", n))
		}
		a.entries = append(a.entries, out)
	}
}

// sortedNames are the members of an object in a fixed order.
func sortedNames(o object) []string {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
