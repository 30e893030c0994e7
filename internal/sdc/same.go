package sdc

import "github.com/quire-cdr/quire/internal/fhir"

// SameAnswer says whether an answer came back as it was issued, but for what
// renderers are known to change. Two answers that say nothing are the same.
func SameAnswer(issued, back *fhir.Answer) bool {
	if kindOf(issued) == "nothing" || kindOf(back) == "nothing" {
		return kindOf(issued) == kindOf(back)
	}
	return sameAnswer(issued, back)
}
