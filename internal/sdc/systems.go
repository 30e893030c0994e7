package sdc

import (
	"net/url"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/terminology"
)

// Extensions and code systems of the forms.
const (
	extTemplate    = "https://quire-cdr.org/fhir/StructureDefinition/openehr-template"
	extPath        = "https://quire-cdr.org/fhir/StructureDefinition/openehr-path"
	extClass       = "https://quire-cdr.org/fhir/StructureDefinition/openehr-class"
	extHidden      = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden"
	extMinOccurs   = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"
	extMaxOccurs   = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"
	extUnit        = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption"
	extUnitOpen    = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-unitOpen"
	extMin         = "http://hl7.org/fhir/StructureDefinition/minValue"
	extMax         = "http://hl7.org/fhir/StructureDefinition/maxValue"
	extDecimals    = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces"
	extWeight      = "http://hl7.org/fhir/StructureDefinition/itemWeight"
	extOrdinal     = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
	extMinQuantity = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-minQuantity"
	extMaxQuantity = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity"
	extTarget      = "http://hl7.org/fhir/StructureDefinition/targetConstraint"
	extControl     = "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl"
	extEntryFormat = "http://hl7.org/fhir/StructureDefinition/entryFormat"
	extMimeType    = "http://hl7.org/fhir/StructureDefinition/mimeType"
	extTranslation = "http://hl7.org/fhir/StructureDefinition/translation"
	extRegex       = "http://hl7.org/fhir/StructureDefinition/regex"
	extBinding     = "https://quire-cdr.org/fhir/StructureDefinition/openehr-term-binding"
	extValueSet    = "https://quire-cdr.org/fhir/StructureDefinition/openehr-value-set"

	controlSystem = "http://hl7.org/fhir/questionnaire-item-control"
	localSystem   = "http://openehr.org/id/"
	ucumSystem    = "http://unitsofmeasure.org"
)

// codeSystem is the FHIR name of a terminology; local codes belong to an
// archetype, and only there do two templates mean the same by them.
func codeSystem(terminologyID, archetype string) string {
	switch {
	case terminologyID == "local":
		return localSystem + archetype
	case terminology.IsOpenEHR(terminologyID):
		return localSystem + "openehr"
	case strings.Contains(terminologyID, ":") && !strings.ContainsAny(terminologyID, " \t\n"):
		return terminologyID
	}
	if system := terminology.System(terminologyID); system != "" {
		return system
	}
	// A uri holds no blanks, and tools write whatever they like for a name.
	return localSystem + "terminology/" + url.PathEscape(terminologyID)
}

// terminologyID is the way back of codeSystem.
func terminologyID(system, archetype string) string {
	switch system {
	case "", localSystem + archetype:
		return "local"
	case localSystem + "openehr":
		return "openehr"
	}
	if name, ok := strings.CutPrefix(system, localSystem+"terminology/"); ok {
		if plain, err := url.PathUnescape(name); err == nil {
			return plain
		}
		return name
	}
	return terminology.Names(system)[0]
}

// system is the code system of a code within an item's archetype.
func (f *Form) system(i *Item, terminologyID string) string {
	return codeSystem(terminologyID, f.Template.Node(i.Node).Archetype)
}

// openEHRRubric is the text of an openEHR code whose group is not known, the
// code itself where there is none.
func openEHRRubric(code aom.Code) string {
	if terminology.IsOpenEHR(code.Terminology) {
		for _, g := range []terminology.Group{terminology.Setting, terminology.NullFlavours, terminology.CompositionCategory, terminology.InstructionStates} {
			if rubric, ok := terminology.Rubric(g, code.Code); ok {
				return rubric
			}
		}
	}
	return code.Code
}

// TerminologyID is the openEHR name of a FHIR code system, CodeSystem the way
// back, both for codes that belong to no archetype.
func TerminologyID(system string) string { return terminologyID(system, "") }

// CodeSystem is the FHIR name of a terminology.
func CodeSystem(terminologyID string) string { return codeSystem(terminologyID, "") }
