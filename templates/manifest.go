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
	// superseding plan is the next version of the full one; the others belong
	// to different people.
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
	}
}
