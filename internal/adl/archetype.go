package adl

import (
	"regexp"

	"github.com/quire-cdr/quire/internal/aom"
)

// Archetype is one archetype as its author wrote it: nothing inherited from a
// parent, no reference expanded.
type Archetype struct {
	// ID is the archetype id, ParentID that of the archetype it specialises.
	ID, ParentID string
	// ADLVersion is "1.4" where it is said.
	ADLVersion string
	UID        string
	// Controlled says controlled or uncontrolled, nil when neither stands there.
	Controlled *bool
	// Metadata are the other items of the header, flags with an empty value.
	Metadata []aom.KeyValue
	// Concept is the code of the root node.
	Concept string

	OriginalLanguage aom.Code
	Translations     []Translation
	Description      *aom.Description

	Definition *aom.ComplexObject
	Invariants []aom.Assertion

	// Ontology carries the terms, its ArchetypeID is ID.
	Ontology aom.Ontology
	// Terminologies are the terminologies said to be available.
	Terminologies []string

	Annotations []Annotations
	// RevisionHistory is the section's ODIN text, blanks around it cut off.
	RevisionHistory string
}

// Translation is TRANSLATION_DETAILS.
type Translation struct {
	Language      aom.Code
	Author        []aom.KeyValue
	Accreditation string
	OtherDetails  []aom.KeyValue
}

// Annotations are notes on paths in one language.
type Annotations struct {
	Language string
	Paths    []aom.PathItems
}

// idForm is ARCHETYPE_ID (BASE 1.1.0, Identification 5.3): the three segments of
// the class name, the concept, the version. A namespace may stand before it.
var idForm = regexp.MustCompile(`^(?:[a-z0-9.-]+::)?([A-Za-z][A-Za-z0-9_]*)-([A-Za-z][A-Za-z0-9_]*)-([A-Za-z][A-Za-z0-9_]*)\.([A-Za-z0-9_][A-Za-z0-9_-]*)\.(v[0-9][0-9A-Za-z.+_-]*)$`)

// ValidID says whether the text is an archetype id.
func ValidID(id string) bool { return idForm.MatchString(id) }

// Class gives the reference model class an archetype id names, such as
// OBSERVATION, and "" for what is no archetype id.
func Class(id string) string {
	if m := idForm.FindStringSubmatch(id); m != nil {
		return m[3]
	}
	return ""
}

// model gives the publisher and model of an id, such as openEHR-EHR.
func model(id string) string {
	if m := idForm.FindStringSubmatch(id); m != nil {
		return m[1] + "-" + m[2]
	}
	return ""
}

// Term finds a term in a language, the zero Term when there is none.
func (a *Archetype) Term(code, language string) (aom.Term, bool) {
	return find(a.Ontology.Terms, code, language)
}

// ConstraintTerm finds the definition of an ac-code.
func (a *Archetype) ConstraintTerm(code, language string) (aom.Term, bool) {
	return find(a.Ontology.Constraints, code, language)
}

func find(sets []aom.LanguageTerms, code, language string) (aom.Term, bool) {
	for _, set := range sets {
		if set.Language != language {
			continue
		}
		for _, t := range set.Terms {
			if t.Code == code {
				return t, true
			}
		}
	}
	return aom.Term{}, false
}

// Languages are the languages the archetype has terms in, in its own order.
func (a *Archetype) Languages() []string {
	var out []string
	for _, set := range a.Ontology.Terms {
		out = append(out, set.Language)
	}
	return out
}
