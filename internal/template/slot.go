package template

import (
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// slotRule is a slot's assertions made ready. Assertions that are not about the
// archetype id cannot be decided: they hinder nothing.
type slotRule struct {
	includes, excludes []idTest
	// limited says that only what an include names may stand here.
	limited bool
}

// idTest says whether an assertion holds for an archetype id.
type idTest func(id string) bool

func compileSlot(s *aom.Slot) slotRule {
	var rule slotRule
	for _, a := range s.Includes {
		if test := compileTest(a.Expression); test != nil {
			rule.limited = true
			rule.includes = append(rule.includes, test)
		}
	}
	for _, a := range s.Excludes {
		// Exclude everything beside a list of includes means: nothing but those.
		if p, ok := a.ArchetypeIDPattern(); ok && bare(p) == ".*" && rule.limited {
			continue
		}
		if test := compileTest(a.Expression); test != nil {
			rule.excludes = append(rule.excludes, test)
		}
	}
	return rule
}

// The operators that join assertions (OPERATOR_KIND).
const (
	operatorEqual   = 2001
	operatorNot     = 2010
	operatorAnd     = 2011
	operatorOr      = 2012
	operatorXor     = 2013
	operatorImplies = 2014
)

// compileTest makes an expression ready, nil when it cannot be decided by an
// archetype id alone. Of two joined by and, the one that can be decided counts.
func compileTest(e *aom.Expression) idTest {
	if e == nil {
		return nil
	}
	if e.Kind == aom.Unary {
		inner := compileTest(e.Left)
		if e.Operator != operatorNot || inner == nil {
			return nil
		}
		return func(id string) bool { return !inner(id) }
	}
	if e.Kind != aom.Binary {
		return nil
	}
	switch e.Operator {
	case aom.OperatorMatches, operatorEqual:
		return compileComparison(e)
	case operatorAnd, operatorOr, operatorXor, operatorImplies:
	default:
		return nil
	}
	left, right := compileTest(e.Left), compileTest(e.Right)
	switch {
	case left == nil && right == nil:
		return nil
	case left == nil || right == nil:
		if e.Operator != operatorAnd {
			return nil
		}
		if left == nil {
			return right
		}
		return left
	}
	switch e.Operator {
	case operatorAnd:
		return func(id string) bool { return left(id) && right(id) }
	case operatorOr:
		return func(id string) bool { return left(id) || right(id) }
	case operatorXor:
		return func(id string) bool { return left(id) != right(id) }
	}
	return func(id string) bool { return !left(id) || right(id) }
}

// compileComparison makes archetype_id/value matches {/regex/}, {"id", ...} and
// = "id" ready, and the same of domain_concept, the concept within the id.
func compileComparison(e *aom.Expression) idTest {
	if e.Left == nil || e.Right == nil {
		return nil
	}
	part := func(id string) string { return id }
	switch strings.TrimPrefix(strings.TrimSpace(e.Left.Text), "/") {
	case "archetype_id/value", "archetype_id":
	case "domain_concept", "archetype_id/domain_concept", "short_concept_name", "archetype_id/short_concept_name":
		part = concept
	default:
		return nil
	}
	if e.Operator == operatorEqual {
		want := e.Right.Text
		return func(id string) bool { return part(id) == want }
	}
	s, ok := e.Right.Constraint.(*aom.String)
	switch {
	case !ok:
		return nil
	case s.HasPattern:
		re := wholeID(bare(s.Pattern))
		return func(id string) bool { return re.MatchString(part(id)) }
	}
	return func(id string) bool { return s.ListOpen || contains(s.List, part(id)) }
}

// concept is the second segment of an archetype id.
func concept(id string) string {
	_, rest, _ := strings.Cut(id, ".")
	if i := strings.Index(rest, ".v"); i >= 0 {
		return rest[:i]
	}
	return rest
}

func bare(pattern string) string {
	return strings.TrimSuffix(strings.TrimPrefix(pattern, "/"), "/")
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
	return ok && rule.admits(archetypeID)
}

// Admits is SlotAdmits for a slot that is in no compiled template.
func Admits(s *aom.Slot, archetypeID string) bool { return compileSlot(s).admits(archetypeID) }

func (r slotRule) admits(id string) bool {
	return (!r.limited || anyHolds(r.includes, id)) && !anyHolds(r.excludes, id)
}

func anyHolds(list []idTest, id string) bool {
	for _, test := range list {
		if test(id) {
			return true
		}
	}
	return false
}
