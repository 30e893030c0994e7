package validate

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/terminology"
)

// archetyped: LOCATABLE.Archetyped_valid and Archetype_node_id_valid (RM 1.1.0,
// Common, Archetyped). The details of an inner archetype root are missing in
// many real documents and say nothing the node id does not: a warning.
func (c *checker) archetyped(id rm.ID) {
	node := c.tree.Child(id, rminfo.A_archetype_node_id)
	if node == rm.None {
		return
	}
	code := c.tree.Text(node)
	if code == "" {
		c.broken(node, "LOCATABLE", "Archetype_node_id_valid", "an at-code or archetype id", "")
		return
	}
	details := c.tree.Child(id, rminfo.A_archetype_details)
	isRoot := c.tree.IsRoot(id)
	switch {
	case isRoot && details == rm.None:
		c.warn(id, "LOCATABLE", "Archetyped_valid", "archetype_details", "none")
	case !isRoot && details != rm.None:
		c.warn(details, "LOCATABLE", "Archetyped_valid", "none", "archetype_details")
	case details != rm.None:
		if stated := c.tree.Find(details, rminfo.A_archetype_id, rminfo.A_value); stated != rm.None && c.tree.Text(stated) != code {
			c.broken(stated, "LOCATABLE", "Archetyped_valid", code, c.tree.Text(stated))
		}
	}
}

// archetypeRoot: compositions, entries, statuses and parties begin an archetype.
func (c *checker) archetypeRoot(id rm.ID) {
	if c.tree.IsRoot(id) {
		return
	}
	if node := c.tree.Child(id, rminfo.A_archetype_node_id); node != rm.None && c.tree.Text(node) != "" {
		c.broken(node, c.tree.Class(id).Name(), "Is_archetype_root", "an archetype id", c.tree.Text(node))
	}
}

// nullFlavour: exactly one of value and null_flavour.
func (c *checker) nullFlavour(id rm.ID) {
	value, null := c.tree.Child(id, rminfo.A_value), c.tree.Child(id, rminfo.A_null_flavour)
	switch {
	case value == rm.None && null == rm.None:
		if !c.opts.Incomplete {
			c.broken(id, "ELEMENT", "Inv_null_flavour_indicated", "a value or a null_flavour", "neither")
		}
	case value != rm.None && null != rm.None:
		c.broken(null, "ELEMENT", "Inv_null_flavour_indicated", "a value or a null_flavour", "both")
	}
	if reason := c.tree.Child(id, rminfo.A_null_reason); reason != rm.None && value != rm.None {
		c.broken(reason, "ELEMENT", "Inv_no_null_reason", "no reason beside a value", "null_reason")
	}
}

// table: rows hold elements only.
func (c *checker) table(id rm.ID) {
	for row := range c.tree.Children(id, rminfo.A_rows) {
		for item := range c.tree.Children(row, rminfo.A_items) {
			if c.tree.Class(item) != rminfo.ELEMENT {
				c.broken(item, "ITEM_TABLE", "Valid_structure", "ELEMENT", c.tree.Class(item).Name())
			}
		}
	}
}

// contextTimes is no invariant of the specification, hence a warning.
func (c *checker) contextTimes(id rm.ID) {
	start, end := c.tree.Child(id, rminfo.A_start_time), c.tree.Child(id, rminfo.A_end_time)
	if start != rm.None && end != rm.None && c.compare(start, end) == after {
		c.warn(end, "EVENT_CONTEXT", "End_time_valid", "not before start_time", c.tree.TextAt(end, rminfo.A_value))
	}
}

// transition: the step named must be able to end in the state stated (RM 1.1.0,
// EHR, Standard Instruction State Machine).
func (c *checker) transition(id rm.ID) {
	at := c.tree.Find(id, rminfo.A_transition, rminfo.A_defining_code, rminfo.A_code_string)
	step := c.tree.Text(at)
	state := c.tree.TextAt(id, rminfo.A_current_state, rminfo.A_defining_code, rminfo.A_code_string)
	if !terminology.Has(terminology.InstructionTransitions, step) || !terminology.Has(terminology.InstructionStates, state) {
		return // unknown codes are reported as such
	}
	if !terminology.TransitionEndsIn(step, state) {
		c.broken(at, "ISM_TRANSITION", "Transition_valid", "a transition into the state "+state, step)
	}
}
