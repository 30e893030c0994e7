package extract

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// IdentifierSystem is that of the identifiers resources are known by: the object
// of the composition and the path of the statement in it.
const IdentifierSystem = "https://quire-cdr.org/fhir/extract"

// Facts are what the composition does not say itself.
type Facts struct {
	// VersionUID is the version that is read, Object its versioned object.
	VersionUID, Object string
	// Lifecycle is a code of the group version lifecycle state; only what is
	// complete is extracted (DESIGN 5a rule 1).
	Lifecycle string
	// Subject is whom the record is about, Response the QuestionnaireResponse it
	// can be read as, "" for none.
	Subject  fhir.Reference
	Response string
	// Zone reads times without an offset; nil is UTC.
	Zone *time.Location
	// Recorded is when the version was committed, ISO 8601.
	Recorded string
	// Before is the version before this one: what stood there and no more stands
	// here is deleted by the Bundle. nil is none.
	Before *rm.Tree
}

// Refusal is a statement that became no resource, and why.
type Refusal struct {
	// Reason is a word: exclusion, absence, not-the-person, relative, draft,
	// interval, approximate, unmapped, unmapped-code, no-value, contradiction, state,
	// type.
	Reason    string
	Archetype string
	AQLPath   string
	Message   string
}

// Result is what a composition came to.
type Result struct {
	Bundle   fhir.Bundle
	Refusals []Refusal
}

// Lifecycle state complete.
const complete = "532"

// Extract makes a transaction Bundle. Each entry is a conditional update by an
// identifier, so that the same version extracted twice changes nothing.
func Extract(t *rm.Tree, compiled *template.Compiled, mappings Mappings, facts Facts) Result {
	r := Result{Bundle: fhir.Bundle{ResourceType: "Bundle", Type: "transaction"}}
	if facts.Lifecycle != "" && facts.Lifecycle != complete {
		r.Refusals = append(r.Refusals, Refusal{Reason: "draft", AQLPath: "/", Archetype: t.ArchetypeNodeID(t.Root()),
			Message: "only a complete version is extracted: a draft, a deleted or an abandoned one states nothing"})
		return r
	}
	made, refusals := statements(t, compiled, mappings, facts)
	r.Refusals = refusals
	kept := map[string]bool{}
	var targets []fhir.Reference
	for _, s := range made {
		key := s.condition()
		kept[key] = true
		full := "urn:uuid:" + uuid.NewV5(uuid.NamespaceURL, IdentifierSystem+"|"+s.id).String()
		targets = append(targets, fhir.Reference{Reference: full})
		r.Bundle.Entry = append(r.Bundle.Entry, fhir.BundleEntry{FullURL: full, Resource: s.members,
			Request: &fhir.BundleRequest{Method: "PUT", URL: key}})
	}
	if facts.Before != nil {
		before, _ := statements(facts.Before, compiled, mappings, facts)
		for _, s := range before {
			if key := s.condition(); !kept[key] {
				kept[key] = true
				r.Bundle.Entry = append(r.Bundle.Entry, fhir.BundleEntry{Request: &fhir.BundleRequest{Method: "DELETE", URL: key}})
			}
		}
	}
	if len(targets) > 0 && facts.VersionUID != "" && facts.Recorded != "" {
		r.Bundle.Entry = append(r.Bundle.Entry, provenance(t, facts, targets))
	}
	return r
}

// provenance ties the resources to the version they were made of.
func provenance(t *rm.Tree, facts Facts, targets []fhir.Reference) fhir.BundleEntry {
	id := uuid.NewV5(uuid.NamespaceURL, IdentifierSystem+"|provenance|"+facts.VersionUID).String()
	who := fhir.Reference{Display: t.TextAt(t.Root(), rminfo.A_composer, rminfo.A_name)}
	if who.Display == "" {
		who.Display = "not recorded"
	}
	p := fhir.Provenance{ResourceType: "Provenance", ID: id, Target: targets, Recorded: facts.Recorded,
		Agent:  []fhir.ProvenanceAgent{{Who: who}},
		Entity: []fhir.ProvenanceEntity{{Role: "source", What: fhir.Reference{Identifier: &fhir.Identifier{System: "urn:ietf:rfc:3986", Value: "urn:openehr:" + facts.VersionUID}}}}}
	if facts.Response != "" {
		p.Entity = append(p.Entity, fhir.ProvenanceEntity{Role: "source", What: fhir.Reference{Reference: facts.Response}})
	}
	return fhir.BundleEntry{FullURL: "urn:uuid:" + id, Resource: p, Request: &fhir.BundleRequest{Method: "PUT", URL: "Provenance/" + id}}
}

// statement is a resource to be.
type statement struct {
	resource string
	id       string
	members  object
}

// condition is the conditional address of the resource: its identifier, escaped as
// a query is, since it holds a path.
func (s statement) condition() string {
	return s.resource + "?identifier=" + url.QueryEscape(IdentifierSystem+"|"+s.id)
}

type walk struct {
	tree     *rm.Tree
	compiled *template.Compiled
	mappings Mappings
	facts    Facts
	made     []statement
	refused  []Refusal
}

