package validate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// root compares the outermost object with the template's root, then all below.
func (c *checker) root() {
	node := c.tpl.Node(0)
	if class := c.tree.Class(0); !class.IsA(node.Class) {
		c.wrongType(0, 0, node.Class.Name())
		return
	}
	if id := c.tree.ArchetypeNodeID(0); id != node.AtCode {
		c.add(finding{
			rule: "template-archetype", expected: node.AtCode, found: id,
			message: fmt.Sprintf("the template is for the archetype %s", node.AtCode),
		})
		return
	}
	if id := c.tree.TextAt(0, rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value); id != "" && id != c.tpl.TemplateID {
		c.add(finding{
			rule: "template-id", expected: c.tpl.TemplateID, found: id,
			message: "the document names another template than the one it is checked against",
		})
	}
	c.object(0, 0)
}

// object checks an object against a template node whose class it has.
func (c *checker) object(id rm.ID, n template.NodeID) {
	node := c.tpl.Node(n)
	if node.Slot != nil {
		return // what fills a slot is the business of the reference model alone
	}
	if node.Constraint != nil {
		c.constrain(id, n, node.Constraint)
	}
	switch c.tree.Class(id) {
	case rminfo.DV_CODED_TEXT:
		c.rubric(id, n)
	case rminfo.ISM_TRANSITION:
		c.step(id, n)
	}
	for i := range node.Derived {
		c.derived(id, n, node.Derived[i])
	}
	attrs := c.tpl.Attributes(n)
	for i := range attrs {
		c.attribute(id, n, &attrs[i])
	}
}

func (c *checker) attribute(id rm.ID, n template.NodeID, a *template.Attribute) {
	first := c.tree.Child(id, a.Attr)
	switch {
	case first == rm.None:
		c.absent(id, n, a)
	case a.Existence.Max == 0:
		c.add(finding{
			at: first, node: n, rule: "template-existence", expected: "0..0", found: "1",
			message: "Attribute " + a.Attr.Name() + " is removed by the template",
		})
	case a.Multiple:
		c.members(id, n, a)
	default:
		for child := first; child != rm.None; child = c.tree.Next(child) {
			if c.tree.Attr(child) == a.Attr {
				c.alternative(child, n, a)
			}
		}
	}
}

// absent judges an attribute that is not there. Documents cannot tell an empty
// list from none, so members that must occur are missed either way.
func (c *checker) absent(id rm.ID, n template.NodeID, a *template.Attribute) {
	if c.opts.Incomplete {
		return
	}
	class := c.tree.Class(id)
	if class == rminfo.ELEMENT && a.Attr == rminfo.A_value && c.tree.Child(id, rminfo.A_null_flavour) != rm.None {
		return // an absent value is explained by its null flavour
	}
	if a.Multiple {
		if a.Existence.Min > 0 && a.Cardinality.Interval.Min > 0 {
			c.cardinality(id, n, a, 0)
		}
		c.occurrences(id, n, a, make([]int, len(a.Children)))
		return
	}
	if a.Existence.Min == 0 {
		return
	}
	if declared, ok := class.Attribute(a.Attr); ok && declared.Mandatory {
		return // reported as a fault of the reference model
	}
	c.add(finding{
		at: id, below: a.Attr.Name(), node: n, rule: "template-existence", expected: "1..1", found: "0",
		message: "Attribute " + a.Attr.Name() + " of class " + class.Name() + " does not match existence 1..1",
	})
}

// members places each member of a container at a template node and counts.
func (c *checker) members(id rm.ID, n template.NodeID, a *template.Attribute) {
	var few [24]int // most containers have no more kinds of members
	counts := few[:]
	if len(a.Children) > len(few) {
		counts = make([]int, len(a.Children))
	}
	counts = counts[:len(a.Children)]
	total := 0
	for child := range c.tree.Children(id, a.Attr) {
		total++
		if len(a.Children) == 0 {
			continue // an unconstrained container takes whatever its class allows
		}
		if !c.tree.Class(child).Locatable() {
			c.alternative(child, n, a)
			continue
		}
		i := c.place(child, n, a, counts)
		if i < 0 {
			c.extra(child, n, a)
			continue
		}
		counts[i]++
		c.placed(child, a.Children[i])
	}
	c.cardinality(id, n, a, total)
	if total == 0 || c.tree.Class(c.tree.Child(id, a.Attr)).Locatable() {
		c.occurrences(id, n, a, counts)
	}
}

