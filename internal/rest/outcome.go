package rest

import (
	"regexp"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/sdc"
)

type outcomeExtension struct {
	URL   string `json:"url"`
	Value string `json:"valueString"`
}

// fhirPath is a path that begins with a resource; others are openEHR's and no
// FHIRPath.
var fhirPath = regexp.MustCompile(`^[A-Z][A-Za-z]+(\.|$)`)

// locate says where an issue of an OperationOutcome is: the expression is
// FHIRPath, linkId and openEHR path stand beside it.
func locate(issue fault.Issue) (expression []string, extension []outcomeExtension) {
	aql := issue.AQLPath
	if fhirPath.MatchString(issue.Path) {
		expression = []string{issue.Path}
	} else if aql == "" {
		aql = issue.Path
	}
	if issue.FlatKey != "" {
		extension = append(extension, outcomeExtension{sdc.ExtLinkID, issue.FlatKey})
	}
	if aql != "" {
		extension = append(extension, outcomeExtension{sdc.ExtPath, aql})
	}
	return expression, extension
}
