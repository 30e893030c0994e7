package sdc

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Kind says what an item of a form stands for.
type Kind uint8

// The kinds of item.
const (
	// Group is an object with a structure of its own: an entry, a cluster, an event.
	Group Kind = iota
	// Question is an ELEMENT whose value is one answer.
	Question
	// Compound is an ELEMENT whose value is a group of parts, or whose class the
	// answer decides (alternatives).
	Compound
	// Part is one part of a Compound.
	Part
	// Attribute is an attribute of the reference model beside the template's
	// nodes, such as the time of an event.
	Attribute
	// Carrier holds what the server needs back: _token, _key, _deletions.
	Carrier
)

// Item is one item of a form. Items are shared by all readers.
type Item struct {
	// LinkID is the path of names from the root, as FLAT writes it without
	// indices: "vital_signs/blood_pressure/any_event/systolic".
	LinkID string
	Kind   Kind
	// Node is the template node: of the object for a Group, of the ELEMENT for
	// questions and their parts, of the owner for an Attribute.
	Node template.NodeID
	// Value is the template node of the value, NoNode where the template leaves
	// it open.
	Value template.NodeID
	// Class is the class of the value the item answers for.
	Class rminfo.Class
	// Attr is the attribute of the owner (Attribute) or of the value (Part); 0
	// is the value as a whole.
	Attr rminfo.Attr
	// Type is the FHIR item type.
	Type string
	// Text is set where the label is not the template's.
	Text     string
	Required bool
	Repeats  bool
	Hidden   bool
	Children []*Item
}

// Form is the form of one template. It is immutable and safe for concurrent
// readers; building it walks the template once.
type Form struct {
	Template *template.Compiled
	Root     *Item

	byNode     map[template.NodeID]*Item
	attributes map[template.NodeID][]*Item
	byLinkID   map[string]*Item
	byPath     map[string]*Item
	parent     map[*Item]*Item
}

// The carriers of a form: strings a renderer returns unchanged.
const (
	TokenLinkID     = "_token"
	DeletionsLinkID = "_deletions"
	keySuffix       = "/_key"
)

// Build makes the form of a template.
func Build(t *template.Compiled) *Form {
	f := &Form{
		Template: t, byNode: map[template.NodeID]*Item{}, attributes: map[template.NodeID][]*Item{},
		byLinkID: map[string]*Item{}, parent: map[*Item]*Item{},
	}
	name := t.Label(t.Root(), "")
	if name == "" {
		name = t.Concept
	}
	f.Root = &Item{LinkID: slug(name), Kind: Group, Node: t.Root(), Class: t.Node(t.Root()).Class, Type: "group", Required: true}
	f.byNode[t.Root()] = f.Root
	f.byLinkID[f.Root.LinkID] = f.Root
	f.addAttributes(f.Root)
	f.addChildren(f.Root, t.Root())
	f.indexPaths()
	return f
}

// Item finds an item by its linkId, nil where there is none.
func (f *Form) Item(linkID string) *Item { return f.byLinkID[linkID] }

// structural classes give a form no group of their own: their children stand in
// the group around them.
func structural(c rminfo.Class) bool {
	return c.IsA(rminfo.ITEM_STRUCTURE) || c == rminfo.HISTORY || c == rminfo.EVENT_CONTEXT
}

func (f *Form) addChildren(group *Item, owner template.NodeID) {
	for _, attr := range f.Template.Attributes(owner) {
		for _, child := range attr.Children {
			n := f.Template.Node(child)
			switch {
			case n.Occurrences.Max == 0 || n.Slot != nil:
				// Forbidden, or open to archetypes no form can foresee.
			case n.Class == rminfo.ELEMENT:
				f.addElement(group, child)
			case structural(n.Class):
				f.byNode[child] = nil
				f.addAttributesOf(group, child)
				f.addChildren(group, child)
			case n.Class.Locatable():
				item := f.add(group, &Item{
					Kind: Group, Node: child, Class: n.Class, Type: "group", LinkID: f.label(child),
					Required: n.Occurrences.Min > 0, Repeats: n.Occurrences.Many(),
				})
				f.byNode[child] = item
				if item.Repeats {
					f.add(item, &Item{Kind: Carrier, Node: child, Type: "string", LinkID: "_key", Text: "Key of the repeat", Hidden: true})
				}
				f.addAttributes(item)
				f.addChildren(item, child)
				if !asks(item) {
					f.drop(group, item)
				}
			}
		}
	}
}

