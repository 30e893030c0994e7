package example

import (
	"slices"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// Level is how much of a template an example shows (ITS-REST 1.1, Definition API,
// detail_level).
type Level uint8

// The levels. Each can be committed as it is.
const (
	// Complete has every node once.
	Complete Level = iota
	// Typical has what is mandatory and the first few optional nodes of each parent.
	Typical
	// Minimal has what is mandatory, and where nothing is the first node: a parent
	// without any is none.
	Minimal
)

// optional is how many optional nodes below one parent a level shows.
var optional = map[Level]int{Complete: 1 << 16, Typical: 3, Minimal: 0}

// chosen are the children that a level shows, as many of each container as its
// cardinality allows.
func (m *maker) chosen(n *webtemplate.Node) []*webtemplate.Node {
	left := optional[m.o.Level]
	shown := make([]bool, len(n.Children))
	some := false
	for i, c := range n.Children {
		switch {
		case c.InContext:
			shown[i] = true
			continue
		case c.Min > 0:
			shown[i] = true
		case left > 0 && possible(n.Children, shown, i):
			shown[i] = true
			left--
		}
		some = some || shown[i]
	}
	if !some {
		enough(n.Children, shown, 1, func(*webtemplate.Node) bool { return true })
	}
	// What the model demands of a composition by its archetype, the web template
	// says nowhere: one entry at least.
	if n.Class == rminfo.COMPOSITION {
		enough(n.Children, shown, 1, func(c *webtemplate.Node) bool { return c.Chain[0].Attr == rminfo.A_content })
	}
	for _, limit := range n.Cardinalities {
		in := func(c *webtemplate.Node) bool { return slices.Contains(limit.IDs, c.ID) }
		enough(n.Children, shown, limit.Min, in)
		if limit.Max != webtemplate.Unbounded {
			atMost(n.Children, shown, limit.Max, in)
		}
	}
	out := n.Children[:0:0]
	for i, c := range n.Children {
		if shown[i] {
			out = append(out, c)
		}
	}
	return out
}

// possible says whether a node may stand beside those shown: a template node
// that is split by its names, and may stand once, stands by one of them.
func possible(list []*webtemplate.Node, shown []bool, at int) bool {
	n := list[at]
	switch {
	case empty(n):
		return false
	case n.Repeats() || n.Template == template.NoNode:
		return true
	}
	for i, c := range list[:at] {
		if shown[i] && c.Template == n.Template {
			return false
		}
	}
	return true
}

// empty says that a node has nothing of its own to show: an event whose data the
// template leaves out would be none.
func empty(n *webtemplate.Node) bool {
	if !n.Class.IsA(rminfo.EVENT) {
		return false
	}
	for _, c := range n.Children {
		if c.Chain[0].Attr == rminfo.A_data {
			return false
		}
	}
	return true
}

// enough shows the first optional nodes of a container until it has its least.
func enough(list []*webtemplate.Node, shown []bool, least int, in func(*webtemplate.Node) bool) {
	for i, c := range list {
		if shown[i] && !c.InContext && in(c) {
			least--
		}
	}
	for i, c := range list {
		if least > 0 && !shown[i] && in(c) && possible(list, shown, i) {
			shown[i] = true
			least--
		}
	}
}

// atMost hides the last optional nodes of a container that has too many.
func atMost(list []*webtemplate.Node, shown []bool, most int, in func(*webtemplate.Node) bool) {
	for i, c := range list {
		if shown[i] && !c.InContext && in(c) {
			most--
		}
	}
	for i := len(list) - 1; i >= 0 && most < 0; i-- {
		if c := list[i]; shown[i] && !c.InContext && c.Min == 0 && in(c) {
			shown[i] = false
			most++
		}
	}
}
