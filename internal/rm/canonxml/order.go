package canonxml

import "github.com/quire-cdr/quire/internal/rm/rminfo"

// sequences are the classes whose own elements the schemas put in another order
// than the specification lists the attributes (ITS-XML, v1; what v1 lacks stands
// where v2 for RM 1.1.0 has it). Inherited elements come first.
var sequences = map[rminfo.Class][]rminfo.Attr{
	rminfo.ACTION:               {rminfo.A_time, rminfo.A_description, rminfo.A_ism_transition, rminfo.A_instruction_details},
	rminfo.ACTIVITY:             {rminfo.A_description, rminfo.A_timing, rminfo.A_action_archetype_id},
	rminfo.ACTOR:                {rminfo.A_roles, rminfo.A_languages},
	rminfo.AUDIT_DETAILS:        {rminfo.A_system_id, rminfo.A_committer, rminfo.A_time_committed, rminfo.A_change_type, rminfo.A_description},
	rminfo.COMPOSITION:          {rminfo.A_language, rminfo.A_territory, rminfo.A_category, rminfo.A_composer, rminfo.A_context, rminfo.A_content},
	rminfo.CONTACT:              {rminfo.A_time_validity, rminfo.A_addresses},
	rminfo.DV_AMOUNT:            {rminfo.A_accuracy, rminfo.A_accuracy_is_percent},
	rminfo.DV_MULTIMEDIA:        {rminfo.A_alternate_text, rminfo.A_uri, rminfo.A_data, rminfo.A_media_type, rminfo.A_compression_algorithm, rminfo.A_integrity_check, rminfo.A_integrity_check_algorithm, rminfo.A_size, rminfo.A_thumbnail},
	rminfo.DV_ORDERED:           {rminfo.A_normal_range, rminfo.A_other_reference_ranges, rminfo.A_normal_status},
	rminfo.DV_ORDINAL:           {rminfo.A_value, rminfo.A_symbol},
	rminfo.DV_QUANTITY:          {rminfo.A_magnitude, rminfo.A_units, rminfo.A_precision, rminfo.A_units_system, rminfo.A_units_display_name},
	rminfo.DV_SCALE:             {rminfo.A_value, rminfo.A_symbol},
	rminfo.EHR:                  {rminfo.A_system_id, rminfo.A_ehr_id, rminfo.A_time_created, rminfo.A_contributions, rminfo.A_ehr_access, rminfo.A_ehr_status, rminfo.A_directory, rminfo.A_folders, rminfo.A_compositions, rminfo.A_tags},
	rminfo.ELEMENT:              {rminfo.A_value, rminfo.A_null_flavour, rminfo.A_null_reason},
	rminfo.ENTRY:                {rminfo.A_language, rminfo.A_encoding, rminfo.A_subject, rminfo.A_provider, rminfo.A_other_participations, rminfo.A_workflow_id},
	rminfo.EVENT:                {rminfo.A_time, rminfo.A_data, rminfo.A_state},
	rminfo.FEEDER_AUDIT_DETAILS: {rminfo.A_system_id, rminfo.A_location, rminfo.A_provider, rminfo.A_subject, rminfo.A_time, rminfo.A_version_id, rminfo.A_other_details},
	rminfo.FOLDER:               {rminfo.A_folders, rminfo.A_items, rminfo.A_details},
	rminfo.HISTORY:              {rminfo.A_origin, rminfo.A_period, rminfo.A_duration, rminfo.A_events, rminfo.A_summary},
	rminfo.OBJECT_REF:           {rminfo.A_id, rminfo.A_namespace, rminfo.A_type},
	rminfo.ORIGINAL_VERSION:     {rminfo.A_uid, rminfo.A_data, rminfo.A_preceding_version_uid, rminfo.A_other_input_version_uids, rminfo.A_attestations, rminfo.A_lifecycle_state},
	rminfo.PARTICIPATION:        {rminfo.A_function, rminfo.A_performer, rminfo.A_time, rminfo.A_mode},
	rminfo.PARTY:                {rminfo.A_identities, rminfo.A_contacts, rminfo.A_relationships, rminfo.A_reverse_relationships, rminfo.A_details},
	rminfo.PARTY_RELATIONSHIP:   {rminfo.A_details, rminfo.A_time_validity, rminfo.A_source, rminfo.A_target},
	rminfo.ROLE:                 {rminfo.A_capabilities, rminfo.A_time_validity, rminfo.A_performer},
	rminfo.VERSION:              {rminfo.A_contribution, rminfo.A_commit_audit, rminfo.A_signature},
}

// sequence lists the elements of each class in the order they are written;
// ranks[class][attr] is the place in it, from 1.
var sequence, ranks = func() ([][]rminfo.Attribute, [][]uint8) {
	all, places := make([][]rminfo.Attribute, rminfo.Classes()), make([][]uint8, rminfo.Classes())
	most := rminfo.Attr(0)
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		for _, a := range c.Attributes() {
			most = max(most, a.Attr)
		}
	}
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		places[c] = make([]uint8, most+1)
		for _, attr := range ordered(c) {
			a, _ := c.Attribute(attr)
			all[c] = append(all[c], a)
			places[c][attr] = uint8(len(all[c]))
		}
	}
	return all, places
}()

// ordered lists the attributes of a class: the inherited ones, then its own. One
// that a class declares again keeps its place.
func ordered(c rminfo.Class) []rminfo.Attr {
	var out []rminfo.Attr
	var have attrSet
	if p := c.Parent(); p != 0 {
		out = ordered(p)
		for _, a := range out {
			have.add(a)
		}
	}
	for _, a := range sequences[c] {
		if !have.add(a) {
			out = append(out, a)
		}
	}
	for _, a := range c.Attributes() {
		if !have.add(a.Attr) {
			out = append(out, a.Attr)
		}
	}
	return out
}
