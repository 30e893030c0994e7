package webtemplate

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Build derives the web template with the terms of all languages of the
// template, or of those that are named.
func Build(t *template.Compiled, languages ...string) *WebTemplate {
	if len(languages) == 0 {
		languages = t.Languages
	}
	w := &WebTemplate{Template: t, Languages: languages, places: map[template.NodeID][]*Node{}}
	b := &builder{web: w, t: t}
	root := b.node(0, t.Root(), nil)
	compact(root)
	number(root)
	w.Root = root
	w.index(root)
	w.nameAll()
	return w
}

func (w *WebTemplate) index(n *Node) {
	if n.Template != template.NoNode {
		w.places[n.Template] = append(w.places[n.Template], n)
	}
	n.byID = make(map[string]*Node, len(n.Children))
	for _, c := range n.Children {
		n.byID[c.ID] = c
		if step := c.Chain[0]; len(c.Chain) == 1 && step.Node == template.NoNode && c.ID != step.Attr.Name() {
			if n.renamed == nil {
				n.renamed = map[rminfo.Attr]string{}
			}
			n.renamed[step.Attr] = c.ID
		}
		c.Parent = n
		w.index(c)
	}
	for _, c := range n.Children {
		if c.AltID != "" && n.byID[c.AltID] == nil {
			n.byID[c.AltID] = c
		}
	}
}

type builder struct {
	web *WebTemplate
	t   *template.Compiled
	// open are the nodes above the one being built.
	open []*Node
}

func (b *builder) parentPath() string {
	if len(b.open) == 0 {
		return ""
	}
	return b.open[len(b.open)-1].AQLPath
}

// node builds the subtree at a template node. name is set where the node is
// split by the codes of its name.
func (b *builder) node(attr rminfo.Attr, id template.NodeID, name *nameCode) *Node {
	n := b.create(attr, id, name)
	b.open = append(b.open, n)
	children := b.children(n, id)
	if len(children) == 0 && n.Class == rminfo.ELEMENT {
		children = b.anyValue(n, id)
	}
	if len(children) == 0 {
		b.inputs(n)
	}
	if len(n.Inputs) == 0 {
		children = b.required(n, id, children)
	}
	b.open = b.open[:len(b.open)-1]
	n.Children = children
	if len(children) > 0 {
		postProcess(n)
	}
	b.cardinalities(n, id)
	return n
}

// nameCode is one of the coded names a node is limited to.
type nameCode struct{ code, text string }

func (b *builder) create(attr rminfo.Attr, id template.NodeID, name *nameCode) *Node {
	tn := b.t.Node(id)
	n := &Node{
		Class: tn.Class, RMType: rmType(tn), NodeID: tn.AtCode, HasNodeID: true,
		Min: tn.Occurrences.Min, Max: tn.Occurrences.Max, Template: id,
		Chain: []Step{{Attr: attr, Node: id, Class: tn.Class}},
	}
	fixed := fixedName(tn)
	if attr != 0 {
		predicate := ""
		if n.NodeID != "" {
			predicate = "[" + n.NodeID + "]"
			if name != nil {
				predicate = "[" + n.NodeID + ",'" + name.text + "']"
			} else if fixed != "" {
				predicate = "[" + n.NodeID + ",'" + fixed + "']"
			}
		}
		n.AQLPath = b.parentPath() + "/" + attr.Name() + predicate
	}
	switch {
	case name != nil:
		n.Name, n.LocalizedName, n.NameCode = name.text, name.text, name.code
		b.localizeByCode(n, id, name.code)
	case tn.NodeID != "":
		n.Name = b.t.Label(id, "")
		if fixed != "" {
			n.Name = fixed
		}
		b.localize(n, id, fixed)
	case attr == rminfo.A_value && b.t.Node(tn.Parent).Class == rminfo.ELEMENT:
		b.borrow(n, tn.Parent)
	}
	b.annotate(n, id)
	n.TermBindings = append(n.TermBindings, b.bindings(id, tn.NodeID)...)
	return n
}

// borrow gives a data value of a choice the texts of its element.
func (b *builder) borrow(n *Node, element template.NodeID) {
	if b.t.Node(element).NodeID != "" {
		b.localize(n, element, fixedName(b.t.Node(element)))
	}
}

// fixedName is the name the template fixes by a string; one that is fixed by
// codes splits the node instead.
func fixedName(tn *template.Node) string {
	if len(tn.NameCodes) > 0 {
		return ""
	}
	if tn.NameFixed != "" {
		return tn.NameFixed
	}
	if len(tn.Names) > 0 {
		return tn.Names[0]
	}
	return ""
}