func statements(t *rm.Tree, compiled *template.Compiled, mappings Mappings, facts Facts) ([]statement, []Refusal) {
	w := &walk{tree: t, compiled: compiled, mappings: mappings, facts: facts}
	w.within(t.Root())
	return w.made, w.refused
}

// within looks for entries in a composition and its sections.
func (w *walk) within(id rm.ID) {
	for child := range w.tree.All(id) {
		switch class := w.tree.Class(child); class {
		case rminfo.SECTION:
			w.within(child)
		case rminfo.OBSERVATION, rminfo.EVALUATION, rminfo.INSTRUCTION, rminfo.ACTION, rminfo.ADMIN_ENTRY, rminfo.GENERIC_ENTRY:
			w.entry(child)
		}
	}
}

func (w *walk) refuse(at rm.ID, reason, format string, args ...any) {
	w.refused = append(w.refused, Refusal{Reason: reason, Archetype: w.tree.ArchetypeNodeID(w.tree.ArchetypeRoot(at)), AQLPath: w.tree.Path(at), Message: fmt.Sprintf(format, args...)})
}

func (w *walk) entry(at rm.ID) {
	archetype := w.tree.ArchetypeNodeID(at)
	if subject := w.tree.Child(at, rminfo.A_subject); subject != rm.None && w.tree.Class(subject) != rminfo.PARTY_SELF {
		w.refuse(at, "not-the-person", "the entry is about somebody else, and would read as the person's own")
		return
	}
	m := w.mappings.of(archetype)
	switch {
	case m == nil && w.tree.Class(at) == rminfo.OBSERVATION:
		w.observations(at, &Mapping{Resource: "Observation"})
	case m == nil:
		w.refuse(at, "unmapped", "no mapping of the archetype is known")
	case m.Refuse != "":
		w.refuse(at, m.Refuse, "%s", refusals[m.Refuse])
	case m.Observations:
		w.observations(at, m)
	default:
		parts := []rm.ID{at}
		if m.Each != "" {
			parts = w.tree.Resolve(at, strings.TrimPrefix(m.Each, "/"))
			if len(parts) == 0 {
				parts = w.tree.Resolve(at, m.Each)
			}
		}
		for _, part := range parts {
			w.mapped(at, part, m)
		}
	}
}

var refusals = map[string]string{
	"exclusion":  "the entry says that there is nothing of a kind; a resource would read as if there were",
	"absence":    "the entry says that something is not known",
	"relative":   "the entry is about relatives; a resource would read as the person's own finding",
	"not-a-fact": "the entry is a wish, a recommendation or a plan, which no resource here keeps as one",
}

// mapped makes the resource of one entry, or of one part of it.
func (w *walk) mapped(entry, part rm.ID, m *Mapping) {
	o := w.begin(part, m)
	for key, value := range m.Fixed {
		o[key] = value
	}
	for n := range m.Fields {
		f := &m.Fields[n]
		if o.has(f.To) && !strings.Contains(f.To, "[]") {
			continue
		}
		value, refusal := w.value(entry, part, f)
		if refusal != nil {
			w.refuse(refusal.at, refusal.reason, "%s", refusal.text)
			return
		}
		if value == nil {
			continue
		}
		o.put(f.To, value)
	}
	for n := range m.Fields {
		f := &m.Fields[n]
		if o.has(f.To) {
			continue
		}
		switch {
		case f.Required:
			w.refuse(part, "no-value", "there is no %s, which the resource cannot be without", f.To)
			return
		case f.Default != "" && f.System != "":
			o.put(f.To, concept(coding(f.System, f.Default, f.Displays[f.Default])))
		case f.Default != "":
			o.put(f.To, f.Default)
		case f.Absent != "":
			o.put(f.To, object{"extension": []any{object{"url": absentReason, "valueCode": f.Absent}}})
		}
	}
	if text := contradiction(o); text != "" {
		w.refuse(part, "contradiction", "%s", text)
		return
	}
	w.made = append(w.made, statement{resource: m.Resource, id: w.id(part), members: o})
}

const absentReason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

// contradiction names what FHIR's own rules forbid together (con-4).
func contradiction(o object) string {
	if o["resourceType"] == "Condition" && o["abatementDateTime"] != nil {
		text, _ := json.Marshal(o["clinicalStatus"])
		if strings.Contains(string(text), `"active"`) {
			return "the problem is said to be active and to have ended"
		}
	}
	return ""
}

// id names a statement for good: the object and the path in it.
func (w *walk) id(at rm.ID) string { return w.facts.Object + "#" + w.tree.Path(at) }

func (w *walk) begin(at rm.ID, m *Mapping) object {
	o := object{"resourceType": m.Resource, "identifier": []any{object{"system": IdentifierSystem, "value": w.id(at)}}}
	if m.Profile != "" {
		o["meta"] = object{"profile": []any{m.Profile}}
	}
	key := "subject"
	if m.Resource == "AllergyIntolerance" {
		key = "patient"
	}
	o[key] = w.facts.Subject
	return o
}