func (f *Form) label(node template.NodeID) string {
	if name := f.Template.Label(node, ""); name != "" {
		return name
	}
	return strings.ToLower(f.Template.Node(node).Class.Name())
}

// add places an item under its parent; LinkID is its name until then. Names that
// are taken get a number, as web templates do it.
func (f *Form) add(parent *Item, item *Item) *Item {
	base := parent.LinkID + "/" + item.LinkID
	if !strings.HasPrefix(item.LinkID, "_") {
		base = parent.LinkID + "/" + slug(item.LinkID)
	}
	item.LinkID = base
	for n := 2; f.byLinkID[item.LinkID] != nil; n++ {
		item.LinkID = base + strconv.Itoa(n)
	}
	f.byLinkID[item.LinkID] = item
	f.parent[item] = parent
	parent.Children = append(parent.Children, item)
	return item
}

// asks says whether a group has anything to answer; one of slots alone has not.
func asks(group *Item) bool {
	for _, c := range group.Children {
		if c.Kind != Carrier {
			return true
		}
	}
	return false
}

// drop takes back a group without questions: FHIR has no empty groups (que-1).
// What data has there is kept from the base, like all that no item stands for.
func (f *Form) drop(parent, group *Item) {
	for _, c := range group.Children {
		delete(f.byLinkID, c.LinkID)
		delete(f.parent, c)
	}
	delete(f.byLinkID, group.LinkID)
	delete(f.parent, group)
	delete(f.byNode, group.Node)
	parent.Children = parent.Children[:len(parent.Children)-1]
}

// attributeItems are the reference model attributes a form shows or carries, by
// the class that has them.
var attributeItems = []struct {
	class  rminfo.Class
	attr   rminfo.Attr
	text   string
	hidden bool
}{
	{rminfo.EVENT_CONTEXT, rminfo.A_start_time, "Start time", true},
	{rminfo.EVENT_CONTEXT, rminfo.A_end_time, "End time", true},
	{rminfo.EVENT, rminfo.A_time, "Time", false},
	{rminfo.ACTION, rminfo.A_time, "Time", false},
	{rminfo.INTERVAL_EVENT, rminfo.A_width, "Width", false},
	{rminfo.INSTRUCTION, rminfo.A_narrative, "Narrative", false},
	{rminfo.INSTRUCTION, rminfo.A_expiry_time, "Expiry time", false},
}

func (f *Form) addAttributes(group *Item) { f.addAttributesOf(group, group.Node) }

func (f *Form) addAttributesOf(group *Item, owner template.NodeID) {
	class := f.Template.Node(owner).Class
	for _, a := range attributeItems {
		if !class.IsA(a.class) {
			continue
		}
		declared, _ := class.Attribute(a.attr)
		item := f.add(group, &Item{
			Kind: Attribute, Node: owner, Value: template.NoNode, Class: declared.Type, Attr: a.attr,
			Type: itemType(declared.Type), Text: a.text, LinkID: a.attr.Name(), Hidden: a.hidden,
		})
		f.attributes[owner] = append(f.attributes[owner], item)
	}
}

// slug is a name as part of a path: lower case, digits, and underscores for
// everything else; never beginning with a digit.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	s := strings.Trim(b.String(), "_")
	if s == "" || unicode.IsDigit(rune(s[0])) {
		s = "a" + s
	}
	return s
}