func rmType(tn *template.Node) string {
	if tn.Class == rminfo.DV_INTERVAL && tn.Param != 0 {
		return tn.Class.Name() + "<" + tn.Param.Name() + ">"
	}
	if tn.Class.Scalar() != rminfo.NotScalar {
		return strings.ToUpper(tn.Class.Name())
	}
	return tn.Class.Name()
}

func (b *builder) localize(n *Node, id template.NodeID, fixed string) {
	code := b.t.Node(id).NodeID
	term, _ := b.t.TermExact(id, code, b.t.Language)
	if fixed == "" || fixed == term.Text() {
		n.LocalizedName = term.Text()
		b.localizeByCode(n, id, code)
		return
	}
	n.LocalizedName = fixed
	n.LocalizedNames = []Localized{{b.t.Language, fixed}}
	for _, lang := range b.web.Languages {
		// Tools keep the translations of a fixed name as annotations.
		for _, a := range b.t.Node(id).Annotations {
			if lang != b.t.Language && a.Key == "L10n."+lang {
				n.LocalizedNames = append(n.LocalizedNames, Localized{lang, a.Value})
			}
		}
	}
	b.describe(n, id, code)
}

func (b *builder) localizeByCode(n *Node, id template.NodeID, code string) {
	for _, lang := range b.web.Languages {
		term, _ := b.t.TermExact(id, code, lang)
		n.LocalizedNames = append(n.LocalizedNames, Localized{lang, term.Text()})
	}
	b.describe(n, id, code)
}

func (b *builder) describe(n *Node, id template.NodeID, code string) {
	for _, lang := range b.web.Languages {
		if term, ok := b.t.TermExact(id, code, lang); ok && hasItem(term, "description") {
			n.LocalizedDescriptions = append(n.LocalizedDescriptions, Localized{lang, term.Description()})
		}
	}
}

func hasItem(t aom.Term, key string) bool {
	return slices.ContainsFunc(t.Items, func(kv aom.KeyValue) bool { return kv.Key == key })
}

// annotate takes over annotations, further items of the term, and the view.
func (b *builder) annotate(n *Node, id template.NodeID) {
	tn := b.t.Node(id)
	for _, a := range tn.Annotations {
		n.setAnnotation(a.Key, a.Value, "")
	}
	if term, ok := b.t.TermExact(id, tn.NodeID, b.t.Language); ok {
		for _, item := range term.Items {
			if item.Key != "text" && item.Key != "description" {
				n.setAnnotation(item.Key, item.Value, ";")
			}
		}
	}
	for _, v := range tn.View {
		n.setAnnotation("view:"+v.Key, v.Value, "")
	}
}

// setAnnotation sets a key, or with a separator adds to it.
func (n *Node) setAnnotation(key, value, separator string) {
	for i := range n.Annotations {
		if n.Annotations[i].Key != key {
			continue
		}
		if separator != "" {
			value = n.Annotations[i].Value + separator + value
		}
		n.Annotations[i].Value = value
		return
	}
	n.Annotations = append(n.Annotations, Pair{key, value})
}

func (b *builder) bindings(id template.NodeID, code string) []Binding {
	var out []Binding
	if code == "" {
		return nil
	}
	for _, set := range b.t.Bindings(id) {
		for _, item := range set.Items {
			if item.Code == code && item.Target.Code != "" {
				terminology := item.Target.Terminology
				if terminology == "" {
					terminology = set.Terminology
				}
				out = append(out, Binding{set.Terminology, item.Target.Code, terminology})
			}
		}
	}
	return out
}

// children builds what the template constrains below a node.
func (b *builder) children(n *Node, id template.NodeID) []*Node {
	if n.Class.IsA(rminfo.DATA_VALUE) && n.Class != rminfo.DV_INTERVAL {
		return nil
	}
	var out []*Node
	for _, a := range b.t.Attributes(id) {
		switch {
		case a.Attr == rminfo.A_name:
		case a.Attr == rminfo.A_ism_transition && n.Class == rminfo.ACTION:
			out = append(out, b.transition(n, a.Children))
		default:
			out = append(out, b.attribute(n, a.Attr, a.Children)...)
		}
	}
	if n.Class == rminfo.ACTION && b.t.Attribute(id, rminfo.A_ism_transition) == nil {
		out = append(out, b.transition(n, nil))
	}
	if n.Class == rminfo.INSTRUCTION && b.t.Attribute(id, rminfo.A_expiry_time) == nil {
		expiry := b.custom(n, rminfo.A_expiry_time, rminfo.DV_DATE_TIME, 0)
		expiry.InContext, expiry.Name = false, "expiry_time"
		out = append(out, expiry)
	}
	return out
}