// place finds the member's template node: the one Match names, unless its class
// is another or it is full and a twin of the same code takes the member.
func (c *checker) place(child rm.ID, n template.NodeID, a *template.Attribute, counts []int) int {
	code, name, class := c.tree.ArchetypeNodeID(child), c.tree.Name(child), c.tree.Class(child)
	match, ok := c.tpl.Match(n, a.Attr, code, name)
	if !ok {
		return -1
	}
	fits := func(i int) bool {
		node := c.tpl.Node(a.Children[i])
		return class.IsA(node.Class) && (node.Occurrences.Max == aom.Unbounded || counts[i] < node.Occurrences.Max)
	}
	at := -1
	for i, m := range a.Children {
		if m == match {
			at = i
		}
	}
	if fits(at) {
		return at
	}
	// A name that fits no clone must not crowd the first while another is free.
	stray := !slices.Contains(c.tpl.Node(match).Names, name)
	for i, m := range a.Children {
		twin := c.tpl.Node(m)
		if twin.AtCode == c.tpl.Node(match).AtCode && twin.Slot == nil && fits(i) && (stray || len(twin.Names) == 0) {
			return i
		}
	}
	return at
}

func (c *checker) placed(child rm.ID, n template.NodeID) {
	if node := c.tpl.Node(n); !c.tree.Class(child).IsA(node.Class) {
		c.wrongType(child, n, node.Class.Name())
		return
	}
	c.object(child, n)
}

func (c *checker) wrongType(at rm.ID, n template.NodeID, expected string) {
	found, rule := c.className(at), "template-type"
	if c.tree.Attr(at) == rminfo.A_value && c.tree.Class(at).IsA(rminfo.DATA_VALUE) {
		rule = "template-value-type"
	}
	c.add(finding{
		at: at, node: n, rule: rule, expected: expected, found: found,
		message: found + " stands where the template allows " + expected,
	})
}

// className is an object's class, for intervals with that of their bounds.
func (c *checker) className(at rm.ID) string {
	name := c.tree.Class(at).Name()
	if c.tree.Class(at) == rminfo.DV_INTERVAL {
		for _, attr := range [...]rminfo.Attr{rminfo.A_lower, rminfo.A_upper} {
			if limit := c.tree.Child(at, attr); limit != rm.None {
				return name + "<" + c.tree.Class(limit).Name() + ">"
			}
		}
	}
	return name
}

// extra reports a node that the template does not have.
func (c *checker) extra(child rm.ID, n template.NodeID, a *template.Attribute) {
	code := c.tree.ArchetypeNodeID(child)
	if code == "" {
		return // reported as a fault of the reference model
	}
	rule := "template-node"
	if template.IsArchetypeID(code) {
		rule = "template-archetype"
	}
	c.add(finding{
		at: child, node: template.NoNode, rule: rule, expected: c.codes(a), found: code,
		message: fmt.Sprintf("%s is not in template at %s", code, join(c.tpl.Node(n).AQLPath, a.Attr.Name())),
	})
}

// codes lists what the template allows in an attribute, the first ten.
func (c *checker) codes(a *template.Attribute) string {
	var list []string
	for _, m := range a.Children {
		node := c.tpl.Node(m)
		code := node.AtCode
		if node.Slot != nil {
			code = "an archetype of the slot " + node.NodeID
		}
		if len(list) == 10 {
			list = append(list, "...")
			break
		}
		if code != "" {
			list = append(list, code)
		}
	}
	return strings.Join(list, ", ")
}

func (c *checker) cardinality(id rm.ID, n template.NodeID, a *template.Attribute, total int) {
	bounds := a.Cardinality.Interval
	if c.opts.Incomplete {
		bounds.Min = 0
	}
	if bounds.Allows(total) {
		return
	}
	c.add(finding{
		at: id, below: a.Attr.Name(), node: n, rule: "template-cardinality", expected: bound(a.Cardinality.Interval), found: strconv.Itoa(total),
		message: fmt.Sprintf("Attribute %s has %d members, but must have %s", a.Attr.Name(), total, bound(a.Cardinality.Interval)),
	})
}

func (c *checker) occurrences(id rm.ID, n template.NodeID, a *template.Attribute, counts []int) {
	for i, m := range a.Children {
		node := c.tpl.Node(m)
		bounds := node.Occurrences
		if c.opts.Incomplete || node.Slot != nil {
			bounds.Min = 0 // archetypes the template filled in take part in a slot's count
		}
		if bounds.Allows(counts[i]) {
			continue
		}
		below := a.Attr.Name()
		if node.AtCode != "" {
			below += "[" + node.AtCode + "]"
		}
		label := c.tpl.Label(m, "")
		if label == "" {
			label = node.Class.Name()
		}
		c.add(finding{
			at: id, below: below, node: n, rule: "template-occurrences", expected: bound(node.Occurrences), found: strconv.Itoa(counts[i]),
			message: occursWords(label, counts[i], node.Occurrences),
		})
	}
}

func occursWords(label string, count int, bounds aom.Multiplicity) string {
	if count == 0 {
		return fmt.Sprintf("%q is missing: it occurs 0 times, but must occur %s", label, bound(bounds))
	}
	return fmt.Sprintf("%q occurs %d times, but must occur %s", label, count, bound(bounds))
}

func bound(m aom.Multiplicity) string {
	if m.Max == aom.Unbounded {
		return strconv.Itoa(m.Min) + "..*"
	}
	return strconv.Itoa(m.Min) + ".." + strconv.Itoa(m.Max)
}
