package sdc

import (
	"regexp"
	"strings"
	"testing"
)

// TestHowDurationsAreWritten: the form asks for the fields that the template
// allows, and its own example is one that passes its pattern and its range.
func TestHowDurationsAreWritten(t *testing.T) {
	wanted := map[string]map[string]string{
		"Emergency care plan.v1": {"care_plan/plan_endorsement_and_review/review_after": "PnYnMnWnD, such as P3D"},
		"Growth measurements.v1": {"/gestation_at_birth": "PnWnD, such as P20W"},
		"Genomic test order.v1":  {"/age_at_onset": "PnYnM, such as P3M"},
	}
	for template, o := range ours(t) {
		f, want := o.form, wanted[template]
		seen := map[string]bool{}
		for linkID, item := range f.byLinkID {
			if item.Class.Name() != "DV_DURATION" || item.Fixed != "" || item.Kind != Question {
				continue
			}
			format, pattern := f.durationFormat(item.Value)
			for end, words := range want {
				if strings.HasSuffix(linkID, end) {
					seen[end] = true
					if format != words {
						t.Errorf("%s: %s: %q, want %q", template, linkID, format, words)
					}
				}
			}
			// Go knows no look-ahead, which here only says that something follows.
			read := regexp.MustCompile("^(?:" + regexp.MustCompile(`\(\?=[^)]*\)`).ReplaceAllString(pattern, "") + ")$")
			_, examples, _ := strings.Cut(format, "such as ")
			for _, example := range strings.Split(examples, " or ") {
				if !read.MatchString(example) {
					t.Errorf("%s: %s: the example %q does not match %s", template, linkID, example, pattern)
				}
			}
			if read.MatchString("P1Q") {
				t.Errorf("%s: %s: the pattern %s takes anything", template, linkID, pattern)
			}
		}
		for end := range want {
			if !seen[end] {
				t.Errorf("%s has no duration %s", template, end)
			}
		}
	}
}
