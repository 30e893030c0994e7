package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// alternative checks the object of a single attribute against the alternatives
// of the template. When none fits, the faults of the nearest are reported: that
// with the fewest.
func (c *checker) alternative(child rm.ID, n template.NodeID, a *template.Attribute) {
	if len(a.Children) == 0 {
		return
	}
	var few [8]template.NodeID // most attributes have no more, and need no allocation
	candidates := c.candidates(few[:0], child, a)
	switch len(candidates) {
	case 0:
		c.noAlternative(child, n, a)
		return
	case 1:
		c.object(child, candidates[0])
		return
	}
	base := len(c.out)
	var nearest []finding
	fits := false
	for i, m := range candidates {
		c.object(child, m)
		faults := c.out[base:]
		if !slices.ContainsFunc(faults, func(f finding) bool { return !f.warning }) {
			// A warning is no reason to take another alternative.
			if fits = true; c.collecting() {
				continue
			}
			return
		}
		if i == 0 || len(faults) < len(nearest) {
			nearest = slices.Clone(faults)
		}
		c.forget(base)
	}
	if fits {
		return
	}
	if c.tree.Class(child) == rminfo.ISM_TRANSITION {
		c.noTransition(child, n, a)
		return
	}
	for _, f := range nearest {
		c.add(f)
	}
}

// candidates are the alternatives of the right class and node id, those of
// exactly the class first, appended to list.
func (c *checker) candidates(list []template.NodeID, child rm.ID, a *template.Attribute) []template.NodeID {
	class := c.tree.Class(child)
	code := ""
	if class.Locatable() {
		code = c.tree.ArchetypeNodeID(child)
	}
	for _, exact := range [...]bool{true, false} {
		for _, m := range a.Children {
			node := c.tpl.Node(m)
			switch {
			case exact != (class == node.Class), !class.IsA(node.Class), !c.parameterFits(child, node):
			case node.Slot != nil && !c.tpl.SlotAdmits(m, code):
			case node.AtCode != "" && !specialises(code, node.AtCode):
			default:
				list = append(list, m)
			}
		}
	}
	return list
}

// specialises says whether a code is another or specialises it: at0004.1 is an
// at0004 too.
func specialises(code, general string) bool {
	return code == general || strings.HasPrefix(code, general+".") && !template.IsArchetypeID(code)
}

// parameterFits compares the bounds of an interval with the class between the
// brackets of DV_INTERVAL<...>.
func (c *checker) parameterFits(child rm.ID, node *template.Node) bool {
	if node.Param == 0 {
		return true
	}
	for _, attr := range [...]rminfo.Attr{rminfo.A_lower, rminfo.A_upper} {
		if limit := c.tree.Child(child, attr); limit != rm.None && !c.tree.Class(limit).IsA(node.Param) {
			return false
		}
	}
	return true
}

func (c *checker) noAlternative(child rm.ID, n template.NodeID, a *template.Attribute) {
	var classes, codes []string
	sameClass := false
	for _, m := range a.Children {
		node := c.tpl.Node(m)
		name := node.Class.Name()
		if node.Param != 0 {
			name += "<" + node.Param.Name() + ">"
		}
		if !slices.Contains(classes, name) {
			classes = append(classes, name)
		}
		if c.tree.Class(child).IsA(node.Class) && node.AtCode != "" {
			sameClass = true
			codes = append(codes, node.AtCode)
		}
	}
	if !sameClass {
		c.wrongType(child, n, strings.Join(classes, ", "))
		return
	}
	code := c.tree.ArchetypeNodeID(child)
	if code == "" {
		return // reported as a fault of the reference model
	}
	c.add(finding{
		at: child, node: n, rule: "template-node", expected: strings.Join(codes, ", "), found: code,
		message: fmt.Sprintf("%s is not in template at %s", code, join(c.tpl.Node(n).AQLPath, a.Attr.Name())),
	})
}

// noTransition names what the document says of the transition; a template has
// one alternative for each careflow step.
func (c *checker) noTransition(child rm.ID, n template.NodeID, _ *template.Attribute) {
	code := func(attr rminfo.Attr) string {
		return c.tree.TextAt(child, attr, rminfo.A_defining_code, rminfo.A_code_string)
	}
	state, transition, step := code(rminfo.A_current_state), code(rminfo.A_transition), code(rminfo.A_careflow_step)
	c.add(finding{
		at: child, node: n, rule: "template-transition", expected: "a state and careflow step of the template", found: state,
		message: fmt.Sprintf("No valid transition found for ism transition[current_state=%s, transition=%s, careflow_step=%s]", state, transition, step),
	})
}
