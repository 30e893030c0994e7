package cdr

import "github.com/quire-cdr/quire/internal/fault"

// Codes of the openEHR groups version lifecycle state and audit change type.
const (
	Complete   = "532"
	Incomplete = "553"
	Deleted    = "523"
	Inactive   = "800"
	Abandoned  = "801"

	Creation      = "249"
	Amendment     = "250"
	Modification  = "251"
	Synthesis     = "252"
	ChangeDeleted = "523"
	Attestation   = "666"
	Restoration   = "816"
	FormatChanged = "817"
	ChangeUnknown = "253"
)

var lifecycleRubric = map[string]string{
	Complete: "complete", Incomplete: "incomplete", Deleted: "deleted", Inactive: "inactive", Abandoned: "abandoned",
}

var changeRubric = map[string]string{
	Creation: "creation", Amendment: "amendment", Modification: "modification", Synthesis: "synthesis",
	ChangeDeleted: "deleted", Attestation: "attestation", Restoration: "restoration",
	FormatChanged: "format conversion", ChangeUnknown: "unknown",
}

// before lists the states a new version of each state may follow (Common IM,
// Version Lifecycle).
var before = map[string][]string{
	Complete:   {Complete, Incomplete, Inactive, Deleted},
	Incomplete: {Complete, Incomplete, Inactive, Abandoned, Deleted},
	Inactive:   {Complete, Inactive},
	Abandoned:  {Incomplete, Abandoned},
	Deleted:    {Complete, Incomplete, Inactive, Abandoned},
}

// Before lists the lifecycle states a version of the given state may follow.
func Before(lifecycle string) []string { return before[lifecycle] }

// LifecycleRubric is the English rubric of a lifecycle code.
func LifecycleRubric(code string) string { return lifecycleRubric[code] }

// LifecycleCode reads a code or its rubric; "" is complete.
func LifecycleCode(s string) (string, error) {
	return codeOf(s, Complete, lifecycleRubric, "version lifecycle state")
}

// ChangeTypeCode reads a code or its rubric; "" is the given default.
func ChangeTypeCode(s, byDefault string) (string, error) {
	return codeOf(s, byDefault, changeRubric, "audit change type")
}

func codeOf(s, byDefault string, rubrics map[string]string, group string) (string, error) {
	if s == "" {
		return byDefault, nil
	}
	if _, ok := rubrics[s]; ok {
		return s, nil
	}
	for code, rubric := range rubrics {
		if rubric == s {
			return code, nil
		}
	}
	return "", fault.New(fault.Unprocessable, "code-not-in-group", "the code is not in the openEHR group %q", group)
}

// ChangeRubric is the English rubric of a change type code.
func ChangeRubric(code string) string { return changeRubric[code] }
