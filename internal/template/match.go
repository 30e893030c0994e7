package template

import (
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Match finds the template node for an object of data: under parent, in attr,
// with this archetype_node_id and name. The clone whose name fits is tried
// first, then one whose name is open, then any of the code; after that the
// codes it specialises (at0004.1, then at0004), and last a slot that admits the
// archetype id.
func (c *Compiled) Match(parent NodeID, attr rminfo.Attr, atCode, name string) (NodeID, bool) {
	children := c.Children(parent, attr)
	for code := atCode; code != ""; code = generalCode(code) {
		open, any := NoNode, NoNode
		for _, id := range children {
			n := &c.nodes[id]
			if n.AtCode != code || n.Slot != nil {
				continue
			}
			switch {
			case len(n.Names) == 0:
				if open == NoNode {
					open = id
				}
			case contains(n.Names, name):
				return id, true
			}
			if any == NoNode {
				any = id
			}
		}
		if open != NoNode {
			return open, true
		}
		if any != NoNode {
			return any, true
		}
	}
	if !IsArchetypeID(atCode) {
		return NoNode, false
	}
	for _, id := range children {
		if n := &c.nodes[id]; n.Slot != nil && SlotAdmits(n.Slot, atCode) {
			return id, true
		}
	}
	return NoNode, false
}

// generalCode is the code that code specialises: at0004 of at0004.1, none of at0004.
func generalCode(code string) string {
	if IsArchetypeID(code) {
		return ""
	}
	cut := strings.LastIndexByte(code, '.')
	if cut < 0 {
		return ""
	}
	return code[:cut]
}

// IsArchetypeID tells archetype ids from at-codes.
func IsArchetypeID(nodeID string) bool {
	return strings.Count(nodeID, "-") >= 2 && strings.IndexByte(nodeID, '.') > 0
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// SlotAdmits says whether an archetype may fill a slot: one include matches, or
// there is none, and no exclude that is narrower than "everything" matches.
// Expressions that are not about the archetype id are not decided here.
func SlotAdmits(slot *aom.Slot, archetypeID string) bool {
	includes := patterns(slot.Includes)
	if len(includes) > 0 && !anyMatches(includes, archetypeID) {
		return false
	}
	for _, p := range patterns(slot.Excludes) {
		// Exclude everything beside a list of includes means: nothing but those.
		if p == ".*" && len(includes) > 0 {
			continue
		}
		if matches(p, archetypeID) {
			return false
		}
	}
	return true
}

func patterns(assertions []aom.Assertion) []string {
	var out []string
	for _, a := range assertions {
		if p, ok := a.ArchetypeIDPattern(); ok {
			out = append(out, p)
		}
	}
	return out
}

func anyMatches(patterns []string, id string) bool {
	for _, p := range patterns {
		if matches(p, id) {
			return true
		}
	}
	return false
}

// matches compares the whole id. An expression Go's engine cannot read (look
// around) admits nothing but itself.
func matches(pattern, id string) bool {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "/"), "/")
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return pattern == id
	}
	return re.MatchString(id)
}
