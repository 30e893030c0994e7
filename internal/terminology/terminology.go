package terminology

import "strings"

// Group names a group of the openEHR terminology by its openehr_id.
type Group string

// The groups that attributes of the reference model are bound to.
const (
	AttestationReason      Group = "attestation_reason"
	AuditChangeType        Group = "audit_change_type"
	CompositionCategory    Group = "composition_category"
	EventMathFunction      Group = "event_math_function"
	InstructionStates      Group = "instruction_states"
	InstructionTransitions Group = "instruction_transitions"
	NullFlavours           Group = "null_flavours"
	ParticipationFunction  Group = "participation_function"
	ParticipationMode      Group = "participation_mode"
	Property               Group = "property"
	Setting                Group = "setting"
	SubjectRelationship    Group = "subject_relationship"
	TermMappingPurpose     Group = "term_mapping_purpose"
	VersionLifecycleState  Group = "version_lifecycle_state"
)

// CodeSet names a code set by its openehr_id.
type CodeSet string

// The code sets that attributes of the reference model are bound to.
const (
	CharacterSets            CodeSet = "character_sets"
	CompressionAlgorithms    CodeSet = "compression_algorithms"
	Countries                CodeSet = "countries"
	IntegrityCheckAlgorithms CodeSet = "integrity_check_algorithms"
	Languages                CodeSet = "languages"
	MediaTypes               CodeSet = "media_types"
	NormalStatuses           CodeSet = "normal_statuses"
)

// ID is the terminology id of openEHR codes in data; some old data write it
// with a capital, so compare with IsOpenEHR.
const ID = "openehr"

// IsOpenEHR says whether a terminology id is that of the openEHR terminology,
// with or without a version in brackets.
func IsOpenEHR(terminologyID string) bool {
	name, _, _ := strings.Cut(terminologyID, "(")
	return strings.EqualFold(name, ID)
}

// Concept is a code with its English rubric.
type Concept struct{ Code, Rubric string }

// Has says whether the code stands in the group.
func Has(g Group, code string) bool {
	_, ok := Rubric(g, code)
	return ok
}

// Rubric is the English text of a code in a group.
func Rubric(g Group, code string) (string, bool) {
	for _, c := range groups[g] {
		if c.Code == code {
			return c.Rubric, true
		}
	}
	return "", false
}

// Concepts lists a group in the order of publication. The caller must not
// change the slice.
func Concepts(g Group) []Concept { return groups[g] }

// HasLegacy is Has with the codes that earlier releases used: 435 stood for
// episodic until TERM 2.4.0.
func HasLegacy(g Group, code string) (legacy, ok bool) {
	if Has(g, code) {
		return false, true
	}
	return true, g == CompositionCategory && code == "435"
}

// InSet says whether a code stands in a code set, without regard to letter
// case: the publication writes en-gb, data usually en-GB. A language with a
// region that is not listed passes when the language itself is listed.
func InSet(s CodeSet, code string) bool {
	set := sets[s]
	code = strings.ToLower(code)
	if set[code] {
		return true
	}
	if s != Languages {
		return false
	}
	base, region, ok := strings.Cut(code, "-")
	return ok && set[base] && region != ""
}

// SetName is the terminology id that data write for a code set, such as
// ISO_639-1 for languages.
func SetName(s CodeSet) string { return setNames[s] }

// PropertyUnits lists the units that measure a property (a code of the group
// property), none when the publication lists none.
func PropertyUnits(code string) []string { return propertyUnits[code] }

// MeasuresProperty says whether a unit is listed for a property; known is false
// when nothing is listed for it, so that nothing can be said.
func MeasuresProperty(code, unit string) (measures, known bool) {
	units, known := propertyUnits[code]
	for _, u := range units {
		if u == unit {
			return true, true
		}
	}
	return false, known
}

// KnownUnit says whether a unit is listed for any property.
func KnownUnit(unit string) bool {
	for _, units := range propertyUnits {
		for _, u := range units {
			if u == unit {
				return true
			}
		}
	}
	return false
}
