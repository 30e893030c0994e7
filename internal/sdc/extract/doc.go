// Package extract makes FHIR R4 resources, shaped as UK Core has them, of a
// composition: SDC's $extract. What term bindings say becomes Observations; what
// a mapping of an archetype says (mapping files, one for each archetype) becomes
// Condition, AllergyIntolerance, ServiceRequest, MedicationStatement, Procedure
// and whatever else is mapped.
//
// A Questionnaire from elsewhere that says itself what its answers become is taken
// at its word (FromQuestionnaire): coded questions are Observations, and the
// resources it contains are templates. Definitions and StructureMaps are refused
// by name.
//
// Nothing turns into a positive statement that was none (DESIGN 5a rule 14): an
// exclusion, a relative's finding, somebody else's, a draft, an act that was
// cancelled or only planned has a status that says so, or is refused, and each
// refusal is told by name.
package extract
