package shape

import r "github.com/quire-cdr/quire/internal/rm/rminfo"

// text is a suffix for an attribute that holds an object of one value.
func text(key string, attr r.Attr, class r.Class) Field {
	return Field{Attr: attr, Class: class, Inline: []Field{{Key: key, Attr: r.A_value}}}
}

// code is a suffix for a CODE_PHRASE of one terminology.
func code(key string, attr r.Attr, terminology string, alt ...string) Field {
	return Field{Attr: attr, Class: r.CODE_PHRASE, Inline: []Field{
		{Attr: r.A_terminology_id, Class: r.TERMINOLOGY_ID, Inline: []Field{{Key: NoKey, Attr: r.A_value, Default: terminology}}},
		{Key: key, Alt: alt, Attr: r.A_code_string},
	}}
}

// phrase is a CODE_PHRASE by its suffixes.
func phrase(attr r.Attr, bare bool) Field {
	f := Field{Attr: attr, Class: r.CODE_PHRASE, Inline: codePhrase}
	if !bare {
		f.Inline = codePhraseSuffixes
	}
	return f
}

var codePhraseSuffixes = []Field{
	{Key: "|code", Alt: []string{"|code_string"}, Attr: r.A_code_string},
	{Attr: r.A_terminology_id, Class: r.TERMINOLOGY_ID, Inline: []Field{{Key: "|terminology", Alt: []string{"|terminology_id"}, Attr: r.A_value}}},
	{Key: "|preferred_term", Attr: r.A_preferred_term},
}

var codePhrase = []Field{
	{Key: "|code", Alt: []string{"", "|code_string", "|value"}, Attr: r.A_code_string},
	codePhraseSuffixes[1], codePhraseSuffixes[2],
}

// reference is an OBJECT_REF by its suffixes; kind is the type that is not
// written.
func reference(class r.Class, namespaceKey, typeKey, kind string) []Field {
	return []Field{
		{Attr: r.A_id, Inline: []Field{
			{Key: "|id", Attr: r.A_value},
			{Key: "|id_scheme", Alt: []string{"|scheme"}, Attr: r.A_scheme},
		}},
		{Key: namespaceKey, Alt: []string{"|namespace"}, Attr: r.A_namespace},
		{Key: typeKey, Attr: r.A_type, Default: kind},
	}
}

// symbol is the symbol of an ordinal or scale.
var symbol = Field{Attr: r.A_symbol, Class: r.DV_CODED_TEXT, Inline: []Field{
	{Key: "|value", Attr: r.A_value},
	{Attr: r.A_defining_code, Class: r.CODE_PHRASE, Inline: []Field{
		{Attr: r.A_terminology_id, Class: r.TERMINOLOGY_ID, Inline: []Field{{Key: "|terminology", Alt: []string{"|terminology_id"}, Attr: r.A_value, Default: "local"}}},
		{Key: "|code", Attr: r.A_code_string},
	}},
}}

var participation = []Field{
	text("|function", r.A_function, r.DV_TEXT),
	{Attr: r.A_performer, Class: r.PARTY_IDENTIFIED, Inline: partyIdentified},
	{Key: "_time", Attr: r.A_time, Class: r.DV_INTERVAL, Bound: r.DV_DATE_TIME},
	{Key: "|mode", Attr: r.A_mode, Class: r.DV_CODED_TEXT},
	// As the web template shows them where a template constrains participations.
	{Key: "function", Attr: r.A_function, Class: r.DV_TEXT},
	{Key: "mode", Attr: r.A_mode, Class: r.DV_CODED_TEXT},
	{Key: "performer", Attr: r.A_performer, Class: r.PARTY_PROXY},
}

var partyProxy = []Field{
	{Attr: r.A_external_ref, Class: r.PARTY_REF, Inline: reference(r.PARTY_REF, "|id_namespace", "|id_type", "PARTY")},
}

var partyIdentified = append([]Field{
	{Key: "|name", Attr: r.A_name},
	{Key: "_identifier", Attr: r.A_identifiers, Class: r.DV_IDENTIFIER, List: true},
}, partyProxy...)

