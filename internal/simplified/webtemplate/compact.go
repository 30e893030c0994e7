package webtemplate

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// compact removes the levels that mean nothing to a form; nil is a node that
// nothing is left of.
func compact(n *Node) *Node {
	n.Children = lift(n, n.Children)
	kept := n.Children[:0:0]
	for _, c := range n.Children {
		if c = compactBelow(c); c != nil {
			kept = append(kept, c)
		}
	}
	n.Children = kept
	return n
}

func compactBelow(n *Node) *Node {
	compact(n)
	switch {
	case len(n.Inputs) == 0 && len(n.Children) == 1 && (n.Class == rminfo.ELEMENT || n.Class.IsA(rminfo.DATA_VALUE)):
		return merge(n, n.Children[0])
	case len(n.Children) == 0 && vanishes(n.Class) && len(n.Inputs) == 0:
		return nil
	}
	return n
}

// lift puts the children of collapsed levels in their place.
func lift(owner *Node, children []*Node) []*Node {
	var out []*Node
	for _, c := range children {
		if !collapses(c, children) {
			out = append(out, c)
			continue
		}
		for _, grandchild := range c.Children {
			if c.dependsOn != "" && grandchild.dependsOn == "" {
				grandchild.dependsOn = c.dependsOn
			}
			grandchild.Chain = append(slices.Clone(c.Chain), grandchild.Chain...)
		}
		owner.Cardinalities = append(owner.Cardinalities, c.Cardinalities...)
		out = append(out, lift(owner, c.Children)...)
	}
	return out
}

// collapses says whether a level goes: item structures and histories always, an
// event when it is the only one and stands once.
func collapses(n *Node, siblings []*Node) bool {
	switch {
	case n.Class.IsA(rminfo.ITEM_STRUCTURE), n.Class == rminfo.HISTORY:
		return true
	case n.Class.IsA(rminfo.EVENT) && n.Max == 1:
		for _, s := range siblings {
			if s != n && s.Class.IsA(rminfo.EVENT) {
				return false
			}
		}
		return true
	}
	return false
}

func vanishes(c rminfo.Class) bool {
	return c == rminfo.CLUSTER || c == rminfo.ELEMENT || c == rminfo.ITEM || c == rminfo.HISTORY || c.IsA(rminfo.ITEM_STRUCTURE) || c.IsA(rminfo.EVENT)
}

// merge makes an element and its only value one node.
func merge(element, value *Node) *Node {
	value.Chain = append(slices.Clone(element.Chain), value.Chain...)
	value.Name, value.LocalizedName = element.Name, element.LocalizedName
	value.LocalizedNames = element.LocalizedNames
	value.LocalizedDescriptions = append(value.LocalizedDescriptions, element.LocalizedDescriptions...)
	value.NodeID, value.HasNodeID, value.NameCode = element.NodeID, element.HasNodeID, element.NameCode
	if value.Min == 0 && element.Class == rminfo.ELEMENT {
		value.Min = 1
	}
	if element.Min > value.Min || value.Class.IsA(rminfo.DATA_VALUE) && element.Class == rminfo.ELEMENT {
		value.Min = element.Min
	}
	if element.Max == Unbounded || value.Max != Unbounded && element.Max < value.Max || value.Class.IsA(rminfo.DATA_VALUE) {
		value.Max = element.Max
	}
	if element.dependsOn != "" {
		value.dependsOn = element.dependsOn
	}
	for _, a := range element.Annotations {
		value.setAnnotation(a.Key, a.Value, "")
	}
	value.TermBindings = append(value.TermBindings, element.TermBindings...)
	value.Cardinalities = append(value.Cardinalities, element.Cardinalities...)
	return value
}

// number gives ids, unique among siblings, and what refers to them.
func number(n *Node) {
	if n.ID == "" {
		n.ID = Segment(n.Name)
	}
	taken := map[string]bool{}
	choice := n.Class == rminfo.ELEMENT && len(n.Children) > 1
	if choice {
		codedFirst(n.Children)
	}
	for i, c := range n.Children {
		id := c.ID
		switch {
		case choice && strings.HasPrefix(c.RMType, "DV_") && c.Chain[len(c.Chain)-1].Attr == rminfo.A_value:
			id = choiceID(c.RMType)
			c.AltID = "value"
			if i > 0 {
				c.AltID += strconv.Itoa(i + 1)
			}
		case choice:
			id = c.Chain[len(c.Chain)-1].Attr.Name()
		case id != "":
		case c.Name != "":
			id = Segment(c.Name)
		case n.Class == rminfo.ELEMENT && c.Class != rminfo.DV_INTERVAL:
			id = "value"
		default:
			id = Segment(c.AQLPath[strings.LastIndexByte(c.AQLPath, '/')+1:])
		}
		c.ID = unique(taken, id)
		number(c)
	}
	for _, c := range n.Children {
		c.DependsOn = nil
		if c.dependsOn == "" {
			continue
		}
		for _, s := range n.Children {
			if !s.InContext && strings.HasPrefix(s.AQLPath, c.dependsOn) {
				c.DependsOn = append(c.DependsOn, s.ID)
			}
		}
	}
	kept := n.Cardinalities[:0]
	for _, card := range n.Cardinalities {
		for _, c := range n.Children {
			if strings.HasPrefix(c.AQLPath, card.path) {
				card.IDs = append(card.IDs, c.ID)
			}
		}
		if len(card.IDs) > 0 {
			kept = append(kept, card)
		}
	}
	n.Cardinalities = kept
}

func unique(taken map[string]bool, base string) string {
	id := base
	for i := 2; taken[id]; i++ {
		id = base + strconv.Itoa(i)
	}
	taken[id] = true
	return id
}

// codedFirst puts the coded text of a choice before the text.
func codedFirst(children []*Node) {
	coded := slices.IndexFunc(children, func(n *Node) bool { return n.Class == rminfo.DV_CODED_TEXT })
	text := slices.IndexFunc(children, func(n *Node) bool { return n.Class == rminfo.DV_TEXT })
	if coded < 0 || text < 0 || coded < text {
		return
	}
	moved := children[coded]
	copy(children[text+1:coded+1], children[text:coded])
	children[text] = moved
}

// choiceID is the id of one data type of a choice: quantity_value,
// interval_of_quantity_value.
func choiceID(rmType string) string {
	rmType = strings.ToLower(strings.TrimPrefix(rmType, "DV_"))
	if inner, ok := strings.CutPrefix(rmType, "interval<dv_"); ok {
		return "interval_of_" + strings.TrimSuffix(inner, ">") + "_value"
	}
	return rmType + "_value"
}

// Segment makes a key segment of a name (ITS-REST Simplified Formats, Node ID):
// letters, digits, _ . - stay, runs of all else become one underscore.
func Segment(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '-' {
			b.WriteRune(unicode.ToLower(r))
			continue
		}
		if s := b.String(); s == "" || s[len(s)-1] != '_' {
			b.WriteByte('_')
		}
	}
	id := strings.TrimSuffix(strings.TrimPrefix(b.String(), "_"), "_")
	switch {
	case id == "":
		return "id"
	case id[0] >= '0' && id[0] <= '9':
		return "a" + id
	}
	return id
}
