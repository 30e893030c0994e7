package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// maxNodes bounds a compiled template; expanded internal references could grow
// without end.
const maxNodes = 200_000

// Compile makes an operational template ready to be asked. The error is a
// *fault.Error of kind Invalid naming every class, attribute, reference and
// default that does not fit the reference model or the template itself.
func Compile(t *aom.OperationalTemplate) (*Compiled, error) {
	c := &Compiled{
		TemplateID: t.TemplateID, Concept: t.Concept, UID: t.UID,
		Language: t.Language.Code, RootArchetype: t.Definition.ArchetypeID, Source: t,
		scopes: map[NodeID]*scope{}, byArchetype: map[string]*scope{}, slots: map[NodeID]slotRule{}, patterns: map[NodeID]*regexp.Regexp{},
	}
	b := &builder{c: c, ontologies: map[string][]*aom.Ontology{}}
	if t.Ontology != nil {
		b.addOntology(t.Ontology, t.Definition.ArchetypeID)
	}
	for i := range t.Components {
		b.addOntology(&t.Components[i], "")
	}
	b.object(t.Definition, place{parent: NoNode})
	if len(b.issues) == 0 {
		b.names()
		b.paths()
		b.attach(t)
		c.Languages = b.languages()
	}
	if len(b.issues) > 0 {
		return nil, fault.New(fault.Invalid, "template-invalid", "the template does not fit the reference model").With(b.issues...)
	}
	return c, nil
}

// builder grows the arena in pre-order.
type builder struct {
	c          *Compiled
	issues     []fault.Issue
	ontologies map[string][]*aom.Ontology
	// roots are the archetype roots being built, for internal references.
	roots []*aom.ArchetypeRoot
	// expanding guards against references that lead into themselves.
	expanding []*aom.InternalRef
}

// place is where an object stands.
type place struct {
	parent    NodeID
	attr      rminfo.Attr
	declared  rminfo.Class
	scope     NodeID
	archetype string
}

func (b *builder) addOntology(o *aom.Ontology, fallback string) {
	id := o.ArchetypeID
	if id == "" {
		id = fallback
	}
	b.ontologies[id] = append(b.ontologies[id], o)
}

func (b *builder) fault(p NodeID, line int, rule, expected, found, message string) {
	if line > 0 {
		message = "line " + strconv.Itoa(line) + ": " + message
	}
	path, archetype := "", ""
	if p != NoNode {
		path, archetype = b.roughPath(p), b.c.nodes[p].Archetype
	}
	b.issues = append(b.issues, fault.Issue{AQLPath: path, Archetype: archetype, Rule: rule, Expected: expected, Found: found, Message: message})
}

// roughPath is the path without names, which are not known while building.
func (b *builder) roughPath(id NodeID) string {
	if id <= 0 {
		return "/"
	}
	n := &b.c.nodes[id]
	path := strings.TrimSuffix(b.roughPath(n.Parent), "/") + "/" + n.Attr.Name()
	if n.AtCode != "" {
		path += "[" + n.AtCode + "]"
	}
	return path
}

