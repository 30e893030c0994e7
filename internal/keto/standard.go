package keto

// areas are the parts of the administration;
// sensitivity is who may see which label.
var areas = []string{"templates", "queries", "users", "sensitivity", "ehr-purge", "ehr-transfer", "audit", "system", "demographic"}

// Standard is a policy to begin with: the roles clinician, analyst, formbuilder,
// service, admin and outsider in the given organisations. outsider is a
// clinician of the organisation elsewhere, which no record has a relationship
// with. members are the subjects of each role.
//
// No role reads a record by administering it, and none but clinician breaks
// glass. Parties are read by clinicians and kept by admin and service. Everybody but formbuilder reads the label "normal"; others are given
// by name.
func Standard(organisations []string, elsewhere string, members map[string][]string) Policy {
	p := Policy{
		"Role":         {},
		"Organisation": {},
		"Sensitivity": {
			"normal": {
				"readers": {"Role:analyst", "Role:clinician", "Role:link", "Role:outsider", "Role:service"},
				"writers": {"Role:clinician", "Role:outsider", "Role:service"},
			},
		},
		"AdminArea": {},
	}
	for _, role := range []string{"clinician", "analyst", "formbuilder", "service", "admin", "outsider"} {
		p["Role"][role] = map[string][]string{"members": members[role]}
	}
	for _, org := range organisations {
		p["Organisation"][org] = map[string][]string{
			"clinicians":       {"Role:clinician"},
			"open_access":      {"Role:service"},
			"writers":          {"Role:clinician", "Role:service"},
			"admins":           {"Role:admin"},
			"privacy_officers": {"Role:admin"},
			"breakglassers":    {"Role:clinician"},
			"researchers":      {"Role:analyst"},
		}
	}
	if elsewhere != "" {
		p["Organisation"][elsewhere] = map[string][]string{
			"clinicians": {"Role:outsider"},
			"writers":    {"Role:outsider"},
		}
	}
	for _, area := range areas {
		p["AdminArea"][area] = map[string][]string{"admins": {"Role:admin"}}
	}
	p["AdminArea"]["templates"]["admins"] = []string{"Role:admin", "Role:formbuilder"}
	p["AdminArea"]["queries"]["admins"] = []string{"Role:admin", "Role:formbuilder"}
	p["AdminArea"]["demographic"] = map[string][]string{"admins": {"Role:admin", "Role:service"}, "viewers": {"Role:clinician"}}
	return p
}
