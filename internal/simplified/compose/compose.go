package compose

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// Options are what a document cannot say itself.
type Options struct {
	// Now is the time, as ISO 8601, of what has no other.
	Now string
}

// Compose makes the composition. The error is a *fault.Error, Invalid where the
// document contradicts itself and Unprocessable where the template or the
// reference model does not take it, with every fault; beside it comes what could
// be made of the rest, nil where that is nothing, so that its values can be judged
// in the same turn.
func Compose(w *webtemplate.WebTemplate, doc *syntax.Item, opts Options) (*rm.Tree, error) {
	c := &composer{web: w, t: w.Template, now: opts.Now}
	root := c.document(doc)
	b := rm.NewBuilder(rm.Limits{}, 1024+96*doc.Size())
	root.write(c, b, 0)
	tree, err := b.Tree()
	if len(c.issues) > 0 {
		return tree, c.refusal()
	}
	if err != nil {
		return nil, fault.New(fault.TooLarge, "simplified-too-large", "the document makes a composition over the limits").Because(err)
	}
	return tree, nil
}

type composer struct {
	web    *webtemplate.WebTemplate
	t      *template.Compiled
	now    string
	ctx    context
	lang   string
	room   room
	issues []fault.Issue
	// invalid says that a fault is one of form.
	invalid bool
	// suggested counts the faults that were given nearest keys, searched those for
	// which the whole template was searched; paths are all its keys, once needed.
	suggested, searched int
	paths               []string
}

const maxIssues = 1000

func (c *composer) refusal() error {
	kind := fault.Unprocessable
	if c.invalid {
		kind = fault.Invalid
	}
	first := c.issues[0]
	return fault.New(kind, "simplified-"+first.Rule, "%s: %s", first.FlatKey, first.Message).With(c.issues...)
}

// issue reports a fault of one key.
func (c *composer) issue(n *webtemplate.Node, key, rule, expected, found, message string) {
	if len(c.issues) >= maxIssues {
		return
	}
	i := fault.Issue{Path: key, FlatKey: key, Rule: rule, Expected: expected, Found: found, Message: message}
	if n != nil {
		i.AQLPath = n.AQLPath
		if i.AQLPath == "" {
			i.AQLPath = "/"
		}
		if n.Template != template.NoNode {
			i.Archetype = c.t.Node(n.Template).Archetype
		}
	}
	c.issues = append(c.issues, i)
}

func (c *composer) document(doc *syntax.Item) *object {
	root := &object{class: c.web.Root.Class, node: c.t.Root(), web: c.web.Root, item: doc, room: &c.room}
	var body *syntax.Item
	for _, it := range doc.Children {
		switch {
		case it.Segment == "ctx":
			c.readContext(it)
		case it.Segment == c.web.Root.ID && it.Index == 0:
			body = it
		default:
			c.unknown(nil, it, []string{c.web.Root.ID, "ctx"})
		}
	}
	if body == nil {
		body = doc.New(c.web.Root.ID, 0, false)
	}
	root.item = body
	c.lang = c.language(body)
	if v, ok := body.Value("raw"); ok {
		if tree := c.raw(c.web.Root, body, v, c.web.Root.Class); tree != nil {
			return &object{class: tree.Class(tree.Root()), kids: kidsOf(tree), whole: true}
		}
		return root
	}
	c.fill(root, c.web.Root, body)
	c.complete(root)
	return root
}

// kidsOf takes a tree apart at its root.
func kidsOf(t *rm.Tree) []kid {
	var out []kid
	for id := range t.All(t.Root()) {
		if t.Kind(id) == rm.Object {
			out = append(out, kid{attr: t.Attr(id), tree: t.Sub(id)})
		} else {
			out = append(out, kid{attr: t.Attr(id), kind: t.Kind(id), text: t.Text(id)})
		}
	}
	return out
}

// language is the language of the composition, for the names of its nodes.
func (c *composer) language(body *syntax.Item) string {
	if l := body.Find("language"); l != nil {
		for _, suffix := range [...]string{"code", ""} {
			if v, ok := l.Value(suffix); ok {
				return v.Text
			}
		}
	}
	return c.ctx.text("language")
}

