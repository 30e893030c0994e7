package template

import (
	"strings"

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
		if n := &c.nodes[id]; n.Slot != nil && c.SlotAdmits(id, atCode) {
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