// table holds each class's own fields. The order is the order of writing.
var table = map[r.Class][]Field{
	r.LOCATABLE: {
		{Attr: r.A_uid, Inline: []Field{{Key: "_uid", Attr: r.A_value}}},
		{Key: "_name", Attr: r.A_name, Class: r.DV_TEXT},
		{Key: "_link", Attr: r.A_links, Class: r.LINK, List: true},
		{Key: "_feeder_audit", Attr: r.A_feeder_audit, Class: r.FEEDER_AUDIT},
	},
	r.LINK: {text("|type", r.A_type, r.DV_TEXT), text("|meaning", r.A_meaning, r.DV_TEXT), text("|target", r.A_target, r.DV_EHR_URI)},
	r.FEEDER_AUDIT: {
		{Key: "originating_system_audit", Attr: r.A_originating_system_audit, Class: r.FEEDER_AUDIT_DETAILS},
		{Key: "feeder_system_audit", Attr: r.A_feeder_system_audit, Class: r.FEEDER_AUDIT_DETAILS},
		{Key: "originating_system_item_id", Attr: r.A_originating_system_item_ids, Class: r.DV_IDENTIFIER, List: true},
		{Key: "feeder_system_item_id", Attr: r.A_feeder_system_item_ids, Class: r.DV_IDENTIFIER, List: true},
		{Key: "original_content", Attr: r.A_original_content, Class: r.DV_PARSABLE},
		{Key: "original_content_multimedia", Attr: r.A_original_content, Class: r.DV_MULTIMEDIA},
	},
	r.FEEDER_AUDIT_DETAILS: {
		{Key: "|system_id", Attr: r.A_system_id},
		{Key: "|version_id", Attr: r.A_version_id},
		text("|time", r.A_time, r.DV_DATE_TIME),
		{Key: "location", Attr: r.A_location, Class: r.PARTY_IDENTIFIED},
		{Key: "provider", Attr: r.A_provider, Class: r.PARTY_IDENTIFIED},
		{Key: "subject", Attr: r.A_subject, Class: r.PARTY_PROXY},
	},

	r.COMPOSITION: {
		{Key: "language", Attr: r.A_language, Class: r.CODE_PHRASE},
		{Key: "territory", Attr: r.A_territory, Class: r.CODE_PHRASE},
		{Key: "category", Attr: r.A_category, Class: r.DV_CODED_TEXT},
		{Key: "composer", Attr: r.A_composer, Class: r.PARTY_PROXY},
		{Key: "context", Attr: r.A_context, Class: r.EVENT_CONTEXT},
	},
	r.EVENT_CONTEXT: {
		{Key: "start_time", Attr: r.A_start_time, Class: r.DV_DATE_TIME},
		{Key: "_end_time", Alt: []string{"end_time"}, Attr: r.A_end_time, Class: r.DV_DATE_TIME},
		{Key: "setting", Attr: r.A_setting, Class: r.DV_CODED_TEXT},
		{Key: "_location", Alt: []string{"location"}, Attr: r.A_location},
		{Key: "_health_care_facility", Alt: []string{"health_care_facility"}, Attr: r.A_health_care_facility, Class: r.PARTY_IDENTIFIED},
		{Key: "_participation", Alt: []string{"participation"}, Attr: r.A_participations, Class: r.PARTICIPATION, List: true},
	},
	r.ENTRY: {
		{Key: "language", Attr: r.A_language, Class: r.CODE_PHRASE},
		{Key: "encoding", Attr: r.A_encoding, Class: r.CODE_PHRASE},
		{Key: "subject", Attr: r.A_subject, Class: r.PARTY_PROXY},
		{Key: "_provider", Alt: []string{"provider"}, Attr: r.A_provider, Class: r.PARTY_PROXY},
		{Key: "_other_participation", Alt: []string{"other_participation", "_other_participations", "other_participations"}, Attr: r.A_other_participations, Class: r.PARTICIPATION, List: true},
		{Key: "_work_flow_id", Alt: []string{"_workflow_id"}, Attr: r.A_workflow_id, Class: r.OBJECT_REF},
	},
	r.CARE_ENTRY: {{Key: "_guideline_id", Attr: r.A_guideline_id, Class: r.OBJECT_REF}},
	r.INSTRUCTION: {
		{Key: "narrative", Attr: r.A_narrative, Class: r.DV_TEXT},
		{Key: "expiry_time", Alt: []string{"_expiry_time"}, Attr: r.A_expiry_time, Class: r.DV_DATE_TIME},
		{Key: "_wf_definition", Attr: r.A_wf_definition, Class: r.DV_PARSABLE},
	},
	r.ACTIVITY: {
		{Key: "timing", Attr: r.A_timing, Class: r.DV_PARSABLE},
		{Key: "action_archetype_id", Attr: r.A_action_archetype_id, Default: "/.*/"},
	},
	r.ACTION: {
		{Key: "time", Attr: r.A_time, Class: r.DV_DATE_TIME},
		{Key: "ism_transition", Attr: r.A_ism_transition, Class: r.ISM_TRANSITION},
		{Key: "_instruction_details", Attr: r.A_instruction_details, Class: r.INSTRUCTION_DETAILS},
	},
	r.ISM_TRANSITION: {
		{Key: "current_state", Attr: r.A_current_state, Class: r.DV_CODED_TEXT},
		{Key: "transition", Attr: r.A_transition, Class: r.DV_CODED_TEXT},
		{Key: "careflow_step", Attr: r.A_careflow_step, Class: r.DV_CODED_TEXT},
		{Key: "_reason", Alt: []string{"reason"}, Attr: r.A_reason, Class: r.DV_TEXT, List: true},
	},
	r.INSTRUCTION_DETAILS: {
		{Attr: r.A_instruction_id, Class: r.LOCATABLE_REF, Inline: []Field{
			{Key: "|path", Attr: r.A_path},
			{Attr: r.A_id, Inline: []Field{{Key: "|composition_uid", Attr: r.A_value}}},
			{Key: "|namespace", Attr: r.A_namespace, Default: "local"},
			{Key: "|type", Attr: r.A_type, Default: "INSTRUCTION"},
		}},
		{Key: "|activity_id", Attr: r.A_activity_id},
	},
	r.EVENT: {{Key: "time", Attr: r.A_time, Class: r.DV_DATE_TIME}},
	r.INTERVAL_EVENT: {
		{Key: "width", Attr: r.A_width, Class: r.DV_DURATION},
		{Key: "math_function", Attr: r.A_math_function, Class: r.DV_CODED_TEXT},
		{Key: "|sample_count", Attr: r.A_sample_count},
	},
	r.ELEMENT: {
		{Key: "_null_flavour", Alt: []string{"_null_flavor"}, Attr: r.A_null_flavour, Class: r.DV_CODED_TEXT},
		{Key: "_null_reason", Attr: r.A_null_reason, Class: r.DV_TEXT},
	},

	r.PARTY_PROXY:      partyProxy,
	r.PARTY_IDENTIFIED: partyIdentified[:2],
	r.PARTY_RELATED:    {{Key: "_relationship", Alt: []string{"relationship"}, Attr: r.A_relationship, Class: r.DV_CODED_TEXT}},
	r.PARTICIPATION:    participation,
	r.OBJECT_REF:       reference(r.OBJECT_REF, "|namespace", "|type", ""),
	r.LOCATABLE_REF:    {{Key: "|path", Attr: r.A_path}},

	r.CODE_PHRASE: codePhrase,
	r.DV_TEXT: {
		{Key: "", Alt: []string{"|value"}, Attr: r.A_value},
		{Key: "|formatting", Attr: r.A_formatting},
		{Key: "_language", Attr: r.A_language, Class: r.CODE_PHRASE},
		{Key: "_encoding", Attr: r.A_encoding, Class: r.CODE_PHRASE},
		{Key: "_mapping", Attr: r.A_mappings, Class: r.TERM_MAPPING, List: true},
		{Attr: r.A_hyperlink, Class: r.DV_URI, Inline: []Field{{Key: "_hyperlink", Attr: r.A_value}}},
	},
	r.DV_CODED_TEXT: {phrase(r.A_defining_code, false), {Key: "|value", Attr: r.A_value}},
	r.TERM_MAPPING: {
		{Key: "|match", Attr: r.A_match},
		{Key: "target", Attr: r.A_target, Class: r.CODE_PHRASE},
		{Key: "purpose", Attr: r.A_purpose, Class: r.DV_CODED_TEXT},
	},
	r.DV_STATE: {
		{Attr: r.A_value, Class: r.DV_CODED_TEXT, Inline: []Field{phrase(r.A_defining_code, false), {Key: "|value", Attr: r.A_value}}},
		{Key: "|is_terminal", Attr: r.A_is_terminal},
	},
	r.DV_TIME_SPECIFICATION: {{Attr: r.A_value, Class: r.DV_PARSABLE, Inline: []Field{
		{Key: "", Alt: []string{"|value"}, Attr: r.A_value}, {Key: "|formalism", Attr: r.A_formalism},
	}}},
	r.DV_BOOLEAN: {{Key: "", Alt: []string{"|value"}, Attr: r.A_value}},
	r.DV_URI:     {{Key: "", Alt: []string{"|value"}, Attr: r.A_value}},
	r.DV_IDENTIFIER: {
		{Key: "", Alt: []string{"|id"}, Attr: r.A_id},
		{Key: "|issuer", Attr: r.A_issuer}, {Key: "|assigner", Attr: r.A_assigner}, {Key: "|type", Attr: r.A_type},
	},
	r.DV_ORDERED: {
		code("|normal_status", r.A_normal_status, "openehr_normal_statuses"),
		{Key: "_normal_range", Attr: r.A_normal_range, Class: r.DV_INTERVAL},
		{Key: "_other_reference_ranges", Attr: r.A_other_reference_ranges, Class: r.REFERENCE_RANGE, List: true},
	},
	r.DV_QUANTIFIED: {{Key: "|magnitude_status", Attr: r.A_magnitude_status}},
	r.DV_AMOUNT:     {{Key: "|accuracy", Attr: r.A_accuracy}, {Key: "|accuracy_is_percent", Attr: r.A_accuracy_is_percent}},
	r.DV_TEMPORAL:   {{Key: "_accuracy", Attr: r.A_accuracy, Class: r.DV_DURATION}},
	r.DV_QUANTITY: {
		{Key: "|magnitude", Alt: []string{"", "|value"}, Attr: r.A_magnitude},
		{Key: "|unit", Alt: []string{"|units"}, Attr: r.A_units},
		{Key: "|precision", Attr: r.A_precision},
		{Key: "|units_system", Alt: []string{"|unit_system"}, Attr: r.A_units_system},
		{Key: "|units_display_name", Alt: []string{"|unit_display_name"}, Attr: r.A_units_display_name},
	},
	r.DV_COUNT: {{Key: "", Alt: []string{"|magnitude", "|value"}, Attr: r.A_magnitude}},
	r.DV_PROPORTION: {
		{Key: "|numerator", Attr: r.A_numerator}, {Key: "|denominator", Attr: r.A_denominator},
		{Key: "|type", Attr: r.A_type}, {Key: "|precision", Attr: r.A_precision},
	},
	r.DV_DATE:      {{Key: "", Alt: []string{"|value"}, Attr: r.A_value}},
	r.DV_TIME:      {{Key: "", Alt: []string{"|value"}, Attr: r.A_value}},
	r.DV_DATE_TIME: {{Key: "", Alt: []string{"|value"}, Attr: r.A_value}},
	r.DV_DURATION:  {{Key: "", Alt: []string{"|value"}, Attr: r.A_value}},
	r.DV_ORDINAL:   {symbol, {Key: "|ordinal", Alt: []string{"|scale"}, Attr: r.A_value}},
	r.DV_SCALE:     {symbol, {Key: "|scale", Alt: []string{"|ordinal"}, Attr: r.A_value}},
	r.DV_INTERVAL: {
		{Key: "lower", Attr: r.A_lower}, {Key: "upper", Attr: r.A_upper},
		{Key: "|lower_included", Attr: r.A_lower_included}, {Key: "|upper_included", Attr: r.A_upper_included},
		{Key: "|lower_unbounded", Attr: r.A_lower_unbounded}, {Key: "|upper_unbounded", Attr: r.A_upper_unbounded},
	},
	r.REFERENCE_RANGE: {
		{Key: "meaning", Alt: []string{"_meaning"}, Attr: r.A_meaning, Class: r.DV_TEXT},
		{Attr: r.A_range, Class: r.DV_INTERVAL, Inline: []Field{
			{Key: "lower", Attr: r.A_lower}, {Key: "upper", Attr: r.A_upper},
			{Key: "|lower_included", Attr: r.A_lower_included}, {Key: "|upper_included", Attr: r.A_upper_included},
			{Key: "|lower_unbounded", Attr: r.A_lower_unbounded}, {Key: "|upper_unbounded", Attr: r.A_upper_unbounded},
		}},
	},
	r.DV_ENCAPSULATED: {
		{Key: "_charset", Attr: r.A_charset, Class: r.CODE_PHRASE},
		{Key: "_language", Attr: r.A_language, Class: r.CODE_PHRASE},
	},
	r.DV_PARSABLE: {
		{Key: "", Alt: []string{"|value"}, Attr: r.A_value},
		{Key: "|formalism", Attr: r.A_formalism},
	},
	r.DV_MULTIMEDIA: {
		{Attr: r.A_uri, Class: r.DV_URI, Inline: []Field{{Key: "", Alt: []string{"|url", "|uri", "|value"}, Attr: r.A_value}}},
		code("|mediatype", r.A_media_type, "IANA_media-types", "|media_type", "|mimetype"),
		{Key: "|alternatetext", Alt: []string{"|alternate_text"}, Attr: r.A_alternate_text},
		{Key: "|size", Attr: r.A_size},
		{Key: "|data", Attr: r.A_data},
		code("|compression_algorithm", r.A_compression_algorithm, "openehr_compression_algorithms"),
		{Key: "|integrity_check", Attr: r.A_integrity_check},
		code("|integrity_check_algorithm", r.A_integrity_check_algorithm, "openehr_integrity_check_algorithms"),
		{Key: "_thumbnail", Attr: r.A_thumbnail, Class: r.DV_MULTIMEDIA},
	},
}