func (b *builder) object(o aom.Object, at place) NodeID {
	if len(b.c.nodes) >= maxNodes {
		if len(b.c.nodes) == maxNodes {
			b.fault(at.parent, 0, "template-too-large", strconv.Itoa(maxNodes)+" nodes", "more", "the template is too large")
		}
		return NoNode
	}
	base := o.Base()
	if ref, ok := o.(*aom.InternalRef); ok {
		return b.internalRef(ref, at)
	}
	class, param, ok := b.class(base, at)
	if !ok {
		return NoNode
	}
	id := NodeID(len(b.c.nodes))
	n := Node{
		Parent: at.parent, Attr: at.attr, Class: class, Param: param, NodeID: base.NodeID,
		Archetype: at.archetype, Scope: at.scope, Occurrences: base.Occurrences,
	}
	if class.Locatable() {
		n.AtCode = base.NodeID
	}
	b.c.nodes = append(b.c.nodes, n)
	switch o := o.(type) {
	case *aom.ArchetypeRoot:
		node := &b.c.nodes[id]
		node.IsRoot, node.AtCode, node.Archetype, node.Scope = true, o.ArchetypeID, o.ArchetypeID, id
		b.scope(id, o)
		b.roots = append(b.roots, o)
		b.attributes(id, o.Attributes)
		b.roots = b.roots[:len(b.roots)-1]
	case *aom.ComplexObject:
		b.attributes(id, o.Attributes)
	case *aom.Slot:
		b.c.nodes[id].Slot, b.c.nodes[id].AtCode = o, ""
		b.c.slots[id] = compileSlot(o)
	case *aom.PrimitiveObject:
		if o.Item != nil {
			b.c.nodes[id].Constraint = o.Item
			b.c.nodes[id].Assumed = assumedPrimitive(o.Item)
			b.pattern(id, o.Item)
		}
	default:
		if constraint, ok := o.(aom.Constraint); ok {
			b.c.nodes[id].Constraint = constraint
			b.c.nodes[id].Assumed = assumedDomain(constraint)
		}
	}
	b.c.nodes[id].End = NodeID(len(b.c.nodes))
	return id
}

func (b *builder) pattern(id NodeID, item aom.Primitive) {
	s, ok := item.(*aom.String)
	if !ok || s.Pattern == "" {
		return
	}
	if re, err := regexp.Compile("^(?:" + s.Pattern + ")$"); err == nil {
		b.c.patterns[id] = re
	}
}

// class resolves the class name against the reference model and what the
// attribute may hold. Primitive classes are named in capitals (STRING,
// DATE_TIME): there the attribute's own class stands.
func (b *builder) class(base *aom.ObjectBase, at place) (class, param rminfo.Class, ok bool) {
	name, inner, generic := strings.Cut(base.TypeName, "<")
	if class, ok = rminfo.ClassByName(name); !ok {
		if at.declared != 0 && at.declared.Scalar() != rminfo.NotScalar {
			return at.declared, 0, true
		}
		b.fault(at.parent, base.Line, "VCORM", "a reference model class", base.TypeName, "the reference model has no class "+strconv.Quote(base.TypeName))
		return 0, 0, false
	}
	if generic {
		param, _ = rminfo.ClassByName(strings.TrimSuffix(inner, ">"))
	}
	if at.declared != 0 && !class.IsA(at.declared) && !at.declared.IsA(class) {
		b.fault(at.parent, base.Line, "VCORMT", at.declared.Name(), base.TypeName,
			fmt.Sprintf("%s cannot hold a %s", at.attr.Name(), base.TypeName))
		return 0, 0, false
	}
	return class, param, true
}

// internalRef builds the constraints at the reference's target in its place.
func (b *builder) internalRef(ref *aom.InternalRef, at place) NodeID {
	for _, open := range b.expanding {
		if open == ref {
			b.fault(at.parent, ref.Line, "VUNP", "", ref.TargetPath, "the internal reference leads into itself")
			return NoNode
		}
	}
	target := objectAt(b.roots[len(b.roots)-1], ref.TargetPath)
	if target == nil {
		b.fault(at.parent, ref.Line, "VUNP", "a path of the archetype", ref.TargetPath, "the internal reference leads nowhere")
		return NoNode
	}
	b.expanding = append(b.expanding, ref)
	id := b.object(target, at)
	b.expanding = b.expanding[:len(b.expanding)-1]
	if id != NoNode {
		n := &b.c.nodes[id]
		if ref.Occurrences != (aom.Multiplicity{}) {
			n.Occurrences = ref.Occurrences
		}
		if ref.NodeID != "" {
			n.NodeID = ref.NodeID
			if n.AtCode != "" && !n.IsRoot {
				n.AtCode = ref.NodeID
			}
		}
	}
	return id
}

// objectAt follows a path of at-codes within one archetype.
func objectAt(root *aom.ArchetypeRoot, path string) aom.Object {
	var at aom.Object = root
	for path != "" && path != "/" {
		seg, rest, ok := cutSegment(path)
		if !ok {
			return nil
		}
		path = rest
		at = childAt(at, seg)
		if at == nil {
			return nil
		}
	}
	return at
}