// fill takes over the items below a node of the web template.
func (c *composer) fill(o *object, n *webtemplate.Node, it *syntax.Item) {
	for _, v := range it.Values {
		c.suffix(o, it, v)
	}
	for _, child := range it.Children {
		if below := n.Child(child.Segment); below != nil {
			if !child.Empty() {
				c.place(o, below, child)
			}
			continue
		}
		c.segment(o, n, child)
	}
}

// place puts an item where its web template node stands: down the collapsed
// levels, which several items share.
func (c *composer) place(o *object, n *webtemplate.Node, it *syntax.Item) {
	if !n.Repeats() && it.Index > 0 {
		c.issue(n, it.Key(), "index", "index 0: it stands once", strconv.Itoa(it.Index), "the node does not repeat")
		return
	}
	last := len(n.Chain) - 1
	element := last
	if last > 0 && n.Chain[last-1].Class == rminfo.ELEMENT {
		element = last - 1
	}
	for i, step := range n.Chain[:element] {
		o = c.level(o, step, 0, n, i)
	}
	step := n.Chain[element]
	if v, ok := it.Value("raw"); ok {
		c.graft(o, n, element, it, v)
		return
	}
	if element < last {
		o = c.level(o, step, it.Index, n, element)
		o.item = it
		c.element(o, n, it)
		return
	}
	switch {
	case step.Node == template.NoNode && len(shape.Of(o.class).ByAttr(step.Attr)) > 0:
		c.object(o, shape.Of(o.class).ByAttr(step.Attr)[0], it)
	case n.Class.Scalar() != rminfo.NotScalar:
		c.bare(o, &shape.Field{Attr: step.Attr}, it, n.Class)
	case n.Class.Locatable() || n.Class == rminfo.EVENT_CONTEXT:
		child := c.level(o, step, it.Index, n, element)
		child.item, child.web = it, n
		c.event(child, it)
		c.fill(child, n, it)
	default:
		c.value(o, n, it)
	}
}

// level gives the object of one step of a chain, making it where it is not yet.
func (c *composer) level(o *object, step webtemplate.Step, index int, n *webtemplate.Node, depth int) *object {
	owner := n
	if depth < len(n.Chain)-1 && n.Chain[depth].Class != rminfo.ELEMENT {
		// A collapsed level belongs to the parent and is shared.
		owner = n.Parent
	}
	if there := o.find(place{step.Attr, int32(index), step.Node, owner}); there != nil {
		return there
	}
	class := step.Class
	if class == rminfo.ITEM_STRUCTURE {
		class = rminfo.ITEM_TREE
	}
	child := o.room.object()
	child.class, child.node, child.index, child.web, child.item = class, step.Node, index, owner, o.item
	if class == rminfo.EVENT {
		child.class = rminfo.POINT_EVENT
	}
	return o.put(step.Attr, child)
}

// event chooses the class of an event that the template leaves open.
func (c *composer) event(o *object, it *syntax.Item) {
	if !o.class.IsA(rminfo.EVENT) || o.node == template.NoNode || c.t.Node(o.node).Class != rminfo.EVENT {
		return
	}
	_, count := it.Value("sample_count")
	if count || it.Find("width") != nil || it.Find("math_function") != nil {
		o.class = rminfo.INTERVAL_EVENT
	}
}

// element takes over what stands at an ELEMENT whose value has the same key:
// some keys are of the element, the others of the value.
func (c *composer) element(o *object, n *webtemplate.Node, it *syntax.Item) {
	value := it
	if len(it.Children) > 0 {
		value = it.Twin()
		value.Values = it.Values
	}
	for _, child := range it.Children {
		if shape.Of(rminfo.ELEMENT).Lookup(child.Segment) != nil {
			c.segment(o, n, child)
		} else {
			value.Children = append(value.Children, child)
		}
	}
	if len(value.Values) > 0 || len(value.Children) > 0 {
		c.value(o, n, value)
	}
}

