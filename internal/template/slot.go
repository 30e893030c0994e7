package template

import (
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// slotRule is a slot's assertions with their expressions compiled. Expressions
// that are not about the archetype id are not decided: they hinder nothing.
type slotRule struct {
	includes, excludes []*regexp.Regexp
	// limited says that only what an include names may stand here.
	limited bool
}

func compileSlot(s *aom.Slot) slotRule {
	var rule slotRule
	for _, p := range patterns(s.Includes) {
		rule.limited = true
		rule.includes = append(rule.includes, wholeID(p))
	}
	for _, p := range patterns(s.Excludes) {
		// Exclude everything beside a list of includes means: nothing but those.
		if p != ".*" || !rule.limited {
			rule.excludes = append(rule.excludes, wholeID(p))
		}
	}
	return rule
}

func patterns(assertions []aom.Assertion) []string {
	var out []string
	for _, a := range assertions {
		if p, ok := a.ArchetypeIDPattern(); ok {
			out = append(out, strings.TrimSuffix(strings.TrimPrefix(p, "/"), "/"))
		}
	}
	return out
}

// wholeID matches an archetype id from end to end. An expression that Go's
// engine cannot read (look around) stands for its own text.
func wholeID(pattern string) *regexp.Regexp {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return regexp.MustCompile("^" + regexp.QuoteMeta(pattern) + "$")
	}
	return re
}

// SlotAdmits says whether an archetype may fill the slot at a node: an include
// matches, or there is none, and no exclude matches.
func (c *Compiled) SlotAdmits(id NodeID, archetypeID string) bool {
	rule, ok := c.slots[id]
	return ok && (!rule.limited || anyMatches(rule.includes, archetypeID)) && !anyMatches(rule.excludes, archetypeID)
}

func anyMatches(list []*regexp.Regexp, id string) bool {
	for _, re := range list {
		if re.MatchString(id) {
			return true
		}
	}
	return false
}