func (b *builder) attribute(n *Node, attr rminfo.Attr, children []template.NodeID) []*Node {
	var out []*Node
	if _, has := n.Class.Attribute(attr); !has {
		return nil
	}
	for _, child := range children {
		tn := b.t.Node(child)
		if tn.Slot != nil {
			continue
		}
		if len(tn.NameCodes) > 0 {
			for _, code := range tn.NameCodes {
				term, _ := b.t.Term(child, code.Code, "")
				out = append(out, b.node(attr, child, &nameCode{code.Code, term.Text()}))
			}
			continue
		}
		built := b.node(attr, child, nil)
		if ignored(n.Class, attr) {
			built.InContext = true
		}
		out = append(out, built)
	}
	return out
}

// ignored are mandatory attributes that follow from others or from the
// template; where the template constrains one, its node is in context.
func ignored(class rminfo.Class, attr rminfo.Attr) bool {
	switch attr {
	case rminfo.A_category:
		return class == rminfo.COMPOSITION
	case rminfo.A_origin:
		return class == rminfo.HISTORY
	}
	return false
}

// postProcess notes which children depend on others, and merges a coded text
// with the free text beside it.
func postProcess(n *Node) {
	switch n.Class {
	case rminfo.COMPOSITION:
		moveCategory(n)
	case rminfo.ELEMENT:
		mergeOther(n)
	case rminfo.OBSERVATION:
		depend(n, "/data", "/state", "/protocol")
	case rminfo.EVALUATION:
		depend(n, "/data", "/protocol")
	case rminfo.INSTRUCTION:
		depend(n, "/activities", "/protocol")
	case rminfo.ACTION:
		depend(n, "/instruction_details", "/protocol")
	case rminfo.EVENT, rminfo.POINT_EVENT, rminfo.INTERVAL_EVENT:
		depend(n, "/data", "/state")
	}
}

func depend(n *Node, on string, dependents ...string) {
	for _, c := range n.Children {
		for _, d := range dependents {
			if strings.HasPrefix(c.AQLPath, n.AQLPath+d) {
				c.dependsOn = n.AQLPath + on
			}
		}
	}
}

func moveCategory(n *Node) {
	at := slices.IndexFunc(n.Children, func(c *Node) bool { return c.AQLPath == "/category" })
	if at < 0 {
		return
	}
	category := n.Children[at]
	n.Children = slices.Delete(n.Children, at, at+1)
	to := slices.IndexFunc(n.Children, func(c *Node) bool { return c.AQLPath == "/language" })
	if to < 0 {
		to = len(n.Children)
	}
	n.Children = slices.Insert(n.Children, to, category)
}

func mergeOther(n *Node) {
	if len(n.Children) == 2 {
		for i, c := range n.Children {
			text := n.Children[1-i]
			if !takesOther(c, text) {
				continue
			}
			c.Inputs = append(c.Inputs, Input{Suffix: "other", Type: "TEXT"})
			c.Inputs[0].ListOpen, c.Inputs[0].HasListOpen = true, true
			c.Other = text.Class == rminfo.DV_TEXT
			n.Children = []*Node{c}
			return
		}
	}
	if len(n.Children) > 1 {
		for _, c := range n.Children {
			c.Min = 0
		}
	}
}

// takesOther says whether two alternatives are one coded value with free text
// beside it.
func takesOther(coded, text *Node) bool {
	return firstInput(coded) == "CODED_TEXT" && firstInput(text) == "TEXT" || coded.Class == rminfo.DV_CODED_TEXT && text.Class == rminfo.DV_TEXT
}

func firstInput(n *Node) string {
	if len(n.Inputs) == 0 {
		return ""
	}
	return n.Inputs[0].Type
}

// cardinalities keeps those that occurrences do not say already.
func (b *builder) cardinalities(n *Node, id template.NodeID) {
	for _, a := range b.t.Attributes(id) {
		if a.Cardinality == nil {
			continue
		}
		i, count := a.Cardinality.Interval, len(a.Children)
		if i.Min == 0 || i.Min == 1 && i.Max == 1 && count == 1 {
			continue
		}
		if i.Min > 1 || i.Max != aom.Unbounded && i.Max < count {
			n.Cardinalities = append(n.Cardinalities, Cardinality{Min: i.Min, Max: i.Max, path: n.AQLPath + "/" + a.Attr.Name()})
		}
	}
}
