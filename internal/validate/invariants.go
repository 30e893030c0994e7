package validate

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// invariants lists the rules of each class; subclasses inherit them. The names
// reported are those of RM 1.1.0.
var invariants = map[rminfo.Class][]func(*checker, rm.ID){
	// Structure.
	rminfo.LOCATABLE:           {(*checker).archetyped},
	rminfo.COMPOSITION:         {(*checker).archetypeRoot},
	rminfo.ENTRY:               {(*checker).archetypeRoot, (*checker).subject},
	rminfo.EHR_STATUS:          {(*checker).archetypeRoot},
	rminfo.EHR_ACCESS:          {(*checker).archetypeRoot},
	rminfo.PARTY:               {(*checker).archetypeRoot, (*checker).partyRoot},
	rminfo.ROLE:                {(*checker).performer},
	rminfo.PARTY_RELATIONSHIP:  {(*checker).relationship},
	rminfo.ELEMENT:             {(*checker).nullFlavour},
	rminfo.HISTORY:             {(*checker).history},
	rminfo.ITEM_TABLE:          {(*checker).table},
	rminfo.INTERVAL_EVENT:      {(*checker).intervalEvent},
	rminfo.EVENT_CONTEXT:       {notEmpty(rminfo.A_location, "EVENT_CONTEXT", "Location_valid"), (*checker).contextTimes},
	rminfo.ACTIVITY:            {notEmpty(rminfo.A_action_archetype_id, "ACTIVITY", "Action_archetype_id_valid")},
	rminfo.INSTRUCTION_DETAILS: {notEmpty(rminfo.A_activity_id, "INSTRUCTION_DETAILS", "Activity_path_valid")},
	rminfo.ISM_TRANSITION:      {(*checker).transition},

	// Common.
	rminfo.ARCHETYPED:           {notEmpty(rminfo.A_rm_version, "ARCHETYPED", "Rm_version_valid")},
	rminfo.PARTY_IDENTIFIED:     {(*checker).partyIdentified},
	rminfo.AUDIT_DETAILS:        {notEmpty(rminfo.A_system_id, "AUDIT_DETAILS", "System_id_valid")},
	rminfo.FEEDER_AUDIT_DETAILS: {notEmpty(rminfo.A_system_id, "FEEDER_AUDIT_DETAILS", "System_id_valid")},
	rminfo.OBJECT_ID:            {notEmpty(rminfo.A_value, "OBJECT_ID", "Value_valid")},
	rminfo.OBJECT_REF: {
		notEmpty(rminfo.A_namespace, "OBJECT_REF", "Namespace_exists"),
		notEmpty(rminfo.A_type, "OBJECT_REF", "Type_exists"),
		(*checker).namespace,
	},

	// Data types.
	rminfo.CODE_PHRASE:   {notEmpty(rminfo.A_code_string, "CODE_PHRASE", "Code_string_valid")},
	rminfo.DV_TEXT:       {notEmpty(rminfo.A_value, "DV_TEXT", "Value_valid"), (*checker).formatting},
	rminfo.TERM_MAPPING:  {(*checker).mapping},
	rminfo.DV_URI:        {(*checker).uri},
	rminfo.DV_EHR_URI:    {(*checker).ehrURI},
	rminfo.DV_IDENTIFIER: {notEmpty(rminfo.A_id, "DV_IDENTIFIER", "Id_valid")},
	rminfo.DV_PARSABLE:   {notEmpty(rminfo.A_formalism, "DV_PARSABLE", "Formalism_valid")},
	rminfo.DV_MULTIMEDIA: {(*checker).multimedia},
	rminfo.DV_ORDERED:    {(*checker).normalRange},
	rminfo.DV_QUANTIFIED: {(*checker).magnitudeStatus},
	rminfo.DV_AMOUNT:     {(*checker).accuracy},
	rminfo.DV_QUANTITY: {
		notEmpty(rminfo.A_units, "DV_QUANTITY", "Units_valid"),
		(*checker).precision,
		(*checker).unit,
	},
	rminfo.DV_PROPORTION:   {(*checker).proportion},
	rminfo.DV_INTERVAL:     {(*checker).interval},
	rminfo.REFERENCE_RANGE: {(*checker).referenceRange},
	rminfo.DV_DATE:         {lexical("date", parseDate)},
	rminfo.DV_TIME:         {lexical("time", parseTime)},
	rminfo.DV_DATE_TIME:    {lexical("date-time", parseDateTime)},
	rminfo.DV_DURATION:     {lexical("duration", parseDuration)},

	rminfo.DV_PERIODIC_TIME_SPECIFICATION: {formalism("HL7:PIVL", "HL7:EIVL")},
	rminfo.DV_GENERAL_TIME_SPECIFICATION:  {formalism("HL7:GTS")},
}

// notEmpty states that a text, where it is given, is not empty.
func notEmpty(attr rminfo.Attr, class, invariant string) func(*checker, rm.ID) {
	return func(c *checker, id rm.ID) {
		if at := c.tree.Child(id, attr); at != rm.None && c.tree.Text(at) == "" {
			c.broken(at, class, invariant, "text", "")
		}
	}
}
