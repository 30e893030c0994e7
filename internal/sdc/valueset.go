package sdc

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// groups are the groups of the openEHR terminology that items choose from.
var groups = []terminology.Group{
	terminology.EventMathFunction, terminology.InstructionStates, terminology.InstructionTransitions, terminology.NullFlavours,
	terminology.ParticipationMode, terminology.Setting, terminology.SubjectRelationship,
}

// expanded is the time of an expansion that depends on nothing but this program.
const expanded = "2026-01-01T00:00:00Z"

func valueSetID(g terminology.Group) string {
	return "openehr-" + strings.ReplaceAll(string(g), "_", "-")
}

func groupValueSet(g terminology.Group) fhir.ValueSet {
	set := fhir.ValueSet{ResourceType: "ValueSet", ID: valueSetID(g), URL: localSystem + "openehr/" + string(g), Status: "active"}
	fill(&set, groupOptions(g), func(string) string { return codeSystem(terminology.ID, "") })
	return set
}

// GroupValueSet is the value set of an openEHR group by its id.
func GroupValueSet(id string) (*fhir.ValueSet, bool) {
	for _, g := range groups {
		if valueSetID(g) == id {
			set := groupValueSet(g)
			return &set, true
		}
	}
	return nil, false
}

// fill writes codes as the definition and the expansion of a value set.
func fill(set *fhir.ValueSet, options []option, system func(terminologyID string) string) {
	total := len(options)
	set.Compose = &fhir.ValueSetCompose{}
	set.Expansion = &fhir.ValueSetExpansion{Timestamp: expanded, Total: &total}
	for _, o := range options {
		at := system(o.terminology)
		set.Expansion.Contains = append(set.Expansion.Contains, fhir.ValueSetContains{System: at, Code: o.code, Display: o.display})
		n := slices.IndexFunc(set.Compose.Include, func(i fhir.ValueSetInclude) bool { return i.System == at })
		if n < 0 {
			n = len(set.Compose.Include)
			set.Compose.Include = append(set.Compose.Include, fhir.ValueSetInclude{System: at})
		}
		set.Compose.Include[n].Concept = append(set.Compose.Include[n].Concept, fhir.ValueSetConcept{Code: o.code, Display: o.display})
	}
}

// ValueSets lists the value sets that the template itself states, in the order
// of the form; those of the openEHR terminology are not among them.
func (f *Form) ValueSets(version, lang string) []fhir.ValueSet {
	var out []fhir.ValueSet
	var walk func(i *Item)
	walk = func(i *Item) {
		if i.Value != template.NoNode && (i.Type == "choice" || i.Type == "open-choice") {
			if options := f.options(i, lang); len(options) > 0 {
				set := fhir.ValueSet{ResourceType: "ValueSet", ID: ValueSetID(version, i.LinkID), Version: version, Title: f.words(i, lang), Status: "active"}
				fill(&set, options, func(terminologyID string) string { return f.system(i, terminologyID) })
				out = append(out, set)
			}
		}
		for _, c := range i.Children {
			walk(c)
		}
	}
	walk(f.Root)
	return out
}

// words is the label of an item.
func (f *Form) words(i *Item, lang string) string {
	if i.Text != "" {
		return i.Text
	}
	return f.Template.Label(i.Node, lang)
}

// ValueSetID is the FHIR id of the value set of an item: the version of the form
// and twelve hex digits of the hash of the linkId.
func ValueSetID(version, linkID string) string {
	sum := sha256.Sum256([]byte(linkID))
	return version + "-" + hex.EncodeToString(sum[:6])
}