func childAt(o aom.Object, seg segment) aom.Object {
	var attrs []*aom.Attribute
	switch o := o.(type) {
	case *aom.ArchetypeRoot:
		attrs = o.Attributes
	case *aom.ComplexObject:
		attrs = o.Attributes
	}
	for _, a := range attrs {
		if a.Name != seg.attr {
			continue
		}
		for _, child := range a.Children {
			if seg.code == "" || child.Base().NodeID == seg.code {
				return child
			}
		}
	}
	return nil
}

// attributes builds the children of a node. The node's attributes stand
// together in their arena, so its children are built after all are known.
func (b *builder) attributes(id NodeID, list []*aom.Attribute) {
	first := len(b.c.attrs)
	sources := make([]*aom.Attribute, 0, len(list))
	for _, a := range list {
		attr, known := rminfo.AttrByName(a.Name)
		_, has := b.c.nodes[id].Class.Attribute(attr)
		if !known || !has && !b.subclassHas(id, attr) {
			if !b.derived(id, a) {
				b.fault(id, 0, "VCARM", "an attribute of "+b.c.nodes[id].Class.Name(), a.Name,
					fmt.Sprintf("%s has no attribute %s", b.c.nodes[id].Class.Name(), a.Name))
			}
			continue
		}
		compiled := Attribute{Attr: attr, Existence: a.Existence, Multiple: a.Multiple}
		if a.Multiple {
			cardinality := a.Cardinality
			compiled.Cardinality = &cardinality
		}
		b.c.attrs = append(b.c.attrs, compiled)
		sources = append(sources, a)
	}
	b.c.nodes[id].firstAttr, b.c.nodes[id].attrs = int32(first), int32(len(sources))
	for i, a := range sources {
		attr := b.c.attrs[first+i].Attr
		at := place{parent: id, attr: attr, scope: b.c.nodes[id].Scope, archetype: b.c.nodes[id].Archetype}
		if declared, ok := b.c.nodes[id].Class.Attribute(attr); ok {
			at.declared = declared.Type
		}
		children := make([]NodeID, 0, len(a.Children))
		for _, child := range a.Children {
			if built := b.object(child, at); built != NoNode {
				children = append(children, built)
			}
		}
		b.c.attrs[first+i].Children = children
	}
}

// subclassHas allows attributes of subclasses on an abstract class: templates
// constrain EVENT.width although only INTERVAL_EVENT has it.
func (b *builder) subclassHas(id NodeID, attr rminfo.Attr) bool {
	for _, sub := range b.c.nodes[id].Class.Descendants() {
		if _, ok := sub.Attribute(attr); ok {
			return true
		}
	}
	return false
}

// derivedAttributes are functions of the reference model that archetypes
// constrain like attributes; they stand in no document.
var derivedAttributes = map[string]bool{"is_integral": true, "offset": true}

func (b *builder) derived(id NodeID, a *aom.Attribute) bool {
	if !derivedAttributes[a.Name] {
		return false
	}
	b.c.nodes[id].Derived = append(b.c.nodes[id].Derived, a)
	return true
}

func (b *builder) scope(id NodeID, root *aom.ArchetypeRoot) {
	s := &scope{
		archetype: root.ArchetypeID, terms: map[string]map[string]aom.Term{},
		constraints: map[string]map[string]aom.Term{}, bindings: root.Bindings,
	}
	addTerms(s.terms, b.c.Language, root.Terms)
	for _, o := range b.ontologies[root.ArchetypeID] {
		for _, set := range o.Terms {
			addTerms(s.terms, set.Language, set.Terms)
		}
		for _, set := range o.Constraints {
			addTerms(s.constraints, set.Language, set.Terms)
		}
		s.constraintBindings = append(s.constraintBindings, o.ConstraintBindings...)
		if len(s.bindings) == 0 {
			s.bindings = o.Bindings
		}
	}
	b.c.scopes[id] = s
	if b.c.byArchetype[root.ArchetypeID] == nil {
		b.c.byArchetype[root.ArchetypeID] = s
	}
}