// value makes the data value of a web template node.
func (c *composer) value(o *object, n *webtemplate.Node, it *syntax.Item) {
	step := n.Chain[len(n.Chain)-1]
	class, ok := c.classOf(n, n.Class, step.Attr, it)
	if !ok {
		return
	}
	v := o.room.object()
	v.class, v.node, v.web, v.item, v.bound = class, step.Node, n, it, c.boundOf(n)
	if class == rminfo.DV_TEXT && n.Class != rminfo.DV_TEXT {
		// The free text beside a coded value stands at |other.
		other, _ := it.Value("other")
		v.text(rminfo.A_value, other.Text)
		rest := it.Twin()
		rest.Children = it.Children
		for _, value := range it.Values {
			if value.Suffix != "other" {
				rest.Values = append(rest.Values, value)
			}
		}
		it = rest
	}
	c.members(v, it)
	c.finish(v, step.Attr)
	if len(v.kids) > 0 {
		o.put(step.Attr, v)
	}
}

// boundOf is the class of an interval's bounds by the template.
func (c *composer) boundOf(n *webtemplate.Node) rminfo.Class {
	if n.Class != rminfo.DV_INTERVAL || n.Template == template.NoNode {
		return 0
	}
	if p := c.t.Node(n.Template).Param; p != 0 && !p.Abstract() {
		return p
	}
	for _, child := range n.Children {
		if child.Class.IsA(rminfo.DV_ORDERED) && !child.Class.Abstract() {
			return child.Class
		}
	}
	return 0
}

// members takes over the keys of an object that no template constrains below.
func (c *composer) members(o *object, it *syntax.Item) {
	if o.class == rminfo.DV_DURATION {
		it = durationFields(it)
	}
	for _, v := range it.Values {
		c.suffix(o, it, v)
	}
	for _, child := range it.Children {
		c.segment(o, o.web, child)
	}
}

// segment takes over a sub-path that stands for an attribute.
func (c *composer) segment(o *object, n *webtemplate.Node, it *syntax.Item) {
	// Whatever no key stands for can be given as canonical JSON of the attribute.
	if v, isRaw := it.Value("raw"); isRaw && strings.HasPrefix(it.Segment, "_") {
		attr, known := rminfo.AttrByName(it.Segment[1:])
		if declared, has := o.class.Attribute(attr); known && has {
			if tree := c.raw(n, it, v, declared.Type); tree != nil {
				o.add(kid{attr: attr, index: int32(it.Index), tree: tree})
			}
			return
		}
	}
	if path := shape.Of(o.class).Lookup(it.Segment); path != nil && it.Segment != "" && it.Segment[0] != '|' {
		if it.Empty() {
			return
		}
		at := c.descend(o, path)
		c.object(at, path[len(path)-1], it)
		return
	}
	switch it.Segment {
	case "history_origin", "data_history_origin", "state_history_origin":
		if o.class == rminfo.OBSERVATION {
			return // complete reads it where the histories are known
		}
	}
	candidates := shape.Of(o.class).Segments()
	if o.class.IsA(rminfo.PARTY_PROXY) {
		candidates = append(candidates, shape.Of(rminfo.PARTY_RELATED).Segments()...)
	}
	if n != nil {
		if last := len(n.Chain) - 1; last > 0 && n.Chain[last-1].Class == rminfo.ELEMENT && o.class.IsA(rminfo.DATA_VALUE) {
			candidates = append(candidates, shape.Of(rminfo.ELEMENT).Segments()...)
		}
		for _, child := range n.Children {
			candidates = append(candidates, child.ID)
		}
	}
	c.unknown(n, it, candidates)
}

// descend makes the inlined objects on the way to a field.
func (c *composer) descend(o *object, path []*shape.Field) *object {
	for _, f := range path[:len(path)-1] {
		o = o.one(f.Attr, f.Class)
	}
	return o
}

