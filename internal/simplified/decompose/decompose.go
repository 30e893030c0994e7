package decompose

import (
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// Key names the tree node that an item was made of.
type Key struct {
	Node rm.ID
	Item *syntax.Item
	Web  *webtemplate.Node
}

// Decompose spells a composition.
func Decompose(w *webtemplate.WebTemplate, tree *rm.Tree) *syntax.Item {
	root, _ := decompose(w, tree, false)
	return root
}

// Keys is Decompose for those who look for the key of a tree node: the nodes
// with their items, in the order of the tree.
func Keys(w *webtemplate.WebTemplate, tree *rm.Tree) []Key {
	_, keys := decompose(w, tree, true)
	return keys
}

func decompose(w *webtemplate.WebTemplate, tree *rm.Tree, keep bool) (*syntax.Item, []Key) {
	d := &decomposer{web: w, t: w.Template, tree: tree, keep: keep}
	document := syntax.NewDocument()
	it := document.New(w.Root.ID, 0, false)
	if tree.ArchetypeNodeID(tree.Root()) != w.Template.RootArchetype || !d.node(w.Root, tree.Root(), it) {
		it = d.raw(w.Root, tree.Root(), it)
	}
	document.Add(it)
	return document, d.keys
}

// MatchesTemplate says whether a composition names the template.
func MatchesTemplate(t *template.Compiled, tree *rm.Tree) error {
	id := tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	if id != t.TemplateID {
		return fault.New(fault.Unprocessable, "template-other", "the composition is of the template %q", id)
	}
	return nil
}

type decomposer struct {
	web  *webtemplate.WebTemplate
	t    *template.Compiled
	tree *rm.Tree
	keep bool
	keys []Key
	// owner is the node whose own attribute is being spelled.
	owner *webtemplate.Node
}

func (d *decomposer) note(id rm.ID, it *syntax.Item, n *webtemplate.Node) {
	if d.keep {
		d.keys = append(d.keys, Key{id, it, n})
	}
}

// raw spells a node as canonical JSON.
func (d *decomposer) raw(n *webtemplate.Node, id rm.ID, it *syntax.Item) *syntax.Item {
	out := it.Twin()
	out.Set("raw", syntax.Raw, string(canon.WriteJSON(nil, d.tree, id)))
	d.note(id, out, n)
	return out
}

// counter numbers the occurrences of each segment below one item.
type counter struct {
	segments []string
	counts   []int
}

func (c *counter) next(segment string) int {
	for i := range c.segments {
		if c.segments[i] == segment {
			c.counts[i]++
			return c.counts[i] - 1
		}
	}
	c.segments, c.counts = append(c.segments, segment), append(c.counts, 1)
	return 0
}

// node spells a LOCATABLE or context that has a key of its own; false where
// something in it has no spelling.
func (d *decomposer) node(n *webtemplate.Node, id rm.ID, it *syntax.Item) bool {
	d.note(id, it, n)
	class := d.tree.Class(id)
	if n.Class != class && !(n.Class == rminfo.EVENT && class.IsA(rminfo.EVENT)) {
		return false
	}
	var count counter
	if !d.members(n, n.Template, id, it, &count, true) {
		return false
	}
	switch class {
	case rminfo.COMPOSITION:
		return d.hasContext(id)
	case rminfo.OBSERVATION:
		d.origin(id, rminfo.A_data, "history_origin", it)
		d.origin(id, rminfo.A_state, "state_history_origin", it)
	case rminfo.INTERVAL_EVENT:
		// Reading tells the class by these keys where the template leaves it open.
		return n.Class != rminfo.EVENT || it.Find("width") != nil || it.Find("math_function") != nil
	}
	return true
}

// hasContext says whether reading would not add a context.
func (d *decomposer) hasContext(id rm.ID) bool {
	category := d.tree.TextAt(id, rminfo.A_category, rminfo.A_defining_code, rminfo.A_code_string)
	return category == "431" || category == "451" || d.tree.Child(id, rminfo.A_context) != rm.None
}

// origin writes a history's origin where its events do not give it.
func (d *decomposer) origin(id rm.ID, attr rminfo.Attr, key string, it *syntax.Item) {
	history := d.tree.Child(id, attr)
	if history == rm.None {
		return
	}
	origin := d.tree.Child(history, rminfo.A_origin)
	if origin == rm.None {
		return
	}
	earliest := ""
	for event := range d.tree.Children(history, rminfo.A_events) {
		if time := d.tree.TextAt(event, rminfo.A_time, rminfo.A_value); earliest == "" || compose.Earlier(time, earliest) {
			earliest = time
		}
	}
	item := it.New(key, 0, false)
	var count counter
	d.shape(origin, rminfo.DV_DATE_TIME, 0, item, &count)
	if len(item.Values) == 1 && len(item.Children) == 0 && item.Values[0].Text == earliest {
		return
	}
	it.Add(item)
}

// members spells what an object holds into an item. own says that the object has
// the item's key; else it is a collapsed level, of which only what leads on to
// keys can be spelled.
func (d *decomposer) members(n *webtemplate.Node, at template.NodeID, id rm.ID, it *syntax.Item, count *counter, own bool) bool {
	class := d.tree.Class(id)
	for child := range d.tree.All(id) {
		attr := d.tree.Attr(child)
		switch attr {
		case rminfo.A_archetype_node_id:
			if d.tree.Text(child) != d.t.Node(at).AtCode {
				return false
			}
			continue
		case rminfo.A_archetype_details:
			continue
		case rminfo.A_name:
			if !d.name(n, at, child, it, own) {
				return false
			}
			continue
		case rminfo.A_origin:
			if class == rminfo.HISTORY && n.Class == rminfo.OBSERVATION {
				continue
			}
		}
		if d.child(n, at, attr, child, it, count) {
			continue
		}
		if own {
			d.owner = n
			d.attribute(id, class, 0, attr, child, it, count)
			d.owner = nil
		} else if !d.collapsedKey(n, at, attr, child, it) {
			return false
		}
	}
	return true
}

// collapsedKey spells an attribute of a collapsed level that has a key at the
// level that is left, such as the time of a single event.
func (d *decomposer) collapsedKey(n *webtemplate.Node, at template.NodeID, attr rminfo.Attr, child rm.ID, it *syntax.Item) bool {
	for _, web := range n.Children {
		last := len(web.Chain) - 1
		if last < 1 || web.Chain[last].Attr != attr || web.Chain[last].Node != template.NoNode || web.Chain[last-1].Node != at {
			continue
		}
		if it.Find(web.ID) != nil || d.tree.Kind(child) != rm.Object {
			return false
		}
		item := it.New(web.ID, 0, false)
		d.note(child, item, web)
		d.object(child, web.Class, 0, item)
		it.Add(item)
		return true
	}
	return false
}

// name writes a name that is not the one reading would give.
func (d *decomposer) name(n *webtemplate.Node, at template.NodeID, name rm.ID, it *syntax.Item, own bool) bool {
	text, code := d.web.NameOf(at, n)
	want, members := rminfo.DV_TEXT, 1
	if code != "" {
		want, members = rminfo.DV_CODED_TEXT, 2
	}
	same := d.tree.Class(name) == want && d.tree.TextAt(name, rminfo.A_value) == text && d.tree.TextAt(name, rminfo.A_defining_code, rminfo.A_code_string) == code
	for range d.tree.All(name) {
		members--
	}
	if same && members == 0 {
		return true
	}
	if own {
		item := it.New("_name", 0, false)
		d.object(name, rminfo.DV_TEXT, 0, item)
		it.Add(item)
	}
	return own
}

// child spells a child that the template constrains; false where it does not, or
// where the web template has no key for it.
func (d *decomposer) child(n *webtemplate.Node, at template.NodeID, attr rminfo.Attr, child rm.ID, it *syntax.Item, count *counter) bool {
	class := d.tree.Class(child)
	if d.tree.Kind(child) != rm.Object {
		return false
	}
	if !class.Locatable() && class != rminfo.EVENT_CONTEXT {
		return d.valueChild(n, at, attr, child, it, count)
	}
	match := d.match(at, attr, child)
	if match == template.NoNode {
		return false
	}
	if web := d.webNode(n, match, child); web != nil {
		item := d.item(web, it, count)
		if !d.node(web, child, item) || item.Empty() {
			item = d.raw(web, child, item)
		}
		it.Add(item)
		return true
	}
	if class == rminfo.ELEMENT {
		return d.element(n, match, child, it, count)
	}
	// A collapsed level: its children have keys below this one.
	if !class.IsA(rminfo.ITEM_STRUCTURE) && class != rminfo.HISTORY && !class.IsA(rminfo.EVENT) || class != d.concrete(match) || d.tree.Kind(child) != rm.Object {
		return false
	}
	item := it.Twin()
	inner := counter{append([]string(nil), count.segments...), append([]int(nil), count.counts...)}
	if !d.members(n, match, child, item, &inner, false) || item.Empty() {
		return false
	}
	it.Values = append(it.Values, item.Values...)
	for _, c := range item.Children {
		it.Add(c)
	}
	*count = inner
	return true
}

// concrete is the class that reading makes of a template node.
func (d *decomposer) concrete(id template.NodeID) rminfo.Class {
	switch class := d.t.Node(id).Class; class {
	case rminfo.EVENT:
		return rminfo.POINT_EVENT
	case rminfo.ITEM_STRUCTURE:
		return rminfo.ITEM_TREE
	default:
		return class
	}
}

func (d *decomposer) match(at template.NodeID, attr rminfo.Attr, child rm.ID) template.NodeID {
	if d.tree.Class(child) == rminfo.EVENT_CONTEXT {
		if children := d.t.Children(at, attr); len(children) > 0 {
			return children[0]
		}
		return template.NoNode
	}
	match, ok := d.t.Match(at, attr, d.tree.ArchetypeNodeID(child), d.tree.Name(child))
	if !ok || d.t.Node(match).Slot != nil {
		return template.NoNode
	}
	return match
}

// webNode is the key of a matched node below n: by its name where names split it.
func (d *decomposer) webNode(n *webtemplate.Node, match template.NodeID, child rm.ID) *webtemplate.Node {
	var first *webtemplate.Node
	for _, web := range d.web.At(match) {
		if web.Parent != n {
			continue
		}
		if first == nil {
			first = web
		}
		if web.NameCode != "" && (d.tree.Name(child) == web.Name || d.tree.TextAt(child, rminfo.A_name, rminfo.A_defining_code, rminfo.A_code_string) == web.NameCode) {
			return web
		}
	}
	return first
}

func (d *decomposer) item(web *webtemplate.Node, it *syntax.Item, count *counter) *syntax.Item {
	return it.New(web.ID, count.next(web.ID), web.Repeats())
}

// element spells an ELEMENT whose value has its key.
func (d *decomposer) element(n *webtemplate.Node, match template.NodeID, id rm.ID, it *syntax.Item, count *counter) bool {
	web := d.elementNode(n, match, id)
	if web == nil {
		return false
	}
	item := d.item(web, it, count)
	d.note(id, item, web)
	if !d.elementMembers(web, match, id, item) || item.Empty() {
		item = d.raw(web, id, item)
	}
	it.Add(item)
	return true
}

func (d *decomposer) elementNode(n *webtemplate.Node, match template.NodeID, id rm.ID) *webtemplate.Node {
	var first *webtemplate.Node
	for _, c := range n.Children {
		last := len(c.Chain) - 1
		if last < 1 || c.Chain[last-1].Node != match || c.Chain[last-1].Class != rminfo.ELEMENT {
			continue
		}
		if first == nil {
			first = c
		}
		if c.NameCode != "" && (d.tree.Name(id) == c.Name || d.tree.TextAt(id, rminfo.A_name, rminfo.A_defining_code, rminfo.A_code_string) == c.NameCode) {
			return c
		}
	}
	return first
}

func (d *decomposer) elementMembers(web *webtemplate.Node, at template.NodeID, id rm.ID, it *syntax.Item) bool {
	var count counter
	for child := range d.tree.All(id) {
		switch attr := d.tree.Attr(child); attr {
		case rminfo.A_archetype_node_id:
			if d.tree.Text(child) != d.t.Node(at).AtCode {
				return false
			}
		case rminfo.A_archetype_details:
		case rminfo.A_name:
			if !d.elementName(web, at, child, it) {
				return false
			}
		case rminfo.A_value:
			if !d.value(web, child, it) {
				return false
			}
		default:
			d.attribute(id, rminfo.ELEMENT, 0, attr, child, it, &count)
		}
	}
	return true
}

// elementName is name for an ELEMENT whose web template node ends at its value.
func (d *decomposer) elementName(web *webtemplate.Node, at template.NodeID, name rm.ID, it *syntax.Item) bool {
	return d.name(web, at, name, it, true)
}

// value spells a data value at its own key.
func (d *decomposer) value(web *webtemplate.Node, id rm.ID, it *syntax.Item) bool {
	class := d.tree.Class(id)
	d.note(id, it, web)
	var count counter
	switch {
	case class == web.Class, web.Class == rminfo.DV_TEXT && class == rminfo.DV_CODED_TEXT:
		d.shape(id, class, boundOf(d.t, web), it, &count)
		return true
	case web.Other && class == rminfo.DV_TEXT:
		at := len(it.Values)
		d.shape(id, class, 0, it, &count)
		for i := at; i < len(it.Values); i++ {
			if it.Values[i].Suffix == "" {
				it.Values[i].Suffix = "other"
			}
		}
		return true
	case class.IsA(web.Class):
		it.Set("_type", syntax.String, class.Name())
		d.shape(id, class, 0, it, &count)
		return true
	}
	return false
}

func boundOf(t *template.Compiled, web *webtemplate.Node) rminfo.Class {
	if web.Class != rminfo.DV_INTERVAL || web.Template == template.NoNode {
		return 0
	}
	if p := t.Node(web.Template).Param; p != 0 && !p.Abstract() {
		return p
	}
	for _, c := range web.Children {
		if c.Class.IsA(rminfo.DV_ORDERED) && !c.Class.Abstract() {
			return c.Class
		}
	}
	return 0
}

// valueChild spells a data value with a key of its own: one of a choice, or an
// attribute that the template constrains.
func (d *decomposer) valueChild(n *webtemplate.Node, at template.NodeID, attr rminfo.Attr, child rm.ID, it *syntax.Item, count *counter) bool {
	class := d.tree.Class(child)
	var web *webtemplate.Node
	for _, c := range n.Children {
		last := c.Chain[len(c.Chain)-1]
		if last.Attr != attr || len(c.Chain) > 1 && c.Chain[len(c.Chain)-2].Node != at || len(c.Chain) == 1 && n.Template != at {
			continue
		}
		if last.Node == template.NoNode && len(shape.Of(d.tree.Class(d.tree.Parent(child))).ByAttr(attr)) > 0 {
			return false
		}
		exact := c.Class == class && d.paramFits(c, child)
		if exact || web == nil && (c.Class == rminfo.DV_TEXT && class == rminfo.DV_CODED_TEXT || c.Other && class == rminfo.DV_TEXT || class.IsA(c.Class) && c.Class != class) {
			web = c
		}
		if exact {
			break
		}
	}
	if web == nil || !class.IsA(rminfo.DATA_VALUE) {
		return false
	}
	item := d.item(web, it, count)
	if !d.value(web, child, item) || item.Empty() {
		item = d.raw(web, child, item)
	}
	it.Add(item)
	return true
}

// paramFits tells the intervals of a choice apart.
func (d *decomposer) paramFits(web *webtemplate.Node, id rm.ID) bool {
	bound := boundOf(d.t, web)
	if bound == 0 {
		return true
	}
	for _, attr := range [...]rminfo.Attr{rminfo.A_lower, rminfo.A_upper} {
		if b := d.tree.Child(id, attr); b != rm.None {
			return d.tree.Class(b).IsA(bound)
		}
	}
	return true
}
