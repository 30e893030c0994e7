package templates

// Template is one shipped template and what a server must know to install it.
type Template struct {
	// ID is the template id, with its blanks, as in the OPT and in data.
	ID string
	// File is the path of the OPT in FS.
	File string
	// Sensitivity is the label that compositions of the template carry.
	Sensitivity string
	// Examples are the paths in FS of compositions that fit the template. The
	// superseding plan is the next version of the full one, and an order and its
	// report belong to one person; the others belong to different people.
	Examples []string
}

// All lists the shipped templates. The caller owns the result.
func All() []Template {
	return []Template{
		{
			ID:          "Vital signs observations.v1",
			File:        "opt/vital_signs_observations.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/vital_signs_full.json",
				"examples/vital_signs_minimal.json",
				"examples/vital_signs_oxygen_new_confusion.json",
				"examples/vital_signs_incomplete_set.json",
			},
		},
		{
			ID:          "Emergency care plan.v1",
			File:        "opt/emergency_care_plan.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/emergency_care_plan_full.json",
				"examples/emergency_care_plan_minimal.json",
				"examples/emergency_care_plan_superseding.json",
			},
		},
		{
			ID:          "Problem list.v1",
			File:        "opt/problem_list.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/problem_list_full.json",
				"examples/problem_list_none_known.json",
				"examples/problem_list_not_known.json",
			},
		},
		{
			ID:          "Medication list.v1",
			File:        "opt/medication_list.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/medication_list_full.json",
				"examples/medication_list_reducing_course.json",
				"examples/medication_list_none_taken.json",
			},
		},
		{
			ID:          "Allergies and adverse reactions.v1",
			File:        "opt/allergies.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/allergies_full.json",
				"examples/allergies_none_known.json",
				"examples/allergies_not_known.json",
			},
		},
		{
			ID:          "Growth measurements.v1",
			File:        "opt/growth_measurements.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/growth_preterm_corrected.json",
				"examples/growth_school_child.json",
				"examples/growth_birth.json",
			},
		},
		{
			ID:          "Virtual ward day.v1",
			File:        "opt/virtual_ward_day.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/virtual_ward_day_as_expected.json",
				"examples/virtual_ward_day_escalated.json",
				"examples/virtual_ward_day_no_contact.json",
			},
		},
		{
			ID:          "Discharge summary.v1",
			File:        "opt/discharge_summary.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/discharge_summary_full.json",
				"examples/discharge_summary_day_case.json",
				"examples/discharge_summary_minimal.json",
			},
		},
		{
			ID:          "About me.v1",
			File:        "opt/about_me.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/about_me_full.json",
				"examples/about_me_by_a_relative.json",
				"examples/about_me_minimal.json",
			},
		},
		{
			ID:          "Referral.v1",
			File:        "opt/referral.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/referral_full.json",
				"examples/referral_suspected_cancer.json",
				"examples/referral_skin_photograph.json",
				"examples/referral_minimal.json",
			},
		},
		{
			ID:          "Genomic test order.v1",
			File:        "opt/genomic_test_order.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/genomic_order_predictive.json",
				"examples/genomic_order_newborn_trio.json",
				"examples/genomic_order_tumour.json",
				"examples/genomic_order_minimal.json",
			},
		},
		{
			ID:          "Genomic test report.v1",
			File:        "opt/genomic_test_report.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/genomic_report_variant_found.json",
				"examples/genomic_report_nothing_found.json",
				"examples/genomic_report_failed_specimen.json",
			},
		},
		{
			ID:          "Social prescribing plan.v1",
			File:        "opt/social_prescribing_plan.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/social_prescribing_full.json",
				"examples/social_prescribing_ended.json",
				"examples/social_prescribing_minimal.json",
			},
		},
		{
			ID:          "Care coordination.v1",
			File:        "opt/care_coordination.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/care_coordination_full.json",
				"examples/care_coordination_after_discharge.json",
				"examples/care_coordination_minimal.json",
			},
		},
		{
			ID:          "Questionnaire response.v1",
			File:        "opt/questionnaire_response.v1.opt",
			Sensitivity: "normal",
			Examples: []string{
				"examples/questionnaire_response_full.json",
				"examples/questionnaire_response_minimal.json",
			},
		},
	}
}