// object makes what a sub-path stands for.
func (c *composer) object(o *object, f *shape.Field, it *syntax.Item) {
	declared, _ := o.class.Attribute(f.Attr)
	if !f.List && it.Index > 0 {
		c.issue(o.web, it.Key(), "index", "index 0: it stands once", strconv.Itoa(it.Index), "the attribute does not repeat")
		return
	}
	if v, ok := it.Value("raw"); ok {
		if tree := c.raw(o.web, it, v, declared.Type); tree != nil {
			o.add(kid{attr: f.Attr, index: int32(it.Index), tree: tree})
		}
		return
	}
	if o.class == 0 {
		// An identifier, whose class its form will tell.
		declared.Type = rminfo.String
	}
	if declared.Type.Scalar() != rminfo.NotScalar {
		c.bare(o, f, it, declared.Type)
		return
	}
	want := f.Class
	if want == 0 {
		want = c.bound(o, it)
	}
	class, ok := c.classOf(o.web, want, f.Attr, it)
	if !ok {
		return
	}
	child := o.room.object()
	child.class, child.node, child.index, child.web, child.item = class, template.NoNode, it.Index, o.web, it
	switch {
	case f.Bound != 0:
		child.bound = f.Bound
	case class == rminfo.DV_INTERVAL || class == rminfo.REFERENCE_RANGE:
		child.bound = o.bound
		if o.class.IsA(rminfo.DV_ORDERED) {
			child.bound = o.class
		}
	}
	c.members(child, it)
	c.finish(child, f.Attr)
	if len(child.kids) > 0 || class == rminfo.PARTY_SELF {
		o.put(f.Attr, child)
	}
}

// bound is the class of a bound: that of the value whose range it is, else what
// its keys give away.
func (c *composer) bound(o *object, it *syntax.Item) rminfo.Class {
	if o.bound != 0 {
		return o.bound
	}
	for suffix, class := range map[string]rminfo.Class{"unit": rminfo.DV_QUANTITY, "numerator": rminfo.DV_PROPORTION, "ordinal": rminfo.DV_ORDINAL, "scale": rminfo.DV_SCALE} {
		if _, ok := it.Value(suffix); ok {
			return class
		}
	}
	return rminfo.DV_ORDERED
}

// bare reads the one value of a sub-path that stands for a scalar.
func (c *composer) bare(o *object, f *shape.Field, it *syntax.Item, class rminfo.Class) {
	for _, v := range it.Values {
		if v.Suffix != "" && v.Suffix != "value" {
			c.unknownSuffix(o.web, it, v, nil)
			continue
		}
		c.scalar(o, f.Attr, class, it, v)
	}
	for _, child := range it.Children {
		c.unknown(o.web, child, nil)
	}
}

// graft takes a subtree from canonical JSON: of the node, or of its value.
func (c *composer) graft(o *object, n *webtemplate.Node, depth int, it *syntax.Item, v syntax.Value) {
	tree := c.raw(n, it, v, 0)
	if tree == nil {
		return
	}
	class, step := tree.Class(tree.Root()), n.Chain[depth]
	switch {
	case step.Class == rminfo.ELEMENT && class.IsA(rminfo.DATA_VALUE):
		e := c.level(o, step, it.Index, n, depth)
		e.item = it
		e.add(kid{attr: rminfo.A_value, tree: tree})
	case class.IsA(step.Class):
		o.put(step.Attr, &object{class: class, node: step.Node, web: n, index: it.Index, kids: kidsOf(tree), whole: true})
	default:
		c.issue(n, it.KeyOf("raw"), "class-not-allowed", step.Class.Name(), class.Name(), "another class is needed here")
	}
}

// raw reads canonical JSON; want 0 allows any class.
func (c *composer) raw(n *webtemplate.Node, it *syntax.Item, v syntax.Value, want rminfo.Class) *rm.Tree {
	key := it.KeyOf("raw")
	if len(it.Values) > 1 || len(it.Children) > 0 {
		c.invalid = true
		c.issue(n, key, "raw-alone", "no key beside it", "other keys of the same node", "canonical JSON stands for the whole node")
		return nil
	}
	name, ok := typeOf(v.Text)
	class, known := rminfo.ClassByName(name)
	switch {
	case !ok:
		c.issue(n, key, "raw-type", "canonical JSON with _type", "none", "the canonical JSON does not say its class in _type")
		return nil
	case !known || want != 0 && !class.IsA(want):
		if want == 0 {
			want = n.Class
		}
		c.issue(n, key, "class-not-allowed", want.Name(), name, "another class is needed here")
		return nil
	}
	tree, err := canon.ReadJSON([]byte(v.Text), class, canon.ReadOptions{})
	if err != nil {
		f := fault.Of(err)
		c.invalid = true
		for _, i := range f.Issues {
			c.issue(n, key, i.Rule, i.Expected, i.Found, i.Message)
		}
		if len(f.Issues) == 0 {
			c.issue(n, key, f.Code, "canonical JSON", "", f.Message)
		}
		return nil
	}
	return tree
}
